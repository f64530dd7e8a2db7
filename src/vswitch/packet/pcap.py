"""Captures of packets in the classic pcap format.

Sources: draft-ietf-opsawg-pcap; pcap-savefile(5); pcap-linktype(7), LINKTYPE_LINUX_SLL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from vswitch.base.errors import WireError

_HEADER = struct.Struct("=IHHiIII")  # magic, version 2.4, zone, accuracy, longest packet, link type
_RECORD = struct.Struct("=IIII")  # seconds, microseconds, size here, size on the wire
HEADER_SIZE, RECORD_SIZE = _HEADER.size, _RECORD.size  # bytes
_MAGIC = struct.Struct("=I")
_MICROSECONDS, _NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
_ETHERNET, _COOKED = 1, 113  # link types
_COOKED_SIZE = 16  # bytes of header
_COOKED_ETHERNET = b"\0\1\0\6"  # the type of device, and the length of its address
_LONGEST = 1518
_LONGEST_READ = 65535
_END_OF_FILE, _BAD_FORMAT = -1, 71  # EPROTO
_CUT_OFF = "failed to read pcap packet: End of file"


class CaptureError(WireError):
    """A file is no capture (`whole`), or not to its end; `errno` is how C programs say so, -1 for the end of a file."""

    def __init__(self, message: str, errno: int, *, whole: bool = False) -> None:
        super().__init__(message)
        self.errno = errno
        self.whole = whole


class PcapWriter:
    """Writes packets to `file`, each at once, so that who reads along sees it."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin the capture."""
        self._file = file
        self._write(_HEADER.pack(_MICROSECONDS, 2, 4, 0, 0, _LONGEST, _ETHERNET))

    def write(self, time: float, data: bytes) -> None:
        """Add a packet that was seen at `time`, in seconds since 1970."""
        seconds, fraction = divmod(round(time * 1_000_000), 1_000_000)
        self._write(_RECORD.pack(seconds, fraction, len(data), len(data)) + data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


def read_pcap(data: bytes) -> Iterator[tuple[float, bytes]]:
    """(time, packet) of each packet in a capture, of either byte order.  Raises CaptureError."""
    order, magic = _order(data)
    unit = 1e-9 if magic == _NANOSECONDS else 1e-6
    record, at = struct.Struct(f"{order}IIII"), _HEADER.size
    while at + record.size <= len(data):  # who still writes it may not have come further
        seconds, fraction, size, _ = record.unpack_from(data, at)
        at += record.size
        if size > _LONGEST_READ:
            swapped = int.from_bytes(size.to_bytes(4, "little"), "big")
            raise CaptureError(f"bad packet length {swapped} or {size} reading pcap file", _BAD_FORMAT)
        if at + size > len(data):
            raise CaptureError(_CUT_OFF, _END_OF_FILE)
        yield seconds + fraction * unit, data[at : at + size]
        at += size


def read_frames(data: bytes) -> Iterator[tuple[float, bytes]]:
    """The same as Ethernet frames, also those of a capture of Linux's any device.  Nothing follows an empty packet."""
    order, _ = _order(data)
    (link,) = struct.unpack_from(f"{order}I", data, _HEADER.size - 4)
    if link not in (_ETHERNET, _COOKED):
        raise CaptureError(f"unknown network type {link} reading pcap file", _BAD_FORMAT, whole=True)
    for time, packet in read_pcap(data):
        if not packet:
            raise CaptureError(_CUT_OFF, _END_OF_FILE)
        yield time, packet if link == _ETHERNET else _from_cooked(packet)


def _from_cooked(packet: bytes) -> bytes:
    """A packet behind the header that stands for Ethernet's: kind, type of device, length of address, address, type."""
    if len(packet) < _COOKED_SIZE:
        raise CaptureError("pcap packet too short for SLL header", _BAD_FORMAT)
    if packet[2:6] != _COOKED_ETHERNET:
        raise CaptureError("bad SLL header", _BAD_FORMAT)
    return bytes(6) + packet[6:12] + packet[14:]


def _order(data: bytes) -> tuple[str, int]:
    """The byte order, for struct, and the magic number."""
    if len(data) < _HEADER.size:
        raise CaptureError("failed to read pcap header: End of file", _END_OF_FILE, whole=True)
    for order in "<>":
        (magic,) = struct.unpack_from(f"{order}I", data)
        if magic in (_MICROSECONDS, _NANOSECONDS):
            return order, magic
    raise CaptureError(
        f"bad magic 0x{_MAGIC.unpack_from(data)[0]:08x} reading pcap file (expected 0xa1b2c3d4, 0xa1b23c4d, "
        "0xd4c3b2a1, or 0x4d3cb2a1)",
        _BAD_FORMAT,
        whole=True,
    )
