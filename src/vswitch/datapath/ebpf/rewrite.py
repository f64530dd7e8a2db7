"""Set actions in eBPF: change header fields, and the checksums that cover them.

A field is changed in units of 1 to 6 bytes: read, keep what the mask does not cover, write.  The kernel's helpers
correct checksums for the difference, a partial one (which a device is to finish) included.  What covers what:

    field               IPv4 header checksum    TCP, UDP, ICMPv6 checksum
    IPv4 address        yes                     TCP, UDP: pseudo-header
    IPv6 address                                pseudo-header
    TOS, TTL            yes
    ports                                       yes
    ICMP type, code                             ICMP's own

Sources: RFC 768, 791, 793, 1624, 4443, 8200; bpf-helpers(7).
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R7,
    R8,
    R9,
    Address,
    Builder,
    Memory,
    Register,
    u8,
    u16,
    u32,
    u64,
)
from vswitch.bpf.helpers import Helper
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.parse import VLAN_TYPES
from vswitch.datapath.ebpf.skb import CONTEXT, be16
from vswitch.dpif.action import Set
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT
from vswitch.packet.numbers import ETH_ARP, ETH_IP, ETH_IPV6, ETH_RARP, ICMP, ICMPV6, TCP, UDP


class NotInEbpf(Exception):  # noqa: N818 - not an error, an answer
    """No program does this; userspace does."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Some bytes of a header that are changed at once."""

    slot: str  # of a Flow
    at: int  # byte of the header
    size: int  # bytes
    bits: int  # how many bits of the slot are in it
    shift: int = 0  # of these bits, in the unit
    part: int = 0  # of these bits, in the slot

    def pack(self, flow: int) -> bytes:
        """The unit's bytes as `flow` has them, and zeros up to 8."""
        bits = flow >> LAYOUT.offset(self.slot) + self.part & (1 << self.bits) - 1
        return (bits << self.shift).to_bytes(self.size, "big").ljust(8, b"\0")


# fmt: off
_METADATA = Unit("pkt_mark", 0, 4, 32), Unit("skb_priority", 0, 4, 32)
_ETHERNET = Unit("eth_dst", 0, 6, 48), Unit("eth_src", 6, 6, 48)
_ARP = (
    Unit("ip_proto", 6, 2, 16), Unit("arp_sha", 8, 6, 48), Unit("ip_src", 14, 4, 32),
    Unit("arp_tha", 18, 6, 48), Unit("ip_dst", 24, 4, 32),
)
_IPV4 = Unit("ip_src", 12, 4, 32), Unit("ip_dst", 16, 4, 32), Unit("ip_tos", 0, 2, 8), Unit("ip_ttl", 8, 2, 8, shift=8)
_IPV6 = (
    *(Unit("ipv6_src", 8 + 4 * i, 4, 32, part=96 - 32 * i) for i in range(4)),
    *(Unit("ipv6_dst", 24 + 4 * i, 4, 32, part=96 - 32 * i) for i in range(4)),
    Unit("ip_tos", 0, 4, 8, shift=20), Unit("ipv6_label", 0, 4, 20), Unit("ip_ttl", 7, 1, 8),
)
_PORTS = Unit("tp_src", 0, 2, 16), Unit("tp_dst", 2, 2, 16)
_ICMP = Unit("tp_src", 0, 2, 8, shift=8), Unit("tp_dst", 0, 2, 8)
# fmt: on
_ADDRESSES = "ip_src", "ip_dst", "ipv6_src", "ipv6_dst"
_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
_EXTENSIONS = 0, 43, 44, 51, 60  # headers between IPv6 and what it carries


def plan_rewrite(action: Set, flow: Flow, mask: Mask) -> tuple[Rewrite, bytes]:
    """The step that does `action` to the packets that agree with `flow` on `mask`, and its parameters."""
    header, type, protocol, known = _header(action, flow, mask)
    units = tuple(unit for unit in known if any(unit.pack(action.mask)))
    if action.mask & ~LAYOUT.mask(*{unit.slot for unit in known}):
        raise NotInEbpf
    value = action.value & action.mask
    parameters = b"".join([unit.pack(value) + unit.pack(action.mask) for unit in units])
    return Rewrite(header, units, type, protocol), parameters


