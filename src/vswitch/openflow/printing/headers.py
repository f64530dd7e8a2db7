"""A packet's headers in one line, as a packet-in is printed.

Sources: ovs-ofctl(8), `monitor`.
"""

from __future__ import annotations

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_THA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_FRAG,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    MPLS_LSE,
    ND_TARGET,
    NSH_C,
    NSH_FLAGS,
    NSH_MDTYPE,
    NSH_NP,
    NSH_SI,
    NSH_SPI,
    NSH_TTL,
    TCP_FLAGS,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN_TCI,
)
from vswitch.flow.match import Match, format_match
from vswitch.packet import numbers

_ETHERNET = ETH_SRC.mask | ETH_DST.mask | ETH_TYPE.mask | VLAN_TCI.mask
_IP_COMMON = IP_PROTO.mask | IP_TOS.mask | IP_TTL.mask | IP_FRAG.mask
_IPV4 = _IP_COMMON | IP_SRC.mask | IP_DST.mask
_IPV6 = _IP_COMMON | IPV6_SRC.mask | IPV6_DST.mask | IPV6_LABEL.mask
_ARP = IP_SRC.mask | IP_DST.mask | ARP_OP.mask | ARP_SHA.mask | ARP_THA.mask
_NSH_HEAD = NSH_FLAGS.mask | NSH_TTL.mask | NSH_MDTYPE.mask | NSH_NP.mask | NSH_SPI.mask | NSH_SI.mask
_NSH = _IP_COMMON | _NSH_HEAD | sum(field.mask for field in NSH_C)
_PORTS = TP_SRC.mask | TP_DST.mask
_LAYER3 = {
    numbers.ETH_IP: _IPV4,
    numbers.ETH_IPV6: _IPV6,
    numbers.ETH_ARP: _ARP,
    numbers.ETH_RARP: _ARP,
    numbers.ETH_NSH: _NSH,
}
_MPLS, _BOTTOM = (numbers.ETH_MPLS, numbers.ETH_MPLS_MC), 0x100
_LATER_FRAGMENT = 2


class _Checksum(NamedTuple):
    """A transport's checksum: what it is called, where it is, and how long the header is that must be there."""

    name: str
    offset: int
    size: int
    header: int


_CHECKSUMS = {
    numbers.ICMP: _Checksum("icmp_csum", 2, 2, 8),
    numbers.TCP: _Checksum("tcp_csum", 16, 2, 20),
    numbers.UDP: _Checksum("udp_csum", 6, 2, 8),
    numbers.ICMPV6: _Checksum("icmp6_csum", 2, 2, 4),
    numbers.SCTP: _Checksum("sctp_csum", 8, 4, 12),
}


def format_headers(packet: bytes) -> str:
    """The headers of `packet` and the checksum of its transport, in a line."""
    flow = extract(packet)
    eth_type, proto = ETH_TYPE.get(flow), IP_PROTO.get(flow) & 0xFF
    mask = _ETHERNET | _LAYER3.get(eth_type, 0)
    if VLAN_TCI.get(flow):
        mask |= VLAN2_TCI.mask
    if eth_type in _MPLS:
        mask |= _labels(flow)
    checksum = ""
    if eth_type in (numbers.ETH_IP, numbers.ETH_IPV6) and (proto in _CHECKSUMS or proto == numbers.IGMP):
        later = IP_FRAG.get(flow) & _LATER_FRAGMENT
        mask |= 0 if later else _PORTS | (TCP_FLAGS.mask if proto == numbers.TCP else 0)
        if not later and proto == numbers.ICMPV6 and TP_SRC.get(flow) in (135, 136):
            mask |= ND_TARGET.mask | (ARP_SHA.mask if TP_SRC.get(flow) == 135 else ARP_THA.mask)
        checksum = _checksum(packet, eth_type, proto) if proto in _CHECKSUMS else ""
    return f"{format_match(Match(Flow(flow & mask), Mask(mask)))}{checksum}\n"


def _labels(flow: Flow) -> int:
    """Of MPLS, the entries down to the bottom of the stack."""
    mask = 0
    for entry in MPLS_LSE:
        mask |= entry.mask
        if entry.get(flow) & _BOTTOM:
            break
    return mask


def _checksum(packet: bytes, eth_type: int, proto: int) -> str:
    at, end = _transport(packet, eth_type)
    name, offset, size, header = _CHECKSUMS[proto]
    if end - at < header:
        return ""
    return f" {name}:{int.from_bytes(packet[at + offset : at + offset + size], 'big'):x}"


def _transport(packet: bytes, eth_type: int) -> tuple[int, int]:
    """Where the transport header begins, past tags and IP's options, and where IP ends."""
    at = 12
    while packet[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    at += 2
    if eth_type == numbers.ETH_IP:
        end = at + int.from_bytes(packet[at + 2 : at + 4], "big")
        return at + (packet[at] & 0xF) * 4, min(end, len(packet))
    end = at + 40 + int.from_bytes(packet[at + 4 : at + 6], "big")
    following, at = packet[at + 6], at + 40
    while following in (0, 43, 44, 51, 60) and at + 2 <= len(packet):
        length = (
            8
            if following == 44
            else (packet[at + 1] + 2) * 4
            if following == 51
            else (packet[at + 1] + 1) * 8
        )
        following, at = packet[at], at + length
    return at, min(end, len(packet))
