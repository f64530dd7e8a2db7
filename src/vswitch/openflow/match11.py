"""The match of OpenFlow 1.1: a fixed structure with masks for addresses and metadata, all of them inverted.

Sources: OpenFlow 1.1, A.2.3 (struct ofp_match).
"""

from __future__ import annotations

import struct

from vswitch.flow.field import Field
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    METADATA,
    MPLS_LABEL,
    MPLS_TC,
    PACKET_TYPE,
    TP_DST,
    TP_SRC,
    VLAN_TCI,
)
from vswitch.flow.match import Match
from vswitch.flow.ports import is_valid
from vswitch.openflow.codec import mac_to_bytes
from vswitch.openflow.errors import BadMatch, OpenFlowError
from vswitch.openflow.match10 import VLAN_NONE
from vswitch.packet.numbers import ETH_ARP, ETH_IP, ETH_MPLS, ETH_MPLS_MC, ETH_RARP

MATCH11_SIZE = 88
_MATCH11 = struct.Struct("!HHII6s6s6s6sHBxHBBIIIIHHIB3xQQ")
# enum ofp11_flow_wildcards (OFPFW11_*) and enum ofp11_vlan_id (OFPVID11_*)
_W_IN_PORT, _W_DL_VLAN, _W_DL_VLAN_PCP, _W_DL_TYPE, _W_NW_TOS, _W_NW_PROTO, _W_TP_SRC, _W_TP_DST = (
    1 << n for n in range(8)
)
_W_MPLS_LABEL, _W_MPLS_TC = 1 << 8, 1 << 9
_W_ALL = (1 << 10) - 1
_VLAN_ANY = 0xFFFE  # as dl_vlan: any tag
_CFI, _VID, _PCP = 0x1000, 0x0FFF, 0xE000
_MPLS = (ETH_MPLS, ETH_MPLS_MC)
_DSCP = 0xFC
_TOS, _ICMP_TYPE, _ICMP_CODE = FIELDS["nw_tos"], FIELDS["icmp_type"], FIELDS["icmp_code"]
_ONES32, _ONES48, _ONES64 = (1 << 32) - 1, (1 << 48) - 1, (1 << 64) - 1


_PARTLY = (
    ETH_SRC.mask | ETH_DST.mask | IP_SRC.mask | IP_DST.mask | METADATA.mask
)  # fields with a mask of their own
_WHOLLY = (IN_PORT, ETH_TYPE, IP_PROTO, _TOS, TP_SRC, TP_DST, MPLS_LABEL, MPLS_TC)
_KNOWN = _PARTLY | PACKET_TYPE.mask | VLAN_TCI.mask | sum(field.mask for field in _WHOLLY)


def fits_11(match: Match) -> bool:
    """Whether an OpenFlow 1.1 match can say all that `match` does."""
    mask, value = match.mask, match.value
    if mask & ~_KNOWN or PACKET_TYPE.get(value):
        return False
    if any(mask & field.mask not in (0, field.mask) for field in _WHOLLY):
        return False
    return VLAN_TCI.get(mask) in (0, 0xFFFF, _CFI, _VID | _CFI, _PCP | _CFI, _VID | _PCP | _CFI)


def encode_match11(match: Match) -> bytes:
    """The match, as far as OpenFlow 1.1 can say it."""
    mask, value = match.mask, match.value
    wildcards = _W_ALL

    def exact(field: Field, bit: int) -> int:
        nonlocal wildcards
        if mask & field.mask != field.mask:
            return 0
        wildcards &= ~bit
        return field.get(value)

    port = exact(IN_PORT, _W_IN_PORT)
    eth_type = exact(ETH_TYPE, _W_DL_TYPE)
    proto = exact(IP_PROTO, _W_NW_PROTO) & 0xFF
    ports = exact(TP_SRC, _W_TP_SRC), exact(TP_DST, _W_TP_DST)
    tos = 0
    if _TOS.get(mask) & _DSCP == _DSCP:
        wildcards &= ~_W_NW_TOS
        tos = _TOS.get(value) & _DSCP
    vlan, pcp, cleared = _encode_vlan(VLAN_TCI.get(mask), VLAN_TCI.get(value))
    wildcards &= ~cleared
    mpls = exact(MPLS_LABEL, _W_MPLS_LABEL), exact(MPLS_TC, _W_MPLS_TC)
    macs = (
        mac_to_bytes(number)
        for field in (ETH_SRC, ETH_DST)
        for number in (field.get(value), field.get(mask) ^ _ONES48)
    )
    ips = (number for field in (IP_SRC, IP_DST) for number in (field.get(value), field.get(mask) ^ _ONES32))
    metadata = METADATA.get(value), METADATA.get(mask) ^ _ONES64
    layer2 = (port, wildcards, *macs, vlan, pcp, eth_type)
    return _MATCH11.pack(0, MATCH11_SIZE, *layer2, tos, proto, *ips, *ports, *mpls, *metadata)


