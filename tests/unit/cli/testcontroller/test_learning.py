import pytest

from vswitch.cli.testcontroller.learning import LAYER2_ONLY, LearningSwitch, Policy, looked_at
from vswitch.flow.compose import compose
from vswitch.flow.fields import ETH_TYPE, IN_PORT, IP_SRC, VLAN_TCI
from vswitch.flow.ports import OFPP_FLOOD, OFPP_NORMAL, OfPort
from vswitch.openflow.actions.output import OFPR_ACTION, Enqueue, Output, SetQueue
from vswitch.openflow.exacttext import parse_exact_flow
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.packet import PacketIn, PacketOut, in_port_match
from vswitch.openflow.version import OF10, OF13

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def packet_in(port: int, source: str, destination: str, **fields: object) -> PacketIn:
    flow = parse_exact_flow(f"dl_src={source},dl_dst={destination},icmp,nw_src=10.0.0.1")
    return PacketIn(compose(flow), in_port_match(OfPort(port)), reason=0, **fields)


def answers(switch: LearningSwitch, *packets: PacketIn) -> list[list[object]]:
    return [list(switch.react(packet, 0.0)) for packet in packets]


def test_it_floods_until_it_knows():
    first, second = answers(LearningSwitch(Policy(), OF10), packet_in(1, A, B), packet_in(2, B, A))
    assert [message.actions for message in first] == [(Output(OFPP_FLOOD),)]
    flow_mod, packet_out = second
    assert isinstance(flow_mod, FlowMod)
    assert isinstance(packet_out, PacketOut)
    assert flow_mod.actions == packet_out.actions == (Output(OfPort(1)),)
    assert flow_mod.idle_timeout == 60
    assert flow_mod.match.exactly(IN_PORT) == 2


def test_what_comes_from_a_flow_is_not_its_business():
    packet = packet_in(1, A, B).replace(reason=OFPR_ACTION)
    assert answers(LearningSwitch(Policy(), OF10), packet) == [[]]


def test_nothing_goes_back_where_it_came_from():
    *_, last = answers(LearningSwitch(Policy(), OF10), packet_in(1, A, B), packet_in(1, B, A))
    assert [message.actions for message in last] == [()]  # a flow that drops, and nothing sent


def test_a_switch_that_keeps_the_packet_gets_its_number():
    switch = LearningSwitch(Policy(), OF10)
    *_, last = answers(switch, packet_in(1, A, B), packet_in(2, B, A, buffer_id=7))
    assert [message.buffer_id for message in last] == [7]


@pytest.mark.parametrize(
    ("policy", "version", "actions"),
    [
        (Policy(normal=True), OF10, (Output(OFPP_NORMAL),)),
        (Policy(queue=3), OF10, (Enqueue(OfPort(1), 3),)),
        (Policy(learns=False), OF10, (Output(OFPP_FLOOD),)),
    ],
)
def test_policies(policy, version, actions):
    *_, last = answers(LearningSwitch(policy, version), packet_in(1, A, B), packet_in(2, B, A))
    assert last[0].actions == actions


def test_queues_since_openflow_11():
    *_, last = answers(LearningSwitch(Policy(queue=3), OF13), packet_in(1, A, B), packet_in(2, B, A))
    assert last[0].actions[0] == SetQueue(3)


def test_without_flows_every_packet_is_sent_alone():
    for messages in answers(
        LearningSwitch(Policy(max_idle=None), OF10), packet_in(1, A, B), packet_in(2, B, A)
    ):
        assert [type(message) for message in messages] == [PacketOut]


def test_greeting():
    assert not any(isinstance(message, FlowMod) for message in LearningSwitch(Policy(), OF10).greet())
    assert any(isinstance(message, FlowMod) for message in LearningSwitch(Policy(), OF13).greet())


def test_wildcards():
    assert not looked_at(LAYER2_ONLY) & (ETH_TYPE.mask | IP_SRC.mask)
    assert VLAN_TCI.get(looked_at(LAYER2_ONLY)) == 0x1FFF
    assert IP_SRC.get(looked_at(8 << 8)) == 0xFFFFFF00
    assert looked_at(0x3FFFFF) == 0
