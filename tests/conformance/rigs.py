"""Rigs: a datapath of each type with wires on its ports, for the conformance suite.

What `send` puts on a wire comes in through the port; what goes out through the port, `received` returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.e2e.topology import Topology
from vswitch.datapath.dummy import DummyDatapath
from vswitch.datapath.ebpf.datapath import EbpfDatapath
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.frame import HEADER_SIZE, NO_OFFLOAD
from vswitch.dpif.megaflow import FlowStats, Upcall
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.netdev.dummy import DummyDevices
from vswitch.netdev.linux import Kernel, LinuxDevice
from vswitch.packet.pcap import read_pcap


class Rig(ABC):
    """A datapath with ports 1 to 3, on devices p1 to p3; device p4 is there, too, but not attached."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = contextlib.ExitStack()
        self._collected: list[Upcall] = []
        self.devices: dict[str, Netdev] = {}
        self.datapath = self.open()
        for i in (1, 2, 3, 4):
            self.devices[f"p{i}"] = self.device(f"p{i}")
        for i in (1, 2, 3):
            assert self.datapath.port_add(self.devices[f"p{i}"], OdpPort(i)) == i
        self._task = self._loop.create_task(self._collect())
        self.run()

    @abstractmethod
    def open(self) -> Datapath:
        """A datapath without ports."""

    @abstractmethod
    def device(self, name: str) -> Netdev:
        """A device with a wire."""

    @abstractmethod
    def send(self, port: int, *packets: bytes) -> None:
        """Let packets come in through port 1, 2 or 3."""

    @abstractmethod
    def left(self, port: int) -> list[bytes]:
        """The packets that have left through a port since the last call."""

    def run(self, seconds: float = 0.0) -> None:
        """Let the datapath work."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Let the datapath work until `condition` holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.run(0.002)

    def received(self, port: int, count: int = 1) -> list[bytes]:
        """The next `count` packets that leave through a port, and any more that do soon after."""
        packets: list[bytes] = []
        self.until(lambda: packets.extend(self.left(port)) or len(packets) >= count)
        self.settle()
        return packets + self.left(port)

    def nothing_received(self, port: int) -> bool:
        """Whether nothing leaves through a port."""
        self.settle()
        return not self.left(port)

    def upcalls(self, count: int = 1) -> list[Upcall]:
        """The next `count` upcalls, and any more that come soon after."""
        self.until(lambda: len(self._collected) >= count)
        self.settle()
        taken, self._collected = self._collected, []
        return taken

    def no_upcalls(self) -> bool:
        """Whether no packet is handed up."""
        self.settle()
        return not self._collected

    def settle(self) -> None:
        """Give what must not happen the time to happen."""
        self.run(0.03)

    def carried(self, ufid: int) -> FlowStats:
        """What a megaflow has carried."""
        return next(stats for megaflow, stats in self.datapath.flow_dump() if megaflow.ufid == ufid)

    def close(self) -> None:
        """Take everything down."""
        with self._stack:
            self.datapath.close()
            self.run()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            for device in self.devices.values():
                device.close()

    @property
    def upcalls_ended(self) -> bool:
        """Whether the stream of upcalls has come to its end."""
        self.run()
        return self._task.done()

    async def _collect(self) -> None:
        async for batch in self.datapath.upcalls():
            self._collected.extend(batch)


class DummyRig(Rig):
    """Everything in memory; what leaves is read from captures."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._dummies = DummyDevices(lambda: 0.0)
        self._seen: dict[int, int] = {}
        super().__init__()

    def open(self) -> Datapath:
        return DummyDatapath("ovs-dummy", time.monotonic)

    def device(self, name: str) -> Netdev:
        return self._dummies.open(name, {"tx_pcap": str(self._directory / f"{name}.pcap")})

    def send(self, port: int, *packets: bytes) -> None:
        device = self._dummies.get(f"p{port}")
        assert device
        device.inject(map(Packet, packets))

    def left(self, port: int) -> list[bytes]:
        packets = [data for _, data in read_pcap((self._directory / f"p{port}.pcap").read_bytes())]
        seen, self._seen[port] = self._seen.get(port, 0), len(packets)
        return packets[seen:]


class KernelRig(Rig):
    """veth pairs in namespaces; at the far ends, a socket each."""

    def __init__(self) -> None:
        self._net = Topology()
        try:
            for i in (1, 2, 3, 4):
                self._net.add_host(f"p{i}", silent=True)
            self._sockets = {i: self._net.hosts[f"p{i}"].open_socket() for i in (1, 2, 3)}
            self._inside = contextlib.ExitStack()
            self._inside.enter_context(self._net.switch.entered())
            self._kernel = Kernel()
            super().__init__()
        except BaseException:
            self._net.close()
            raise
        self._stack.callback(self._net.close)
        self._stack.callback(self._inside.close)
        self._stack.callback(self._kernel.close)

    def device(self, name: str) -> Netdev:
        return LinuxDevice(name, self._kernel)

    def send(self, port: int, *packets: bytes) -> None:
        assert self._sockets[port].send_frames([NO_OFFLOAD + packet for packet in packets]) == len(packets)

    def left(self, port: int) -> list[bytes]:
        return [frame[HEADER_SIZE:] for frame in self._sockets[port].receive_frames(64)]

    def unplug(self, port: int) -> None:
        """Remove a port's device while the datapath has it."""
        self._net.switch.run("ip", "link", "del", f"p{port}")


class UserspaceRig(KernelRig):
    """The userspace datapath on veth."""

    def open(self) -> Datapath:
        return UserspaceDatapath("ovs-netdev", time.monotonic)


class EbpfRig(KernelRig):
    """The eBPF datapath on veth."""

    datapath: EbpfDatapath
    features = Features()

    def open(self) -> Datapath:
        return EbpfDatapath("ovs-ebpf", features=self.features)

    def send(self, port: int, *packets: bytes) -> None:
        """Let packets come in when all megaflows are in force: until then, they might come up in spite of one."""
        self.until(lambda: not self.datapath._programs.are_outdated)
        super().send(port, *packets)


class OldKernelRig(EbpfRig):
    """The same, with nothing that Linux 5.8 does not have."""

    features = Features.all_but(["tcx", "redirect_peer", "coarse_clock"])


def open_rig(kind: str, directory: Path) -> Iterator[Rig]:
    """A rig of this kind, closed at the end."""
    rigs: dict[str, Callable[[], Rig]] = {
        "dummy": lambda: DummyRig(directory),
        "userspace": UserspaceRig,
        "ebpf": EbpfRig,
        "ebpf of an old kernel": OldKernelRig,
    }
    rig = rigs[kind]()
    try:
        yield rig
    finally:
        rig.close()
