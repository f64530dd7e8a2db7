"""What all printers share: the registry, and how the user wants text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from vswitch.base.namedtuple import NamedTuple
from vswitch.base.remarks import remark_some
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import Dialect, Form, Message
from vswitch.openflow.names import NO_NAMES, Names


class Style(NamedTuple):
    """How the user wants it: how much of it, under which names, and with counters or without; and what `data` it is of."""

    verbosity: int = 0
    names: Names = NO_NAMES
    show_stats: bool = True
    print_message: Callable[[bytes, int], str] | None = None  # for messages inside messages
    data: bytes = b""


Printer = Callable[[Any, Dialect, Style], str]
P = TypeVar("P", bound=Printer)
PRINTERS: dict[type[Message], Printer] = {}

# Prints the body of a message that begins at a byte of its data; None: that is left to the printer of what it means.
BytesPrinter = Callable[[bytes, int, Form, Dialect, Style], str | None]
BYTES_PRINTERS: dict[type[Message], BytesPrinter] = {}


def prints(*classes: type[Message]) -> Callable[[P], P]:
    """Declare the function that prints messages of `classes`: what follows the colon of the first line."""

    def register(printer: P) -> P:
        for cls in classes:
            PRINTERS[cls] = printer
        return printer

    return register


def prints_bytes(cls: type[Message]) -> Callable[[BytesPrinter], BytesPrinter]:
    """Declare the function that prints messages of `cls` without decoding them, in much less time."""

    def register(printer: BytesPrinter) -> BytesPrinter:
        BYTES_PRINTERS[cls] = printer
        return printer

    return register


def bit_names(bits: int, names: Iterable[tuple[int, str]], separator: str = " ", none: str = "0") -> str:
    """The names of the bits that are set, then the rest as a number."""
    words = [name for bit, name in names if bits & bit]
    rest = bits
    for bit, _ in names:
        rest &= ~bit
    if rest:
        words.append(f"{rest:#x}")
    return separator.join(words) if words else none


_UNKNOWN_COUNT = (1 << 64) - 1


def counters(*counts: tuple[str, int]) -> str:
    """Counters with their names; those that the switch does not have are question marks."""
    return ", ".join(f"{name}={'?' if count == _UNKNOWN_COUNT else count}" for name, count in counts)


def printable(text: str) -> str:
    """Text from the wire, with what could upset a terminal as backslashes and octal numbers."""
    return "".join(
        c
        if c.isprintable() and ord(c) < 0x7F and c not in '"\\'
        else "".join(f"\\{byte:03o}" for byte in c.encode("utf-8", "surrogateescape"))
        for c in text
    )


def hex_dump(data: bytes, characters: bool = True) -> str:
    """Sixteen bytes per line: offset, hexadecimal and, unless they are not wanted, characters."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        cells = [f"{byte:02x}" for byte in row] + ["  "] * (16 - len(row))
        gap = "-" if len(row) >= 8 else " "
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row).ljust(16)
        line = f"{at:08x}  {' '.join(cells[:8])}{gap}{' '.join(cells[8:])}"
        lines.append(f"{line} |{shown}|\n" if characters else f"{line.rstrip()}\n")
    return "".join(lines)


def tell_error(error: OpenFlowError) -> None:
    """Log what Open vSwitch logs of an error."""
    for module, text, data in error.remarks:
        dump = f"\n{hex_dump(data, characters=False).rstrip()}" if data else ""
        remark_some(module, text + dump)
