"""The extraction in eBPF against the one in Python: the same key for the same bytes, or none."""

from __future__ import annotations

import os
import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vswitch.bpf.builder import R0, R1, R7, Builder, Map, u16, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapSpec, MapType
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.compile import load_key, parser
from vswitch.datapath.ebpf.keys import EVERYTHING, KEY_SIZE, PLACES
from vswitch.datapath.ebpf.maps import specs
from vswitch.flow.extract import extract
from vswitch.flow.fields import LAYOUT
from vswitch.linux.bpf import BpfMap, Program

pytestmark = pytest.mark.needs_root

PARSED, GIVEN_UP = 7, 8


def extraction(tag: tuple[int, int] | None = None):
    """A program that writes the key of its packet to a map; with `tag`, of the packet with this tag beside it."""
    b = Builder()
    b.mov(skb.CONTEXT, R1)
    with b.scratch(
        2
    ) as type:  # the kernel does not let a cut IP packet into a test run, unless it looks like none
        b.load(R1, skb.MARK)
        b.store(u16(type), R1)
        b.call(Helper.skb_store_bytes, skb.CONTEXT, 12, type, 2, 0)
    if tag:
        b.call(Helper.skb_vlan_push, skb.CONTEXT, skb.be16(tag[0]), tag[1])
    load_key(b)
    parser(b, frozenset(PLACES), own=0).emit()
    b.mov(R7, R0)
    with b.scratch(4) as index:
        b.store(u32(index), 0)
        b.call(Helper.map_lookup_elem, Map("key"), index)
        b.jump_if(R0 == 0, "given up")
        for at in range(0, KEY_SIZE, 8):
            b.load(R1, u64(R7 + at))
            b.store(u64(R0 + at), R1)
        b.exit(PARSED)
    b.label("given up")
    b.exit(GIVEN_UP)
    return b.build("extraction")


@pytest.fixture(scope="module")
def maps():
    return {
        "keys": BpfMap.create(specs(n_cpus=os.cpu_count() or 1)["keys"]),
        "key": BpfMap.create(MapSpec("key", MapType.ARRAY, 4, KEY_SIZE, 1)),
        "programs": BpfMap.create(MapSpec("programs", MapType.PROG_ARRAY, 4, 4, 1)),
    }


@pytest.fixture(scope="module")
def program(maps):
    return Program.load(extraction(), maps)


@pytest.fixture(scope="module")
def tagging(maps):
    return Program.load(extraction((0x88A8, 0x6123)), maps)


def run(program, maps, packet):
    """The flow that the program extracts; None if it gives up."""
    context = struct.pack("=8xI180x", int.from_bytes(packet[12:14], "little"))
    result = program.test(packet[:12] + b"\xff\xff" + packet[14:], context).result
    assert result in (PARSED, GIVEN_UP)
    flow = EVERYTHING.unpack(maps["key"].lookup(bytes(4)))
    return flow & ~LAYOUT.mask("in_port", "pkt_mark") if result == PARSED else None


def tlv(r: Random, kind: int) -> bytes:
    return bytes([kind, 1]) + r.randbytes(6)


def payload(r: Random) -> tuple[int, bytes]:
    """A transport protocol and its bytes, well-formed or nearly so."""
    protocol = r.choice([6, 6, 17, 132, 1, 2, 58, 58, 47])
    body = r.randbytes(r.choice([0, 3, 4, 7, 8, 12, 13, 14, 19, 20, 24, 30, 64]))
    if protocol == 58 and len(body) > 2:
        options = b"".join(tlv(r, r.choice([1, 2, 1, 2, 5])) for _ in range(r.choice([0, 1, 1, 2, 3])))
        body = bytes([r.choice([135, 136, 128]), r.choice([0, 0, 0, 1])]) + r.randbytes(22) + options
        body += r.randbytes(r.choice([0, 0, 3, 9]))
    return protocol, body


