"""ovs-pcap: the packets of a capture in hexadecimal, a line each, as ofproto/trace takes them.

Sources: ovs-pcap(1).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import HELP, CommandError, parse_options, version_text
from vswitch.cli.command import guarded

PROGRAM = "ovs-pcap"
OPTIONS = HELP
USAGE = """ovs-pcap: print the packets of a capture in hexadecimal
usage: ovs-pcap FILE
Options:
  -h, --help     print this help
  -V, --version  print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    return guarded(PROGRAM, lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(words: Sequence[str]) -> int:
    given, files = parse_options(words, OPTIONS)
    for name, _ in given:
        print(USAGE if name == "help" else version_text(PROGRAM))
        return 0
    if len(files) != 1:
        raise CommandError("exactly 1 non-option argument required (use --help for help)")
    from vswitch.packet.pcap import CaptureError, read_pcap  # not needed for --help

    try:
        with open(files[0], "rb") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
            data = file.read()
        for _, packet in read_pcap(data):
            print(packet.hex())
    except OSError as error:
        raise CommandError(f"{files[0]}: open failed ({error.strerror})") from None
    except CaptureError as error:
        raise CommandError(f"{files[0]}: {error}") from None
    return 0
