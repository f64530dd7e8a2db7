"""ovs-save: prints a shell script that brings back what a restart of the switch would lose.

Sources: ovs-ctl(8), "The restart command".
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vswitch.base.errors import VswitchError
from vswitch.base.options import version_text
from vswitch.cli.startup import saving
from vswitch.cli.startup.host import Host

USAGE = """usage: ovs-save save-interfaces INTERFACE... | save-flows BRIDGE...
Prints a shell script that restores the state, addresses and routes of the interfaces, and the packet filter, or the
flows and groups of the bridges; the text of the flows is in a directory of its own under {directory}.
  -h, --help     print this help
  -V, --version  print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ovs-save; its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        print(USAGE.format(directory=tempfile.gettempdir()))
        return 0
    if {"-V", "--version"} & set(words):
        print(version_text("ovs-save"))
        return 0
    command, *names = words or [""]
    try:
        match command:
            case "save-interfaces":
                lines = list(saving.save_interfaces(Host(), names))
            case "save-flows":
                directory = Path(tempfile.mkdtemp(prefix="ovs-save."))
                lines = list(saving.save_flows(Host(), names, directory))
            case _:
                return _complain(f"unknown command '{command}' (use --help for help)")
    except (VswitchError, OSError) as error:
        return _complain(str(error))
    print("\n".join(lines))
    return 0


def _complain(text: str) -> int:
    sys.stderr.write(f"ovs-save: {text}\n")
    return 1
