"""Group-mods as ovs-ofctl writes them, and what they come to."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.dpif.action import Output
from vswitch.flow.ports import OfPort
from vswitch.ofproto.channel import AsyncKind, ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import GroupModFailed
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.grouptext import format_group, parse_group_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.flow import FlowRemoved, RemovedReason
from vswitch.openflow.messages.group import OFPGC_DELETE, OFPGC_MODIFY, GroupMod
from vswitch.openflow.messages.groupstats import GroupStatsReply, GroupStatsRequest
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import RequestForward
from vswitch.openflow.names import OFPG_ALL
from vswitch.openflow.version import OF14, OF15

FRAME = bytes.fromhex("505400000002 505400000001 88b5") + bytes(46)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.groups(
        "group_id=1,type=all,bucket=bucket_id=1,actions=output:2,bucket=bucket_id=2,actions=output:3"
    )
    return machine


def say(machine: Machine, text: str, command: int | None = None) -> object:
    """What the switch answers: an error's code, or nothing."""
    connection = Connection(machine.br0, OF15, ChannelKind.SERVICE, machine.now)
    message = parse_group_mod(text, command)
    answers = connection.handle(message, 1, machine.now, encode(message, OF15, 1))
    machine.perform(connection.close(machine.now))
    if not answers:
        return None
    [answer] = answers
    assert isinstance(answer, Send)
    assert isinstance(answer.message, Error)
    return answer.message.code


def buckets(machine: Machine, group: int = 1) -> list[int]:
    return [bucket.bucket_id for bucket in machine.br0.groups[group].buckets]


def test_buckets_go_where_they_are_wanted(machine: Machine) -> None:
    for where, number in (("first", 5), ("last", 6), ("1", 7)):
        text = (
            f"insert_bucket group_id=1,command_bucket_id={where},bucket=bucket_id={number},actions=output:1"
        )
        assert say(machine, text) is None
    assert buckets(machine) == [5, 1, 7, 2, 6]
    for where in ("first", "last", "7"):
        assert say(machine, f"remove_bucket group_id=1,command_bucket_id={where}") is None
    assert buckets(machine) == [1, 2]
    assert say(machine, "remove_bucket group_id=1,command_bucket_id=all") is None
    assert buckets(machine) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("add group_id=1,type=all", GroupModFailed.GROUP_EXISTS),
        ("modify group_id=2,type=all", GroupModFailed.UNKNOWN_GROUP),
        ("insert_bucket group_id=2,command_bucket_id=first,bucket=output:1", GroupModFailed.UNKNOWN_GROUP),
        (
            "insert_bucket group_id=1,command_bucket_id=9,bucket=bucket_id=5,actions=output:1",
            GroupModFailed.UNKNOWN_BUCKET,
        ),
        (
            "insert_bucket group_id=1,command_bucket_id=first,bucket=bucket_id=2,actions=output:1",
            GroupModFailed.BUCKET_EXISTS,
        ),
        ("remove_bucket group_id=1,command_bucket_id=9", GroupModFailed.UNKNOWN_BUCKET),
        ("delete group_id=9", None),
    ],
)
def test_what_makes_no_sense_changes_nothing(machine: Machine, text: str, code: object) -> None:
    before = machine.br0.groups.copy()
    assert say(machine, text) is code
    assert machine.br0.groups == before


def test_what_groups_carry_and_who_refers_to_them(machine: Machine) -> None:
    machine.flows("actions=group:1", "priority=1,in_port=2,actions=clone(group:1)")
    [execute] = machine.receive(1, FRAME)
    assert execute.actions == (Output(2), Output(3))
    machine.receive(1, FRAME)
    machine.revalidate()
    connection = machine.connect(OF15)
    [answer] = connection.handle(GroupStatsRequest(), 1, machine.now)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, GroupStatsReply)
    [stats] = answer.message.groups
    assert (stats.ref_count, stats.packet_count, stats.byte_count) == (2, 2, 2 * len(FRAME))
    assert [bucket.packet_count for bucket in stats.buckets] == [2, 2]


def test_a_group_takes_its_rules_along(machine: Machine) -> None:
    connection = machine.connect(OF15)
    connection.channel.miss_send_len = 128
    connection.handle(parse_flow_mod("table=0,send_flow_rem,actions=group:1"), 1, 0.0)
    told = connection.handle(GroupMod(OFPGC_DELETE, OFPG_ALL), 1, 0.0, bytes(8))
    [removed] = [each.message for each in told if isinstance(each, Send)]
    assert isinstance(removed, FlowRemoved)
    assert removed.reason is RemovedReason.GROUP_DELETE
    assert not len(machine.br0.tables[0])


def test_a_packet_goes_another_way_when_a_port_that_is_watched_goes_down(machine: Machine) -> None:
    machine.groups(
        "group_id=2,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3"
    )
    machine.flows("actions=group:2")
    assert machine.receive(1, FRAME)[0].actions == (Output(2),)
    machine.br0.ports.change(OfPort(2), carrier=False)
    machine.settle()
    assert machine.receive(1, FRAME)[0].actions == (Output(3),)
    machine.br0.ports.change(OfPort(3), up=False)
    machine.settle()
    assert machine.receive(1, FRAME)[0].actions == ()


def test_another_controller_is_told_of_changes_if_it_wants(machine: Machine) -> None:
    actor, listener = machine.connect(OF15), machine.connect(OF14)
    listener.channel.masks[AsyncKind.REQUESTFORWARD] = 1, 1
    message = parse_group_mod("group_id=1,type=select,bucket=output:1", OFPGC_MODIFY)
    [told] = actor.handle(message, 9, 0.0, encode(message, OF15, 9))
    assert isinstance(told, Send)
    assert (told.connection, told.xid) == (listener.id, 9)
    assert isinstance(told.message, RequestForward)
    forwarded = told.message.request
    assert isinstance(forwarded, GroupMod)
    assert format_group(machine.br0.groups[1].describe()).startswith("group_id=1,type=select,bucket=")
    assert forwarded.group_id == 1
