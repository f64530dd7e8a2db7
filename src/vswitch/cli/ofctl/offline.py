"""Commands that need no switch: what flows mean.

Sources: `ovs-ofctl list-commands`: parse-flow, parse-flows.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.flows import Lines, allowed_formats, read
from vswitch.cli.ofctl.lines import opened
from vswitch.cli.ofctl.messages import text
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.flowlines import flow_mod
from vswitch.openflow.message import encode
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.usable import format_protocols


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


def as_sent(given: Given, flows: Lines) -> Iterator[str]:
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
