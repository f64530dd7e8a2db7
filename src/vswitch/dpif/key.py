"""Datapath flows as text: what `dpctl/dump-flows` prints and `ofproto/trace` and `netdev-dummy/receive` take.

    recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth(src=…,dst=…),eth_type(0x0800),ipv4(src=…,frag=no),tcp(dst=80)

A key is a sequence of attributes, one for each header, which are those that the packet has: `ipv4` if its type is
0x0800, `tcp` if its protocol is 6 …  A tagged packet's inner headers are inside `encap(…)`.  ATTRIBUTES says what
each of them holds; formatting and parsing both follow it.

Without `verbose`, what does not matter is left out.  Some of what is shown nevertheless, as `eth()`, is shown because
people compare this text literally.

Sources: `ovs-appctl dpctl/dump-flows [-m] [--names]` and `dpctl/add-flow` of the peer; linux/openvswitch.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.dpif.notation import (
    CT_STATE,
    DECIMAL,
    ETHER_TYPE,
    ETHERNET,
    FRAGMENT,
    HEXADECIMAL,
    IPV4,
    IPV6,
    TCP_FLAGS,
    VLAN_PCP,
    VLAN_VID,
    NamesByNumber,
    Notation,
    NumbersByName,
    format_port,
    parse_port,
)
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT
from vswitch.packet import numbers


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A value in an attribute: `bits` bits of the slot `slot` of a Flow, from bit `low` of it."""

    name: str
    slot: str
    bits: int
    notation: Notation
    low: int = 0

    @property
    def offset(self) -> int:
        """Its lowest bit in a Flow."""
        return LAYOUT.offset(self.slot) + self.low

    @property
    def mask(self) -> Mask:
        """Its bits in a Mask."""
        return Mask(((1 << self.bits) - 1) << self.offset)

    def get(self, flow: int) -> int:
        """Its value in a Flow, or its part of a Mask."""
        return flow >> self.offset & (1 << self.bits) - 1

    def format(self, flow: int, mask: int) -> str:
        """Value and mask as text."""
        return self.notation.format(self.get(flow), self.get(mask), self.bits)


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """A part of a key: `name(value)` if it has one nameless member, else `name(member=value,…)`."""

    name: str
    members: tuple[Member, ...]

    @property
    def mask(self) -> Mask:
        """The bits of all members."""
        return Mask(sum(member.mask for member in self.members))

    def format(self, flow: int, mask: int, verbose: bool = False) -> str:
        """The attribute of `flow`, with the members of which something matters, or all."""
        shown = [member for member in self.members if member.get(mask) or (verbose and member.name != "frag")]
        words = (
            f"{member.name}={text}" if member.name else text
            for member in shown
            for text in [member.format(flow, mask)]
        )
        return f"{self.name}({','.join(words)})"

    def parse(self, text: str) -> tuple[Flow, Mask]:
        """Value and mask of what is between the parentheses."""
        if not self.members[0].name:
            pairs = [("", text)]
        else:
            pairs = [(name, value) for name, _, value in (word.partition("=") for word in _words(text))]
        flow = mask = 0
        for name, value in pairs:
            member = next((member for member in self.members if member.name == name), None)
            if member is None:
                raise TextError(f"{self.name} has no {name}", text)
            number, bits = member.notation.parse(value, member.bits)
            flow = flow & ~member.mask | number << member.offset
            mask = mask & ~member.mask | bits << member.offset
        return Flow(flow), Mask(mask)


def _plain(name: str, slot: str, bits: int, notation: Notation) -> Attribute:
    return Attribute(name, (Member("", slot, bits, notation),))


def _ports(name: str) -> Attribute:
    return Attribute(name, (Member("src", "tp_src", 16, DECIMAL), Member("dst", "tp_dst", 16, DECIMAL)))


def _icmp(name: str) -> Attribute:
    return Attribute(name, (Member("type", "tp_src", 8, DECIMAL), Member("code", "tp_dst", 8, DECIMAL)))


