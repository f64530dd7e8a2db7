"""ovs-ofctl at a switch with 10,000 flows (or $BENCH_FLOWS), our tool and switch beside the peer's: seconds of a command.

Unbundled loading is to take half the peer's time, everything else at most twice as much.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.daemons import Daemons, Make

MAKES: tuple[Make, ...] = ("ours", "peer")
BRIDGE = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow10,OpenFlow13,OpenFlow14"]


def flows(count: int, port: int = 1) -> str:
    """A file for add-flows: one shape of line, as files have that programs write."""
    return "".join(
        f"table={i % 8},priority={i % 100},tcp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},"
        f"nw_dst=192.168.0.0/16,tp_dst={i * 7919 % 65536},actions=resubmit(,{i % 8 + 1}),output:{i % 2 + port}\n"
        for i in range(count)
    )


def run() -> Iterator[Row]:
    """Every command in turn at both switches."""
    count = int(os.environ.get("BENCH_FLOWS", "10000"))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        switches: dict[Make, Daemons] = {}
        for make in MAKES:
            (directory / make).mkdir()
            switches[make] = stack.enter_context(Daemons(directory / make, make, make))
            switches[make].run(make, "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", *BRIDGE)
        for name, text in (("one", flows(count)), ("other", flows(count, 2))):
            (directory / name).write_text(text)
        one, other = str(directory / "one"), str(directory / "other")
        empty = memory(switches["ours"]), memory(switches["peer"])
        yield from _rows(switches, count, one, other)
        full = memory(switches["ours"]), memory(switches["peer"])
        grown = [max(after - before, 0) / count for before, after in zip(empty, full, strict=True)]
        yield Row("memory of a flow", "bytes", grown[0], {"peer": grown[1]}, more_is_better=False)


def _rows(switches: dict[Make, Daemons], count: int, one: str, other: str) -> Iterator[Row]:
    clear, load = ["del-flows", "br0"], ["add-flows", "br0", one]
    v13, v14 = ["-O", "OpenFlow13"], ["-O", "OpenFlow14"]
    replace = [*v13, "replace-flows", "br0"]
    measured = (  # what, what goes before, what is measured, and the target
        ("add-flows", [clear], load, 0.5),
        ("add-flows --bundle", [clear], [*v14, "--bundle", *load], 2.0),
        ("dump-flows", [clear, load], ["dump-flows", "br0"], 2.0),
        ("dump-aggregate", [], ["dump-aggregate", "br0"], 2.0),
        ("replace-flows, nothing changed", [[*replace, one]], [*replace, one], 2.0),
        ("replace-flows, all changed", [[*replace, other]], [*replace, one], 2.0),
        ("diff-flows", [], [*v13, "diff-flows", "br0", one], 2.0),
        ("del-flows", [load], clear, 2.0),
        ("add-flows again", [], load, 0.5),
    )
    rounds = 3 if count <= 10_000 else 1
    for what, before, command, target in measured:
        measures: dict[str, Callable[[], float]] = {
            make: partial(timed, make, switch, before, command) for make, switch in switches.items()
        }
        seconds = in_turn(measures, rounds)
        theirs = {"peer": seconds["peer"]}
        name = f"{what}, {count:,} flows"
        yield Row(name, "s", seconds["ours"], theirs, more_is_better=False, against="peer", target=target)


def timed(make: Make, switch: Daemons, before: list[list[str]], command: list[str]) -> float:
    """Seconds of one command, after others."""
    for words in before:
        switch.run(make, "ovs-ofctl", *words)
    start = time.perf_counter()
    switch.run(make, "ovs-ofctl", *command)
    return time.perf_counter() - start


def memory(switch: Daemons) -> int:
    """The bytes that a switch has in memory."""
    status = Path(f"/proc/{switch.processes['ovs-vswitchd'].pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
