"""Doing in software what a packet leaves to its device: partial checksums and segmentation.

For devices without a virtio-net header, for captures and for packets that go to a controller: whoever reads those
expects packets as they are on a wire.

Sources: linux/virtio_net.h; virtio 1.2, 5.1.6.2 (packet transmission); RFC 9293, 3.1 (TCP header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.dpif.frame import GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM
from vswitch.dpif.packet import Offload, Packet
from vswitch.packet.checksum import checksum, ones_sum, pseudo_header_sum
from vswitch.packet.numbers import TCP, UDP

_FIN, _PSH, _CWR = 0x01, 0x08, 0x80


def finished(packet: Packet) -> list[Packet]:
    """`packet` as it is on a wire: one packet, or its segments, with whole checksums.

    Never raises: what `offload` says about a packet that is not like that is not done.
    """
    offload = packet.offload
    if offload is None or not (offload.flags & NEEDS_CSUM or offload.gso_type):
        return [packet if offload is None else Packet(packet.data)]
    protocol = {GSO_TCPV4: TCP, GSO_TCPV6: TCP, GSO_UDP_L4: UDP}.get(offload.gso_type & ~GSO_ECN)
    if protocol is None or not offload.gso_size:
        return [Packet(_with_checksum(packet.data, offload))]
    return [Packet(data) for data in _segments(packet.data, offload, protocol)]


def _with_checksum(data: bytes, offload: Offload) -> bytes:
    """`data` with the checksum that covers it from `csum_start` on; the field holds the pseudo header's sum."""
    at = offload.csum_start + offload.csum_offset
    if not offload.flags & NEEDS_CSUM or at + 2 > len(data):
        return data
    value = checksum(data[offload.csum_start :]) or 0xFFFF  # zero would mean that UDP has none
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def _segments(data: bytes, offload: Offload, protocol: int) -> Iterator[bytes]:
    """The packets of `gso_size` payload bytes into which TCP or UDP `data` is to be cut."""
    l4 = offload.csum_start
    l3 = _network_header(data)
    payload_at = l4 + (data[l4 + 12] >> 4 << 2 if protocol == TCP and l4 + 12 < len(data) else 8)
    if l3 + 20 > l4 or payload_at > len(data) or payload_at - l4 < (20 if protocol == TCP else 8):
        yield data
        return
    payload = data[payload_at:]
    for i, start in enumerate(range(0, len(payload), offload.gso_size) or [0]):
        piece = payload[start : start + offload.gso_size]
        segment = bytearray(data[:payload_at] + piece)
        if protocol == TCP:
            _adjust_tcp(segment, l4, start, last=start + len(piece) == len(payload))
        else:
            struct.pack_into("!H", segment, l4 + 4, 8 + len(piece))
        _adjust_ip(segment, l3, i)
        _set_checksum(segment, l3, l4, protocol)
        yield bytes(segment)


def _network_header(data: bytes) -> int:
    """The offset of what follows the Ethernet header and its VLAN tags."""
    at = 14
    while data[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return at


def _adjust_tcp(segment: bytearray, l4: int, start: int, last: bool) -> None:
    """The sequence number of a segment; FIN and PSH are the last one's, CWR the first one's."""
    (sequence,) = struct.unpack_from("!I", segment, l4 + 4)
    struct.pack_into("!I", segment, l4 + 4, sequence + start & 0xFFFFFFFF)
    if not last:
        segment[l4 + 13] &= ~(_FIN | _PSH)
    if start:
        segment[l4 + 13] &= ~_CWR


def _adjust_ip(segment: bytearray, l3: int, i: int) -> None:
    """Length, and in IPv4 identification and checksum, of the segment number `i`."""
    if segment[l3] >> 4 == 6:
        struct.pack_into("!H", segment, l3 + 4, len(segment) - l3 - 40)
        return
    (identification,) = struct.unpack_from("!H", segment, l3 + 4)
    struct.pack_into("!HH", segment, l3 + 2, len(segment) - l3, identification + i & 0xFFFF)
    struct.pack_into("!H", segment, l3 + 10, 0)
    header = bytes(segment[l3 : l3 + (segment[l3] & 15) * 4])
    struct.pack_into("!H", segment, l3 + 10, checksum(header))


def _set_checksum(segment: bytearray, l3: int, l4: int, protocol: int) -> None:
    """The checksum of a segment's TCP or UDP."""
    at = l4 + (16 if protocol == TCP else 6)
    struct.pack_into("!H", segment, at, 0)
    first, last = (8, 40) if segment[l3] >> 4 == 6 else (12, 20)
    addresses = bytes(segment[l3 + first : l3 + last])
    body = bytes(segment[l4:])
    total = ones_sum(body, pseudo_header_sum(addresses, b"", protocol, len(body)))
    struct.pack_into("!H", segment, at, ~total & 0xFFFF or 0xFFFF)
