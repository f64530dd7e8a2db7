"""What a channel asks about the switch and itself."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, replies
from vswitch.ofproto.channel import DEFAULT_MISS_SEND_LEN, AsyncKind, ChannelKind
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.switch import FragmentHandling
from vswitch.openflow.errors import BadRequest, ErrorCode, RoleRequestFailed, SwitchConfigFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.role import (
    CRR_PRIMARY_REQUEST,
    NXFF_NXM,
    NXFF_OPENFLOW10,
    ROLE_EQUAL,
    ROLE_NOCHANGE,
    ROLE_PRIMARY,
    ROLE_SECONDARY,
    FlowAge,
    FlowModTableId,
    GetAsyncReply,
    GetAsyncRequest,
    RoleReply,
    RoleRequest,
    RoleStatus,
    SetAsync,
    SetControllerId,
    SetFlowFormat,
    SetPacketInFormat,
)
from vswitch.openflow.messages.switch import (
    OFPC_INVALID_TTL_TO_CONTROLLER,
    BarrierReply,
    BarrierRequest,
    FeaturesReply,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF12, OF13, OF14, Version


@pytest.fixture
def machine() -> Machine:
    return Machine()


def ask(connection: Connection, message: Message) -> list[Message]:
    return replies(connection.handle(message, 1, 0.0))


def refusal(connection: Connection, message: Message) -> ErrorCode | None:
    """Why it is refused."""
    answers = ask(connection, message)
    if not answers:
        return None
    [error] = answers
    assert isinstance(error, Error)
    return error.code


@pytest.mark.parametrize(
    ("version", "capabilities", "actions"),
    [
        (OF10, 0xC7, 0xFFF),  # ARP_MATCH_IP, and what OpenFlow 1.0 asks of actions
        (Version.OF11, 0xCF, 0),
        (OF12, 0x4F, 0),
        (OF13, 0x4F, 0),
        (OF14, 0x24F, 0),
        (Version.OF15, 0x24F, 0),
    ],
)
def test_features_say_what_the_switch_can_do_in_a_version(
    machine: Machine, version: Version, capabilities: int, actions: int
) -> None:
    [reply] = ask(machine.connect(version), FeaturesRequest())
    assert isinstance(reply, FeaturesReply)
    assert (reply.datapath_id, reply.n_tables) == (1, 254)
    assert (reply.capabilities, reply.actions) == (capabilities, actions)
    assert [port.name for port in reply.ports] == ["br0", "p1", "p2", "p3"]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_configuration_that_was_set_is_told(machine: Machine, version: Version) -> None:
    connection = machine.connect(version)
    assert ask(connection, GetConfigRequest()) == [GetConfigReply(0, 0)]
    assert ask(connection, SetConfig(1, 200)) == []
    assert ask(connection, GetConfigRequest()) == [GetConfigReply(1, 200)]
    assert machine.br0.fragments is FragmentHandling.DROP


def test_another_treatment_of_fragments_puts_all_megaflows_in_doubt(machine: Machine) -> None:
    connection, wiring = machine.connect(OF13), machine.backer.wiring
    machine.backer.run(0.0)
    ask(connection, SetConfig(0, 5))
    assert not wiring.changes.everything
    ask(connection, SetConfig(3, 5))
    assert wiring.changes.everything


def test_reassembly_is_not_done_and_not_refused(machine: Machine) -> None:
    connection = machine.connect(OF13)
    assert ask(connection, SetConfig(2, 5)) == []
    assert ask(connection, GetConfigRequest()) == [GetConfigReply(0, 5)]


def test_invalid_ttls_can_be_asked_for_until_1_2(machine: Machine) -> None:
    old, new = machine.connect(OF12), machine.connect(OF13)
    flag = OFPC_INVALID_TTL_TO_CONTROLLER
    assert refusal(old, SetConfig(flag, 1)) is None
    assert ask(old, GetConfigRequest()) == [GetConfigReply(flag, 1)]
    assert old.channel.wants(AsyncKind.PACKET_IN, 2)
    ask(old, SetConfig(0, 1))
    assert not old.channel.wants(AsyncKind.PACKET_IN, 2)
    assert refusal(new, SetConfig(flag, 1)) is SwitchConfigFailed.BAD_FLAGS
    assert refusal(old, SetConfig(8, 1)) is SwitchConfigFailed.BAD_FLAGS


def test_secondary_controllers_configure_nothing(machine: Machine) -> None:
    connection = machine.connect(OF13)
    connection.channel.role = ROLE_SECONDARY
    assert refusal(connection, SetConfig(1, 1)) is BadRequest.IS_SECONDARY
    assert machine.br0.fragments is FragmentHandling.NORMAL


def test_a_barrier_is_answered(machine: Machine) -> None:
    assert ask(machine.connect(OF13), BarrierRequest()) == [BarrierReply()]


def test_there_is_one_primary_and_the_one_before_hears_of_it(machine: Machine) -> None:
    first, second, old = (machine.connect(version) for version in (OF14, OF14, OF12))
    for connection in (first, second, old):
        connection.channel.masks[AsyncKind.ROLE_STATUS] = (7, 7)
    assert ask(first, RoleRequest(ROLE_PRIMARY, 5)) == [RoleReply(ROLE_PRIMARY, 5)]
    status, reply = second.handle(RoleRequest(ROLE_PRIMARY, 6), 1, 0.0)
    assert reply.message == RoleReply(ROLE_PRIMARY, 6)  # type: ignore[union-attr]
    assert status.connection == first.id  # type: ignore[union-attr]
    assert status.message == RoleStatus(ROLE_SECONDARY, CRR_PRIMARY_REQUEST, 6)  # type: ignore[union-attr]
    assert (first.channel.role, old.channel.role) == (ROLE_SECONDARY, ROLE_EQUAL)
    assert len(ask(old, RoleRequest(ROLE_PRIMARY, 7))) == 2
    assert second.channel.role == ROLE_SECONDARY
    assert ask(second, RoleRequest(ROLE_PRIMARY, 8)) == [RoleReply(ROLE_PRIMARY, 8)]  # 1.2 has no such status
    assert old.channel.role == ROLE_SECONDARY


def test_a_role_may_only_be_asked_for(machine: Machine) -> None:
    connection = machine.connect(OF13)
    assert ask(connection, RoleRequest(ROLE_SECONDARY, 3)) == [RoleReply(ROLE_SECONDARY, 3)]
    assert ask(connection, RoleRequest(ROLE_NOCHANGE, 0)) == [RoleReply(ROLE_SECONDARY, 3)]
    assert refusal(connection, RoleRequest(ROLE_PRIMARY, 2)) is RoleRequestFailed.STALE
    assert connection.channel.role == ROLE_SECONDARY
    assert ask(connection, RoleRequest(ROLE_EQUAL, 0)) == [RoleReply(ROLE_EQUAL, 3)]  # needs no generation


def test_what_is_heard_unasked_is_what_was_asked_for_last(machine: Machine) -> None:
    connection = machine.connect(OF13)
    ask(connection, SetAsync((("port_status", 1, 2), ("packet_in", 4, 0))))
    [reply] = ask(connection, GetAsyncRequest())
    assert isinstance(reply, GetAsyncReply)
    masks = {name: masks for name, *masks in reply.masks}
    assert masks["port_status"] == [1, 2]
    assert masks["packet_in"] == [4, 0]
    assert masks["flow_removed"] == [0xF, 0]  # as it was


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (ChannelKind.SERVICE, 0, DEFAULT_MISS_SEND_LEN),
        (ChannelKind.SERVICE, 7, 7),
        (ChannelKind.PRIMARY, 0, 0),
    ],
)
def test_a_tool_that_says_what_it_wants_to_hear_takes_packets(
    machine: Machine, kind: ChannelKind, before: int, after: int
) -> None:
    connection = machine.connect(OF13, kind)
    connection.channel.miss_send_len = before
    ask(connection, SetAsync((("port_status", 1, 2),)))
    assert connection.channel.miss_send_len == after


def test_who_hears_of_misses_depends_on_the_controllers_id(machine: Machine) -> None:
    connection = machine.connect(OF10)
    machine.backer.run(0.0)
    assert machine.br0.sends_misses
    ask(connection, SetControllerId(9))
    assert connection.channel.controller_id == 9
    assert not machine.br0.sends_misses
    assert machine.backer.wiring.changes.everything


def test_dialects_of_1_0(machine: Machine) -> None:
    connection = machine.connect(OF10)
    assert (connection.nxm, connection.table_ids) == (None, False)
    ask(connection, SetFlowFormat(NXFF_NXM))
    ask(connection, FlowModTableId(True))
    assert (connection.nxm, connection.table_ids) == (True, True)
    ask(connection, SetFlowFormat(NXFF_OPENFLOW10))
    ask(connection, FlowModTableId(False))
    assert (connection.nxm, connection.table_ids) == (False, False)
    assert refusal(connection, SetFlowFormat(1)) is BadRequest.EPERM
    assert connection.nxm is False
    assert ask(connection, FlowAge()) == []


def test_formats_of_packet_ins(machine: Machine) -> None:
    connection = machine.connect(OF10)
    for format in (0, 1, 2):
        assert ask(connection, SetPacketInFormat(format)) == []
        assert connection.channel.packet_in_format == format
    assert refusal(connection, SetPacketInFormat(3)) is BadRequest.EPERM
    assert connection.channel.packet_in_format == 2
