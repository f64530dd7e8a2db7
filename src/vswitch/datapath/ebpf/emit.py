"""What all programs do: send a packet out of a port, and send it up.

Registers, by agreement: r6 is the packet's context; r9 belongs to the caller and survives; r7 and r8 do not.

**Fairness of upcalls.**  One ring serves all ports, and each may fill only as many bytes of it as it leaves free: one
port alone gets half of the ring, the second a quarter, and room is left for the next one that comes.  In packets, a
port may have QUEUE waiting, so that who waits behind it waits for a bounded time.  What does not fit is counted as lost.
"""

from __future__ import annotations

from vswitch.bpf.builder import R0, R1, R2, R3, R7, R8, R9, Address, Builder, Map, Memory, u16, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.maps import (
    COUNTERS,
    HOST,
    MAX_PORTS,
    PEER,
    PORT,
    PORT_STATS,
    RECORD_OVERHEAD,
    RING_SIZE,
    UPCALL,
)
from vswitch.datapath.ebpf.skb import CONTEXT

QUEUE = 8192  # upcalls that may wait, of one port: half a second's work


def output_last(b: Builder, port: Memory, may_skip: bool) -> None:
    """Send the packet to the port whose number is in `port`; the program ends here.

    `may_skip`: a program on a device's way in may hand the packet to the other end of a port's veth pair directly.
    """
    drop, plain = b.new_label("drop"), b.new_label("plain")
    with b.scratch(4) as number:
        _load_port(b, port, number, drop)
        b.jump_if(R8 == 0, plain)
        if may_skip:
            with b.when(R8 & PEER):
                count(b, number, "tx")
                b.call(Helper.redirect_peer, R7, 0)
                b.exit()
        b.jump_if(R8 == PEER, plain)
        count(b, number, "tx")
        b.call(Helper.redirect, R7, skb.F_INGRESS)
        b.exit()
        b.label(plain)
        b.call(Helper.redirect, R7, 0)
        b.exit()
        b.label(drop)
        b.exit(skb.DROP)


def output_copy(b: Builder, port: Memory) -> None:
    """Send a copy of the packet to the port whose number is in `port`."""
    end = b.new_label("sent")
    with b.scratch(4) as number:
        _load_port(b, port, number, end)
        b.and_(R8, HOST)  # = F_INGRESS
        b.call(Helper.clone_redirect, CONTEXT, R7, R8)
        with b.when(R8 != 0):
            count(b, number, "tx")
    b.label(end)


def output_copies(b: Builder, at: int, n: int) -> None:
    """Send copies to `n` ports; their numbers, 32 bits each, are `at` bytes behind r9."""
    again = b.new_label("next")
    with b.scratch(8) as index:
        b.store(u64(index), 0)
        b.label(again)
        b.load(R1, u64(index))
        b.lsh(R1, 2)
        b.mov(R2, R9)
        b.add(R2, R1)
        output_copy(b, u32(R2 + at))
        b.increment(u64(index), 1, R1)
        b.jump_if(R1 < n, again)


def _load_port(b: Builder, port: Memory, number: Address, missing: str) -> None:
    """Put the port's number on the stack, its device in r7 and its flags in r8; go to `missing` if there is none."""
    b.load(R1, port)
    b.store(u32(number), R1)
    b.call(Helper.map_lookup_elem, Map("ports"), number)
    b.jump_if(R0 == 0, missing)
    b.load(R7, u32(R0 + PORT.offset("ifindex")))
    b.load(R8, u32(R0 + PORT.offset("flags")))
    b.jump_if(R7 == 0, missing)


def count(b: Builder, number: Address, direction: str) -> None:
    """Count the packet for the port whose number is on the stack: `tx` or `rx`, as the switch sees it."""
    with b.scratch(4) as index:
        b.call(Helper.get_smp_processor_id)
        b.mul(R0, MAX_PORTS)
        b.load(R1, u32(number))
        b.add(R0, R1)
        b.store(u32(index), R0)
        b.call(Helper.map_lookup_elem, Map("port_stats"), index)
        with b.when(R0 != 0):
            b.increment(u64(R0 + PORT_STATS.offset(f"{direction}_packets")), 1, R1)
            b.load(R2, skb.LENGTH)
            b.increment(u64(R0 + PORT_STATS.offset(f"{direction}_bytes")), R2, R1)


def load_counters(b: Builder) -> None:
    """r0 = this CPU's counters; the caller must check that it is not 0."""
    with b.scratch(4) as index:
        b.call(Helper.get_smp_processor_id)
        b.store(u32(index), R0)
        b.call(Helper.map_lookup_elem, Map("counters"), index)


