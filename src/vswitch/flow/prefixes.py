"""Prefixes of a field: which lengths can match a value, and how many of its bits tell.

A classifier keeps one `Prefixes` for a field such as ip_dst.  If none of a subtable's rules has the prefix that a
packet's address has, the subtable need not be searched; and a megaflow that wants to say so has to match only as
many leading bits of the address as it takes to know that, rather than the whole prefix.

Open vSwitch walks a radix trie for this.  Sorted prefixes answer the same two questions with a bisection and a dict
look-up, because the stored prefix that shares the most leading bits with a value is one of its neighbours in order:

    the bits that tell  =  max over prefixes p of min(length(p), common(p, value) + 1)

Let p be the left neighbour of `value` in the order of prefixes padded with zeros.  If p matches, any q < p differs
from p at a bit where p has a 1, which is inside p's length: q adds nothing to length(p).  If p does not match, q
shares with `value` at most what p shares.  The same holds, mirrored, on the right, where nothing can match.

Sources: ovs-vswitchd.conf.db(5), Flow_Table:prefixes.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator

from vswitch.base.remains import Container

_FEW = 32  # changes that are made one by one


class Prefixes:
    """A multiset of prefixes of numbers that are `bits` wide; a prefix is given by a number and a length."""

    __slots__ = ("_at", "_gone", "_new", "_sorted", "bits")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        # The prefixes, padded with zeros, equal ones once; but for what came and went since somebody asked last, as
        # each change of a list moves all that follows: 20 us with 100,000, and a file of flows makes as many.
        self._sorted: list[int] = []
        self._new: list[int] = []
        self._gone: set[int] = set()
        # Padded prefix -> {length: how many}, or for a single one, as most are, its length: that takes no memory.
        self._at: dict[int, dict[int, int] | int] = {}

    def __bool__(self) -> bool:
        return bool(self._at)

    def containers(self) -> Iterator[Container]:
        """Where the prefixes are; without these it is of no use."""
        yield self._at
        yield self._sorted
        yield self._new

    def _padded(self, value: int, length: int) -> int:
        return value >> (self.bits - length) << (self.bits - length)

    def add(self, values: Iterable[int], length: int) -> None:
        """Add the prefixes of `values` that are `length` > 0 bits long."""
        rest = self.bits - length
        at, gone, new = self._at, self._gone, self._new
        for value in values:
            padded = value >> rest << rest
            lengths = at.get(padded)
            if lengths is None:
                at[padded] = length
                if padded in gone:
                    gone.remove(padded)
                else:
                    new.append(padded)
                continue
            if isinstance(lengths, int):
                lengths = at[padded] = {lengths: 1}
            lengths[length] = lengths.get(length, 0) + 1

    def remove(self, value: int, length: int) -> None:
        """Take out one prefix that was added."""
        padded = self._padded(value, length)
        lengths = self._at[padded]
        if not isinstance(lengths, int):
            lengths[length] -= 1
            if not lengths[length]:
                del lengths[length]
            if lengths:
                return
        del self._at[padded]
        self._gone.add(padded)

    def _sort(self) -> None:
        """Bring the order up to date."""
        if len(self._new) + len(self._gone) > _FEW:
            # Two lists in order, one behind the other, are merged: 2 ms with 100,000, where sorting takes 40.
            self._new.sort()
            self._sorted += self._new
            self._sorted.sort()
            if self._gone:
                self._sorted = [padded for padded in self._sorted if padded not in self._gone]
        else:
            for padded in self._new:
                insort(self._sorted, padded)
            for padded in self._gone:
                del self._sorted[bisect_right(self._sorted, padded) - 1]
        self._new.clear()
        self._gone.clear()

    def has(self, value: int, length: int) -> bool:
        """Whether the prefix of `value` that is `length` bits long is here."""
        lengths = self._at.get(self._padded(value, length))
        return lengths == length if isinstance(lengths, int) else lengths is not None and length in lengths

    def telling(self, value: int) -> int:
        """How many leading bits of `value` decide which of the prefixes match it."""
        if self._new or self._gone:
            self._sort()
        ordered = self._sorted
        right = bisect_right(ordered, value)
        telling = self._telling(value, ordered[right - 1]) if right else 0
        if right < len(ordered):
            telling = max(telling, self._telling(value, ordered[right]))
        return telling

    def _telling(self, value: int, padded: int) -> int:
        common = self.bits - (value ^ padded).bit_length()
        lengths = self._at[padded]
        return min(lengths if isinstance(lengths, int) else max(lengths), common + 1)
