"""ovs-pcap: the packets of a capture in hexadecimal, a line each, as ofproto/trace takes them.

Sources: ovs-pcap(1).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import HELP, CommandError, version_text
from vswitch.cli.command import guarded
from vswitch.cli.scriptoptions import parse_script_options

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
    given, files = parse_script_options(words, OPTIONS)
    for name, _ in given:
        print(USAGE if name == "help" else version_text(PROGRAM))
        return 0
    if len(files) != 1:
        raise CommandError("exactly 1 non-option argument required (use --help for help)")
    try:
        with open(files[0], "rb") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
            data = file.read()
    except OSError as error:
        raise CommandError(f"{files[0]}: open failed ({error.strerror})") from None
    _print(data)
    return 0


def _print(data: bytes) -> None:
    """The packets, as far as they go; then what is wrong, in Open vSwitch's words."""
    from vswitch.packet.pcap import HEADER_SIZE, RECORD_SIZE, CaptureError, read_pcap  # not needed for --help

    at = HEADER_SIZE
    try:
        for _, packet in read_pcap(data):
            print(packet.hex())
            at += RECORD_SIZE + len(packet)
    except CaptureError as error:
        if len(data) < HEADER_SIZE:
            wrong = "end of file reading pcap header"
        elif error.whole:
            magic = int.from_bytes(data[:4], "big")
            wrong = f"bad magic {magic} reading pcap file (expected {', '.join(_MAGICS)} or 0xd4c3b2a1)"
        else:
            wrong = "end of file reading pcap packet data"
        raise CommandError(wrong) from None
    if at < len(data):
        raise CommandError("end of file within pcap record header")


_MAGICS = ("0xa1b2c3d4", "0xa1b23c4d", "0x4d3cb2a1")
