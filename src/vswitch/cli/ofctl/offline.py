"""Commands that need no switch: what flows and messages mean.

Sources: ovs-ofctl(8): ofp-parse; `ovs-ofctl list-commands`: parse-flow, parse-flows, ofp-print.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.flows import parsed, usable_formats
from vswitch.cli.ofctl.lines import opened
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings, formats_text
from vswitch.cli.ofctl.table import command
from vswitch.openflow.message import encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.text import print_message

_HEADER_SIZE = 8


@command("parse-flow", "FLOW")
def parse_flow(given: Given, flow: str) -> Iterator[str]:
    """What `add-flow` would send."""
    return as_sent(given, list(parsed([flow], NO_NAMES, "add", "")))


@command("parse-flows", "FILE")
def parse_flows(given: Given, file: str) -> Iterator[str]:
    """What `add-flows` would send."""
    with opened(file) as lines:
        mods = list(parsed(lines, NO_NAMES, "add", file))
    return as_sent(given, mods)


def as_sent(given: Given, mods: list[FlowMod]) -> Iterator[str]:
    """The flow formats that can say all of `mods`, and each in the first of these that is allowed."""
    settings = Settings(given)
    usable = usable_formats(mods)
    yield f"usable protocols: {formats_text(usable)}"
    chosen = [
        name for name in usable if name in settings.formats and FLOW_FORMATS[name][0] in settings.versions
    ]
    if not chosen:
        raise CommandError("no usable protocol")
    yield f"chosen protocol: {chosen[0]}"
    version, nxm, table_ids = FLOW_FORMATS[chosen[0]]
    for xid, mod in enumerate(mods, 1):
        yield text(encode(mod, version, xid, nxm, table_ids), settings)


@command("ofp-print", "HEXSTRING [VERBOSITY]")
def ofp_print(given: Given, digits: str, verbosity: str = "2") -> Iterator[str]:
    """The text of a message."""
    data, rest = take_hex(digits)
    if rest:
        raise CommandError("trailing garbage following hex bytes")
    level = int(verbosity) if verbosity.isdecimal() else 0
    yield print_message(data, level).rstrip("\n") if data else "OpenFlow message is empty"


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
        yield text(data[:size], settings)
        data = data[size:]


def text(data: bytes, settings: Settings) -> str:
    """A message without the newline at its end."""
    return print_message(data, settings.verbosity).rstrip("\n")
