"""Numbers as C's atoi() and strtoll() read them: as far as there are digits."""

from __future__ import annotations


def leading_digits(text: str) -> str:
    """The integer, perhaps with a sign, that `text` begins with after spaces; empty if there is none."""
    text = text.lstrip()
    sign = int(text[:1] in ("+", "-"))
    end = next((at for at, letter in enumerate(text) if at >= sign and not "0" <= letter <= "9"), len(text))
    return text[:end] if end > sign else ""


def leading_integer(text: str) -> int:
    """The integer that `text` begins with; 0 if there is none."""
    return int(leading_digits(text) or 0)
