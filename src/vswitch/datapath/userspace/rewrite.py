"""Changing header bits of a frame, and the checksums that cover them.

A `Rewriter` finds the headers once; `set` then overwrites what a mask says.  Checksums are updated by the difference.
Where a packet has left its checksum to the device, the field holds the sum of the pseudo header instead: then it
changes with addresses, the other way round, and not with ports.

Sources: RFC 1624; RFC 768 (a checksum of 0 is none); RFC 9260, 6.8 (SCTP's CRC32c); linux/virtio_net.h.
"""

from __future__ import annotations

from vswitch.dpif.frame import HEADER_SIZE, NEEDS_CSUM
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT
from vswitch.packet import numbers
from vswitch.packet.checksum import crc32c, updated

_CHECKSUM_AT = {numbers.TCP: 16, numbers.UDP: 6, numbers.ICMP: 2, numbers.ICMPV6: 2}
_PSEUDO_SUMMED = (numbers.TCP, numbers.UDP, numbers.ICMPV6)  # their checksums cover IPv6's addresses
_VLAN_TYPES = (numbers.ETH_VLAN, numbers.ETH_QINQ)
_EXTENSION_HEADERS = (0, 43, 60, 135, 139, 140)  # whose size is in their second byte, in units of 8 bytes
_FRAGMENT_HEADER, _AUTHENTICATION_HEADER, _ROUTING_HEADER = 44, 51, 43


def _slots(*fields: tuple[str, int, int]) -> tuple[tuple[Mask, int, int, int], ...]:
    """(mask, offset in a Flow, offset in the header, bytes) of (slot, offset in the header, bytes)."""
    return tuple((LAYOUT.mask(slot), LAYOUT.offset(slot), at, size) for slot, at, size in fields)


_ETH = _slots(("eth_dst", 0, 6), ("eth_src", 6, 6))
_IPV4 = _slots(("ip_tos", 1, 1), ("ip_ttl", 8, 1), ("ip_src", 12, 4), ("ip_dst", 16, 4))
_IPV6_ADDRESSES = _slots(("ipv6_src", 8, 16), ("ipv6_dst", 24, 16))
_ARP = _slots(("ip_proto", 6, 2), ("arp_sha", 8, 6), ("ip_src", 14, 4), ("arp_tha", 18, 6), ("ip_dst", 24, 4))
_PORTS = _slots(("tp_src", 0, 2), ("tp_dst", 2, 2))
_ICMP_FIELDS = _slots(("tp_src", 0, 1), ("tp_dst", 1, 1))
_ND_TARGET = _slots(("nd_target", 8, 16))
_ND_OPTIONS = {
    1: LAYOUT.offset("arp_sha"),
    2: LAYOUT.offset("arp_tha"),
}  # link-layer address options, by type
_LABEL, _TOS, _TTL = (LAYOUT.offset(slot) for slot in ("ipv6_label", "ip_tos", "ip_ttl"))
_ND_LINK_LAYER = LAYOUT.mask("arp_sha", "arp_tha")
_ND_MASK = LAYOUT.mask("nd_target") | _ND_LINK_LAYER
_ETH_MASK = LAYOUT.mask("eth_src", "eth_dst")
_L3_MASK = LAYOUT.mask(
    "ip_proto",
    "ip_ttl",
    "ip_tos",
    "ip_src",
    "ip_dst",
    "ipv6_src",
    "ipv6_dst",
    "ipv6_label",
    "arp_sha",
    "arp_tha",
)
_L4_MASK = LAYOUT.mask("tp_src", "tp_dst")


