"""The match of OpenFlow 1.0: a fixed structure, in whose wildcards a bit of 1 means "does not matter".

     0           4         6        12       18        20      21    22        24       25        26    28
     +-----------+---------+--------+--------+---------+-------+-----+---------+--------+---------+-----+
     | wildcards | in_port | dl_src | dl_dst | dl_vlan | pcp   | pad | dl_type | nw_tos | nw_proto| pad |
     +-----------+---------+--------+--------+---------+-------+-----+---------+--------+---------+-----+
     | nw_src    | nw_dst           | tp_src | tp_dst  |
     +-----------+------------------+--------+---------+ 40

Sources: OpenFlow 1.0, 5.2.3 (struct ofp_match).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    PACKET_TYPE,
    TP_DST,
    TP_SRC,
    VLAN_TCI,
)
from vswitch.flow.match import Match
from vswitch.flow.ports import from_16, to_16
from vswitch.openflow.codec import mac_to_bytes
from vswitch.openflow.wireshape import Entry
from vswitch.packet.numbers import ETH_ARP, ETH_IP, ETH_IPV6, ETH_RARP, ICMP, ICMPV6, SCTP, TCP, UDP

MATCH10_SIZE = 40
MATCH10 = struct.Struct("!IH6s6sHBxHBBxxIIHH")
# enum ofp10_flow_wildcards (OFPFW10_*)
W_IN_PORT, W_DL_VLAN, W_DL_SRC, W_DL_DST, W_DL_TYPE, W_NW_PROTO, W_TP_SRC, W_TP_DST = (
    1 << n for n in range(8)
)
W_SRC_SHIFT, W_DST_SHIFT = 8, 14
W_DL_VLAN_PCP, W_NW_TOS = 1 << 20, 1 << 21
_W_ALL = (1 << 22) - 1

VLAN_NONE = 0xFFFF  # as dl_vlan: no tag
_CFI, _VID, _PCP = 0x1000, 0x0FFF, 0xE000
_PORTS = frozenset((ICMP, TCP, UDP, SCTP))  # protocols with two ports, or with type and code
_DSCP = 0xFC
_TOS = FIELDS["nw_tos"]
_ALL32 = 0xFFFFFFFF
_PREFIXES = [_ALL32 << 32 - n & _ALL32 for n in range(33)]
_LENGTHS = {mask: n for n, mask in enumerate(_PREFIXES)}

# Fields that the match has, in what it can leave out and what it can match exactly.
_EXACT: tuple[tuple[Field, int], ...] = ((ETH_SRC, W_DL_SRC), (ETH_DST, W_DL_DST), (ETH_TYPE, W_DL_TYPE))
_KNOWN = (
    IN_PORT.mask | PACKET_TYPE.mask | ETH_SRC.mask | ETH_DST.mask | ETH_TYPE.mask | VLAN_TCI.mask
    | IP_PROTO.mask | _DSCP << _TOS.offset | IP_SRC.mask | IP_DST.mask | TP_SRC.mask | TP_DST.mask
)  # fmt: skip
_VLAN_MASKS = frozenset((0, 0xFFFF, _VID | _CFI, _PCP | _CFI, _VID | _PCP | _CFI))


_NO_ADDRESSES = (
    32 << W_SRC_SHIFT | 32 << W_DST_SHIFT
)  # 32 or more bits to ignore are all; we, as the peer, say 32
_ANY = (_W_ALL & ~(63 << W_SRC_SHIFT | 63 << W_DST_SHIFT) | _NO_ADDRESSES).to_bytes(4, "big") + bytes(36)


def fits_10(match: Match) -> bool:
    """Whether an OpenFlow 1.0 match can say all that `match` does."""
    mask, value = match.mask, match.value
    if not mask:
        return True
    if mask & ~_KNOWN or PACKET_TYPE.get(value):
        return False
    for field in (ETH_SRC, ETH_DST, TP_SRC, TP_DST):
        if mask & field.mask not in (0, field.mask):
            return False
    vlan = VLAN_TCI.get(mask)
    if vlan not in _VLAN_MASKS or (vlan == 0xFFFF and VLAN_TCI.get(value) & ~(_VID | _PCP | _CFI)):
        return False
    if ETH_TYPE.get(value) == ETH_IPV6 and mask & ~(_KNOWN ^ IP_PROTO.mask ^ TP_SRC.mask ^ TP_DST.mask):
        return False
    return IP_SRC.get(mask) in _LENGTHS and IP_DST.get(mask) in _LENGTHS


def encode_match10(match: Match) -> bytes:
    """The match, as far as OpenFlow 1.0 can say it."""
    mask, value = match.mask, match.value
    if not mask:
        return _ANY
    wildcards = _W_ALL & ~(63 << W_SRC_SHIFT) & ~(63 << W_DST_SHIFT)
    if mask & IN_PORT.mask:
        wildcards ^= W_IN_PORT
    for field, bit in _EXACT:
        if mask & field.mask == field.mask:
            wildcards ^= bit
    vlan, pcp, cleared = _encode_vlan(VLAN_TCI.get(mask), VLAN_TCI.get(value))
    wildcards ^= cleared
    if _TOS.get(mask) & _DSCP == _DSCP:
        wildcards ^= W_NW_TOS
    for field, bit in ((IP_PROTO, W_NW_PROTO), (TP_SRC, W_TP_SRC), (TP_DST, W_TP_DST)):
        if mask & field.mask == field.mask:
            wildcards ^= bit
    wildcards |= 32 - _LENGTHS.get(IP_SRC.get(mask), 0) << W_SRC_SHIFT
    wildcards |= 32 - _LENGTHS.get(IP_DST.get(mask), 0) << W_DST_SHIFT
    return MATCH10.pack(
        wildcards,
        to_16(IN_PORT.get(value)),
        mac_to_bytes(ETH_SRC.get(value)),
        mac_to_bytes(ETH_DST.get(value)),
        vlan,
        pcp,
        ETH_TYPE.get(value),
        _TOS.get(value) & _DSCP,
        IP_PROTO.get(value) & 0xFF,
        IP_SRC.get(value),
        IP_DST.get(value),
        TP_SRC.get(value),
        TP_DST.get(value),
    )


def _encode_vlan(mask: int, tci: int) -> tuple[int, int, int]:
    """dl_vlan, dl_vlan_pcp and the wildcard bits to clear."""
    if mask & _CFI and not tci & _CFI:
        return VLAN_NONE, 0, W_DL_VLAN | W_DL_VLAN_PCP
    cleared = (W_DL_VLAN if mask & _VID else 0) | (W_DL_VLAN_PCP if mask & _PCP else 0)
    return tci & _VID, tci >> 13, cleared


def decode_match10(data: bytes) -> Match:
    """The match in the first 40 bytes of `data`.  What has no meaning, as a port without a protocol, is left out."""
    wildcards, port, src, dst, vlan, pcp, eth_type, tos, proto, nw_src, nw_dst, tp_src, tp_dst = (
        MATCH10.unpack_from(data)
    )
    if wildcards & _W_ALL == _W_ALL:
        return _EVERYTHING
    value, mask = 0, 0
    if not wildcards & W_IN_PORT:
        value, mask = from_16(port) << IN_PORT.offset, IN_PORT.mask
    ethernet = 0
    if not wildcards & W_DL_SRC:
        value |= int.from_bytes(src, "big") << ETH_SRC.offset
        ethernet |= ETH_SRC.mask
    if not wildcards & W_DL_DST:
        value |= int.from_bytes(dst, "big") << ETH_DST.offset
        ethernet |= ETH_DST.mask
    if not wildcards & W_DL_TYPE:
        value |= eth_type << ETH_TYPE.offset
        ethernet |= ETH_TYPE.mask
    if wildcards & (W_DL_VLAN | W_DL_VLAN_PCP) != W_DL_VLAN | W_DL_VLAN_PCP:
        tci, bits = _decode_vlan(wildcards, vlan, pcp)
        value |= tci << VLAN_TCI.offset
        ethernet |= bits << VLAN_TCI.offset
    if ethernet:
        mask |= ethernet | PACKET_TYPE.mask
    if not wildcards & W_DL_TYPE and eth_type in (ETH_IP, ETH_ARP, ETH_RARP, ETH_IPV6):
        l3_value, l3_mask = _decode_l3(wildcards, eth_type, tos, proto, nw_src, nw_dst, tp_src, tp_dst)
        value |= l3_value
        mask |= l3_mask
    return Match(Flow(value & mask), Mask(mask))


_EVERYTHING = Match()


def entries_of_match10(match: Match) -> Iterator[Entry]:
    """Where in the structure that means `match` those values lie on which nothing else depends."""
    for field, end in _PLACES:
        bits = field.get(match.mask)
        if bits:
            yield Entry(field, bits, end)
    if IP_PROTO.get(match.value) in (TCP, UDP, SCTP) and ETH_TYPE.get(match.value) in (ETH_IP, ETH_IPV6):
        for field, end in ((FIELDS["tcp_src"], 38), (FIELDS["tcp_dst"], 40)):
            bits = field.get(match.mask)
            if bits:
                yield Entry(field, bits, end)


_PLACES = (ETH_SRC, 12), (ETH_DST, 18), (IP_SRC, 32), (IP_DST, 36)  # the byte after each


def as_given10(data: bytes) -> Match:
    """The match in the first 40 bytes of `data` with all that it says, what has no meaning included."""
    found = decode_match10(data)
    wildcards, *_, tos, proto, nw_src, nw_dst, tp_src, tp_dst = MATCH10.unpack_from(data)
    value, mask = _given_l3(wildcards, tos, proto, nw_src, nw_dst)
    for field, number, bit in ((TP_SRC, tp_src, W_TP_SRC), (TP_DST, tp_dst, W_TP_DST)):
        if not wildcards & bit:
            value |= number << field.offset
            mask |= field.mask
    return Match(Flow(found.value | value & mask), Mask(found.mask | mask))


def _decode_vlan(wildcards: int, vlan: int, pcp: int) -> tuple[int, int]:
    """TCI and mask.  "No tag" wins over a priority, which it contradicts."""
    if not wildcards & W_DL_VLAN and vlan == VLAN_NONE:
        return 0, 0xFFFF
    bits = _CFI | (0 if wildcards & W_DL_VLAN else _VID) | (0 if wildcards & W_DL_VLAN_PCP else _PCP)
    return (vlan & _VID | pcp << 13 & _PCP | _CFI) & bits, bits


def _given_l3(wildcards: int, tos: int, proto: int, nw_src: int, nw_dst: int) -> tuple[int, int]:
    """What is said of IP, or of ARP."""
    src_bits = _PREFIXES[max(0, 32 - (wildcards >> W_SRC_SHIFT & 63))]
    dst_bits = _PREFIXES[max(0, 32 - (wildcards >> W_DST_SHIFT & 63))]
    value = (nw_src & src_bits) << IP_SRC.offset | (nw_dst & dst_bits) << IP_DST.offset
    mask = src_bits << IP_SRC.offset | dst_bits << IP_DST.offset
    if not wildcards & W_NW_PROTO:
        value |= proto << IP_PROTO.offset
        mask |= IP_PROTO.mask
    if not wildcards & W_NW_TOS:
        value |= (tos & _DSCP) << _TOS.offset
        mask |= _DSCP << _TOS.offset
    return value, mask


def _decode_l3(
    wildcards: int, eth_type: int, tos: int, proto: int, nw_src: int, nw_dst: int, tp_src: int, tp_dst: int
) -> tuple[int, int]:
    value, mask = _given_l3(wildcards, tos, proto, nw_src, nw_dst)
    gone = (IP_SRC.mask | IP_DST.mask) if eth_type == ETH_IPV6 else 0
    if eth_type in (ETH_ARP, ETH_RARP):
        gone |= _TOS.mask
    value, mask = value & ~gone, mask & ~gone
    if eth_type in (ETH_ARP, ETH_RARP):
        return value, mask
    if not wildcards & W_NW_PROTO and (proto in _PORTS or (eth_type == ETH_IPV6 and proto == ICMPV6)):
        if not wildcards & W_TP_SRC:
            value |= tp_src << TP_SRC.offset
            mask |= TP_SRC.mask
        if not wildcards & W_TP_DST:
            value |= tp_dst << TP_DST.offset
            mask |= TP_DST.mask
    return value, mask
