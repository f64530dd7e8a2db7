"""Nicira's messages about tunnel options, tracked connections and exported flow records.

Sources: OVS include/openflow/nicira-ext.h (nx_tlv_table_mod, nx_tlv_table_reply, nx_zone_id, nx_ct_flush,
nx_ipfix_stats_reply).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.openflow.codec import U16
from vswitch.openflow.errors import BadProperty, BadRequest, OpenFlowError, TlvTableModFailed
from vswitch.openflow.message import Dialect, Form, Message, Multipart, group_items, message
from vswitch.openflow.properties import Property, encode_property, split_properties
from vswitch.openflow.value import Value, value, wire

NXTTMC_ADD, NXTTMC_DELETE, NXTTMC_CLEAR = range(3)
_TLV_MOD = struct.Struct("!H6x")
_TLV_REPLY = struct.Struct("!IH10x")
_TLV_MAP = struct.Struct("!HBBH2x")
_MAX_OPTION = 124
_MAX_FIELDS = 64


@value
class TlvMap(Value):
    """A Geneve option of `length` bytes is the field tun_metadata`index`."""

    option_class: int
    option_type: int
    length: int
    index: int

    def encode(self) -> bytes:
        """Eight bytes."""
        return _TLV_MAP.pack(self.option_class, self.option_type, self.length, self.index)


def _decode_maps(data: bytes, loose: bool, max_fields: int) -> tuple[TlvMap, ...]:
    maps = tuple(TlvMap(*fields) for fields in _TLV_MAP.iter_unpack(data))
    for option in maps:
        if option.length > _MAX_OPTION or option.length % 4 or not (option.length or loose):
            why = f"tlv table option length ({option.length}) is not a valid option size"
            raise OpenFlowError(TlvTableModFailed.BAD_OPT_LEN, why, "ofp_match")
        if option.index >= max_fields:
            why = f"tlv table field index ({option.index}) is too large (max {max_fields - 1 & 0xFFFFFFFF})"
            raise OpenFlowError(TlvTableModFailed.BAD_FIELD_IDX, why, "ofp_match")
    return maps


@message("TLV_TABLE_MOD", "NXT 1.0+(24)[8+8]")
class TlvTableMod(Message):
    """Add or delete mappings of tunnel options to fields, or delete all (NXTTMC_*)."""

    command: int
    maps: tuple[TlvMap, ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The mappings follow."""
        return _TLV_MOD.pack(self.command) + b"".join(option.encode() for option in self.maps)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Mappings to the end."""
        if len(body) < _TLV_MOD.size or len(body) % _TLV_MAP.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        (command,) = _TLV_MOD.unpack_from(body)
        if command > NXTTMC_CLEAR:
            why = f"tlv table mod command ({command}) is out of range"
            raise OpenFlowError(TlvTableModFailed.BAD_COMMAND, why, "ofp_match")
        return cls(command, _decode_maps(body[_TLV_MOD.size :], dialect.loose, _MAX_FIELDS))


@message("TLV_TABLE_REQUEST", "NXT 1.0+(25)[0]")
class TlvTableRequest(Message):
    """Which tunnel options are which fields?"""


@message("TLV_TABLE_REPLY", "NXT 1.0+(26)[16+8]")
class TlvTableReply(Message):
    """The mappings, and how many bytes and fields there can be."""

    max_option_space: int = 0
    max_fields: int = 0
    maps: tuple[TlvMap, ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The mappings follow."""
        head = _TLV_REPLY.pack(self.max_option_space, self.max_fields)
        return head + b"".join(option.encode() for option in self.maps)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Mappings to the end."""
        if len(body) < _TLV_REPLY.size or len(body) % _TLV_MAP.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        space, fields = _TLV_REPLY.unpack_from(body)
        return cls(space, fields, _decode_maps(body[_TLV_REPLY.size :], True, fields))


@message("CT_FLUSH_ZONE", "NXT 1.0+(29)[8]")
class CtFlushZone(Message):
    """Forget the connections of a zone."""

    zone: int = wire(U16)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The zone after six zeros."""
        return struct.pack("!6xH", self.zone)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The zone after six zeros."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if any(body[:6]) and not dialect.loose:
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(int.from_bytes(body[6:], "big"))


@value
class CtTuple(Value):
    """One direction of a connection; what is 0 is not asked for.  IPv4 addresses are ::ffff:a.b.c.d."""

    src: int = 0
    dst: int = 0
    src_port: int = 0
    dst_port: int = 0
    icmp_id: int = 0
    icmp_type: int = 0
    icmp_code: int = 0


@value
class MaskedBits(Value):
    """Bits of a connection's mark or label that must have these values."""

    value: int
    mask: int


# enum nx_ct_flush_tuple_tlv_type (NXT_CT_TUPLE_*) and enum nx_ct_flush_tlv_type (NXT_CT_*)
_TUPLE_SIZES = (16, 16, 2, 2, 2, 1, 1)  # by property type, in the order of the fields of CtTuple
_ORIGINAL, _REPLY, _ZONE, _MARK, _MARK_MASK, _LABELS, _LABELS_MASK = range(7)
_MARK_SIZE, _LABELS_SIZE = 4, 16  # bytes


