"""AF_PACKET: frames of a device, past its protocols.

Frames come in batches, each with its virtio-net header, so that a packet that the sender left to its device to
segment and to checksum stays whole.  A VLAN tag, which the kernel keeps beside the packet, is put back in place.

Of the ways to read, measured on veth with 64-byte packets: recvmmsg 1.0 µs a packet, recvmsg 2.6 µs; a TPACKET ring
saves the system call but needs 64 KB a slot for segmentation offload, which is much for each of a thousand ports.
Sending one by one is as fast as sendmmsg: from Python, filling its vector costs what the system call does.

Sources: packet(7), linux/if_packet.h, recvmmsg(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from functools import cache

from vswitch.base.errors import KernelError
from vswitch.dpif.frame import MAX_FRAME, with_vlan
from vswitch.packet.numbers import ETH_VLAN

BATCH = 64  # frames at most in one system call

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP, _PACKET_AUXDATA, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 1, 8, 15, 23
_PACKET_MR_PROMISC = 1
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 4 << 20  # bytes; what a burst may need while the switch is at something else
_TP_STATUS_VLAN_VALID, _TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40

_MSGHDR = struct.Struct("@PIxxxxPnPnixxxx")  # struct msghdr, 64-bit: name, iov, control, flags
_MMSGHDR = struct.Struct("@56xI4x")  # struct mmsghdr: of interest afterwards is msg_len
_AUXDATA = struct.Struct("@16xI12xHH4x")  # cmsghdr, then struct tpacket_auxdata: status, vlan_tci, vlan_tpid


class PacketSocket:
    """A device's frames; with `receive` off, a door out only, which costs the device's other traffic nothing.

    The device is promiscuous while the socket is open for receiving.
    """

    def __init__(self, ifindex: int, receive: bool = True) -> None:
        try:
            name = socket.if_indextoname(ifindex)  # first: to close a socket again takes the kernel 20 ms
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            try:
                self._open(name, ifindex, receive)
            except OSError:
                self._socket.close()
                raise
        except OSError as error:
            raise KernelError(error.errno or 0, f"device {ifindex}: {error.strerror}") from None

    def _open(self, name: str, ifindex: int, receive: bool) -> None:
        opened = self._socket
        opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        if not receive:
            opened.bind((name, 0))
            return
        with contextlib.suppress(OSError):  # Linux before 4.20 has no such option
            opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        with contextlib.suppress(OSError):  # without CAP_NET_ADMIN the system's default has to do
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        opened.bind((name, _ETH_P_ALL))
        promiscuous = struct.pack("=iHH8x", ifindex, _PACKET_MR_PROMISC, 0)
        opened.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, promiscuous)

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._socket.fileno()

    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that wait, at most BATCH."""
        return _pool().receive(self._socket.fileno(), min(limit, BATCH))

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Send in order; returns how many the device took.  Too long, device down, queue full: lost."""
        send, taken = self._socket.send, 0
        for frame in frames:
            try:
                send(frame)
            except OSError:
                continue
            taken += 1
        return taken

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class _Pool:
    """Where recvmmsg puts frames: one for all sockets, because what is in it is taken out before the next call."""

    _SLOT = (MAX_FRAME + 63) & ~63

    def __init__(self) -> None:
        self._frames = mmap.mmap(-1, BATCH * self._SLOT)  # slices of it are bytes, made in one step
        self._control = bytearray(BATCH * _AUXDATA.size)
        self._vectors = bytearray(BATCH * 16)
        self._headers = bytearray(BATCH * _MMSGHDR.size)
        base, control = _address(self._frames), _address(self._control)
        vectors, headers = _address(self._vectors), _address(self._headers)
        for i in range(BATCH):
            struct.pack_into("@Pn", self._vectors, 16 * i, base + i * self._SLOT, self._SLOT)
            header = _MSGHDR.pack(0, 0, vectors + 16 * i, 1, control + i * _AUXDATA.size, _AUXDATA.size, 0)
            self._headers[i * _MMSGHDR.size : i * _MMSGHDR.size + len(header)] = header
        self._fresh = bytes(self._headers)
        self._address = headers
        self._no_auxdata = bytes(len(self._control))
        self._recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._recvmmsg.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p
        ]  # fmt: skip

    def receive(self, fd: int, limit: int) -> list[bytes]:
        """The next frames of the socket `fd`."""
        self._headers[:] = self._fresh
        self._control[:] = self._no_auxdata
        n = self._recvmmsg(fd, self._address, limit, socket.MSG_DONTWAIT, None)
        if n < 0:
            return _no_frames(ctypes.get_errno())
        frames, at = [], 0
        lengths = _MMSGHDR.iter_unpack(memoryview(self._headers)[: n * _MMSGHDR.size])
        auxdata = _AUXDATA.iter_unpack(memoryview(self._control)[: n * _AUXDATA.size])
        for (length,), (status, tci, tpid) in zip(lengths, auxdata, strict=True):
            frame = self._frames[at : at + length]
            if status & _TP_STATUS_VLAN_VALID:
                frame = with_vlan(frame, tpid if status & _TP_STATUS_VLAN_TPID_VALID else ETH_VLAN, tci)
            frames.append(frame)
            at += self._SLOT
        return frames


@cache
def _pool() -> _Pool:
    return _Pool()


def _address(buffer: mmap.mmap | bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _no_frames(number: int) -> list[bytes]:
    """What an error of recvmmsg means: that no frame waits, or that the device cannot give any now or any more."""
    if number in (
        errno.EAGAIN,
        errno.EINTR,
        errno.ENETDOWN,
        errno.ENOBUFS,
        errno.ENXIO,
        errno.ENODEV,
        errno.EINVAL,
    ):
        return []
    raise KernelError(number, f"recvmmsg: {os.strerror(number)}")
