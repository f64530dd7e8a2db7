"""What is wrong with a JSON text, and where, in Open vSwitch's words.

Decoders say it in words of their own; people, and tests, compare those of Open vSwitch.  So a text that could not be
decoded is read once more, character by character, only to find the first fault.

A position is that of the character at which the fault becomes certain: of a bad number, of the one after it.

Sources: RFC 8259 for the grammar; OVS lib/json.c for the words.
"""

from __future__ import annotations

from collections.abc import Iterator

_KEYWORDS = ("true", "false", "null")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_LETTERS = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_NUMBER = _DIGITS | frozenset("+-.eE")
_ESCAPES = frozenset('"\\/bfnrt')
Token = tuple[str, int]  # one of "{}[],:", "string" or "value"; and where it is complete


class _Fault(Exception):  # noqa: N818 - it is what is looked for
    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at


def json_fault(text: str) -> str:
    """The first fault of `text` as the only value of an input, an object or an array; empty if there is none."""
    try:
        _check(text)
    except _Fault as fault:
        before = text[: fault.at]
        line = before.count("\n")
        column = fault.at - (before.rfind("\n") + 1)
        return f"line {line}, column {column}, byte {len(before.encode()) + fault.at - len(before)}: {fault}"
    return ""


def _check(text: str) -> None:
    """Go through the tokens; `stack` holds what is open, `wanted` what may come next."""
    stack: list[str] = []
    wanted = "beginning"
    end = len(text)
    for kind, at in _tokens(text):
        end = max(
            end, at + (kind == "value")
        )  # a word is complete when something else begins, if only the end
        match wanted, kind:
            case "beginning", "{" | "[":
                stack, wanted = [kind], "first key" if kind == "{" else "first value"
            case "beginning", _:
                raise _Fault(at, "syntax error at beginning of input")
            case "end", _:
                raise _Fault(at, "trailing garbage at end of input")
            case "key" | "first key", "string":
                wanted = "colon"
            case "first key", "}":
                wanted = _close(stack)
            case "key" | "first key", _:
                raise _Fault(at, "syntax error parsing object expecting string")
            case "colon", ":":
                wanted = "value"
            case "colon", _:
                raise _Fault(at, "syntax error parsing object expecting ':'")
            case "first value", "]":
                wanted = _close(stack)
            case "value" | "first value", "{" | "[":
                stack.append(kind)
                wanted = "first key" if kind == "{" else "first value"
            case "value" | "first value", "string" | "value":
                wanted = "next"
            case "value" | "first value", _:
                raise _Fault(at, "syntax error expecting value")
            case _, ",":
                wanted = "key" if stack[-1] == "{" else "value"
            case _, _ if kind == {"{": "}", "[": "]"}[stack[-1]]:
                wanted = _close(stack)
            case _:
                closing = "}" if stack[-1] == "{" else "]"
                raise _Fault(at, f"syntax error expecting '{closing}' or ','")
    if wanted == "beginning":
        raise _Fault(end, "empty input stream")
    if wanted != "end":
        raise _Fault(end, "unexpected end of input")


def _close(stack: list[str]) -> str:
    stack.pop()
    return "next" if stack else "end"


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in " \t\n\r":
            at += 1
        elif letter in "{}[],:":
            yield letter, at
            at += 1
        elif letter == '"':
            at = _string(text, at)
            yield "string", at
            at += 1
        elif letter in _LOWER:
            end = _run(text, at, _LETTERS)
            if text[at:end] not in _KEYWORDS:
                raise _Fault(end, f"invalid keyword '{text[at:end]}'")
            yield "value", end
            at = end
        elif letter in _DIGITS or letter == "-":
            end = _run(text, at, _NUMBER)
            if what := _number_fault(text[at:end]):
                raise _Fault(end, what)
            yield "value", end
            at = end
        elif letter.isprintable():
            raise _Fault(at, f"invalid character '{letter}'")
        else:
            raise _Fault(at, f"invalid character U+{ord(letter):04x}")


def _run(text: str, at: int, letters: frozenset[str]) -> int:
    while at < len(text) and text[at] in letters:
        at += 1
    return at


def _number_fault(text: str) -> str:
    digits = text.removeprefix("-")
    whole = digits[: _run(digits, 0, _DIGITS)]
    if not whole:
        return "'-' must be followed by digit"
    if whole[0] == "0" and len(whole) > 1:
        return "leading zeros not allowed"
    rest = digits[len(whole) :]
    if rest.startswith("."):
        fraction = _run(rest, 1, _DIGITS)
        if fraction == 1:
            return "decimal point must be followed by digit"
        rest = rest[fraction:]
    if rest[:1] in ("e", "E"):
        sign = 2 if rest[1:2] in ("+", "-") else 1
        exponent = _run(rest, sign, _DIGITS)
        if exponent == sign:
            return "exponent must contain at least one digit"
        rest = rest[exponent:]
    if rest:
        return "syntax error in number"
    return "number outside valid range" if abs(float(text)) == float("inf") else ""


def _string(text: str, start: int) -> int:
    """Where the string that begins at text[start] has its closing quote."""
    at = start + 1
    while at < len(text) and text[at] != '"':
        if ord(text[at]) < 0x20:
            raise _Fault(at, f"U+{ord(text[at]):04X} must be escaped in quoted string")
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise _Fault(len(text), "unexpected end of input in quoted string")
    if what := _escapes_fault(text[start + 1 : at]):
        raise _Fault(at, what)
    return at


def _escapes_fault(text: str) -> str:
    at = 0
    while (at := text.find("\\", at)) >= 0:
        letter = text[at + 1]
        if letter == "u":
            unit, what = _code_unit(text, at)
            if not what and 0xD800 <= unit < 0xDC00:
                at += 6
                unit, what = _code_unit(text, at) if text.startswith("\\u", at) else (0, _NO_PAIR)
                if not what and not 0xDC00 <= unit < 0xE000:
                    what = "second half of escaped surrogate pair is not trailing surrogate"
            if not what and unit == 0:
                what = "null bytes not supported in quoted strings"
            if what:
                return what
            at += 6
        elif letter not in _ESCAPES:
            return f"bad escape \\{letter}"
        else:
            at += 2
    return ""


_NO_PAIR = "malformed escaped surrogate pair"


def _code_unit(text: str, at: int) -> tuple[int, str]:
    digits = text[at + 2 : at + 6]
    if len(digits) < 4:
        return 0, "quoted string ends within \\u escape"
    if not _HEX.issuperset(digits):
        return 0, "malformed \\u escape"
    return int(digits, 16), ""
