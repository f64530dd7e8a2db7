"""The main program: from a packet to its megaflow, for the masks that are there now.

    parse ─→ [cache] ─→ subtable 1 ─→ subtable 2 ─→ … ─→ miss: send up
                │            │            │
                └────────────┴────────────┴─→ hit: count, then drop, output, or the program of the action list's shape

Rules are in maps; this code changes only when a mask comes or goes, or when another order of subtables is faster.
Megaflows that overlap do the same, so the first hit is the answer.  A subtable that misses costs 30 to 55 ns.  All of it,
for a packet of a learning switch, takes 50 ns more than a program that hands every packet to the same device, of 620 ns
from the sender's queue to the receiver; 150 to 270 ns more where each of 100,000 flows has a megaflow.

A megaflow counts the packets of one CPU, its owner, in the memory that has to be read anyway: of the first that saw
one.  Those of other CPUs are counted apart, by groups of CPUs, so that CPUs that share a megaflow do not wait for each
other.  That costs 25 ns a packet, and 140 where each of 100,000 flows has a megaflow; so when a flow has moved to
another CPU for good, and its owner has seen no packet for SILENCE, the other one becomes the owner.

The cache, worth its cost from CACHE_FROM masks on, maps all bits that any mask looks at to a copy of the megaflow's
entry.  A copy is good while its generation is that of the megaflow's counters: taking a megaflow out, or giving it
other actions, makes the next packet look again.  One miss in CACHE_ODDS goes into the cache: more flows than
it holds would otherwise spend their time pushing each other out.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import (
    R0,
    R1,
    R2,
    R3,
    R7,
    R8,
    R9,
    R10,
    Address,
    Builder,
    Map,
    Number,
    Register,
    u16,
    u32,
    u64,
)
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import ProgramSpec
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.emit import count, find_port, load_counters, output_last, send_up
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import KEY_SIZE, PLACES, WORD, KeyMask
from vswitch.datapath.ebpf.maps import (
    CACHED,
    COUNTERS,
    DROP,
    MAX_FLOWS,
    MEGAFLOW,
    MISS,
    N_PLACES,
    OUTPUT,
    STATS,
)
from vswitch.datapath.ebpf.parse import Parser
from vswitch.datapath.ebpf.skb import CONTEXT
from vswitch.datapath.ebpf.subtable import USED_SHIFT, Subtable, load_masked
from vswitch.flow.field import Mask

CACHE = "cache"
GROUPS = "groups of CPUs"  # a number of programs: how many there are, less one
CACHE_FROM = 10  # masks
CACHE_ODDS = 16
CHUNK = 48  # subtables
SILENCE = 1000  # units of USED_SHIFT, about a second: whatever the owner was counting, it has counted
_NEIGHBOURS = frozenset({"nd_target", "nd_reserved", "arp_sha", "arp_tha"})


@dataclass(frozen=True, slots=True)
class Target:
    """What programs are made for."""

    n_groups: int  # of CPUs that count apart
    features: Features

    @property
    def clock(self) -> Helper:
        """What tells the time."""
        return Helper.ktime_get_coarse_ns if self.features.coarse_clock else Helper.ktime_get_ns


def place_of(from_host: bool, chunk: int) -> int:
    """Where in `programs` a main program is."""
    return 2 * chunk + from_host


def main_programs(subtables: Sequence[Subtable], from_host: bool, target: Target) -> list[ProgramSpec]:
    """The programs for `subtables`, in this order; each goes on with the next where none of its subtables hits.

    There is more than one only because the kernel lets a program use 64 maps.  `from_host`: for devices at whose
    other end the host itself is.
    """
    n_chunks = max(-(-len(subtables) // CHUNK), 1)
    return [
        _main_program(subtables, from_host, target, chunk, chunk + 1 == n_chunks) for chunk in range(n_chunks)
    ]


def _main_program(
    subtables: Sequence[Subtable], from_host: bool, target: Target, chunk: int, last: bool
) -> ProgramSpec:
    """The program for one chunk of `subtables`."""
    b = Builder()
    first = chunk * CHUNK
    own = subtables[first : first + CHUNK]
    cached = cache_key(subtables) if uses_cache(subtables) else None
    wanted = frozenset[str]().union(*(subtable.key.slots for subtable in (subtables if cached else own)))
    b.mov(CONTEXT, R1)
    with b.scratch(WORD) as key_at, b.scratch(KEY_SIZE) as packed:
        load_key(b)
        b.store(u64(key_at), R0)
        parser(b, wanted, place_of(from_host, chunk)).emit()
        b.mov(R7, R0)
        if from_host and not chunk:
            _count_received(b)
        if cached and not chunk:
            _look_in_cache(b, cached, packed, target.n_groups)
            b.load(R7, u64(key_at))
        for number, subtable in enumerate(own, first + 1):
            subtable.look_up(b, R7, packed, min(number, N_PLACES - 1))
        if not last:
            b.call(Helper.tail_call, CONTEXT, Map("programs"), place_of(from_host, chunk + 1))
        b.jump("miss")
        _hit(b, own, key_at, packed, cached, target)
        b.label("perform")
        _perform(b, may_skip=target.features.redirect_peer and not from_host)
        b.label("given up")
        if from_host and not chunk:
            _count_received(b)
        b.label("miss")
        _miss(b)
    return b.build("from_host" if from_host else "from_device")


def load_key(b: Builder) -> None:
    """r0 = where this CPU puts a packet's key together."""
    with b.scratch(4) as cpu:
        b.call(Helper.get_smp_processor_id)
        b.store(u32(cpu), R0)
        b.call(Helper.map_lookup_elem, Map("keys"), cpu)
        b.jump_if(R0 == 0, "given up")


