"""Headers to bytes: each function puts one header before what it carries, with lengths and checksums right.

Addresses and fields are ints.  IP headers have no options and, where it does not matter, identification 0.

Sources: IEEE 802.3; RFC 791, 8200, 9293, 768, 792, 4443, 9260, 826, 8300.
"""

from __future__ import annotations

from struct import Struct

from vswitch.packet.checksum import checksum, crc32c, ones_sum, pseudo_header_sum
from vswitch.packet.numbers import ETH_IP, ICMPV6

MORE_FRAGMENTS = 0x2000  # in IPv4's fragment word
_FRAGMENT_HEADER = 44

_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_TCP = Struct("!HHIIHHHH")
_UDP = Struct("!HHHH")
_SCTP = Struct("!HHI")
_ICMP = Struct("!BBHI")
_ARP = Struct("!HHBBH6s4s6s4s")
_NSH = Struct("!HBBI")


class Addresses:
    """Source and destination of an IP packet, in bytes: checksums of what it carries cover them."""

    __slots__ = ("destination", "source")

    def __init__(self, source: int, destination: int, size: int) -> None:
        self.source = source.to_bytes(size, "big")
        self.destination = destination.to_bytes(size, "big")

    def sum(self, protocol: int, data: bytes) -> int:
        """The ones' complement sum over the pseudo header of `data`."""
        return pseudo_header_sum(self.source, self.destination, protocol, len(data))


def ethernet(destination: int, source: int, eth_type: int, payload: bytes) -> bytes:
    """An Ethernet frame; less than 0x600 as `eth_type` is the length of an IEEE 802.3 frame."""
    return (destination << 64 | source << 16 | eth_type).to_bytes(14, "big") + payload


def push_vlan(frame: bytes, tpid: int, tci: int) -> bytes:
    """`frame` with another tag as its outermost."""
    return frame[:12] + (tpid << 16 | tci).to_bytes(4, "big") + frame[12:]


def ipv4(
    addresses: Addresses, protocol: int, payload: bytes, tos: int = 0, ttl: int = 64, fragment: int = 0
) -> bytes:
    """An IPv4 packet; `fragment` is the word of flags and offset."""
    size = _IPV4.size + len(payload)

    def header(csum: int) -> bytes:
        return _IPV4.pack(
            0x45, tos, size, 0, fragment, ttl, protocol, csum, addresses.source, addresses.destination
        )

    return header(checksum(header(0))) + payload


def ipv6(
    addresses: Addresses, protocol: int, payload: bytes, tos: int = 0, label: int = 0, hop_limit: int = 64
) -> bytes:
    """An IPv6 packet."""
    first = 6 << 28 | tos << 20 | label
    return (
        _IPV6.pack(first, len(payload), protocol, hop_limit, addresses.source, addresses.destination)
        + payload
    )


def ipv6_fragment(protocol: int, offset: int, more: bool, payload: bytes) -> bytes:
    """A fragment header, to be carried as protocol 44; `offset` counts units of 8 bytes."""
    return bytes((protocol, 0, *(offset << 3 | more).to_bytes(2, "big"), 0, 0, 0, 0)) + payload


def tcp(addresses: Addresses, source: int, destination: int, flags: int, payload: bytes = b"") -> bytes:
    """A TCP segment without options, at sequence number 0 and with window 0."""

    def segment(csum: int) -> bytes:
        return _TCP.pack(source, destination, 0, 0, 5 << 12 | flags, 0, csum, 0) + payload

    return segment(_sum(addresses, 6, segment(0)))


def udp(addresses: Addresses, source: int, destination: int, payload: bytes = b"") -> bytes:
    """A UDP datagram."""

    def datagram(csum: int) -> bytes:
        return _UDP.pack(source, destination, _UDP.size + len(payload), csum) + payload

    return datagram(_sum(addresses, 17, datagram(0)) or 0xFFFF)  # 0 means that there is none


def sctp(source: int, destination: int, payload: bytes = b"") -> bytes:
    """An SCTP packet with verification tag 0 around chunks."""
    packet = _SCTP.pack(source, destination, 0) + bytes(4) + payload
    return packet[:8] + crc32c(packet).to_bytes(4, "little") + packet[12:]


def icmp(type: int, code: int, rest: int = 0, payload: bytes = b"") -> bytes:
    """An ICMP or IGMP message; `rest` is the second word of its header."""
    message = _ICMP.pack(type, code, 0, rest) + payload
    return _ICMP.pack(type, code, checksum(message), rest) + payload


def icmpv6(addresses: Addresses, type: int, code: int, rest: int = 0, payload: bytes = b"") -> bytes:
    """An ICMPv6 message; `rest` is the second word of its header."""
    message = _ICMP.pack(type, code, 0, rest) + payload
    return _ICMP.pack(type, code, _sum(addresses, ICMPV6, message), rest) + payload


def arp(op: int, sender: tuple[int, int], target: tuple[int, int]) -> bytes:
    """An ARP packet; `sender` and `target` are each a hardware and an IPv4 address."""
    (sha, spa), (tha, tpa) = sender, target
    return _ARP.pack(
        1, ETH_IP, 6, 4, op,
        sha.to_bytes(6, "big"), spa.to_bytes(4, "big"), tha.to_bytes(6, "big"), tpa.to_bytes(4, "big"),
    )  # fmt: skip


def nsh(flags: int, ttl: int, np: int, path: int, context: bytes, mdtype: int) -> bytes:
    """A network service header; `path` is the service path and index."""
    words = 2 + len(context) // 4
    return _NSH.pack(flags << 12 | ttl << 6 | words, mdtype, np, path) + context


def _sum(addresses: Addresses, protocol: int, data: bytes) -> int:
    return ~ones_sum(data, addresses.sum(protocol, data)) & 0xFFFF
