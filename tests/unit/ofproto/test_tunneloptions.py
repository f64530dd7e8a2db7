"""The map of tunnel options changes as a whole or not at all, and rules hold what they name."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import ErrorCode, FlowModFailed, TlvTableModFailed
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import Message
from vswitch.openflow.messages.flow import OFPFC_DELETE, FlowMod
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nicira import (
    NXTTMC_ADD,
    NXTTMC_CLEAR,
    NXTTMC_DELETE,
    TlvMap,
    TlvTableMod,
    TlvTableReply,
    TlvTableRequest,
)
from vswitch.openflow.version import OF10

ONE, TWO, LONG = TlvMap(1, 0, 4, 0), TlvMap(1, 1, 4, 1), TlvMap(2, 0, 124, 2)


@pytest.fixture
def channel() -> Connection:
    machine = Machine()
    return Connection(machine.br0, OF10, ChannelKind.SERVICE, machine.now)


def answer(channel: Connection, message: Message) -> Message | None:
    """The one reply to `message`, if there is any."""
    replies = [command.message for command in channel.handle(message, 1, 0.0) if isinstance(command, Send)]
    return replies[0] if replies else None


def add(channel: Connection, *maps: TlvMap) -> Message | None:
    return answer(channel, TlvTableMod(NXTTMC_ADD, maps))


def table(channel: Connection) -> tuple[TlvMap, ...]:
    reply = answer(channel, TlvTableRequest())
    assert isinstance(reply, TlvTableReply)
    return reply.maps


def error(reply: Message | None) -> ErrorCode:
    assert isinstance(reply, Error)
    assert isinstance(reply.code, ErrorCode)
    return reply.code


def test_the_table_is_in_the_order_of_the_fields(channel: Connection) -> None:
    assert add(channel, LONG, ONE) is None
    assert table(channel) == (ONE, LONG)


@pytest.mark.parametrize(
    ("maps", "code"),
    [
        ((TWO, TlvMap(9, 9, 4, 0)), TlvTableModFailed.ALREADY_MAPPED),
        ((TWO, TlvMap(1, 0, 4, 5)), TlvTableModFailed.DUP_ENTRY),
        ((TWO, TlvMap(1, 1, 4, 5)), TlvTableModFailed.DUP_ENTRY),
        ((LONG, TlvMap(2, 1, 124, 3), TlvMap(2, 2, 8, 4)), TlvTableModFailed.TABLE_FULL),
    ],
)
def test_a_change_with_a_mistake_changes_nothing(
    channel: Connection, maps: tuple[TlvMap, ...], code: ErrorCode
) -> None:
    add(channel, ONE)
    assert error(add(channel, *maps)) is code
    assert table(channel) == (ONE,)


@pytest.mark.parametrize(
    "flow",
    [
        "tun_metadata1=5,actions=drop",
        "tun_metadata1,actions=drop",
        "actions=set_field:5->tun_metadata1",
        "actions=move:tun_metadata1[0..31]->reg0[]",
        "actions=clone(push:tun_metadata1[])",
        "actions=learn(table=1,load:tun_metadata1[0..7]->reg0[0..7])",
    ],
)
def test_rules_name_only_what_is_mapped_and_hold_it(channel: Connection, flow: str) -> None:
    rule = parse_flow_mod(flow)
    assert error(answer(channel, rule)) is FlowModFailed.INVALID_TLV_FIELD
    add(channel, ONE, TWO)
    assert answer(channel, rule) is None
    for command, maps in ((NXTTMC_DELETE, (TWO,)), (NXTTMC_CLEAR, ())):
        assert error(answer(channel, TlvTableMod(command, maps))) is TlvTableModFailed.INVALID_TLV_DEL
    assert answer(channel, TlvTableMod(NXTTMC_DELETE, (ONE,))) is None
    answer(channel, FlowMod(command=OFPFC_DELETE))
    assert answer(channel, TlvTableMod(NXTTMC_CLEAR)) is None
    assert table(channel) == ()
