"""Lines of text files, without what is only for people.

Sources: ovs-ofctl(8), files of flows; `ovs-ofctl parse-nxm` for the other kind.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from vswitch.base.options import CommandError

BLANK = " \t\n"  # what a line may have that is empty


def opened(file: str, doing: str = "open failed") -> TextIO:
    """A text file, in which every byte has its place; "-" is standard input, and a directory is empty."""
    try:
        if file == "-":
            return stdin()
        return open(file, encoding="utf-8", errors="surrogateescape", newline="\n")  # noqa: PTH123 - pathlib takes 8 ms
    except IsADirectoryError:
        return io.StringIO()
    except OSError as error:
        raise CommandError(f"{file}: {doing} ({error.strerror})") from None


def stdin() -> TextIO:
    """Standard input, in which only a newline ends a line."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape", newline="\n")
    return sys.stdin


def c_string(line: str) -> str:
    """A line without what ends it: for C programs, also a NUL."""
    return line.rstrip("\n").partition("\0")[0]


def preprocessed(lines: Iterable[str]) -> Iterator[str]:
    """The lines without their comments, and no empty ones."""
    for line in map(c_string, lines):
        text = line.partition("#")[0]
        if text.strip(BLANK):
            yield text


def test_lines(lines: Iterable[str]) -> Iterator[str]:
    """The same, but comments that are lines of their own, and empty lines, are printed."""
    for text in map(c_string, lines):
        if text.startswith("#"):
            print(text)
        elif not text.partition("#")[0].strip(BLANK):
            print()
        else:
            yield text.partition("#")[0]
