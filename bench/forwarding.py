"""Packets between two hosts: ours beside the Linux bridge, tc mirred and the peer's userspace datapath.

h1 - veth - switch - veth - h2, in three network namespaces.  Small packets: a program in h1 puts 64-byte UDP packets
into the veth pair, and a program in h2 counts what comes out, and when; the flows differ in source port and address.
`L4 rules` means that every flow has a megaflow of its own.  The kernel's switches work on the CPU of the sender, as they
do behind a device's queue.  TCP and round trips are iperf3's and ping's, with offloads as they come.

Each switch has hosts of its own, all stand at once, and take short turns; the ratios are those within a round.  The peer's
daemons, which take seconds to start and a CPU while they are there, come for a few rounds only.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from bench.contenders import ALL, FIRST_PORT, FLOWS_PER_SOURCE, SLOW_TO_START, Contender, frame
from bench.report import Row, medians, paired_ratios, take_turns
from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.bpf.builder import R0, R1, R2, R3, R6, Builder, Map, u8, u16, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapSpec, MapType, ProgramSpec, ProgramType
from vswitch.linux.bpf import Attach, BpfMap, Link, Program

SMALL = (1, 0), (10_000, 0), (100_000, 0), (10_000, 10_000), (100_000, 100_000)  # flows, rules
ROUNDS = 11
VISITS = 2  # rounds with those that are slow to start
TCP_BYTES = 512 << 20  # that are sent in a turn: for half a second
PACKETS = 400_000  # that are sent in a turn: for a third of a second
SAMPLE = 256  # packets; the time of each SAMPLE-th is taken
_SAMPLES = 4096
_DROP = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A row to be."""

    what: str
    unit: str
    measure: Callable[[Topology], float]
    against: str
    target: float
    more_is_better: bool = True
    rules: int = 0


def run() -> Iterable[Row]:
    """All measurements."""
    for case in _cases():
        yield _row(case)


def _cases() -> Iterator[Case]:
    yield Case("TCP, one stream", "Gb/s", tcp, "mirred", 0.95)
    for flows, rules in SMALL:
        what = f"64-byte packets, {flows:,} flow{'s' * (flows > 1)}{', L4 rules' * (rules > 0)}"
        yield Case(what, "kpps", partial(small_packets, flows=flows), "bridge", 1.2, rules=rules)
    yield Case("round trip", "us", round_trip, "bridge", 1.2, more_is_better=False)


def _row(case: Case) -> Row:
    """What the case finds with each switch; 0 where one does not work."""
    with ExitStack() as stack:
        measures: dict[str, Callable[[], float]] = {}
        for name, switch in ALL.items():
            net = stack.enter_context(Topology())
            add_hosts(net)
            if name in SLOW_TO_START:
                measures[name] = partial(_visit, case, name, switch, net)
            else:
                stack.enter_context(_joined(switch, net, case.rules))
                measures[name] = partial(_try, case, name, net)
        rounds = take_turns(measures, ROUNDS, SLOW_TO_START, VISITS)
    found, ratios = medians(rounds), paired_ratios(rounds, "ours")
    ours = found.pop("ours")
    return Row(case.what, case.unit, ours, found, case.more_is_better, case.against, case.target, ratios)


@contextmanager
def _joined(switch: Contender, net: Topology, rules: int) -> Iterator[None]:
    """The hosts with a switch between them that knows where both are."""
    with switch(net, rules):
        net.hosts["h2"].ping("10.0.0.1", wait=0.2)
        yield


def _visit(case: Case, name: str, switch: Contender, net: Topology) -> float:
    """One measurement of a switch that is there for this one only."""
    try:
        with _joined(switch, net, case.rules):
            return _try(case, name, net)
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        print(f"  {name} does not work: {error}", file=sys.stderr)
        return 0.0


def _try(case: Case, name: str, net: Topology) -> float:
    try:
        return case.measure(net)
    except (KernelError, subprocess.SubprocessError, OSError, AssertionError) as error:
        print(f"  {name} does not work: {error}", file=sys.stderr)
        return 0.0


def add_hosts(net: Topology) -> None:
    """Two hosts that know each other's address, at ports that take packets from XDP."""
    for n in (1, 2):
        host = net.add_host(f"h{n}", f"10.0.0.{n}/16", silent=True)
        other = 3 - n
        host.run("ip", "neigh", "add", f"10.0.0.{other}", "lladdr", f"02:00:00:00:00:0{other}", "dev", "eth0")
        net.switch.run("ethtool", "-K", f"h{n}", "gro", "on", check=False)