class Rewriter:
    """A frame whose headers can be changed.  What a packet does not have is not changed."""

    def __init__(self, frame: bytes) -> None:
        """Find the headers."""
        self._frame = bytearray(frame)
        self._partial = bool(frame[0] & NEEDS_CSUM)
        self._l3, self._eth_type = _network_header(frame)
        self._l4, self._protocol, self._routed = 0, 0, False
        if self._eth_type == numbers.ETH_IP:
            self._find_ipv4()
        elif self._eth_type == numbers.ETH_IPV6:
            self._find_ipv6()

    def frame(self) -> bytes:
        """The frame as it is now."""
        return bytes(self._frame)

    def set(self, value: Flow, mask: Mask) -> None:
        """Overwrite the bits that `mask` says by those of `value`."""
        if mask & _ETH_MASK and self._has(HEADER_SIZE, 14):
            self._write(HEADER_SIZE, _ETH, value, mask)
        if mask & _L3_MASK and self._l3:
            match self._eth_type:
                case numbers.ETH_IP if self._l4:
                    self._set_ipv4(value, mask)
                case numbers.ETH_IPV6:
                    self._set_ipv6(value, mask)
                case numbers.ETH_ARP | numbers.ETH_RARP if self._has(self._l3, 28):
                    self._write(self._l3, _ARP, value, mask)
        if mask & (_L4_MASK | _ND_MASK) and self._l4:
            self._set_l4(value, mask)

    def _find_ipv4(self) -> None:
        frame, at = self._frame, self._l3
        if not self._has(at, 20) or frame[at] >> 4 != 4 or (size := (frame[at] & 15) * 4) < 20:
            self._l3 = 0
            return
        self._protocol = (
            frame[at + 9] if not (frame[at + 6] & 0x1F | frame[at + 7]) else 0
        )  # later fragments: none
        self._l4 = at + size

    def _find_ipv6(self) -> None:
        frame, at = self._frame, self._l3
        if not self._has(at, 40) or frame[at] >> 4 != 6:
            self._l3 = 0
            return
        protocol, at = frame[at + 6], at + 40
        while self._has(at, 8):
            if protocol in _EXTENSION_HEADERS:
                self._routed |= protocol == _ROUTING_HEADER and frame[at + 3] > 0  # segments left
                protocol, at = frame[at], at + 8 + frame[at + 1] * 8
            elif protocol == _AUTHENTICATION_HEADER:
                protocol, at = frame[at], at + 8 + frame[at + 1] * 4
            elif protocol == _FRAGMENT_HEADER:
                if frame[at + 2] or frame[at + 3] & 0xF8:
                    return
                protocol, at = frame[at], at + 8
            else:
                self._l4, self._protocol = at, protocol
                return

    def _set_ipv4(self, value: Flow, mask: Mask) -> None:
        at = self._l3
        before = bytes(self._frame[at : at + 20])
        self._write(at, _IPV4, value, mask)
        after = bytes(self._frame[at : at + 20])
        if before == after:
            return
        checksum = updated(_u16(before, 10), _number(before), _number(after))
        self._frame[at + 10 : at + 12] = checksum.to_bytes(2, "big")
        if before[12:] != after[12:] and self._protocol in (numbers.TCP, numbers.UDP):
            self._update_l4(before[12:], after[12:], pseudo=True)

    def _set_ipv6(self, value: Flow, mask: Mask) -> None:
        at = self._l3
        first = int.from_bytes(self._frame[at : at + 4], "big")
        bits = mask >> _TOS & 0xFF, mask >> _LABEL & 0xFFFFF
        chosen = bits[0] << 20 | bits[1]
        wanted = (value >> _TOS & 0xFF) << 20 | value >> _LABEL & 0xFFFFF
        self._frame[at : at + 4] = (first & ~chosen | wanted & chosen).to_bytes(4, "big")
        self._frame[at + 7] = _merge(self._frame[at + 7], value >> _TTL & 0xFF, mask >> _TTL & 0xFF)
        before = bytes(self._frame[at + 8 : at + 40])
        self._write(at, _IPV6_ADDRESSES, value, mask)
        after = bytes(self._frame[at + 8 : at + 40])
        if self._routed:  # the checksum covers the last destination, which is in the routing header
            before, after = before[:16], after[:16]
        if before != after and self._protocol in _PSEUDO_SUMMED:
            self._update_l4(before, after, pseudo=True)

    def _set_l4(self, value: Flow, mask: Mask) -> None:
        match self._protocol:
            case 6 | 17 if self._has(self._l4, 8):
                self._set_covered(_PORTS, 4, value, mask)
            case 132 if self._has(self._l4, 12):
                self._set_sctp(value, mask)
            case 1 | 58 if self._has(self._l4, 8):
                self._set_covered(_ICMP_FIELDS, 2, value, mask)
                if (
                    mask & _ND_MASK
                    and self._protocol == numbers.ICMPV6
                    and self._frame[self._l4] in (135, 136)
                ):
                    self._set_nd(value, mask)

    def _set_covered(
        self, slots: tuple[tuple[Mask, int, int, int], ...], size: int, value: Flow, mask: Mask
    ) -> None:
        """Overwrite fields among the first `size` bytes of the transport header."""
        before = bytes(self._frame[self._l4 : self._l4 + size])
        self._write(self._l4, slots, value, mask)
        after = bytes(self._frame[self._l4 : self._l4 + size])
        if before != after:
            self._update_l4(before, after, pseudo=False)

    def _set_nd(self, value: Flow, mask: Mask) -> None:
        """Target and link-layer addresses of neighbour discovery."""
        start = self._l4
        if not self._has(start, 24):
            return
        end = start + (len(self._frame) - start) // 2 * 2
        before = bytes(self._frame[start:end])
        self._write(start, _ND_TARGET, value, mask)
        at = start + 24
        while self._has(at, 8) and (size := self._frame[at + 1] * 8):
            offset = _ND_OPTIONS.get(self._frame[at])
            if offset is not None and size == 8:
                old = int.from_bytes(self._frame[at + 2 : at + 8], "big")
                new = _merge(old, value >> offset & 0xFFFFFFFFFFFF, mask >> offset & 0xFFFFFFFFFFFF)
                self._frame[at + 2 : at + 8] = new.to_bytes(6, "big")
            at += size
        after = bytes(self._frame[start:end])
        if before != after:
            self._update_l4(before, after, pseudo=False)

    def _set_sctp(self, value: Flow, mask: Mask) -> None:
        """SCTP's ports.  A wrong CRC stays exactly as wrong as it was."""
        at = self._l4
        before = self._sctp_crc()
        self._write(at, _PORTS, value, mask)
        field = int.from_bytes(self._frame[at + 8 : at + 12], "little")
        self._frame[at + 8 : at + 12] = (field ^ before ^ self._sctp_crc()).to_bytes(4, "little")

    def _sctp_crc(self) -> int:
        packet = self._frame[self._l4 :]
        packet[8:12] = bytes(4)
        return crc32c(bytes(packet))

    def _update_l4(self, before: bytes, after: bytes, pseudo: bool) -> None:
        """Let the transport checksum follow a change; `pseudo`: of what only the pseudo header has."""
        at = self._l4 + _CHECKSUM_AT[self._protocol]
        if at + 2 > len(self._frame) or (self._partial and not pseudo):
            return
        field = int.from_bytes(self._frame[at : at + 2], "big")
        if self._partial:
            field = ~updated(~field & 0xFFFF, _number(before), _number(after)) & 0xFFFF
        elif self._protocol != numbers.UDP:
            field = updated(field, _number(before), _number(after))
        elif field:
            field = updated(field, _number(before), _number(after)) or 0xFFFF
        self._frame[at : at + 2] = field.to_bytes(2, "big")

    def _write(
        self, base: int, slots: tuple[tuple[Mask, int, int, int], ...], value: Flow, mask: Mask
    ) -> None:
        """Overwrite fields of the header at `base`."""
        for slot_mask, offset, at, size in slots:
            if mask & slot_mask:
                ones, start = (1 << 8 * size) - 1, base + at
                old = int.from_bytes(self._frame[start : start + size], "big")
                new = _merge(old, value >> offset & ones, mask >> offset & ones)
                self._frame[start : start + size] = new.to_bytes(size, "big")

    def _has(self, at: int, size: int) -> bool:
        """Whether `size` bytes from `at` are in the frame."""
        return at + size <= len(self._frame)


def _network_header(frame: bytes) -> tuple[int, int]:
    """(offset, type) of the header after Ethernet and VLAN tags; (0, 0) if the frame ends before."""
    at = HEADER_SIZE + 12
    while at + 2 <= len(frame):
        eth_type = frame[at] << 8 | frame[at + 1]
        if eth_type not in _VLAN_TYPES:
            return at + 2, eth_type
        at += 4
    return 0, 0


def _merge(old: int, new: int, mask: int) -> int:
    return old & ~mask | new & mask


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
