"""What TCP connections say, from their packets: enough of reassembly to read a capture that was made on a quiet link.

A stream is one direction of a connection.  It takes segments that come in order; those that come again, or too early,
are left out, and the stream waits at the gap.

Sources: RFC 9293, 3.4 (sequence numbers); RFC 791, 3.1.
"""

from __future__ import annotations

import struct

from vswitch.base.namedtuple import NamedTuple

_TAGS = (b"\x81\x00", b"\x88\xa8")
_IPV4, _TCP = b"\x08\x00", 6
_FRAGMENT = 0x3FFF  # more fragments, or an offset
_FIN, _SYN, _RST = 1, 2, 4
_SEQUENCE = (1 << 32) - 1

End = tuple[int, int]  # address and port


class Segment(NamedTuple):
    """A TCP segment: from, to, and what it says."""

    source: End
    destination: End
    sequence: int
    flags: int
    payload: bytes


def parse_segment(frame: bytes) -> Segment | None:
    """The segment in an Ethernet frame with IPv4, if there is a whole one."""
    at = 12
    while frame[at : at + 2] in _TAGS:
        at += 4
    if frame[at : at + 2] != _IPV4 or len(frame) < at + 22:
        return None
    ip = at + 2
    header, total = (frame[ip] & 0xF) * 4, int.from_bytes(frame[ip + 2 : ip + 4], "big")
    fragment = int.from_bytes(frame[ip + 6 : ip + 8], "big") & _FRAGMENT
    tcp, end = ip + header, min(ip + total, len(frame))
    if fragment or frame[ip + 9] != _TCP or header < 20 or tcp + 20 > end:
        return None
    sport, dport, sequence, offset, flags = struct.unpack_from("!HHI4xBB", frame, tcp)
    source, destination = struct.unpack_from("!II", frame, ip + 12)
    payload = frame[tcp + (offset >> 4) * 4 : end]
    return Segment((source, sport), (destination, dport), sequence, flags, payload)


class Stream:
    """One direction of a connection: what came in order and was not taken yet."""

    def __init__(self, next_sequence: int) -> None:
        self.next_sequence = next_sequence
        self.data = bytearray()

    def add(self, segment: Segment) -> None:
        """Take the segment if it is the next."""
        if segment.sequence == self.next_sequence:
            self.data += segment.payload
            self.next_sequence = self.next_sequence + len(segment.payload) & _SEQUENCE


class Reassembly:
    """The streams of a capture."""

    def __init__(self) -> None:
        self._streams: dict[tuple[End, End], Stream] = {}

    def add(self, segment: Segment) -> Stream | None:
        """The stream that `segment` has added to, if it did not begin or end one."""
        key = segment.source, segment.destination
        if segment.flags & _SYN:
            self._streams[key] = Stream(segment.sequence + 1 & _SEQUENCE)
            return None
        if segment.flags & (_FIN | _RST):
            self._streams.pop(key, None)
            return None
        if key not in self._streams and not segment.payload:
            return None
        stream = self._streams.setdefault(key, Stream(segment.sequence))
        stream.add(segment)
        return stream
