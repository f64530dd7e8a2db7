"""Write eBPF programs in Python: registers, memory, labels, and `if`.

    b = Builder()
    b.load(R2, u32(R6 + SKB_LEN))
    with b.when(R2 > 1500):
        b.call(Helper.skb_pull_data, R6, 0)
    b.exit(0)

Arithmetic on a register makes an address or a condition and emits nothing; the builder's methods emit.  Conditions
compare unsigned 64-bit numbers.  A label may be jumped to before it is placed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vswitch.base.dataclass import dataclass, field, replace
from vswitch.bpf import isa
from vswitch.bpf.helpers import Helper
from vswitch.bpf.isa import Instruction
from vswitch.bpf.spec import ProgramSpec, ProgramType

STACK_SIZE = 512  # bytes


@dataclass(frozen=True, slots=True)
class Address:
    """The byte `off` after where `base` points."""

    base: Register
    off: int

    def __add__(self, more: int) -> Address:
        return Address(self.base, self.off + more)


@dataclass(frozen=True, slots=True)
class Memory:
    """`width` bytes at an address."""

    at: Address
    width: int


@dataclass(frozen=True, slots=True)
class Condition:
    """`left op right`, unsigned, 64 bits."""

    op: str
    left: Register
    right: Register | int

    def negated(self) -> Condition | None:
        """Its opposite; None for `&`, which has none."""
        op = _OPPOSITES.get(self.op)
        return Condition(op, self.left, self.right) if op else None


_OPPOSITES = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", "<": ">=", ">=": "<", "s<": "s>=", "s>=": "s<"}


class Register:
    """One of r0 … r10.  Comparisons make conditions, sums make addresses."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"r{self.number}"

    def __hash__(self) -> int:
        return self.number

    def __add__(self, off: int) -> Address:
        return Address(self, off)

    def __sub__(self, off: int) -> Address:
        return Address(self, -off)

    def __eq__(self, other: Register | int) -> Condition:  # type: ignore[override]  # it writes a program
        return Condition("==", self, other)

    def __ne__(self, other: Register | int) -> Condition:  # type: ignore[override]  # it writes a program
        return Condition("!=", self, other)

    def __gt__(self, other: Register | int) -> Condition:
        return Condition(">", self, other)

    def __ge__(self, other: Register | int) -> Condition:
        return Condition(">=", self, other)

    def __lt__(self, other: Register | int) -> Condition:
        return Condition("<", self, other)

    def __le__(self, other: Register | int) -> Condition:
        return Condition("<=", self, other)

    def __and__(self, bits: Register | int) -> Condition:
        return Condition("&", self, bits)

    @property
    def negative(self) -> Condition:
        """Whether it holds less than 0, as a signed number: a helper's error."""
        return Condition("s<", self, 0)


R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = map(Register, range(11))


def u8(at: Address) -> Memory:
    """The byte at `at`."""
    return Memory(at, 1)


def u16(at: Address) -> Memory:
    """Two bytes at `at`."""
    return Memory(at, 2)


def u32(at: Address) -> Memory:
    """Four bytes at `at`."""
    return Memory(at, 4)


def u64(at: Address) -> Memory:
    """Eight bytes at `at`."""
    return Memory(at, 8)


@dataclass(frozen=True, slots=True)
class Map:
    """A map, by the name in its `MapSpec`: as an argument of a call, or what `mov` takes."""

    name: str


@dataclass(frozen=True, slots=True)
class MapValue:
    """The byte `off` of the only value of an array map."""

    name: str
    off: int = 0


@dataclass(frozen=True, slots=True)
class Number:
    """A number by which a program differs from others that are otherwise the same, of the same length above all."""

    name: str
    value: int


Argument = Register | Address | Map | MapValue | Number | int


