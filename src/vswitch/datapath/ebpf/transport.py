"""The transport headers, in eBPF: ports, types and codes, TCP flags, and neighbour discovery.

Registers, besides those of a walk: r1 the protocol, r3 how many bytes there are by the length in the IP header.

Sources: RFC 768, 792, 4443, 4861, 9260, 9293.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import (
    R1,
    R3,
    R4,
    R5,
    R9,
    Address,
    u8,
    u16,
    u64,
)
from vswitch.datapath.ebpf.keys import PLACES
from vswitch.datapath.ebpf.skb import be16
from vswitch.datapath.ebpf.walk import Walk
from vswitch.packet.numbers import ICMP, ICMPV6, IGMP, SCTP, TCP, UDP

MAX_OPTIONS = 4

_SOLICIT, _ADVERT = 135, 136


@dataclass(frozen=True, slots=True)
class TransportParser(Walk):
    """The generator of what is behind IP."""

    def transport(self, count: Address) -> None:
        """What follows IP: r1 says what, r3 how long."""
        b = self.b
        b.label("transport")
        self.forget(14)
        self.forget_length()
        for protocol, label in ((TCP, "tcp"), (UDP, "udp"), (SCTP, "sctp"), (ICMPV6, "icmpv6")):
            b.jump_if(R1 == protocol, label)
        for protocol, label in ((ICMP, "icmp"), (IGMP, "igmp")):
            b.jump_if(R1 == protocol, label)
        b.jump("parsed")
        for label, size in (("udp", 8), ("sctp", 12)):
            with self.section(label):
                b.jump_if(R3 < size, "parsed")
                self._ports()
        with self.section("tcp"):
            b.jump_if(R3 < 20, "parsed")
            self.need(14)
            b.load(R1, u8(R9 + 12))
            b.rsh(R1, 4)
            b.lsh(R1, 2)  # the header's length
            b.jump_if(R1 < 20, "parsed")
            b.jump_if(R1 > R3, "parsed")
            self._ports()
            b.load(R1, u16(R9 + 12))
            b.and_(R1, be16(0x0FFF))
            self.put("tcp_flags", R1)
        with self.section("icmp"):
            self._type_and_code()
        with self.section("igmp"):
            self._type_and_code()
            self.copy("nd_reserved", R9, 4, 4)  # the group
        with self.section("icmpv6"):
            self._type_and_code()
            if self.neighbours:
                self._neighbour_discovery(count)

    def _ports(self) -> None:
        self.need(4)
        self.copy("tp_src", R9, 0, 2)
        self.copy("tp_dst", R9, 2, 2)

    def _type_and_code(self) -> None:
        b = self.b
        b.jump_if(R3 < 8, "parsed")
        self.need(8)
        b.load(R4, u8(R9 + 0))
        self.put("tp_src", R4, 1, skip=1)
        b.load(R5, u8(R9 + 1))
        self.put("tp_dst", R5, 1, skip=1)

    def _neighbour_discovery(self, count: Address) -> None:
        """Solicitations and advertisements: r4 is the type, r5 the code."""
        b = self.b
        b.jump_if(R5 != 0, "parsed")
        b.jump_if(R4 == _SOLICIT, "neighbour")
        b.jump_if(R4 != _ADVERT, "parsed")
        b.label("neighbour")
        self.copy("nd_reserved", R9, 4, 4)
        b.jump_if(R3 < 24, "parsed")
        self.need(24)
        self.copy("nd_target", R9, 8, 16)
        b.add(R9, 24)
        b.sub(R3, 24)
        b.store(u64(count), 0)
        b.label("option")
        self.forget(14)
        self.forget_length()
        b.jump_if(R3 < 8, "parsed")
        b.increment(u64(count), 1, R1)
        b.jump_if(R1 > MAX_OPTIONS, self.up)
        self.need(8)
        b.load(R5, u8(R9 + 1))
        b.lsh(R5, 3)
        b.jump_if(R5 == 0, "parsed")
        b.jump_if(R5 > R3, "parsed")
        b.load(R4, u16(R9 + 0))
        for option, slot in ((1, "arp_sha"), (2, "arp_tha")):
            self._link_address(option, slot)
        b.label("pass option")
        b.sub(R3, R5)
        b.add(R9, R5)
        b.jump("option")

    def _link_address(self, option: int, slot: str) -> None:
        """Take a link-layer address from an option whose type and length are r4.

        The same type twice is for userspace to judge.
        """
        b = self.b
        with b.when(R4 == be16(option << 8 | 1)):
            b.load(R1, u64(self.key + PLACES[slot]))
            b.jump_if(R1 != 0, self.up)
            self.copy(slot, R9, 2, 6)
            self.put("tcp_flags", option, 1, skip=1)
            b.jump("pass option")