def parser(b: Builder, wanted: frozenset[str], own: int) -> Parser:
    """What extracts the slots `wanted`, the others that come with them, and TCP flags for the counters.

    The addresses that neighbour discovery shares with ARP go together: each says whether it was there before.
    """
    neighbours = bool(wanted & _NEIGHBOURS) or "tcp_flags" in wanted
    if neighbours:
        wanted |= {"arp_sha", "arp_tha"}
    return Parser(b, R0, wanted | {"tcp_flags"}, "given up", own, neighbours)


def uses_cache(subtables: Sequence[Subtable]) -> bool:
    """Whether there are enough subtables for the cache."""
    return len(subtables) >= CACHE_FROM


def cache_key(subtables: Sequence[Subtable]) -> KeyMask:
    """All bits that any subtable looks at."""
    bits = 0
    for subtable in subtables:
        bits |= subtable.key.mask
    return KeyMask(Mask(bits))


def pack(b: Builder, mask: KeyMask, key: Register, packed: Address) -> None:
    """Put the words of the key at `key` that `mask` looks at in a row, masked; r1 and r2 are lost."""
    for i, (number, bits) in enumerate(mask.words):
        load_masked(b, R1, key + number * WORD, bits)
        b.store(u64(packed + i * WORD), R1)


def _count_received(b: Builder) -> None:
    """The device does not count what it never gets to send."""
    uncounted = b.new_label("uncounted")
    with b.scratch(4) as number:
        find_port(b, number, uncounted)
        count(b, number, "rx")
    b.label(uncounted)


def _hit(
    b: Builder,
    subtables: Sequence[Subtable],
    key_at: Address,
    packed: Address,
    cached: KeyMask | None,
    target: Target,
) -> None:
    """r0 = the megaflow's entry, found in the r8-th subtable."""
    if not subtables:
        return
    b.label("hit")
    b.mov(R9, R0)
    if cached:
        _fill_cache(b, cached, key_at, packed, target.n_groups)
    b.call(Helper.get_smp_processor_id)
    b.add(R0, 1)
    b.load(R1, u16(R9 + MEGAFLOW.offset("owner")))
    b.jump_if(R1 == R0, "own")
    b.jump_if(R1 == 0, "claim")
    _load_stats(b, packed, target.n_groups)
    b.jump_if(R0 == 0, "perform")
    b.mov(R7, R0)
    _take_over(b)
    b.label("count")
    _count_shared(b, key_at, target.clock)
    b.jump("counted")
    b.label("claim")  # if two do so at once, one stays, and its next packet is far away
    b.store(u16(R9 + MEGAFLOW.offset("owner")), R0)
    b.label("own")
    _count_own(b, key_at, target.clock)
    b.label("counted")
    load_counters(b)
    with b.when(R0 != 0):
        b.lsh(R8, 3)
        b.add(R0, R8)
        b.increment(u64(R0 + COUNTERS.offset("hits")), 1, R1)


def _take_over(b: Builder) -> None:
    """Become the owner of the megaflow at r9 for the next packets, if our last one, by the counters at r7, came long
    after the owner's."""
    b.load(R1, u64(R7 + STATS.offset("used")))
    b.rsh(R1, USED_SHIFT)
    b.load(R2, u32(R9 + MEGAFLOW.offset("used")))
    b.sub(R1, R2)
    b.lsh(R1, 32)
    b.rsh(R1, 32)
    b.jump_if(R1 < SILENCE, "count")
    b.jump_if(R1 > (1 << 31) - 1, "count")  # the owner's came later
    b.call(Helper.get_smp_processor_id)
    b.add(R0, 1)
    b.store(u16(R9 + MEGAFLOW.offset("owner")), R0)


