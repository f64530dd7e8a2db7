"""Extract a packet's key in eBPF: bit for bit what `vswitch.flow.extract` finds in the same packet.

The parser is generated for the slots that the present masks look at; a slot that nobody wants is not stored.  It reads
the packet directly.  Where a header reaches beyond the linear part of the packet, the first PULL bytes are made
linear and the program begins again, by a tail call to itself.  What it cannot follow (network service headers, more
than MAX_EXTENSIONS extension headers or MAX_OPTIONS neighbour discovery options, headers beyond PULL bytes) it does
not guess at: it goes to `up`, and userspace parses the packet.

This is layers 2 and 3; layer 4 is in transport.py, and walk.py has the registers.

**Short to verify.**  The program is loaded anew when a mask comes, and a packet waits for it.  The verifier follows
each path on its own, unless what it knows where two meet is the same; so no path may leave it a knowledge of its own.
Loaded for the masks of a learning switch, L4 rules and IPv6 (for neighbour discovery, too), in milliseconds: 11 (80)
if paths are left as they come; 10 (42) with the key in a map, whose contents the verifier does not follow, and not on
the stack; 3 (11) with one test that tells all extension headers from protocols; 2.2 (2.8) with `forget`.

Sources: RFC 791, 826, 4861, 8200; IEEE 802.1Q, 802.2; OVS lib/flow.c for what a malformed packet is.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import (
    R1,
    R2,
    R3,
    R4,
    R5,
    R7,
    R8,
    R9,
    Address,
    u8,
    u16,
    u32,
    u64,
)
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.keys import PARTS, WORD
from vswitch.datapath.ebpf.skb import be16
from vswitch.datapath.ebpf.transport import TransportParser
from vswitch.packet import numbers

MAX_EXTENSIONS = 4

VLAN_TYPES = numbers.ETH_VLAN, numbers.ETH_QINQ
MPLS = numbers.ETH_MPLS, numbers.ETH_MPLS_MC
_NO_TYPE = 0x05FF  # what a flow has as the type of a frame without one
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_EXTENSIONS = sum(1 << n for n in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION))
_FRAG_ANY, _FRAG_LATER = 1, 2


@dataclass(frozen=True, slots=True)
class Parser(TransportParser):
    """The generator of all of it, for one program."""

    def emit(self) -> None:
        """The parser; the program goes on after it with the key in place."""
        b = self.b
        with b.scratch(8) as count:
            self._begin()
            self._tags()
            self._type()
            self._arp()
            self._mpls()
            self._ipv4()
            self._ipv6(count)
            self.transport(count)
            self.short()
            b.label("parsed")

    # Layer 2

    def _begin(self) -> None:
        """Load the packet's bounds, clear the key, take what the packet does not contain; r9 = the Ethernet type."""
        b = self.b
        b.load(R7, skb.DATA)
        b.load(R8, skb.DATA_END)
        for word in sorted({part.at // WORD for part in PARTS if part.slot in self.wanted}):
            b.store(u64(self.key + word * WORD), 0)
        for slot, memory in (
            ("in_port", skb.IFINDEX),
            ("pkt_mark", skb.MARK),
            ("skb_priority", skb.PRIORITY),
        ):
            if slot in self.wanted:
                b.load(R1, memory)
                self.put(slot, R1)
        b.mov(R9, R7)
        self.need(14)
        self.copy("eth_dst", R9, 0, 6)
        self.copy("eth_src", R9, 6, 6)
        b.add(R9, 12)

    def _tags(self) -> None:
        """Take up to two VLAN tags; r4 = the type after them, to which r9 points."""
        b = self.b
        b.load(R4, u16(R9 + 0))
        b.load(R1, skb.VLAN_PRESENT)
        b.jump_if(R1 == 0, "outer")
        b.load(R1, skb.VLAN_TCI)
        b.or_(R1, 0x1000)
        b.swap(R1, 16)
        self.put("vlan_tci", R1)
        b.load(R1, skb.VLAN_PROTO)
        self.put("vlan_tpid", R1)
        b.jump("inner")
        b.label("outer")
        self._tag("vlan")
        b.label("inner")
        self._tag("vlan2")
        b.label("untagged")

    def _tag(self, prefix: str) -> None:
        """Take one tag from the packet, or go to `untagged`."""
        b = self.b
        tag = b.new_label("tag")
        for type in VLAN_TYPES:
            b.jump_if(R4 == be16(type), tag)
        b.jump("untagged")
        b.label(tag)
        self.remaining(R1, R2)
        b.jump_if(R1 < 6, "untagged")
        self.need(6)
        b.load(R1, u16(R9 + 2))
        b.or_(R1, be16(0x1000))
        self.put(f"{prefix}_tci", R1)
        self.put(f"{prefix}_tpid", R4)
        b.load(R4, u16(R9 + 4))
        b.add(R9, 4)

    def _type(self) -> None:
        """Store the Ethernet type and go to what it says; r9 = the header after it."""
        b = self.b
        b.add(R9, 2)
        b.mov(R1, R4)
        b.swap(R1, 16)
        b.jump_if(R1 >= 0x0600, "typed")
        b.mov(R4, be16(_NO_TYPE))
        self.remaining(R1, R2)
        b.jump_if(R1 < 8, "typed")
        self.need(8)
        b.load(R1, u32(R9 + 0))
        b.mov(R2, int.from_bytes(b"\xaa\xaa\x03\x00", "little"))
        b.jump_if(R1 != R2, "typed")
        b.load(R1, u16(R9 + 4))
        b.jump_if(R1 != 0, "typed")
        b.load(R1, u16(R9 + 6))
        b.add(R9, 8)
        b.mov(R2, R1)
        b.swap(R2, 16)
        b.jump_if(R2 < 0x0600, "typed")
        b.mov(R4, R1)
        b.label("typed")
        self.put("eth_type", R4)
        self.forget(6)
        for type in (numbers.ETH_IP, numbers.ETH_IPV6, numbers.ETH_ARP, numbers.ETH_RARP):
            b.jump_if(R4 == be16(type), {numbers.ETH_IP: "ipv4", numbers.ETH_IPV6: "ipv6"}.get(type, "arp"))
        for type in MPLS:
            b.jump_if(R4 == be16(type), "mpls")
        b.jump("parsed")

    # Layer 3

    def _arp(self) -> None:
        """ARP and RARP, for IPv4 on Ethernet."""
        b = self.b
        with self.section("arp"):
            self.remaining(R1, R2)
            b.jump_if(R1 < 28, "parsed")
            self.need(28)
            b.load(R1, u32(R9 + 0))
            b.jump_if(R1 != int.from_bytes(b"\0\1\x08\0", "little"), "parsed")
            b.load(R1, u16(R9 + 4))
            b.jump_if(R1 != be16(0x0604), "parsed")
            b.load(R1, u8(R9 + 6))
            with b.when(R1 == 0):  # an operation above 255 is none
                b.load(R1, u8(R9 + 7))
                self.put("ip_proto", R1, 1, skip=1)
            self.copy("arp_sha", R9, 8, 6)
            self.copy("ip_src", R9, 14, 4)
            self.copy("arp_tha", R9, 18, 6)
            self.copy("ip_dst", R9, 24, 4)

    def _mpls(self) -> None:
        """Up to three label stack entries."""
        b = self.b
        with self.section("mpls"):
            for slot in ("mpls_lse", "mpls2_lse", "mpls3_lse"):
                self.remaining(R1, R2)
                b.jump_if(R1 < 4, "parsed")
                self.need(4)
                b.load(R1, u32(R9 + 0))
                self.put(slot, R1)
                b.jump_if(R1 & 1 << 16, "parsed")  # the bottom of the stack: bit 0 of the third byte
                b.add(R9, 4)

    def _ipv4(self) -> None:
        b = self.b
        b.label("ipv4")
        self.need(20)
        b.load(R2, u8(R9 + 0))
        b.and_(R2, 15)
        b.lsh(R2, 2)
        b.jump_if(R2 < 20, "parsed")
        b.load(R3, u16(R9 + 2))
        b.swap(R3, 16)
        b.jump_if(R2 > R3, "parsed")
        self.remaining(R4, R5)
        b.jump_if(R3 > R4, "parsed")
        b.sub(R3, R2)
        b.mov(R5, R2)  # the header's length
        self.copy("ip_src", R9, 12, 4)
        self.copy("ip_dst", R9, 16, 4)
        self.copy("ip_tos", R9, 1, 1)
        self.copy("ip_ttl", R9, 8, 1)
        b.load(R1, u8(R9 + 9))
        self.put("ip_proto", R1, 1, skip=1)
        b.load(R4, u16(R9 + 6))
        b.add(R9, R5)
        b.jump_if(R4 & be16(0x3FFF), "ipv4 fragment")
        b.jump("transport")
        b.label("ipv4 fragment")
        b.jump_if(R4 & be16(0x1FFF), "later fragment")
        self.put("ip_frag", _FRAG_ANY)
        b.jump("transport")
        with self.section("later fragment"):
            self.put("ip_frag", _FRAG_ANY | _FRAG_LATER)

    def _ipv6(self, count: Address) -> None:
        b = self.b
        b.label("ipv6")
        self.need(40)
        b.load(R3, u16(R9 + 4))
        b.swap(R3, 16)
        self.remaining(R4, R5)
        b.sub(R4, 40)
        b.jump_if(R4.negative, "parsed")
        b.jump_if(R3 > R4, "parsed")
        self.copy("ipv6_src", R9, 8, 16)
        self.copy("ipv6_dst", R9, 24, 16)
        b.load(R1, u16(R9 + 0))
        b.swap(R1, 16)
        b.rsh(R1, 4)
        self.put("ip_tos", R1)
        b.load(R1, u32(R9 + 0))
        b.and_(R1, int.from_bytes(b"\0\x0f\xff\xff", "little", signed=True))
        self.put("ipv6_label", R1)
        self.copy("ip_ttl", R9, 7, 1)
        b.load(R1, u8(R9 + 6))
        b.add(R9, 40)
        b.store(u64(count), 0)
        self._extensions(count)
        self.put("ip_proto", R1, 1, skip=1)

    def _extensions(self, count: Address) -> None:
        """Pass over extension headers: r1 = the protocol after them."""
        b = self.b
        b.label("extension")
        self.forget(14)
        self.forget_length()
        b.mov(R2, R1)
        b.rsh(R2, 6)
        b.jump_if(R2 != 0, "no extension")  # 64 and above
        b.mov(R2, _EXTENSIONS)
        b.rsh(R2, R1)
        b.jump_if(R2 & 1, "is extension")
        b.jump("no extension")
        b.label("is extension")
        b.increment(u64(count), 1, R2)
        b.jump_if(R2 > MAX_EXTENSIONS, self.up)
        b.jump_if(R3 < 8, "bad extension")
        self.need(8)
        b.mov(R4, R1)
        b.load(R1, u8(R9 + 0))
        b.load(R2, u8(R9 + 1))
        b.jump_if(R4 == _FRAGMENT, "ipv6 fragment")
        b.jump_if(R4 == _AUTHENTICATION, "authentication")
        b.add(R2, 1)
        b.lsh(R2, 3)
        b.jump("pass extension")
        b.label("authentication")
        b.add(R2, 2)
        b.lsh(R2, 2)
        b.label("pass extension")
        b.jump_if(R2 > R3, "bad extension")
        b.sub(R3, R2)
        b.add(R9, R2)
        b.jump("extension")
        b.label("ipv6 fragment")
        b.load(R2, u16(R9 + 2))
        b.add(R9, 8)
        b.sub(R3, 8)
        b.jump_if(R2 == 0, "extension")  # a fragment that is the whole
        b.jump_if(R2 & be16(0xFFF8), "later ipv6 fragment")
        self.put("ip_frag", _FRAG_ANY)
        b.jump("extension")
        with self.section("later ipv6 fragment"):
            self.put("ip_proto", _FRAGMENT, 1, skip=1)
            self.put("ip_frag", _FRAG_ANY | _FRAG_LATER)
        with self.section("bad extension"):
            for slot in ("ip_tos", "ip_ttl", "ipv6_label", "ip_frag"):
                self.put(slot, 0)
        b.label("no extension")
