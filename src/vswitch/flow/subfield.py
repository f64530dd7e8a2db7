"""Subfields: some consecutive bits of a field, written `reg0[3..7]`, `NXM_NX_REG0[3..7]`, `reg0[3]`, `reg0[]`.

Registers 16 to 31 have no types of their own: on the wire they are bits of xxreg4 to xxreg7, and in text and in
actions such bits are registers again.  `coded` and `part_of` lead from the one to the other.

Sources: ovs-actions(7), "Field Specifications".
"""

from __future__ import annotations

import re

from vswitch.base.bits import ones
from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.text import c_number
from vswitch.flow.codes import by_name, codes_of
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import FIELDS, REG, XXREG
from vswitch.flow.texts import format_exact


class Subfield:
    """`n_bits` bits of `field`, the lowest of them bit `start`."""

    __slots__ = ("field", "mask", "n_bits", "start")

    field: Field
    start: int
    n_bits: int
    mask: Mask  # these bits in a Mask, as far as the field has them

    def __init__(self, field: Field, start: int = 0, n_bits: int | None = None) -> None:
        """Without `n_bits`: to the end of the field."""
        self.field = field
        self.start = start
        self.n_bits = field.bits - start if n_bits is None else n_bits
        whole = start == 0 and self.n_bits == field.bits
        self.mask = field.mask if whole else field.under(ones(self.n_bits) << start & field.ones)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Subfield)
            and self.field is other.field
            and (self.start, self.n_bits) == (other.start, other.n_bits)
        )

    def __hash__(self) -> int:
        return hash((self.field, self.start, self.n_bits))

    def get(self, flow: int) -> int:
        """The value in a Flow, or which of its bits matter in a Mask."""
        return self.field.get(flow) >> self.start & ones(self.n_bits)

    def put(self, flow: Flow, value: int) -> Flow:
        """`flow` with `value` in these bits."""
        rest = self.field.get(flow) & ~(ones(self.n_bits) << self.start)
        return self.field.put(flow, rest | (value & ones(self.n_bits)) << self.start)

    def __str__(self) -> str:
        return format_subfield(self)

    def __repr__(self) -> str:
        return f"<Subfield {self}>"


# xxreg4 to xxreg7 with their registers, the lowest first; and for each of these where it is in which xxreg.
_REGISTERS = {
    xxreg: tuple(reversed(REG[4 * i : 4 * i + 4])) for i, xxreg in enumerate(XXREG) if not REG[4 * i].codes
}
_CARRIERS = {reg: (xxreg, 32 * i) for xxreg, regs in _REGISTERS.items() for i, reg in enumerate(regs)}


def coded(part: Subfield) -> Subfield:
    """The bits of `part` as those of a field that has a type on the wire."""
    if part.field not in _CARRIERS:
        return part
    xxreg, shift = _CARRIERS[part.field]
    return Subfield(xxreg, shift + part.start, part.n_bits)


def part_of(field: Field, start: int, n_bits: int) -> Subfield:
    """`n_bits` bits of `field` from bit `start`, named after the register that they are in, if it has no other name."""
    index = start // 32
    if field not in _REGISTERS or (start + n_bits - 1) // 32 != index or start >= field.bits:
        return Subfield(field, start, n_bits)
    return Subfield(_REGISTERS[field][index], start % 32, n_bits)


def parts_of(field: Field, bits: int) -> list[tuple[Field, int]]:
    """`bits` of `field`, divided among registers unless they are all of it or the registers have other names."""
    if field not in _REGISTERS or bits == field.ones:
        return [(field, bits)]
    parts = ((reg, bits >> 32 * i & reg.ones) for i, reg in enumerate(_REGISTERS[field]))
    return [(reg, part) for reg, part in parts if part][::-1]


_BITS = pattern(r"\[(?:(-?[0-9]+)(?:\.\.(-?[0-9]+))?)?\]")


def parse_subfield(text: str) -> Subfield:
    """The subfield that the whole of `text` means."""
    subfield, rest = split_subfield(text)
    if rest:
        raise TextError("unexpected input following field syntax", text)
    return subfield


def parse_typed(text: str) -> Subfield:
    """The same, of a field that has a type by which actions can name it."""
    return typed(parse_subfield(text), text)


def typed(part: Subfield, text: str) -> Subfield:
    """`part`, unless its field has no type; `text` is what the user wrote."""
    if not part.field.codes and part.field not in _CARRIERS:
        raise TextError(f"{text}: field {part.field.name} has no type by which actions can name it", text)
    return part


def check_fits(part: Subfield, value: int, where: str) -> None:
    """Refuse a value with more bits than `part`."""
    if value >> part.n_bits:
        shown = format_exact(part.field, value, {})
        raise TextError(f"{where}: value {shown} does not fit into {part.n_bits} bits", where)


def check_short(part: Subfield, where: str, text: str) -> None:
    """Refuse a field whose type is longer than four bytes, for which some actions have no room."""
    codes = codes_of(coded(part).field)
    if not codes or codes[0].experimenter:
        raise TextError(f"{where}: experimenter OXM field '{text}' not supported", text)


def split_subfield(text: str) -> tuple[Subfield, str]:
    """The subfield with which `text` begins, and what follows it."""
    name = re.split(r"[\[-]", text, maxsplit=1)[0]
    field = find_field(name)
    if field is None:
        raise TextError(f"{text}: unknown field `{name}'", text)
    rest = text[len(name) :]
    if not rest.startswith("["):
        return Subfield(field), rest
    bits = _BITS.match(rest)
    if not bits:
        raise TextError(f"{text}: syntax error expecting [] or [<bit>] or [<start>..<end>]", text, len(name))
    start, _ = c_number(bits[1] or "0", 10)
    end = c_number(bits[2], 10)[0] if bits[2] else start if bits[1] else field.bits - 1
    _check(text, field, start, end)
    return part_of(field, start, end - start + 1), rest[bits.end() :]


def _check(text: str, field: Field, start: int, end: int) -> None:
    wide = f"is not valid because field is only {field.bits} bits wide"
    if start > end:
        raise TextError(f"{text}: starting bit {start} is after ending bit {end}", text)
    if not 0 <= start < field.bits:
        raise TextError(f"{text}: starting bit {start} {wide}", text)
    if not 0 <= end < field.bits:
        raise TextError(f"{text}: ending bit {end} {wide}", text)


def find_field(name: str) -> Field | None:
    """The field with `name`, short or long: `reg0`, `NXM_NX_REG0`, `OXM_OF_ETH_SRC`."""
    field = FIELDS.get(name)
    if field is None and name in by_name():
        field = by_name()[name].field
    return field


def format_subfield(subfield: Subfield) -> str:
    """`subfield` under its oldest long name, as `load` and `move` are printed."""
    codes = codes_of(subfield.field)
    name = codes[0].name if codes else subfield.field.name
    start, n_bits = subfield.start, subfield.n_bits
    if start == 0 and n_bits == subfield.field.bits:
        return f"{name}[]"
    return f"{name}[{start}]" if n_bits == 1 else f"{name}[{start}..{start + n_bits - 1}]"
