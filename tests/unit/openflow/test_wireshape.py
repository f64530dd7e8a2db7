"""Lists of entries that were decoded before, in another instance of their shape."""

from __future__ import annotations

import pytest

from vswitch.flow.fields import IP_SRC
from vswitch.flow.match import Match, parse_match
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.wirematch import decode_nxm, decode_nxm_loose, encode_nxm
from vswitch.openflow.wireshape import MAX_KINDS, MAX_SHAPES, Entry, Shapes, shape_of

PAIRS = [
    ("tcp,nw_src=10.0.0.1,tp_dst=80", "tcp,nw_src=192.168.255.3,tp_dst=65535"),
    ("tcp,nw_src=10.0.0.0/8", "tcp,nw_src=11.0.0.0/8"),
    ("udp,nw_src=10.0.0.0/8", "udp,nw_src=10.1.0.0/16"),
    ("dl_src=00:00:00:00:00:01,dl_vlan=3", "dl_src=02:00:00:00:00:01,dl_vlan=3"),
    ("ipv6,ipv6_dst=fe80::1", "ipv6,ipv6_dst=2001::/64"),
    ("arp,arp_spa=1.2.3.4,reg1=5,reg15=0x1/0xff", "arp,arp_spa=4.3.2.1,reg1=0xffffffff,reg15=0xfe/0xff"),
    ("ip,nw_proto=6,nw_dst=1.1.1.1", "ip,nw_proto=17,nw_dst=1.1.1.1"),
    ("in_port=1,metadata=5", "in_port=2,metadata=5"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_second_of_a_shape_reads_as_the_first(first: str, second: str):
    for text in (first, second, first):
        match = parse_match(text)
        data = encode_nxm(match)
        padded = data + bytes(-len(data) % 8)
        assert decode_nxm(padded, 0, len(data))[0] == match


def test_bits_outside_the_mask_are_an_error_after_a_good_one_too():
    good = encode_nxm(parse_match("ip,nw_src=10.0.0.0/8"))
    decode_nxm(good + bytes(-len(good) % 8), 0, len(good))
    bad = good.replace(bytes([10, 0, 0, 0]), bytes([10, 0, 0, 1]))
    with pytest.raises(OpenFlowError):
        decode_nxm(bad + bytes(-len(bad) % 8), 0, len(bad))


def test_what_passes_loosely_is_no_precedent():
    unknown = bytes.fromhex("0001fe0400000000")
    assert decode_nxm_loose(unknown, 0, 8) == Match()
    with pytest.raises(OpenFlowError):
        decode_nxm(unknown, 0, 8)


def test_the_memory_is_bounded():
    shapes: Shapes[str] = Shapes()
    for number in range(3 * MAX_SHAPES):
        shapes.learn(number, 8, 0, str(number))
    assert shapes.find(0, 8) is None
    last = 3 * MAX_SHAPES - 1
    assert shapes.find(last, 8) == str(last)
    for bit in range(MAX_KINDS + 1):
        shapes.learn(0, 12, 1 << bit, "")
    assert shapes.find(1, 12) is None  # forgotten with the other kinds
    assert shapes.find(1 << MAX_KINDS, 12) is not None


def test_free_bits_are_those_that_an_entry_has_under_its_mask():
    match = parse_match("ip,nw_src=10.1.0.0/16")
    free, shape = shape_of(12, [Entry(IP_SRC, 0xFFFF0000, 10)], match)
    assert free == 0xFFFF0000 << 16
    assert shape.match(0x0B020000 << 16) == parse_match("ip,nw_src=11.2.0.0/16")
