"""What ethtool(8) shows: a device's driver, its speed, what it leaves to hardware.

Sources: linux/ethtool.h, linux/sockios.h.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array

from vswitch.base.dataclass import dataclass

_SIOCETHTOOL = 0x8946
_GDRVINFO, _GSET = 0x3, 0x1
_DRVINFO = struct.Struct("=I32s32s32s32s32s12s5I")
_CMD = struct.Struct("=IIIHBBBBBBIIHBBI2I")  # struct ethtool_cmd
_SPEED_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Driver:
    """Who drives a device."""

    name: str
    version: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a device's link is; the driver tells."""

    bits_per_second: int
    full_duplex: bool | None


class Ethtool:
    """A socket for ethtool requests, in the network namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def driver(self, device: str) -> Driver | None:
        """The device's driver; None where it does not say."""
        answer = self._ask(device, _DRVINFO.pack(_GDRVINFO, *([b""] * 6), *([0] * 5)))
        if answer is None:
            return None
        _, name, version, firmware, *_ = _DRVINFO.unpack(answer)
        return Driver(_text(name), _text(version), _text(firmware))

    def speed(self, device: str) -> Speed | None:
        """The link's speed; None where the driver does not know."""
        answer = self._ask(device, _CMD.pack(_GSET, *([0] * 17)))
        if answer is None:
            return None
        fields = _CMD.unpack(answer)
        megabits = fields[3] | fields[12] << 16
        if megabits in (0, 0xFFFF, _SPEED_UNKNOWN):
            return Speed(0, None)
        return Speed(megabits * 1_000_000, {0: False, 1: True}.get(fields[4]))

    def _ask(self, device: str, command: bytes) -> bytes | None:
        """The structure that `command` becomes when the driver has answered; None: it does not answer this one."""
        buffer = array("B", command)
        request = struct.pack("16sP16x", device.encode(), buffer.buffer_info()[0])
        try:
            fcntl.ioctl(self._socket, _SIOCETHTOOL, request)
        except OSError:
            return None
        return buffer.tobytes()


def _text(value: bytes) -> str:
    return value.split(b"\0")[0].decode(errors="replace")
