"""Flow-mods: tables that lose all their rules at once."""

from __future__ import annotations

import sys

import pytest

from tests.switch.machine import Machine
from vswitch.dpif.datapath import Support
from vswitch.flow.field import Flow
from vswitch.flow.match import parse_match
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import BadRequest, BundleFailed, OpenFlowError
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.messages.flow import OFPFC_ADD, OFPFC_DELETE, FlowRemoved
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.monitor import FlowMonitor, FlowMonitorReply, FlowMonitorRequest
from vswitch.openflow.version import OF14

FLOWS = (
    "table=1,priority=1,tcp,nw_dst=10.0.0.0/8,actions=output:1",
    "table=1,priority=2,tcp,nw_dst=10.0.0.0/8,actions=output:2",
    "table=1,arp,idle_timeout=9,actions=drop",
    "table=2,ip,nw_src=10.1.0.0/16,actions=learn(table=3,delete_learned,cookie=5,in_port=1)",
)


class Talk:
    """A switch with some rules, and a channel to it."""

    def __init__(self, *flows: str) -> None:
        self.switch = Backer(Support()).add_switch("br0", 1, 0.0)
        self.switch.flush_rules(0.0)
        self.connection = Connection(self.switch, OF14, ChannelKind.PRIMARY, 0.0)
        for flow in (*FLOWS, *flows):
            self.change(flow, OFPFC_ADD)

    def change(self, text: str, command: int) -> list[object]:
        commands = self.connection.handle(parse_flow_mod(text, command), 1, 0.0)
        return [command.message for command in commands if isinstance(command, Send)]

    def rules(self) -> list[str]:
        tables = self.switch.tables[:4]
        return sorted(f"{rule.table_id} {rule.priority} {rule.match}" for table in tables for rule in table)


def change_and_fail(talk: Talk, *changes: tuple[str, int]) -> None:
    """What a bundle does whose last message is wrong."""
    with talk.switch.revocable():
        for text, command in changes:
            talk.change(text, command)
        raise OpenFlowError(BundleFailed.MSG_FAILED)


def delete_all_and_fail(talk: Talk) -> None:
    """What a bundle does whose last message is wrong."""
    with talk.switch.revocable():
        talk.change("", OFPFC_DELETE)
        assert talk.rules() == []
        raise OpenFlowError(BundleFailed.MSG_FAILED)


def test_a_table_without_rules_is_as_new() -> None:
    talk = Talk()
    assert talk.change("table=1", OFPFC_DELETE) == []
    table = talk.switch.tables[1]
    assert len(table) == 0
    assert list(table) == []
    assert table.lookup(Flow(0)) == (None, 0)
    assert not talk.switch.expiring
    assert len(talk.switch.tables[2]) == 1
    talk.change(FLOWS[0], OFPFC_ADD)
    match = parse_match("tcp,nw_dst=10.0.0.0/8")
    assert table.find(match, 1) is not None
    assert table.lookup(match.value)[0] is table.find(match, 1)


def test_what_rules_have_learned_goes_with_all_rules() -> None:
    talk = Talk("table=3,cookie=5,in_port=7,actions=drop")
    talk.change("table=2", OFPFC_DELETE)
    assert not any(talk.switch.tables[3])


def test_megaflows_that_asked_an_emptied_table_are_suspect() -> None:
    talk = Talk()
    talk.switch.wiring.changes.rules.clear()
    talk.change("table=1", OFPFC_DELETE)
    assert [(table.id, str(match)) for table, match in talk.switch.wiring.changes.rules] == [(1, "")]


def test_an_emptied_table_is_filled_again_if_a_bundle_fails() -> None:
    talk = Talk()
    before = talk.rules()
    with pytest.raises(OpenFlowError):
        delete_all_and_fail(talk)
    assert talk.rules() == before
    assert [rule.idle_timeout for rule in talk.switch.expiring] == [9]
    assert talk.switch.teachers[3, 5] == 1


def test_whoever_wants_to_hear_of_each_rule_does() -> None:
    talk = Talk("table=1,udp,send_flow_rem,actions=drop")
    [removed] = talk.change("table=1,udp", OFPFC_DELETE)
    assert isinstance(removed, FlowRemoved)
    talk.change("table=1,udp,send_flow_rem,actions=drop", OFPFC_ADD)
    [removed] = talk.change("", OFPFC_DELETE)
    assert isinstance(removed, FlowRemoved)


def test_monitors_hear_of_every_rule_that_goes() -> None:
    talk = Talk()
    n_rules = len(talk.rules())
    other = Connection(talk.switch, OF14, ChannelKind.SERVICE, 0.0)
    other.handle(FlowMonitorRequest((FlowMonitor(1, flags=0x3F),)), 1, 0.0)
    [told] = talk.change("", OFPFC_DELETE)
    assert isinstance(told, FlowMonitorReply)
    assert len(told.updates) == n_rules


