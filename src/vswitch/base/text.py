"""The grammar that flows, actions, groups and meters share in text: key=value, key:value, key(value); numbers, addresses.

Error messages are those that ovs-ofctl's users know.

Sources: ovs-ofctl(8), "Flow Syntax"; ovs-actions(7), "Action Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import Number, scan

_SPACE = ", \t\r\n"
_KEY = pattern(r"[^:=(, \t\r\n]*")
_SIMPLE = pattern(r"([^:=(, \t\r\n]+)(?:[:=]([^, \t\r\n(]*))?(?:[, \t\r\n]+|\Z)")  # without parentheses
_BREAK = pattern(r"[, \t\r\n()]")  # where something can begin or end
_MAC = pattern(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\Z")
_OCTETS = {str(octet): octet for octet in range(256)}


def key_values(text: str) -> Iterator[tuple[str, str]]:
    """The (key, value) pairs of `text`; "a,b=1,c:2,d(3,4)" gives ("a", ""), ("b", "1"), ("c", "2"), ("d", "3,4").

    A value ends at the first comma or space outside parentheses.  "d(3)->x" gives ("d", "3)->x").
    """
    for key, value, _ in key_value_ends(text):
        yield key, value


def key_value_ends(text: str) -> Iterator[tuple[str, str, int]]:
    """The same, and where each pair ends."""
    at, end = 0, len(text)
    while at < end:
        simple = _SIMPLE.match(text, at)
        if simple:
            at = simple.end()
            yield simple[1], simple[2] or "", at
            continue
        if text[at] in _SPACE:
            at += 1
            continue
        found = _KEY.match(text, at)
        assert found is not None
        key, at = found[0], found.end()
        delimiter = text[at : at + 1]
        if delimiter == "(":
            stop = _value_end(text, at + 1, ")")
            if text.startswith(")->", stop):
                stop = _value_end(text, stop + 1, _SPACE)
                value, at = text[at + 1 : stop], stop
            else:
                value, at = text[at + 1 : stop], stop + 1
        elif delimiter in (":", "=") and delimiter:
            stop = _value_end(text, at + 1, _SPACE)
            value, at = text[at + 1 : stop], stop + 1
        else:
            value, at = "", at + 1
        yield key, value, at


def _value_end(text: str, at: int, delimiters: str) -> int:
    """Where the value that begins at `at` ends: at one of `delimiters` outside parentheses, or at the end."""
    depth = 0
    for found in _BREAK.finditer(text, at):
        c = found[0]
        if not depth and c in delimiters:
            return found.start()
        if c == "(":
            depth += 1
        elif c == ")" and depth:
            depth -= 1
    return len(text)


def parse_uint(text: str, bits: int, what: str) -> int:
    """A number of at most `bits` bits, decimal, octal (0…) or hexadecimal (0x…); of 32 bits are taken those that fit."""
    if len(text) < 5 and text.isdecimal() and text.isascii() and text[0] != "0":  # the usual, quickly
        number = int(text)
        if number < 1 << bits:
            return number
    if bits <= 16:
        small = c_int(text, 32)
        if small is None or not 0 <= small < 1 << bits:
            raise TextError(f'invalid {what} "{text}"', text)
        return small
    if not text:
        raise TextError("missing required numeric argument", text)
    number, end = c_number(text)
    if end != len(text) or abs(number) >= 1 << 64:
        raise TextError(f"invalid numeric format {text}", text)
    return number & (1 << bits) - 1


def parse_u8(text: str, what: str) -> int:
    """A number from 0 to 255, e.g. for `what` "TOS"."""
    return parse_uint(text, 8, what)


def parse_u16(text: str, what: str) -> int:
    """A number from 0 to 65535."""
    return parse_uint(text, 16, what)


def parse_u32(text: str) -> int:
    """A number of 32 bits."""
    return parse_uint(text, 32, "numeric")


def parse_u64(text: str) -> int:
    """A number of 64 bits."""
    return parse_uint(text, 64, "numeric")


_DIGITS = pattern(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))", re.ASCII)
_DECIMAL = pattern(r"[ \t\n\v\f\r]*([+-]?)(?:()()([0-9]+))", re.ASCII)
_HEX = pattern(r"[ \t\n\v\f\r]*([+-]?)(?:(?:0[xX])?([0-9a-fA-F]+)()())", re.ASCII)
_MAX_DIGITS = 64  # of a number that fits anywhere; longer ones are just too large
_SYNTAX = {0: _DIGITS, 10: _DECIMAL, 16: _HEX}


def c_number(text: str, base: int = 0) -> tuple[int, int]:
    """The number with which `text` begins, as strtol(3) reads it, and where it ends: at 0, if there is none."""
    found = _SYNTAX[base].match(text)
    if not found:
        return 0, 0
    sign, hexadecimal, octal, decimal = found.groups()
    digits = hexadecimal or octal or decimal
    if len(digits) > _MAX_DIGITS and len(digits := digits.lstrip("0")) > _MAX_DIGITS:
        digits = digits[: _MAX_DIGITS + 1]
    number = int(digits or "0", 16 if hexadecimal else 8 if octal else 10)
    return -number if sign == "-" else number, found.end()


def c_int(text: str, bits: int, base: int = 0) -> int | None:
    """The signed number of `bits` bits that all of `text` is in C's notation; None, if it is none."""
    number, end = c_number(text, base)
    if not text or end != len(text) or not -(1 << bits - 1) <= number < 1 << bits - 1:
        return None
    return number


