"""Differential fuzzing of texts: what the peer's `ovs-ofctl` makes of them, and what we make of them.

    python -m tests.interop.textfuzzing [SECONDS [SEED [KIND...]]]

Each case is a command line and standard input; compared are exit status, output and complaints, those in the log
included.  The peer takes 4 ms for one, we take less in this process.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from tests.interop.daemons import program
from tests.interop.textgrammar import Texts
from vswitch.base.log import LOG
from vswitch.cli.ofctl.main import main as ofctl

_QUIET = ("-vPATTERN:console:%c|%p|%m", "-vsyslog:off")  # log lines without their time
VERSIONS = tuple(f"OpenFlow1{i}" for i in range(6))
_FORMATS = (
    "any",
    "OpenFlow10",
    "NXM",
    "OXM",
    "NXM+table_id",
    "OpenFlow11",
    "OXM-OpenFlow13",
    "OXM-OpenFlow15",
)


class Case(NamedTuple):
    """A command line and what it reads."""

    words: tuple[str, ...]
    stdin: str = ""


class Said(NamedTuple):
    """What came of it."""

    status: int
    output: str
    complaint: str


def theirs(case: Case) -> Said:
    """What the peer says."""
    command = [program("peer", "ovs-ofctl"), *_QUIET, *case.words]
    done = subprocess.run(
        command,
        input=case.stdin.encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Said(
        done.returncode, *(text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    )


def ours(case: Case) -> Said:
    """What we say."""
    output, complaint, before = io.StringIO(), io.StringIO(), sys.stdin
    LOG.sinks.clear()
    try:
        sys.stdin = io.StringIO(case.stdin)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaint):
            status = ofctl([*_QUIET, *case.words])
    finally:
        sys.stdin = before
    return Said(status, output.getvalue(), complaint.getvalue())


def _versions(rng: Random) -> tuple[str, ...]:
    """Options about versions and formats."""
    match rng.randrange(8):
        case 0 | 1 | 2:
            return ("-O", rng.choice(VERSIONS))
        case 3:
            return ("-F", rng.choice(_FORMATS), "-O", ",".join(VERSIONS))
        case 4:
            return ("-mmmmm", "-O", rng.choice(VERSIONS))
        case 5:
            return ("-mmmmm", "-O", ",".join(VERSIONS))
        case _:
            return ()


def _flow(rng: Random) -> Case:
    return Case((*_versions(rng), "parse-flow", Texts(rng, rng.choice((0.6, 0.95))).flow()))


def _flows(rng: Random) -> Case:
    texts, lines = Texts(rng, 0.98), []
    for _ in range(rng.randint(1, 4)):
        command = rng.choice(
            (
                "",
                "",
                "add ",
                "modify ",
                "delete ",
                "modify_strict ",
                "delete_strict ",
                "add,",
                "x ",
                "  delete,",
            )
        )
        lines.append(
            command + (texts.match() if "delete" in command and rng.random() < 0.8 else texts.flow())
        )
        if rng.random() < 0.2:
            lines.append(rng.choice(("", "# comment", "   ", "#", lines[-1] + " # more")))
    return Case((*_versions(rng), "parse-flows", "-"), rng.choice(("\n", "\n", "\r\n")).join(lines))


def _group(rng: Random) -> Case:
    return Case((*_versions(rng), "parse-group", Texts(rng, rng.choice((0.7, 0.95))).group()))


def _key_value(rng: Random) -> Case:
    texts = Texts(rng)
    return Case(("parse-key-value", *(texts.damaged(texts.actions(), 0.7) for _ in range(rng.randint(1, 2)))))


KINDS: Mapping[str, Callable[[Random], Case]] = {
    "flow": _flow,
    "flows": _flows,
    "group": _group,
    "key-value": _key_value,
}


def cases(rng: Random, number: int, kinds: Sequence[str] = ()) -> Iterator[Case]:
    """Cases of each kind by turns."""
    makers = [KINDS[kind] for kind in kinds or KINDS]
    for i in range(number):
        case = makers[i % len(makers)](rng)
        if not any("\0" in word for word in case.words):
            yield case


def differences(some: Iterator[Case]) -> Iterator[tuple[Case, Said, Said]]:
    """Cases of which the peer and we say different things, with what both say."""
    for case in some:
        they, we = theirs(case), ours(case)
        if they != we:
            yield case, they, we


def shown(case: Case, they: Said, we: Said) -> str:
    """A difference, for people."""
    text = f"--- {' '.join(map(repr, case.words))} {case.stdin!r}\n"
    for name, mine, yours in zip(Said._fields, they, we, strict=True):
        if mine != yours:
            text += f"{name}: {str(mine).strip()}\n   +++: {str(yours).strip()}\n"
    return text


def main(seconds: float = 60, seed: int | None = None, kinds: Sequence[str] = ()) -> None:
    """Fuzz for `seconds` and show each difference."""
    seed = time.time_ns() % (1 << 32) if seed is None else seed
    rng, number, n_different = Random(seed), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = list(cases(rng, 20, kinds))
        number += len(batch)
        for difference in differences(iter(batch)):
            n_different += 1
            sys.stdout.write(shown(*difference))
    sys.stdout.write(f"{number} texts, {n_different} differences, seed {seed}\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        float(arguments[0]) if arguments else 60,
        int(arguments[1]) if len(arguments) > 1 else None,
        arguments[2:],
    )
