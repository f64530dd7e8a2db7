"""From a Flow to a packet that has it: the inverse of extract.py, for ofproto/trace, compose-packet and tests.

What a Flow does not tell is filled in as simply as it can be: IP headers without options, sequence numbers 0, right
lengths and checksums, and 64 bytes of payload where a protocol carries any.

`extract(compose(flow))` is `flow`, for any flow that a packet can have.

Source: the choice of payload is that of `ovs-ofctl compose-packet`.
"""

from __future__ import annotations

from vswitch.flow.extract import FRAG_ANY, FRAG_LATER, NO_ETH_TYPE
from vswitch.flow.field import Flow
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IGMP_GROUP,
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
    ND_OPTIONS_TYPE,
    ND_RESERVED,
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
    VLAN2_TPID,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
)
from vswitch.packet import build, numbers
from vswitch.packet.build import MORE_FRAGMENTS, Addresses

PAYLOAD = bytes(range(64))
_LATER_OFFSET = 100  # of fragments that are not the first, in units of 8 bytes
_TCP_BARE = 0x07  # SYN, FIN and RST come without data
_ECHOS = {numbers.ICMP: (0, 8), numbers.ICMPV6: (128, 129)}
_IPV6_FRAGMENT = 44


def compose(flow: Flow, payload: bytes | None = None) -> bytes:
    """A packet of `flow`; `payload` is what the innermost header carries, if not what is usual."""
    eth_type = ETH_TYPE.get(flow)
    content = _content(flow, eth_type, payload)
    if eth_type == NO_ETH_TYPE:
        eth_type = len(content)
    frame = build.ethernet(ETH_DST.get(flow), ETH_SRC.get(flow), eth_type, content)
    for tci, tpid in ((VLAN2_TCI, VLAN2_TPID), (VLAN_TCI, VLAN_TPID)):
        if tci.get(flow) & VLAN_PRESENT:
            frame = build.push_vlan(frame, tpid.get(flow) or numbers.ETH_VLAN, tci.get(flow) & ~VLAN_PRESENT)
    return frame


def _content(flow: Flow, eth_type: int, payload: bytes | None) -> bytes:
    match eth_type:
        case numbers.ETH_IP:
            return _ipv4(flow, payload)
        case numbers.ETH_IPV6:
            return _ipv6(flow, payload)
        case numbers.ETH_ARP | numbers.ETH_RARP:
            sender, target = (ARP_SHA.get(flow), ARP_SPA.get(flow)), (ARP_THA.get(flow), ARP_TPA.get(flow))
            return build.arp(ARP_OP.get(flow), sender, target)
        case numbers.ETH_MPLS | numbers.ETH_MPLS_MC:
            return _mpls(flow) + (payload or b"")
        case numbers.ETH_NSH:
            return _nsh(flow) + (payload or b"")
        case _:
            return payload or b""


def _ipv4(flow: Flow, payload: bytes | None) -> bytes:
    addresses = Addresses(IP_SRC.get(flow), IP_DST.get(flow), 4)
    frag = IP_FRAG.get(flow)
    fragment = MORE_FRAGMENTS if frag & FRAG_ANY else 0
    if frag & FRAG_LATER:
        fragment |= _LATER_OFFSET
        content = payload or b""
    else:
        content = _l4(flow, addresses, payload)
    return build.ipv4(addresses, IP_PROTO.get(flow), content, IP_TOS.get(flow), IP_TTL.get(flow), fragment)


def _ipv6(flow: Flow, payload: bytes | None) -> bytes:
    addresses = Addresses(IPV6_SRC.get(flow), IPV6_DST.get(flow), 16)
    frag, protocol = IP_FRAG.get(flow), IP_PROTO.get(flow)
    if frag & FRAG_LATER:
        content = build.ipv6_fragment(protocol, _LATER_OFFSET, True, payload or b"")
    else:
        content = _l4(flow, addresses, payload)
        if frag & FRAG_ANY:
            content = build.ipv6_fragment(protocol, 0, True, content)
    outer = _IPV6_FRAGMENT if frag & FRAG_ANY else protocol
    return build.ipv6(addresses, outer, content, IP_TOS.get(flow), IPV6_LABEL.get(flow), IP_TTL.get(flow))


def _l4(flow: Flow, addresses: Addresses, payload: bytes | None) -> bytes:
    proto, src, dst = IP_PROTO.get(flow), TP_SRC.get(flow), TP_DST.get(flow)
    usual = PAYLOAD if payload is None else payload
    is_v6 = len(addresses.source) == 16
    if proto == numbers.TCP:
        flags = TCP_FLAGS.get(flow)
        return build.tcp(addresses, src, dst, flags, (payload or b"") if flags & _TCP_BARE else usual)
    if proto == numbers.UDP:
        return build.udp(addresses, src, dst, usual)
    if proto == numbers.SCTP:
        return build.sctp(src, dst, payload or b"")
    if proto == numbers.ICMP and not is_v6:
        return build.icmp(src, dst, 0, usual if src in _ECHOS[numbers.ICMP] else payload or b"")
    if proto == numbers.IGMP and not is_v6:
        return build.icmp(src, dst, IGMP_GROUP.get(flow), payload or b"")
    if proto == numbers.ICMPV6 and is_v6:
        if src in (135, 136) and dst == 0:
            return build.icmpv6(addresses, src, dst, ND_RESERVED.get(flow), _nd(flow, payload))
        return build.icmpv6(
            addresses, src, dst, 0, usual if src in _ECHOS[numbers.ICMPV6] else payload or b""
        )
    return payload or b""


def _nd(flow: Flow, payload: bytes | None) -> bytes:
    """Target and options of neighbour discovery."""
    if payload is not None:
        return payload
    body = ND_TARGET.get(flow).to_bytes(16, "big")
    last = ND_OPTIONS_TYPE.get(flow)
    options = [(1, ND_SLL.get(flow)), (2, ND_TLL.get(flow))]
    # Extraction notes the type of the last option.
    for kind, address in sorted(options, key=lambda option: option[0] == last):
        if address or kind == last:
            body += bytes((kind, 1)) + address.to_bytes(6, "big")
    return body


def _mpls(flow: Flow) -> bytes:
    entries = b""
    for lse in MPLS_LSE:
        entry = lse.get(flow)
        entries += entry.to_bytes(4, "big")
        if entry & 0x100:  # bottom of stack
            break
    return entries


def _nsh(flow: Flow) -> bytes:
    path = NSH_SPI.get(flow) << 8 | NSH_SI.get(flow)
    mdtype = NSH_MDTYPE.get(flow)
    context = b"".join(field.get(flow).to_bytes(4, "big") for field in NSH_C) if mdtype == 1 else b""
    return build.nsh(NSH_FLAGS.get(flow), NSH_TTL.get(flow), NSH_NP.get(flow), path, context, mdtype)
