"""TAP devices: network devices whose wire is a file descriptor.

What the host sends through the device can be read here; what is written here, the host receives.  Frames carry
virtio-net headers, and the device is told that segmentation and checksums may be left to us, so that a TCP stream
of the host comes in pieces of up to 64 KB.

Sources: Documentation/networking/tuntap.rst, linux/if_tun.h.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Sequence

from vswitch.base.errors import KernelError
from vswitch.dpif.frame import MAX_FRAME

_TUNSETIFF, _TUNSETPERSIST, _TUNSETOFFLOAD, _TUNSETVNETHDRSZ = 0x400454CA, 0x400454CB, 0x400454D0, 0x400454D8
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_TUN_F_CSUM, _TUN_F_TSO4, _TUN_F_TSO6, _TUN_F_TSO_ECN, _TUN_F_USO4, _TUN_F_USO6 = (
    0x1,
    0x2,
    0x4,
    0x8,
    0x20,
    0x40,
)
_TSO = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6 | _TUN_F_TSO_ECN
_IFREQ = struct.Struct("16sH22x")


class Tap:
    """An open TAP device, made if it was not there.

    With `persistent`, it stays when this process ends, with its addresses; the next one to open the name takes
    it over.  Otherwise it goes with the last descriptor.  KernelError: EBUSY, somebody else has it open; EINVAL,
    there is a device of this name that is no TAP.
    """

    def __init__(self, name: str, persistent: bool = False, offloads: bool = True) -> None:
        self.name = name
        try:
            self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError(error.errno or 0, f"/dev/net/tun: {error.strerror}") from None
        try:
            fcntl.ioctl(
                self._fd, _TUNSETIFF, _IFREQ.pack(name.encode(), _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR)
            )
            fcntl.ioctl(self._fd, _TUNSETPERSIST, int(persistent))
            self._set_offloads(offloads)
        except OSError as error:
            os.close(self._fd)
            raise KernelError(error.errno or 0, f"{name}: {error.strerror}") from None

    def _set_offloads(self, offloads: bool) -> None:
        if not offloads:
            fcntl.ioctl(self._fd, _TUNSETOFFLOAD, 0)
            return
        try:
            fcntl.ioctl(self._fd, _TUNSETOFFLOAD, _TSO | _TUN_F_USO4 | _TUN_F_USO6)
        except OSError:  # UDP segmentation: Linux 6.2
            fcntl.ioctl(self._fd, _TUNSETOFFLOAD, _TSO)

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._fd

    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that the host sent."""
        frames: list[bytes] = []
        try:
            while len(frames) < limit:
                frames.append(os.read(self._fd, MAX_FRAME))
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EIO, errno.EBADFD):  # EIO: down; EBADFD: removed
                raise KernelError(error.errno or 0, f"{self.name}: {error.strerror}") from None
        return frames

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Give frames to the host; returns how many it took: none while the device is down."""
        taken = 0
        for frame in frames:
            try:
                os.write(self._fd, frame)
            except OSError:
                continue
            taken += 1
        return taken

    def set_persistent(self, persistent: bool) -> None:
        """Say whether the device outlives its descriptors.  KernelError: EBADFD, it has been removed."""
        try:
            fcntl.ioctl(self._fd, _TUNSETPERSIST, int(persistent))
        except OSError as error:
            raise KernelError(error.errno or 0, f"{self.name}: {error.strerror}") from None

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)
