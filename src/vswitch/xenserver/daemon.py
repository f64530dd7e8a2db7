"""ovs-xapi-sync, the program: its options, read before the daemon behind it (sync.py) is imported.

Sources: ovs-vswitchd(8) for the options.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import (
    COMMON,
    DAEMON,
    REQUIRED,
    CommandError,
    Option,
    parse_options,
    version_text,
)
from vswitch.linux.console import answer
from vswitch.linux.program import loading

PROGRAM = "ovs-xapi-sync"
OPTIONS = (Option("root-prefix", REQUIRED), Option("unixctl", REQUIRED), *DAEMON, *COMMON)
USAGE = f"""{PROGRAM}: keeps XAPI's names of networks, VIFs and VMs in the switch's database
usage: {PROGRAM} [OPTIONS] DATABASE
DATABASE is where the database server listens, as in unix:/var/run/openvswitch/db.sock.
  --root-prefix=DIR   take XAPI's files from under DIR
Daemon and logging options are those of ovs-vswitchd(8).
While it runs: ovs-appctl -t {PROGRAM} flush-cache, or SIGHUP, to ask XAPI for everything anew."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; return its exit status."""
    try:
        given, words = parse_options(sys.argv[1:] if argv is None else argv, OPTIONS)
        if "help" in given or "version" in given:
            return answer(USAGE if "help" in given else version_text(PROGRAM))
        if len(words) != 1:
            raise CommandError("exactly one DATABASE is required; use --help for usage")
    except CommandError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.status
    with loading():
        from vswitch.xenserver.sync import run  # the whole daemon: 50 ms that --version does not need

    return run(given, words[0])