def _count_own(b: Builder, key_at: Address, clock: Helper) -> None:
    """Count the packet in the megaflow at r9."""
    b.increment(u64(R9 + MEGAFLOW.offset("packets")), 1, R1)
    b.load(R2, skb.LENGTH)
    b.increment(u64(R9 + MEGAFLOW.offset("bytes")), R2, R1)
    _load_tcp_flags(b, key_at)
    with b.when(R1 != 0):
        b.load(R2, u16(R9 + MEGAFLOW.offset("tcp_flags")))
        b.or_(R2, R1)
        b.store(u16(R9 + MEGAFLOW.offset("tcp_flags")), R2)
    b.call(clock)
    b.rsh(R0, USED_SHIFT)
    b.store(u32(R9 + MEGAFLOW.offset("used")), R0)


def _count_shared(b: Builder, key_at: Address, clock: Helper) -> None:
    """Count the packet in the counters at r7, where other CPUs may count, too."""
    b.mov(R1, 1)
    b.atomic_add(u64(R7 + STATS.offset("packets")), R1)
    b.load(R1, skb.LENGTH)
    b.atomic_add(u64(R7 + STATS.offset("bytes")), R1)
    _load_tcp_flags(b, key_at)
    with b.when(R1 != 0):
        b.load(R2, u32(R7 + STATS.offset("tcp_flags")))
        b.or_(R2, R1)
        b.store(u32(R7 + STATS.offset("tcp_flags")), R2)
    b.call(clock)
    b.store(u64(R7 + STATS.offset("used")), R0)


def _load_tcp_flags(b: Builder, key_at: Address) -> None:
    """r1 = the packet's TCP flags, in network byte order."""
    b.load(R1, u64(key_at))
    b.load(R1, u16(R1 + PLACES["tcp_flags"]))


def _load_stats(b: Builder, scratch: Address, n_groups: int) -> None:
    """r0 = the counters of this CPU's group for the megaflow at r9."""
    b.call(Helper.get_smp_processor_id)
    b.and_(R0, Number(GROUPS, n_groups - 1))
    b.mul(R0, MAX_FLOWS)
    b.load(R1, u32(R9 + MEGAFLOW.offset("slot")))
    b.add(R0, R1)
    b.store(u32(scratch), R0)
    b.call(Helper.map_lookup_elem, Map("stats"), scratch)


def _look_in_cache(b: Builder, cached: KeyMask, packed: Address, n_groups: int) -> None:
    """On a good copy, go to `count` with the megaflow at r9 and its counters at r7; r7 is the key before."""
    pack(b, cached, R7, packed)
    b.call(Helper.map_lookup_elem, Map(CACHE), packed)
    b.jump_if(R0 == 0, "not cached")
    b.mov(R9, R0)
    _load_stats(b, packed, n_groups)
    b.jump_if(R0 == 0, "not cached")
    b.mov(R7, R0)
    b.load(R1, u32(R7 + STATS.offset("generation")))
    b.load(R2, u32(R9 + CACHED.offset("generation")))
    b.mov(R8, 0)
    b.jump_if(R1 == R2, "count")
    b.label("not cached")


def _fill_cache(b: Builder, cached: KeyMask, key_at: Address, packed: Address, n_groups: int) -> None:
    """Now and then, put a copy of the megaflow at r9 into the cache."""
    b.call(Helper.get_prandom_u32)
    b.and_(R0, CACHE_ODDS - 1)
    b.jump_if(R0 != 0, "filled")
    _load_stats(b, packed, n_groups)
    b.jump_if(R0 == 0, "filled")
    b.mov(R7, R0)
    with b.scratch(CACHED.size) as copy:
        b.load(R1, u32(R7 + STATS.offset("generation")))
        b.store(u64(copy + CACHED.offset("generation")), R1)
        for at in range(0, CACHED.offset("generation"), WORD):
            b.load(R1, u64(R9 + at))
            b.store(u64(copy + at), R1)
        b.load(R3, u64(key_at))
        pack(b, cached, R3, packed)
        b.call(Helper.map_update_elem, Map(CACHE), packed, copy, 0)
    b.label("filled")


def _perform(b: Builder, may_skip: bool) -> None:
    """Do what the megaflow at r9 says."""
    b.load(R1, u32(R9 + MEGAFLOW.offset("shape")))
    b.jump_if(R1 == DROP, "drop")
    b.jump_if(R1 != OUTPUT, "shaped")
    output_last(b, u32(R9 + MEGAFLOW.offset("argument")), may_skip)
    b.label("shaped")
    b.load(R2, u32(R9 + MEGAFLOW.offset("argument")))
    b.store(skb.NOTE, R2)
    b.mov(R7, R1)
    b.call(Helper.tail_call, CONTEXT, Map("programs"), R7)
    b.label("drop")
    b.exit(skb.DROP)


def _miss(b: Builder) -> None:
    load_counters(b)
    with b.when(R0 != 0):
        b.increment(u64(R0 + COUNTERS.offset("missed")), 1, R1)
    b.mov(R9, R10)  # nothing to keep
    send_up(b, MISS)
    b.exit(skb.DROP)
