"""The ports of a datapath: devices, their numbers, and the doors through which the daemon sends packets out of them.

A device whose other end is the host (internal, TAP) is a port the other way round: what the host sends through it
comes into the switch where the device would transmit it, and what the switch outputs there, the device receives.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError
from vswitch.base.log import Logger
from vswitch.datapath.ebpf.maps import HOST, MAX_PORTS, PEER, Maps
from vswitch.datapath.ebpf.notes import Kind, Notes
from vswitch.datapath.ebpf.programs import Programs
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.frame import FrameIo
from vswitch.dpif.netdev import Netdev, NetdevStats
from vswitch.dpif.ports import DatapathPort, OdpPort
from vswitch.linux.packet import PacketSocket
from vswitch.linux.rtnetlink import Rtnetlink

log = Logger("dpif_ebpf")

_U32 = struct.Struct("=I")
_HOST_TYPES = ("internal", "tap")


@dataclass(slots=True, eq=False)
class Port:
    """A port.  One that an earlier daemon left has no `netdev` until it is added again."""

    info: DatapathPort
    ifindex: int
    netdev: Netdev | None = None
    io: FrameIo | None = None  # `netdev`, if it can send
    door: PacketSocket | None = None

    @property
    def from_host(self) -> bool:
        """Whether the host is at the other end."""
        return self.info.type in _HOST_TYPES

    def take(self, netdev: Netdev) -> None:
        """Have a device that is open."""
        self.netdev = netdev
        self.io = netdev if isinstance(netdev, FrameIo) else None

    def send(self, frame: bytes) -> None:
        """Let the device send a frame, or the host receive it."""
        if self.from_host:
            if self.io:
                self.io.send_frames([frame])
            return
        if self.door is None:
            self.door = PacketSocket(self.ifindex, receive=False)
        self.door.send_frames([frame])

    def close(self) -> None:
        """Close the door."""
        if self.door:
            self.door.close()
            self.door = None


class Ports:
    """All ports, by number and by device.  `changed` hears of ports whose device is another one now."""

    def __init__(
        self, maps: Maps, notes: Notes, programs: Programs, changed: Callable[[OdpPort], None]
    ) -> None:
        self._maps, self._notes, self._programs = maps, notes, programs
        self._changed = changed
        self._ports: dict[OdpPort, Port] = {}
        self._rtnetlink = Rtnetlink()

    def __getitem__(self, number: OdpPort) -> Port:
        return self._ports[number]

    def get(self, number: OdpPort) -> Port | None:
        """The port with `number`, if there is one."""
        return self._ports.get(number)

    def all(self) -> Mapping[OdpPort, Port]:
        """The ports by number."""
        return self._ports

    def ifindex_of(self, number: OdpPort) -> int:
        """The device of a port; 0 if there is none."""
        port = self._ports.get(number)
        return port.ifindex if port else 0

    def add(self, netdev: Netdev, number: OdpPort | None) -> OdpPort:
        """Attach a device, or take over the port that an earlier daemon made of it."""
        try:
            ifindex = netdev.state().ifindex
        except KernelError as error:
            raise DatapathError(error.errno, error.what) from None
        left = next((port for port in self._ports.values() if port.info.name == netdev.name), None)
        if left:
            if left.netdev:
                raise _error(errno.EEXIST, netdev.name)
            if (
                left.ifindex == ifindex
                and left.info.type == netdev.type
                and number in (None, left.info.number)
            ):
                left.take(netdev)
                return left.info.number
            number = left.info.number if number is None else number
            self.delete(left.info.number)
        if number is None:
            number = next(OdpPort(n) for n in count(1) if n not in self._ports)
        if number in self._ports:
            raise _error(errno.EBUSY, f"port {number}")
        if number >= MAX_PORTS:
            raise _error(errno.EFBIG, f"port {number}")
        port = Port(DatapathPort(number, netdev.name, netdev.type), ifindex)
        port.take(netdev)
        self._attach(port)
        return number

    def _attach(self, port: Port) -> None:
        number = port.info.number
        self._put(number, port.ifindex, HOST if port.from_host else 0)
        self._maps["devices"].update(_U32.pack(port.ifindex), _U32.pack(number))
        try:
            self._programs.attach(number, port.ifindex, port.from_host)
            if not port.from_host:
                self._rtnetlink.set_link(port.ifindex, promiscuous=True)
        except KernelError as error:
            self._programs.detach(number)
            self._put(number, 0, 0)
            self._maps["devices"].delete(_U32.pack(port.ifindex))
            raise DatapathError(error.errno, error.what) from None
        note = {"name": port.info.name, "type": port.info.type, "ifindex": port.ifindex}
        self._notes.write(Kind.PORT, number, note)
        self._ports[number] = port
        self._changed(number)

    def delete(self, number: OdpPort) -> None:
        """Detach a port.  ENODEV: there is none."""
        port = self._ports.pop(number, None)
        if port is None:
            raise _error(errno.ENODEV, f"port {number}")
        self._programs.detach(number)
        self._put(number, 0, 0)
        self._maps["devices"].delete(_U32.pack(port.ifindex))
        self._notes.erase(Kind.PORT, number)
        self._leave_promiscuous(port)
        port.close()
        for cpu in range(self._maps.n_cpus):
            self._maps.port_stats.put(cpu * MAX_PORTS + number, 0, 0, 0, 0)
        self._changed(number)

    def _leave_promiscuous(self, port: Port) -> None:
        try:
            if not port.from_host:
                self._rtnetlink.set_link(port.ifindex, promiscuous=False)
        except KernelError:
            return  # the device has gone

    def _put(self, number: int, ifindex: int, flags: int) -> None:
        """Tell the programs."""
        self._maps.ports.put_member(number, "flags", flags)
        self._maps.ports.put_member(number, "ifindex", ifindex)

    def set_shortcut(self, number: OdpPort, on: bool) -> None:
        """Let output to a port go straight to the other end of its veth pair, or no longer."""
        self._maps.ports.put_member(number, "flags", PEER if on else 0)

    def has_shortcut(self, number: OdpPort) -> bool:
        """Whether it does."""
        return self._maps.ports.get_member(number, "flags") == PEER

    def stats(self, number: OdpPort) -> NetdevStats:
        """What went past the device's own counters."""
        rx_packets, rx_bytes, tx_packets, tx_bytes = self._maps.port_totals(number)
        return NetdevStats(rx_packets=rx_packets, tx_packets=tx_packets, rx_bytes=rx_bytes, tx_bytes=tx_bytes)

    def restore(self, notes: Mapping[int, Any]) -> None:
        """Learn of the ports that an earlier daemon left; those whose hook has gone with the device go, too."""
        for id, note in notes.items():
            number = OdpPort(id)
            port = Port(DatapathPort(number, note["name"], note["type"]), note["ifindex"])
            self._ports[number] = port
            try:
                self._programs.adopt(number, port.ifindex, port.from_host)
            except KernelError:
                log.info("%s: the device has gone", port.info.name)
                self.delete(number)

    def numbers_by_ifindex(self) -> dict[int, OdpPort]:
        """Which port a device is."""
        return {port.ifindex: number for number, port in self._ports.items()}

    def release(self) -> None:
        """Undo what the devices would keep from having been ports."""
        for port in self._ports.values():
            self._leave_promiscuous(port)

    def close(self) -> None:
        """Close the doors."""
        for port in self._ports.values():
            port.close()
        self._rtnetlink.close()


def _error(number: int, what: str) -> DatapathError:
    return DatapathError(number, f"{what}: {os.strerror(number)}")
