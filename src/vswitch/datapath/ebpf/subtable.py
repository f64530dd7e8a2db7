"""A subtable: the megaflows of one mask, in a hash table that programs read and the daemon writes, in shared memory.

    homes                                cellar
    ┌───────┬───────┬───────┬─ ─ ─┬──────┬───────┬───────┬─ ─     each entry: MEGAFLOW, which counts its own
    │   A   │       │   C ──┼─────┼──────┼─> D ──┼─> E   │         packets, and behind it the packed key
    └───────┴───────┴───────┴─ ─ ─┴──────┴───────┴───────┴─ ─

A key's hash is the number of its home.  What finds its home taken goes to the cellar, into the chain that begins there.

With many flows, a packet's price is the memory that it has to wait for.  In the kernel's hash map there are three such
waits, one after the other: for the bucket, for the element, and for counters that are elsewhere, because updating an
element would reset them.  Here there is mostly one, since an entry at home is where its hash says, and changes in place.
A program takes 200 to 290 ns a packet instead of 350 to 430 where each of 10,000 flows has a megaflow of its own, 340 to
400 instead of 600 with 100,000, and 95 instead of 130 with few (bench/forwarding.py, and the kernel's run-time counters
of programs).  Putting a megaflow takes no system call, and reading what it carried neither.

**One writer, and readers that never wait.**  An entry is whole before a chain leads to it, and actions change by one
store.  An entry that was removed keeps its content, so that who stands on it finds the way on, and rests before it is
used again.

**Strangers choose the keys**, so the hash depends on a secret: each word goes in by a multiplication with a random odd
number.  A chain of more than MAX_CHAIN entries and a table that is full are moved to new memory, with new secrets.

Sources: Knuth, The Art of Computer Programming, volume 3, 6.4, on chaining and on cellars.
"""

from __future__ import annotations

import mmap
import struct
import sys
from _blake2 import blake2b
from _thread import allocate_lock
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.bpf.btf import U32, U64, Array, Struct
from vswitch.bpf.builder import R0, R1, R2, R8, R9, Address, Builder, Map, Number, Register, u32, u64
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapFlags, MapSpec, MapType
from vswitch.datapath.ebpf.keys import WORD, KeyMask
from vswitch.datapath.ebpf.maps import MEGAFLOW
from vswitch.linux.bpf import BpfMap

MAX_CHAIN = 8  # entries
USED_SHIFT = 20  # an entry's `used` is in units of 2 ** 20 ns, about a millisecond
_ALIGNED = 16  # bytes: an entry of up to 80 is in two cache lines at most, and one of 64 in one
_RESTING = 1024  # entries
_ONES = (1 << 64) - 1
_ACTION_FORMAT = "II"  # shape, argument
_COUNTERS_FORMAT = "QQIHH"  # packets, bytes, used, owner, tcp_flags; the key follows
_ACTION, _COUNTERS = struct.Struct(f"={_ACTION_FORMAT}"), struct.Struct(f"={_COUNTERS_FORMAT}")
_COUNTERS_AT = MEGAFLOW.offset("packets")
_ACTION_AT = MEGAFLOW.offset("shape")
_HEAD = MEGAFLOW.size  # bytes before the key
_NEXT, _SLOT = MEGAFLOW.offset("next") // 4, MEGAFLOW.offset("slot") // 4

Counters = tuple[int, int, int, int]  # packets, bytes, when last (units of USED_SHIFT, 32 bits), TCP flags


class TableFull(VswitchError):  # noqa: N818 - what happened
    """There is no place for one more entry, or none that is found quickly enough."""


