"""Revalidation: how long it stops the daemon, what it costs when nothing changes, and how soon a flow-mod shows."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable

from bench.report import Row
from bench.upcall import packet
from vswitch.aio.garbage import NEVER, NEW_OBJECTS
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.action import DatapathAction
from vswitch.dpif.megaflow import Upcall
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OfPort
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import Switch
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.names import NO_NAMES
from vswitch.vswitchd.forwarding import Forwarding

SIZES = (1_000, 10_000, 100_000)
WINDOW = 6.0  # seconds: more than one pass over the biggest table


async def longest_gap(until: Callable[[], bool]) -> float:
    """The longest time that others had to wait for their turn, in seconds of this thread's own work."""
    longest, before = 0.0, time.thread_time()
    while not until():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    return longest


def after(seconds: float) -> Callable[[], bool]:
    """Whether so much time has passed since."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def fill(forwarding: Forwarding, n: int) -> Switch:
    """A switch that sends packets of each of `n` hosts by a megaflow of its own."""
    backer = forwarding.backer
    backer.max_idle = 3600.0
    switch = backer.add_switch("br0", 1, 0.0)
    for number in range(1, 5):
        switch.ports.add(SwitchPort(OfPort(number), f"p{number}", number, OdpPort(number)), 0.0)
    switch.flush_rules(0.0)
    for priority, match, actions in ((5, "", "4"), (6, "dl_src=50:54:ff:ff:ff:ff", "3")):
        switch.insert_rule(Rule(0, parse_match(match), priority, parse_actions(actions, NO_NAMES)))
    loop = asyncio.get_running_loop()
    forwarding.run()
    for number in range(n):
        made = packet(number)
        forwarding.perform(backer.upcall([Upcall(made, extract(made.data, 1))], loop.time()))
    return switch


async def measure(n: int) -> list[Row]:
    """All rows for `n` megaflows."""
    loop = asyncio.get_running_loop()
    forwarding = Forwarding(UserspaceDatapath("bench", loop.time), lambda send: None, lambda up: None)
    try:
        switch = fill(forwarding, n)
        forwarding.changed()
        await asyncio.sleep(1.0)
        gap = await longest_gap(after(WINDOW))
        used = time.process_time()
        await asyncio.sleep(WINDOW)
        cpu = (time.process_time() - used) / WINDOW
        latency, gap_then = await flow_mod(forwarding, switch)
        size = f"{forwarding.datapath.stats().flows:,} megaflows"
    finally:
        forwarding.close(keep=False)
    return [
        Row(f"revalidation blocks the loop, {size}", "ms", gap * 1e3, more_is_better=False),
        Row(f"a flow-mod blocks the loop, {size}", "ms", gap_then * 1e3, more_is_better=False),
        Row(f"a flow-mod takes, {size}", "ms", latency * 1e3, more_is_better=False),
        Row(f"CPU when nothing changes, {size}", "%", cpu * 100, more_is_better=False),
    ]


async def flow_mod(forwarding: Forwarding, switch: Switch) -> tuple[float, float]:
    """A rule for one host is added: seconds until its megaflow is another, and the longest gap."""
    match = parse_match("dl_src=50:54:00:00:00:4d")

    def actions() -> set[tuple[DatapathAction, ...]]:
        dump = forwarding.datapath.flow_dump()
        return {megaflow.actions for megaflow, _ in dump if megaflow.flow & match.mask == match.value}

    before, start = actions(), time.perf_counter()
    switch.insert_rule(Rule(0, match, 7, parse_actions("2", NO_NAMES)))
    forwarding.changed()
    gap = await longest_gap(lambda: forwarding.backer.deadline > 0.0)
    latency = time.perf_counter() - start
    assert before
    assert not before & actions()
    return latency, gap


def run() -> Iterable[Row]:
    """Measure each size, with the collector as rare as it is in the daemon."""
    gc.set_threshold(NEW_OBJECTS, 10, NEVER)
    for n in SIZES:
        yield from asyncio.run(measure(n))
