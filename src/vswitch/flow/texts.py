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
from vswitch.base.text import (
    c_number,
    format_ipv4,
    format_ipv6,
    format_mac,
    parse_ipv4,
    parse_ipv6,
    parse_mac,
)
from vswitch.flow.field import Field, PortNames, Text
from vswitch.flow.ports import format_port, parse_port

_NUMBER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]*")
_LENGTH = re.compile(r"[+-]?[0-9]+")
_Names = Mapping[int, str]


def parse_digits(text: str, size: int) -> int | None:
    """The number of `size` bytes that `text` is in C's notation; None, if it is none."""
    number, end = _leading(text, size)
    return number if end and end == len(text) else None


def _leading(text: str, size: int) -> tuple[int | None, int]:
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
    value, end = _leading(text, field.size)
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
    value, slash, mask = text.partition("/")
    try:
        return parse_mac(value), parse_mac(mask) if slash else ones(48)
    except TextError:
        raise TextError(f"{text}: invalid Ethernet address", text) from None


def _format_mac(field: Field, value: int, mask: int, names: _Names) -> str:
    return format_mac(value) if mask == ones(48) else f"{format_mac(value)}/{format_mac(mask)}"


def _parse_address(
    bits: int, kind: str, short: str, parse: Callable[[str], int]
) -> Callable[[Field, str, PortNames], tuple[int, int]]:
    def parse_masked(field: Field, text: str, names: PortNames) -> tuple[int, int]:
        value, slash, mask = text.partition("/")
        try:
            address = parse(value)
            length = _LENGTH.match(mask)
            if not length or (bits == 32 and mask.count(".") == 3):
                return address, parse(mask) if slash else ones(bits)
        except TextError:
            raise TextError(f"{text}: invalid {short} address", text) from None
        if not 0 <= int(length[0]) <= bits:
            raise TextError(f"{text}: {kind} network prefix bits not between 0 and {bits}, inclusive", text)
        if length.end() != len(mask):
            raise TextError(f"{text}: invalid {short} address", text)
        return address, prefix_mask(int(length[0]), bits)

    return parse_masked


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


def _flags(kind: str, *flag_names: str, signed: bool = False, title: str = "") -> Text:
    """Flags named from the lowest bit on: `+one-other` with a mask, `one|other` for exactly these, or numbers.

    With `signed`, they are written in the first form even if all of them matter.
    """
    bits = {name: 1 << i for i, name in enumerate(flag_names)}
    known = ones(len(flag_names))

    def parse_signed(text: str) -> tuple[int, int]:
        value = mask = 0
        for sign, name in re.findall(r"([+-])([^+-]*)", text):
            bit = bits.get(name)
            if bit is None:
                raise TextError(f"{name}: unknown {kind} flag(s)", text)
            if mask & bit:
                raise TextError(f"{name}: Each {kind} flag can be specified only once", text)
            mask |= bit
            value |= bit if sign == "+" else 0
        return value, mask

    def parse(field: Field, text: str, names: PortNames) -> tuple[int, int]:
        if text[:1] in ("+", "-"):
            return parse_signed(text)
        first, slash, second = text.partition("/")
        if _NUMBER.match(first) and (not slash or _NUMBER.match(second)):
            value, mask = int(first, 0), int(second, 0) if slash else known
            if (value | mask) & ~known:
                raise TextError(f"{text}: unknown {kind} flag(s)", text)
            return value, mask
        value = 0
        for name in filter(None, text.split("|")):
            if name not in bits:
                raise TextError(f"{text}: unknown {kind} flag(s)", text)
            value |= bits[name]
        return value, known

    def format(field: Field, value: int, mask: int, names: _Names) -> str:
        if mask & known == known and not signed:
            return "|".join(name for name, bit in bits.items() if value & bit) or "0"
        return "".join(("+" if value & bit else "-") + name for name, bit in bits.items() if mask & bit)

    return Text(title or f"{kind} flags", parse, format)


