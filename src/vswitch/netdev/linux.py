"""Devices that are there: physical, veth, TAP of somebody else, VLAN … (Interface.type "" and "system").

Opening one does not touch its traffic.  The first `fileno` opens it for receiving, promiscuously; `send_frames` on a
device that nobody listens to opens a door out only.

Sources: ovs-vswitchd.conf.db(5), Interface: status, statistics, link_speed, link_resets.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence

from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import KernelError
from vswitch.dpif.frame import FrameIo
from vswitch.dpif.netdev import Netdev, NetdevState, NetdevStats
from vswitch.linux import packet as packet_socket
from vswitch.linux.ethtool import Ethtool
from vswitch.linux.rtnetlink import IFF_LOOPBACK, Link, Rtnetlink
from vswitch.netdev import features

LONGEST_NAME = 15  # bytes of a device's name


@dataclass(frozen=True, slots=True)
class Kernel:
    """The doors that all devices of one network namespace share: that of the thread that opens them."""

    rtnetlink: Rtnetlink = field(default_factory=Rtnetlink)
    ethtool: Ethtool = field(default_factory=Ethtool)

    def close(self) -> None:
        """Close them."""
        self.rtnetlink.close()
        self.ethtool.close()


class LinuxDevice(FrameIo, Netdev):
    """A device of the kernel, known by its name for as long as that name means the same device."""

    type = "system"

    def __init__(self, name: str, kernel: Kernel) -> None:
        """Look the device up.  KernelError: ENODEV."""
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise KernelError(errno.ENODEV, f"{name}: {os.strerror(errno.ENODEV)}")
        self.name = name
        self._kernel = kernel
        link = kernel.rtnetlink.link(name)
        self.ifindex = link.ifindex
        self.is_loopback = bool(link.flags & IFF_LOOPBACK)
        self._carrier_changes = link.carrier_changes
        self._receiver: packet_socket.PacketSocket | None = None
        self._sender: packet_socket.PacketSocket | None = None

    def state(self) -> NetdevState:
        """What the device is like now.  KernelError: ENODEV when it has gone, or has another name."""
        link = self._link()
        settings = self._kernel.ethtool.link_settings(self.name)
        return NetdevState(
            ifindex=link.ifindex,
            mac=link.mac,
            mtu=link.mtu,
            up=link.up,
            carrier=link.carrier,
            link_resets=link.carrier_changes - self._carrier_changes,
            speed=settings.bits_per_second if settings else 0,
            full_duplex=settings.full_duplex if settings else None,
            medium=features.medium_of(settings) if settings else 0,
            advertised=features.features_of_modes(settings.advertised) if settings else 0,
            supported=features.features_of_modes(settings.supported) if settings else 0,
            driver=self._driver(),
        )

    def stats(self) -> NetdevStats:
        """What the device has carried."""
        return NetdevStats(*self._link(stats=True).counters)

    def set_mac(self, mac: int) -> None:
        """Change the Ethernet address."""
        self._kernel.rtnetlink.set_link(self.ifindex, mac=mac)

    def set_mtu(self, mtu: int) -> None:
        """Change the MTU, in bytes.  KernelError: EINVAL where the device cannot."""
        self._kernel.rtnetlink.set_link(self.ifindex, mtu=mtu)

    def set_up(self, up: bool) -> None:
        """Set or clear IFF_UP."""
        self._kernel.rtnetlink.set_link(self.ifindex, up=up)

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._open_receiver().fileno()

    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that the device received."""
        return self._open_receiver().receive_frames(limit)

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Send in order; returns how many the device took."""
        door = self._receiver or self._sender
        if door is None:
            door = self._sender = packet_socket.PacketSocket(self.ifindex, receive=False)
        return door.send_frames(frames)

    def close(self) -> None:
        """Let go of the device, which stays."""
        for door in (self._receiver, self._sender):
            if door:
                door.close()
        self._receiver = self._sender = None

    def _open_receiver(self) -> packet_socket.PacketSocket:
        if self._receiver is None:
            self._receiver = packet_socket.PacketSocket(self.ifindex)
        return self._receiver

    def _link(self, stats: bool = False) -> Link:
        link = self._kernel.rtnetlink.link(self.name, stats)
        if link.ifindex != self.ifindex:
            raise KernelError(errno.ENODEV, f"{self.name}: {os.strerror(errno.ENODEV)}")
        return link

    def _driver(self) -> Mapping[str, str]:
        driver = self._kernel.ethtool.driver(self.name)
        if driver is None:
            return {}
        return {
            "driver_name": driver.name,
            "driver_version": driver.version,
            "firmware_version": driver.firmware,
        }
