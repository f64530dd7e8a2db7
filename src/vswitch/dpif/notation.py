"""How values and masks read in the text of datapath flows and actions.

Exact values stand alone, others have their mask after a slash, and a value of which nothing matters reads `0/0` where
it is shown at all.  The same field may read differently here than in OpenFlow's flow syntax.

Sources: `ovs-appctl dpctl/dump-flows -m`, as the peer prints it; ovs-dpctl(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.base.text import (
    format_ipv4,
    format_ipv6,
    format_mac,
    parse_int,
    parse_ipv4,
    parse_ipv6,
    parse_mac,
)

NamesByNumber = Mapping[int, str]
NumbersByName = Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Notation:
    """One way to write values: `value` and `mask` of `bits` bits as text, and back."""

    format: Callable[[int, int, int], str]
    parse: Callable[[str, int], tuple[int, int]]


def hexa(value: int) -> str:
    """`value` in hexadecimal, zero without a prefix, as C's %#x."""
    return f"{value:#x}" if value else "0"


def _slashed(
    write: Callable[[int], str], write_mask: Callable[[int], str], read: Callable[[str], int]
) -> Notation:
    """VALUE or VALUE/MASK."""

    def format(value: int, mask: int, bits: int) -> str:
        return write(value) if mask == (1 << bits) - 1 else f"{write(value)}/{write_mask(mask)}"

    def parse(text: str, bits: int) -> tuple[int, int]:
        value, slash, mask = text.partition("/")
        ones = (1 << bits) - 1
        return read(value) & ones, read(mask) & ones if slash else ones

    return Notation(format, parse)


def _integer(text: str) -> int:
    try:
        return parse_int(text)
    except (ValueError, IndexError):
        raise TextError(f"{text}: not a number", text) from None


def _checked(read: Callable[[str], int], highest: int) -> Callable[[str], int]:
    """`read`, refusing what is larger than `highest`."""

    def reader(text: str) -> int:
        if (value := read(text)) > highest:
            raise TextError(f"{text}: too large", text)
        return value

    return reader


DECIMAL = _slashed(str, hexa, _integer)
HEXADECIMAL = _slashed(hexa, hexa, _integer)
ETHER_TYPE = _slashed(lambda value: f"{value:#06x}", lambda value: f"{value:#06x}", _integer)
VLAN_VID = _slashed(str, lambda value: f"{value:#x}", _checked(_integer, 0xFFF))
VLAN_PCP = _slashed(str, lambda value: f"{value:#x}", _checked(_integer, 7))
ETHERNET = _slashed(format_mac, format_mac, parse_mac)
IPV4 = _slashed(format_ipv4, format_ipv4, parse_ipv4)
IPV6 = _slashed(format_ipv6, format_ipv6, parse_ipv6)

# In a Flow, bit 0 says "a fragment" and bit 1 "not the first".
_FRAGMENTS = {0: "no", 1: "first", 3: "later"}
_FRAGMENT_CODES = {name: code for code, name in _FRAGMENTS.items()}


def _parse_fragment(text: str, bits: int) -> tuple[int, int]:
    if text not in _FRAGMENT_CODES:
        raise TextError(f"{text}: not a kind of fragment", text)
    return _FRAGMENT_CODES[text], (1 << bits) - 1


FRAGMENT = Notation(lambda value, mask, bits: _FRAGMENTS.get(value & mask, "error"), _parse_fragment)

TCP_FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
CT_STATE_NAMES = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")


def _flags(names: tuple[str, ...]) -> Notation:
    """`syn|ack` for all flags; `+syn-ack` for some of them."""
    bit_of = {name: 1 << i for i, name in enumerate(names)}

    def format(value: int, mask: int, bits: int) -> str:
        if mask == (1 << bits) - 1:
            words = [_flag_name(names, i) for i in range(bits) if value >> i & 1]
            return "|".join(words) or "0"
        if not mask:
            return "0/0"
        return "".join(
            ("+" if value >> i & 1 else "-") + _flag_name(names, i) for i in range(bits) if mask >> i & 1
        )

    def bit(name: str) -> int:
        if name in bit_of:
            return bit_of[name]
        if found := re.fullmatch(r"\[([0-9a-fA-F]+)\]", name):
            return int(found[1], 16)
        raise TextError(f"{name}: no such flag", name)

    def parse(text: str, bits: int) -> tuple[int, int]:
        ones = (1 << bits) - 1
        if text[:1] in ("+", "-"):
            signs = re.findall(r"([+-])([^+-]*)", text)
            value = sum(bit(name) for sign, name in signs if sign == "+")
            return value & ones, (value | sum(bit(name) for sign, name in signs if sign == "-")) & ones
        if text[:1].isdigit():
            return HEXADECIMAL.parse(text, bits)
        return sum(bit(name) for name in text.split("|")) & ones, ones

    return Notation(format, parse)


def _flag_name(names: tuple[str, ...], i: int) -> str:
    return names[i] if i < len(names) else f"[{1 << i:x}]"


TCP_FLAGS = _flags(TCP_FLAG_NAMES)
CT_STATE = _flags(CT_STATE_NAMES)


def format_port(number: int, names: NamesByNumber) -> str:
    """A datapath port: its name if `names` has it."""
    return names.get(number) or str(number)


def parse_port(text: str, numbers: NumbersByName) -> int:
    """A datapath port by number, or by one of the names in `numbers`."""
    if text in numbers:
        return numbers[text]
    if text[:1].isdigit():
        return _integer(text)
    raise TextError(f"{text}: no such port", text)