_FRAGMENTS = {"no": (0, 3), "yes": (1, 1), "first": (1, 3), "later": (3, 3), "not_later": (0, 2)}
_FRAGMENT_NAMES = {(2, 2): "later", (0, 1): "no", **{what: name for name, what in _FRAGMENTS.items()}}


def _parse_frag(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    if text not in _FRAGMENTS:
        valid = ", ".join(f'"{name}"' for name in _FRAGMENTS)
        raise TextError(f"{text}: unknown fragment type (valid types are {valid}", text)
    return _FRAGMENTS[text]


def _format_frag(field: Field, value: int, mask: int, names: _Names) -> str:
    return _FRAGMENT_NAMES.get((value, mask), "<error>")


def _parse_packet_type(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    if not text.startswith("("):
        raise TextError(f"{text}: bad syntax for packet type missing '('", text)
    rest = text[1:]
    ns, comma, ns_type = rest.partition(",")
    if not comma:
        raise TextError(f"{rest}: bad syntax for packet type missing ','", text)
    if not _NUMBER.match(ns) or int(ns, 0) >> 16:
        raise TextError(f"{rest}: bad syntax for packet type ns", text)
    number = ns_type.removesuffix(")")
    if not _NUMBER.match(number) or int(number, 0) >> 16:
        raise TextError(f"{ns_type}: bad syntax for packet type ns_type", text)
    if number == ns_type:
        raise TextError(f"{ns_type}: bad syntax for packet type missing ')'", text)
    return int(ns, 0) << 16 | int(number, 0), ones(32)


def _format_packet_type(field: Field, value: int, mask: int, names: _Names) -> str:
    namespace = value >> 16
    return f"({namespace if namespace < 10 else hex(namespace)},{hexadecimal(value & 0xFFFF)})"


def _parse_port(field: Field, text: str, names: PortNames) -> tuple[int, int]:
    port = parse_port(text, names)
    if port is None:
        wrong = "port value out of range" if field.size == 4 else "invalid or unknown port"
        raise TextError(f"{text}: {wrong} for {field.name}", text)
    return port, ones(8 * field.size)


def _format_port(field: Field, value: int, mask: int, names: _Names) -> str:
    return format_port(value, names)


DECIMAL = Text("decimal", _parse_integer, _format_integer(str))
HEX = Text("hexadecimal", _parse_integer, _format_integer(hexadecimal))


def _format_tunnel_metadata(field: Field, value: int, mask: int, names: _Names) -> str:
    # An option may be shorter than the field: all of its bytes is all there is.
    whole = not mask & (mask + 1) and mask.bit_length() % 8 == 0
    return HEX.format(field, value, field.ones if whole else mask, names)


TUN_METADATA_TEXT = Text("hexadecimal", _parse_integer, _format_tunnel_metadata)
MAC = Text("Ethernet", _parse_mac, _format_mac)
IPV4 = Text("IPv4", _parse_address(32, "IPv4", "IP", parse_ipv4), _format_address(32, format_ipv4))
IPV6 = Text("IPv6", _parse_address(128, "IPv6", "IPv6", parse_ipv6), _format_address(128, format_ipv6))
PORT10 = Text("OpenFlow 1.0 port", _parse_port, _format_port)
PORT = Text("OpenFlow 1.1+ port", _parse_port, _format_port)
PACKET_TYPE_TEXT = Text("packet type", _parse_packet_type, _format_packet_type)
FRAG_TEXT = Text("frag", _parse_frag, _format_frag)
CT_STATE_TEXT = _flags("ct_state", "new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat", title="ct state")
TUN_FLAGS_TEXT = _flags("tunnel", "oam", signed=True)
ALL_TUN_FLAGS_TEXT = _flags(
    "tunnel", "oam", "df", "csum", "key", signed=True
)  # OpenFlow knows the first only
# fmt: off
TCP_FLAGS_TEXT = _flags("TCP", "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]")
# fmt: on
