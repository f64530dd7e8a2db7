"""Match: which packets a rule is for.

`Match(value, mask)` has the packets whose flow agrees with `value` on `mask`.  In text it is what users of ovs-ofctl
write and read: `tcp,nw_dst=10.0.0.0/8,tp_dst=80`.  Reading, later words change earlier ones; writing, fields come in a
fixed order under the names of OpenFlow 1.0, and words like `tcp` stand for types and protocols.

Sources: ovs-fields(7); ovs-ofctl(8), "Flow Syntax".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, reduce
from operator import or_

from vswitch.base.bits import ones
from vswitch.base.errors import TextError
from vswitch.base.text import key_values
from vswitch.flow.field import Field, Flow, Mask, PortNames
from vswitch.flow.fields import (
    ACTSET_OUTPUT,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    CONJ_ID,
    CT_IPV6_DST,
    CT_IPV6_SRC,
    CT_LABEL,
    CT_MARK,
    CT_NW_DST,
    CT_NW_PROTO,
    CT_NW_SRC,
    CT_STATE,
    CT_TP_DST,
    CT_TP_SRC,
    CT_ZONE,
    DP_HASH,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_DST,
    IP_ECN,
    IP_FRAG,
    IP_PROTO,
    IP_SRC,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    METADATA,
    MPLS_BOS,
    MPLS_LABEL,
    MPLS_LSE,
    MPLS_TC,
    MPLS_TTL,
    ND_OPTIONS_TYPE,
    ND_RESERVED,
    ND_SLL,
    ND_TARGET,
    ND_TLL,
    NEEDS_ETHERNET,
    NEEDS_NOTHING,
    NSH_C,
    NSH_FLAGS,
    NSH_MDTYPE,
    NSH_NP,
    NSH_SI,
    NSH_SPI,
    NSH_TTL,
    NW_TOS,
    PACKET_TYPE,
    PKT_MARK,
    RECIRC_ID,
    REG,
    SKB_PRIORITY,
    TCP_FLAGS,
    TP_DST,
    TP_SRC,
    TUN_DST,
    TUN_ERSPAN_DIR,
    TUN_ERSPAN_HWID,
    TUN_ERSPAN_IDX,
    TUN_ERSPAN_VER,
    TUN_FLAGS,
    TUN_GBP_FLAGS,
    TUN_GBP_ID,
    TUN_GTPU_FLAGS,
    TUN_GTPU_MSGTYPE,
    TUN_ID,
    TUN_IPV6_DST,
    TUN_IPV6_SRC,
    TUN_METADATA,
    TUN_METADATA_PRESENT,
    TUN_SRC,
    TUN_TOS,
    TUN_TTL,
    VLAN2_TCI,
    VLAN_PRESENT,
    VLAN_TCI,
)
from vswitch.flow.ports import OfPort
from vswitch.flow.subfield import Subfield, check_fits, parse_subfield
from vswitch.flow.texts import ALL_TUN_FLAGS_TEXT, DECIMAL, HEX, IPV4, hexadecimal, parse_digits
from vswitch.packet import numbers

DEFAULT_PRIORITY = 0x8000
VID, PCP = 0x0FFF, 0xE000  # in a TCI
NO_NAMES: Mapping[str, OfPort] = {}
NO_NUMBERS: Mapping[int, str] = {}


_NO_BITS, _EVERYTHING = Flow(0), Mask(0)


class Match:
    """The packets whose flow agrees with `value` on `mask`; `value` has no bits outside `mask`."""

    __slots__ = ("mask", "value")

    value: Flow
    mask: Mask

    def __init__(self, value: Flow = _NO_BITS, mask: Mask = _EVERYTHING) -> None:
        """Without arguments: every packet."""
        assert not value & ~mask, "value has bits outside mask"
        _set_value(self, value)  # as object.__setattr__ would, in half the time
        _set_mask(self, mask)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Match) and self.value == other.value and self.mask == other.mask

    def __hash__(self) -> int:
        return hash((self.value, self.mask))

    def matches(self, flow: int) -> bool:
        """Whether a packet with `flow` is one of them."""
        return flow & self.mask == self.value

    def covers(self, other: Match) -> bool:
        """Whether each packet of `other` is one of these."""
        return other.mask & self.mask == self.mask and other.value & self.mask == self.value

    def overlaps(self, other: Match) -> bool:
        """Whether one packet can be of both."""
        return not (self.value ^ other.value) & self.mask & other.mask

    def where(self, field: Field, value: int, mask: int | None = None) -> Match:
        """These packets, if `field` is `value` (under `mask`); what was said of `field` before does not count.

        A field of Ethernet makes a match on Ethernet packets, unless it is already on packets of another type.
        """
        bits = field.mask if mask is None else field.under(mask & field.ones)
        new_value = self.value & ~field.mask | field.put(Flow(0), value) & bits
        new_mask = self.mask & ~field.mask | bits
        if field.needs is NEEDS_ETHERNET and bits and not new_mask & PACKET_TYPE.mask:
            new_mask |= PACKET_TYPE.mask
        elif field.offset >= TUN_METADATA[0].offset:
            present = 1 << TUN_METADATA_PRESENT.offset + TUN_METADATA.index(field)
            new_value |= present
            new_mask |= present
        return Match(Flow(new_value), Mask(new_mask))

    def without(self, field: Field) -> Match:
        """These packets, whatever `field` is."""
        return Match(Flow(self.value & ~field.mask), Mask(self.mask & ~field.mask))

    def exactly(self, field: Field) -> int | None:
        """The value of `field` that all these packets have, if all its bits matter."""
        return field.get(self.value) if self.mask & field.mask == field.mask else None

    def __str__(self) -> str:
        return format_match(self)

    def __repr__(self) -> str:
        return f"Match({self.value:#x}, {self.mask:#x})"


_set_value: Callable[[Match, Flow], None] = vars(Match)["value"].__set__
_set_mask: Callable[[Match, Mask], None] = vars(Match)["mask"].__set__

# The words for types and protocols, as written; `ipv4`, `ip4` and `ip6` are understood, too.
WORDS: Mapping[tuple[int, int | None], str] = {
    (numbers.ETH_IP, None): "ip",
    (numbers.ETH_IP, numbers.ICMP): "icmp",
    (numbers.ETH_IP, numbers.TCP): "tcp",
    (numbers.ETH_IP, numbers.UDP): "udp",
    (numbers.ETH_IP, numbers.SCTP): "sctp",
    (numbers.ETH_IPV6, None): "ipv6",
    (numbers.ETH_IPV6, numbers.ICMPV6): "icmp6",
    (numbers.ETH_IPV6, numbers.TCP): "tcp6",
    (numbers.ETH_IPV6, numbers.UDP): "udp6",
    (numbers.ETH_IPV6, numbers.SCTP): "sctp6",
    (numbers.ETH_ARP, None): "arp",
    (numbers.ETH_RARP, None): "rarp",
    (numbers.ETH_MPLS, None): "mpls",
    (numbers.ETH_MPLS_MC, None): "mplsm",
}
_SHORTHANDS = {
    word: Match().where(ETH_TYPE, eth_type)
    if proto is None
    else Match().where(ETH_TYPE, eth_type).where(IP_PROTO, proto)
    for (eth_type, proto), word in WORDS.items()
}
_SHORTHANDS |= {"ipv4": _SHORTHANDS["ip"], "ip4": _SHORTHANDS["ip"], "ip6": _SHORTHANDS["ipv6"]}


def parse_match(text: str, port_names: PortNames = NO_NAMES) -> Match:
    """Read `text`, all of which must be about the packets."""
    match = Match()
    for name, value in key_values(text):
        changed = parse_match_word(match, name, value, port_names)
        if changed is None:
            raise TextError(f"unknown keyword {name}" if value else f"field {name} missing value", text)
        match = changed
    return match


def parse_match_word(match: Match, name: str, value: str, port_names: PortNames = NO_NAMES) -> Match | None:
    """`match` as the word `name=value` changes it; None if `name` is no field and no shorthand."""
    found = read_match_word(match, name, value, port_names)
    return None if found is None else found[0]


def read_match_word(
    match: Match, name: str, value: str, port_names: PortNames = NO_NAMES
) -> tuple[Match, Field | None, int] | None:
    """The same, and which bits of which field the word is about; a shorthand is about none."""
    shorthand = _SHORTHANDS.get(name)
    if shorthand:
        mask = shorthand.mask
        if match.mask & PACKET_TYPE.mask:
            mask = Mask(mask & ~PACKET_TYPE.mask)
        return Match(Flow(match.value & ~mask | shorthand.value), Mask(match.mask | mask)), None, 0
    if name == "eth":
        return match.where(PACKET_TYPE, 0), None, 0
    field = FIELDS.get(name)
    if field:
        return _parse_field(match, field, value or "0/0", port_names)
    if "[" in name:
        return _parse_part(match, parse_subfield(name), name, value)
    return None


def _parse_part(match: Match, part: Subfield, name: str, text: str) -> tuple[Match, Field, int]:
    """`reg0[3..7]=5`, beside what was said of other bits of the field."""
    value = parse_digits(text, part.field.size)
    if value is None:
        raise TextError(f"{name}: cannot parse integer value: {text}", text)
    check_fits(part, value, name)
    field, bits = part.field, ones(part.n_bits) << part.start
    value = field.get(match.value) & ~bits | value << part.start
    bits |= field.get(match.mask)
    return _on_ethernet(match.where(field, value, bits), field), field, bits


def parse_value(field: Field, text: str, port_names: PortNames) -> tuple[int, int]:
    """A value for `field`, and which of its bits matter."""
    if text == "*":
        return 0, 0
    value, mask = field.text.parse(field, text, port_names)
    if not field.maskable and mask not in (0, ones(8 * field.size)):
        raise TextError(f"{text}: invalid mask for field {field.name}", text)
    return value, mask


def _parse_field(match: Match, field: Field, text: str, port_names: PortNames) -> tuple[Match, Field, int]:
    value, mask = parse_value(field, text, port_names)
    if field.name == "dl_vlan" and value == 0xFFFF:
        return match.where(VLAN_TCI, 0), field, mask  # OpenFlow 1.0's way to say that there is no tag
    bits = mask
    if field.offset >= TUN_METADATA[0].offset:
        if match.mask >> TUN_METADATA_PRESENT.offset + TUN_METADATA.index(field) & 1:
            raise TextError(f"field {field.name} set multiple times", text)
        if mask == field.ones:
            bits = ones(8 * max(1, -(-value.bit_length() // 8)))  # how long the option is, its value says
    return _on_ethernet(match.where(field, value, bits), field), field, mask


def _on_ethernet(match: Match, field: Field) -> Match:
    """`match`, on Ethernet packets if `field` is in a header and nothing says which packets it is on."""
    if match.mask & PACKET_TYPE.mask or field.needs is NEEDS_NOTHING:
        return match
    return match.where(PACKET_TYPE, 0)


def format_match(
    match: Match, port_names: Mapping[int, str] = NO_NUMBERS, priority: int = DEFAULT_PRIORITY
) -> str:
    """`match` as ovs-ofctl prints it, after `priority` unless that is the default."""
    value = match.value
    template, places = match_form(match)
    text = template % tuple(
        [
            value >> offset & ones
            if write is None
            else write(field, value >> offset & ones, bits, port_names)
            for write, field, offset, ones, bits in places
        ]
    )
    if priority == DEFAULT_PRIORITY:
        return text
    return f"priority={priority},{text}" if text else f"priority={priority}"


_Write = Callable[[Field, int, int, Mapping[int, str]], str]
_Word = (
    str | tuple[str, _Write, Field, int]
)  # a word as it is; or `name=`, how to write a field, and its mask
# How to write (None: as `%` does), field, where its value is, its ones, and its mask.
Place = tuple[_Write | None, Field, int, int, int]


def match_form(match: Match) -> tuple[str, tuple[Place, ...]]:
    """The text of matches like this one, with "%s" where values are to be put in, and what goes there.

    It is the same for the many flows that differ in addresses: 1 us a match, without this 9.
    """
    return _form(match.mask, match.value & _SHAPING)


@lru_cache(maxsize=4096)
def _form(mask: int, shaping: int) -> tuple[str, tuple[Place, ...]]:
    """The same for all matches with `mask` whose values of what decides which words there are, are `shaping`."""
    texts: list[str] = []
    places: list[Place] = []
    for word in _Words(shaping, mask):
        if isinstance(word, str):
            texts.append(word.replace("%", "%%"))
            continue
        prefix, write, field, bits = word
        if write is IPV4.format:
            rest = write(field, 0, bits, NO_NUMBERS).removeprefix("0.0.0.0")  # the mask
            texts.append(f"{prefix}%s.%s.%s.%s{rest}")
            places += [(None, field, field.offset + shift, 0xFF, bits) for shift in (24, 16, 8, 0)]
        elif write is DECIMAL.format and bits == field.ones:
            texts.append(f"{prefix}%s")
            places.append((None, field, field.offset, field.ones, bits))
        else:
            texts.append(f"{prefix}%s")
            places.append((write, field, field.offset, field.ones, bits))
    return ",".join(texts), tuple(places)


class _Words:
    """The words of a match, in order.

    Which fields there are follows from what the match is on: bits in the place of ports are `icmp_type` if the protocol
    is ICMP, and `tp_src` if it is anything else, even something without ports.
    """

    def __init__(self, value: int, mask: int) -> None:
        if not mask & _CT_KNOWN:  # bits of the state that have no names are not told alone
            mask &= ~CT_STATE.mask
        self._value, self._mask = value, mask
        packet_type = PACKET_TYPE.get(self._value)
        self._type = packet_type & 0xFFFF if packet_type >> 16 == 1 else ETH_TYPE.get(self._value)
        self._proto = IP_PROTO.get(self._value) if self._mask & IP_PROTO.mask else None
        self._has_word = False  # whether a word says type, and maybe protocol

    def __iter__(self) -> Iterator[_Word]:
        yield from self._fields(
            PKT_MARK, RECIRC_ID, DP_HASH, CONJ_ID, SKB_PRIORITY, ACTSET_OUTPUT, CT_STATE, CT_ZONE
        )
        yield from self._fields(
            CT_MARK, CT_LABEL, CT_NW_SRC, CT_NW_DST, CT_IPV6_SRC, CT_IPV6_DST, CT_NW_PROTO
        )
        if self._mask & CT_NW_PROTO.mask:
            yield from self._fields(CT_TP_SRC, CT_TP_DST)
        yield from self._protocol()
        yield from self._fields(*REG)
        yield from self._tunnel()
        yield from self._fields(METADATA)
        yield from self._field(IN_PORT, "in_port")
        yield from self._vlan(VLAN_TCI, "")
        yield from self._vlan(VLAN2_TCI, "1")
        yield from self._field(ETH_SRC, "dl_src")
        yield from self._field(ETH_DST, "dl_dst")
        yield from self._l3()
        yield from self._l4()

    def _field(self, field: Field, name: str) -> Iterator[_Word]:
        """`name=value` or `name=value/mask`, if the match is on `field` at all."""
        mask = field.get(self._mask)
        if mask:
            yield f"{name}=", _FORMS.get(field, field.text.format), field, mask

    def _fields(self, *fields: Field) -> Iterator[_Word]:
        for field in fields:
            if self._mask & field.mask:
                yield from self._field(field, field.name)

    def _protocol(self) -> Iterator[_Word]:
        if self._mask & PACKET_TYPE.mask:
            if PACKET_TYPE.get(self._value):
                yield from self._fields(PACKET_TYPE)
            elif self._mask & RECIRC_ID.mask:  # a megaflow, not a rule
                yield "eth"
        if self._mask & ETH_TYPE.mask:
            word = WORDS.get((self._type, self._proto)) or WORDS.get((self._type, None))
            if word:
                self._has_word = True
                yield word

    def _tunnel(self) -> Iterator[_Word]:
        yield from self._fields(TUN_ID, TUN_SRC, TUN_DST, TUN_IPV6_SRC, TUN_IPV6_DST, TUN_GBP_ID)
        if TUN_GBP_FLAGS.get(self._mask):
            yield f"tun_gbp_flags={hexadecimal(TUN_GBP_FLAGS.get(self._value))}"
        yield from self._fields(TUN_TOS, TUN_TTL)
        version = TUN_ERSPAN_VER.get(self._value)
        if version:
            yield f"tun_erspan_ver={version}"
        if version == 1 and TUN_ERSPAN_IDX.get(self._mask):
            yield f"tun_erspan_idx={hexadecimal(TUN_ERSPAN_IDX.get(self._value))}"
        if version == 2:
            yield from self._nonzero(TUN_ERSPAN_DIR, "tun_erspan_dir")
            yield from self._nonzero(TUN_ERSPAN_HWID, "tun_erspan_hwid")
        yield from self._nonzero(TUN_GTPU_FLAGS, "gtpu_flags")
        yield from self._nonzero(TUN_GTPU_MSGTYPE, "gtpu_msgtype")
        yield from self._fields(TUN_FLAGS)
        present = TUN_METADATA_PRESENT.get(self._mask)
        while present:
            field = TUN_METADATA[(present & -present).bit_length() - 1]
            yield from [*self._fields(field)] or [field.name]
            present &= present - 1

    def _nonzero(self, field: Field, name: str) -> Iterator[_Word]:
        """A field whose value 0 means that the tunnel has no such thing."""
        value = field.get(self._value)
        if value:
            yield f"{name}={field.text.format(field, value, field.ones, NO_NUMBERS)}"

    def _vlan(self, field: Field, suffix: str) -> Iterator[_Word]:
        mask, tci = field.get(self._mask), field.get(self._value)
        if not mask:
            return
        parts = mask & ~VLAN_PRESENT
        if mask & tci & VLAN_PRESENT and parts in (VID, PCP, VID | PCP):
            if parts & VID:
                yield f"dl_vlan{suffix}={tci & VID}"
            if parts & PCP:
                yield f"dl_vlan_pcp{suffix}={tci >> 13}"
        elif mask == 0xFFFF:
            yield f"vlan_tci{suffix}={tci:#06x}"
        else:
            yield f"vlan_tci{suffix}={tci:#06x}/{mask:#06x}"

    def _l3(self) -> Iterator[_Word]:
        arp = self._type in (numbers.ETH_ARP, numbers.ETH_RARP)
        if not self._has_word:
            yield from self._field(ETH_TYPE, "dl_type")
        if self._type == numbers.ETH_IPV6:
            yield from self._fields(IPV6_SRC, IPV6_DST, IPV6_LABEL)
        elif arp:
            yield from self._fields(ARP_SPA, ARP_TPA)
        else:
            yield from self._field(IP_SRC, "nw_src")
            yield from self._field(IP_DST, "nw_dst")
        if self._type == numbers.ETH_NSH:
            yield from self._fields(NSH_FLAGS, NSH_TTL, NSH_MDTYPE, NSH_NP, NSH_SPI, NSH_SI)
            if NSH_MDTYPE.get(self._value) == 1:
                yield from self._fields(*NSH_C)
        if not self._has_word or (self._type, self._proto) not in WORDS:
            yield from self._field(IP_PROTO, "arp_op" if arp else "nw_proto")
        if arp:
            yield from self._fields(ARP_SHA, ARP_THA)
        yield from self._fields(NW_TOS, IP_ECN, IP_TTL, MPLS_LABEL, MPLS_TC, MPLS_TTL, MPLS_BOS)
        yield from self._field(MPLS_LSE[1], "mpls_lse1")
        yield from self._field(MPLS_LSE[2], "mpls_lse2")
        yield from self._field(IP_FRAG, "nw_frag")

    def _l4(self) -> Iterator[_Word]:
        kind = self._type, self._proto
        if kind in ((numbers.ETH_IP, numbers.ICMP), (numbers.ETH_IPV6, numbers.ICMPV6)):
            yield from self._field(TP_SRC, "icmp_type")
            yield from self._field(TP_DST, "icmp_code")
        else:
            yield from self._fields(TP_SRC, TP_DST)
        if kind == (numbers.ETH_IPV6, numbers.ICMPV6):
            yield from self._fields(ND_TARGET, ND_SLL, ND_TLL, ND_RESERVED, ND_OPTIONS_TYPE)
        if self._proto == numbers.TCP:
            yield from self._fields(TCP_FLAGS)


def _hex_digits(digits: int) -> Callable[[Field, int, int, Mapping[int, str]], str]:
    """Hexadecimal with `digits` digits at least."""

    def write(field: Field, value: int, mask: int, names: Mapping[int, str]) -> str:
        exact = mask & field.ones == field.ones
        return f"{value:#0{digits + 2}x}" + ("" if exact else f"/{mask:#0{digits + 2}x}")

    return write


def _nsh_flags(field: Field, value: int, mask: int, names: Mapping[int, str]) -> str:
    return str(value) if mask == field.ones else f"{value:#04x}/{mask:#04x}"


# Where a match is written otherwise than its fields are in actions.
_FORMS: Mapping[Field, Callable[[Field, int, int, Mapping[int, str]], str]] = {
    RECIRC_ID: HEX.format,
    CT_ZONE: DECIMAL.format,
    ETH_TYPE: _hex_digits(4),
    IPV6_LABEL: _hex_digits(5),
    NSH_FLAGS: _nsh_flags,
    NSH_SPI: _hex_digits(1),
    **dict.fromkeys(NSH_C, _hex_digits(1)),
    TP_SRC: DECIMAL.format,
    TP_DST: DECIMAL.format,
    TUN_FLAGS: ALL_TUN_FLAGS_TEXT.format,
}

_CT_KNOWN = 0xFF << CT_STATE.offset

# What decides which words a match has; the values of all other fields are but written.
# fmt: off
_SHAPING = reduce(or_, (field.mask for field in (
    PACKET_TYPE, ETH_TYPE, IP_PROTO, VLAN_TCI, VLAN2_TCI, NSH_MDTYPE, TUN_GBP_FLAGS, TUN_METADATA_PRESENT,
    TUN_ERSPAN_VER, TUN_ERSPAN_IDX, TUN_ERSPAN_DIR, TUN_ERSPAN_HWID, TUN_GTPU_FLAGS, TUN_GTPU_MSGTYPE,
)))
# fmt: on
