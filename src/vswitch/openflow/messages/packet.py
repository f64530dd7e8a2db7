"""Packets to and from controllers.

Sources: OpenFlow 1.0, 5.3.6 and 5.4.1; OpenFlow 1.5.1, 7.3.6 and 7.4.1; OVS nicira-ext.h (nx_packet_in, NXPINT_*).
"""

from __future__ import annotations

import struct
from functools import reduce
from operator import or_
from typing import Any

from vswitch.flow.fields import FIELDS, TUN_METADATA_PRESENT
from vswitch.flow.match import Match
from vswitch.flow.ports import (
    OFPP_CONTROLLER,
    OFPP_IN_PORT,
    OFPP_LOCAL,
    OFPP_MAX,
    OFPP_NONE,
    OfPort,
    from_16,
    to_16,
)
from vswitch.openflow.actions.base import Action, check_span, decode_actions, encode_actions
from vswitch.openflow.actions.output import OFPR_ACTION, OFPR_NO_MATCH
from vswitch.openflow.codec import check_port, padded
from vswitch.openflow.errors import BadMatch, BadProperty, BadRequest, OpenFlowError
from vswitch.openflow.message import Dialect, Form, Message, message
from vswitch.openflow.messages.continuation import Continuation
from vswitch.openflow.messages.role import NXPIF_NXT_PACKET_IN, NXPIF_NXT_PACKET_IN2, NXPIF_STANDARD
from vswitch.openflow.properties import Property, encode_property, split_properties
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14, OF15
from vswitch.openflow.wirematch import (
    decode_match,
    decode_nxm_loose,
    encode_entries,
    encode_match,
    encode_nxm,
)

NO_BUFFER = 0xFFFFFFFF
_UNKNOWN_COOKIE = (1 << 64) - 1
_FORM_NUMBERS = {NXPIF_STANDARD: 10, NXPIF_NXT_PACKET_IN: 17, NXPIF_NXT_PACKET_IN2: 30}
_IN10 = struct.Struct("!IHHBx")
_IN11 = struct.Struct("!IIIHBB")
_IN12 = struct.Struct("!IHBB")
_IN13 = struct.Struct("!IHBBQ")
_IN_NX = struct.Struct("!IHBBQH6x")
# enum nx_packet_in2_prop_type (NXPINT_*)
_PACKET, _FULL_LEN, _BUFFER_ID, _TABLE_ID, _COOKIE, _REASON, _METADATA, _USERDATA, _CONTINUATION = range(9)
_IN_PORT = FIELDS["in_port_oxm"]


