"""ovs-vlan-test: the options.

Sources: ovs-vlan-test(8).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import HELP, CommandError, Option, parse_options, version_text
from vswitch.cli.command import guarded

PROGRAM = "ovs-vlan-test"
OPTIONS = (Option("server", short="s"), *HELP)
USAGE = """ovs-vlan-test: find out whether a network card carries packets with VLAN tags
usage: ovs-vlan-test [-s | --server] CONTROL[:PORT] VLAN[:PORT]
CONTROL is the server's address outside of any VLAN (default port: 80)
VLAN is this host's own address in the VLAN (default port: 15213)
Options:
  -s, --server   be the server, on a host whose network card is good
  -h, --help     print this help
  -V, --version  print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    return guarded(PROGRAM, lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(words: Sequence[str]) -> int:
    given, addresses = parse_options(words, OPTIONS)
    for name, _ in given:
        if name in ("help", "version"):
            print(USAGE if name == "help" else version_text(PROGRAM))
            return 0
    if len(addresses) != 2:
        raise CommandError("exactly 2 non-option arguments required (use --help for help)")
    from vswitch.cli.vlantest.protocol import CONTROL_PORT, VLAN_PORT, parse_address

    control = parse_address(addresses[0], CONTROL_PORT)
    vlan = parse_address(addresses[1], VLAN_PORT)
    if "server" in given:
        from vswitch.cli.vlantest.server import run_server  # not needed by a client: 40 ms

        run_server(control, vlan, lambda line: print(line, flush=True))
        return 0
    from vswitch.cli.vlantest.client import run_client

    line = ""
    for line in run_client(control, vlan):
        print(line)
    return 0 if line == "OK" else 1