def _header(action: Set, flow: Flow, mask: Mask) -> tuple[str, int, int, tuple[Unit, ...]]:
    """Which header `action` is about: its name, the Ethernet type, the protocol, and its units."""

    def exactly(slot: str) -> int:
        """What the megaflow, or the action itself, says of the packets."""
        whole = LAYOUT.mask(slot)
        says = flow if mask & whole == whole else action.value
        return (says & whole) >> LAYOUT.offset(slot)

    if action.mask & LAYOUT.mask("pkt_mark", "skb_priority"):
        return "metadata", 0, 0, _METADATA
    if action.mask & LAYOUT.mask("eth_dst", "eth_src"):
        return "ethernet", 0, 0, _ETHERNET
    type = exactly("eth_type")
    if type in (ETH_ARP, ETH_RARP):
        return "arp", type, 0, _ARP
    if type not in (ETH_IP, ETH_IPV6):
        raise NotInEbpf
    if not action.mask & LAYOUT.mask("tp_src", "tp_dst"):
        return ("ipv4", type, 0, _IPV4) if type == ETH_IP else ("ipv6", type, 0, _IPV6)
    protocol = exactly("ip_proto")
    if protocol not in _CHECKSUM_AT:
        raise NotInEbpf
    return "transport", type, protocol, _PORTS if protocol in (TCP, UDP) else _ICMP


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A step: change `units` of a header.  Parameters: for each, value and mask, 8 bytes each."""

    header: str  # metadata, ethernet, arp, ipv4, ipv6, transport
    units: tuple[Unit, ...]
    type: int = 0  # Ethernet type of the packet, if it matters
    protocol: int = 0  # for transport

    @property
    def size(self) -> int:
        """Bytes of parameters."""
        return 16 * len(self.units)

    @property
    def _finds_transport(self) -> bool:
        return self.header == "transport" or any(unit.slot in _ADDRESSES for unit in self.units)

    def check(self, b: Builder) -> None:
        """Go `up` unless the packet has the header where `emit` looks for it."""
        if self.header in ("metadata", "ethernet"):
            return
        with b.scratch(8) as buffer:
            _find_network(b, buffer)
            b.jump_if(R1 != be16(self.type), "up")
            if self.header == "transport":
                _load(b, R1, R8, 9 if self.type == ETH_IP else 6, u8(buffer), "up")
                b.jump_if(R1 != self.protocol, "up")
            elif self.type == ETH_IPV6 and self._finds_transport:
                _load(b, R1, R8, 6, u8(buffer), "up")
                for extension in _EXTENSIONS:
                    b.jump_if(R1 == extension, "up")

    def emit(self, b: Builder, at: int) -> None:
        """The code; its parameters are `at` bytes behind r9."""
        if self.header == "metadata":
            self._emit_metadata(b, at)
            return
        skip = b.new_label("skip")
        with b.scratch(8) as old, b.scratch(8) as new, b.scratch(8) as protocol:
            if self.header == "ethernet":
                b.mov(R8, 0)
            else:
                _find_network(b, old)
            if self._finds_transport:
                self._find_transport(b, old, protocol)
            if self.header == "transport":
                b.jump_if(R7 == 0, skip)
            for i, unit in enumerate(self.units):
                self._change(b, unit, at + 16 * i, old, new, protocol)
        b.label(skip)

    def _emit_metadata(self, b: Builder, at: int) -> None:
        for i, unit in enumerate(self.units):
            place = skb.MARK if unit.slot == "pkt_mark" else skb.PRIORITY
            b.load(R1, place)
            b.load(R2, u32(R9 + at + 16 * i + 8))
            b.swap(R2, 32)
            b.xor(R2, -1)
            b.and_(R1, R2)
            b.load(R2, u32(R9 + at + 16 * i))
            b.swap(R2, 32)
            b.or_(R1, R2)
            b.store(place, R1)

    def _find_transport(self, b: Builder, buffer: Address, protocol: Address) -> None:
        """r7 = where the transport header is, 0 if it is not in this fragment; its protocol goes on the stack."""
        none = b.new_label("none")
        b.mov(R7, 0)
        b.store(u64(protocol), 0)
        if self.type == ETH_IP:
            _load(b, R1, R8, 6, u16(buffer), none)
            b.jump_if(R1 & be16(0x1FFF), none)
            _load(b, R1, R8, 9, u8(buffer), none)
            b.store(u64(protocol), R1)
            _load(b, R7, R8, 0, u8(buffer), none)
            b.and_(R7, 15)
            b.lsh(R7, 2)
        else:
            _load(b, R1, R8, 6, u8(buffer), none)
            b.store(u64(protocol), R1)
            b.mov(R7, 40)
        b.add(R7, R8)
        b.label(none)

    def _change(self, b: Builder, unit: Unit, at: int, old: Address, new: Address, protocol: Address) -> None:
        """Change one unit; its parameters are `at` bytes behind r9."""
        base = R7 if self.header == "transport" else R8
        b.store(u64(old), 0)
        b.mov(R2, base)
        b.add(R2, unit.at)
        b.call(Helper.skb_load_bytes, CONTEXT, R2, old, unit.size)
        b.jump_if(R0 != 0, "failed")
        b.load(R1, u64(old))
        b.load(R2, u64(R9 + at + 8))
        b.xor(R2, -1)
        b.and_(R1, R2)
        b.load(R2, u64(R9 + at))
        b.or_(R1, R2)
        b.store(u64(new), R1)
        self._fix_checksums(b, unit, old, new, protocol)
        b.mov(R2, base)
        b.add(R2, unit.at)
        # A device's sum over an IPv6 header has to follow; in IPv4, the header's own checksum makes up for a change.
        follow = self.header == "ipv6" and unit.slot not in _ADDRESSES
        b.call(Helper.skb_store_bytes, CONTEXT, R2, new, unit.size, skb.F_RECOMPUTE_CSUM if follow else 0)
        b.jump_if(R0 != 0, "failed")

    def _fix_checksums(self, b: Builder, unit: Unit, old: Address, new: Address, protocol: Address) -> None:
        """Correct what covers `unit`, which is about to change from `old` to `new`."""
        if self.header == "transport":
            _fix(
                b,
                Helper.l4_csum_replace,
                R7,
                _CHECKSUM_AT[self.protocol],
                unit,
                old,
                new,
                _zero_flag(self.protocol),
            )
        if self.header == "ipv4":
            _fix(b, Helper.l3_csum_replace, R8, 10, unit, old, new, 0)
        if unit.slot not in _ADDRESSES or self.header not in ("ipv4", "ipv6"):
            return
        covered = b.new_label("covered")
        b.jump_if(R7 == 0, covered)
        for kind in (TCP, UDP) if self.header == "ipv4" else (TCP, UDP, ICMPV6):
            other = b.new_label("other")
            b.load(R1, u64(protocol))
            b.jump_if(R1 != kind, other)
            flags = skb.F_PSEUDO_HDR | _zero_flag(kind)
            if self.header == "ipv6":
                _fix(b, Helper.l4_csum_replace, R7, _CHECKSUM_AT[kind], unit, old, new, flags | skb.F_IPV6)
                b.jump_if(R0 == 0, covered)  # or the flag is unknown: before Linux 6.16
            _fix(b, Helper.l4_csum_replace, R7, _CHECKSUM_AT[kind], unit, old, new, flags)
            b.jump(covered)
            b.label(other)
        b.label(covered)


def _zero_flag(protocol: int) -> int:
    return skb.F_MARK_MANGLED_0 if protocol == UDP else 0


def _fix(
    b: Builder, helper: Helper, base: Register, at: int, unit: Unit, old: Address, new: Address, flags: int
) -> None:
    """Correct the checksum `at` bytes into the header at `base`."""
    b.mov(R2, base)
    b.add(R2, at)
    b.load(R3, Memory(old, unit.size))
    b.load(R4, Memory(new, unit.size))
    b.mov(R5, flags | unit.size)
    b.call(helper, CONTEXT, R2, R3, R4, R5)


def _find_network(b: Builder, buffer: Address) -> None:
    """r8 = where the network header is, r1 = the Ethernet type before it, as a load gives it."""
    found = b.new_label("found")
    b.mov(R8, 14)
    for _ in range(2):
        tag = b.new_label("tag")
        _load(b, R1, R8, -2, u16(buffer), "failed")
        for type in VLAN_TYPES:
            b.jump_if(R1 == be16(type), tag)
        b.jump(found)
        b.label(tag)
        b.add(R8, 4)
    _load(b, R1, R8, -2, u16(buffer), "failed")
    b.label(found)


def _load(b: Builder, dst: Register, base: Register, off: int, buffer: Memory, missing: str) -> None:
    """`dst` = what the packet has at `base` + `off`; `buffer`, on the stack, says how much."""
    b.mov(R2, base)
    b.add(R2, off)
    b.call(Helper.skb_load_bytes, CONTEXT, R2, buffer.at, buffer.width)
    b.jump_if(R0 != 0, missing)
    b.load(dst, buffer)