def ipv6(r: Random) -> bytes:
    protocol, body = payload(r)
    for kind in r.choices([0, 43, 60, 51, 44], k=r.choice([0, 0, 0, 1, 2, 3])):
        if kind == 44:
            head = bytes([protocol, 0]) + r.choice([b"\0\0", b"\0\1", b"\x12\x34"]) + r.randbytes(4)
        elif kind == 51:
            size = r.choice([1, 2, 4])
            head = bytes([protocol, size]) + r.randbytes((size + 2) * 4 - 2)
        else:
            size = r.choice([0, 0, 1, 2])
            head = bytes([protocol, size]) + r.randbytes((size + 1) * 8 - 2)
        protocol, body = kind, head + body
    length = len(body) + r.choice([0, 0, 0, 0, 1, -1])
    first = (6 << 28 | r.getrandbits(28)).to_bytes(4, "big")
    return (
        first
        + max(length, 0).to_bytes(2, "big")
        + bytes([protocol, r.getrandbits(8)])
        + r.randbytes(32)
        + body
    )


def ipv4(r: Random) -> bytes:
    protocol, body = payload(r)
    words = r.choice([5, 5, 5, 6, 15, 4])
    length = 4 * words + len(body) + r.choice([0, 0, 0, 0, 1, -1])
    fragment = r.choice([b"\0\0", b"\0\0", b"\x40\0", b"\x20\0", b"\x20\x05", b"\0\x05"])
    head = bytes([0x40 | words, r.getrandbits(8)]) + length.to_bytes(2, "big") + r.randbytes(2) + fragment
    return head + bytes([r.getrandbits(8), protocol]) + r.randbytes(2 + 8 + max(4 * words - 20, 0)) + body


def arp(r: Random) -> bytes:
    kind = r.choice([b"\0\1\x08\0\6\4", b"\0\1\x08\0\6\4", b"\0\1\x08\0\6\5"])
    return kind + r.choice([b"\0\1", b"\0\2", b"\1\1"]) + r.randbytes(20)


def mpls(r: Random) -> bytes:
    return b"".join(r.randbytes(2) + bytes([r.choice([0x10, 0x11]), 64]) for _ in range(4))


def frame(seed: int) -> bytes:
    """An Ethernet frame with some headers, tagged or not, complete or cut, perhaps with a wrong byte."""
    r = Random(seed)
    type, body = r.choice(
        [
            (0x0800, ipv4),
            (0x0800, ipv4),
            (0x86DD, ipv6),
            (0x86DD, ipv6),
            (0x0806, arp),
            (0x8035, arp),
            (0x8847, mpls),
        ]
    )
    data = type.to_bytes(2, "big") + body(r)
    match r.choice(["plain"] * 6 + ["snap", "llc", "short snap"]):
        case "snap":
            data = b"\0\x40\xaa\xaa\3\0\0\0" + data
        case "short snap":
            data = b"\0\x40\xaa\xaa\3\0\0\0" + r.choice([b"", b"\x08", b"\1\0"])
        case "llc":
            data = b"\0\x40\x42\x42\3" + data
    for _ in range(r.choice([0, 0, 0, 1, 2, 3])):
        data = r.choice([b"\x81\0", b"\x88\xa8"]) + r.randbytes(2) + data
    data = bytearray(r.randbytes(12) + data + r.randbytes(r.choice([0, 0, 5, 20])))
    if r.random() < 0.2:
        data[r.randrange(12, len(data))] ^= 1 << r.randrange(8)
    if r.random() < 0.3:
        del data[r.randrange(14, len(data) + 1) :]
    return bytes(data).ljust(14, b"\0")


@settings(max_examples=2000)
@given(seed=st.integers(0, 1 << 64))
def test_the_same_key_for_the_same_packet(program, maps, seed):
    packet = frame(seed)
    found = run(program, maps, packet)
    if found is not None:
        assert found == extract(packet), packet.hex()


@settings(max_examples=500)
@given(seed=st.integers(0, 1 << 64))
def test_a_tag_beside_the_packet_is_its_outermost(tagging, maps, seed):
    packet = frame(seed)
    tagged = packet[:12] + b"\x88\xa8\x61\x23" + packet[12:]
    found = run(tagging, maps, packet)
    if found is not None:
        assert found == extract(tagged), packet.hex()


def test_what_is_usual_is_never_given_up(program, maps):
    given_up = [seed for seed in range(2000) if run(program, maps, frame(seed)) is None]
    assert len(given_up) < 60  # an option twice


@given(data=st.binary(min_size=14, max_size=200))
def test_any_bytes(program, maps, data):
    found = run(program, maps, data)
    assert found is None or found == extract(data)
