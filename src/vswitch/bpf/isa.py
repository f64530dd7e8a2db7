"""The eBPF instruction set: what an instruction is, and its eight (or sixteen) bytes.

      0      1          2         4                 8
    +------+----+----+---------+-----------------+
    |opcode|src |dst | offset  |    immediate    |      host byte order, here little-endian
    +------+----+----+---------+-----------------+

Loading a 64-bit constant takes two such slots: the second carries the upper 32 bits of the immediate.

Sources: RFC 9669 (BPF Instruction Set Architecture); linux/bpf.h, linux/bpf_common.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from vswitch.base.dataclass import dataclass

# Instruction classes: the low three bits of an opcode.
LD, LDX, ST, STX, ALU32, JMP, JMP32, ALU64 = range(8)

# Where the second operand of ALU and jump instructions comes from.
IMM, REG = 0x00, 0x08

# Widths of loads and stores, by bytes.
WIDTHS = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
BYTES = {code: width for width, code in WIDTHS.items()}

# Modes of loads and stores.
MODE_IMM, MODE_MEM, MODE_MEMSX, MODE_ATOMIC = 0x00, 0x60, 0x80, 0xC0

ALU_OPS = {
    "+=": 0x00, "-=": 0x10, "*=": 0x20, "/=": 0x30, "|=": 0x40, "&=": 0x50, "<<=": 0x60, ">>=": 0x70,
    "%=": 0x90, "^=": 0xA0, "=": 0xB0, "s>>=": 0xC0,
}  # fmt: skip
NEG, END = 0x80, 0xD0
TO_LE, TO_BE = 0x00, 0x08

JUMP_OPS = {
    "==": 0x10, ">": 0x20, ">=": 0x30, "&": 0x40, "!=": 0x50, "s>": 0x60, "s>=": 0x70, "<": 0xA0, "<=": 0xB0,
    "s<": 0xC0, "s<=": 0xD0,
}  # fmt: skip
JA, CALL, EXIT = 0x00, 0x80, 0x90

ATOMIC_OPS = {"+=": 0x00, "|=": 0x40, "&=": 0x50, "^=": 0xA0}
FETCH, XCHG, CMPXCHG = 0x01, 0xE1, 0xF1

# What the `src` of a 64-bit load says about its immediate (BPF_PSEUDO_*).
PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, PSEUDO_BTF_ID, PSEUDO_FUNC = 1, 2, 3, 4
# The same for a call.
PSEUDO_CALL, PSEUDO_KFUNC_CALL = 1, 2

LD_IMM64 = LD | MODE_IMM | WIDTHS[8]
SLOT = 8  # bytes

_SLOT = struct.Struct("<BBhi")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.  Of a 64-bit load, `imm` holds all 64 bits; of all others, 32 bits, signed."""

    opcode: int
    dst: int = 0
    src: int = 0
    off: int = 0
    imm: int = 0

    @property
    def slots(self) -> int:
        """How many eight-byte slots it takes: jump offsets count these."""
        return 2 if self.opcode == LD_IMM64 else 1

    @property
    def class_(self) -> int:
        """LD, LDX, … ALU64."""
        return self.opcode & 7

    def encode(self) -> bytes:
        """Its bytes."""
        registers = self.dst | self.src << 4
        if self.opcode != LD_IMM64:
            return _SLOT.pack(self.opcode, registers, self.off, signed32(self.imm))
        low, high = self.imm & 0xFFFFFFFF, self.imm >> 32
        first = _SLOT.pack(self.opcode, registers, self.off, signed32(low))
        return first + _SLOT.pack(0, 0, 0, signed32(high))


def encode(program: Iterable[Instruction]) -> bytes:
    """A program's bytes."""
    return b"".join([instruction.encode() for instruction in program])


def decode(code: bytes) -> Iterator[Instruction]:
    """The instructions in `code`; ValueError where it ends in the middle of one."""
    at = 0
    while at < len(code):
        try:
            opcode, registers, off, imm = _SLOT.unpack_from(code, at)
            if opcode == LD_IMM64:
                _, _, _, high = _SLOT.unpack_from(code, at + SLOT)
                imm = imm & 0xFFFFFFFF | (high & 0xFFFFFFFF) << 32
        except struct.error:
            raise ValueError(f"the program ends within the instruction at byte {at}") from None
        instruction = Instruction(opcode, registers & 15, registers >> 4, off, imm)
        yield instruction
        at += SLOT * instruction.slots


def signed32(value: int) -> int:
    """`value`, of which 32 bits count, as a signed number."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
