"""Devices in memory (Interface.type dummy): packets come by command, and go into captures.

For tests of a whole switch without a kernel.  The n-th device that a process opens has the MAC address
aa:55:aa:55:00:n, as tests expect who compare what a switch says literally.

    options:pcap=FILE     record what comes in and goes out
    options:rxq_pcap=FILE record what comes in
    options:tx_pcap=FILE  record what goes out

Sources: ovs-appctl netdev-dummy/receive, as the peer answers it.
"""

from __future__ import annotations

import pathlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from vswitch.base.dataclass import replace
from vswitch.base.log import Logger
from vswitch.dpif import offload
from vswitch.dpif.frame import HEADER_SIZE, FrameIo, frame_of, packet_of
from vswitch.dpif.netdev import Netdev, NetdevState, NetdevStats
from vswitch.dpif.packet import Packet
from vswitch.packet import pcap

log = Logger("netdev_dummy")

_FIRST_MAC = 0xAA55_AA55_0000
_QUEUE = 100  # packets that wait at most
_COUNTED = ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")


class DummyDevices:
    """The dummy devices of a process, by name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970, for captures."""
        self._clock = clock
        self._devices: dict[str, DummyDevice] = {}
        self._next_mac = _FIRST_MAC

    def open(self, name: str, options: Mapping[str, str], type: str = "dummy") -> DummyDevice:
        """A new device, or the one that is open already."""
        if name in self._devices:
            return self._devices[name]
        device = DummyDevice(name, type, self._next_mac, self._clock, lambda: self._devices.pop(name, None))
        device.configure(options)
        self._next_mac += 1
        self._devices[name] = device
        return device

    def get(self, name: str) -> DummyDevice | None:
        """The device of this name, if it is open."""
        return self._devices.get(name)

    def all(self) -> list[DummyDevice]:
        """The open devices."""
        return list(self._devices.values())


class DummyDevice(FrameIo, Netdev):
    """A device in memory."""

    def __init__(
        self, name: str, type: str, mac: int, clock: Callable[[], float], forget: Callable[[], object]
    ) -> None:
        """Made by DummyDevices."""
        self.name, self.type = name, type
        self._clock, self._forget = clock, forget
        self._state = NetdevState(ifindex=0, mac=mac, mtu=1500, up=True, carrier=True)
        self._stats = NetdevStats.of_packets()
        self._waiting: deque[bytes] = deque()  # frames
        self._wake: Callable[[], None] | None = None
        self._options: Mapping[str, str] = {}
        self._captures: dict[pathlib.Path, pcap.PcapWriter] = {}

    def configure(self, options: Mapping[str, str]) -> None:
        """Begin the captures that `options` ask for, and end the others."""
        self._options = options
        wanted = {
            pathlib.Path(file) for name in ("pcap", "rxq_pcap", "tx_pcap") if (file := options.get(name))
        }
        for path in self._captures.keys() - wanted:
            self._captures.pop(path).close()
        for path in wanted - self._captures.keys():
            try:
                self._captures[path] = _open_capture(path)
            except OSError as error:
                log.warn("%s: cannot capture to %s (%s)", self.name, path, error.strerror)

    def inject(self, packets: Iterable[Packet]) -> None:
        """Let `packets` come in, as if from a wire.  A device that is down, or whose queue is full, loses them."""
        for packet in packets:
            if not self._state.up or len(self._waiting) >= _QUEUE:
                continue
            self._record(packet, "pcap", "rxq_pcap")
            self._waiting.append(frame_of(packet))
        waiting = -1
        while self._wake and self._waiting and len(self._waiting) != waiting:
            waiting = len(self._waiting)
            self._wake()

    def fileno(self) -> int:
        """There is nothing to poll."""
        return -1

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when packets were injected."""
        self._wake = wake

    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that were injected."""
        frames = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._stats = replace(
            self._stats,
            rx_packets=self._stats.rx_packets + len(frames),
            rx_bytes=self._stats.rx_bytes + sum(len(frame) - HEADER_SIZE for frame in frames),
        )
        return frames

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Count and record packets as they would be on a wire: in segments, with checksums."""
        if not self._state.up:
            return 0
        for packet in (packet for frame in frames for packet in offload.finished(packet_of(frame))):
            self._record(packet, "pcap", "tx_pcap")
            self._stats = replace(
                self._stats,
                tx_packets=self._stats.tx_packets + 1,
                tx_bytes=self._stats.tx_bytes + len(packet.data),
            )
        return len(frames)

    def state(self) -> NetdevState:
        """What the device is like now."""
        return self._state

    def stats(self) -> NetdevStats:
        """What it has carried."""
        return self._stats

    def statistics(self) -> dict[str, int]:
        """The few counters that a dummy has."""
        stats = self._stats
        carried = {name: getattr(stats, name) for name in _COUNTED}
        return carried | dict(self.custom())

    def custom(self) -> tuple[tuple[str, int], ...]:
        """Two that it has for tests of such counters, and those of its only queue."""
        stats = self._stats
        received = (("rx_custom_packets_1", stats.rx_packets), ("rx_custom_packets_2", stats.rx_packets))
        return received + tuple((f"{name[:2]}_q0_{name[3:]}", getattr(stats, name)) for name in _COUNTED)

    def set_mac(self, mac: int) -> None:
        """Change the Ethernet address."""
        self._state = replace(self._state, mac=mac)

    def set_mtu(self, mtu: int) -> None:
        """Change the MTU, in bytes."""
        self._state = replace(self._state, mtu=mtu)

    def set_up(self, up: bool) -> None:
        """Set or clear IFF_UP."""
        self._state = replace(self._state, up=up)

    def close(self) -> None:
        """The device goes away."""
        self.configure({})
        self._forget()

    def _record(self, packet: Packet, *options: str) -> None:
        for path in {pathlib.Path(self._options[option]) for option in options if self._options.get(option)}:
            capture = self._captures.get(path)
            try:
                if capture:
                    capture.write(self._clock(), packet.data)
            except OSError as error:
                log.warn("%s: the capture in %s ends here (%s)", self.name, path, error.strerror)
                self._captures.pop(path).close()


def _open_capture(path: pathlib.Path) -> pcap.PcapWriter:
    file = path.open("wb", buffering=0)
    try:
        return pcap.PcapWriter(file)
    except OSError:
        file.close()
        raise
