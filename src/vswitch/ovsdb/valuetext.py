"""Values as people type and read them: `[a, b]`, `{a=b, c="d e"}`, `"two words"`.

What `format_value` prints, `parse_value` reads back.  Parsing splits text into tokens, which end at a space or at one
of `:=,[]{}!<>` outside quotes, and is as forgiving as Open vSwitch's: brackets and commas may be left out.

`@name` stands for a row that another command of the same transaction creates; the caller says what it means.

Sources: ovs-vsctl(8), "Database Values"; OVS lib/ovsdb-data.c, lib/ovsdb-parser.c for what is accepted and refused.
"""

from __future__ import annotations

from collections.abc import Callable

from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json
from vswitch.base.lightjson import decode, quote
from vswitch.ovsdb.column import UNLIMITED, Base, Column

SPACE = " \t\n\v\f\r"
_DELIMITERS = ":=, []{}!<>"
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_WORD = _LETTERS | frozenset("0123456789.-")
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")
_MAX_RANGE = 4096

Symbols = Callable[[str], str]  # what "@name" stands for


def _no_symbols(name: str) -> str:
    raise TextError(f'"{name}" is not a valid UUID')


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual form, any case."""
    return (
        len(text) == 36
        and text[8] == text[13] == text[18] == text[23] == "-"
        and len(digits := text.replace("-", "")) == 32
        and _HEX.issuperset(digits)
    )


# --- printing ---


def format_atom(atom: Json, base: Base) -> str:
    """`atom` as it is printed: a string in quotes where it could be taken for something else."""
    match base.kind:
        case "string":
            return quote(atom) if needs_quotes(atom) else atom
        case "boolean":
            return "true" if atom else "false"
        case "real":
            return format(atom, ".15g")
        case _:
            return str(atom)


def needs_quotes(text: str) -> bool:
    """Whether the string `text` must be quoted to be read back as that string."""
    return (
        not text
        or text[0] not in _LETTERS
        or not _WORD.issuperset(text)
        or text in ("true", "false")
        or is_uuid(text)
    )


def format_value(value: Json, column: Column) -> str:
    """A column's value as ovs-vsctl prints it."""
    items = column.items(value)
    if column.map_value is not None:
        key, map_value = column.key, column.map_value
        return "{" + ", ".join(f"{format_atom(k, key)}={format_atom(v, map_value)}" for k, v in items) + "}"
    text = ", ".join(format_atom(atom, column.key) for atom in items)
    return text if column.n_max == 1 and items else f"[{text}]"


def format_bare(value: Json, column: Column) -> str:
    """A column's value without punctuation, for scripts."""
    items = column.items(value)
    if column.map_value is not None:
        key, map_value = column.key, column.map_value
        return " ".join(f"{_bare(k, key)}={_bare(v, map_value)}" for k, v in items)
    return " ".join(_bare(atom, column.key) for atom in items)


def _bare(atom: Json, base: Base) -> str:
    return str(atom) if base.kind == "string" else format_atom(atom, base)


def type_in_english(column: Column) -> str:
    """The column's type as error messages name it: "set of up to 3 integers"."""
    key = column.key.kind
    if column.n_max == 1 and column.n_min == 1 and not column.is_map:
        return key
    if column.n_max == UNLIMITED:
        how_many = f"{column.n_min} or more " if column.n_min else ""
    else:
        how_many = f"{column.n_min} to {column.n_max} " if column.n_min else f"up to {column.n_max} "
    if column.map_value is None:
        return f"set of {how_many}{key}s"
    return f"map of {how_many}({key}, {column.map_value.kind}) pairs"


# --- reading ---


