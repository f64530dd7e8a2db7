"""Packets between two hosts: ours beside the Linux bridge, tc mirred and the peer's userspace datapath.

h1 - veth - switch - veth - h2, in three network namespaces.  Small packets: a program in h1 puts 64-byte UDP packets
into the veth pair faster than any switch takes them, and a program in h2 counts what comes out; the flows differ in
source port and address.  `L4 rules` means that every flow has a megaflow of its own.  TCP and round trips are iperf3's
and ping's, with offloads as they come.  All take turns, three times; the medians count.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from bench.contenders import ALL, FIRST_PORT, FLOWS_PER_SOURCE, Contender, frame
from bench.report import Row, in_turn
from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.bpf.builder import R0, R1, R2, R3, R6, Builder, Map, u8, u16, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapSpec, MapType, ProgramSpec, ProgramType
from vswitch.linux.bpf import Attach, BpfMap, Link, Program

SECONDS = 1.0
SMALL = (1, 0), (10_000, 0), (100_000, 0), (10_000, 10_000), (100_000, 100_000)  # flows, rules
_DROP = 2


def run() -> Iterable[Row]:
    """All measurements."""
    with Topology() as net:
        add_hosts(net)
        yield _row(net, "TCP, one stream", "Gb/s", tcp, "mirred", 0.95)
        for flows, rules in SMALL:
            small = partial(small_packets, flows=flows)
            what = f"64-byte packets, {flows:,} flows{', L4 rules' if rules else ''}"
            yield _row(net, what, "kpps", small, "bridge", 1.2, rules=rules)
        yield _row(net, "round trip", "us", round_trip, "bridge", 1.2, more_is_better=False)


def add_hosts(net: Topology) -> None:
    """Two hosts that know each other's address, at ports that take packets from XDP."""
    for n in (1, 2):
        host = net.add_host(f"h{n}", f"10.0.0.{n}/16", silent=True)
        other = 3 - n
        host.run("ip", "neigh", "add", f"10.0.0.{other}", "lladdr", f"02:00:00:00:00:0{other}", "dev", "eth0")
        net.switch.run("ethtool", "-K", f"h{n}", "gro", "on", check=False)


def _row(
    net: Topology,
    what: str,
    unit: str,
    measure: Callable[[Topology], float],
    against: str,
    target: float,
    rules: int = 0,
    more_is_better: bool = True,
) -> Row:
    """What `measure` finds with each switch in turn; 0 where one does not work."""

    def with_switch(name: str, switch: Contender) -> float:
        try:
            with switch(net, rules):
                return measure(net)
        except (KernelError, subprocess.SubprocessError, OSError, AssertionError) as error:
            print(f"  {name} does not work: {error}", file=sys.stderr)
            return 0.0

    found = in_turn({name: partial(with_switch, name, switch) for name, switch in ALL.items()})
    ours = found.pop("ours")
    return Row(what, unit, ours, found, more_is_better, against, target)


def tcp(net: Topology) -> float:
    """Gb/s of one stream; 0 if it does not get through."""
    h1, h2 = net.hosts["h1"], net.hosts["h2"]
    server = h2.start("iperf3", "-s", "-1")
    try:
        time.sleep(0.2)
        words = "iperf3", "-c", "10.0.0.2", "-t", str(SECONDS), "--connect-timeout", "1000", "-J"
        done = h1.run(*words, check=False, timeout=10)
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
    """Thousands of packets a second that get through."""
    with counting(net) as counter, net.hosts["h1"].ns.entered():
        maps: dict[str, BpfMap] = {}
        program = Program.load(generator(flows), maps)
        program.receive(frame(), eth0(), 200_000)  # so that caches are warm and everybody has learned
        before, began = count(counter), time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            program.receive(frame(), eth0(), 20_000)
        took = time.perf_counter() - began
        time.sleep(0.05)
        return (count(counter) - before) / took / 1000


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
    """A counter of the packets that host 2 receives, and drops at once."""
    b = Builder()
    with b.scratch(4) as index:
        b.store(u32(index), 0)
        b.call(Helper.map_lookup_elem, Map("counter"), index)
        with b.when(R0 != 0):
            b.mov(R1, 1)
            b.atomic_add(u64(R0 + 0), R1)
        b.exit(_DROP)
    counter = BpfMap.create(MapSpec("counter", MapType.ARRAY, 4, 8, 1))
    with net.hosts["h2"].ns.entered():
        link = Link.attach(Program.load(b.build("counter"), {"counter": counter}), eth0(), Attach.TCX_INGRESS)
    try:
        yield counter
    finally:
        link.close()
        counter.close()


def count(counter: BpfMap) -> int:
    """What a counter says."""
    return int.from_bytes(counter.lookup(bytes(4)) or b"", "little")