def test_a_rule_takes_the_place_of_one_with_its_match_and_priority() -> None:
    talk = Talk()
    table, match = talk.switch.tables[1], parse_match("tcp,nw_dst=10.0.0.0/8")
    low, high = table.find(match, 1), table.find(match, 2)
    talk.change("table=1,priority=2,tcp,nw_dst=10.0.0.0/8,idle_timeout=5,actions=output:3", OFPFC_ADD)
    new = table.find(match, 2)
    assert new is not high
    assert new is not None
    assert new.idle_timeout == 5
    assert table.lookup(match.value)[0] is new
    assert table.find(match, 1) is low
    assert len(table) == 3
    assert new in talk.switch.expiring
    talk.change(FLOWS[1], OFPFC_ADD)
    assert new not in talk.switch.expiring


def test_what_took_its_place_gives_it_back_if_a_bundle_fails() -> None:
    talk = Talk()
    table, match = talk.switch.tables[1], parse_match("arp")
    before = table.find(match, 0x8000)
    with pytest.raises(OpenFlowError):
        change_and_fail(talk, ("table=1,arp,actions=output:9", OFPFC_ADD))
    assert table.find(match, 0x8000) is before
    assert list(talk.switch.expiring) == [before]


def test_teachers_are_counted_when_one_takes_the_place_of_another() -> None:
    talk = Talk("table=3,cookie=5,in_port=7,actions=drop")
    talk.change(FLOWS[3].replace("in_port=1", "in_port=2"), OFPFC_ADD)
    assert len(talk.switch.tables[3]) == 1
    talk.change("table=2,ip,nw_src=10.1.0.0/16,actions=drop", OFPFC_ADD)
    assert len(talk.switch.tables[3]) == 0


def test_all_rules_go_without_a_look_at_each_and_are_let_go_in_slices() -> None:
    machine = Machine()
    machine.flows(*(f"table=1,priority={i},in_port={i} actions=2" for i in range(1, 30)))
    rules = list(machine.br0.tables[1])

    def held() -> int:
        """How many of them somebody else still has."""
        return sum(sys.getrefcount(rules[i]) > 2 for i in range(len(rules)))

    machine.backer.run(0.0)
    machine.connect(OF14).handle(parse_flow_mod("", OFPFC_DELETE), 1, 0.0)
    assert not len(machine.br0.tables[1])
    assert held() == 29
    assert machine.backer.deadline < 0
    machine.backer.wiring.remains.free(10)
    assert held() == 19
    machine.backer.run(0.0)
    assert held() == 0
    assert machine.backer.deadline > 0


def test_hidden_rules_stay_when_all_go() -> None:
    talk = Talk()
    talk.switch.set_fail_open(True, 0.0)
    hidden = [rule for rule in talk.switch.tables[0] if rule.hidden]
    talk.change("priority=3,udp,actions=drop", OFPFC_ADD)
    talk.change("", OFPFC_DELETE)
    assert list(talk.switch.tables[0]) == hidden != []
    assert talk.rules() == ["0 15790320 "]


def test_tables_are_not_emptied_by_what_means_only_some_rules() -> None:
    talk = Talk("table=1,cookie=3,udp,actions=drop")
    n_rules = len(talk.rules())
    talk.change("table=1,cookie=3/-1", OFPFC_DELETE)
    assert len(talk.rules()) == n_rules - 1
    talk.change("table=1,out_port=2", OFPFC_DELETE)
    assert len(talk.rules()) == n_rules - 2
    talk.change("table=1,out_group=2", OFPFC_DELETE)
    assert len(talk.rules()) == n_rules - 2


def test_the_switchs_own_table_cannot_be_emptied() -> None:
    talk = Talk()
    own = list(talk.switch.tables[254])
    [error] = talk.change("table=254", OFPFC_DELETE)
    assert isinstance(error, Error)
    assert error.code is BadRequest.EPERM
    assert list(talk.switch.tables[254]) == own
    talk.change("", OFPFC_DELETE)
    assert list(talk.switch.tables[254]) == own


def test_what_came_in_the_place_of_another_is_heard_of_too() -> None:
    talk = Talk("table=4,in_port=1,actions=drop", "table=4,in_port=1,send_flow_rem,actions=drop")
    [removed] = talk.change("table=4", OFPFC_DELETE)
    assert isinstance(removed, FlowRemoved)


def test_what_a_failed_bundle_put_into_a_table_that_it_had_emptied_is_gone() -> None:
    talk = Talk("table=4,in_port=1,actions=drop")
    with pytest.raises(OpenFlowError):
        change_and_fail(
            talk,
            ("table=4", OFPFC_DELETE),
            ("table=4,in_port=2,actions=drop", OFPFC_ADD),
            ("", OFPFC_DELETE),
        )
    talk.switch.wiring.remains.free(1000)
    [rule] = talk.switch.tables[4]
    assert str(rule.match) == "in_port=1"
    assert talk.switch.tables[4].lookup(rule.match.value)[0] is rule