def skip_spaces(text: str, at: int) -> int:
    """The offset of the first character of text[at:] that is not white space."""
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def parse_token(text: str, at: int) -> tuple[str, int]:
    """The token that begins at text[at], and where it ends; empty if a delimiter comes first."""
    start, in_quotes = at, False
    token = ""
    while at < len(text):
        letter = text[at]
        if not in_quotes and letter in _DELIMITERS:
            break
        at += 1
        if letter == "\\":
            if at == len(text):
                raise TextError(f"{text[start:]}: backslash at end of argument")
            if in_quotes:
                token += letter
            letter = text[at]
            at += 1
        elif letter == '"':
            in_quotes = not in_quotes
        token += letter
    if in_quotes:
        raise TextError(f"{text[start:]}: quoted string extends past end of argument")
    return token, at


def parse_atom(text: str, base: Base, symbols: Symbols = _no_symbols) -> Json:
    """The atom that `text` stands for, checked against `base`; raises TextError or Conflict."""
    atom = _parse_unchecked(text, base.kind, symbols)
    base.check(atom, format_atom(atom, base))
    return atom


def _parse_unchecked(text: str, kind: str, symbols: Symbols) -> Json:
    match kind:
        case "integer":
            return parse_integer(text, "integer or range")
        case "real":
            return _parse_real(text)
        case "boolean":
            if text in ("true", "yes", "on", "1"):
                return True
            if text in ("false", "no", "off", "0"):
                return False
            raise TextError(f'"{text}" is not a valid boolean (use "true" or "false")')
        case "uuid":
            if is_uuid(text):
                return text.lower()
            if text.startswith("@"):
                return symbols(text)
            raise TextError(f'"{text}" is not a valid UUID')
        case _:
            return _parse_string(text)


def parse_integer(text: str, what: str) -> int:
    """The integer that C's strtoll() reads from `text` in base 10, in 64 bits."""
    stripped = text.lstrip(SPACE)
    digits = stripped[1:] if stripped[:1] in ("+", "-") else stripped
    if not digits or not _DIGITS.issuperset(digits):
        raise TextError(f'"{text}" is not a valid {what}')
    value = int(stripped)
    if not -(1 << 63) <= value < 1 << 63:
        raise TextError(f'"{text}" is not a valid {what}')
    return value


def _parse_real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TextError(f'"{text}" is not a valid real number') from None


def _parse_string(text: str) -> str:
    if not text:
        raise TextError('An empty string is not valid as input; use "" to represent the empty string')
    if text[0] == '"':
        if len(text) < 2 or text[-1] != '"':
            raise TextError(f"{text}: missing quote at end of quoted string")
        _check_escapes(text)
        text = str(decode(text))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = b"".join(map(_typed_bytes, text[error.start :]))
        sequence = " ".join(f"0x{byte:02x}" for byte in _ill_formed(wrong))
        raise TextError(
            f"constraint violation: not a valid UTF-8 string: invalid UTF-8 sequence {sequence}"
        ) from None
    return text


def _typed_bytes(letter: str) -> bytes:
    """What was typed for a letter, also where that was a byte that is no UTF-8."""
    code = ord(letter)
    return bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else letter.encode("utf-8", "surrogatepass")


def _ill_formed(data: bytes) -> bytes:
    """The sequence with which `data` begins, up to the byte that cannot go on; a zero stands for the end."""
    end = 1
    try:
        data.decode()
    except UnicodeDecodeError as error:
        end = 1 if error.reason == "invalid start byte" else error.end + 1
    return (data + b"\0")[:end]


def _check_escapes(text: str) -> None:
    """Raise TextError unless every escape within the JSON string `text` is one that JSON has."""
    at = 0
    while (at := text.find("\\", at) + 1) > 0:
        if text[at] not in '"\\/bfnrtu':
            raise TextError(f"{text}: bad escape \\{text[at]}")
        if text[at] == "u":
            at = _check_unicode(text, at)
        at += 1


def _check_unicode(text: str, at: int) -> int:
    """Check the escape whose `u` is text[at], a surrogate pair being one; return the offset of its last digit."""
    code = _code_unit(text, at)
    at += 4
    if 0xD800 <= code < 0xDC00:
        if text[at + 1 : at + 3] != "\\u" or not 0xDC00 <= _code_unit(text, at + 2) < 0xE000:
            raise TextError(f"{text}: malformed escaped surrogate pair")
        at += 6
    return at


