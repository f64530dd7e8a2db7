"""What cannot matter is dropped; all else stays.  The vectors of test_match.py have more cases."""

import pytest

from vswitch.flow.match import format_match, parse_match
from vswitch.flow.normalize import normalize


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("tp_dst=80", ""),
        ("ip,tp_dst=80", "ip"),
        ("tcp,tp_dst=80,nd_target=::1", "tcp,tp_dst=80"),
        ("arp,arp_spa=1.2.3.4,nw_tos=4", "arp,arp_spa=1.2.3.4"),
        (
            "icmp6,icmpv6_type=135,nd_target=::1,arp_tha=00:00:00:00:00:01",
            "icmp6,icmp_type=135,nd_target=::1",
        ),
        (
            "packet_type=(1,0x800),nw_src=1.2.3.4,dl_src=00:00:00:00:00:01",
            "packet_type=(1,0x800),nw_src=1.2.3.4",
        ),
        ("mpls,mpls_label=5,nw_proto=6", "mpls,mpls_label=5"),
    ],
)
def test_dropped(text, left):
    assert format_match(normalize(parse_match(text))) == left


@pytest.mark.parametrize(
    "text", ["", "reg0=1,in_port=2", "tcp,tp_dst=80", "udp6,ipv6_src=::1", "arp,arp_op=1", "dl_vlan=5"]
)
def test_a_normal_match_is_returned_as_it_is(text):
    match = parse_match(text)
    assert normalize(match) is match
