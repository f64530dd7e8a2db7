"""Flows that nobody has seen before: what the daemon does for them, ours beside the peer's.

The hosts are those of `bench.forwarding`.  A rule looks at UDP ports, so that each flow needs an upcall and gets a
megaflow of its own.  A rate counts if all packets get through for a second, at the second try at the latest; the first
packet is a ping after all megaflows were removed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

from bench.contenders import Ours, Peer, frame, running
from bench.forwarding import add_hosts, count, counting, eth0, generator
from bench.report import Row, in_turn
from tests.e2e.topology import Topology
from vswitch.linux.bpf import BpfMap, Program

RATES = 2_500, 5_000, 7_500, 10_000, 12_500, 15_000, 17_500, 20_000, 25_000, 30_000, 40_000  # flows a second
SECONDS = 1.0
FLOWS = 1 << 22
TRIES = 5
CONTENDERS: dict[str, tuple[type[Peer], str]] = {
    "ours": (Ours, "system"),
    "ovs-afpacket": (Peer, "system"),
    "ovs-afxdp": (Peer, "afxdp"),
}


def run() -> Iterable[Row]:
    """Both measurements."""
    with Topology() as net:
        add_hosts(net)
        found = _measure(net, new_flows)
        yield Row(
            "new flows without loss",
            "flows/s",
            found.pop("ours"),
            found | {"goal": 20_000.0},
            True,
            "goal",
            1.0,
        )
        found = _measure(net, first_packet)
        ours = found.pop("ours")
        yield Row("first packet after tables were emptied", "us", ours, found, False, "ovs-afpacket", 2.0)


def _measure(net: Topology, measure: Callable[[Topology, Peer], float]) -> dict[str, float]:
    """What `measure` finds with each switch in turn; 0 where one does not work."""

    def with_switch(daemons: type[Peer], kind: str) -> float:
        try:
            with running(daemons, net, kind, l4=True) as switch:
                net.hosts["h1"].can_reach("10.0.0.2")
                return measure(net, switch)
        except (subprocess.SubprocessError, OSError, AssertionError) as error:
            print(f"  {daemons.__name__} {kind} does not work: {error}", file=sys.stderr)
            return 0.0

    return in_turn({name: partial(with_switch, *how) for name, how in CONTENDERS.items()})


def new_flows(net: Topology, switch: Peer) -> float:
    """The highest of RATES at which no packet is lost."""
    best = 0
    with counting(net) as counter, net.hosts["h1"].ns.entered():
        program = Program.load(generator(FLOWS), {})
        for rate in RATES:
            if not any(_all_arrive(switch, counter, program, rate) for _ in range(2)):
                break
            best = rate
    return float(best)


def _all_arrive(switch: Peer, counter: BpfMap, program: Program, rate: int) -> bool:
    """Whether none of the packets of a second is lost."""
    switch.run("ovs-appctl", "revalidator/purge")
    before = count(counter)
    sent = _send(program, rate)
    deadline = time.monotonic() + 2.0
    while count(counter) - before < sent and time.monotonic() < deadline:
        time.sleep(0.01)
    return count(counter) - before >= sent


def _send(program: Program, rate: int) -> int:
    """Send packets of new flows at `rate`, as many at a time as are due after the 24 ms that an injection waits."""
    sent, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        if due := int(passed * rate) - sent:
            program.receive(frame(), eth0(), due)
            sent += due
        time.sleep(0.001)
    return sent


def first_packet(net: Topology, switch: Peer) -> float:
    """Microseconds of a ping's round trip, on average of TRIES."""
    total = 0.0
    for _ in range(TRIES):
        switch.run("ovs-appctl", "revalidator/purge")
        total += net.hosts["h1"].ping("10.0.0.2").rtt or 0.0
    return total / TRIES * 1e6