@dataclass(slots=True)
class Builder:
    """A program in the making."""

    code: list[Instruction] = field(default_factory=list)
    maps: dict[int, str] = field(default_factory=dict)  # index of an instruction -> its map
    numbers: dict[int, str] = field(default_factory=dict)  # index of an instruction -> its number
    labels: dict[str, int] = field(default_factory=dict)  # label -> index of the instruction after it
    jumps: dict[int, str] = field(default_factory=dict)  # index of a jump -> label
    stack: int = 0  # bytes in use
    fresh: int = 0

    def emit(self, opcode: int, dst: Register = R0, src: int = 0, off: int = 0, imm: int = 0) -> None:
        """Append an instruction."""
        self.code.append(Instruction(opcode, dst.number, src, off, imm))

    # Arithmetic

    def mov(self, dst: Register, value: Argument) -> None:
        """Set `dst`, of which all 64 bits count."""
        match value:
            case Register():
                self._alu("=", dst, value)
            case Address(base, off):
                self._alu("=", dst, base)
                if off:
                    self._alu("+=", dst, off)
            case Map(name):
                self.maps[len(self.code)] = name
                self.emit(isa.LD_IMM64, dst, isa.PSEUDO_MAP_FD)
            case MapValue(name, off):
                self.maps[len(self.code)] = name
                self.emit(isa.LD_IMM64, dst, isa.PSEUDO_MAP_VALUE, imm=off << 32)
            case Number(name, number):
                self.numbers[len(self.code)] = name
                self.emit(isa.LD_IMM64, dst, imm=number)
            case int() if -(1 << 31) <= value < 1 << 31:
                self._alu("=", dst, value)
            case int() if 0 <= value < 1 << 32:
                self.emit(isa.ALU32 | isa.ALU_OPS["="], dst, imm=isa.signed32(value))
            case int():
                self.emit(isa.LD_IMM64, dst, imm=value & (1 << 64) - 1)

    def add(self, dst: Register, value: Register | int) -> None:
        """Add to `dst`."""
        self._alu("+=", dst, value)

    def sub(self, dst: Register, value: Register | int) -> None:
        """Subtract from `dst`."""
        self._alu("-=", dst, value)

    def mul(self, dst: Register, value: Register | int) -> None:
        """Multiply `dst`."""
        self._alu("*=", dst, value)

    def mod(self, dst: Register, value: Register | int) -> None:
        """Keep the remainder of `dst`, unsigned."""
        self._alu("%=", dst, value)

    def and_(self, dst: Register, value: Register | Number | int) -> None:
        """Keep of `dst` the bits of `value`."""
        self._alu("&=", dst, value)

    def or_(self, dst: Register, value: Register | int) -> None:
        """Set in `dst` the bits of `value`."""
        self._alu("|=", dst, value)

    def xor(self, dst: Register, value: Register | int) -> None:
        """Flip in `dst` the bits of `value`."""
        self._alu("^=", dst, value)

    def lsh(self, dst: Register, bits: Register | int) -> None:
        """Shift `dst` left."""
        self._alu("<<=", dst, bits)

    def rsh(self, dst: Register, bits: Register | Number | int) -> None:
        """Shift `dst` right; zeros come in."""
        self._alu(">>=", dst, bits)

    def swap(self, dst: Register, bits: int) -> None:
        """Turn the low `bits` bits of `dst` between network and host byte order; the others become 0."""
        self.emit(isa.ALU32 | isa.END | isa.TO_BE, dst, imm=bits)

    def _alu(self, op: str, dst: Register, value: Register | Number | int) -> None:
        opcode = isa.ALU64 | isa.ALU_OPS[op]
        if isinstance(value, Number):
            self.numbers[len(self.code)] = value.name
            value = value.value
        if isinstance(value, Register):
            self.emit(opcode | isa.REG, dst, value.number)
        else:
            assert -(1 << 31) <= value < 1 << 31, f"{value:#x} is no immediate"
            self.emit(opcode, dst, imm=value)

    # Memory

    def load(self, dst: Register, memory: Memory) -> None:
        """Read memory, zero-extended."""
        opcode = isa.LDX | isa.MODE_MEM | isa.WIDTHS[memory.width]
        self.emit(opcode, dst, memory.at.base.number, memory.at.off)

    def store(self, memory: Memory, value: Register | int) -> None:
        """Write memory."""
        opcode = isa.MODE_MEM | isa.WIDTHS[memory.width]
        if isinstance(value, Register):
            self.emit(isa.STX | opcode, memory.at.base, value.number, memory.at.off)
        else:
            self.emit(isa.ST | opcode, memory.at.base, 0, memory.at.off, isa.signed32(value))

    def increment(self, memory: Memory, by: Register | int, scratch: Register) -> None:
        """Add to memory that no other CPU writes; `scratch` is overwritten."""
        self.load(scratch, memory)
        self.add(scratch, by)
        self.store(memory, scratch)

    def atomic_add(self, memory: Memory, value: Register) -> None:
        """Add to memory that other CPUs may write, too."""
        opcode = isa.STX | isa.MODE_ATOMIC | isa.WIDTHS[memory.width]
        self.emit(opcode, memory.at.base, value.number, memory.at.off, isa.ATOMIC_OPS["+="])

    @contextmanager
    def scratch(self, size: int) -> Iterator[Address]:
        """`size` bytes of stack, rounded up to a multiple of 8 and aligned so, for the length of the block."""
        size = (size + 7) // 8 * 8
        self.stack += size
        assert self.stack <= STACK_SIZE, "the stack is full"
        yield R10 - self.stack
        self.stack -= size

    # Control

    def label(self, name: str) -> None:
        """Here is `name`."""
        assert name not in self.labels, name
        self.labels[name] = len(self.code)

    def new_label(self, hint: str = "") -> str:
        """A name that no other label has."""
        self.fresh += 1
        return f"{hint}.{self.fresh}"

    def jump(self, label: str) -> None:
        """Go on at `label`."""
        self.jumps[len(self.code)] = label
        self.emit(isa.JMP | isa.JA)

    def jump_if(self, condition: Condition, label: str) -> None:
        """Go on at `label` if `condition` holds."""
        self.jumps[len(self.code)] = label
        opcode = isa.JMP | isa.JUMP_OPS[condition.op]
        right = condition.right
        if isinstance(right, Register):
            self.emit(opcode | isa.REG, condition.left, right.number)
        else:
            assert -(1 << 31) <= right < 1 << 31, f"{right:#x} is no immediate"
            self.emit(opcode, condition.left, imm=right)

    @contextmanager
    def when(self, condition: Condition) -> Iterator[None]:
        """The block runs only if `condition` holds."""
        end = self.new_label("end")
        if opposite := condition.negated():
            self.jump_if(opposite, end)
        else:
            body = self.new_label("body")
            self.jump_if(condition, body)
            self.jump(end)
            self.label(body)
        yield
        self.label(end)

    def call(self, helper: Helper, *arguments: Argument) -> None:
        """Call a helper: the result is in r0, and r1 … r5 are lost."""
        for number, argument in enumerate(arguments, 1):
            used = argument.base if isinstance(argument, Address) else argument
            assert not isinstance(used, Register) or not 1 <= used.number < number, (
                f"r{used.number} is overwritten"
            )
            if not (isinstance(argument, Register) and argument.number == number):
                self.mov(Register(number), argument)
        self.emit(isa.JMP | isa.CALL, imm=helper)

    def exit(self, value: int | None = None) -> None:
        """Return `value`, or what r0 holds."""
        if value is not None:
            self.mov(R0, value)
        self.emit(isa.JMP | isa.EXIT)

    # The result

    def build(self, name: str, type: ProgramType = ProgramType.SCHED_CLS) -> ProgramSpec:
        """The finished program, without what cannot be reached: the kernel would refuse it."""
        reached = self._reachable()
        positions = [0]  # in slots, of what stays
        for at, instruction in enumerate(self.code):
            positions.append(positions[-1] + (instruction.slots if at in reached else 0))
        code: list[Instruction] = []
        for at in sorted(reached):
            instruction = self.code[at]
            if at in self.jumps:
                distance = positions[self.labels[self.jumps[at]]] - positions[at] - 1
                assert -(1 << 15) <= distance < 1 << 15, f"{self.jumps[at]} is too far"
                instruction = replace(instruction, off=distance)
            code.append(instruction)
        maps, numbers = (
            {positions[at]: name for at, name in named.items() if at in reached}
            for named in (self.maps, self.numbers)
        )
        return ProgramSpec(name, type, isa.encode(code), maps, numbers)

    def _reachable(self) -> set[int]:
        """The indexes of the instructions that some path from the first one leads to."""
        reached: set[int] = set()
        waiting = [0]
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            if at in self.jumps:
                waiting.append(self.labels[self.jumps[at]])
            if self.code[at].opcode not in (isa.JMP | isa.JA, isa.JMP | isa.EXIT):
                waiting.append(at + 1)
        return reached