# fmt: off
ATTRIBUTES = {
    attribute.name: attribute
    for attribute in (
        _plain("skb_priority", "skb_priority", 32, HEXADECIMAL),
        _plain("skb_mark", "pkt_mark", 32, HEXADECIMAL),
        _plain("ct_state", "ct_state", 32, CT_STATE),
        _plain("ct_zone", "ct_zone", 16, HEXADECIMAL),
        _plain("ct_mark", "ct_mark", 32, HEXADECIMAL),
        _plain("ct_label", "ct_label", 128, HEXADECIMAL),
        _plain("recirc_id", "recirc_id", 32, HEXADECIMAL),
        _plain("dp_hash", "dp_hash", 32, HEXADECIMAL),
        _plain("in_port", "in_port", 32, DECIMAL),
        Attribute("packet_type", (Member("ns", "packet_type", 16, DECIMAL, low=16),
                                  Member("id", "packet_type", 16, HEXADECIMAL))),
        Attribute("eth", (Member("src", "eth_src", 48, ETHERNET), Member("dst", "eth_dst", 48, ETHERNET))),
        _plain("eth_type", "eth_type", 16, ETHER_TYPE),
        Attribute("ipv4", (Member("src", "ip_src", 32, IPV4), Member("dst", "ip_dst", 32, IPV4),
                           Member("proto", "ip_proto", 8, DECIMAL), Member("tos", "ip_tos", 8, HEXADECIMAL),
                           Member("ttl", "ip_ttl", 8, DECIMAL), Member("frag", "ip_frag", 2, FRAGMENT))),
        Attribute("ipv6", (Member("src", "ipv6_src", 128, IPV6), Member("dst", "ipv6_dst", 128, IPV6),
                           Member("label", "ipv6_label", 20, HEXADECIMAL), Member("proto", "ip_proto", 8, DECIMAL),
                           Member("tclass", "ip_tos", 8, HEXADECIMAL), Member("hlimit", "ip_ttl", 8, DECIMAL),
                           Member("frag", "ip_frag", 2, FRAGMENT))),
        Attribute("arp", (Member("sip", "ip_src", 32, IPV4), Member("tip", "ip_dst", 32, IPV4),
                          Member("op", "ip_proto", 8, DECIMAL),
                          Member("sha", "arp_sha", 48, ETHERNET), Member("tha", "arp_tha", 48, ETHERNET))),
        Attribute("mpls", (Member("label", "mpls_lse", 20, DECIMAL, low=12), Member("tc", "mpls_lse", 3, DECIMAL, low=9),
                           Member("ttl", "mpls_lse", 8, DECIMAL), Member("bos", "mpls_lse", 1, DECIMAL, low=8))),
        _ports("tcp"), _plain("tcp_flags", "tcp_flags", 12, TCP_FLAGS), _ports("udp"), _ports("sctp"),
        _icmp("icmp"), _icmp("icmpv6"),
        Attribute("nd", (Member("target", "nd_target", 128, IPV6),
                         Member("sll", "arp_sha", 48, ETHERNET), Member("tll", "arp_tha", 48, ETHERNET))),
    )
}
# fmt: on

