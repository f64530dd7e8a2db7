"""Matches on the wire: OpenFlow 1.0's and 1.1's structures, NXM, OXM.

NXM and OXM are lists of entries, each a header (wirefield.py), a value and perhaps a mask.  Since OpenFlow 1.2 such a list
has a header of its own and is padded to 8 bytes; Nicira's messages tell its length elsewhere.

Which entries a match takes follows from its mask and a few values (is it IP? TCP?), not from addresses; so the plan for
that is made once and kept.  Encoding costs 0.3 us per field then, bench/openflow.py.

Sources: OpenFlow 1.5.1, 7.2.3; OVS lib/nx-match.c (order of entries, errors).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache, reduce
from operator import or_

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.codes import EXPERIMENTER, by_number
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    CT_NW_PROTO,
    CT_TP_DST,
    CT_TP_SRC,
    ETH_TYPE,
    FIELDS,
    IP_PROTO,
    N_CODED_REGS,
    N_REGS,
    NEEDS_CT,
    NEEDS_ETHERNET,
    NEEDS_NOTHING,
    NEEDS_NSH,
    PACKET_TYPE,
    TP_SRC,
    TUN_METADATA,
    TUN_METADATA_PRESENT,
    VLAN_TCI,
    with_type,
)
from vswitch.flow.match import Match
from vswitch.openflow.codec import padded
from vswitch.openflow.errors import BadAction, BadMatch, BadRequest, OpenFlowError
from vswitch.openflow.match10 import MATCH10_SIZE, decode_match10, encode_match10, fits_10
from vswitch.openflow.match11 import MATCH11_SIZE, decode_match11, encode_match11
from vswitch.openflow.version import OF11, OF15
from vswitch.openflow.wirefield import can_be, encode_header, experimenter_error, wildcards_error
from vswitch.openflow.wireshape import Entry, Shape, Shapes, shape_of
from vswitch.packet.numbers import ETH_IP, ETH_IPV6, ICMPV6

__all__ = [
    "MATCH10_SIZE",
    "check_addresses",
    "decode_match",
    "decode_match10",
    "decode_nxm",
    "decode_nxm_at",
    "decode_nxm_loose",
    "encode_match",
    "encode_match10",
    "encode_nxm",
    "fits_10",
]

NXM = 0  # in place of a version
_HEAD = struct.Struct("!HH")
_OFPMT_STANDARD, _OFPMT_OXM = 0, 1
_COOKIE = 0x00013C08  # NXM_NX_COOKIE: not a field of packets, but part of Nicira's matches on flows
_COOKIES = (b"\x00\x01\x3c\x08", b"\x00\x01\x3d\x10")  # its headers, without and with a mask
_COOKIE_MASKED = 0x00013D10
_ETHERNET = reduce(or_, (field.mask for field in FIELDS if field.needs is NEEDS_ETHERNET)) & ~PACKET_TYPE.mask


def encode_match(version: int, match: Match) -> bytes:
    """The match with its header, in OpenFlow 1.1 or later."""
    if version == OF11:
        return encode_match11(match)
    return _encoded(match, version, True)


def encode_nxm(match: Match, cookie: int = 0, cookie_mask: int = 0) -> bytes:
    """The entries in NXM, without padding; a cookie to match comes last."""
    entries = encode_entries(match, NXM)
    if not cookie_mask:
        return entries
    value = (cookie & cookie_mask).to_bytes(8, "big")
    if cookie_mask == (1 << 64) - 1:
        return entries + _COOKIE.to_bytes(4, "big") + value
    return entries + _COOKIE_MASKED.to_bytes(4, "big") + value + cookie_mask.to_bytes(8, "big")


def encode_entries(match: Match, version: int) -> bytes:
    """The entries of `match`, without padding, in OXM as `version` has it, or in NXM.

    OXM in OpenFlow 1.0 is for Nicira's newer messages, which have it in every version.
    """
    return _encoded(match, version, False)


def _encoded(match: Match, version: int, framed: bool) -> bytes:
    value = match.value
    number, size, moves = plan_for(match.mask, kind_of(value), version, framed)
    for offset, ones, shift in moves:
        number |= (value >> offset & ones) << shift
    return number.to_bytes(size, "big")


# What of a value decides which entries a match takes; of ports, only those that are ICMPv6's type.
_PROTO = 0xFF << IP_PROTO.offset
_TAGGED, _VLAN_BITS, _NO_TAG = (
    bits << VLAN_TCI.offset for bits in (0x1000, 0xFFF, 1)
)  # 1: the id of a tag that is none
_KIND = PACKET_TYPE.mask | ETH_TYPE.mask | _PROTO | _TAGGED
_KIND_OF_ICMPV6 = _KIND | 0xFF << TP_SRC.offset
_ICMPV6 = ICMPV6 << IP_PROTO.offset


def kind_of(value: int) -> int:
    """What of the value of a match decides which entries it takes."""
    kind = value & (_KIND_OF_ICMPV6 if value & _PROTO == _ICMPV6 else _KIND)
    return kind | _NO_TAG if value & _VLAN_BITS and not kind & _TAGGED else kind


class _Step(NamedTuple):
    """One entry: its header, where the value is in a Flow, and the bytes of the mask, if it has one."""

    head: bytes
    offset: int
    ones: int
    size: int
    tail: bytes
    implies_ethernet: bool = False  # its field is in a header of Ethernet or above


class Plan(NamedTuple):
    """How to encode the matches with one mask on packets of one kind: as one number, like Shape, but the other way."""

    number: int  # but for what moves
    size: int  # bytes
    moves: tuple[tuple[int, int, int], ...]  # bit in a Flow, ones, bit in the list


@lru_cache(maxsize=4096)
def plan_for(mask: int, kind: int, version: int, framed: bool) -> Plan:
    """The entries for matches with `mask` on packets of this kind; `framed`, with header and padding."""
    steps = list(_steps(mask, kind, version))
    if mask & PACKET_TYPE.mask and not PACKET_TYPE.get(kind) and any(step.implies_ethernet for step in steps):
        steps = list(_steps(mask & ~PACKET_TYPE.mask, kind, version))
    data = b"".join([step.head + bytes(step.size) + step.tail for step in steps])
    if framed:
        data = padded(_HEAD.pack(_OFPMT_OXM, 4 + len(data)) + data)
    number, moves, at = int.from_bytes(data, "big"), [], _HEAD.size if framed else 0
    for step in steps:
        at += len(step.head) + step.size
        moves.append((step.offset, step.ones, 8 * (len(data) - at)))
        at += len(step.tail)
    return Plan(number, len(data), tuple(moves))


def _steps(mask: int, kind: int, version: int) -> Iterator[_Step]:
    """The entries in order."""
    kind = with_type(kind)
    for field in _ordered(version):
        bits = field.get(mask)
        if field.offset >= TUN_METADATA[0].offset:
            if TUN_METADATA_PRESENT.get(mask) >> TUN_METADATA.index(field) & 1:
                yield _option_step(field, bits, version)
            continue
        if not bits or not (field.needs in _UNASKED or field.needs.holds(kind)):
            continue
        if field in (CT_TP_SRC, CT_TP_DST) and not mask & CT_NW_PROTO.mask:
            continue  # of what protocol?
        if field is VLAN_TCI and version != NXM:
            yield from _vlan_steps(bits, VLAN_TCI.get(kind), version)
            continue
        whole = (bits == field.ones and field is not _TUN_FLAGS) or field in _UNMASKABLE
        tail = b"" if whole else bits.to_bytes(field.size, "big")
        head, layered = encode_header(field, version, not whole), field.needs is not NEEDS_NOTHING
        typed = (
            field is ETH_TYPE and PACKET_TYPE.get(kind) >> 16 == 1
        )  # the type of the packet is that of Ethernet
        yield _Step(head, PACKET_TYPE.offset if typed else field.offset, bits, field.size, tail, layered)


def _option_step(field: Field, bits: int, version: int) -> _Step:
    """An option of a tunnel is as long as what is said of it; nothing but its presence is a mask of no bytes."""
    size = -(-bits.bit_length() // 8)
    whole = bits != 0 and bits == (1 << 8 * size) - 1
    head = bytearray(encode_header(field, version, not whole))
    head[3] = size if whole else 2 * size
    return _Step(bytes(head), field.offset, bits, size, b"" if whole else bits.to_bytes(size, "big"))


_LAYERED = reduce(or_, (field.mask for field in FIELDS if field.needs is not NEEDS_NOTHING))
_UNASKED = (NEEDS_CT, NEEDS_NSH, NEEDS_ETHERNET)  # told of any packets, as Open vSwitch does
_TUN_FLAGS = FIELDS["tun_flags"]  # of 16 bits OpenFlow knows one: never all
_UNMASKABLE = frozenset(field for field in FIELDS if not field.maskable)
_VLAN_VID, _VLAN_PCP = FIELDS["vlan_vid"], FIELDS["vlan_pcp"]


def _vlan_steps(bits: int, tagged: int, version: int) -> Iterator[_Step]:
    """OXM has the id with the bit that says "present", and the priority, as fields of their own."""
    vid = bits & 0x1FFF
    if vid:
        whole = vid == 0x1FFF
        tail = b"" if whole else vid.to_bytes(2, "big")
        yield _Step(encode_header(_VLAN_VID, version, not whole), VLAN_TCI.offset, vid, 2, tail, True)
    if tagged and bits & 0xE000:
        yield _Step(encode_header(_VLAN_PCP, version), VLAN_TCI.offset + 13, 7, 1, b"", True)


# The order in which Open vSwitch writes entries.  Ports of TCP and the like share a place; prerequisites choose.
_ORDER = (
    *("packet_type", "dp_hash", "recirc_id", "conj_id", "in_port", "actset_output"),
    *("eth_src", "eth_dst", "eth_type", "vlan_tci"),
    *("mpls_tc", "mpls_bos", "mpls_ttl", "mpls_label"),
    *("ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "ip_frag", "nw_tos", "nw_ecn", "nw_ttl", "nw_proto"),
    *("tcp_src", "tcp_dst", "tcp_flags", "udp_src", "udp_dst", "sctp_src", "sctp_dst"),
    *("icmp_type", "icmp_code", "icmpv6_type", "icmpv6_code"),
    *("ipv6_label", "nd_target", "nd_sll", "nd_tll", "nd_reserved", "nd_options_type"),
    *("arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"),
    *(
        "tun_id",
        "tun_flags",
        "tun_src",
        "tun_dst",
        "tun_ipv6_src",
        "tun_ipv6_dst",
        "tun_gbp_id",
        "tun_gbp_flags",
    ),
    *(f"tun_metadata{i}" for i in range(64)),
    *(
        "tun_erspan_idx",
        "tun_erspan_ver",
        "tun_erspan_dir",
        "tun_erspan_hwid",
        "tun_gtpu_flags",
        "tun_gtpu_msgtype",
    ),
    *(
        "nsh_flags",
        "nsh_ttl",
        "nsh_mdtype",
        "nsh_np",
        "nsh_spi",
        "nsh_si",
        "nsh_c1",
        "nsh_c2",
        "nsh_c3",
        "nsh_c4",
    ),
    *(f"reg{i}" for i in range(N_CODED_REGS)),
    *(f"xxreg{i}" for i in range(N_CODED_REGS // 4, N_REGS // 4)),
    *(f"xreg{i}" for i in range(N_REGS // 2)),
    *("pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label"),
    *(
        "ct_nw_src",
        "ct_nw_dst",
        "ct_ipv6_src",
        "ct_ipv6_dst",
        "ct_nw_proto",
        "ct_tp_src",
        "ct_tp_dst",
        "metadata",
    ),
)


@lru_cache
def _ordered(version: int) -> tuple[Field, ...]:
    """The fields in which `version` tells matches, in order."""
    replaced = {} if version == NXM else {"in_port": "in_port_oxm", "nw_tos": "ip_dscp"}
    names = (replaced.get(name, name) for name in _ORDER)
    left_out = ("reg", "xxreg") if version >= OF15 else ("xreg",)  # OpenFlow 1.5 has registers of 64 bits
    return tuple(FIELDS[name] for name in names if name.rstrip("0123456789") not in left_out)


def decode_match(version: int, data: bytes, at: int, loose: bool = False) -> tuple[Match, int]:
    """The match at byte `at` and where it ends, in OpenFlow 1.1 or later; `loose` passes over unknown fields."""
    if len(data) - at < 4:
        raise OpenFlowError(BadMatch.BAD_LEN)
    kind, length = _HEAD.unpack_from(data, at)
    if kind == _OFPMT_STANDARD and not loose:
        if length != MATCH11_SIZE or len(data) - at < MATCH11_SIZE:
            raise OpenFlowError(BadMatch.BAD_LEN)
        return decode_match11(data, at), at + MATCH11_SIZE
    if kind != _OFPMT_OXM and not (loose and length < 4):
        raise OpenFlowError(BadMatch.BAD_TYPE)
    end = at + (length + 7) // 8 * 8
    if length < 4 or end > len(data):
        raise OpenFlowError(BadMatch.BAD_LEN)
    match, _, _ = decode_entries(data, at + 4, at + length, loose)
    return match, end


def check_addresses(match: Match) -> None:
    """Refuse addresses of connections that are not of the packet's kind: no packet can match."""
    if match.mask & _CT_ADDRESSES:
        for mask, kind in _CT_KINDS:
            if match.mask & mask and ETH_TYPE.get(match.value) != kind:
                raise OpenFlowError(BadAction.MATCH_INCONSISTENT)


