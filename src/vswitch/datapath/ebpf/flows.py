"""The megaflows of a datapath: in Python by ufid, in the kernel by what they match.

Each mask has a subtable (subtable.py), which is replaced by a bigger one when it is full.  What the mask says beyond what programs see is kept
in a note, by number, so that a megaflow that is read back from the kernel is the one that was put there.

A megaflow that no packet in the kernel can match (it wants a register, a tunnel) or whose device is not there is put
all the same: it keeps its place in dumps, and does nothing.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import KernelError
from vswitch.base.log import Logger
from vswitch.datapath.ebpf.keys import SEEN, KeyMask
from vswitch.datapath.ebpf.lists import ActionList, ActionLists
from vswitch.datapath.ebpf.maps import MAX_FLOWS, Maps
from vswitch.datapath.ebpf.notes import Kind, Notes
from vswitch.datapath.ebpf.programs import Programs
from vswitch.datapath.ebpf.subtable import USED_SHIFT, Counters, Entries, Subtable, TableFull
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT
from vswitch.linux.bpf import BpfMap

log = Logger("dpif_ebpf")

_FIRST_SIZE, _GROWTH, _LAST_SIZE = 1024, 8, 2 * MAX_FLOWS  # homes of a subtable
_MAX_SUBTABLES = 512
_RESTING_SLOTS = 1024
_NO_DEVICE = 1 << 31  # + number of a port: no ifindex is as high
_NANO = 1e-9
_NOTHING = FlowStats()


@dataclass(slots=True, eq=False)
class _Table:
    """A subtable with its entries."""

    entries: Entries
    keys: dict[bytes, _Entry] = field(default_factory=dict)

    @property
    def subtable(self) -> Subtable:
        """The subtable as programs know it."""
        return self.entries.subtable


@dataclass(slots=True, eq=False)
class _Entry:
    """A megaflow, and where it is."""

    megaflow: Megaflow
    table: _Table | None  # None: no packet in the kernel can match it
    key: bytes
    slot: int
    mask_id: int
    list: ActionList
    place: int = -1  # in the subtable
    carried: FlowStats = _NOTHING  # counted where the entry was before


class FlowTable:
    """All megaflows.  `ifindex_of` tells a port's device, 0 if there is none."""

    def __init__(
        self,
        maps: Maps,
        notes: Notes,
        programs: Programs,
        lists: ActionLists,
        directory: Path,
        ifindex_of: Callable[[OdpPort], int],
    ) -> None:
        self._maps, self._notes, self._programs, self._lists = maps, notes, programs, lists
        self._directory = directory  # of the subtables' pins
        self._ifindex_of = ifindex_of
        self._entries: dict[Ufid, _Entry] = {}
        self._tables: dict[KeyMask, _Table] = {}
        self._masks: dict[Mask, tuple[int, KeyMask]] = {}
        self._free_slots: deque[int] = deque()
        self._next_slot = 1
        self._next_table = self._next_mask = 1

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def n_masks(self) -> int:
        """How many subtables there are."""
        return len(self._tables)

    # Changing

    def put(self, megaflows: Sequence[Megaflow]) -> None:
        """Install or change megaflows.  EEXIST: another one matches just the same; ENOSPC: there are too many.

        Packets do not meet those of a new mask before the programs are made anew: `Programs.are_outdated`.
        """
        for megaflow in megaflows:
            self._put(megaflow)

    def _put(self, megaflow: Megaflow) -> None:
        mask_id, key_mask = self._mask(megaflow.mask)
        key = self._key(megaflow, key_mask)
        entry = self._entries.get(megaflow.ufid)
        if entry and (entry.mask_id, entry.key) != (mask_id, key):
            self.delete([megaflow.ufid])
            entry = None
        table = self._table(key_mask) if _can_match(megaflow) else None
        if table and table.keys.get(key, entry) is not entry:
            raise DatapathError(errno.EEXIST, f"megaflow: {os.strerror(errno.EEXIST)}")
        actions = self._lists.take(megaflow.actions, megaflow.flow, megaflow.mask)
        if entry:
            released, entry.megaflow, entry.list = entry.list, megaflow, actions
            if table:
                table.entries.change(entry.place, entry.slot, actions.shape, actions.argument)
            self._maps.outdate(entry.slot)
            self._lists.release(released)
            return
        entry = _Entry(megaflow, table, key, self._take_slot(), mask_id, actions)
        self._maps.names.put(entry.slot, mask_id, 0, megaflow.ufid.to_bytes(16, "big"))
        self._entries[megaflow.ufid] = entry
        if table:
            self._insert(table, entry)

    def _insert(self, table: _Table, entry: _Entry) -> None:
        """Let packets find an entry.  KernelError: there is no memory for it, and it is gone."""
        table.keys[entry.key] = entry
        try:
            entry.place = _add(table.entries, entry)
        except TableFull:
            try:
                self._move(table)
            except KernelError:
                del table.keys[entry.key], self._entries[entry.megaflow.ufid]
                self._collect(entry)
                raise

    def delete(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Remove megaflows; returns what each had carried."""
        entries = [self._entries.pop(ufid, None) for ufid in ufids]
        for entry in entries:
            if entry and entry.table:
                entry.table.entries.remove(entry.key, entry.place)
                del entry.table.keys[entry.key]
        return [self._collect(entry) if entry else None for entry in entries]

    def _collect(self, entry: _Entry) -> FlowStats:
        """What a megaflow that no packet finds any more has carried; its slot is free."""
        stats = self.stats(entry)
        self._maps.clear_flow_stats(entry.slot)
        self._free_slots.append(entry.slot)
        self._lists.release(entry.list)
        return stats

    def flush(self) -> None:
        """Remove all megaflows."""
        self.delete(list(self._entries))

    def dump(self) -> Iterator[tuple[Megaflow, FlowStats]]:
        """All megaflows; they may be changed and removed meanwhile."""
        for entry in list(self._entries.values()):
            if self._entries.get(entry.megaflow.ufid) is entry:
                yield entry.megaflow, self.stats(entry)

    def stats(self, entry: _Entry) -> FlowStats:
        """What a megaflow has carried."""
        total = entry.carried
        for packets, size, last, flags, _ in self._maps.flow_stats(entry.slot):
            total = _sum(total, FlowStats(packets, size, last * _NANO, _host_order(flags)))
        if entry.table and entry.place >= 0:
            own = _own_stats(entry.table.entries, entry.place)
            return _sum(total, own) if total.packets else own
        return total

    def hide(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Let packets find megaflows no more, although they are another process's to remove.

        To that process they are still there, until it puts them again, because their packets come up, or removes them.
        """
        hidden: list[FlowStats | None] = []
        for entry in [self._entries.pop(ufid, None) for ufid in ufids]:
            if entry and entry.table:
                entry.table.entries.hide(entry.place)
                self._maps.outdate(entry.slot)
            hidden.append(self.stats(entry) if entry else None)
        return hidden

    # Devices that come and go

    def device_changed(self, number: OdpPort) -> None:
        """Port `number` has another device, or none: its megaflows are for packets of that one now."""
        moved = [
            entry for entry in self._entries.values() if entry.table and _in_port(entry.megaflow) == number
        ]
        for entry in moved:
            table = entry.table
            assert table is not None
            key = self._key(entry.megaflow, table.subtable.key)
            if key == entry.key:
                continue
            entry.carried = _sum(entry.carried, self._take_out(table, entry))
            entry.key = key
            self._insert(table, entry)
            self._maps.outdate(entry.slot)

    def _take_out(self, table: _Table, entry: _Entry) -> FlowStats:
        """Let packets find an entry no more; returns what it has counted itself."""
        table.entries.remove(entry.key, entry.place)
        del table.keys[entry.key]
        counted, entry.place = _own_stats(table.entries, entry.place), -1
        return counted

    # Masks and subtables

    def _mask(self, mask: Mask) -> tuple[int, KeyMask]:
        """A mask's number, and what programs look at for it."""
        found = self._masks.get(mask)
        if found is None:
            seen = mask & SEEN
            if mask & IN_PORT.mask:
                seen |= IN_PORT.mask
            self._notes.write(Kind.MASK, self._next_mask, f"{mask:x}")
            found = self._masks[mask] = self._next_mask, KeyMask(Mask(seen))
            self._next_mask += 1
        return found

    def _key(self, megaflow: Megaflow, key_mask: KeyMask) -> bytes:
        """The packed key: with the ifindex of the device instead of the port's number."""
        flow = megaflow.flow
        number = _in_port(megaflow)
        if number is not None:
            flow = IN_PORT.put(flow, self._ifindex_of(number) or _NO_DEVICE + number)
        return key_mask.pack(flow)

    def _table(self, key_mask: KeyMask) -> _Table:
        """The subtable of a mask; a new one waits for the programs to be made anew."""
        table = self._tables.get(key_mask)
        if table is None:
            if len(self._tables) >= _MAX_SUBTABLES:
                raise DatapathError(errno.ENOSPC, "too many different masks")
            table = self._tables[key_mask] = _Table(self._make_entries(key_mask, _FIRST_SIZE))
            self._programs.subtables.append(table.subtable)
            self._programs.are_outdated = True
        return table

    def _make_entries(self, key_mask: KeyMask, n_homes: int) -> Entries:
        """New, empty memory for a subtable."""
        id, self._next_table = self._next_table, self._next_table + 1
        subtable = Subtable(id, key_mask, n_homes, int.from_bytes(os.urandom(8)))
        map = BpfMap.create(subtable.spec())
        map.pin(str(self._directory / subtable.name))
        self._maps.by_name[subtable.name] = map
        note = {"mask": f"{key_mask.mask:x}", "homes": n_homes, "seed": f"{subtable.seed:x}"}
        self._notes.write(Kind.SUBTABLE, id, note)
        return Entries(subtable, map)

    def _move(self, table: _Table) -> None:
        """Move all entries to new memory, which is bigger if need be, and let the programs look there."""
        old = table.entries
        before = [(entry, entry.place, old.counters(entry.place)) for entry in _placed(table)]
        table.entries = self._refill(table, {entry.key: counters for entry, _, counters in before})
        where = self._programs.subtables.index(old.subtable)
        self._programs.subtables[where] = table.subtable
        self._programs.rebuild()
        for entry, place, counters in before:
            after = old.counters(place)
            if after[0] != counters[0]:
                meanwhile = after[0] - counters[0], after[1] - counters[1], after[2], after[3]
                entry.carried = _sum(entry.carried, _stats(meanwhile))
        self._forget(old)

    def _refill(self, table: _Table, counters: Mapping[bytes, Counters]) -> Entries:
        """New memory with the entries of `table` in it, which go on counting from `counters`."""
        old, n_homes = table.subtable, table.subtable.n_homes
        while n_homes < 2 * len(table.keys):
            n_homes = min(n_homes * _GROWTH, _LAST_SIZE)
        while True:
            new = self._make_entries(old.key, n_homes)
            try:
                places = [_add(new, entry, counters.get(key)) for key, entry in table.keys.items()]
            except TableFull:  # bad luck with the secrets
                self._forget(new)
                continue
            for entry, place in zip(table.keys.values(), places, strict=True):
                entry.place = place
            return new

    def _forget(self, entries: Entries) -> None:
        """Remove the memory of a subtable that no program looks at any more."""
        name = entries.subtable.name
        (self._directory / name).unlink(missing_ok=True)
        del self._maps.by_name[name]
        self._notes.erase(Kind.SUBTABLE, entries.subtable.id)
        entries.close()

    def improve(self) -> None:
        """Let programs look at subtables in a better order, and not at all at empty ones."""
        dropped = self._programs.improve(lambda subtable: not self._tables[subtable.key].keys)
        for subtable in dropped:
            self._forget(self._tables.pop(subtable.key).entries)
        if dropped:
            self.forget_masks()

    def forget_masks(self) -> None:
        """Erase the notes of masks that no megaflow has."""
        used = {entry.mask_id for entry in self._entries.values()}
        for mask, (id, _) in list(self._masks.items()):
            if id not in used:
                del self._masks[mask]
                self._notes.erase(Kind.MASK, id)

    def _take_slot(self) -> int:
        """A place for counters: not one that a program may just be counting in."""
        if len(self._free_slots) > _RESTING_SLOTS or (self._free_slots and self._next_slot == MAX_FLOWS):
            return self._free_slots.popleft()
        if self._next_slot == MAX_FLOWS:
            raise DatapathError(errno.ENOSPC, "too many megaflows")
        self._next_slot += 1
        return self._next_slot - 1

    # Taking over

    def restore(
        self, masks: Mapping[int, Any], tables: Mapping[int, Any], number_of: Mapping[int, OdpPort]
    ) -> None:
        """Learn of the megaflows that are in the kernel.  `number_of` a device is its port's."""
        by_id = {id: Mask(int(text, 16)) for id, text in masks.items()}
        for id, mask in by_id.items():
            seen = mask & SEEN | (IN_PORT.mask if mask & IN_PORT.mask else 0)
            self._masks[mask] = id, KeyMask(Mask(seen))
        self._next_mask = max(masks, default=0) + 1
        self._next_table = max(tables, default=0) + 1
        for id, note in tables.items():
            key_mask = KeyMask(Mask(int(note["mask"], 16)))
            subtable = Subtable(id, key_mask, note["homes"], int(note["seed"], 16))
            map = BpfMap.open(subtable.spec(), str(self._directory / subtable.name))
            table = self._tables[key_mask] = _Table(Entries(subtable, map))
            self._maps.by_name[subtable.name] = map
            self._programs.subtables.append(subtable)
            for found in table.entries.restore():
                self._restore_entry(table, found, by_id, number_of)
        taken = {entry.slot for entry in self._entries.values()}
        self._next_slot = max(taken, default=0) + 1
        self._free_slots.extend(slot for slot in range(1, self._next_slot) if slot not in taken)

    def _restore_entry(
        self,
        table: _Table,
        found: tuple[int, bytes, int, int, int],
        masks: Mapping[int, Mask],
        number_of: Mapping[int, OdpPort],
    ) -> None:
        place, key, slot, shape, argument = found
        mask_id, _, ufid = self._maps.names.get(slot)
        flow, mask = table.subtable.key.unpack(key), masks[mask_id]
        if mask & IN_PORT.mask:
            ifindex = IN_PORT.get(flow)
            number = number_of.get(ifindex, OdpPort(ifindex & ~_NO_DEVICE))
            flow = IN_PORT.put(flow, number)
        list = self._lists.adopt(shape, argument, flow, mask)
        megaflow = Megaflow(Ufid(int.from_bytes(ufid, "big")), Flow(flow & mask), mask, list.actions)
        entry = _Entry(megaflow, table, key, slot, mask_id, list, place)
        self._entries[megaflow.ufid] = table.keys[key] = entry

    def close(self) -> None:
        """Close the subtables' maps."""
        for table in self._tables.values():
            table.entries.close()


def _in_port(megaflow: Megaflow) -> OdpPort | None:
    """The port whose packets `megaflow` matches; None: all."""
    return OdpPort(IN_PORT.get(megaflow.flow)) if megaflow.mask & IN_PORT.mask else None


def _can_match(megaflow: Megaflow) -> bool:
    """Whether a packet in the kernel can match: what no program sees is 0 there."""
    return not megaflow.flow & megaflow.mask & ~SEEN


def _placed(table: _Table) -> list[_Entry]:
    """The entries that packets can find."""
    return [entry for entry in table.keys.values() if entry.place >= 0]


def _add(entries: Entries, entry: _Entry, counters: Counters | None = None) -> int:
    """Put an entry into memory, and return its place there.  Raises TableFull."""
    return entries.insert(entry.key, entry.slot, entry.list.shape, entry.list.argument, counters)


def _own_stats(entries: Entries, number: int) -> FlowStats:
    """What an entry has counted itself."""
    return _stats(entries.counters(number))


def _stats(counters: tuple[int, int, int, int]) -> FlowStats:
    packets, size, used, flags = counters
    if not packets:
        return _NOTHING
    now = time.monotonic_ns() >> USED_SHIFT
    last = now - (now - used & 0xFFFFFFFF)  # the units have only the low 32 bits
    return FlowStats(packets, size, (last << USED_SHIFT) * _NANO, _host_order(flags))


def _host_order(flags: int) -> int:
    """TCP flags as a number, of which programs see the bytes."""
    return flags >> 8 | (flags & 0xFF) << 8


def _sum(one: FlowStats, other: FlowStats) -> FlowStats:
    used = max(one.used or 0.0, other.used or 0.0) or None
    return FlowStats(
        one.packets + other.packets, one.bytes + other.bytes, used, one.tcp_flags | other.tcp_flags
    )
