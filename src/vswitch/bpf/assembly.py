"""eBPF as text, both ways, in the notation of the kernel's verifier log, bpftool and LLVM.

    r2 = *(u32 *)(r6 + 16)
    if r2 > 1500 goto +3
    lock *(u64 *)(r0 + 8) += r1
    r1 = map_fd(5) ll
    call 1
    exit

One instruction a line; `wN` is the lower half of `rN`; jump offsets count eight-byte slots after the jump.

Sources: RFC 9669; kernel/bpf/disasm.c for the notation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.bpf import isa
from vswitch.bpf.isa import Instruction

_ALU_NAMES = {code: name for name, code in isa.ALU_OPS.items()}
_JUMP_NAMES = {code: name for name, code in isa.JUMP_OPS.items()}
_ATOMIC_NAMES = {code: name for name, code in isa.ATOMIC_OPS.items()}
_FETCH_NAMES = {0x00: "add", 0x40: "or", 0x50: "and", 0xA0: "xor"}
_FETCH_CODES = {name: code for code, name in _FETCH_NAMES.items()}
_PSEUDO_NAMES = {
    isa.PSEUDO_MAP_FD: "map_fd",
    isa.PSEUDO_MAP_VALUE: "map_value",
    isa.PSEUDO_BTF_ID: "btf_id",
    isa.PSEUDO_FUNC: "func",
}
_PSEUDO_CODES = {name: code for code, name in _PSEUDO_NAMES.items()}


def disassemble(program: Iterable[Instruction]) -> Iterator[str]:
    """The lines of `program`."""
    return map(format_instruction, program)


def assemble(text: str) -> list[Instruction]:
    """The instructions in `text`; empty lines and what follows `;` do not count.  Raises TextError."""
    lines = (line.split(";")[0].strip() for line in text.splitlines())
    return [parse_instruction(line) for line in lines if line]


def format_instruction(i: Instruction) -> str:
    """One instruction as text; one that nothing here describes reads as its hexadecimal bytes."""
    match i.class_:
        case isa.ALU32 | isa.ALU64:
            text = _format_alu(i)
        case isa.JMP | isa.JMP32:
            text = _format_jump(i)
        case _:
            text = _format_memory(i)
    return text if _says(text, i) else ".bytes " + i.encode().hex()


def _says(text: str, i: Instruction) -> bool:
    """Whether `text` reads back as `i`: not when a field holds what the notation has no place for."""
    try:
        return parse_instruction(text) == i
    except TextError:
        return False


def _format_alu(i: Instruction) -> str:
    r = "r" if i.class_ == isa.ALU64 else "w"
    op = i.opcode & 0xF0
    if op == isa.NEG:
        return f"{r}{i.dst} = -{r}{i.dst}"
    if op == isa.END:
        swap = "bswap" if r == "r" else "be" if i.opcode & isa.TO_BE else "le"
        return f"r{i.dst} = {swap}{i.imm} r{i.dst}"
    name = _ALU_NAMES.get(op)
    return f"{r}{i.dst} {name} {_operand(i, r)}" if name else ""


def _format_jump(i: Instruction) -> str:
    r = "r" if i.class_ == isa.JMP else "w"
    match i.opcode & 0xF0:
        case isa.JA:
            return f"goto {i.off:+d}" if r == "r" else f"gotol {i.imm:+d}"
        case isa.CALL:
            return {0: f"call {i.imm}", 1: f"call pc{i.imm:+d}", 2: f"call kernel({i.imm}, {i.off})"}.get(
                i.src, ""
            )
        case isa.EXIT:
            return "exit"
        case op:
            name = _JUMP_NAMES.get(op)
            return f"if {r}{i.dst} {name} {_operand(i, r)} goto {i.off:+d}" if name else ""


def _format_memory(i: Instruction) -> str:
    if i.opcode == isa.LD_IMM64:
        pseudo = _PSEUDO_NAMES.get(i.src)
        if pseudo == "map_value":
            return f"r{i.dst} = map_value({i.imm & 0xFFFFFFFF}, {i.imm >> 32}) ll"
        return f"r{i.dst} = {pseudo}({i.imm}) ll" if pseudo else f"r{i.dst} = {i.imm:#x} ll"
    bits = 8 * isa.BYTES[i.opcode & 0x18]
    mode = i.opcode & 0xE0
    if i.class_ == isa.LDX:
        sign = "s" if mode == isa.MODE_MEMSX else "u"
        return f"r{i.dst} = *({sign}{bits} *)({_address(i.src, i.off)})"
    place = f"*(u{bits} *)({_address(i.dst, i.off)})"
    if mode == isa.MODE_ATOMIC:
        return _format_atomic(i, place, bits)
    return f"{place} = " + (f"r{i.src}" if i.class_ == isa.STX else str(i.imm))


def _format_atomic(i: Instruction, place: str, bits: int) -> str:
    if i.imm in _ATOMIC_NAMES:
        return f"lock {place} {_ATOMIC_NAMES[i.imm]} r{i.src}"
    where = _address(i.dst, i.off)
    if i.imm == isa.XCHG:
        return f"r{i.src} = xchg{bits}({where}, r{i.src})"
    if i.imm == isa.CMPXCHG:
        return f"r0 = cmpxchg{bits}({where}, r0, r{i.src})"
    name = _FETCH_NAMES.get(i.imm & ~isa.FETCH)
    return f"r{i.src} = fetch_{name}{bits}({where}, r{i.src})" if name else ""


def _address(register: int, off: int) -> str:
    return f"r{register} {'-' if off < 0 else '+'} {abs(off)}"


def _operand(i: Instruction, r: str) -> str:
    return f"{r}{i.src}" if i.opcode & isa.REG else str(i.imm)


@dataclass(frozen=True, slots=True)
class _Form:
    """A shape of line and the instruction that it says."""

    pattern: re.Pattern[str]
    build: Callable[[re.Match[str]], Instruction]


_FORMS: list[_Form] = []
_NUMBER = r"-?(?:0x[0-9a-f]+|\d+)"
_WORDS = {
    "R": r"[rw](?:10|[0-9])",
    "V": rf"(?:[rw](?:10|[0-9])|{_NUMBER})",
    "N": _NUMBER,
    "MEM": r"\*\((?P<type>[us])(?P<bits>8|16|32|64) \*\)\((?P<base>r(?:10|[0-9])) (?P<off>[+-] ?\d+)\)",
    "AT": r"(?P<base>r(?:10|[0-9])) (?P<off>[+-] ?\d+)",
}


def _form(pattern: str) -> Callable[[Callable[[re.Match[str]], Instruction]], None]:
    for word, regex in _WORDS.items():
        pattern = re.sub(rf"<(\w+):{word}>", rf"(?P<\1>{regex})".replace("\\", r"\\"), pattern)
        pattern = pattern.replace(f"<{word}>", regex)

    def register(build: Callable[[re.Match[str]], Instruction]) -> None:
        _FORMS.append(_Form(re.compile(pattern), build))

    return register


def parse_instruction(line: str) -> Instruction:
    """The instruction that `line` says; TextError when it says none."""
    for form in _FORMS:
        if found := form.pattern.fullmatch(line):
            return form.build(found)
    raise TextError(f"not an eBPF instruction: {line}", line, 0)


def _register(text: str) -> int:
    return int(text[1:])


def _integer(text: str) -> int:
    return int(text.replace(" ", ""), 0)


def _with_operand(opcode: int, dst: str, operand: str, off: int = 0) -> Instruction:
    if operand[0] in "rw":
        return Instruction(opcode | isa.REG, _register(dst), _register(operand), off)
    return Instruction(opcode, _register(dst), 0, off, isa.signed32(_integer(operand)))


def _width(m: re.Match[str]) -> int:
    return isa.WIDTHS[int(m["bits"]) // 8]


@_form(r"\.bytes (?P<hex>(?:[0-9a-f]{16}){1,2})")
def _bytes(m: re.Match[str]) -> Instruction:
    return next(isa.decode(bytes.fromhex(m["hex"])))


@_form(r"(?P<dst>[rw]\d+) = -(?P=dst)")
def _neg(m: re.Match[str]) -> Instruction:
    return Instruction((isa.ALU64 if m["dst"][0] == "r" else isa.ALU32) | isa.NEG, _register(m["dst"]))


@_form(r"(?P<dst>r\d+) = (?P<swap>bswap|be|le)(?P<bits>16|32|64) (?P=dst)")
def _end(m: re.Match[str]) -> Instruction:
    class_ = isa.ALU64 if m["swap"] == "bswap" else isa.ALU32
    source = isa.TO_BE if m["swap"] == "be" else isa.TO_LE
    return Instruction(class_ | isa.END | source, _register(m["dst"]), imm=int(m["bits"]))


@_form(r"(?P<dst>r\d+) = (?P<pseudo>\w+)\((?P<imm><N>)(?:, (?P<more>\d+))?\) ll")
def _pseudo(m: re.Match[str]) -> Instruction:
    if m["pseudo"] not in _PSEUDO_CODES:
        raise TextError(f"not a kind of 64-bit load: {m['pseudo']}", m.string, m.start("pseudo"))
    imm = _integer(m["imm"]) | int(m["more"] or 0) << 32
    return Instruction(isa.LD_IMM64, _register(m["dst"]), _PSEUDO_CODES[m["pseudo"]], imm=imm)


@_form(r"(?P<dst>r\d+) = (?P<imm><N>) ll")
def _constant(m: re.Match[str]) -> Instruction:
    return Instruction(isa.LD_IMM64, _register(m["dst"]), imm=_integer(m["imm"]) & (1 << 64) - 1)


@_form(r"(?P<dst>r\d+) = <MEM>")
def _load(m: re.Match[str]) -> Instruction:
    mode = isa.MODE_MEM if m["type"] == "u" else isa.MODE_MEMSX
    return Instruction(
        isa.LDX | mode | _width(m), _register(m["dst"]), _register(m["base"]), _integer(m["off"])
    )


@_form(r"<MEM> = (?P<value><V>)")
def _store(m: re.Match[str]) -> Instruction:
    base, off = _register(m["base"]), _integer(m["off"])
    if m["value"][0] == "r":
        return Instruction(isa.STX | isa.MODE_MEM | _width(m), base, _register(m["value"]), off)
    return Instruction(isa.ST | isa.MODE_MEM | _width(m), base, 0, off, isa.signed32(_integer(m["value"])))


@_form(r"lock <MEM> (?P<op>\S+) (?P<src>r\d+)")
def _atomic(m: re.Match[str]) -> Instruction:
    return _atomic_instruction(m, isa.ATOMIC_OPS[m["op"]])


@_form(r"(?P<src>r\d+) = fetch_(?P<op>add|or|and|xor)(?P<bits>32|64)\(<AT>, (?P=src)\)")
def _fetch(m: re.Match[str]) -> Instruction:
    return _atomic_instruction(m, _FETCH_CODES[m["op"]] | isa.FETCH)


@_form(r"(?P<src>r\d+) = xchg(?P<bits>32|64)\(<AT>, (?P=src)\)")
def _xchg(m: re.Match[str]) -> Instruction:
    return _atomic_instruction(m, isa.XCHG)


@_form(r"r0 = cmpxchg(?P<bits>32|64)\(<AT>, r0, (?P<src>r\d+)\)")
def _cmpxchg(m: re.Match[str]) -> Instruction:
    return _atomic_instruction(m, isa.CMPXCHG)


def _atomic_instruction(m: re.Match[str], imm: int) -> Instruction:
    opcode = isa.STX | isa.MODE_ATOMIC | _width(m)
    return Instruction(opcode, _register(m["base"]), _register(m["src"]), _integer(m["off"]), imm)


@_form(r"(?P<dst><R>) (?P<op>s?>>=|<<=|[-+*/%&|^]?=) (?P<value><V>)")
def _alu(m: re.Match[str]) -> Instruction:
    class_ = isa.ALU64 if m["dst"][0] == "r" else isa.ALU32
    return _with_operand(class_ | isa.ALU_OPS[m["op"]], m["dst"], m["value"])


@_form(r"if (?P<dst><R>) (?P<op>[!=]=|s?[<>]=?|&) (?P<value><V>) goto (?P<target>[+-]\d+)")
def _branch(m: re.Match[str]) -> Instruction:
    class_ = isa.JMP if m["dst"][0] == "r" else isa.JMP32
    return _with_operand(class_ | isa.JUMP_OPS[m["op"]], m["dst"], m["value"], int(m["target"]))


@_form(r"(?P<op>gotol?) (?P<target>[+-]\d+)")
def _goto(m: re.Match[str]) -> Instruction:
    if m["op"] == "gotol":
        return Instruction(isa.JMP32 | isa.JA, imm=int(m["target"]))
    return Instruction(isa.JMP | isa.JA, off=int(m["target"]))


@_form(r"call (?P<function>\d+)")
def _call(m: re.Match[str]) -> Instruction:
    return Instruction(isa.JMP | isa.CALL, imm=int(m["function"]))


@_form(r"call pc(?P<target>[+-]\d+)")
def _call_local(m: re.Match[str]) -> Instruction:
    return Instruction(isa.JMP | isa.CALL, src=isa.PSEUDO_CALL, imm=int(m["target"]))


@_form(r"call kernel\((?P<function>\d+), (?P<module>\d+)\)")
def _call_kernel(m: re.Match[str]) -> Instruction:
    src, off = isa.PSEUDO_KFUNC_CALL, int(m["module"])
    return Instruction(isa.JMP | isa.CALL, src=src, off=off, imm=int(m["function"]))


@_form("exit")
def _exit(_: re.Match[str]) -> Instruction:
    return Instruction(isa.JMP | isa.EXIT)