@message(
    "PACKET_IN",
    "OFPT 1.0(10)[10+1], OFPT 1.1(10)[16+1], OFPT 1.2(10)[8+1], OFPT 1.3+(10)[16+1], "
    "NXT 1.0+(17)[24+1], NXT:PACKET_IN2 1.0+(30)[0+8]",
)
class PacketIn(Message):
    """A packet for the controller, with what the switch knew about it.

    `match` is the packet's metadata (in_port, tunnel, registers …), which OpenFlow 1.0 and 1.1 reduce to the port.
    """

    packet: bytes = b""
    match: Match = Match()
    reason: int = OFPR_ACTION  # OFPR_*
    total_len: int | None = None  # None: the packet is whole
    table_id: int = 0
    cookie: int = _UNKNOWN_COOKIE
    buffer_id: int = NO_BUFFER
    userdata: bytes = b""  # NXT_PACKET_IN2 only, as are the following
    continuation: Continuation | None = None
    format: int = NXPIF_STANDARD  # which form to send, or came: NXPIF_*

    @property
    def in_port(self) -> OfPort:
        """Where the packet came in."""
        return OfPort(_IN_PORT.get(self.match.value))

    @property
    def full_len(self) -> int:
        """The packet's size in bytes before it was cut."""
        return len(self.packet) if self.total_len is None else self.total_len

    def choose(self, dialect: Dialect) -> Form:
        """What the controller asked for."""
        number = _FORM_NUMBERS[self.format]
        return next(f for f in self.forms if f.number == number and f.first <= dialect.version <= f.last)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """One of six layouts."""
        version = dialect.version
        if self.format == NXPIF_NXT_PACKET_IN2:
            return self.encode2(version)
        reason = self._reason(version)
        head = self.buffer_id, self.full_len
        if self.format == NXPIF_NXT_PACKET_IN:
            match = encode_nxm(self.match)
            fixed = _IN_NX.pack(*head, reason, self.table_id, self.cookie, len(match))
            return fixed + padded(match) + b"\0\0" + self.packet
        if version == OF10:
            return _IN10.pack(*head, to_16(self.in_port), reason) + self.packet
        if version == OF11:
            port = self.in_port
            return _IN11.pack(self.buffer_id, port, port, self.full_len, reason, self.table_id) + self.packet
        fixed = _IN12.pack(*head, reason, self.table_id)
        if version >= OF13:
            fixed = _IN13.pack(*head, reason, self.table_id, self.cookie)
        return fixed + encode_match(version, self.match) + b"\0\0" + self.packet

    def _reason(self, version: int) -> int:
        """Reasons that a version does not have become the closest that it has."""
        if self.reason in (6, 7):
            return OFPR_NO_MATCH
        if self.reason <= 1 or (self.reason == 2 and version >= OF12):
            return self.reason
        return self.reason if version >= OF14 else OFPR_ACTION

    def encode2(self, version: int) -> bytes:
        """The properties of NXT_PACKET_IN2."""
        out = encode_property(_PACKET, self.packet)
        if self.full_len != len(self.packet):
            out += encode_property(_FULL_LEN, struct.pack("!I", self.full_len))
        if self.buffer_id != NO_BUFFER:
            out += encode_property(_BUFFER_ID, struct.pack("!I", self.buffer_id))
        out += encode_property(_TABLE_ID, bytes([self.table_id]))
        if self.cookie != _UNKNOWN_COOKIE:
            out += encode_property(_COOKIE, struct.pack("!4xQ", self.cookie))
        out += encode_property(_REASON, bytes([0 if self.reason in (6, 7) else self.reason]))
        out += encode_property(_METADATA, encode_entries(self.match, version))
        if self.continuation is not None:
            out += encode_property(_CONTINUATION, self.continuation.encode(version))
        if self.userdata:
            out += encode_property(_USERDATA, self.userdata)
        return out

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """One of six layouts."""
        version = dialect.version
        if form.kind == "NXT":
            return cls._decode_nx(body) if form.number == 17 else cls.decode2(version, body, loose=True)
        layout = {OF10: _IN10, OF11: _IN11, OF12: _IN12}.get(version, _IN13)  # type: ignore[call-overload]  # an int asks for a Version
        if len(body) < layout.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        fields = layout.unpack_from(body)
        if version == OF10:
            buffer_id, total_len, port, reason = fields
            return cls._made(
                body[layout.size :], in_port_match(from_16(port)), reason, total_len, buffer_id=buffer_id
            )
        if version == OF11:
            buffer_id, port, _, total_len, reason, table = fields
            match = in_port_match(OfPort(check_port(port)))
            return cls._made(body[layout.size :], match, reason, total_len, table, buffer_id=buffer_id)
        buffer_id, total_len, reason, table, *cookie = fields
        match, end = decode_match(version, body, layout.size, loose=True)
        if end + 2 > len(body):
            raise OpenFlowError(BadRequest.BAD_LEN)
        known = cookie[0] if cookie else _UNKNOWN_COOKIE
        return cls._made(body[end + 2 :], match, reason, total_len, table, known, buffer_id)

    @classmethod
    def _made(
        cls,
        packet: bytes,
        match: Match,
        reason: int,
        total_len: int,
        table_id: int = 0,
        cookie: int = _UNKNOWN_COOKIE,
        buffer_id: int = NO_BUFFER,
        format: int = NXPIF_STANDARD,
    ) -> PacketIn:
        whole = None if total_len == len(packet) else total_len
        return cls(packet, match, reason, whole, table_id, cookie, buffer_id, format=format)

    @classmethod
    def _decode_nx(cls, body: bytes) -> Message:
        if len(body) < _IN_NX.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        buffer_id, total_len, reason, table, cookie, match_len = _IN_NX.unpack_from(body)
        end = _IN_NX.size + (match_len + 7) // 8 * 8 + 2
        if end - 2 > len(body):
            raise OpenFlowError(BadMatch.BAD_LEN)
        match = decode_nxm_loose(body, _IN_NX.size, match_len)
        if end > len(body):
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls._made(body[end:], match, reason, total_len, table, cookie, buffer_id, NXPIF_NXT_PACKET_IN)

    @classmethod
    def decode2(cls, version: int, body: bytes, loose: bool) -> PacketIn:
        """From the properties of NXT_PACKET_IN2; `loose` passes over those that are not known."""
        found: dict[str, Any] = {}
        continuation: bytes | None = None
        for prop in split_properties(body):
            if prop.type == _CONTINUATION:
                continuation = prop.payload
                if len(continuation) < 4:  # of padding, whichever of several will count
                    raise OpenFlowError(BadProperty.BAD_LEN)
            else:
                found |= _decode_property(prop, loose)
        if not found.get("packet"):
            raise OpenFlowError(BadRequest.BAD_LEN, "NXT_PACKET_IN2 lacks packet")
        if continuation is not None:
            found["continuation"] = Continuation.decode(version, continuation, loose)
        if found.get("total_len", 0) in (0, len(found["packet"])):
            found.pop("total_len", None)  # the packet is whole
        return cls(**{"reason": OFPR_NO_MATCH, "format": NXPIF_NXT_PACKET_IN2, **found})


