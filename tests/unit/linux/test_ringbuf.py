"""Records from a program, read in order, also around the end of the ring."""

from __future__ import annotations

import pytest

from vswitch.bpf.builder import R0, R1, R2, R3, R6, Builder, Map, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapSpec, MapType
from vswitch.linux.bpf import BpfMap, Program
from vswitch.linux.ringbuf import RingBuffer

pytestmark = pytest.mark.needs_root
SIZE = 4096


@pytest.fixture
def maps():
    return {"ring": BpfMap.create(MapSpec("ring", MapType.RINGBUF, 0, 0, SIZE))}


@pytest.fixture
def program(maps):
    """Put the packet's length into the ring; fails when it is full."""
    b = Builder()
    b.mov(R6, R1)
    with b.scratch(16) as record:
        b.load(R1, u32(R6 + 0))
        b.store(u64(record), R1)
        b.store(u64(record + 8), 7)
        b.mov(R3, 12)
        b.mov(R2, record)
        b.call(Helper.ringbuf_output, Map("ring"), R2, R3, 0)
    b.jump_if(R0.negative, "full")
    b.exit(0)
    b.label("full")
    b.exit(1)
    return Program.load(b.build("test"), maps)


def test_records_in_order(maps, program):
    ring = RingBuffer(maps["ring"].fd, SIZE)
    expected = []
    for length in range(14, 1200):
        assert program.test(bytes(length)).result == 0
        expected.append(length)
        if length % 50 == 0:
            records = list(ring.records(limit=30)) + list(ring.records(limit=1000))
            assert [int.from_bytes(record[:8], "little") for record in records] == expected
            assert all(record[8:] == b"\7\0\0\0" for record in records)
            expected = []
    ring.close()


def test_a_full_ring_has_room_again(maps, program):
    ring = RingBuffer(maps["ring"].fd, SIZE)
    sent = 0
    while program.test(bytes(60)).result == 0:
        sent += 1
    assert sent == SIZE // 24
    assert len(list(ring.records(limit=10))) == 10
    assert program.test(bytes(60)).result == 0
    assert len(list(ring.records(limit=1000))) == sent - 9
    ring.close()
