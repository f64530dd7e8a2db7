"""Options of the programs that are Python scripts in Open vSwitch, too: with the words of Python's library for mistakes.

Sources: ovs-pcap(1), ovs-tcpundump(1); getopt of the Python library.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.options import NONE, CommandError, Given, Option


def parse_script_options(words: Sequence[str], options: Sequence[Option]) -> tuple[Given, list[str]]:
    """Split `words` into options, none of which takes an argument, and the rest; raises CommandError.

    All of them are read before any is answered.
    """
    given: list[tuple[str, str | None]] = []
    rest: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return Given(given), [*rest, *words[at + 1 :]]
        if word.startswith("--"):
            given.append((_long(word[2:], options), None))
        elif word.startswith("-") and word != "-":
            given += [(_short(letter, options), None) for letter in word[1:]]
        else:
            rest.append(word)
    return Given(given), rest


def _long(text: str, options: Sequence[Option]) -> str:
    name, equals, _ = text.partition("=")
    candidates = [option for option in options if option.name.startswith(name)]
    if not candidates:
        raise CommandError(f"option --{name} not recognized")
    if len(candidates) > 1:
        raise CommandError(f"option --{name} not a unique prefix")
    if equals:
        raise CommandError(f"option --{candidates[0].name} must not have an argument")
    return candidates[0].name


def _short(letter: str, options: Sequence[Option]) -> str:
    for option in options:
        if option.short == letter and option.argument == NONE:
            return option.name
    raise CommandError(f"option -{letter} not recognized")