_CT_KINDS = (
    (FIELDS["ct_nw_src"].mask | FIELDS["ct_nw_dst"].mask, ETH_IP),
    (FIELDS["ct_ipv6_src"].mask | FIELDS["ct_ipv6_dst"].mask, ETH_IPV6),
)
_CT_ADDRESSES = reduce(or_, (mask for mask, _ in _CT_KINDS))


def decode_nxm(data: bytes, at: int, length: int, exact: bool = False) -> tuple[Match, int, int]:
    """The match and cookie in `length` bytes from `at`, padded to 8; with `exact`, that is where the data ends."""
    end = at + (length + 7) // 8 * 8
    if end > len(data):
        raise OpenFlowError(BadMatch.BAD_LEN)
    decoded = decode_entries(data, at, at + length, loose=False, cookies=True)
    if exact and end != len(data):
        raise OpenFlowError(BadRequest.BAD_LEN)
    return decoded


def decode_nxm_at(data: bytes, at: int, length: int) -> tuple[Match, int]:
    """The match in `length` bytes from `at`, padded to 8, and where its padding ends; a cookie is out of place."""
    end = at + (length + 7) // 8 * 8
    if end > len(data):
        raise OpenFlowError(BadMatch.BAD_LEN)
    match, _, _ = decode_entries(data, at, at + length, loose=False)
    return match, end


