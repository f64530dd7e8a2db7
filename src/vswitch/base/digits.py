"""Decimal numbers that come from people and files.

`str.isdecimal` also takes the digits of other scripts, `str.isdigit` even superscripts, which `int` does not; and `int`
refuses more than 4300 digits.  So neither alone says whether `int(text)` will do.
"""

from __future__ import annotations

MAX_DIGITS = 64  # of a number that fits anywhere


def parse_decimal(text: str) -> int | None:
    """The number that `text` is, of ASCII digits alone; None for anything else, and for what fits nowhere."""
    return int(text) if len(text) <= MAX_DIGITS and text.isascii() and text.isdecimal() else None
