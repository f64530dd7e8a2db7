"""ovs-ofctl at a switch with 10,000 and with 100,000 flows (up to $BENCH_FLOWS), our tool and switch beside the peer's.

The start of a command, which has nothing to do, is to take 60 ms.  What it takes longer when there are flows is its work:
unbundled loading is to take half the peer's time, everything else at most twice as much.
For how long the switch answers nobody meanwhile is measured in this process.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.report import Row, in_turn, medians, take_turns
from tests.interop.daemons import Daemons, Make
from vswitch.dpif.datapath import Support
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.connections import Connection
from vswitch.openflow.additions import Additions, run_reader
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flow import OFPFC_DELETE, FlowMod
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.version import OF14

MAKES: tuple[Make, ...] = ("ours", "peer")
BRIDGE = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow10,OpenFlow13,OpenFlow14"]
COUNTS = (10_000, 100_000)
START = 0.06  # seconds
HOLD_UP = 0.05  # seconds in which a switch may answer nobody
MIN_WORK = 0.001  # what is less cannot be told from the noise of starting a program
ROUNDS = 3
START_ROUNDS = 9
Words = list[str]


def flows(count: int, port: int = 1) -> str:
    """A file for add-flows: one shape of line, as files have that programs write."""
    return "".join(
        f"table={i % 8},priority={i % 100},tcp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},"
        f"nw_dst=192.168.0.0/16,tp_dst={i * 7919 % 65536},actions=resubmit(,{i % 8 + 1}),output:{i % 2 + port}\n"
        for i in range(count)
    )


class Case(NamedTuple):
    """A command to measure: what goes before, the command, how much of the peer's time it may take.

    `idle` is like it, but has nothing to do, however many flows there are: what the command takes longer is its work.
    """

    what: str
    before: list[Words]
    command: Words
    idle: Words
    target: float = 2.0

    @property
    def kind(self) -> str:
        """The command line, but for files."""
        return " ".join(word for word in self.command if not word.startswith("/"))


def run() -> Iterator[Row]:
    """Every command in turn at both switches; its start first."""
    most = int(os.environ.get("BENCH_FLOWS", COUNTS[-1]))
    counts = sorted({min(count, most) for count in COUNTS})
    for count in counts:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            switches = {make: stack.enter_context(_switch(directory / make, make)) for make in MAKES}
            files = {name: str(directory / name) for name in ("none", "one", "other")}
            for name, text in (("none", ""), ("one", flows(count)), ("other", flows(count, 2))):
                Path(files[name]).write_text(text)
            if count == counts[0]:
                yield from _starts(switches, files["none"])
            empty = memory(switches["ours"]), memory(switches["peer"])
            yield from _works(switches, count, files)
            full = memory(switches["ours"]), memory(switches["peer"])
            grown = [max(after - before, 0) / count for before, after in zip(empty, full, strict=True)]
            what = f"memory of a flow, of {count:,}"
            yield Row(what, "bytes", grown[0], {"peer": grown[1]}, more_is_better=False)
        for what, seconds in held_up(flows(count)).items():
            yield Row(f"{what}, {count:,} flows", "s", seconds, {"goal": HOLD_UP}, False, "goal", 1.0)


def _switch(directory: Path, make: Make) -> Daemons:
    """Daemons of one make, with a bridge that forwards nothing."""
    daemons = Daemons(directory, make, make)
    daemons.run(make, "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", *BRIDGE)
    return daemons


def _cases(none: str, one: str, other: str) -> Iterator[Case]:
    """In an order in which few have to prepare anything; the last leaves the switch full."""
    clear, add = ["del-flows", "br0"], ["add-flows", "br0"]
    v13, v14 = ["-O", "OpenFlow13"], ["-O", "OpenFlow14", "--bundle"]
    dump, replace = ["dump-flows", "br0"], [*v13, "replace-flows", "br0"]
    load, idle = [*add, one], [*add, none]
    few = ["--no-names", *dump, "table=253"]
    yield Case("add-flows", [clear], load, idle, 0.5)
    yield Case("add-flows --bundle", [clear], [*v14, *load], [*v14, *idle])
    yield Case("dump-flows", [], dump, few)
    yield Case("dump-flows -O OpenFlow13", [], [*v13, *dump], [*v13, *few])
    yield Case(
        "dump-aggregate", [], ["dump-aggregate", "br0"], ["--no-names", "dump-aggregate", "br0", "table=253"]
    )
    yield Case("replace-flows, nothing changed", [], [*replace, one], [*v13, *idle])
    yield Case("replace-flows, all changed", [[*replace, other]], [*replace, one], [*v13, *idle])
    yield Case("diff-flows", [], [*v13, "diff-flows", "br0", one], [*v13, *few])
    yield Case("del-flows", [load], clear, [*clear, "table=253"])
    yield Case("add-flows again", [load], load, idle, 0.5)


def _starts(switches: dict[Make, Daemons], none: str) -> Iterator[Row]:
    """What each command takes if there are no flows, in the file and in the switch."""
    for kind, case in {case.kind: case for case in _cases(none, none, none)}.items():
        taken = in_turn(_measures(switches, [], case.command), START_ROUNDS)
        theirs = {"peer": taken["peer"]}
        yield Row(f"start of {kind}", "s", taken["ours"], theirs, more_is_better=False, target=START)


def _works(switches: dict[Make, Daemons], count: int, files: dict[str, str]) -> Iterator[Row]:
    """The commands with flows: the time of each, and how much of it is not its start."""
    for case in _cases(files["none"], files["one"], files["other"]):
        measures = _measures(switches, case.before, case.command)
        idle = _measures(switches, [], case.idle)
        rounds = take_turns(measures | {f"{make}, idle": how for make, how in idle.items()}, ROUNDS)
        taken = medians(rounds)
        yield Row(f"{case.what}, {count:,} flows", "s", taken["ours"], {"peer": taken["peer"]}, False)
        works: list[dict[str, float]] = [
            {make: max(one[make] - one[f"{make}, idle"], MIN_WORK) for make in MAKES} for one in rounds
        ]
        ratios = {"peer": statistics.median(work["ours"] / work["peer"] for work in works)}
        work = medians(works)
        theirs = {"peer": work["peer"]}
        yield Row("  of which work", "s", work["ours"], theirs, False, "peer", case.target, ratios)


def _measures(
    switches: dict[Make, Daemons], before: list[Words], command: Words
) -> dict[str, Callable[[], float]]:
    return {make: partial(timed, make, switch, before, command) for make, switch in switches.items()}


def timed(make: Make, switch: Daemons, before: list[Words], command: Words) -> float:
    """Seconds of one command, after others."""
    for words in before:
        switch.run(make, "ovs-ofctl", *words)
    start = time.perf_counter()
    switch.run(make, "ovs-ofctl", *command)
    return time.perf_counter() - start


def held_up(text: str) -> dict[str, float]:
    """For how long our switch answers nobody else: seconds of work, in this process."""
    backer = Backer(Support())
    connection = Connection(backer.add_switch("br0", 1, 0.0), OF14, ChannelKind.SERVICE, 0.0)
    reader = run_reader(OF14)
    assert reader is not None
    for line in text.splitlines():
        inner = encode(parse_flow_mod(line), OF14, 1)
        run, _ = reader.read(encode(BundleAdd(1, 3, inner), OF14, 1), 0)
        assert isinstance(run, Additions)
        connection.add(run, 0.0)
    taken = {}
    steps: dict[str, Message] = {
        "commit of a bundle": BundleControl(1, 4, 3),
        "deletion": FlowMod(OFPFC_DELETE),
    }
    for what, message in steps.items():
        start = time.process_time()
        connection.handle(message, 1, 0.0)
        taken[f"{what}, in one go"] = time.process_time() - start
        while backer.wiring.remains:
            backer.run(0.0)
    return taken


def memory(switch: Daemons) -> int:
    """The bytes that a switch has in memory."""
    status = Path(f"/proc/{switch.processes['ovs-vswitchd'].pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
