"""ovs-ofctl with 20,000 flows: flows per second into and out of the peer's switch, ours beside the peer's."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.daemons import Daemons, Make

N_FLOWS = 20_000


def flows() -> str:
    """A file for add-flows."""
    return "".join(
        f"table={i % 8},priority={i % 100},tcp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},"
        f"nw_dst=192.168.0.0/16,tp_dst={i * 7919 % 65536},actions=mod_dl_dst:00:11:22:33:44:55,output:{i % 2 + 1}\n"
        for i in range(N_FLOWS)
    )


def run() -> Iterator[Row]:
    """Loading and dumping, in turn, against the same switch."""
    with tempfile.TemporaryDirectory() as directory, Daemons(Path(directory), "peer", "peer") as switch:
        file = Path(directory) / "flows.txt"
        file.write_text(flows())
        switch.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")

        def load(make: Make) -> float:
            switch.run("peer", "ovs-ofctl", "del-flows", "br0")
            return timed(switch, make, "add-flows", "br0", str(file))

        def dump(make: Make) -> float:
            return timed(switch, make, "dump-flows", "br0")

        for what, measure, target in (("add-flows", load, 2.0), ("dump-flows", dump, 0.5)):
            speed = in_turn({"ours": partial(measure, "ours"), "peer": partial(measure, "peer")})
            yield Row(what, "flows/s", speed["ours"], {"peer": speed["peer"]}, against="peer", target=target)


def timed(switch: Daemons, make: Make, *words: str) -> float:
    """Flows per second of one command."""
    start = time.perf_counter()
    switch.run(make, "ovs-ofctl", *words)
    return N_FLOWS / (time.perf_counter() - start)
