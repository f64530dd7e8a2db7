"""ovs-tcpundump: the packets that `tcpdump -xx` has printed, in hexadecimal, a line each, as ofproto/trace takes them.

Sources: ovs-tcpundump(1); tcpdump(8), -xx and -XX.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from vswitch.base.options import HELP, CommandError, version_text
from vswitch.cli.command import guarded
from vswitch.cli.scriptoptions import parse_script_options

PROGRAM = "ovs-tcpundump"
OPTIONS = HELP
USAGE = """ovs-tcpundump: print what "tcpdump -xx" has printed as packets in hexadecimal
usage: ovs-tcpundump < FILE
Options:
  -h, --help     print this help
  -V, --version  print the version"""

# `	0x0010:  4500 0028 00`; what -XX prints as characters comes after two spaces.
_LINE = re.compile(r"\s+0x([0-9a-fA-F]+):\s+((?:[0-9a-fA-F]{2,4} )*[0-9a-fA-F]{2,4})(?:\s|$)")


def packets(lines: Iterable[str]) -> Iterator[str]:
    """The packets in the output of tcpdump; offset 0 begins another."""
    packet = ""
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        if int(found[1], 16) == 0 and packet:
            yield packet
            packet = ""
        packet += found[2].replace(" ", "")
    if packet:
        yield packet


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    return guarded(PROGRAM, lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(words: Sequence[str]) -> int:
    given, rest = parse_script_options(words, OPTIONS)
    for name, _ in given:
        print(USAGE if name == "help" else version_text(PROGRAM))
        return 0
    if rest:
        raise CommandError("non-option argument not supported (use --help for help)")
    for packet in packets(sys.stdin):
        print(packet)
    return 0
