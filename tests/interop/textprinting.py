"""Differential fuzzing of what a switch tells: what the peer's `ovs-ofctl` prints of it, and what ours does.

    python -m tests.interop.textprinting [SECONDS [SEED]]

A dummy switch of the peer's, whose ports and tables have names, gets random flows, groups and meters.  Then both programs
dump it, with random printing options; compared are exit status, output and complaints, but for what time changes.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.interop.daemons import Daemons, program
from tests.interop.textfuzzing import OF_DECODING, QUIET, VERSIONS, Case, Said, excepted
from tests.interop.textfuzzing import ours as here
from tests.interop.textgrammar import NAMES, Texts
from vswitch.cli.ofctl import channel, naming
from vswitch.linux import sockets

PORTS = {
    "p1": 1,
    "p2": 2,
    "in_port": 3,
    "7": 4,
    "a-b.c": 10,
    "reg0": 100,
    "controller": 101,
    "1st": 102,
    "\u00e9": 103,
}
TABLES = {0: "classifier", 1: "t1", 5: "a b", 6: "drop", 7: 'with"quote', 253: "7"}
_N_FLOWS = 60
_ANY_VERSION = ",".join(VERSIONS)
_LATE = VERSIONS[3:]
_TICKING = re.compile(
    r"((?:duration|idle_age|hard_age|duration_sec|age)[=:](?:\x1b\[[0-9;]*[mK])*)[0-9a-fx.]+|(?<=duration )[0-9.]+"
)
_TIMEOUT = re.compile(r"(\w+_timeout)=\w*")  # flows are to stay
_AS_BYTES = "***decode error"  # bytes follow, in which durations tick
_COMMA = re.compile(
    r"(\x1b\[[0-9;]*m\x1b\[K\)),(?=\x1b\[m)"
)  # in colours, the peer forgets to take it away after exec()
_UNREADABLE = re.compile(
    r"encap|decap"
)  # the peer's switch tells them in OpenFlow 1.0, which its ovs-ofctl cannot read
_DUMPS = (
    *(
        "dump-groups",
        "dump-group-stats",
        "dump-group-features",
        "dump-meters",
        "meter-stats",
        "meter-features",
    ),
    *(
        "show",
        "dump-ports-desc",
        "dump-ports",
        "dump-tables",
        "dump-table-features",
        "dump-table-desc",
        "dump-desc",
    ),
    *("queue-stats", "queue-get-config", "get-frags", "dump-ipfix-bridge", "dump-ipfix-flow", "dump-tlv-map"),
)
_COLORS = (
    *("", "", "", "ac=01;31:dr=34", "pm=:vl=7", "xx=1", "pm=red", "le=1:pr=2:sp=3:vl=4:dr=5:ac=6:pm=7", ":::", "pm=1:pm=2"),
    *("ac=1 ", "sp=38;5;1", "PM=3", "=", "ne", "pm=36x:dr=2"),
)  # fmt: skip


class _Right(Texts):
    """Texts of which most are right."""

    def damaged(self, text: str, often: float = 0.35) -> str:
        """`text` as it is."""
        return text


class Switch(AbstractContextManager["Switch"]):
    """The peer's switch, and what both programs say of it."""

    def __init__(self, directory: Path) -> None:
        with ExitStack() as stack:
            self.daemons = stack.enter_context(Daemons(directory, "peer", "peer"))
            self._stack = stack.pop_all()
        words = [
            "--",
            "set",
            "bridge",
            "br0",
            "datapath_type=dummy",
            "fail_mode=secure",
            "other-config:datapath-id=1",
        ]
        for name, number in PORTS.items():
            settings = "type=dummy", f"ofport_request={number}"
            words += ["--", "add-port", "br0", name, "--", "set", "interface", name, *settings]
        for number, name in TABLES.items():
            quoted = name.replace('"', '\\"')
            words += ["--", f"--id=@t{number}", "create", "flow_table", f'name="{quoted}"']
            words += ["--", "set", "bridge", "br0", f"flow_tables:{number}=@t{number}"]
        self.daemons.run("peer", "ovs-vsctl", "add-br", "br0", *words)
        self.target = f"unix:{directory}/br0.mgmt"

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def fill(self, flows: Iterable[str], groups: Iterable[str]) -> None:
        """These flows and groups."""
        self._clear()
        for group in groups:
            self._do("-O", _LATE[-1], "add-group", group)
        for flow in flows:
            self._do("-O", _LATE[-1], "add-flow", flow)

    def _clear(self) -> None:
        for command in ("del-flows", "del-groups", "del-meters"):
            self._do("-O", _LATE[0], command)

    def load(self, rng: Random) -> None:
        """Other flows, groups and meters, as far as the switch takes them."""
        texts = _Right(rng, 0.98)
        self._clear()
        for _ in range(6):
            self._do("-O", rng.choice(_LATE), "add-meter", texts.meter())
        for _ in range(12):
            self._do("-O", rng.choice(VERSIONS[4:]), "add-group", texts.group())
        for _ in range(_N_FLOWS):
            version = rng.choice((_ANY_VERSION, VERSIONS[0], *_LATE))
            text = _TIMEOUT.sub(r"\1=1000", f"table={rng.choice([0, 0, 0, *TABLES])},{texts.flow()}")
            if not _UNREADABLE.search(text) and not excepted(Case(("add-flow", text))):
                self._do("-O", version, "add-flow", text)

    def _do(self, command: str, *words: str) -> None:
        option, version, verb, *rest = command, *words
        _run(Case((option, version, verb, self.target, *rest)))

    def ours(self, case: Case, colors: str) -> Said:
        """What we say."""
        with (
            patch.dict(os.environ, {"OVS_COLORS": colors} if colors else {}),
            patch.object(channel, "XIDS", itertools.count(1)),
        ):
            return _timeless(_run(case))

    def theirs(self, case: Case, colors: str) -> Said:
        """What the peer says."""
        done = subprocess.run(
            [program("peer", "ovs-ofctl"), *QUIET, *case.words],
            env={**self.daemons.environment, **({"OVS_COLORS": colors} if colors else {})},
            capture_output=True,
            timeout=60,
            check=False,
        )
        output, complaint = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
        return _timeless(Said(done.returncode, output, complaint))


