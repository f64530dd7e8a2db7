"""Commands that need no switch: what messages mean.

Sources: ovs-ofctl(8): ofp-parse; `ovs-ofctl list-commands`: ofp-print.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.coloring import colored
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.text import print_message

_HEADER_SIZE = 8


@command("ofp-print", "HEXSTRING [VERBOSITY]")
def ofp_print(given: Given, digits: str, verbosity: str = "2") -> Iterator[str]:
    """The text of a message."""
    data, rest = take_hex(digits)
    if rest:
        raise CommandError("trailing garbage following hex bytes")
    level = parse_decimal(verbosity) or 0
    if data:
        yield colored(print_message(data, level).rstrip("\n"), Settings(given))
    else:
        yield "OpenFlow message is empty"


@command("ofp-parse", "FILE")
def ofp_parse(given: Given, file: str) -> Iterator[str]:
    """The text of the messages in a file, as they were on the wire; "-" is standard input."""
    try:
        with open("/dev/stdin" if file == "-" else file, "rb") as stream:  # noqa: PTH123 - pathlib takes 8 ms
            data = stream.read()
    except IsADirectoryError:
        return  # empty, as far as reading goes
    except OSError as error:
        raise CommandError(f"{file}: open ({error.strerror})") from None
    settings = Settings(given)
    while data:
        size = int.from_bytes(data[2:4], "big")
        if len(data) >= _HEADER_SIZE > size:
            raise CommandError(f"{file}: {size}-byte message is too short for OpenFlow")
        if len(data) < max(size, _HEADER_SIZE):
            raise CommandError(f"{file}: unexpected end of file mid-message")
        yield text(data[:size], settings, 2)
        data = data[size:]


def text(data: bytes, settings: Settings, more: int = 0) -> str:
    """A message without the newline at its end, with `more` verbosity than is asked for."""
    return colored(print_message(data, settings.verbosity + more).rstrip("\n"), settings)
