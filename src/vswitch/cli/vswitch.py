"""The program `vswitch`: what has no counterpart in Open vSwitch."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import HELP, CommandError, parse_options, version_text
from vswitch.cli.command import guarded
from vswitch.linux.elsewhere import found_elsewhere
from vswitch.linux.later import wait_for_use_of
from vswitch.linux.program import loading
from vswitch.vswitchd.later import LATER
from vswitch.vswitchd.probe import probe

PROGRAM = "vswitch"
WITHOUT_PROBE = {"-h", "--help", "-V", "--version", "--disable-system"}  # options of `up`
USAGE = """vswitch: Open vSwitch, founded anew
usage: vswitch up [OPTIONS]   run a database and a switch in this process, until ctrl-C
       vswitch demo           show the switch's main job on real packets, in a minute
       vswitch db COMMAND     what happened to a database, what it was, and how to undo it
       vswitch --help | --version
See `vswitch up --help` and `vswitch db --help` for their options.  ovs-vsctl, ovs-ofctl and ovs-appctl work against `vswitch up`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    words = sys.argv[1:] if argv is None else argv
    return guarded(PROGRAM, lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    given, rest = parse_options(words, HELP, permute=False)
    for name, _ in given:
        print(USAGE if name == "help" else version_text(PROGRAM))
        return 0
    match rest:
        case ["up", *options]:
            system = probe if WITHOUT_PROBE.intersection(options) else found_elsewhere(probe)
            wait_for_use_of(LATER)
            with loading():
                from vswitch.cli import up

                main = up.main

            return main(options, system)
        case ["db", *words_of_db]:
            from vswitch.cli.history import main as history

            return history.main(words_of_db)
        case ["demo", "-h" | "--help"]:
            print(USAGE)
            return 0
        case ["demo", word, *_]:
            raise CommandError(f"demo takes no arguments, but there is '{word}'")
        case ["demo"]:
            from vswitch.cli import demo

            return demo.main()
        case []:
            raise CommandError("missing command name; use --help for help")
        case _:
            raise CommandError(f"unknown command '{rest[0]}'; use --help for help")
