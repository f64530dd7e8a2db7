"""JSON as Open vSwitch reads and writes it: sorted members, no spaces, and values back to back on a stream.

OVSDB's JSON-RPC has no framing: one value follows another.  `Splitter` finds where each ends by looking only at the
bytes that are new, so that a dump of 100 MB costs time in proportion to its size.  Its cheap tricks, in order: most
messages arrive whole, so the first piece of a message is simply decoded; if that fails because the rest is missing,
whole pieces are passed over by cancelling brackets against each other at the speed of `bytes.replace`; only the piece
in which a value ends is looked at bracket by bracket.

Numbers follow Open vSwitch: `1.0` and `1e2` are integers, because only the value counts and not how it was written.

msgspec (fastjson.py) reads and writes JSON several times as fast as anything else, but takes 25 ms to import, more than
most of ovsdb-tool's commands take for all they do.  So what is little is read by the interpreter's own scanner, until
somebody expects much; and what is unusual goes to msgspec in any case, which also says what is wrong with it.

Sources: RFC 8259; RFC 7047 4; ovsdb(7); OVS lib/json.c for limits and number format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from vswitch.base import lightjson
from vswitch.base.errors import TextError, WireError

Json: TypeAlias = Any  # None | bool | int | float | str | list[Json] | dict[str, Json]

MAX_DEPTH = 1000  # nested arrays and objects
INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1


class JsonError(WireError):
    """The text is not JSON, or not of the kind that the protocol allows."""


class Real(float):
    """A JSON number with a fraction, printed as C's `%.15g` does: 1e+20, where Python says 1e20."""

    __slots__ = ()

    def __str__(self) -> str:
        return lightjson.format_real(self)


def number(text: str) -> int | Real:
    """The value of a number that was written with a point or an exponent."""
    value = Real(text)
    if value in (float("inf"), float("-inf")):
        raise JsonError("number outside valid range")
    if value.is_integer() and INT_MIN <= value <= INT_MAX:
        from decimal import Decimal  # 2 ms that few documents need

        exact = Decimal(text)  # a float would round 9007199254740993.0
        if exact == int(exact):
            return int(exact)
    return value


def decode(data: bytes | str) -> Json:
    """The one value in `data`; raises JsonError."""
    return _decode(data.encode(errors="surrogateescape") if isinstance(data, str) else data)


def encode(value: Json) -> bytes:
    """`value` as JSON text: members sorted, no spaces, UTF-8.  A `msgspec.Raw` inside is JSON text already."""
    return _encode(value)


def encode_text(value: Json) -> str:
    """As encode(), for printing."""
    return encode(value).decode()


LITTLE = 1 << 20  # bytes: the scanner takes 10 ms for them


def expect_much() -> None:
    """Leave it to msgspec from now on."""
    global _decode, _encode
    from vswitch.ovsdb import fastjson

    _decode, _encode = fastjson.decode, fastjson.encode


def _decode_little(data: bytes) -> Json:
    first = _first_of_little(data)
    if first is not None and not data[first[1] :].strip(_WHITE):
        return first[0]
    expect_much()
    return _decode(data)


def _first_of_little(data: bytes) -> tuple[Json, int] | None:
    """The value with which `data` begins, and where it ends; None: that takes msgspec."""
    if len(data) > LITTLE or b"\\u" in data:
        return None
    try:
        text = data.decode()
        value, end = _READER.scan(text, lightjson.skip_space(text, 0))
    except (TextError, UnicodeDecodeError):
        return None
    return value, end if data.isascii() else len(text[:end].encode())


def _encode_little(value: Json) -> bytes:
    try:
        return lightjson.encode(value).encode()
    except (TypeError, UnicodeEncodeError, RecursionError):
        expect_much()
        return _encode(value)


_READER = lightjson.Reader(number, strict=True)
_decode: Callable[[bytes], Json] = _decode_little
_encode: Callable[[Json], bytes] = _encode_little


def decode_argument(text: str) -> Json:
    """The one object or array in a word of a command line; raises JsonError."""
    try:
        if text.lstrip(" \t\r\n").startswith(("{", "[")):
            return decode(text)
        what = "syntax error at beginning of input"
    except JsonError as error:
        what = str(error)
    from vswitch.ovsdb.jsonfault import json_fault  # only for those who made a mistake

    raise JsonError(json_fault(text) or what)


def as_kept(value: Json) -> Json:
    """`value` as Open vSwitch, which keeps integers in 64 bits and greater ones as reals, would print it again."""
    match value:
        case int() if not INT_MIN <= value <= INT_MAX:
            return Real(value)
        case list():
            return [as_kept(each) for each in value]
        case dict():
            return {key: as_kept(each) for key, each in value.items()}
        case _:
            return value