def decode_nxm_loose(data: bytes, at: int, length: int) -> Match:
    """The match in `length` bytes from `at`, without fields that we do not know."""
    match, _, _ = decode_entries(data, at, at + length, loose=True)
    return match


class _Known(NamedTuple):
    """What a header of four bytes means."""

    field: Field
    size: int  # of value and mask together
    masked: bool


@lru_cache
def _headers() -> dict[int, _Known]:
    """The headers of four bytes that have the usual length."""
    known = {}
    for code in by_number().values():
        if not code.experimenter and not code.field.name.startswith("tun_metadata"):
            field = code.field
            for masked in (False, True) if field.maskable else (False,):
                size = field.size * (2 if masked else 1)
                known[code.oxm_class << 16 | code.number << 9 | masked << 8 | size] = _Known(
                    field, size, masked
                )
    return known


_SHAPES: Shapes[Shape] = Shapes()
_LOOSE_SHAPES: Shapes[Shape] = Shapes()  # also of lists with entries that are passed over


def decode_entries(
    data: bytes, at: int, end: int, loose: bool, cookies: bool = False
) -> tuple[Match, int, int]:
    """The match, cookie and cookie mask that the entries from `at` to `end` tell, where there may be `cookies`."""
    start, number = at, int.from_bytes(data[at:end], "big")
    shapes = _LOOSE_SHAPES if loose else _SHAPES
    known = shapes.find(number, end - at)
    if known is not None:
        return known.match(number), 0, 0
    entries: list[Entry] = []
    match, cookie = _decode_each(data, at, end, loose, cookies, entries)
    if cookie is None:
        relative = [Entry(field, bits, stop - start) for field, bits, stop in entries]
        shapes.learn(number, end - start, *shape_of(end - start, relative, match))
    return match, *(cookie or (0, 0))


