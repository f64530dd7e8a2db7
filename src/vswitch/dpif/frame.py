"""Frames: packets as Linux reads and writes them on AF_PACKET and TAP, behind a virtio-net header.

     0        1          2         4          6            8              10
    +--------+----------+---------+----------+------------+--------------+----------------
    | flags  | gso_type | hdr_len | gso_size | csum_start | csum_offset  | Ethernet frame …
    +--------+----------+---------+----------+------------+--------------+----------------

The numbers are in the machine's byte order.  A frame that only passes through is never taken apart: what one device
gave, the other takes, checksum and segmentation still to do.

Sources: linux/virtio_net.h (struct virtio_net_hdr), packet(7), Documentation/networking/tuntap.rst.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Sequence

from vswitch.dpif.netdev import PacketIo
from vswitch.dpif.packet import Offload, Packet

NEEDS_CSUM, DATA_VALID = 1, 2  # Offload.flags
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4, GSO_ECN = 0, 1, 3, 4, 5, 0x80  # Offload.gso_type
HEADER = struct.Struct("=BBHHHH")
HEADER_SIZE = HEADER.size  # bytes
NO_OFFLOAD = bytes(HEADER_SIZE)
MAX_FRAME = HEADER_SIZE + 18 + 65535  # the longest GSO packet with Ethernet header and VLAN tag


class FrameIo(PacketIo):
    """Devices that take and give whole frames."""

    @abstractmethod
    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that wait; none is not an error."""

    @abstractmethod
    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Send in order; returns how many the device took.  The others are lost."""

    def receive(self, limit: int) -> list[Packet]:
        """Up to `limit` packets that wait."""
        return [packet_of(frame) for frame in self.receive_frames(limit)]

    def send(self, packets: Sequence[Packet]) -> int:
        """Send in order; returns how many the device took."""
        return self.send_frames([frame_of(packet) for packet in packets])


def packet_of(frame: bytes) -> Packet:
    """The packet in `frame`."""
    if frame.startswith(NO_OFFLOAD):
        return Packet(frame[HEADER_SIZE:])
    return Packet(frame[HEADER_SIZE:], Offload(*HEADER.unpack_from(frame)))


def frame_of(packet: Packet) -> bytes:
    """`packet` as a frame."""
    offload = packet.offload
    if offload is None:
        return NO_OFFLOAD + packet.data
    header = HEADER.pack(
        offload.flags,
        offload.gso_type,
        offload.hdr_len,
        offload.gso_size,
        offload.csum_start,
        offload.csum_offset,
    )
    return header + packet.data


def with_vlan(frame: bytes, tpid: int, tci: int) -> bytes:
    """`frame` with one more outermost VLAN tag; checksum and header lengths move with it."""
    flags, gso_type, hdr_len, gso_size, csum_start, csum_offset = HEADER.unpack_from(frame)
    if flags & NEEDS_CSUM:
        csum_start += 4
    if gso_type:
        hdr_len += 4
    head = HEADER.pack(flags, gso_type, hdr_len, gso_size, csum_start, csum_offset)
    return b"%b%b%b%b" % (head, frame[10:22], struct.pack("!HH", tpid, tci), frame[22:])
