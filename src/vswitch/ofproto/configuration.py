"""What a channel asks about the switch and itself: features, configuration, roles, formats, barriers.

Sources: OpenFlow 1.0, 5.3.1 and 5.3.2; OpenFlow 1.5.1, 6.3.6, 7.3.1, 7.3.2, 7.3.7 to 7.3.10; nicira-ext.h.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.channel import DEFAULT_MISS_SEND_LEN, AsyncKind, Channel, ChannelKind
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.switch import FragmentHandling
from vswitch.openflow.errors import BadRequest, OpenFlowError, SwitchConfigFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.role import (
    CRR_PRIMARY_REQUEST,
    NXFF_NXM,
    NXFF_OPENFLOW10,
    NXPIF_NXT_PACKET_IN2,
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
    OFPC10_ARP_MATCH_IP,
    OFPC11_GROUP_STATS,
    OFPC14_BUNDLES,
    OFPC_FLOW_STATS,
    OFPC_INVALID_TTL_TO_CONTROLLER,
    OFPC_PORT_STATS,
    OFPC_QUEUE_STATS,
    OFPC_TABLE_STATS,
    BarrierReply,
    BarrierRequest,
    FeaturesReply,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.version import OF10, OF12, OF13, OF14

N_VISIBLE_TABLES = 254
OF10_ACTIONS = 0xFFF  # OpenFlow 1.0: output to enqueue
_STATS = OFPC_FLOW_STATS | OFPC_TABLE_STATS | OFPC_PORT_STATS | OFPC_QUEUE_STATS
_INVALID_TTL = 1 << 2  # the reason, as a bit


@handles(FeaturesRequest)
def features(request: Request[FeaturesRequest]) -> Iterable[Message]:
    """What the switch is."""
    version = request.channel.version
    capabilities = _STATS
    if version < OF12:
        capabilities |= OFPC10_ARP_MATCH_IP
    if version > OF10:
        capabilities |= OFPC11_GROUP_STATS
    if version >= OF14:
        capabilities |= OFPC14_BUNDLES
    yield FeaturesReply(
        datapath_id=request.switch.datapath_id,
        n_tables=N_VISIBLE_TABLES,
        capabilities=capabilities,
        actions=OF10_ACTIONS if version == OF10 else 0,
        ports=tuple(port.describe() for port in request.switch.ports.in_order()),
    )


@handles(GetConfigRequest)
def get_config(request: Request[GetConfigRequest]) -> Iterable[Message]:
    """How fragments are treated, and how much of a packet the channel gets."""
    flags = int(request.switch.fragments)
    if (
        request.channel.version < OF13
        and request.channel.mask(AsyncKind.PACKET_IN, ROLE_EQUAL) & _INVALID_TTL
    ):
        flags |= OFPC_INVALID_TTL_TO_CONTROLLER
    yield GetConfigReply(flags, request.channel.miss_send_len)


@handles(SetConfig)
def set_config(request: Request[SetConfig]) -> Iterable[Message]:
    """Treat fragments so, and send so much of a packet."""
    switch, channel, message = request.switch, request.channel, request.message
    if channel.role == ROLE_SECONDARY:
        raise OpenFlowError(BadRequest.IS_SECONDARY)
    known = 3 | (OFPC_INVALID_TTL_TO_CONTROLLER if channel.version < OF13 else 0)
    if message.flags & ~known:
        raise OpenFlowError(SwitchConfigFailed.BAD_FLAGS)
    fragments = FragmentHandling(message.flags & 3)
    if fragments is not FragmentHandling.REASSEMBLE and fragments is not switch.fragments:
        switch.fragments = fragments
        switch.wiring.changes.everything = True
    if channel.version < OF13:
        _set_invalid_ttl(channel, bool(message.flags & OFPC_INVALID_TTL_TO_CONTROLLER))
    channel.miss_send_len = message.miss_send_len
    return ()


def _set_invalid_ttl(channel: Channel, wanted: bool) -> None:
    primary, secondary = channel.masks[AsyncKind.PACKET_IN]
    primary = primary | _INVALID_TTL if wanted else primary & ~_INVALID_TTL
    channel.masks[AsyncKind.PACKET_IN] = primary, secondary


@handles(BarrierRequest)
def barrier(request: Request[BarrierRequest]) -> Iterable[Message]:
    """Everything before is done: each message is performed whole before the next."""
    yield BarrierReply()


@handles(RoleRequest)
def role(request: Request[RoleRequest]) -> Iterable[Message]:
    """Change the channel's role; there is one primary, so another that was becomes secondary."""
    switch, channel, message = request.switch, request.channel, request.message
    if message.role in (ROLE_PRIMARY, ROLE_SECONDARY) and message.generation_id is not None:
        switch.accept_generation(message.generation_id)
    if message.role == ROLE_PRIMARY:
        for other in switch.channels.values():
            if other is not channel and other.role == ROLE_PRIMARY:
                other.role = ROLE_SECONDARY
                status = RoleStatus(ROLE_SECONDARY, CRR_PRIMARY_REQUEST, switch.generation_id or 0)
                if other.version > OF12:
                    switch.tell_one(other, AsyncKind.ROLE_STATUS, CRR_PRIMARY_REQUEST, status)
    if message.role != ROLE_NOCHANGE:
        channel.role = message.role
    yield RoleReply(channel.role, switch.generation_id, request.message.nx)


