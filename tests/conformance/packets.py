"""Packets for tests, built by hand: whole checksums, no code of the switch involved."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip4(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class Ethernet:
    """A frame; `tags` are (TPID, TCI), the outermost first."""

    dst: bytes = mac("02:00:00:00:00:02")
    src: bytes = mac("02:00:00:00:00:01")
    tags: tuple[tuple[int, int], ...] = ()
    type: int = 0x88B5  # for experiments (IEEE 802)
    payload: bytes = b"experiment".ljust(46, b".")

    def bytes(self) -> bytes:
        tags = b"".join(struct.pack("!HH", *tag) for tag in self.tags)
        return self.dst + self.src + tags + struct.pack("!H", self.type) + self.payload

    def with_(self, **changes: object) -> Ethernet:
        return replace(self, **changes)


@dataclass(frozen=True)
class Ip:
    """An IP packet with TCP, UDP or ICMP in an Ethernet frame."""

    version: int = 4
    proto: str = "tcp"
    eth_dst: bytes = mac("02:00:00:00:00:02")
    eth_src: bytes = mac("02:00:00:00:00:01")
    tags: tuple[tuple[int, int], ...] = ()
    src: bytes = b""
    dst: bytes = b""
    tos: int = 0
    ttl: int = 64
    label: int = 0
    sport: int = 1000
    dport: int = 2000
    tcp_flags: int = 0x18
    udp_checksum: bool = True
    icmp_type: int = 8
    icmp_code: int = 0
    payload: bytes = b"some payload, of an odd size"

    def __post_init__(self) -> None:
        if not self.src:
            source = ip4("10.0.0.1") if self.version == 4 else bytes.fromhex("fd" + "00" * 14 + "01")
            object.__setattr__(self, "src", source)
        if not self.dst:
            target = ip4("10.0.0.2") if self.version == 4 else bytes.fromhex("fd" + "00" * 14 + "02")
            object.__setattr__(self, "dst", target)

    def with_(self, **changes: object) -> Ip:
        return replace(self, **changes)

    def bytes(self) -> bytes:
        return Ethernet(
            self.eth_dst, self.eth_src, self.tags, 0x0800 if self.version == 4 else 0x86DD, self.ip()
        ).bytes()

    @property
    def number(self) -> int:
        return {"tcp": 6, "udp": 17, "icmp": 1 if self.version == 4 else 58}[self.proto]

    def ip(self) -> bytes:
        transport = self.transport()
        if self.version == 6:
            first = 6 << 28 | self.tos << 20 | self.label
            header = struct.pack("!IHBB", first, len(transport), self.number, self.ttl)
            return header + self.src + self.dst + transport
        size = 20 + len(transport)
        header = struct.pack("!BBHHHBBH", 0x45, self.tos, size, 0x1234, 0x4000, self.ttl, self.number, 0)
        header += self.src + self.dst
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + transport

    def transport(self) -> bytes:
        match self.proto:
            case "tcp":
                head = struct.pack(
                    "!HHIIBBHHH", self.sport, self.dport, 7, 9, 0x50, self.tcp_flags, 500, 0, 0
                )
                return self._summed(head + self.payload, 16)
            case "udp":
                data = struct.pack("!HHHH", self.sport, self.dport, 8 + len(self.payload), 0) + self.payload
                return self._summed(data, 6) if self.udp_checksum else data
            case _:
                data = struct.pack("!BBHHH", self.icmp_type, self.icmp_code, 0, 77, 1) + self.payload
                return self._summed(data, 2)

    def pseudo_header(self, size: int) -> bytes:
        if self.version == 6:
            return self.src + self.dst + struct.pack("!II", size, self.number)
        return self.src + self.dst + struct.pack("!HH", self.number, size)

    def _summed(self, data: bytes, at: int) -> bytes:
        pseudo = b"" if self.number == 1 else self.pseudo_header(len(data))
        return data[:at] + struct.pack("!H", checksum(pseudo + data) or 0xFFFF) + data[at + 2 :]
