"""How the values of fields read: decimal, hexadecimal, addresses, flags, ports.

A value may be followed by a slash and a mask in the same form; addresses also take the length of a prefix, and flags
take `+set-unset` instead.  Error messages are those that users of ovs-ofctl know.

Sources: ovs-fields(7), "Field Properties", Format, and the fields that have a form of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from vswitch.base.bits import ones, prefix_length, prefix_mask
from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import Number, scan
from vswitch.base.text import (
    c_number,
    format_ipv4,
    format_ipv6,
    format_mac,
    leading_ipv4,
    leading_mac,
    parse_ipv6,
)
from vswitch.flow.field import Field, PortNames, Text
from vswitch.flow.ports import format_port, from_16, parse_port

_HEX_DIGITS = pattern(r"[0-9a-fA-F]*")
_Names = Mapping[int, str]


def parse_digits(text: str, size: int) -> int | None:
    """The number of `size` bytes that `text` is in C's notation; None, if it is none."""
    number, end = leading_digits(text, size)
    return number if end and end == len(text) else None


def leading_digits(text: str, size: int) -> tuple[int | None, int]:
    """The number of `size` bytes with which `text` begins, and where it ends; None: it is too large.

    One that begins with "0x" may have any number of digits; others have 64 bits, and may be negative.
    """
    if text[:2] in ("0x", "0X"):
        found = _HEX_DIGITS.match(text, 2)
        assert found is not None
        digits = found[0].lstrip("0")
        return (int(digits or "0", 16) if len(digits) <= 2 * size else None), found.end()
    number, end = c_number(text)
    if abs(number) >= 1 << 64 or (number & ones(64)) >> 8 * size:
        return None, end
    return number & ones(64), end


def _number(field: Field, whole: str, text: str, what: str) -> int:
    """A number in C's notation, for the `what` of `field`; `whole` is what the user wrote."""
    value, end = leading_digits(text, field.size)
    if value is None:
        raise TextError(f"{whole}: {what} too large for {field.size}-byte field {field.name}", whole)
    if not end or end != len(text):
        raise TextError(f"{whole}: bad syntax for {field.name} {what}", whole)
    return value


