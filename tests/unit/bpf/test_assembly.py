"""Text and encodings, against bytes that LLVM and the kernel's own tests give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.bpf import isa
from vswitch.bpf.assembly import assemble, disassemble, format_instruction, parse_instruction
from vswitch.bpf.isa import Instruction

# What `llvm-mc -triple bpfel -mcpu=v4 -show-encoding` prints for these lines.
ENCODINGS = [
    ("r1 = 1", "b701000001000000"),
    ("r2 = r3", "bf32000000000000"),
    ("w4 = -2", "b4040000feffffff"),
    ("w5 = w6", "bc65000000000000"),
    ("r1 += -8", "07010000f8ffffff"),
    ("r1 -= r2", "1f21000000000000"),
    ("r7 *= 3", "2707000003000000"),
    ("r7 /= r8", "3f87000000000000"),
    ("w0 |= 16", "4400000010000000"),
    ("r0 &= 4095", "57000000ff0f0000"),
    ("r3 <<= 32", "6703000020000000"),
    ("r3 >>= 32", "7703000020000000"),
    ("r3 s>>= 32", "c703000020000000"),
    ("r9 %= 7", "9709000007000000"),
    ("r9 ^= r9", "af99000000000000"),
    ("r4 = -r4", "8704000000000000"),
    ("r1 = be16 r1", "dc01000010000000"),
    ("r1 = be32 r1", "dc01000020000000"),
    ("r1 = le64 r1", "d401000040000000"),
    ("r1 = bswap32 r1", "d701000020000000"),
    ("r0 = *(u8 *)(r1 + 0)", "7110000000000000"),
    ("r2 = *(u16 *)(r1 + 12)", "69120c0000000000"),
    ("r2 = *(u32 *)(r6 + 76)", "61624c0000000000"),
    ("r8 = *(u64 *)(r10 - 8)", "79a8f8ff00000000"),
    ("r8 = *(s32 *)(r10 - 8)", "81a8f8ff00000000"),
    ("*(u8 *)(r10 - 1) = r3", "733affff00000000"),
    ("*(u16 *)(r10 - 2) = r3", "6b3afeff00000000"),
    ("*(u32 *)(r10 - 4) = r3", "633afcff00000000"),
    ("*(u64 *)(r10 - 8) = r3", "7b3af8ff00000000"),
    ("*(u32 *)(r10 - 4) = 7", "620afcff07000000"),
    ("lock *(u64 *)(r0 + 8) += r1", "db10080000000000"),
    ("lock *(u32 *)(r0 + 0) |= r1", "c310000040000000"),
    ("r1 = fetch_add64(r0 + 0, r1)", "db10000001000000"),
    ("r1 = xchg64(r0 + 0, r1)", "db100000e1000000"),
    ("r0 = cmpxchg64(r2 + 0, r0, r1)", "db120000f1000000"),
    ("goto +3", "0500030000000000"),
    ("gotol -3", "06000000fdffffff"),
    ("if r1 == 5 goto +2", "1501020005000000"),
    ("if r1 != r2 goto -2", "5d21feff00000000"),
    ("if r1 > r2 goto +0", "2d21000000000000"),
    ("if r1 >= 1500 goto +1", "35010100dc050000"),
    ("if r1 & 16383 goto +1", "45010100ff3f0000"),
    ("if r1 < 20 goto +1", "a501010014000000"),
    ("if r1 <= r8 goto +1", "bd81010000000000"),
    ("if r0 s< 0 goto +1", "c500010000000000"),
    ("if w0 s> w1 goto +1", "6e10010000000000"),
    ("call 12", "850000000c000000"),
    ("call pc+4", "8510000004000000"),
    ("call kernel(77, 0)", "852000004d000000"),
    ("exit", "9500000000000000"),
    ("r1 = 0x123456789abcdef0 ll", "18010000f0debc9a0000000078563412"),
    ("r1 = map_fd(5) ll", "18110000050000000000000000000000"),
    ("r1 = map_value(5, 16) ll", "18210000050000000000000010000000"),
]


@pytest.mark.parametrize(("text", "code"), ENCODINGS, ids=[text for text, _ in ENCODINGS])
def test_encoding(text, code):
    instruction = parse_instruction(text)
    assert instruction.encode().hex() == code
    assert list(isa.decode(bytes.fromhex(code))) == [instruction]
    assert format_instruction(instruction) == text


@given(
    st.builds(
        Instruction,
        st.integers(0, 255).filter(lambda code: code != isa.LD_IMM64),
        st.integers(0, 15),
        st.integers(0, 15),
        st.integers(-(1 << 15), (1 << 15) - 1),
        st.integers(-(1 << 31), (1 << 31) - 1),
    )
)
def test_any_instruction_survives_text(instruction):
    assert list(isa.decode(instruction.encode())) == [instruction]
    assert parse_instruction(format_instruction(instruction)) == instruction


def test_program_round_trip():
    text = "r6 = r1\nif r6 == 0 goto +2\nr1 = map_fd(3) ll\nr0 = 0\nexit"
    program = assemble(text + " ; comment")
    assert list(isa.decode(isa.encode(program))) == program
    assert list(disassemble(program)) == text.split("\n")


@pytest.mark.parametrize("code", [b"\x95", isa.encode(assemble("r1 = 0x1 ll"))[:8]])
def test_cut_program(code):
    with pytest.raises(ValueError, match="ends within"):
        list(isa.decode(code))


@pytest.mark.parametrize("line", ["r11 = 1", "r1 = strange(3) ll", "jump", "if r1 ~ 3 goto +1"])
def test_not_an_instruction(line):
    with pytest.raises(TextError):
        parse_instruction(line)
