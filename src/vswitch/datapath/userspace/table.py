"""The megaflow table: one hash table for each distinct mask.

Megaflows that overlap do the same, so the first hit is the answer.  Masks that hit often come first.

What strangers send must not make hash tables slow: CPython's hash of an int is a remainder that anybody can aim at.
So flows are XORed with a number that only this process knows before they become keys, which changes neither masks
nor equality.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from vswitch.dpif.action import DatapathAction
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT

SECRET_BITS = LAYOUT.offset("mpls_lse")  # as far as what packets usually differ in goes
_REORDER_EVERY = 1024  # look-ups


class Entry:
    """A megaflow in the table, and what it has carried.  `dead` once it is not in the table any more."""

    __slots__ = ("actions", "bytes", "dead", "megaflow", "outputs", "packets", "tcp_flags", "used")

    def __init__(self, megaflow: Megaflow) -> None:
        """An entry that has carried nothing."""
        self.megaflow = megaflow
        self.actions: tuple[DatapathAction, ...] = megaflow.actions
        self.outputs: tuple[list[bytes], ...] | None = (
            None  # the ports' queues, if outputs are all that it does
        )
        self.packets = self.bytes = self.tcp_flags = 0
        self.used: float | None = None
        self.dead = False

    def stats(self) -> FlowStats:
        """What the megaflow has carried."""
        return FlowStats(self.packets, self.bytes, self.used, self.tcp_flags)


class _Subtable:
    """The megaflows of one mask."""

    __slots__ = ("entries", "hits", "mask")

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self.entries: dict[int, Entry] = {}
        self.hits = 0


class MegaflowTable:
    """Megaflows by what they match and by ufid."""

    def __init__(self) -> None:
        """An empty table."""
        self._secret = int.from_bytes(os.urandom(-(-SECRET_BITS // 8))) & ((1 << SECRET_BITS) - 1)
        self._subtables: dict[Mask, _Subtable] = {}
        self._order: list[_Subtable] = []
        self._by_ufid: dict[Ufid, Entry] = {}
        self._lookups = 0
        self.mask_hits = 0  # subtables that look-ups have tried

    def __len__(self) -> int:
        """How many megaflows there are."""
        return len(self._by_ufid)

    def __iter__(self) -> Iterator[Entry]:
        """All megaflows, as they are now."""
        return iter(list(self._by_ufid.values()))

    @property
    def n_masks(self) -> int:
        """How many distinct masks there are."""
        return len(self._subtables)

    def get(self, ufid: Ufid) -> Entry | None:
        """The megaflow of this name."""
        return self._by_ufid.get(ufid)

    def find(self, megaflow: Megaflow) -> Entry | None:
        """The megaflow that matches exactly what `megaflow` matches."""
        subtable = self._subtables.get(megaflow.mask)
        return subtable.entries.get(self._key(megaflow)) if subtable else None

    def insert(self, megaflow: Megaflow) -> Entry:
        """Add `megaflow`, of which neither name nor match is in the table."""
        subtable = self._subtables.get(megaflow.mask)
        if subtable is None:
            subtable = self._subtables[megaflow.mask] = _Subtable(megaflow.mask)
            self._order.append(subtable)
        entry = Entry(megaflow)
        subtable.entries[self._key(megaflow)] = self._by_ufid[megaflow.ufid] = entry
        return entry

    def remove(self, ufid: Ufid) -> Entry | None:
        """Take a megaflow out."""
        entry = self._by_ufid.pop(ufid, None)
        if entry is None:
            return None
        subtable = self._subtables[entry.megaflow.mask]
        del subtable.entries[self._key(entry.megaflow)]
        if not subtable.entries:
            del self._subtables[subtable.mask]
            self._order.remove(subtable)
        entry.dead = True
        return entry

    def clear(self) -> None:
        """Take all megaflows out."""
        for entry in self._by_ufid.values():
            entry.dead = True
        self._by_ufid.clear()
        self._subtables.clear()
        self._order.clear()

    def lookup(self, flow: Flow) -> Entry | None:
        """The megaflow that `flow` matches."""
        self._lookups += 1
        if self._lookups % _REORDER_EVERY == 0:
            self._order.sort(key=lambda subtable: -subtable.hits)
            for subtable in self._order:
                subtable.hits >>= 1
        key = flow ^ self._secret
        for subtable in self._order:
            self.mask_hits += 1
            if entry := subtable.entries.get(key & subtable.mask):
                subtable.hits += 1
                return entry
        return None

    def _key(self, megaflow: Megaflow) -> int:
        return (megaflow.flow ^ self._secret) & megaflow.mask