def entries_of(data: bytes, at: int, end: int) -> list[Entry]:
    """The entries from `at` to `end`, a list that is right, with where their values end in `data`."""
    entries: list[Entry] = []
    _decode_each(data, at, end, False, True, entries)
    return entries


def _decode_each(
    data: bytes, at: int, end: int, loose: bool, cookies: bool, entries: list[Entry]
) -> tuple[Match, tuple[int, int] | None]:
    """The match, and cookie and mask if there are; `entries` gets those of the usual kind, with where their values end."""
    value, mask, cookie = 0, 0, None
    headers = _headers()
    try:
        while at < end:
            known = headers.get(int.from_bytes(data[at : at + 4], "big"))
            if known is None:
                if at + 12 <= end and data[at : at + 4] in _COOKIES:
                    found_cookie, at = _decode_cookie(data, at, end)
                    if cookies:
                        if cookie and cookie[1]:
                            raise OpenFlowError(BadMatch.DUP_FIELD, "cookie")
                        cookie = found_cookie
                    elif not loose:
                        raise OpenFlowError(BadMatch.BAD_FIELD, "cookie")
                    continue
                found, at = _decode_rare(data, at, end, loose)
                if found is not None:
                    value, mask = _add(value, mask, *found, loose)
                continue
            field, size, masked = known
            middle, stop = at + 4 + size // 2, at + 4 + size
            if stop > end:
                raise OpenFlowError(BadMatch.BAD_LEN)
            if masked:
                number, bits = _under_mask(data, at, at + 4, middle, stop)
            else:
                number, bits = int.from_bytes(data[at + 4 : stop], "big"), field.ones
            value, mask = _add(value, mask, field, number, bits, loose)
            entries.append(Entry(field, bits, middle if masked else stop))
            at = stop
    except OpenFlowError as error:
        raise error.after(Match(Flow(value), Mask(mask))) from None
    if mask & _LAYERED and not mask & PACKET_TYPE.mask:
        mask |= PACKET_TYPE.mask
    return Match(Flow(value), Mask(mask)), cookie


