"""Packet-ins: to which channels a packet goes, and what each is told.

Sources: OpenFlow 1.5.1, 7.4.1; ovs-actions(7), controller; ovs-ofctl(8), monitor.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.dpif.action import ToController
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT
from vswitch.flow.match import Match
from vswitch.ofproto.channel import AsyncKind, Channel
from vswitch.ofproto.command import Command, Send
from vswitch.ofproto.packetfields import METADATA_FIELDS
from vswitch.openflow.actions.output import (
    OFPR_ACTION,
    OFPR_ACTION_SET,
    OFPR_EXPLICIT_MISS,
    OFPR_GROUP,
    OFPR_IMPLICIT_MISS,
    OFPR_NO_MATCH,
    OFPR_PACKET_OUT,
)
from vswitch.openflow.messages.continuation import Continuation
from vswitch.openflow.messages.packet import PacketIn
from vswitch.openflow.version import OF13, OF14

_SINCE_14 = frozenset({OFPR_ACTION_SET, OFPR_GROUP, OFPR_PACKET_OUT})


def reason_for(channel: Channel, reason: int) -> int | None:
    """`reason` in the terms of the channel's version; None: that version does not send such packets."""
    version = channel.version
    if reason == OFPR_EXPLICIT_MISS:
        return OFPR_NO_MATCH if version >= OF13 else OFPR_ACTION
    if reason == OFPR_IMPLICIT_MISS:
        return OFPR_NO_MATCH if version < OF13 else None
    if reason in _SINCE_14 and version < OF14:
        return OFPR_ACTION
    return reason


def metadata_match(metadata: Flow) -> Match:
    """`metadata` of a packet as a match: the input port, and the fields that are not 0."""
    mask = int(IN_PORT.mask)
    for field in METADATA_FIELDS:
        if field.get(metadata):
            mask |= field.mask
    return Match(Flow(metadata & mask), Mask(mask))


def packet_ins(
    channels: Iterable[Channel],
    packet: Packet,
    metadata: Flow,
    cookie: ToController,
    rest: Continuation | None = None,
) -> Iterable[Command]:
    """What to send for a packet that came up with `cookie`; `rest` is what it waits for."""
    if cookie.dont_send:
        return
    for channel in channels:
        reason = reason_for(channel, cookie.reason)
        if (
            reason is None
            or channel.controller_id != cookie.controller_id
            or not channel.wants(AsyncKind.PACKET_IN, reason)
        ):
            continue
        misses = cookie.reason in (OFPR_NO_MATCH, OFPR_IMPLICIT_MISS)
        max_len = channel.miss_send_len if misses else cookie.max_len
        message = PacketIn(
            packet=packet.data[:max_len],
            match=metadata_match(metadata),
            reason=reason,
            total_len=len(packet.data),
            table_id=cookie.table_id,
            cookie=cookie.rule_cookie,
            userdata=cookie.userdata,
            continuation=rest,
            format=channel.packet_in_format,
        )
        yield Send(channel.id, message, 0)