def c_uint(text: str) -> int | None:
    """The unsigned decimal number of 32 bits that all of `text` is; None, if it is none."""
    number = c_int(text, 64, 10)
    return number if number is not None and 0 <= number < 1 << 32 else None


def parse_int(text: str) -> int:
    """An integer in C's notation."""
    number, end = c_number(text)
    if end != len(text) or not end:
        raise ValueError(text)
    return number


_X8, _U8 = Number(16, 8), Number(10, 8)
_MAC_PARTS = (_X8, ":", _X8, ":", _X8, ":", _X8, ":", _X8, ":", _X8)
_IP_PARTS = (_U8, ".", _U8, ".", _U8, ".", _U8)


def parse_mac(text: str) -> int:
    """An Ethernet address, as a number of 48 bits."""
    if _MAC.match(text):
        return int(text.replace(":", ""), 16)
    mac, end = leading_mac(text)
    if end != len(text):
        raise TextError(f"invalid mac address {text}", text)
    return mac


def leading_mac(text: str, at: int = 0) -> tuple[int, int]:
    """The Ethernet address that begins at `at`, and where it ends; an octet may have any number of digits."""
    found = scan(text, _MAC_PARTS, at)
    if found is None:
        raise TextError(f"invalid mac address {text}", text)
    return int.from_bytes(bytes(found[0]), "big"), found[1]


def leading_ipv4(text: str, at: int = 0) -> tuple[int, int] | None:
    """The IPv4 address that begins at `at`, and where it ends; an octet may have any number of digits."""
    found = scan(text, _IP_PARTS, at)
    return None if found is None else (int.from_bytes(bytes(found[0]), "big"), found[1])


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)


def format_mac(mac: int) -> str:
    """An Ethernet address."""
    return mac.to_bytes(6, "big").hex(":")


def parse_ipv4(text: str) -> int:
    """An IPv4 address, as a number of 32 bits."""
    try:
        a, b, c, d = map(_OCTETS.__getitem__, text.split("."))
    except (KeyError, ValueError):
        raise TextError(f"{text}: invalid IP address", text) from None
    return a << 24 | b << 16 | c << 8 | d


def format_ipv4(ip: int) -> str:
    """An IPv4 address."""
    return f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}"


def parse_ipv6(text: str) -> int:
    """An IPv6 address, as a number of 128 bits."""
    head, gap, tail = text.partition("::")
    left, right = (_ipv6_groups(side) if side else [] for side in (head, tail))
    missing = 8 - len(left) - len(right)
    if missing >= 1 if gap else missing == 0:
        number = 0
        for group in [*left, *[0] * missing, *right]:
            number = number << 16 | group
        return number
    raise TextError(f"{text}: invalid IPv6 address", text)


def _ipv6_groups(text: str) -> list[int]:
    """The 16-bit groups of a part of an address; the last two may be written as an IPv4 address."""
    *words, last = text.split(":")
    if "." in last:
        ip = parse_ipv4(last)
        words += [f"{ip >> 16:x}", f"{ip & 0xFFFF:x}"]
    else:
        words.append(last)
    if not all(0 < len(word) <= 4 and _is_hex(word) for word in words):
        raise TextError(f"{text}: invalid IPv6 address", text)
    return [int(word, 16) for word in words]


def format_ipv6(ip: int) -> str:
    """An IPv6 address, as inet_ntop(3) writes it: the longest run of two or more zero groups is `::`."""
    if ip >> 32 == 0xFFFF or (ip >> 32 == 0 and ip >> 16):
        return ("::ffff:" if ip >> 32 else "::") + format_ipv4(ip & 0xFFFFFFFF)
    groups = [ip >> shift & 0xFFFF for shift in range(112, -16, -16)]
    start, length = _longest_zeros(groups)
    if length < 2:
        return ":".join(f"{group:x}" for group in groups)
    head, tail = groups[:start], groups[start + length :]
    return ":".join(f"{group:x}" for group in head) + "::" + ":".join(f"{group:x}" for group in tail)


def _longest_zeros(groups: list[int]) -> tuple[int, int]:
    """(start, length) of the first longest run of zeros."""
    best, start = (0, 0), 0
    for i, group in enumerate([*groups, 1]):
        if group:
            if i - start > best[1]:
                best = start, i - start
            start = i + 1
    return best


def quote(name: str) -> str:
    """`name`, as a JSON string unless it is of ASCII letters and digits, the first of them a letter."""
    if name.isascii() and name.isalnum() and name[0].isalpha():
        return name
    from vswitch.base.lightjson import quote as json_string  # few names need it

    return json_string(name)
