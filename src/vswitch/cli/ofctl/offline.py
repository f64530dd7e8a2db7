"""Commands that need no switch: what flows and messages mean.

Sources: ovs-ofctl(8): ofp-parse; `ovs-ofctl list-commands`: parse-flow, parse-flows, ofp-print.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.flows import Flows, allowed_formats, read
from vswitch.cli.ofctl.lines import opened
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.flowlines import flow_mod
from vswitch.openflow.message import encode
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.text import print_message
from vswitch.openflow.usable import format_protocols

_HEADER_SIZE = 8


@command("parse-flow", "FLOW")
def parse_flow(given: Given, flow: str) -> Iterator[str]:
    """What `add-flow` would send."""
    return as_sent(given, read([flow], NO_NAMES, "add", ""))


@command("parse-flows", "FILE")
def parse_flows(given: Given, file: str) -> Iterator[str]:
    """What `add-flows` would send."""
    with opened(file) as lines:
        flows = read(lines, NO_NAMES, "add", file)
    return as_sent(given, flows)


def as_sent(given: Given, flows: Flows) -> Iterator[str]:
    """The flow formats that can say all of `flows`, and each in the first of these that is allowed."""
    settings = Settings(given)
    yield f"usable protocols: {format_protocols(flows.usable)}"
    chosen = [name for name in allowed_formats(settings) if name in flows.usable]
    if not chosen:
        raise CommandError("no usable protocol")
    yield f"chosen protocol: {chosen[0]}"
    version, nxm, table_ids = FLOW_FORMATS[chosen[0]]
    for xid, line in enumerate(flows.lines, 1):
        yield text(encode(flow_mod(line), version, xid, nxm, table_ids), settings)


@command("ofp-print", "HEXSTRING [VERBOSITY]")
def ofp_print(given: Given, digits: str, verbosity: str = "2") -> Iterator[str]:
    """The text of a message."""
    data, rest = take_hex(digits)
    if rest:
        raise CommandError("trailing garbage following hex bytes")
    level = parse_decimal(verbosity) or 0
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
