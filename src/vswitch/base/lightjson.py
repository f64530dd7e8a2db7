"""JSON for programs that start often, as Open vSwitch writes it: sorted members, no spaces.

The package `json` spends 5 ms on importing regular expressions, which its own C scanner then does not use; so this
is the C scanner alone.  Daemons use msgspec instead, which decodes several times faster but takes 25 ms to import.

Sources: RFC 8259; OVS lib/json.c for the form of the output and for numbers: `1.0` and `1e2` are integers.
"""

from __future__ import annotations

from _json import encode_basestring, make_scanner
from collections.abc import Callable

from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _constant(text: str) -> Json:
    raise TextError(f"invalid keyword '{text}'")


class Reader:
    """The C scanner, told how to take numbers with a fraction, and whether to refuse control characters in strings."""

    def __init__(self, number: Callable[[str], int | float] = _number, *, strict: bool = False) -> None:
        # What the scanner wants to be told, under the names that it knows.
        self.strict = strict
        self.object_hook = None
        self.object_pairs_hook = None
        self.parse_float = number
        self.parse_int = int
        self.parse_constant = _constant
        self.memo: dict[str, str] = {}
        self._scan = make_scanner(self)  # type: ignore[arg-type]  # typeshed takes the context for a scanner

    def scan(self, text: str, start: int = 0) -> tuple[Json, int]:
        """The value that begins at `text[start]`, and where it ends; raises TextError."""
        try:
            value, end = self._scan(text, start)
        except (StopIteration, ValueError, RecursionError, SystemError):
            # SystemError: the scanner finds no json.decoder.JSONDecodeError to raise, as that was not imported.
            raise TextError("syntax error", text) from None
        return value, end

    def decode(self, text: str) -> Json:
        """The one value in `text`; raises TextError."""
        value, end = self.scan(text, skip_space(text, 0))
        if skip_space(text, end) < len(text):
            raise TextError("trailing garbage at end of input", text, end)
        return value


_SPACE = frozenset(" \t\r\n")


def skip_space(text: str, start: int) -> int:
    """The offset of the first character of text[start:] that is not white space."""
    while text[start : start + 1] in _SPACE:
        start += 1
    return start


_READER = Reader()
scan = _READER.scan
decode = _READER.decode


def quote(text: str) -> str:
    """`text` as a JSON string."""
    return encode_basestring(text)


_TOO_ROUND = ("1.79769313486232e+308", "-1.79769313486232e+308")  # the greatest numbers, rounded out of range


def format_real(value: float) -> str:
    """A number as C's `%.15g` prints it: 1e+20, where Python says 1e20."""
    text = format(float(value), ".15g")
    return repr(float(value)) if text in _TOO_ROUND else text


def encode(value: Json) -> str:
    """`value` as compact JSON text with sorted members."""
    match value:
        case str():
            return quote(value)
        case True:
            return "true"
        case False:
            return "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return format_real(value)
        case dict():
            return "{" + ",".join(f"{quote(name)}:{encode(value[name])}" for name in sorted(value)) + "}"
        case list() | tuple():
            return "[" + ",".join(map(encode, value)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def encode_pretty(value: Json, indent: int = 0) -> str:
    """`value` as JSON text with a line for each element, two spaces deeper than what it is in."""
    inner = " " * (indent + 2)
    if isinstance(value, dict) and value:
        members = (
            f"{inner}{quote(name)}: {encode_pretty(value[name], indent + 2)}" for name in sorted(value)
        )
        return "{\n" + ",\n".join(members) + "}"
    if isinstance(value, (list, tuple)) and value:
        elements = (inner + encode_pretty(element, indent + 2) for element in value)
        return "[\n" + ",\n".join(elements) + "]"
    return encode(value)