def _code_unit(text: str, at: int) -> int:
    digits = text[at + 1 : at + 5]
    if at + 5 >= len(text):
        raise TextError(f"{text}: quoted string ends within \\u escape")
    if not _HEX.issuperset(digits):
        raise TextError(f"{text}: malformed \\u escape")
    return int(digits, 16)


def parse_value(text: str, column: Column, symbols: Symbols = _no_symbols) -> Json:
    """The value of `column` that `text` stands for; raises TextError or Conflict."""
    return column.value(parse_items(text, column, symbols))


def parse_items(text: str, column: Column, symbols: Symbols = _no_symbols) -> list[Json]:
    """As parse_value(), as the items of the value."""
    items: list[Json] = []
    at = skip_spaces(text, 0)
    end = {"[": "]", "{": "}"}.get(text[at : at + 1], "") if text[at : at + 1] == _open(column) else ""
    at += len(end)
    at = skip_spaces(text, at)
    while at < len(text) and text[at] != end:
        if text[at] in _DELIMITERS:
            raise TextError(f'{text}: unexpected "{text[at]}" parsing {type_in_english(column)}')
        at = _parse_item(text, at, column, symbols, items)
        at = skip_spaces(text, at)
        if text[at : at + 1] == ",":
            at = skip_spaces(text, at + 1)
    if end:
        if at == len(text):
            raise TextError(f'{text}: missing "{end}" at end of data')
        if skip_spaces(text, at + 1) < len(text):
            raise TextError(f'{text}: trailing garbage after "{end}"')
    elif not items:
        raise TextError(f'use "{"{}" if column.is_map else "[]"}" to specify the empty {_kind(column)}')
    keys = [item[0] for item in items] if column.is_map else items
    if len(set(keys)) != len(keys):
        raise TextError(
            f"{text}: {'map contains duplicate key' if column.is_map else 'set contains duplicate value'}"
        )
    _check_count(text, len(items), column)
    return items


def _kind(column: Column) -> str:
    return "map" if column.is_map else "set"


def _open(column: Column) -> str:
    return "{" if column.is_map else "["


def _parse_item(text: str, at: int, column: Column, symbols: Symbols, items: list[Json]) -> int:
    """Append to `items` what begins at text[at]; return where it ends."""
    start = at
    token, at = parse_token(text, at)
    if column.map_value is None:
        items += _parse_range(token, column.key) or [parse_atom(token, column.key, symbols)]
        return at
    key = parse_atom(token, column.key, symbols)
    at = skip_spaces(text, at)
    if at == len(text):  # the peer's message ends at the missing character
        raise TextError(f'{text[start:]}: syntax error at "')
    if text[at] != "=":
        raise TextError(f'{text[start:]}: syntax error at "{text[at]}" expecting "="')
    token, at = parse_token(text, skip_spaces(text, at + 1))
    items.append((key, parse_atom(token, column.map_value, symbols)))
    return at


def _parse_range(token: str, base: Base) -> list[int]:
    """The integers from A to B if `token` is `A-B`, else none."""
    dash = token.find("-", 1)
    if base.kind != "integer" or dash < 0:
        return []
    try:
        low, high = parse_integer(token[:dash], ""), parse_integer(token[dash + 1 :], "")
    except TextError:
        raise TextError(f'"{token}" is not a valid integer or range') from None
    if high < low:
        raise TextError(f'"{token}" is not a valid range. Range end cannot be before start.')
    for bound in (low, high):
        base.check(bound, str(bound))
    if high - low >= _MAX_RANGE:
        raise TextError(f'Range size of "{token}" is over {_MAX_RANGE}')
    return list(range(low, high + 1))


def _check_count(text: str, count: int, column: Column) -> None:
    what = "pair(s)" if column.is_map else "value(s)"
    if count < column.n_min:
        raise TextError(f"{text}: {count} {what} specified but the minimum number is {column.n_min}")
    if count > column.n_max:
        raise TextError(f"{text}: {count} {what} specified but the maximum number is {column.n_max}")
