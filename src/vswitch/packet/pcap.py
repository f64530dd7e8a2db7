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
_MICROSECONDS, _NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
_ETHERNET = 1
_LONGEST = 1518


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
    """(time, packet) of each packet in a capture, of either byte order.  Raises WireError."""
    for order in "<>":
        magic = struct.unpack_from(f"{order}I", data.ljust(4, b"\0"))[0]
        if magic in (_MICROSECONDS, _NANOSECONDS):
            break
    else:
        raise WireError("not a pcap file")
    if len(data) < _HEADER.size:
        raise WireError("pcap file ends in its header")
    unit = 1e-9 if magic == _NANOSECONDS else 1e-6
    record, at = struct.Struct(f"{order}IIII"), _HEADER.size
    while at < len(data):
        if at + record.size > len(data):
            raise WireError("pcap file ends in a packet's header")
        seconds, fraction, size, _ = record.unpack_from(data, at)
        at += record.size
        if at + size > len(data):
            raise WireError("pcap file ends in a packet")
        yield seconds + fraction * unit, data[at : at + size]
        at += size