def _decode_property(prop: Property, loose: bool) -> dict[str, Any]:
    """The field that a property of NXT_PACKET_IN2 sets."""
    match prop.type:
        case 0:
            return {"packet": prop.payload}
        case 1:
            return {"total_len": prop.u32()}
        case 2:
            return {"buffer_id": prop.u32()}
        case 3:
            return {"table_id": prop.u8()}
        case 4:
            return {"cookie": prop.u64()}
        case 5:
            return {"reason": prop.u8()}
        case 6:
            return {"match": decode_nxm_loose(prop.payload, 0, len(prop.payload))}
        case 7:
            return {"userdata": prop.payload}
        case _ if loose:
            return {}
        case _:
            raise prop.unknown()


@message("RESUME", "NXT 1.0+(28)[0+8]")
class Resume(Message):
    """Let a packet that came with a continuation go on, perhaps with other bytes and metadata."""

    packet_in: PacketIn

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """As in NXT_PACKET_IN2."""
        return self.packet_in.encode2(dialect.version)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """As in NXT_PACKET_IN2."""
        return cls(PacketIn.decode2(dialect.version, body, dialect.loose))


def in_port_match(port: OfPort) -> Match:
    """The match that says nothing but `port`."""
    return Match().where(_IN_PORT, port)


# What a packet has beside its bytes, and what a packet-out may say of it: not what the switch finds out itself.
_KINDS = ("in_port", "packet_type", "metadata", "tun_", "reg", "xreg", "xxreg")
_FIELDS = (field.mask for field in FIELDS if field.name.startswith(_KINDS))
_PIPELINE = reduce(or_, _FIELDS, TUN_METADATA_PRESENT.mask)

_OUT10 = struct.Struct("!IHH")
_OUT11 = struct.Struct("!IIH6x")
_OUT15 = struct.Struct("!IH2x")


@message("PACKET_OUT", "OFPT 1.0(13)[8+1], OFPT 1.1-1.4(13)[16+1], OFPT 1.5+(13)[8+1]")
class PacketOut(Message):
    """Put `packet`, or the buffered one, through `actions` as if it had come in by `in_port`."""

    packet: bytes = b""
    actions: tuple[Action, ...] = ()
    in_port: OfPort = OFPP_CONTROLLER
    buffer_id: int = NO_BUFFER
    match: Match = Match()  # metadata beside in_port: since OpenFlow 1.5

    @property
    def metadata(self) -> Match:
        """The packet's metadata, the port included."""
        return self.match.where(_IN_PORT, self.in_port)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Data only where there is no buffer."""
        version = dialect.version
        actions = encode_actions(version, self.actions)
        data = self.packet if self.buffer_id == NO_BUFFER else b""
        if version == OF10:
            return _OUT10.pack(self.buffer_id, to_16(self.in_port), len(actions)) + actions + data
        if version < OF15:
            return _OUT11.pack(self.buffer_id, self.in_port, len(actions)) + actions + data
        return (
            _OUT15.pack(self.buffer_id, len(actions)) + encode_match(version, self.metadata) + actions + data
        )

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The port must be real, or one that a packet can come from."""
        version = dialect.version
        layout = _OUT10 if version == OF10 else _OUT11 if version < OF15 else _OUT15
        if len(body) < layout.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        match, end = Match(), layout.size
        if version >= OF15:
            buffer_id, size = layout.unpack_from(body)
            match, end = _decode_metadata(version, body, end)
            if match.mask & _IN_PORT.mask != _IN_PORT.mask:
                raise OpenFlowError(BadRequest.BAD_PORT, "packet-out lacks required in_port")
            port = _IN_PORT.get(match.value)
            match = match.without(_IN_PORT)
        else:
            buffer_id, port, size = layout.unpack_from(body)
            port = from_16(port) if version == OF10 else port
        if version > OF10:
            check_port(port)
        check_span(size, len(body) - end)
        actions = decode_actions(version, body[end : end + size])
        if port >= OFPP_MAX and port not in _SOURCES:
            raise OpenFlowError(BadRequest.BAD_PORT, f"packet-out has bad input port {port:#x}")
        packet = body[end + size :] if buffer_id == NO_BUFFER else b""
        return cls(packet, actions, OfPort(port), buffer_id, match)


def _decode_metadata(version: int, body: bytes, at: int) -> tuple[Match, int]:
    """The match at byte `at`, of metadata only, and where it ends; another field is wrong before what follows it is."""
    try:
        match, end = decode_match(version, body, at, loose=True)
    except OpenFlowError as error:
        if isinstance(error.partial, Match) and error.partial.mask & ~_PIPELINE:
            raise OpenFlowError(BadRequest.PIPELINE_FIELDS_ONLY) from None
        raise
    if match.mask & ~_PIPELINE:
        raise OpenFlowError(BadRequest.PIPELINE_FIELDS_ONLY)
    return match, end


_SOURCES = (OFPP_LOCAL, OFPP_NONE, OFPP_CONTROLLER, OFPP_IN_PORT)
