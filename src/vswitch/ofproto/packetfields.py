"""Which fields a packet has: what to show of its flow.

Sources: `ofproto/trace`, the line "Flow:", and `ovs-ofctl monitor`.
"""

from __future__ import annotations

from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
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
    ND_SLL,
    ND_TARGET,
    ND_TLL,
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
    VLAN_PRESENT,
    VLAN_TCI,
)
from vswitch.packet import numbers


def _all(*fields: Field) -> int:
    mask = 0
    for field in fields:
        mask |= field.mask
    return mask


_ALWAYS = _all(IN_PORT, ETH_SRC, ETH_DST, ETH_TYPE, VLAN_TCI)
_IP = _all(IP_PROTO, IP_TOS, IP_TTL, IP_FRAG)
_BY_TYPE = {
    numbers.ETH_IP: _IP | _all(IP_SRC, IP_DST),
    numbers.ETH_IPV6: _IP | _all(IPV6_SRC, IPV6_DST, IPV6_LABEL),
    numbers.ETH_ARP: _all(ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA),
    numbers.ETH_RARP: _all(ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA),
    numbers.ETH_MPLS: _all(*MPLS_LSE),
    numbers.ETH_MPLS_MC: _all(*MPLS_LSE),
    numbers.ETH_NSH: _IP | _all(NSH_FLAGS, NSH_TTL, NSH_MDTYPE, NSH_NP, NSH_SPI, NSH_SI, *NSH_C),
}
_PORTS = _all(TP_SRC, TP_DST)
_BY_PROTO = {
    numbers.ICMP: _PORTS,
    numbers.IGMP: _PORTS,
    numbers.TCP: _PORTS | TCP_FLAGS.mask,
    numbers.UDP: _PORTS,
    numbers.ICMPV6: _PORTS | _all(ND_TARGET, ND_SLL, ND_TLL),
    numbers.SCTP: _PORTS,
}
METADATA_FIELDS = [
    FIELDS[name]
    for name in (
        *(f"reg{i}" for i in range(16)),
        "metadata", "pkt_mark", "skb_priority", "dp_hash", "recirc_id", "ct_state", "ct_zone", "ct_mark", "ct_label",
        "ct_nw_src", "ct_nw_dst", "ct_nw_proto", "ct_tp_src", "ct_tp_dst", "ct_ipv6_src", "ct_ipv6_dst",
        "tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst", "tun_tos", "tun_ttl",
        "tun_gbp_id", "tun_gbp_flags", "conj_id",
    )
]  # fmt: skip
_LATER_FRAGMENT = 2 << IP_FRAG.offset


def fields_of_packet(flow: Flow) -> Mask:
    """The headers that a packet with `flow` has, and the metadata that are not 0."""
    mask = _ALWAYS
    if flow & VLAN_PRESENT << VLAN_TCI.offset:
        mask |= VLAN2_TCI.mask
    eth_type = ETH_TYPE.get(flow)
    mask |= _BY_TYPE.get(eth_type, 0)
    if mask & IP_FRAG.mask and not flow & _LATER_FRAGMENT:
        mask |= _BY_PROTO.get(IP_PROTO.get(flow), 0)
    for field in METADATA_FIELDS:
        if field.get(flow):
            mask |= field.mask
    return Mask(mask)
