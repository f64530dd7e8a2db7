"""ovs-vlan-bug-workaround: what interface-reconfigure calls for each network card, should its driver lose VLAN tags.

Drivers that take the tag off a packet once handed it to the kernel beside the packet, for VLAN devices, and the kernel
threw it away where there were none, as under a switch.  XenServer's kernels could be told to pretend that there were.
Since 2.6.37 Linux keeps the tag with the packet for whoever asks, and our switch does, so all that is left to do is to
say so; on an older kernel, that nothing here can help.

Sources: XenServer 5.6; packet(7), PACKET_AUXDATA.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from vswitch.base.options import HELP, CommandError, parse_options, version_text
from vswitch.linux.console import answer
from vswitch.xenserver.host import Host

PROGRAM = "ovs-vlan-bug-workaround"
KEEPS_TAGS = (2, 6, 37)
USAGE = f"""{PROGRAM}: what a network card needs whose driver loses VLAN tags: with this switch, nothing
usage: {PROGRAM} DEVICE on|off
Options:
  -h, --help     print this help
  -V, --version  print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    try:
        given, words = parse_options(sys.argv[1:] if argv is None else argv, HELP)
        for name, _ in given:
            return answer(USAGE if name == "help" else version_text(PROGRAM))
        return answer(work_around(words, Host(), os.uname().release))
    except CommandError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.status


def work_around(words: Sequence[str], host: Host, kernel: str) -> str:
    """What there is to say; raises CommandError."""
    if len(words) != 2:
        raise CommandError("exactly 2 non-option arguments required (use --help for help)")
    device, setting = words
    if setting not in ("on", "off"):
        raise CommandError(f'setting "{setting}" is neither "on" nor "off"')
    if "/" in device or not host.has_device(device):
        raise CommandError(f"{device}: no such device")
    if setting == "off":
        return f"{device}: there is nothing to turn off"
    if _release(kernel) < KEEPS_TAGS:
        raise CommandError(f"{device}: Linux {kernel} may lose VLAN tags, which nothing here can prevent")
    return f"{device}: Linux {kernel} keeps VLAN tags; there is nothing to turn on"


def _release(kernel: str) -> tuple[int, ...]:
    """The numbers at the front of what `uname -r` says."""
    front = re.match(r"[0-9.]*", kernel)
    assert front is not None
    return tuple(int(number) for number in front[0].split(".") if number)