_CT_STATE_VERBOSE = _plain("ct_state", "ct_state", 32, HEXADECIMAL)
_METADATA = ("skb_priority", "skb_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "recirc_id", "dp_hash")
_L3 = {
    numbers.ETH_IP: "ipv4",
    numbers.ETH_IPV6: "ipv6",
    numbers.ETH_ARP: "arp",
    numbers.ETH_RARP: "arp",
    numbers.ETH_MPLS: "mpls",
    numbers.ETH_MPLS_MC: "mpls",
}
_L4 = {
    "ipv4": {numbers.TCP: "tcp", numbers.UDP: "udp", numbers.SCTP: "sctp", numbers.ICMP: "icmp"},
    "ipv6": {numbers.TCP: "tcp", numbers.UDP: "udp", numbers.SCTP: "sctp", numbers.ICMPV6: "icmpv6"},
}
_ND_TYPES = (135, 136)
_LATER_FRAGMENT = 2
_NO_ETHER_TYPE = 0x05FF  # of a frame with a length (IEEE 802.3) instead of a type
_TAGGED = 0x1000  # in a VLAN's TCI: there is a tag
_ALL = Mask((1 << LAYOUT.bits) - 1)


def _slot(name: str, bits: int) -> Callable[[int], int]:
    offset, ones = LAYOUT.offset(name), (1 << bits) - 1
    return lambda flow: flow >> offset & ones


_eth_type, _ip_proto, _ip_frag = _slot("eth_type", 16), _slot("ip_proto", 8), _slot("ip_frag", 2)
_tp_src, _tcp_flags, _packet_type = _slot("tp_src", 16), _slot("tcp_flags", 12), _slot("packet_type", 32)
_TAGS = tuple((_slot(f"{tag}_tpid", 16), _slot(f"{tag}_tci", 16)) for tag in ("vlan", "vlan2"))
_PACKET_TYPE_MASK = LAYOUT.mask("packet_type")


def format_key(
    flow: Flow, mask: Mask | None = None, names: NamesByNumber | None = None, verbose: bool = False
) -> str:
    """`flow` as text, with what matters of it under `mask`; None: everything does.

    `names` gives ports by name instead of number.  `verbose` shows what does not matter, too.
    """
    return ",".join(_parts(flow, _ALL if mask is None else mask, names or {}, verbose))


def _parts(flow: Flow, mask: Mask, names: NamesByNumber, verbose: bool) -> Iterator[str]:
    for name in _METADATA:
        attribute = _CT_STATE_VERBOSE if verbose and name == "ct_state" else ATTRIBUTES[name]
        if mask & attribute.mask or verbose or name == "recirc_id":
            yield attribute.format(flow, mask | attribute.mask if name == "recirc_id" else mask, verbose=True)
    in_port = ATTRIBUTES["in_port"].members[0]
    if in_port.get(mask):
        yield f"in_port({format_port(in_port.get(flow), names)})"
    yield from _layer2(flow, mask, verbose)


def _layer2(flow: Flow, mask: Mask, verbose: bool) -> Iterator[str]:
    packet_type_matters = mask & _PACKET_TYPE_MASK
    if packet_type_matters or verbose:
        yield ATTRIBUTES["packet_type"].format(flow, mask, verbose=True)
    eth = ATTRIBUTES["eth"]
    if not _packet_type(flow) and (mask & eth.mask or verbose or not packet_type_matters):
        yield eth.format(flow, mask, verbose)
    yield from _tagged(flow, mask, verbose, 0)


def _tagged(flow: Flow, mask: Mask, verbose: bool, depth: int) -> Iterator[str]:
    """The headers inside `depth` VLAN tags."""
    if depth < len(_TAGS):
        tpid, tci = _TAGS[depth]
        if tci(flow) & _TAGGED:
            yield f"eth_type({ETHER_TYPE.format(tpid(flow), 0xFFFF, 16)})"
            yield f"vlan({_format_tag(tci(flow), tci(mask), verbose)})"
            yield f"encap({','.join(_tagged(flow, mask, verbose, depth + 1))})"
            return
    eth_type = ATTRIBUTES["eth_type"]
    if _eth_type(flow) == _NO_ETHER_TYPE:
        if mask & eth_type.mask:
            yield f"eth_type(0/{_eth_type(mask):#06x})"
    elif mask & eth_type.mask:
        yield eth_type.format(flow, mask)
    yield from _layer3(flow, mask, verbose)


def _format_tag(tci: int, mask: int, verbose: bool) -> str:
    words = []
    vid, pcp = tci & 0xFFF, tci >> 13
    if verbose or vid or mask & 0xFFF:
        words.append(f"vid={VLAN_VID.format(vid, mask & 0xFFF, 12)}")
    if verbose or pcp or mask >> 13:
        words.append(f"pcp={VLAN_PCP.format(pcp, mask >> 13, 3)}")
    return ",".join(words)


def _layer3(flow: Flow, mask: Mask, verbose: bool) -> Iterator[str]:
    name = _L3.get(_eth_type(flow))
    if name is None:
        return
    attribute = ATTRIBUTES[name]
    if mask & attribute.mask or verbose:
        yield attribute.format(flow, mask, verbose)
    if not _ip_frag(flow) & _LATER_FRAGMENT and (l4 := _L4.get(name, {}).get(_ip_proto(flow))):
        yield from _layer4(l4, flow, mask, verbose)


def _layer4(name: str, flow: Flow, mask: Mask, verbose: bool) -> Iterator[str]:
    names = [name]
    if name == "tcp" and (_tcp_flags(flow) or _tcp_flags(mask)):
        names.append("tcp_flags")
    if name == "icmpv6" and _tp_src(flow) in _ND_TYPES:
        names.append("nd")
    for attribute in (ATTRIBUTES[name] for name in names):
        if mask & attribute.mask or verbose:
            yield attribute.format(flow, mask, verbose)


# Headers that a Set may change, by what a packet of the type and protocol in `value` has.
_SETTABLE = ("skb_priority", "skb_mark", "eth")


def format_set(value: Flow, mask: Mask) -> str:
    """What a masked set changes, as the attribute that holds it."""
    l3 = _L3.get(_eth_type(value), "ipv4")
    l4 = _L4.get(l3, {}).get(_ip_proto(value), "tcp")
    for name in (*_SETTABLE, l3, "nd" if l4 == "icmpv6" else l4, l4, "tcp_flags"):
        attribute = ATTRIBUTES[name]
        if mask & attribute.mask:
            return attribute.format(value, mask)
    return "eth()"


def parse_key(text: str, ports: NumbersByName | None = None) -> tuple[Flow, Mask]:
    """The Flow and Mask that `text` says; what it does not mention does not matter.

    Ports may be given by the names in `ports`.  Raises TextError, which says from where on `text` is wrong.
    """
    parser = _Parser(text, ports or {})
    parser.attributes(0, len(text), 0)
    if not parser.flow & ATTRIBUTES["eth_type"].mask and not _packet_type(Flow(parser.flow)):
        parser.flow |= _NO_ETHER_TYPE << LAYOUT.offset("eth_type")
    return Flow(parser.flow), Mask(parser.mask)


class _Parser:
    """Collects the attributes of a key; `depth` is how many `encap(` they are in."""

    def __init__(self, text: str, ports: NumbersByName) -> None:
        self._text, self._ports = text, ports
        self.flow = self.mask = 0

    def attributes(self, at: int, end: int, depth: int) -> None:
        while at < end:
            if self._text[at] in ", \t\r\n":
                at += 1
                continue
            stop = self._attribute_end(at, end)
            try:
                self._attribute(at, stop, depth)
            except TextError as error:
                if error.at >= 0:
                    raise
                raise TextError(f"syntax error at {self._text[at:]}", self._text, at) from None
            at = stop

    def _attribute_end(self, at: int, end: int) -> int:
        """Just after the parenthesis that closes the attribute which begins at `at`."""
        nested = 0
        for i in range(at, end):
            if self._text[i] == "(":
                nested += 1
            elif self._text[i] == ")":
                nested -= 1
                if nested == 0:
                    return i + 1
        raise TextError(f"syntax error at {self._text[at:]}", self._text, at)

    def _attribute(self, at: int, stop: int, depth: int) -> None:
        name, _, value = self._text[at : stop - 1].partition("(")
        if name == "encap":
            self.attributes(at + len("encap("), stop - 1, depth + 1)
        elif name == "vlan" and depth < len(_TAGS):
            self._tag(value, depth)
        elif name == "in_port":
            self._add(parse_port(value, self._ports), 0xFFFFFFFF, "in_port")
        elif name in ATTRIBUTES:
            flow, mask = ATTRIBUTES[name].parse(value)
            self.flow |= flow
            self.mask |= mask
        else:
            raise TextError(f"unknown attribute {name}", self._text)

    def _tag(self, text: str, depth: int) -> None:
        """A VLAN tag.  The type that came before it is the tag's; that of the packet follows inside."""
        tag = ("vlan", "vlan2")[depth]
        tpid, tpid_mask = _eth_type(self.flow), _eth_type(self.mask)
        self.flow &= ~ATTRIBUTES["eth_type"].mask
        self.mask &= ~ATTRIBUTES["eth_type"].mask
        self._add(tpid or numbers.ETH_VLAN, tpid_mask, f"{tag}_tpid")
        tci, mask = _TAGGED, _TAGGED
        for name, _, value in (word.partition("=") for word in _words(text)):
            notation, bits, shift = _TAG_MEMBERS.get(name) or _refuse(name)
            number, known = notation.parse(value, bits)
            tci = tci & ~(((1 << bits) - 1) << shift) | number << shift
            mask |= known << shift
        self._add(tci, mask, f"{tag}_tci")

    def _add(self, value: int, mask: int, slot: str) -> None:
        self.flow |= value << LAYOUT.offset(slot)
        self.mask |= mask << LAYOUT.offset(slot)


_TAG_MEMBERS = {"vid": (VLAN_VID, 12, 0), "cfi": (DECIMAL, 1, 12), "pcp": (VLAN_PCP, 3, 13)}


def _refuse(name: str) -> NoReturn:
    raise TextError(f"unknown member {name}", name)


def _words(text: str) -> list[str]:
    return text.split(",") if text else []