def _encode_vlan(mask: int, tci: int) -> tuple[int, int, int]:
    """dl_vlan, dl_vlan_pcp and the wildcard bits to clear."""
    if not mask:
        return 0, 0, 0
    if mask & _CFI and not tci & _CFI:
        return VLAN_NONE, 0, _W_DL_VLAN
    vlan = tci & _VID if mask & _VID else _VLAN_ANY
    if mask & _PCP:
        return vlan, tci >> 13, _W_DL_VLAN | _W_DL_VLAN_PCP
    return vlan, 0, _W_DL_VLAN


def decode_match11(data: bytes, at: int) -> Match:
    """The match of 88 bytes at byte `at`, whose header has been checked."""
    fields = _MATCH11.unpack_from(data, at)
    _, _, port, wildcards, src, src_mask, dst, dst_mask, vlan, pcp, eth_type, tos, proto, *rest = fields
    nw_src, nw_src_mask, nw_dst, nw_dst_mask, tp_src, tp_dst, label, tc, metadata, metadata_mask = rest
    match = Match()
    if not wildcards & _W_IN_PORT:
        if not is_valid(port):
            raise OpenFlowError(BadMatch.BAD_VALUE, f"port {port}")
        match = match.where(IN_PORT, port)
    match = _masked(match, ETH_SRC, int.from_bytes(src, "big"), int.from_bytes(src_mask, "big"), _ONES48)
    match = _masked(match, ETH_DST, int.from_bytes(dst, "big"), int.from_bytes(dst_mask, "big"), _ONES48)
    if not wildcards & _W_DL_VLAN:
        match = _decode_vlan(match, wildcards, vlan, pcp)
    if wildcards & _W_DL_TYPE:
        return _masked(match, METADATA, metadata, metadata_mask, _ONES64)
    match = match.where(ETH_TYPE, eth_type)
    if eth_type == ETH_IP and not wildcards & _W_NW_TOS:
        if tos & ~_DSCP:
            raise OpenFlowError(BadMatch.BAD_VALUE)
        match = match.where(_TOS, tos, _DSCP)
    if eth_type in (ETH_IP, ETH_ARP, ETH_RARP):
        if not wildcards & _W_NW_PROTO:
            match = match.where(IP_PROTO, proto)
        match = _masked(match, IP_SRC, nw_src, nw_src_mask, _ONES32)
        match = _masked(match, IP_DST, nw_dst, nw_dst_mask, _ONES32)
    if eth_type == ETH_IP and not wildcards & _W_NW_PROTO:
        match = _decode_l4(match, wildcards, proto, tp_src, tp_dst)
    if eth_type in _MPLS:
        if not wildcards & _W_MPLS_LABEL:
            match = match.where(MPLS_LABEL, label & 0xFFFFF)
        if not wildcards & _W_MPLS_TC:
            match = match.where(MPLS_TC, tc & 7)
    return _masked(match, METADATA, metadata, metadata_mask, _ONES64)


def _masked(match: Match, field: Field, value: int, inverted: int, ones: int) -> Match:
    mask = inverted ^ ones
    return match.where(field, value & mask, mask) if mask else match


def _decode_vlan(match: Match, wildcards: int, vlan: int, pcp: int) -> Match:
    if vlan == VLAN_NONE:
        return match.where(VLAN_TCI, 0)
    if vlan == _VLAN_ANY:
        tci, mask = _CFI, _CFI
    elif vlan <= _VID:
        tci, mask = vlan | _CFI, _VID | _CFI
    else:
        raise OpenFlowError(BadMatch.BAD_VALUE)
    if not wildcards & _W_DL_VLAN_PCP:
        if pcp > 7:
            raise OpenFlowError(BadMatch.BAD_VALUE)
        tci, mask = tci | pcp << 13, mask | _PCP
    return match.where(VLAN_TCI, tci, mask)


def _decode_l4(match: Match, wildcards: int, proto: int, tp_src: int, tp_dst: int) -> Match:
    if proto not in (1, 6, 17, 132):
        return match
    fields = (_ICMP_TYPE, _ICMP_CODE) if proto == 1 else (TP_SRC, TP_DST)
    for field, bit, number in zip(fields, (_W_TP_SRC, _W_TP_DST), (tp_src, tp_dst), strict=True):
        if not wildcards & bit:
            if proto == 1 and number > 0xFF:
                raise OpenFlowError(BadMatch.BAD_FIELD)
            match = match.where(field, number)
    return match