def tcp(net: Topology) -> float:
    """Gb/s of one stream; 0 if it does not get through."""
    h1, h2 = net.hosts["h1"], net.hosts["h2"]
    server = h2.start("iperf3", "-s", "-1")
    try:
        time.sleep(0.2)
        words = "iperf3", "-c", "10.0.0.2", "-n", str(TCP_BYTES), "--connect-timeout", "1000", "-J"
        done = h1.run(*words, check=False, timeout=15)
        return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e9
    except (KeyError, ValueError, subprocess.TimeoutExpired):
        return 0.0
    finally:
        server.terminate()
        server.wait()
        assert server.stdout
        server.stdout.close()


def round_trip(net: Topology) -> float:
    """Microseconds, on average, of 5000 pings in a row."""
    words = "ping", "-f", "-q", "-c", "5000", "10.0.0.2"
    done = net.hosts["h1"].run(*words, check=False, timeout=20)
    line = next((line for line in done.stdout.splitlines() if line.startswith("rtt ")), "")
    return float(line.split(" = ")[1].split("/")[1]) * 1000 if line else 0.0


def small_packets(net: Topology, flows: int) -> float:
    """Thousands of packets a second that get through, once the caches are warm.

    To inject packets, the kernel waits twice until no CPU runs the program's predecessor: 24 ms, whatever the number of
    packets.  So all of them go in one call, and the time is that between packets that come out.
    """
    with counting(net) as counter, net.hosts["h1"].ns.entered(), on_one_cpu():
        Program.load(generator(flows), {}).receive(frame(), eth0(), PACKETS)
        time.sleep(0.05)
        times = [(at, when) for at in range(1, count(counter) // SAMPLE + 1) if (when := count(counter, at))]
    warm = times[len(times) // 4 :]
    if len(warm) < 2:
        return 0.0
    (first, began), (last, ended) = warm[0], warm[-1]
    return (last - first) * SAMPLE / (ended - began) * 1e6


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """Stay on the CPU with the highest number: packets of a flow come from one queue, and with it to one CPU."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def eth0() -> int:
    """The device of the host in whose namespace we are."""
    return socket.if_nametoindex("eth0")


def generator(flows: int) -> ProgramSpec:
    """Make the packet one of a random one of `flows` flows, and send it through the device."""
    b = Builder()
    b.mov(R6, R1)
    b.load(R1, u32(R6 + 0))
    b.load(R2, u32(R6 + 4))
    b.mov(R3, R1)
    b.add(R3, 42)
    b.jump_if(R3 > R2, "send")
    b.call(Helper.get_prandom_u32)
    b.mov(R2, flows)
    b.mod(R0, R2)
    b.load(R1, u32(R6 + 0))
    b.load(R2, u32(R6 + 4))
    b.mov(R3, R1)
    b.add(R3, 42)
    b.jump_if(R3 > R2, "send")
    b.mov(R2, R0)
    b.and_(R2, FLOWS_PER_SOURCE - 1)
    b.add(R2, FIRST_PORT)
    b.swap(R2, 16)
    b.store(u16(R1 + 34), R2)
    b.rsh(R0, FLOWS_PER_SOURCE.bit_length() - 1)
    b.add(R0, 1)
    b.store(u8(R1 + 28), R0)
    b.label("send")
    b.load(R1, u32(R6 + 12))  # ingress_ifindex
    b.call(Helper.redirect, R1, 0)
    b.exit()
    return b.build("generator", ProgramType.XDP)


@contextmanager
def counting(net: Topology) -> Iterator[BpfMap]:
    """A counter of the packets that host 2 receives, and drops at once; it notes when each SAMPLE-th of them came."""
    b = Builder()
    with b.scratch(4) as index:
        b.store(u32(index), 0)
        b.call(Helper.map_lookup_elem, Map("counter"), index)
        b.jump_if(R0 == 0, "drop")
        b.mov(R1, 1)
        b.atomic_add(u64(R0 + 0), R1)
        b.load(R6, u64(R0 + 0))
        b.jump_if(R6 & SAMPLE - 1, "drop")
        b.rsh(R6, SAMPLE.bit_length() - 1)
        b.store(u32(index), R6)
        b.call(Helper.map_lookup_elem, Map("counter"), index)
        b.jump_if(R0 == 0, "drop")
        b.mov(R6, R0)
        b.call(Helper.ktime_get_ns)
        b.store(u64(R6 + 0), R0)
    b.label("drop")
    b.exit(_DROP)
    counter = BpfMap.create(MapSpec("counter", MapType.ARRAY, 4, 8, 1 + _SAMPLES))
    with net.hosts["h2"].ns.entered():
        link = Link.attach(Program.load(b.build("counter"), {"counter": counter}), eth0(), Attach.TCX_INGRESS)
    try:
        yield counter
    finally:
        link.close()
        counter.close()


def count(counter: BpfMap, sample: int = 0) -> int:
    """How many packets a counter has seen; with `sample`, when the sample-th of those that it noted came, in ns."""
    return int.from_bytes(counter.lookup(sample.to_bytes(4, sys.byteorder)) or b"", sys.byteorder)
