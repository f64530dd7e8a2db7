"""Additions many at a time; that they come to the same as one by one is in tests/properties/test_additions.py."""

from __future__ import annotations

from tests.switch.machine import Machine, flow_mod, replies
from vswitch.flow.match import parse_match
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.staging import Stage
from vswitch.openflow.additions import Additions, run_reader
from vswitch.openflow.errors import BadAction, BadRequest
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.messages.role import ROLE_SECONDARY
from vswitch.openflow.version import OF14


def run_of(*lines: str, bundle: int = 0) -> Additions:
    """A run with these flows, whose xids count from 1."""
    data = [encode(flow_mod(line), OF14, xid) for xid, line in enumerate(lines, 1)]
    if bundle:
        data = [encode(BundleAdd(bundle, 3, each), OF14, xid) for xid, each in enumerate(data, 1)]
    reader = run_reader(OF14)
    assert reader is not None
    run, end = reader.read(b"".join(data), 0)
    assert isinstance(run, Additions)
    assert end == len(b"".join(data))
    return run


def errors(connection: Connection, run: Additions) -> list[tuple[int, object]]:
    """What is refused, by xid, and why; each error shows the message that it is about."""
    found = []
    for command in connection.add(run, 1.0):
        message = command.message  # type: ignore[union-attr]
        assert isinstance(message, Error)
        xid = command.xid  # type: ignore[union-attr]
        assert message.data == run.whole(run.additions[xid - 1])
        found.append((xid, message.code))
    return found


def rules(machine: Machine) -> list[str]:
    return sorted(f"{rule.priority} {rule.match}" for rule in machine.br0.tables[0])


def test_what_is_wrong_with_some_does_not_keep_the_others_back() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    run = run_of(
        "priority=1 actions=1",
        "priority=2 actions=group:7",
        "priority=3 actions=group:7",
        "priority=4 actions=2",
    )
    assert errors(connection, run) == [(2, BadAction.BAD_OUT_GROUP), (3, BadAction.BAD_OUT_GROUP)]
    assert rules(machine) == ["1 ", "4 "]


def test_what_one_run_found_out_is_asked_again_in_the_next() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    run = run_of("priority=2 actions=group:7")
    assert errors(connection, run) == [(1, BadAction.BAD_OUT_GROUP)]
    connection.handle(parse_group_mod("group_id=7,type=all,bucket=output:1"), 1, 0.0)
    assert errors(connection, run) == []
    connection.handle(parse_group_mod("group_id=7", 2), 1, 0.0)
    assert rules(machine) == []
    assert errors(connection, run) == [(1, BadAction.BAD_OUT_GROUP)]


def test_a_secondary_controller_adds_nothing() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    connection.channel.role = ROLE_SECONDARY
    for bundle in (0, 5):
        assert errors(connection, run_of("priority=1 actions=1", bundle=bundle)) == [
            (1, BadRequest.IS_SECONDARY)
        ]
    assert rules(machine) == []
    assert connection.channel.collections == {}


def test_a_bundle_holds_them_until_it_is_committed_and_then_as_a_whole() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    assert errors(connection, run_of("priority=1 actions=1", "priority=2 actions=2", bundle=5)) == []
    connection.handle(
        BundleAdd(5, 3, encode(flow_mod("priority=1", 3), OF14, 7)), 7, 1.0, bytes(4) + b"\0\0\0\7"
    )
    assert errors(connection, run_of("priority=3 actions=1", bundle=5)) == []
    assert rules(machine) == []
    messages = connection.channel.collections[5].messages
    assert [len(each.additions) if isinstance(each, Stage) else 0 for each in messages] == [2, 0, 1]
    assert replies(connection.handle(BundleControl(5, 4, 3), 9, 1.0)) == [BundleControl(5, 5, 0)]
    assert rules(machine) == ["3 "]  # the deletion came before it


def test_of_a_bundle_that_fails_nothing_is_left() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    before = rules(machine)
    errors(connection, run_of("priority=1 actions=1", "priority=2 actions=group:7", bundle=5))
    answers = replies(connection.handle(BundleControl(5, 4, 3), 9, 1.0))
    assert [type(answer) for answer in answers] == [Error, Error]
    assert answers[0].code is BadAction.BAD_OUT_GROUP  # type: ignore[attr-defined]
    assert rules(machine) == before


def test_a_rule_in_the_place_of_another_counts_on_unless_it_resets() -> None:
    machine = Machine()
    connection = machine.connect(OF14)
    connection.add(run_of("in_port=1 actions=1"), 1.0)
    match = parse_match("in_port=1")
    old = machine.br0.tables[0].find(match, 0x8000)
    assert old is not None
    old.credit(3, 180, 1.0)
    connection.add(run_of("in_port=1,cookie=5 actions=2"), 2.0)
    new = machine.br0.tables[0].find(match, 0x8000)
    assert new is not None
    assert (new.cookie, new.packets, new.bytes, new.created) == (5, 3, 180, 2.0)
    connection.add(run_of("in_port=1,flags=4 actions=2"), 3.0)
    assert [rule.packets for rule in machine.br0.tables[0]] == [0]
