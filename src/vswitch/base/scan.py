"""Scanning text for numbers between fixed words, where any number is taken and cut to the bits that it may have.

Stricter syntax would be the natural choice, but users' scripts rely on what Open vSwitch takes: `1:2:3:4:5:6` with octets
of any number of digits, spaces before numbers, and so on.

Sources: Open vSwitch lib/util.h (ovs_scan, and how it differs from sscanf(3)); scanf(3).
"""

from __future__ import annotations

import re
from functools import lru_cache

from vswitch.base.namedtuple import NamedTuple
from vswitch.base.pattern import pattern


class Number(NamedTuple):
    """A number of `bits` bits in `base`, 0 being C's notation; spaces may be before it."""

    base: int
    bits: int


_PATTERNS = {
    0: pattern(r"\s*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))", re.ASCII),
    10: pattern(r"\s*([+-]?)()()([0-9]+)", re.ASCII),
    16: pattern(r"\s*([+-]?)(?:0[xX])?([0-9a-fA-F]+)()()", re.ASCII),
}
_BASES = (16, 8, 10)
_MOST_DIGITS = 4096
Part = str | Number


@lru_cache(maxsize=256)
def _spaced(word: str) -> re.Pattern[str]:
    """A word in whose spaces any number of spaces is meant."""
    return re.compile(r"\s*".join(map(re.escape, word.split(" "))), re.ASCII)


def scan(text: str, parts: tuple[Part, ...], at: int = 0) -> tuple[list[int], int] | None:
    """The numbers of `parts` in `text` from `at` on, and where the last part ends; None: it is not so."""
    numbers = []
    for part in parts:
        if isinstance(part, str):
            found = _spaced(part).match(text, at)
            if not found:
                return None
        else:
            found = _PATTERNS[part.base].match(text, at)
            if not found:
                return None
            numbers.append(_value(found, part.bits))
        at = found.end()
    return numbers, at


def _value(found: re.Match[str], bits: int) -> int:
    sign, *digits = found.groups()
    base, text = next((base, text) for base, text in zip(_BASES, digits, strict=True) if text)
    if len(text) > _MOST_DIGITS:  # what is cut off afterwards does not matter, but takes long to compute
        text = text[-_MOST_DIGITS:] if base != 10 else text[-bits:]
    number = int(text, base)
    return (-number if sign == "-" else number) & (1 << bits) - 1


def c_atoi(text: str, bits: int = 32) -> int:
    """The decimal number with which `text` begins, as atoi(3) gives it: 0 if there is none."""
    found = _PATTERNS[10].match(text)
    if not found:
        return 0
    number = int(found[4][:30])
    number = -min(number, 1 << 63) if found[1] == "-" else min(number, (1 << 63) - 1)
    return number & (1 << bits) - 1