_WHITE = b" \t\r\n"
_TOKEN = re.compile(rb'"|[\[{]|[\]}]')
_STRING_REST = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_BRACKETS_ALIKE = bytes.maketrans(b"[]", b"{}")


_SIGNS_OF_MORE = (
    "truncated",
    "trailing characters",
    "invalid number",
)  # the last: a number cut after its sign


class Splitter:
    """Cuts a stream of bytes into JSON values.

    The owner passes in bytes with receive() and iterates over values(); a JsonError ends the stream for good.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the value that is not complete yet
        self._depth = 0  # brackets open at the end of `_pieces`
        self._in_string = False
        self._escaped = False  # the last byte was a backslash within a string
        self._new: list[bytes] = []  # not looked at yet
        self.n_incomplete = 0  # bytes in `_pieces`

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self._new.append(data)

    def values(self) -> Iterator[Json]:
        """The values that are complete by now."""
        while self._new:
            data = self._new.pop(0)
            if not self._pieces:
                data = data.lstrip(_WHITE)
                if not data:
                    continue
                if _decode is _decode_little and data[0] in b"{[" and (first := _first_of_little(data)):
                    self._new[:0] = filter(None, [data[first[1] :]])
                    yield first[0]
                    continue
                try:
                    value = self._decode_start(data)
                except _Incomplete:
                    pass
                else:
                    yield value
                    continue
            if self._passes_over(data) or (end := self._find_end(data)) < 0:
                self._pieces.append(data)
                self.n_incomplete += len(data)
                continue
            if end < len(data):
                self._new.insert(0, data[end:])
            whole = b"".join([*self._pieces, data[:end]])
            self._pieces.clear()
            self.n_incomplete = 0
            yield _decode(whole)

    def _decode_start(self, data: bytes) -> Json:
        """The value that `data` is, if it is exactly one; refuse early what can never become one."""
        if data[0] not in b"{[":
            raise JsonError("syntax error at beginning of input")
        try:
            return _decode(data)
        except JsonError as error:
            message = str(error)
            if any(sign in message for sign in _SIGNS_OF_MORE):
                raise _Incomplete from None
            raise

    def _passes_over(self, data: bytes) -> bool:
        """Whether the value goes on past `data`, if that is cheap to see; the state moves on only if it does."""
        outside, in_string, escaped = self._outside_strings(data)
        brackets = outside.translate(_BRACKETS_ALIKE, _NOT_BRACKETS)
        for _ in range(12):
            shorter = brackets.replace(b"{}", b"")
            if len(shorter) == len(brackets):
                break
            brackets = shorter
        else:
            return False
        closing = brackets.count(b"}")  # all of them before the first that opens
        if closing >= self._depth or self._depth + len(brackets) > MAX_DEPTH:
            return False
        self._depth += len(brackets) - 2 * closing
        self._in_string, self._escaped = in_string, escaped
        return True

    def _outside_strings(self, data: bytes) -> tuple[bytes, bool, bool]:
        """`data` without its strings, and whether it ends within a string, and there after a backslash."""
        if self._escaped:
            data = data[1:]
        escaped = False
        if b"\\" in data:
            data = _ESCAPE.sub(b"", data)
            escaped = data.endswith(b"\\")
        parts = data.split(b'"')
        return b"".join(parts[self._in_string :: 2]), self._in_string ^ (len(parts) % 2 == 0), escaped

    def _find_end(self, data: bytes) -> int:
        """The offset just past the value that `data` completes, or -1; the state moves on."""
        at = 0
        if self._in_string:
            at = self._skip_string(data, 1 if self._escaped else 0)
        while at < len(data) and (token := _TOKEN.search(data, at)):
            at = token.end()
            match token[0]:
                case b'"':
                    at = self._skip_string(data, at)
                case b"{" | b"[":
                    self._depth += 1
                    if self._depth > MAX_DEPTH:
                        raise JsonError(f"input exceeds maximum nesting depth {MAX_DEPTH}")
                case _:
                    self._depth -= 1
                    if self._depth == 0:
                        return at
        return -1

    def _skip_string(self, data: bytes, at: int) -> int:
        """The offset just past the string of which data[at:] is the rest, or the end of `data`."""
        rest = _STRING_REST.match(data, at)
        end = rest.end() if rest else at
        self._in_string = end >= len(data) or data[end : end + 1] != b'"'
        self._escaped = data[end : end + 1] == b"\\"
        return len(data) if self._in_string else end + 1


class _Incomplete(Exception):  # noqa: N818 - not an error
    """The bytes so far may be the beginning of a value."""
