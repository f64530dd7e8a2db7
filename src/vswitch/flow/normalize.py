"""Normal form: a match without the fields that its packets do not have.

A controller may ask for `tp_dst=80` without saying `tcp`.  Open vSwitch does not refuse: it drops what cannot matter,
and says so in its log, because the controller hardly meant that.

Source: ovs-ofctl(8), "Flow Syntax"; what is dropped is what `ovs-ofctl parse-flow` reports as "normalization".
"""

from __future__ import annotations

from vswitch.base.remarks import remark
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ARP_SHA,
    ARP_THA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    MPLS_LSE,
    ND_TARGET,
    PACKET_TYPE,
    TP_PORTS,
    TP_SRC,
)
from vswitch.flow.match import Match, format_match
from vswitch.packet import numbers

_ETHERNET = ETH_SRC.mask | ETH_DST.mask
_ADDRESSES = IP_SRC.mask | IP_DST.mask
_IP_COMMON = IP_PROTO.mask | IP_TOS.mask | IP_TTL.mask
_IPV6 = _IP_COMMON | IPV6_SRC.mask | IPV6_DST.mask | IPV6_LABEL.mask
_ARP = _ADDRESSES | IP_PROTO.mask | ARP_SHA.mask | ARP_THA.mask
_MPLS = MPLS_LSE[0].mask | MPLS_LSE[1].mask | MPLS_LSE[2].mask
_PORTS = TP_PORTS.mask
_DEPENDENT = _ETHERNET | _ARP | _IPV6 | _MPLS | _PORTS | ND_TARGET.mask

# What packets of each type, and then of each protocol, have.
_TYPES = {
    numbers.ETH_IP: _ADDRESSES | _IP_COMMON,
    numbers.ETH_IPV6: _IPV6,
    numbers.ETH_ARP: _ARP,
    numbers.ETH_RARP: _ARP,
    numbers.ETH_MPLS: _MPLS,
    numbers.ETH_MPLS_MC: _MPLS,
}
_PROTOCOLS = {
    (numbers.ETH_IP, numbers.TCP): _PORTS,
    (numbers.ETH_IP, numbers.UDP): _PORTS,
    (numbers.ETH_IP, numbers.SCTP): _PORTS,
    (numbers.ETH_IP, numbers.ICMP): _PORTS,
    (numbers.ETH_IPV6, numbers.TCP): _PORTS,
    (numbers.ETH_IPV6, numbers.UDP): _PORTS,
    (numbers.ETH_IPV6, numbers.SCTP): _PORTS,
    (numbers.ETH_IPV6, numbers.ICMPV6): _PORTS,
}
_ND = {135: ND_TARGET.mask | ARP_SHA.mask, 136: ND_TARGET.mask | ARP_THA.mask}


def normalize(match: Match) -> Match:
    """`match` itself, if it is normal, else what is left of it."""
    mask = match.mask
    if not mask & _DEPENDENT:
        return match
    gone = mask & _DEPENDENT & ~_possible(match)
    return Match(Flow(match.value & ~gone), Mask(mask & ~gone)) if gone else match


def tell_normal(match: Match, normal: Match) -> None:
    """Tell people that `normal` is what is left of `match`."""
    for text in (
        "normalization changed ofp_match, details:",
        f" pre: {format_match(match)}",
        f"post: {format_match(normal)}",
    ):
        remark("ofp_match", text, "INFO")


def _possible(match: Match) -> int:
    """Which of the dependent fields the packets of `match` can have."""
    value, mask = match.value, match.mask
    packet_type = PACKET_TYPE.get(value)
    if packet_type >> 16 == 1:
        eth_type, possible = packet_type & 0xFFFF, 0
    else:
        eth_type, possible = ETH_TYPE.get(value), 0 if packet_type else _ETHERNET
    possible |= _TYPES.get(eth_type, 0)
    if eth_type not in (numbers.ETH_IP, numbers.ETH_IPV6) or not mask & IP_PROTO.mask:
        return possible
    proto = IP_PROTO.get(value)
    possible |= _PROTOCOLS.get((eth_type, proto), 0)
    if (eth_type, proto) == (numbers.ETH_IPV6, numbers.ICMPV6) and mask & TP_SRC.mask:
        possible |= _ND.get(TP_SRC.get(value), 0)
    return possible
