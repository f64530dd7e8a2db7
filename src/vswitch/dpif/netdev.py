"""What a network device promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from vswitch.base.dataclass import dataclass, field, fields, replace
from vswitch.dpif.packet import Packet


@dataclass(frozen=True, slots=True)
class NetdevState:
    """A device, as it is now.  `mac` is an int of 48 bits; `mtu` counts bytes after the Ethernet header."""

    ifindex: int
    mac: int
    mtu: int
    up: bool  # administratively
    carrier: bool
    link_resets: int = 0  # how often the carrier changed
    speed: int = 0  # bit/s; 0: unknown
    full_duplex: bool | None = None
    medium: int = 0  # OFPPF_* of the link beside its speed: copper or fiber, autonegotiation
    advertised: int = 0  # OFPPF_*
    supported: int = 0  # OFPPF_*
    driver: Mapping[str, str] = field(
        default_factory=dict
    )  # Interface.status: driver_name, driver_version, firmware_version


UNCOUNTED = (1 << 64) - 1  # what OpenFlow says of a counter that there is none of


@dataclass(frozen=True, slots=True)
class NetdevStats:
    """Counters of a device since it exists, as rtnetlink's `rtnl_link_stats64` names them.

    What a device does not count is UNCOUNTED.
    """

    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    multicast: int = 0
    collisions: int = 0
    rx_length_errors: int = 0
    rx_over_errors: int = 0
    rx_crc_errors: int = 0
    rx_frame_errors: int = 0
    rx_fifo_errors: int = 0
    rx_missed_errors: int = 0
    tx_aborted_errors: int = 0
    tx_carrier_errors: int = 0
    tx_fifo_errors: int = 0
    tx_heartbeat_errors: int = 0
    tx_window_errors: int = 0

    @classmethod
    def of_packets(
        cls, rx_packets: int = 0, tx_packets: int = 0, rx_bytes: int = 0, tx_bytes: int = 0
    ) -> NetdevStats:
        """Those of a device that counts packets and bytes alone."""
        return cls(rx_packets, tx_packets, rx_bytes, tx_bytes, *[UNCOUNTED] * (len(fields(cls)) - 4))

    def plus(self, other: NetdevStats) -> NetdevStats:
        """Both, added up."""
        return NetdevStats(
            *(_sum(getattr(self, each.name), getattr(other, each.name)) for each in fields(NetdevStats))
        )

    def swapped(self) -> NetdevStats:
        """The same counters from the other end of the wire: what one receives the other sent."""
        return replace(
            self,
            rx_packets=self.tx_packets,
            tx_packets=self.rx_packets,
            rx_bytes=self.tx_bytes,
            tx_bytes=self.rx_bytes,
            rx_errors=self.tx_errors,
            tx_errors=self.rx_errors,
            rx_dropped=self.tx_dropped,
            tx_dropped=self.rx_dropped,
        )


def _sum(one: int, other: int) -> int:
    return UNCOUNTED if UNCOUNTED in (one, other) else one + other


# Interface.statistics: the names under which the database has a device's counters.
STATISTICS = {
    "collisions": "collisions",
    "rx_bytes": "rx_bytes",
    "rx_crc_err": "rx_crc_errors",
    "rx_dropped": "rx_dropped",
    "rx_errors": "rx_errors",
    "rx_frame_err": "rx_frame_errors",
    "rx_missed_errors": "rx_missed_errors",
    "rx_multicast_packets": "multicast",
    "rx_over_err": "rx_over_errors",
    "rx_packets": "rx_packets",
    "tx_bytes": "tx_bytes",
    "tx_dropped": "tx_dropped",
    "tx_errors": "tx_errors",
    "tx_packets": "tx_packets",
}


class Netdev(ABC):
    """An open network device.  Methods raise `KernelError` (ENODEV when the device has gone)."""

    name: str
    type: str  # Interface.type: "system" for "", internal, tap, dummy …
    is_loopback = False  # the host's own traffic to itself: no switch may have it

    @abstractmethod
    def state(self) -> NetdevState:
        """What the device is like now."""

    @abstractmethod
    def stats(self) -> NetdevStats:
        """What it has carried, as the switch sees it: rx is into the switch."""

    def statistics(self) -> dict[str, int]:
        """The counters that this kind of device has, as `Interface.statistics` shows them."""
        stats = self.stats()
        return {name: getattr(stats, counter) for name, counter in STATISTICS.items()}

    def custom(self) -> tuple[tuple[str, int], ...]:
        """Further counters that this kind of device has, by names of their own, in alphabetical order."""
        return ()

    @abstractmethod
    def set_mac(self, mac: int) -> None:
        """Change the Ethernet address."""

    @abstractmethod
    def set_mtu(self, mtu: int) -> None:
        """Change the MTU, in bytes."""

    @abstractmethod
    def set_up(self, up: bool) -> None:
        """Set or clear IFF_UP."""

    def configure(self, options: Mapping[str, str]) -> None:  # noqa: B027 - optional
        """Take `Interface.options` that have changed since the device was opened; most devices have none."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the device.  One that was made by opening it (internal, tap) goes away."""


class PacketIo(ABC):
    """The optional family of devices through which this process sends and receives packets itself."""

    @abstractmethod
    def fileno(self) -> int:
        """What to poll for reading; -1 where there is nothing to poll: then `notify` tells."""

    def notify(self, wake: Callable[[], None]) -> None:  # noqa: B027 - optional
        """Have `wake` called when a packet comes in; only devices that cannot be polled do."""

    @abstractmethod
    def receive(self, limit: int) -> list[Packet]:
        """Up to `limit` packets that wait; none is not an error."""

    @abstractmethod
    def send(self, packets: Sequence[Packet]) -> int:
        """Send in order; returns how many the device took.  The rest are drops."""
