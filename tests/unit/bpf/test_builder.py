"""Programs as the builder writes them."""

import pytest

from vswitch.bpf.assembly import disassemble
from vswitch.bpf.builder import R0, R1, R2, R6, R10, Builder, Map, MapValue, Number, u8, u16, u32, u64
from vswitch.bpf.helpers import Helper


def text(b: Builder) -> list[str]:
    return list(disassemble(b.build("test").instructions))


def test_arithmetic():
    b = Builder()
    b.mov(R1, 5)
    b.mov(R1, 0x80000000)
    b.mov(R1, 1 << 40)
    b.mov(R2, R1)
    b.mov(R2, R10 - 8)
    b.add(R1, R2)
    b.and_(R1, 0xFF)
    b.rsh(R1, 3)
    b.swap(R1, 16)
    b.exit(0)
    assert text(b) == [
        "r1 = 5",
        "w1 = -2147483648",
        "r1 = 0x10000000000 ll",
        "r2 = r1",
        "r2 = r10",
        "r2 += -8",
        "r1 += r2",
        "r1 &= 255",
        "r1 >>= 3",
        "r1 = be16 r1",
        "r0 = 0",
        "exit",
    ]


def test_memory():
    b = Builder()
    b.load(R1, u32(R6 + 16))
    b.load(R1, u8(R6 + 1))
    b.store(u16(R10 - 2), R1)
    b.store(u64(R10 - 16), 7)
    b.atomic_add(u64(R0 + 8), R1)
    b.exit()
    assert text(b) == [
        "r1 = *(u32 *)(r6 + 16)",
        "r1 = *(u8 *)(r6 + 1)",
        "*(u16 *)(r10 - 2) = r1",
        "*(u64 *)(r10 - 16) = 7",
        "lock *(u64 *)(r0 + 8) += r1",
        "exit",
    ]


def test_a_condition_spans_its_block():
    b = Builder()
    with b.when(R1 > R2):
        b.mov(R0, 1)
    with b.when(R1 & 4):  # has no opposite
        b.mov(R0, 2)
    b.exit()
    assert text(b) == [
        "if r1 <= r2 goto +1",
        "r0 = 1",
        "if r1 & 4 goto +1",
        "goto +1",
        "r0 = 2",
        "exit",
    ]


def test_jumps_count_slots_of_what_is_reachable():
    b = Builder()
    b.jump_if(R1 == 0, "end")
    b.mov(R2, 1 << 40)
    b.jump("end")
    b.mov(R2, 3)  # nobody comes here
    b.label("end")
    b.exit(0)
    assert text(b) == ["if r1 == 0 goto +3", "r2 = 0x10000000000 ll", "goto +0", "r0 = 0", "exit"]


def test_calls_take_arguments_in_order():
    b = Builder()
    with b.scratch(4) as key:
        b.store(u32(key), 0)
        b.call(Helper.map_lookup_elem, Map("flows"), key)
        b.mov(R2, MapValue("counters", 8))
    b.exit()
    program = b.build("test")
    assert list(program.maps.values()) == ["flows", "counters"]
    assert list(disassemble(program.instructions)) == [
        "*(u32 *)(r10 - 8) = 0",
        "r1 = map_fd(0) ll",
        "r2 = r10",
        "r2 += -8",
        "call 1",
        "r2 = map_value(0, 8) ll",
        "exit",
    ]


def test_a_number_takes_as_much_room_whatever_it_is():
    programs = []
    for value in (1, 1 << 63):
        b = Builder()
        b.jump("there")
        b.mov(R1, 0)
        b.label("there")
        b.mov(R1, Number("start", value))
        b.rsh(R1, Number("shift", 3))
        b.exit()
        programs.append(b.build("test"))
    assert text(b) == ["goto +0", "r1 = 0x8000000000000000 ll", "r1 >>= 3", "exit"]
    assert [program.numbers for program in programs] == [{1: "start", 3: "shift"}] * 2
    assert programs[0].numbered({"start": 1 << 63, "shift": 3}) == programs[1].code


def test_an_argument_that_is_overwritten_is_noticed():
    with pytest.raises(AssertionError, match="r1 is overwritten"):
        Builder().call(Helper.redirect, R6, R1)


def test_the_stack_ends():
    b = Builder()
    with pytest.raises(AssertionError), b.scratch(400), b.scratch(120):
        pass


def test_scratch_is_aligned_and_given_back():
    b = Builder()
    with b.scratch(3) as first:
        assert first.off == -8
        with b.scratch(9) as second:
            assert second.off == -24
    with b.scratch(8) as third:
        assert third.off == -8
