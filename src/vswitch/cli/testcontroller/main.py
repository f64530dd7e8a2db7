"""ovs-testcontroller, and ovs-controller, its older name: the options.

Sources: ovs-testcontroller(8).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.aio.detach import detach
from vswitch.base.errors import VswitchError
from vswitch.base.options import (
    BOOTSTRAP,
    COMMON,
    DAEMON,
    OPTIONAL,
    REQUIRED,
    SSL,
    Option,
    parse_options,
    version_text,
)
from vswitch.linux.console import answer
from vswitch.linux.program import loading
from vswitch.linux.usage import COMMON_HELP, KEYS_HELP, daemon_help

OPTIONS = (
    Option("noflow", short="n"),
    Option("hub", short="H"),
    Option("normal", short="N"),
    Option("wildcards", OPTIONAL, "w"),
    Option("max-idle", REQUIRED),
    Option("mute"),
    Option("queue", REQUIRED, "q"),
    Option("port-queue", REQUIRED, "Q"),
    Option("with-flows", REQUIRED),
    Option("unixctl", REQUIRED),
    Option("protocols", REQUIRED, "O"),
    *DAEMON,
    *SSL,
    *BOOTSTRAP,
    *COMMON,
)


def usage(program: str) -> str:
    """What --help prints."""
    return f"""{program}: a simple OpenFlow controller for tests
usage: {program} [OPTIONS] METHOD...
METHOD is how switches are reached:
  ptcp:[PORT][:HOST]       listen (default port: 6653)
  pssl:[PORT][:HOST]       listen, with TLS
  punix:FILE               listen on a Unix socket
  tcp:HOST[:PORT]          connect (default port: 6653)
  ssl:HOST[:PORT]          connect, with TLS
  unix:FILE                connect to a Unix socket
What to do with packets:
  -H, --hub                be a hub, not a switch that learns
  -n, --noflow             let every packet come here
  --max-idle=SECS          let unused flows go after SECS seconds (default: 60), or "permanent"
  -N, --normal             send to NORMAL what need not be flooded
  -w, --wildcards[=MASK]   let flows ignore as much as they can, or what the bits of MASK say
  -q, --queue=QUEUE        put packets into this queue
  -Q, --port-queue=PORT:QUEUE  put those that come from a port, by its name, into this one
  --with-flows=FILE        add the flows in FILE to each switch
  --mute                   answer nothing
  -O, --protocols=VERSION[,...]  versions to speak: OpenFlow10 to OpenFlow15 (default: all)
{KEYS_HELP}{daemon_help(program, "when it listens")}Other options:
{COMMON_HELP}"""


def main(argv: Sequence[str] | None = None, program: str = "ovs-testcontroller") -> int:
    """Run the program."""
    try:
        given, targets = parse_options(sys.argv[1:] if argv is None else argv, OPTIONS)
        for name, _ in given:
            if name in ("help", "version"):
                more = "OpenFlow versions 0x1:0x6"
                return answer(usage(program) if name == "help" else version_text(program, more))
        detach(program, given)
        with loading():
            from vswitch.cli.testcontroller.arguments import start  # 50 ms that --version does not need

        return start(program, given, targets)
    except VswitchError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1


def controller_main() -> int:
    """The same under its older name."""
    return main(program="ovs-controller")
