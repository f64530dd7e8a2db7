"""What to tell of replies to a request for flows that have no flows, or cannot be read; the program then ends.

Sources: ovs-ofctl(8), dump-flows.
"""

from __future__ import annotations

from vswitch.base.options import CommandError
from vswitch.cli.command import warn
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.text import print_message


def no_flows(reply: bytes) -> CommandError:
    """The error for a reply of another kind, most likely the switch's refusal, which goes to the log."""
    warn("vconn", f"received bad reply: {print_message(reply, 1).rstrip()}")
    return CommandError(_FAILED)


def unreadable(error: OpenFlowError) -> CommandError:
    """The error for flows that make no sense."""
    warn("vconn", f"parse error in reply ({error.code.name})")
    return CommandError(_FAILED)


_FAILED = "dump flows (Protocol error)"
