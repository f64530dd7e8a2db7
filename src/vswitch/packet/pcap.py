"""Captures of packets in the classic pcap format.

Sources: draft-ietf-opsawg-pcap; pcap-savefile(5).
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
_ETHERNET = 1
_LONGEST = 1518
_LONGEST_READ = 65535
_END_OF_FILE, _BAD_FORMAT = -1, 71  # EPROTO


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
    if len(data) < _HEADER.size:
        raise CaptureError("failed to read pcap header: End of file", _END_OF_FILE, whole=True)
    for order in "<>":
        magic = struct.unpack_from(f"{order}I", data)[0]
        if magic in (_MICROSECONDS, _NANOSECONDS):
            break
    else:
        raise CaptureError(
            f"bad magic 0x{_MAGIC.unpack_from(data)[0]:08x} reading pcap file (expected 0xa1b2c3d4, 0xa1b23c4d, "
            "0xd4c3b2a1, or 0x4d3cb2a1)",
            _BAD_FORMAT,
            whole=True,
        )
    unit = 1e-9 if magic == _NANOSECONDS else 1e-6
    record, at = struct.Struct(f"{order}IIII"), _HEADER.size
    while at + record.size <= len(data):  # who still writes it may not have come further
        seconds, fraction, size, _ = record.unpack_from(data, at)
        at += record.size
        if size > _LONGEST_READ:
            swapped = int.from_bytes(size.to_bytes(4, "little"), "big")
            raise CaptureError(f"bad packet length {swapped} or {size} reading pcap file", _BAD_FORMAT)
        if at + size > len(data):
            raise CaptureError("failed to read pcap packet: End of file", _END_OF_FILE)
        yield seconds + fraction * unit, data[at : at + size]
        at += size
