"""The userspace datapath: its steps by themselves, and between two hosts beside the peer's on AF_PACKET."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from bench.contenders import Contender, frame, peer
from bench.forwarding import round_trip, small_packets, tcp
from bench.report import Row, in_turn
from tests.e2e.topology import Topology
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.datapath.userspace.headerkey import header_key
from vswitch.dpif.action import DatapathAction, Output, PushVlan, Set
from vswitch.dpif.frame import NO_OFFLOAD, FrameIo
from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_DST, ETH_SRC, ETH_TYPE, IN_PORT, IP_FRAG, IP_TTL
from vswitch.netdev.dummy import DummyDevice

N = 20_000
FRAME = NO_OFFLOAD + frame()


def run() -> Iterable[Row]:
    """All measurements."""
    yield Row("header_key", "ns", _each(lambda: header_key(FRAME)), more_is_better=False)
    yield Row("extract", "ns", _each(lambda: extract(FRAME[10:], 1)), more_is_better=False)
    out = Output(OdpPort(2))
    ttl = Set(Flow(ETH_TYPE.put(IP_TTL.put(Flow(0), 63), 0x0800)), IP_TTL.mask)
    for what, actions, n in (
        ("forward, cached", (out,), 1),
        ("forward, not cached", (out,), 100_000),
        ("forward with a VLAN tag", (PushVlan(0x1005), out), 1),
        ("forward with another TTL", (ttl, out), 1),
    ):
        yield Row(what, "ns", _forward(actions, n), more_is_better=False)
    yield from _between_hosts()


def _each(step: Callable[[], object]) -> float:
    """Nanoseconds that `step` takes."""
    start = time.perf_counter()
    for _ in range(N):
        step()
    return (time.perf_counter() - start) / N * 1e9


class _Source(DummyDevice):
    """A device without end: each receive gives the next frames; what is sent is forgotten."""

    def __init__(self, name: str, frames: Sequence[bytes] = ()) -> None:
        super().__init__(name, "dummy", 1, lambda: 0.0, lambda: None)
        self._frames, self._at = frames, 0
        self.wake: Callable[[], None] = lambda: None

    def notify(self, wake: Callable[[], None]) -> None:
        """Keep what lets the datapath take a batch."""
        self.wake = wake

    def receive_frames(self, limit: int) -> list[bytes]:
        """The next `limit` frames."""
        at, self._at = self._at, (self._at + limit) % len(self._frames)
        return list(self._frames[at : at + limit])

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Gone."""
        return len(frames)


def _forward(actions: tuple[DatapathAction, ...], flows: int) -> float:
    """Nanoseconds from a frame in memory to its queue, when `flows` flows take turns."""
    frames = [NO_OFFLOAD + frame(number) for number in range(flows)] * (64 if flows == 1 else 1)
    datapath = UserspaceDatapath("bench", time.monotonic)
    devices: list[Netdev] = [_Source("p1", frames), _Source("p2")]
    assert all(isinstance(device, FrameIo) for device in devices)
    for device in devices:
        datapath.port_add(device)
    mask = Mask(IN_PORT.mask | ETH_SRC.mask | ETH_DST.mask | ETH_TYPE.mask | IP_FRAG.mask)
    datapath.flow_put([Megaflow(Ufid(1), extract(frame(), 1), mask, actions)])
    source = devices[0]
    assert isinstance(source, _Source)
    start = time.perf_counter()
    for _ in range(N // 64):
        source.wake()
    took = time.perf_counter() - start
    assert datapath.stats().missed == 0
    datapath.close()
    return took / (N // 64 * 64) * 1e9


def _between_hosts() -> Iterator[Row]:
    contenders: dict[str, Contender] = {"ours": _ours, "ovs-afpacket": peer("system")}
    with Topology() as net:
        for n in (1, 2):
            host = net.add_host(f"h{n}", f"10.0.0.{n}/16", silent=True)
            mac = f"02:00:00:00:00:0{3 - n}"
            host.run("ip", "neigh", "add", f"10.0.0.{3 - n}", "lladdr", mac, "dev", "eth0")
            net.switch.run("ethtool", "-K", f"h{n}", "gro", "on", check=False)
        for what, unit, measure, more in (
            ("TCP, one stream", "Gb/s", tcp, True),
            ("64-byte packets, 1 flow", "kpps", partial(small_packets, flows=1), True),
            ("64-byte packets, 10,000 flows", "kpps", partial(small_packets, flows=10_000), True),
            ("round trip", "us", round_trip, False),
        ):
            found = in_turn({name: partial(_with, net, one, measure) for name, one in contenders.items()})
            yield Row(what, unit, found.pop("ours"), found, more)


def _with(net: Topology, switch: Contender, measure: Callable[[Topology], float]) -> float:
    with switch(net, 0):
        return measure(net)


@contextmanager
def _ours(net: Topology, n_flows: int = 0) -> Iterator[None]:
    """A learning switch on our userspace datapath, in a process of its own."""
    process = net.switch.start(sys.executable, "-m", "tests.e2e.hub", "userspace", "h1", "h2")
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        net.hosts["h1"].ping("10.0.0.2")
        yield
    finally:
        process.terminate()
        process.communicate()
