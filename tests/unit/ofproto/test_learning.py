"""Rules that rules make."""

from __future__ import annotations

from tests.switch.machine import Machine, flow_mod
from vswitch.dpif.action import Output
from vswitch.flow.subfield import Subfield
from vswitch.openflow.actions.learn import Learn
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.messages.flow import OFPFC_DELETE
from vswitch.openflow.version import OF15

LEARNING = (
    "table=0 actions=learn(table=1,hard_timeout=5,priority=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),"
    "resubmit(,1)"
)
TCP = bytes.fromhex(
    "505400000002505400000001080045000028000100004006f97d0a0000010a000002000100500000000000000000501000000000 0000"
)


def frame(destination: int, source: int) -> bytes:
    return bytes((0x50, 0x54, 0, 0, 0, destination, 0x50, 0x54, 0, 0, 0, source, 0x88, 0xB5)) + bytes(46)


def learned(machine: Machine, table: int = 1) -> list[int]:
    """The priorities of the rules in a table."""
    return sorted(rule.priority for rule in machine.br0.tables[table])


def test_a_switch_made_of_a_rule() -> None:
    machine = Machine()
    machine.flows(LEARNING, "table=1,priority=0 actions=FLOOD")
    assert len(machine.receive(1, frame(2, 1))[0].actions) == 3
    assert machine.receive(2, frame(1, 2))[0].actions == (Output(1),)
    machine.settle()
    assert machine.receive(1, frame(2, 1))[0].actions == (Output(2),)
    machine.receive(3, frame(1, 2))  # the host has moved
    machine.settle()
    assert machine.receive(1, frame(2, 1))[0].actions == (Output(3),)
    assert learned(machine) == [0, 7, 7]


def test_packets_of_a_megaflow_keep_what_they_taught() -> None:
    machine = Machine()
    machine.flows(LEARNING, "table=1,priority=0 actions=FLOOD")
    for _ in range(12):
        machine.receive(1, frame(2, 1))
        machine.pass_time(1.0)
    assert learned(machine) == [0, 7]
    machine.pass_time(8.0)
    assert learned(machine) == [0]
    machine.receive(1, frame(2, 1))
    machine.pass_time(1.0)
    assert learned(machine) == [0, 7]


def test_a_limit_and_what_became_of_it() -> None:
    machine = Machine()
    machine.flows(
        "table=0 actions=learn(table=1,limit=2,cookie=5,result_dst=reg0[0],NXM_OF_ETH_SRC[]),resubmit(,2)",
        "table=2,reg0=1 actions=2",
        "table=2,reg0=0 actions=3",
    )
    assert [machine.receive(1, frame(9, n))[0].actions for n in (1, 2, 3, 1)] == [
        (Output(2),),
        (Output(2),),
        (Output(3),),
        (Output(2),),
    ]
    assert len(machine.br0.tables[1]) == 2


def test_bits_that_a_message_says_in_excess_do_nothing() -> None:
    machine = Machine()
    given = flow_mod("table=0 actions=learn(table=1,limit=1,result_dst=reg0[0],load:0x5->reg1[0..3]),2")
    lesson = given.actions[0]
    assert isinstance(lesson, Learn)
    assert lesson.result_dst is not None
    odd = lesson.replace(
        specs=(lesson.specs[0].replace(src=0xF5),), result_dst=Subfield(lesson.result_dst.field, 40, 1)
    )
    machine.connect().handle(given.replace(actions=(odd, given.actions[1])), 1, 0.0)
    assert machine.receive(1, frame(9, 1))[0].actions == (Output(2),)
    (rule,) = machine.br0.tables[1]
    assert rule.actions == parse_actions("load:0x5->reg1[0..3]")


def test_pupils_go_with_the_last_teacher() -> None:
    machine = Machine()
    teach = "actions=learn(table=1,delete_learned,cookie=5,NXM_OF_ETH_SRC[])"
    machine.flows(f"in_port=1 {teach}", f"in_port=2 {teach}", "table=1,cookie=6 actions=drop")
    machine.receive(1, frame(9, 1))
    connection = machine.connect(OF15)
    connection.handle(parse_flow_mod("table=0,in_port=1", OFPFC_DELETE), 1, 0.0)
    assert len(machine.br0.tables[1]) == 2
    connection.handle(flow_mod(f"in_port=2 {teach}"), 1, 0.0)  # replaced by its like
    assert len(machine.br0.tables[1]) == 2
    connection.handle(parse_flow_mod("table=0,in_port=2", OFPFC_DELETE), 1, 0.0)
    assert [rule.cookie for rule in machine.br0.tables[1]] == [6]


def test_the_end_of_a_connection_ends_its_rule_soon() -> None:
    machine = Machine()
    machine.flows("tcp,idle_timeout=60 actions=fin_timeout(idle_timeout=2,hard_timeout=9),2")
    machine.receive(1, TCP)
    [rule] = machine.br0.tables[0]
    assert (rule.idle_timeout, rule.hard_timeout) == (60, 0)
    fin = bytearray(TCP)
    fin[47] |= 1
    machine.receive(1, bytes(fin))
    assert (rule.idle_timeout, rule.hard_timeout) == (2, 9)
    machine.pass_time(5.0)
    assert not len(machine.br0.tables[0])
