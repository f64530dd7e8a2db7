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
COPPER, FIBER = 0, 3  # PORT_TP, PORT_FIBRE


@dataclass(frozen=True, slots=True)
class Driver:
    """Who drives a device."""

    name: str
    version: str
    firmware: str


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How fast a device's link is, over what, and what it could be; the driver tells."""

    bits_per_second: int  # 0: unknown
    full_duplex: bool | None
    connector: int = COPPER  # PORT_*
    autonegotiates: bool = False
    supported: int = 0  # SUPPORTED_*
    advertised: int = 0  # ADVERTISED_*, the same bits


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

    def link_settings(self, device: str) -> LinkSettings | None:
        """How the link is; None where the driver does not know."""
        answer = self._ask(device, _CMD.pack(_GSET, *([0] * 17)))
        if answer is None:
            return None
        _, supported, advertised, low, duplex, connector, _, _, autoneg, _, _, _, high, *_ = _CMD.unpack(
            answer
        )
        megabits = low | high << 16
        is_known = megabits not in (0, 0xFFFF, _SPEED_UNKNOWN)
        return LinkSettings(
            megabits * 1_000_000 if is_known else 0,
            {0: False, 1: True}.get(duplex) if is_known else None,
            connector,
            bool(autoneg),
            supported,
            advertised,
        )

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