@handles(SetAsync)
def set_async(request: Request[SetAsync]) -> Iterable[Message]:
    """Which messages the channel wants to hear unasked; kinds that are not named stay as they were."""
    channel = request.channel
    for name, primary, secondary in request.message.masks:
        channel.masks[AsyncKind(name)] = primary, secondary
    if channel.kind is ChannelKind.SERVICE and channel.miss_send_len == 0:
        channel.miss_send_len = DEFAULT_MISS_SEND_LEN
    return ()


@handles(GetAsyncRequest)
def get_async(request: Request[GetAsyncRequest]) -> Iterable[Message]:
    """Which messages the channel hears unasked."""
    masks = request.channel.masks
    yield GetAsyncReply(tuple((kind.value, *masks[kind]) for kind in AsyncKind))


@handles(SetControllerId)
def set_controller_id(request: Request[SetControllerId]) -> Iterable[Message]:
    """Packets for this id are for the channel."""
    request.channel.controller_id = request.message.controller_id
    request.switch.wiring.changes.everything = True  # who hears of misses may be different
    return ()


@handles(SetFlowFormat)
def set_flow_format(request: Request[SetFlowFormat]) -> Iterable[Message]:
    """In which form flows are told in OpenFlow 1.0."""
    if request.message.format not in (NXFF_OPENFLOW10, NXFF_NXM):
        raise OpenFlowError(BadRequest.EPERM)
    request.channel.dialect = request.channel.dialect._replace(nxm=request.message.format == NXFF_NXM)
    return ()


@handles(FlowModTableId)
def flow_mod_table_id(request: Request[FlowModTableId]) -> Iterable[Message]:
    """Whether flow-mods of OpenFlow 1.0 name a table."""
    request.channel.dialect = request.channel.dialect._replace(table_ids=request.message.enabled)
    return ()


@handles(SetPacketInFormat)
def set_packet_in_format(request: Request[SetPacketInFormat]) -> Iterable[Message]:
    """In which form packet-ins are sent."""
    if request.message.format > NXPIF_NXT_PACKET_IN2:
        raise OpenFlowError(BadRequest.EPERM)
    request.channel.packet_in_format = request.message.format
    return ()


@handles(FlowAge)
def flow_age(request: Request[FlowAge]) -> Iterable[Message]:
    """Nicira's flow statistics tell ages in any case."""
    return ()
