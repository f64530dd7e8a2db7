"""ovs-dpctl: datapaths that live outside of ovs-vswitchd.

These are the eBPF datapaths of this network namespace, which the kernel runs whether their daemon lives or not.  One can
look at them and delete flows; all else is the daemon's to do, and so are the datapaths in its own process: `ovs-appctl
dpctl/…` has the same commands for them.

Sources: ovs-dpctl(8).
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Sequence

from vswitch.base.errors import KernelError
from vswitch.base.options import (
    HELP,
    LISTING,
    LOGGING,
    NONE,
    OPTIONAL,
    REQUIRED,
    CommandError,
    Option,
    listing,
    parse_options,
    version_text,
)
from vswitch.cli.command import guarded, set_timeout, set_up_logging, warn
from vswitch.vswitchd.dpctlwords import USAGES, DpctlError

PROGRAM = "ovs-dpctl"
OPTIONS = (
    Option("statistics", NONE, "s"),
    Option("clear"),
    Option("may-create"),
    Option("read-only"),
    Option("more", NONE, "m"),
    Option("names"),
    Option("no-names"),
    Option("zero"),
    Option("color", OPTIONAL),
    Option("timeout", REQUIRED, "t"),
    HELP[0],
    *LISTING,
    HELP[1],
    *LOGGING,
)
PASSED_ON = ("statistics", "more", "names", "no-names", "may-create", "clear")
ENUMERATES = ("dump-dps", "show", "dump-flows", "del-flows", "get-flow")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    words = sys.argv[1:] if argv is None else argv
    return guarded(PROGRAM, lambda: _run(words))


def usage() -> str:
    """What --help prints."""
    rows = [f"  {name:<15} {words}" for name, (words, _, _) in USAGES.items()]
    return "\n".join(
        [
            "ovs-dpctl: administer datapaths outside of ovs-vswitchd",
            "usage: ovs-dpctl [OPTIONS] COMMAND [ARG...]",
            *rows,
            "Options of show, dump-flows, del-flow and mod-flow:",
            "  -s, --statistics     print what ports or flows have carried",
            "  -m, --more           print more about flows",
            "  --names, --no-names  print ports by their names, or by number",
            "  --may-create         add what is not there",
            "  --zero               print counters that are zero, too",
            "  --clear              forget what flows that are changed have carried",
            "Other options:",
            "  -t, --timeout=SECS   give up after SECS seconds",
            "  -v, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]",
            "  --log-file[=FILE]    log to FILE",
            "  --syslog-method=(libc|null|unix:FILE|udp:IP:PORT), --syslog-target=HOST:PORT",
            "  --read-only, --color[=WHEN]  taken for the sake of scripts; no effect",
            "  -o, --option         print the options, for scripts",
            "  -h, --help           print this help",
            "  -V, --version        print the version",
        ]
    )


def _run(words: Sequence[str]) -> int:
    given, rest = parse_options(words, OPTIONS)
    for name, _ in given:
        if name in ("help", "version"):
            print(usage() if name == "help" else version_text(PROGRAM))
            return 0
        if name == "option":
            print(listing(OPTIONS))
            return 0
    set_up_logging(PROGRAM, given)
    set_timeout(given.get("timeout"))
    if not rest:
        raise CommandError("missing command name; use --help for help")
    name, arguments = rest[0], rest[1:]
    if name not in USAGES:
        raise CommandError(f"unknown command '{name}'; use --help for help")
    _, at_least, at_most = USAGES[name]
    if len(arguments) < at_least:
        raise CommandError(f"'{name}' command requires at least {at_least} arguments")
    if len(arguments) > at_most:
        raise CommandError(f"'{name}' command takes at most {at_most} arguments")
    options = [f"--{option}" for option, _ in given if option in PASSED_ON]
    return _perform(name, [*options, *arguments])


def _perform(name: str, words: Sequence[str]) -> int:
    """Perform a command on the datapaths that there are."""
    from vswitch.datapath.ebpf.place import pinned_in
    from vswitch.linux import bpffs

    try:
        places = [] if os.geteuid() else list(pinned_in(bpffs.root()))
        if not places and _says_it_all(name, words, os.strerror(errno.ENOENT)):
            return 1
        from vswitch.cli.pinned import pinned_views  # headers, actions, maps: 20 ms for who has a datapath

        views = pinned_views(places)
    except KernelError as error:
        if _says_it_all(name, words, error.what):
            return 1
        views = []
    from vswitch.vswitchd.dpctl import Dpctl

    try:
        for line in Dpctl(PROGRAM, lambda: views, time.monotonic).commands()[name](words):
            print(line)
    except DpctlError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _says_it_all(name: str, words: Sequence[str], problem: str) -> bool:
    """Warn that there is no datapath, who wants all of them; whether the command has nothing to add."""
    if name not in ENUMERATES or [word for word in words if not word.startswith("-")]:
        return False
    warn("dpif", f"failed to enumerate system datapaths: {problem}")
    return name in ("dump-dps", "show")
