"""Which fields a packet has."""

from __future__ import annotations

import pytest

from vswitch.flow.field import Mask
from vswitch.flow.fields import FIELDS, LAYOUT
from vswitch.flow.match import parse_match
from vswitch.ofproto.packetfields import fields_of_packet

ALL = Mask((1 << LAYOUT.bits) - 1)


@pytest.mark.parametrize(
    ("text", "has", "lacks"),
    [
        ("arp", "arp_op arp_spa arp_sha", "nw_ttl tp_src"),
        ("tcp", "nw_src nw_ttl tp_dst tcp_flags", "ipv6_src nd_target"),
        ("udp6", "ipv6_src ipv6_label tp_src", "tcp_flags nw_src"),
        ("tcp,nw_frag=later", "nw_src nw_frag", "tp_src tcp_flags"),
        ("tcp,nw_frag=first", "tp_src", "ipv6_src"),
        ("icmp6,icmpv6_type=135", "nd_target nd_sll icmpv6_type", "tcp_flags"),
        ("mpls", "mpls_label", "nw_src"),
        ("dl_type=0x1234", "dl_src", "nw_proto reg0 metadata"),
        ("reg5=1,metadata=2,dl_type=0x1234", "reg5 metadata", "reg4 tun_id"),
    ],
)
def test_fields_of_packet(text: str, has: str, lacks: str) -> None:
    mask = fields_of_packet(parse_match(text).value)
    assert [name for name in has.split() if FIELDS[name].mask & ~mask] == []
    assert [name for name in lacks.split() if not FIELDS[name].mask & ~mask] == []