def _encode_tuple(kind: int, found: CtTuple) -> bytes:
    """A property that holds properties; nothing if nothing is said."""
    fields = enumerate(zip(CtTuple._astuple(found), _TUPLE_SIZES, strict=True))
    inner = b"".join(
        encode_property(number, field.to_bytes(size, "big")) for number, (field, size) in fields if field
    )
    return encode_property(kind, bytes(4) + inner) if inner else b""


def _decode_tuple(prop: Property, seen: set[bool]) -> CtTuple:
    """Unknown properties are skipped.  `seen` is whether the addresses of the connection are of IPv4."""
    if len(prop.payload) < 4:
        raise OpenFlowError(BadProperty.BAD_LEN)
    fields = dict.fromkeys(CtTuple.__match_args__, 0)
    for inner in split_properties(prop.payload[4:]):
        if inner.type < len(_TUPLE_SIZES):
            name = CtTuple.__match_args__[inner.type]
            fields[name] = inner.start(_TUPLE_SIZES[inner.type])
            if name in ("src", "dst"):
                seen.add(fields[name] >> 32 == 0xFFFF)
                if len(seen) > 1:
                    raise OpenFlowError(BadProperty.BAD_VALUE, "IPv4 and IPv6 in one connection")
    return CtTuple(*fields.values())


def _with_bits(bits: MaskedBits | None, prop: Property, is_mask: bool, size: int) -> MaskedBits:
    """`bits` with what a property says of their value or mask; without a mask all of them matter."""
    if len(prop.payload) != size:
        raise OpenFlowError(BadProperty.BAD_LEN)
    number = int.from_bytes(prop.payload, "big")
    if is_mask:
        return MaskedBits(bits.value if bits else 0, number)
    return MaskedBits(number, bits.mask if bits else (1 << 8 * size) - 1)


@message("CT_FLUSH", "NXT 1.0+(32)[8+8]")
class CtFlush(Message):
    """Forget the connections that match: in a zone, of a protocol, with these ends."""

    ip_proto: int = 0
    original: CtTuple = CtTuple()
    reply: CtTuple = CtTuple()
    zone: int | None = None
    mark: MaskedBits | None = None
    labels: MaskedBits | None = None

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Properties after the protocol."""
        body = bytes([self.ip_proto]) + bytes(7)
        body += _encode_tuple(_ORIGINAL, self.original) + _encode_tuple(_REPLY, self.reply)
        if self.zone is not None:
            body += encode_property(_ZONE, self.zone.to_bytes(2, "big"))
        for bits, kind, size in (self.mark, _MARK, _MARK_SIZE), (self.labels, _LABELS, _LABELS_SIZE):
            if bits is not None:
                body += encode_property(kind, bits.value.to_bytes(size, "big"))
                body += encode_property(kind + 1, bits.mask.to_bytes(size, "big"))
        return body

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Unknown properties are skipped."""
        if len(body) < 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if any(body[1:8]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        made, seen = cls(body[0]), set[bool]()
        for prop in split_properties(body[8:]):
            if prop.type == _ORIGINAL:
                made = made.replace(original=_decode_tuple(prop, seen))
            elif prop.type == _REPLY:
                made = made.replace(reply=_decode_tuple(prop, seen))
            elif prop.type == _ZONE:
                made = made.replace(zone=prop.u16())
            elif prop.type in (_MARK, _MARK_MASK):
                made = made.replace(mark=_with_bits(made.mark, prop, prop.type == _MARK_MASK, _MARK_SIZE))
            elif prop.type in (_LABELS, _LABELS_MASK):
                is_mask = prop.type == _LABELS_MASK
                made = made.replace(labels=_with_bits(made.labels, prop, is_mask, _LABELS_SIZE))
        return made


@value
class IpfixStats(Value):
    """What a collector has been told of."""

    total_flows: int = 0
    current_flows: int = 0
    packets: int = 0
    ipv4_packets: int = 0
    ipv6_packets: int = 0
    error_packets: int = 0
    ipv4_error_packets: int = 0
    ipv6_error_packets: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    collector_set_id: int = 0


_IPFIX = struct.Struct("!10QI4x")


@message("IPFIX_BRIDGE", "NXST 1.0+(3)[0]", "request")
class IpfixBridgeRequest(Multipart):
    """What has been exported of the bridge's packets?"""


@message("IPFIX_BRIDGE", "NXST 1.0+(3)[88]", "reply")
class IpfixBridgeReply(Multipart):
    """What has been exported of the bridge's packets."""

    stats: IpfixStats = IpfixStats()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed."""
        return _IPFIX.pack(*IpfixStats._astuple(self.stats))

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed."""
        if len(body) != _IPFIX.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(IpfixStats(*_IPFIX.unpack(body)))


@message("IPFIX_FLOW", "NXST 1.0+(4)[0]", "request")
class IpfixFlowRequest(Multipart):
    """What have `sample` actions exported?"""


@message("IPFIX_FLOW", "NXST 1.0+(4)[0+88]", "reply")
class IpfixFlowReply(Multipart):
    """What `sample` actions have exported, by set of collectors."""

    stats: tuple[IpfixStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(_IPFIX.pack(*IpfixStats._astuple(stats)) for stats in self.stats)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        if len(body) % _IPFIX.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(tuple(IpfixStats(*fields) for fields in _IPFIX.iter_unpack(body)))
