"""Hidden rules that keep the way to controllers open."""

from tests.switch.machine import Machine
from vswitch.flow.match import format_match
from vswitch.ofproto.inband import in_band_rules
from vswitch.ofproto.settings import FailMode
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.messages.flowstats import FlowStatsReply, FlowStatsRequest
from vswitch.openflow.version import OF15

MAC = "aa:bb:cc:00:00:01"
REMOTE = ("10.1.2.3", 6653)


def test_without_remotes_there_are_none() -> None:
    assert in_band_rules(MAC, [], None, 0.0) == []


def test_the_rules_for_a_remote() -> None:
    rules = in_band_rules(MAC, [REMOTE, REMOTE], 5, 0.0)
    assert {format_actions(rule.actions) for rule in rules} == {"set_queue:5,NORMAL"}
    assert [(rule.priority, format_match(rule.match)) for rule in rules] == [
        (180000, f"udp,in_port=LOCAL,dl_src={MAC},tp_src=68,tp_dst=67"),
        (180001, f"arp,dl_dst={MAC},arp_op=2"),
        (180002, f"arp,dl_src={MAC},arp_op=1"),
        (180005, "arp,arp_tpa=10.1.2.3,arp_op=2"),
        (180006, "arp,arp_spa=10.1.2.3,arp_op=1"),
        (180007, "tcp,nw_dst=10.1.2.3,tp_dst=6653"),
        (180008, "tcp,nw_src=10.1.2.3,tp_src=6653"),
    ]


def test_controllers_neither_see_nor_remove_them() -> None:
    machine = Machine()
    machine.br0.set_in_band(in_band_rules(MAC, [REMOTE], None, 0.0), 0.0)
    rules = set(machine.br0.tables[0])
    machine.br0.set_in_band(in_band_rules(MAC, [REMOTE], None, 1.0), 1.0)
    assert set(machine.br0.tables[0]) == rules  # nothing has changed
    machine.br0.configure(fail_mode=FailMode.SECURE, has_controllers=True, now=1.0)
    assert set(machine.br0.tables[0]) == rules
    [answer] = machine.connect(OF15).handle(FlowStatsRequest(), 1, 1.0)
    assert isinstance(answer.message, FlowStatsReply)  # type: ignore[union-attr]
    assert answer.message.flows == ()  # type: ignore[union-attr]
    machine.flows("actions=drop")
    assert "NORMAL" in machine.trace("in_port=1,tcp,nw_dst=10.1.2.3,tp_dst=6653")
    machine.br0.set_in_band([], 2.0)
    assert len(machine.br0.tables[0]) == 1
