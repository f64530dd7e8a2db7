"""Programs that a package has prepared, beside generating them: the probe's, and a learning switch's first six."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report import Row, in_turn
from vswitch.datapath.ebpf.compile import Target
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import EVERYTHING
from vswitch.datapath.ebpf.prepared import ABOUT, About, Store, generator, program_file
from vswitch.datapath.ebpf.subtable import Subtable
from vswitch.datapath.ebpf.usual import masks, programs

FEATURES = Features()


def run() -> Iterator[Row]:
    """A start and the first masks, with reading what the directory is for, and the generator's own source."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for _, digest, program in programs(FEATURES):
            (directory / digest).write_bytes(program_file(digest, program))
        (directory / ABOUT).write_text(str(About("here", generator(), FEATURES.names)))
        taken = in_turn(
            {"prepared": lambda: start(directory), "generated": lambda: start(directory / "none")}, rounds=21
        )
        others = {"generated": taken["generated"]}
        yield Row("programs of a start", "ms", taken["prepared"], others, more_is_better=False)


def start(directory: Path) -> float:
    """Milliseconds for all programs until a learning switch's first three masks are there."""
    tables = [Subtable(number, key, 1024, number) for number, key in enumerate(masks()[:3], 5)]
    generator.cache_clear()
    started = time.perf_counter()
    store = Store.open(directory, FEATURES)
    for there in ([Subtable(1, EVERYTHING, 4, 0)], [], tables[:1], tables[:2], tables):
        for from_host in (False, True):
            for program in store.main_programs(there, from_host, Target(2, FEATURES)):
                program.relocate(dict.fromkeys(program.maps.values(), 3))
    return (time.perf_counter() - started) * 1000
