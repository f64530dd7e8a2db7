"""Matches as they are in a flow-mod of OpenFlow 1.0, for those who ask for much: with `*` for what does not matter.

Sources: OpenFlow 1.0, 5.2.3 (struct ofp_match) and 5.3.3; ovs-ofctl(8), -m.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.base.text import format_ipv4
from vswitch.flow.match import WORDS
from vswitch.flow.ports import from_16
from vswitch.openflow.match10 import (
    MATCH10,
    MATCH10_SIZE,
    W_DL_DST,
    W_DL_SRC,
    W_DL_TYPE,
    W_DL_VLAN,
    W_DL_VLAN_PCP,
    W_DST_SHIFT,
    W_IN_PORT,
    W_NW_PROTO,
    W_NW_TOS,
    W_SRC_SHIFT,
    W_TP_DST,
    W_TP_SRC,
)
from vswitch.openflow.names import Names
from vswitch.openflow.oxmtext import format_entries
from vswitch.packet.numbers import ETH_ARP, ETH_IPV6, ETH_RARP, ICMP

_HEADER_SIZE, _NX_HEADER_SIZE = 8, 16
_NX_MATCH = struct.Struct("!H6x")  # the length of the entries, after 22 bytes of the message
_NX_FIXED_SIZE = 32


def raw_match(data: bytes, names: Names) -> str:
    """The match of the flow-mod `data`, OpenFlow 1.0's own or Nicira's."""
    if data[1] == 4:  # a vendor's message
        at = _NX_HEADER_SIZE + _NX_FIXED_SIZE
        (length,) = _NX_MATCH.unpack_from(data, at - _NX_MATCH.size)
        return format_entries(data[at : at + length])
    return ",".join(_words(data[_HEADER_SIZE : _HEADER_SIZE + MATCH10_SIZE], names))


def _words(match: bytes, names: Names) -> Iterator[str]:
    wildcards, port, src, dst, vlan, pcp, eth_type, tos, proto, nw_src, nw_dst, tp_src, tp_dst = (
        MATCH10.unpack_from(match)
    )
    word = None
    if not wildcards & W_DL_TYPE and eth_type != ETH_IPV6:
        word = None if wildcards & W_NW_PROTO else WORDS.get((eth_type, proto))
        says_proto = word is not None
        word = word or WORDS.get((eth_type, None))
        if word:
            yield word
    says_proto = word is not None and says_proto
    arp = not wildcards & W_DL_TYPE and eth_type in (ETH_ARP, ETH_RARP)
    icmp = proto == ICMP

    def said(name: str, bit: int, text: object) -> str:
        return f"{name}={'*' if wildcards & bit else text}"

    yield said("in_port", W_IN_PORT, names.format_port(from_16(port)))
    yield said("dl_vlan", W_DL_VLAN, vlan)
    yield said("dl_vlan_pcp", W_DL_VLAN_PCP, pcp)
    yield said("dl_src", W_DL_SRC, src.hex(":"))
    yield said("dl_dst", W_DL_DST, dst.hex(":"))
    if word is None:
        yield said("dl_type", W_DL_TYPE, f"0x{eth_type:04x}")
    yield f"nw_src={_address(nw_src, wildcards >> W_SRC_SHIFT & 63)}"
    yield f"nw_dst={_address(nw_dst, wildcards >> W_DST_SHIFT & 63)}"
    if not says_proto:
        yield said("arp_op" if arp else "nw_proto", W_NW_PROTO, proto)
    yield said("nw_tos", W_NW_TOS, tos)
    yield said("icmp_type" if icmp else "tp_src", W_TP_SRC, tp_src)
    yield said("icmp_code" if icmp else "tp_dst", W_TP_DST, tp_dst)


def _address(address: int, ignored: int) -> str:
    """An address of which the last bits do not matter."""
    if ignored >= 32:
        return "*"
    return format_ipv4(address) + (f"/{32 - ignored}" if ignored else "")