def find_port(b: Builder, number: Address, missing: str) -> None:
    """Put the number of the port that the packet came from on the stack."""
    with b.scratch(4) as ifindex:
        b.load(R1, skb.IFINDEX)
        b.store(u32(ifindex), R1)
        b.call(Helper.map_lookup_elem, Map("devices"), ifindex)
        b.jump_if(R0 == 0, missing)
        b.load(R1, u32(R0 + 0))
        b.store(u32(number), R1)


def send_up(b: Builder, kind: int, list: Memory | int = 0, index: int = 0) -> None:
    """Hand a copy of the packet to the daemon, if its port has room in the queue."""
    lost, end = b.new_label("lost"), b.new_label("end")
    with b.scratch(8) as saved, b.scratch(4) as list_id, b.scratch(4) as number, b.scratch(4) as cpu:
        b.store(u64(saved), R9)
        _store_list(b, list_id, list)
        find_port(b, number, lost)
        b.call(Helper.map_lookup_elem, Map("ports"), number)
        b.jump_if(R0 == 0, lost)
        b.mov(R7, R0)
        b.load(R8, skb.LENGTH)
        _check_room(b, lost)
        b.call(Helper.get_smp_processor_id)
        b.store(u32(cpu), R0)
        b.call(Helper.map_lookup_elem, Map("scratch"), cpu)
        b.jump_if(R0 == 0, lost)
        b.mov(R9, R0)
        _fill_header(b, kind, list_id, index, number)
        b.call(Helper.skb_load_bytes, CONTEXT, 0, R9 + UPCALL.size, R8)
        b.jump_if(R0 != 0, lost)
        b.mov(R3, R8)
        b.add(R3, UPCALL.size)
        b.mov(R2, R9)
        b.call(Helper.ringbuf_output, Map("upcalls"), R2, R3, 0)
        b.jump_if(R0 != 0, lost)
        b.mov(R1, 1)
        b.atomic_add(u64(R7 + PORT.offset("sent")), R1)
        b.add(R8, RECORD_OVERHEAD)
        b.atomic_add(u64(R7 + PORT.offset("sent_bytes")), R8)
        b.jump(end)
        b.label(lost)
        load_counters(b)
        with b.when(R0 != 0):
            b.increment(u64(R0 + COUNTERS.offset("lost")), 1, R1)
        b.label(end)
        b.load(R9, u64(saved))


def _store_list(b: Builder, list_id: Address, list: Memory | int) -> None:
    if isinstance(list, Memory):
        b.load(R1, list)
        b.store(u32(list_id), R1)
    else:
        b.store(u32(list_id), list)


def _check_room(b: Builder, lost: str) -> None:
    """Go to `lost` unless the port in r7 may queue a packet of r8 bytes."""
    b.jump_if(R8 > skb.MAX_LENGTH, lost)
    b.jump_if(R8 == 0, lost)
    fits = b.new_label("fits")
    b.load(R1, u64(R7 + PORT.offset("sent")))
    b.load(R2, u64(R7 + PORT.offset("taken")))
    b.sub(R1, R2)
    b.jump_if(R1.negative, fits)  # a daemon that took over counted one twice
    b.jump_if(R1 >= QUEUE, lost)
    b.call(Helper.ringbuf_query, Map("upcalls"), 0)  # BPF_RB_AVAIL_DATA: bytes that wait
    b.load(R1, u64(R7 + PORT.offset("sent_bytes")))
    b.load(R2, u64(R7 + PORT.offset("taken_bytes")))
    b.sub(R1, R2)
    b.add(R1, R0)
    b.jump_if(R1.negative, fits)
    b.jump_if(R1 > RING_SIZE, lost)  # its own bytes <= the ring's size - all bytes
    b.label(fits)


def _fill_header(b: Builder, kind: int, list_id: Address, index: int, number: Address) -> None:
    """Write the header of an upcall where r9 points."""

    def place(member: str) -> Address:
        return R9 + UPCALL.offset(member)

    b.store(u32(place("kind")), kind)
    b.store(u32(place("index")), index)
    copies = (
        ("list", u32(list_id)),
        ("port", u32(number)),
        ("length", skb.LENGTH),
        ("gso_size", skb.GSO_SIZE),
        ("vlan_present", skb.VLAN_PRESENT),
        ("mark", skb.MARK),
        ("priority", skb.PRIORITY),
    )
    for member, source in copies:
        b.load(R1, source)
        b.store(u32(place(member)), R1)
    for member, source in (("vlan_tci", skb.VLAN_TCI), ("vlan_proto", skb.VLAN_PROTO)):
        b.load(R1, source)
        b.store(u16(place(member)), R1)


def zero(b: Builder, at: Address, size: int) -> None:
    """Clear stack."""
    for offset in range(0, size, 8):
        b.store(u64(at + offset), 0)
