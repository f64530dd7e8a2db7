"""A key stands for a Flow: no two packets with different Flows share one."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.packets import Ethernet, Ip
from vswitch.datapath.userspace.headerkey import header_key, may_cache
from vswitch.dpif.frame import NO_OFFLOAD
from vswitch.flow.extract import extract

TAG = ((0x8100, 0x2005),)
USUAL = [
    packet
    for tags in ((), TAG)
    for version in (4, 6)
    for packet in (
        Ip(version=version, tags=tags),
        Ip(version=version, tags=tags, proto="udp"),
        Ip(version=version, tags=tags, proto="icmp", icmp_type=8 if version == 4 else 128),
    )
]


def key(data: bytes) -> int:
    """The key under which the datapath would find an entry for this packet; 0: none."""
    frame = NO_OFFLOAD + data
    return header_key(frame) if may_cache_safely(frame) else 0


def may_cache_safely(frame: bytes) -> bool:
    return bool(header_key(frame)) and may_cache(frame)


def test_usual_packets_have_keys():
    assert all(key(packet.bytes()) for packet in USUAL)


def test_what_does_not_matter_is_not_in_a_key():
    for usual in USUAL:
        packet = usual.with_(payload=bytes(40))
        longer = packet.with_(payload=b"quite another, longer payload, no doubt about it")
        assert key(packet.bytes()) == key(longer.bytes())


def test_options_of_tcp_that_do_not_fit_are_not_taken_for_some_that_do():
    for version, l4 in ((4, 34), (6, 54)):
        flows = {}
        for size in range(0, 60, 3):
            data = bytearray(Ip(version=version, payload=bytes(size)).bytes())
            data[l4 + 12] = 0xA0  # a header of 40 bytes, options and all
            flows.setdefault(key(bytes(data)), set()).add(extract(bytes(data), 1))
        assert len({flow for found in flows.values() for flow in found}) == 2
        assert all(len(found) == 1 for found in flows.values())


def test_unusual_packets_have_none():
    unusual = [
        Ethernet().bytes(),
        Ethernet(type=0x0806, payload=bytes(28)).bytes(),
        Ip(tags=((0x88A8, 5), (0x8100, 6))).bytes(),
        Ip(version=6, proto="icmp", icmp_type=135, payload=bytes(24)).bytes(),
        Ip().bytes().replace(b"\x45\0", b"\x46\0", 1),  # IP options
        Ip().bytes().replace(b"\x40\0\x40", b"\x20\0\x40", 1),  # a first fragment
        Ip().bytes()[:60],  # shorter than its length says
        b"",
        bytes(60),
    ]
    assert [key(data) for data in unusual] == [0] * len(unusual)


@given(st.sampled_from(USUAL), st.sampled_from(USUAL), st.integers(0), st.integers(0, 8))
def test_packets_with_one_key_have_one_flow(one: Ip, other: Ip, seed: int, changes: int):
    rng = random.Random(seed)
    first, second = bytearray(one.bytes()), bytearray(other.bytes() if rng.random() < 0.3 else one.bytes())
    for data in (first, second):
        for _ in range(changes):
            data[rng.randrange(len(data))] = rng.choice((0, 255, rng.randrange(256)))
        del data[rng.choice((len(data), rng.randrange(len(data)))) :]
    known = key(bytes(first))
    if known and known == header_key(NO_OFFLOAD + bytes(second)):
        assert extract(bytes(first), 1) == extract(bytes(second), 1)


def test_each_changed_bit():
    for packet in USUAL:
        own, flow = key(packet.bytes()), extract(packet.bytes(), 1)
        for bit in range(8 * len(packet.bytes())):
            data = bytearray(packet.bytes())
            data[bit // 8] ^= 1 << bit % 8
            if header_key(NO_OFFLOAD + bytes(data)) == own:
                assert extract(bytes(data), 1) == flow, f"bit {bit} of {packet}"


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes):
    key(data)