def _run(case: Case) -> Said:
    """What we say, after which nothing of it is left in this process: programs leave that to their end."""
    opened, connect = [], sockets.connect

    def noted(*words: Any) -> Any:
        opened.append(connect(*words))
        return opened[-1]

    try:
        with patch.object(sockets, "connect", noted):
            return here(case)
    finally:
        for each in (naming.shown, naming.table_numbers, naming.port_numbers):
            each.cache_clear()
        for connection in opened:
            connection.close()


def _timeless(said: Said) -> Said:
    """Without what time changes, and what the peer logs about messages that it cannot read, or has a word about."""
    return Said(
        said.status,
        _COMMA.sub(r"\1", _TICKING.sub(r"\1", said.output)),
        OF_DECODING.sub("", _TICKING.sub(r"\1", said.complaint)),
    )


def _sorting(rng: Random) -> list[str]:
    keys = ("", "=priority", "=PRIORITY", "=x", "=", "=nw_src", "=tp_dst", "=in_port", "=dl_vlan", "=reg0")
    key = rng.choice((*keys, f"={rng.choice(NAMES)}"))
    return [f"--{rng.choice(('sort', 'rsort'))}{key}"]


def options(rng: Random) -> list[str]:
    """Of printing."""
    words = list(rng.choice(((), (), ("--names",), ("--names",), ("--no-names",), ("--names", "--no-names"))))
    words += rng.choice(((), ("-m",), ("-mm",), ("-mmm",), ("--more",)))
    words += rng.choice(((), (), ("--no-stats",), ("--stats",), ("--no-stats", "--stats")))
    words += rng.choice(
        ((), (), ("--color=always",), ("--color=always",), ("--color",), ("--color=never",), ("--color=x",))
    )
    words += rng.choice(((), (), (), ("--read-only",), ("--strict",), ("--timestamp",), ("--bundle",)))
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        words += _sorting(rng)
    return words


def case(rng: Random, target: str) -> tuple[Case, str]:
    """A dump, and $OVS_COLORS."""
    version = rng.choice(
        (("-O", rng.choice(VERSIONS)), ("-O", _ANY_VERSION), ("-F", "NXM"), ("-F", "OpenFlow10"), ())
    )
    if rng.random() < 0.6:
        words = [rng.choice(("dump-flows",) * 5 + ("dump-aggregate",)), target]
        if rng.random() < 0.4:
            texts = Texts(rng, 0.98)
            words += [
                rng.choice(
                    (
                        texts.match,
                        lambda: texts.filled("table={table}"),
                        lambda: texts.filled("out_port={port}"),
                    )
                )()
            ]
    else:
        words = [rng.choice(_DUMPS), target]
        if rng.random() < 0.2:
            words += [rng.choice((*PORTS, "1", "2", "0", "all", "any", "meter=1", "meter=2", "LOCAL"))]
    return Case((*version, *options(rng), *words)), rng.choice(_COLORS)


def differences(switch: Switch, rng: Random, number: int) -> Iterator[tuple[Case, str, Said, Said]]:
    """Of `number` dumps of what the switch has now, those that differ, $OVS_COLORS, and what both programs say."""
    for _ in range(number):
        some, colors = case(rng, switch.target)
        if excepted(Case(some.words[some.words.index(switch.target) :])):
            continue
        they, we = switch.theirs(some, colors), switch.ours(some, colors)
        if they != we and not (_AS_BYTES in they.output and _AS_BYTES in we.output):
            yield some, colors, they, we


def shown(some: Case, colors: str, they: Said, we: Said) -> str:
    """A difference, for people: the lines that are not the same."""
    text = f"--- OVS_COLORS={colors!r} {' '.join(map(repr, some.words))}\n"
    if they.status != we.status:
        text += f"status: {they.status}\n   +++: {we.status}\n"
    for mine, yours in ((they.output, we.output), (they.complaint, we.complaint)):
        for one, other in itertools.zip_longest(mine.split("\n"), yours.split("\n")):
            if one != other:
                text += f"{one!r}\n   +++: {other!r}\n"
                break
    return text


def main(seconds: float = 60, seed: int | None = None) -> None:
    """Fuzz for `seconds` and show each difference."""
    seed = time.time_ns() % (1 << 32) if seed is None else seed
    rng, number, n_different = Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as directory, Switch(Path(directory)) as switch:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            switch.load(rng)
            number += 50
            for difference in differences(switch, rng, 50):
                n_different += 1
                sys.stdout.write(shown(*difference))
    sys.stdout.write(f"{number} dumps, {n_different} differences, seed {seed}\n")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