def _parse_integer(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    if (
        text.isdecimal()
        and text[0] != "0"
        and len(text) < 20
        and (number := int(text)) >> 8 * field.size == 0
    ):
        return number, ones(8 * field.size)  # the usual, quickly
    value, slash, mask = text.partition("/")
    if not slash:
        return _number(field, text, value, "value"), ones(8 * field.size)
    return _number(field, text, value, "value"), _number(field, text, mask, "mask")


def hexadecimal(value: int) -> str:
    """`value` as C's "%#x" prints it: 0 has no 0x."""
    return f"{value:#x}" if value else "0"


def _format_integer(write: Callable[[int], str]) -> Callable[[Field, int, int, _Names], str]:
    def format(field: Field, value: int, mask: int, names: _Names) -> str:
        if mask & field.ones == field.ones:
            return write(value)
        return f"{value:#x}/{mask:#x}" if write is str else f"{hexadecimal(value)}/{hexadecimal(mask)}"

    return format


def _parse_mac(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    value, mask = 0, ones(48)
    try:
        value, end = leading_mac(text)
        if text[end : end + 1] == "/":
            mask, end = leading_mac(text, end + 1)
    except TextError:
        end = -1
    if end != len(text):
        raise TextError(f"{text}: invalid Ethernet address", text)
    return value, mask


def _format_mac(field: Field, value: int, mask: int, names: _Names) -> str:
    return format_mac(value) if mask == ones(48) else f"{format_mac(value)}/{format_mac(mask)}"


_INT = Number(10, 32)
_IPV6 = pattern(r"\s*([0-9a-fA-F:.]{1,46})", re.ASCII)


def _leading_ipv6(text: str, at: int = 0) -> tuple[int, int] | None:
    """The IPv6 address that begins at `at`, and where it ends."""
    found = _IPV6.match(text, at)
    if not found:
        return None
    try:
        return parse_ipv6(found[1]), found.end()
    except TextError:
        return None


def _parse_ipv4(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    found = leading_ipv4(text)
    value, mask, end = 0, ones(32), -1
    if found is not None:
        value, end = found
        if text[end : end + 1] == "/":
            mask, end = leading_ipv4(text, end + 1) or _prefix(text, end, 32, "IPv4")
    if found is None or end != len(text):
        raise TextError(f"{text}: invalid IP address", text)
    return value, mask


def _parse_ipv6(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    found = _leading_ipv6(text)
    value, mask, end = 0, ones(128), -1
    if found is not None:
        value, end = found
        if text[end : end + 1] == "/":
            mask, after = _prefix(text, end, 128, "IPv6")
            if after == end and _IPV6.match(text, end + 1) and not _leading_ipv6(text, end + 1):
                raise TextError(f"{text}: Invalid IPv6 mask", text)
            mask, end = (mask, after) if after > end else _leading_ipv6(text, end + 1) or (mask, end)
    if found is None or end != len(text):
        raise TextError(f"{text}: invalid IPv6 address", text)
    return value, mask


def _prefix(text: str, slash: int, bits: int, kind: str) -> tuple[int, int]:
    """The mask of the length after `slash`, and where that ends; at `slash`, if there is none."""
    found = scan(text, (_INT,), slash + 1)
    if found is None:
        return ones(bits), slash
    (length,), end = found
    if length > bits:
        raise TextError(f"{text}: {kind} network prefix bits not between 0 and {bits}, inclusive", text)
    return prefix_mask(length, bits), end


def _format_address(bits: int, write: Callable[[int], str]) -> Callable[[Field, int, int, _Names], str]:
    @lru_cache(maxsize=256)
    def after(mask: int) -> str:
        """What says of which bits `mask` is: flows have few different ones."""
        if mask == ones(bits):
            return ""
        length = prefix_length(mask, bits)
        return f"/{write(mask) if length is None else length}"

    def format(field: Field, value: int, mask: int, names: _Names) -> str:
        return write(value) + after(mask)

    return format


_I32 = Number(0, 32)
_MASKED, _NUMERIC = (_I32, "/", _I32), (_I32,)


def _flags(kind: str, *flag_names: str, whole: int = 1 << 32, title: str = "") -> Text:
    """Flags named from the lowest bit on: `+one-other` with a mask, `one|other` for exactly these, or numbers.

    They are written in the second form if the mask has all bits of `whole`.
    """
    bits = {name: 1 << i for i, name in enumerate(flag_names)}
    known = ones(len(flag_names))

    def unknown(text: str) -> TextError:
        return TextError(f"{text}: unknown {kind} flag(s)", text)

    def parse_signed(text: str) -> tuple[int, int]:
        value = mask = 0
        for word in re.finditer(r"([+-])([^+-]*)", text):
            bit, rest = bits.get(word[2]), text[word.start(2) :]
            if bit is None:
                raise unknown(rest)
            if mask & bit:
                raise TextError(f"{rest}: Each {kind} flag can be specified only once", text)
            mask |= bit
            value |= bit if word[1] == "+" else 0
        return value, mask

    def parse(field: Field, text: str, names: PortNames) -> tuple[int, int]:
        if found := scan(text, _MASKED):
            (value, mask), _ = found
            if (value | mask) & ~known:
                raise unknown(text)
            return value, mask
        if text[:1] in ("+", "-"):
            return parse_signed(text)
        value, at = 0, 0
        while at < len(text):
            if found := scan(text, _NUMERIC, at):
                (bit,), end = found
            else:
                end = len(text) if (bar := text.find("|", at)) < 0 else bar
                bit = bits.get(text[at:end], 1 << 32)
            if bit & ~known:
                raise unknown(text)
            value |= bit
            at = end + text.startswith("|", end)
        return value, known

    def format(field: Field, value: int, mask: int, names: _Names) -> str:
        if mask & whole == whole:
            return "|".join(name for name, bit in bits.items() if value & bit) or "0"
        return "".join(("+" if value & bit else "-") + name for name, bit in bits.items() if mask & bit)

    return Text(title or f"{kind} flags", parse, format)


_FRAGMENTS = {"no": (0, 3), "yes": (1, 1), "first": (1, 3), "later": (3, 3), "not_later": (0, 2)}
_FRAGMENT_NAMES = {(2, 2): "later", (0, 1): "no", **{what: name for name, what in _FRAGMENTS.items()}}


def _parse_frag(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    if text.lower() not in _FRAGMENTS:
        valid = ", ".join(f'"{name}"' for name in _FRAGMENTS)
        raise TextError(f"{text}: unknown fragment type (valid types are {valid}", text)
    return _FRAGMENTS[text.lower()]


def _format_frag(field: Field, value: int, mask: int, names: _Names) -> str:
    return _FRAGMENT_NAMES.get((value, mask), "<error>")


def _parse_packet_type(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    def wrong(rest: str, what: str) -> TextError:
        return TextError(f"{rest}: bad syntax for packet type {what}", text)

    if not text.startswith("("):
        raise wrong(text, "missing '('")
    rest = text[1:]
    ns, end = c_number(rest)
    if not end or ns >> 16:
        raise wrong(rest, "ns")
    if rest[end : end + 1] != ",":
        raise wrong(rest, "missing ','")
    rest = rest[end + 1 :]
    ns_type, end = c_number(rest)
    if not end or ns_type >> 16:
        raise wrong(rest, "ns_type")
    if rest[end : end + 1] != ")":
        raise wrong(rest, "missing ')'")
    return ns << 16 | ns_type, ones(32)


def _format_packet_type(field: Field, value: int, mask: int, names: _Names) -> str:
    return f"({_short(value >> 16)},{_short(value & 0xFFFF)})"


def _short(number: int) -> str:
    """Hexadecimal, where it differs from decimal."""
    return str(number) if number < 10 else hex(number)


def _parse_port(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    port = parse_port(text, names)
    if port is None:
        wrong = "port value out of range" if field.size == 4 else "invalid or unknown port"
        raise TextError(f"{text}: {wrong} for {field.name}", text)
    return port, ones(8 * field.size)


def _format_port(field: Field, value: int, mask: int, names: _Names) -> str:
    return format_port(from_16(value) if field.size == 2 else value, names)


DECIMAL = Text("decimal", _parse_integer, _format_integer(str))
HEX = Text("hexadecimal", _parse_integer, _format_integer(hexadecimal))


def _format_tunnel_metadata(field: Field, value: int, mask: int, names: _Names) -> str:
    # An option may be shorter than the field: all of its bytes is all there is.
    whole = not mask & (mask + 1) and mask.bit_length() % 8 == 0
    return HEX.format(field, value, field.ones if whole else mask, names)


TUN_METADATA_TEXT = Text("hexadecimal", _parse_integer, _format_tunnel_metadata)
MAC = Text("Ethernet", _parse_mac, _format_mac)
IPV4 = Text("IPv4", _parse_ipv4, _format_address(32, format_ipv4))
IPV6 = Text("IPv6", _parse_ipv6, _format_address(128, format_ipv6))
PORT10 = Text("OpenFlow 1.0 port", _parse_port, _format_port)
PORT = Text("OpenFlow 1.1+ port", _parse_port, _format_port)
PACKET_TYPE_TEXT = Text("packet type", _parse_packet_type, _format_packet_type)
FRAG_TEXT = Text("frag", _parse_frag, _format_frag)
CT_STATE_TEXT = _flags(
    "ct_state", "new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat", whole=0xFF, title="ct state"
)
TUN_FLAGS_TEXT = _flags("tunnel", "oam")
ALL_TUN_FLAGS_TEXT = _flags("tunnel", "oam", "df", "csum", "key")  # OpenFlow knows the first only
# fmt: off
TCP_FLAGS_TEXT = _flags("TCP", "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]", whole=0xFFF)
# fmt: on


def is_exact(field: Field, text: str, mask: int) -> bool:
    """Whether `text`, which gave `mask`, says all of `field`: of flags also those that have no name."""
    return mask & field.ones == field.ones or (field.text is CT_STATE_TEXT and _SIGNED.isdisjoint(text))


_SIGNED = frozenset("+-/")  # where not all flags matter


def format_exact(field: Field, value: int, names: _Names) -> str:
    """A value of all of `field`'s bits, where it is no match: in `learn`, and in the fields of groups."""
    if field.text is CT_STATE_TEXT:
        named = (CT_STATE_TEXT.format(field, value, 1 << bit, names) for bit in range(8))
        return "".join(named) + "-[Unknown]" * (field.bits - 8)
    if field.text is TUN_FLAGS_TEXT:
        return "oam" if value else "0"
    mask = field.ones if field.text is FRAG_TEXT else ones(8 * field.size)
    return field.text.format(field, value, mask, names)
