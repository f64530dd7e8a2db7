"""ovs-vswitchd: the switch.

Sources: ovs-vswitchd(8).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from vswitch.aio.detach import detach
from vswitch.base.options import (
    BOOTSTRAP,
    COMMON,
    DAEMON,
    OPTIONAL,
    REQUIRED,
    SSL,
    CommandError,
    Option,
    parse_options,
    version_text,
)
from vswitch.linux.console import answer
from vswitch.linux.dirs import default_database
from vswitch.linux.elsewhere import found_elsewhere
from vswitch.linux.later import wait_for_use_of
from vswitch.linux.program import loading
from vswitch.linux.usage import COMMON_HELP, KEYS_HELP, daemon_help
from vswitch.vswitchd.later import LATER
from vswitch.vswitchd.probe import probe

PROGRAM = "ovs-vswitchd"
OPTIONS = (
    Option("unixctl", REQUIRED),
    Option("mlockall"),
    Option("enable-dummy", OPTIONAL),
    Option("disable-system"),
    Option("disable-system-route"),
    Option("dummy-numa", REQUIRED),
    *DAEMON,
    *SSL,
    *BOOTSTRAP,
    *COMMON,
)


def usage() -> str:
    """What --help prints."""
    return f"""ovs-vswitchd: the switch of Open vSwitch
usage: ovs-vswitchd [OPTIONS] [DATABASE]
DATABASE is how to reach ovsdb-server (default: "{default_database()}"):
  unix:FILE                a Unix socket
  tcp:HOST:PORT            TCP
  ssl:HOST:PORT            TLS over TCP
{KEYS_HELP}{daemon_help(PROGRAM, "once the switch works")}For tests:
  --enable-dummy[=override|system]  offer devices and a datapath in memory
  --disable-system         do not offer the kernel's datapath
  --disable-system-route   do not look at the kernel's routes
  --dummy-numa=NODES       taken for the sake of scripts; no effect
Other options:
  --mlockall               taken for the sake of scripts; no effect
{COMMON_HELP}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    try:
        given, rest = parse_options(sys.argv[1:] if argv is None else argv, OPTIONS)
        for name, _ in given:
            if name in ("help", "version"):
                return answer(usage() if name == "help" else version_text(PROGRAM))
        if len(rest) > 1:
            raise CommandError("at most one non-option argument accepted; use --help for usage")
    except CommandError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.status
    remote = rest[0] if rest else default_database()
    detach(PROGRAM, given)
    system: Callable[[], str] | None = None
    if "disable-system" not in given:  # another user can do less
        system = probe if "user" in given else found_elsewhere(probe)
    wait_for_use_of(LATER)
    with loading():
        from vswitch.vswitchd.run import run  # most of a start, which --version does not need

    return run(PROGRAM, given, remote, system)