@dataclass(frozen=True)
class Subtable:
    """The megaflows of one mask: where they are, and how to find one."""

    id: int
    key: KeyMask
    n_homes: int  # a power of 2
    seed: int  # 64 random bits

    @property
    def name(self) -> str:
        """Of its map."""
        return f"flows_{self.id}"

    @cached_property
    def n_places(self) -> int:
        """Homes and cellar."""
        return self.n_homes + max(self.n_homes // 4, 1)

    @cached_property
    def capacity(self) -> int:
        """How many entries it may have: of so many a quarter is not at home, and the cellar has room to spare."""
        return self.n_homes * 5 // 8

    @cached_property
    def stride(self) -> int:
        """Bytes from one entry to the next."""
        return -(-(_HEAD + self.key.size) // _ALIGNED) * _ALIGNED

    @cached_property
    def _start(self) -> int:
        return self._secret(0)

    @cached_property
    def _factors(self) -> tuple[int, ...]:
        return tuple(self._secret(i) | 1 for i in range(1, len(self.key.words) + 1))

    def _secret(self, number: int) -> int:
        key = self.seed.to_bytes(8, "big")
        return int.from_bytes(blake2b(bytes([number]), digest_size=8, key=key).digest(), "big")

    @cached_property
    def _shift(self) -> int:
        """What leaves of a hash as many bits as a home's number has."""
        return 65 - self.n_homes.bit_length()

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """What tells its look-up from that of another subtable with the same mask."""
        factors = {f"factor {i}": factor for i, factor in enumerate(self._factors)}
        return {"start": self._start, "shift": self._shift, **factors}

    @cached_property
    def _words(self) -> struct.Struct:
        return struct.Struct(f"={len(self.key.words)}Q")

    def home_of(self, key: bytes) -> int:
        """Where a packed key lives.  1.5 µs for five words."""
        hash = self._start
        for word, factor in zip(self._words.unpack(key), self._factors, strict=True):
            hash ^= word
            hash = (hash ^ hash >> 32) * factor & _ONES
        return hash >> self._shift

    def spec(self) -> MapSpec:
        """Its map."""
        n_words = (self.stride - _HEAD) // WORD
        entry = Struct("entry", (*MEGAFLOW.members, ("key", Array(U64, n_words))))
        return MapSpec(self.name, MapType.ARRAY, 4, self.stride, self.n_places, MapFlags.MMAPABLE, U32, entry)

    # In programs

    def look_up(self, b: Builder, key: Register, packed: Address, place: int) -> None:
        """Go to `hit` with r0 = the entry for the packet's key, and r8 = `place`; go on if there is none.

        r9 is lost, too; `packed` is stack for the packed key.
        """
        self._pack_and_hash(b, key, packed)
        again, differs, end = b.new_label("chain"), b.new_label("differs"), b.new_label("end")
        with b.scratch(4) as number:
            b.mov(R9, MAX_CHAIN)
            b.rsh(R8, self._number("shift"))
            b.label(again)
            b.store(u32(number), R8)
            b.call(Helper.map_lookup_elem, Map(self.name), number)
            b.jump_if(R0 == 0, end)
            for i in range(len(self.key.words)):
                b.load(R1, u64(R0 + _HEAD + i * WORD))
                b.load(R2, u64(packed + i * WORD))
                b.jump_if(R1 != R2, differs)
            b.load(R1, u32(R0 + MEGAFLOW.offset("slot")))
            b.jump_if(R1 == 0, differs)
            b.mov(R8, place)
            b.jump("hit")
            b.label(differs)
            b.load(R8, u32(R0 + MEGAFLOW.offset("next")))
            b.jump_if(R8 == 0, end)
            b.sub(R9, 1)
            b.jump_if(R9 != 0, again)
        b.label(end)

    def _pack_and_hash(self, b: Builder, key: Register, packed: Address) -> None:
        """Put the packed key on the stack; r8 = its hash."""
        b.mov(R8, self._number("start"))
        for i, (number, bits) in enumerate(self.key.words):
            load_masked(b, R1, key + number * WORD, bits)
            b.store(u64(packed + i * WORD), R1)
            b.xor(R8, R1)
            b.mov(R1, R8)
            b.rsh(R1, 32)
            b.xor(R8, R1)
            b.mov(R1, self._number(f"factor {i}"))
            b.mul(R8, R1)

    def _number(self, what: str) -> Number:
        return Number(f"{self.name} {what}", self.numbers[what])


def load_masked(b: Builder, dst: Register, at: Address, bits: int) -> None:
    """`dst` = the word at `at`, but only `bits` of it; r2 is lost."""
    if not bits:
        b.mov(dst, 0)
        return
    b.load(dst, u64(at))
    if bits < 1 << 31 or bits >> 31 == (1 << 33) - 1:
        b.and_(dst, bits if bits < 1 << 31 else bits - (1 << 64))
    elif bits != _ONES:
        b.mov(R2, bits)
        b.and_(dst, R2)


class Entries:
    """The entries of a subtable, in its shared memory, as the one daemon sees and changes them.

    An entry goes by its place, which `insert` gives; the caller knows which key is where.
    """

    def __init__(self, subtable: Subtable, map: BpfMap) -> None:
        self.subtable = subtable
        self.map = map
        size = subtable.stride * subtable.n_places
        self._memory = mmap.mmap(map.fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._bytes = memoryview(self._memory)
        self._halves, self._words = self._bytes.cast("I"), self._bytes.cast("Q")
        self._contents = struct.Struct(f"={_ACTION_FORMAT}{_COUNTERS_FORMAT}{subtable.key.size}s")
        self._step = subtable.stride // 4  # from one entry to the next in `_halves`
        self._n = 0
        self._cellar = deque(range(subtable.n_homes, subtable.n_places))  # its free places
        self._resting: dict[int, None] = {}  # places, those longest at rest first
        self._written = allocate_lock()

    def insert(
        self, key: bytes, slot: int, shape: int, argument: int, counters: Counters | None = None
    ) -> int:
        """Add an entry, and return its place; its key must not be there yet.  Raises TableFull.

        The lock is a barrier: nobody meets an entry, or a way to it, before its contents.
        """
        if self._n >= self.subtable.capacity:
            raise TableFull(f"{self.subtable.name} is full")
        home = self.subtable.home_of(key)
        place = home
        is_at_home = not self._halves[home * self._step + _SLOT] and home not in self._resting
        if not is_at_home:
            place = self._take_from_cellar(home)
        at = place * self.subtable.stride
        packets, size, used, flags = counters or (0, 0, 0, 0)
        with self._written:
            self._contents.pack_into(
                self._bytes, at + _ACTION_AT, shape, argument, packets, size, used, 0, flags, key
            )
        with self._written:
            self._halves[place * self._step + _SLOT] = slot
            if not is_at_home:
                self._halves[place * self._step + _NEXT] = self._halves[home * self._step + _NEXT]
        if not is_at_home:
            with self._written:
                self._halves[home * self._step + _NEXT] = place
        self._n += 1
        return place

    def _take_from_cellar(self, home: int) -> int:
        """A free place for an entry whose home is taken."""
        if sum(1 for _ in self._chain(home)) >= MAX_CHAIN:
            raise TableFull(f"{self.subtable.name}: a chain is too long")
        if not self._cellar:
            raise TableFull(f"{self.subtable.name}: the cellar is full")
        return self._cellar.popleft()

    def _chain(self, home: int) -> Iterator[int]:
        """A home, and the places in the cellar that follow."""
        place = home
        while True:
            yield place
            place = self._halves[place * self._step + _NEXT]
            if not place:
                return

    def remove(self, key: bytes, place: int) -> None:
        """Take out the entry of `key`; what it has counted is there until its place is used again."""
        self._halves[place * self._step + _SLOT] = 0
        if place >= self.subtable.n_homes:
            before = next(p for p in self._chain(self.subtable.home_of(key)) if self._next(p) == place)
            self._halves[before * self._step + _NEXT] = self._next(place)
        self._n -= 1
        self._resting[place] = None
        while len(self._resting) > min(_RESTING, self.subtable.n_homes // 16):
            rested = next(iter(self._resting))
            del self._resting[rested]
            if rested >= self.subtable.n_homes:
                self._cellar.append(rested)

    def _next(self, place: int) -> int:
        return self._halves[place * self._step + _NEXT]

    def change(self, place: int, slot: int, shape: int, argument: int) -> None:
        """Give an entry other actions: packets meet the old or the new ones.  If it was hidden, it is back."""
        both = int.from_bytes(_ACTION.pack(shape, argument), sys.byteorder)
        self._words[(place * self.subtable.stride + _ACTION_AT) // WORD] = both
        self._halves[place * self._step + _SLOT] = slot

    def hide(self, place: int) -> None:
        """Let no packet find an entry."""
        self._halves[place * self._step + _SLOT] = 0

    def counters(self, place: int) -> Counters:
        """What an entry has counted."""
        at = place * self.subtable.stride + _COUNTERS_AT
        packets, bytes, used, _, flags = _COUNTERS.unpack_from(self._bytes, at)
        return packets, bytes, used, flags

    def restore(self) -> Iterator[tuple[int, bytes, int, int, int]]:
        """Take over what an earlier daemon left: place, key, slot, shape and argument of each entry."""
        n_homes, key_size, taken = self.subtable.n_homes, self.subtable.key.size, set()
        for home in range(n_homes):
            for place in self._chain(home):
                if place >= n_homes:
                    taken.add(place)
                if slot := self._halves[place * self._step + _SLOT]:
                    at = place * self.subtable.stride
                    shape, argument = _ACTION.unpack_from(self._bytes, at + _ACTION_AT)
                    key = bytes(self._bytes[at + _HEAD : at + _HEAD + key_size])
                    self._n += 1
                    yield place, key, slot, shape, argument
        self._cellar = deque(place for place in self._cellar if place not in taken)

    def close(self) -> None:
        """Unmap and close it; what is pinned stays."""
        for view in (self._words, self._halves, self._bytes):
            view.release()
        self._memory.close()
        self.map.close()