def _under_mask(data: bytes, at: int, start: int, middle: int, stop: int) -> tuple[int, int]:
    """The value from byte `start` and its mask from byte `middle`, which covers it, of the entry at byte `at`."""
    number, bits = int.from_bytes(data[start:middle], "big"), int.from_bytes(data[middle:stop], "big")
    if number & ~bits:
        raise wildcards_error(data, at)
    return number, bits


def _add(value: int, mask: int, field: Field, number: int, bits: int, loose: bool) -> tuple[int, int]:
    """Value and mask of a match with one field more; `loose`, even where packets do not have it."""
    if not can_be(field, number):
        raise OpenFlowError(BadMatch.BAD_VALUE, field.name)
    if not (loose or field.needs.holds_in(value, mask) or field.needs.holds_in(with_type(value), mask)):
        raise OpenFlowError(BadMatch.BAD_PREREQ, field.name)
    if (mask & field.mask and field.get(mask)) or (field is PACKET_TYPE and mask & _ETHERNET):
        raise OpenFlowError(BadMatch.DUP_FIELD, field.name)
    under = field.under(bits & field.ones)
    if field.name.startswith("tun_metadata"):
        match = Match(Flow(value), Mask(mask)).where(field, number, bits)
        return match.value, match.mask
    return value | field.put(Flow(0), number) & under, mask | under


def _decode_rare(data: bytes, at: int, end: int, loose: bool) -> tuple[tuple[Field, int, int] | None, int]:
    """An experimenter's entry, a tunnel option, or one that is wrong or unknown; None for unknown."""
    if end - at < 4:
        raise OpenFlowError(BadMatch.BAD_LEN)
    oxm_class, number, size = struct.unpack_from("!HBB", data, at)
    masked, number, experimenter, start = bool(number & 1), number >> 1, 0, at + 4
    stop = start + size
    if oxm_class == EXPERIMENTER:
        if end - start < 4:
            raise OpenFlowError(BadMatch.BAD_LEN)
        if size < 4:
            raise experimenter_error(data, at)
        experimenter, start, size = int.from_bytes(data[start : start + 4], "big"), start + 4, size - 4
    if stop > end:
        raise OpenFlowError(BadMatch.BAD_LEN)
    half = start + size // 2 if masked else stop
    if masked:
        pair = _under_mask(data, at, start, half, half + size // 2)
    else:  # no bytes of an option are zeros
        pair = int.from_bytes(data[start:stop], "big"), (1 << 8 * max(1, size)) - 1
    code = by_number().get((oxm_class, experimenter, number))
    if code is None or not _has_size(code.field, half - start):
        if code is not None and not size and code.field.name.startswith("tun_metadata"):
            raise OpenFlowError(BadMatch.BAD_LEN, f"{code.field.name} without a value")
        if loose:
            return None, stop
        raise OpenFlowError(BadMatch.BAD_FIELD, f"class {oxm_class:#x}, field {number}, {size} bytes")
    if not code.field.maskable and pair[1] not in (0, (1 << 8 * (half - start)) - 1):
        raise OpenFlowError(BadMatch.BAD_MASK, code.field.name)
    return (code.field, *pair), stop


def _has_size(field: Field, size: int) -> bool:
    """Whether an entry for `field` can have values of `size` bytes."""
    if field.name.startswith("tun_metadata"):
        return size <= field.size
    return size == field.size


def _decode_cookie(data: bytes, at: int, end: int) -> tuple[tuple[int, int], int]:
    """Cookie and mask, and where the entry ends."""
    size = data[at + 3]
    if at + 4 + size > end:
        raise OpenFlowError(BadMatch.BAD_LEN)
    if size == 16:
        cookie, mask = _under_mask(data, at, at + 4, at + 12, at + 20)
    else:
        cookie, mask = int.from_bytes(data[at + 4 : at + 12], "big"), (1 << 64) - 1
    return (cookie, mask), at + 4 + size
