"""The megaflows of a datapath: in Python by ufid, in the kernel by what they match.

Each mask has a subtable, a hash map that grows when it is full.  What the mask says beyond what programs see is kept
in a note, by number, so that a megaflow that is read back from the kernel is the one that was put there.

A megaflow that no packet in the kernel can match (it wants a register, a tunnel) or whose device is not there is put
all the same: it keeps its place in dumps, and does nothing.
"""

from __future__ import annotations

import errno
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vswitch.base.log import Logger
from vswitch.datapath.ebpf.compile import Subtable
from vswitch.datapath.ebpf.keys import SEEN, KeyMask
from vswitch.datapath.ebpf.lists import ActionList, ActionLists
from vswitch.datapath.ebpf.maps import MAX_FLOWS, MEGAFLOW, Maps, codec, subtable_spec
from vswitch.datapath.ebpf.notes import Kind, Notes
from vswitch.datapath.ebpf.programs import Programs
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT
from vswitch.linux.bpf import BpfMap

log = Logger("dpif_ebpf")

_FIRST_SIZE, _GROWTH = 4096, 8  # entries of a subtable
_MAX_SUBTABLES = 512
_RESTING_SLOTS = 1024
_NO_DEVICE = 1 << 31  # + number of a port: no ifindex is as high
_VALUE = codec(MEGAFLOW)


@dataclass(slots=True, eq=False)
class _Table:
    """A subtable with its map."""

    id: int
    subtable: Subtable
    map: BpfMap
    keys: dict[bytes, _Entry] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Entry:
    """A megaflow, and where it is."""

    megaflow: Megaflow
    table: _Table | None  # None: no packet in the kernel can match it
    key: bytes
    slot: int
    mask_id: int
    list: ActionList

    def value(self) -> bytes:
        """What the subtable says."""
        actions = self.list
        numbers = actions.shape, actions.argument, self.slot, actions.id
        return _VALUE.pack(*numbers, self.megaflow.ufid.to_bytes(16, "big"))


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
        self._by_name: dict[str, _Table] = {}
        self._masks: dict[Mask, tuple[int, KeyMask]] = {}
        self._free_slots: deque[int] = deque()
        self._next_slot = 0
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
        writes: dict[_Table, list[tuple[bytes, bytes]]] = defaultdict(list)
        try:
            for megaflow in megaflows:
                entry = self._put(megaflow)
                if entry.table:
                    writes[entry.table].append((entry.key, entry.value()))
        finally:
            for table, items in writes.items():
                self._write(table, items)

    def _put(self, megaflow: Megaflow) -> _Entry:
        """The entry for `megaflow`, in place but for the kernel's map."""
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
            self._lists.release(entry.list)
            entry.megaflow, entry.list = megaflow, actions
            self._maps.outdate(entry.slot)
            return entry
        entry = _Entry(megaflow, table, key, self._take_slot(), mask_id, actions)
        self._maps.masks.put(entry.slot, mask_id)
        self._entries[megaflow.ufid] = entry
        if table:
            table.keys[key] = entry
        return entry

    def delete(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Remove megaflows; returns what each had carried."""
        entries = [self._entries.pop(ufid, None) for ufid in ufids]
        keys: dict[_Table, list[bytes]] = defaultdict(list)
        for entry in entries:
            if entry and entry.table:
                keys[entry.table].append(entry.key)
                del entry.table.keys[entry.key]
        for table, gone in keys.items():
            table.map.delete_batch(gone)
        return [self._collect(entry) if entry else None for entry in entries]

    def _collect(self, entry: _Entry) -> FlowStats:
        """What a megaflow that is no longer in the kernel has carried; its slot is free."""
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
        per_cpu = zip(*self._maps.flow_stats(entry.slot), strict=True)
        packets, bytes, used, flags, _ = per_cpu
        tcp_flags = 0
        for some in flags:
            tcp_flags |= some >> 8 | (some & 0xFF) << 8  # they are in network byte order
        last = max(used)
        return FlowStats(sum(packets), sum(bytes), last / 1e9 if last else None, tcp_flags)

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
            table.map.delete(entry.key)
            del table.keys[entry.key]
            entry.key = key
            table.keys[key] = entry
            self._write(table, [(key, entry.value())])
            self._maps.outdate(entry.slot)

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
            table = self._make_table(key_mask, _FIRST_SIZE)
            self._tables[key_mask] = table
            self._programs.subtables.append(table.subtable)
            self._programs.are_outdated = True
        return table

    def _make_table(self, key_mask: KeyMask, size: int) -> _Table:
        id, self._next_table = self._next_table, self._next_table + 1
        name = f"flows_{id}"
        map = BpfMap.create(subtable_spec(name, key_mask.size, size))
        map.pin(str(self._directory / name))
        self._maps.by_name[name] = map
        self._notes.write(Kind.SUBTABLE, id, {"mask": f"{key_mask.mask:x}", "size": size})
        made = _Table(id, Subtable(name, key_mask), map)
        self._by_name[name] = made
        return made

    def _write(self, table: _Table, items: list[tuple[bytes, bytes]]) -> None:
        """Put entries into the kernel's map, which grows if it is full."""
        if len(table.keys) > table.map.spec.max_entries:
            self._grow(table, len(table.keys))
            return
        if len(items) == 1:
            table.map.update(*items[0])
        else:
            table.map.update_batch(items)

    def _grow(self, table: _Table, size: int) -> None:
        """Move all entries to a bigger map, and let the programs look there."""
        old, capacity = table.subtable, table.map.spec.max_entries
        while capacity < size:
            capacity *= _GROWTH
        bigger = self._make_table(old.key, min(capacity, MAX_FLOWS))
        bigger.map.update_batch([(key, entry.value()) for key, entry in table.keys.items()])
        place = self._programs.subtables.index(old)
        self._programs.subtables[place] = bigger.subtable
        self._programs.rebuild()
        self._forget(table)
        table.id, table.subtable, table.map = bigger.id, bigger.subtable, bigger.map
        self._by_name[bigger.subtable.map] = table

    def _forget(self, table: _Table) -> None:
        """Remove the map of a subtable that no program looks at any more."""
        name = table.subtable.map
        (self._directory / name).unlink(missing_ok=True)
        self._maps.by_name.pop(name).close()
        self._by_name.pop(name)
        self._notes.erase(Kind.SUBTABLE, table.id)

    def improve(self) -> None:
        """Let programs look at subtables in a better order, and not at all at empty ones."""
        dropped = self._programs.improve(lambda subtable: not self._by_name[subtable.map].keys)
        for subtable in dropped:
            self._forget(self._tables.pop(subtable.key))
        if dropped:
            self._forget_masks()

    def _forget_masks(self) -> None:
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
            spec = subtable_spec(f"flows_{id}", key_mask.size, note["size"])
            map = BpfMap.open(spec, str(self._directory / spec.name))
            table = _Table(id, Subtable(spec.name, key_mask), map)
            self._maps.by_name[spec.name] = map
            self._by_name[spec.name] = self._tables[key_mask] = table
            self._programs.subtables.append(table.subtable)
            for key, value in map.items():
                self._restore_entry(table, key, value, by_id, number_of)
        taken = {entry.slot for entry in self._entries.values()}
        self._next_slot = max(taken, default=-1) + 1
        self._free_slots.extend(slot for slot in range(self._next_slot) if slot not in taken)
        self._forget_masks()

    def _restore_entry(
        self,
        table: _Table,
        key: bytes,
        value: bytes,
        masks: Mapping[int, Mask],
        number_of: Mapping[int, OdpPort],
    ) -> None:
        shape, argument, slot, list_id, ufid = _VALUE.unpack(value)
        (mask_id,) = self._maps.masks.get(slot)
        flow, mask = table.subtable.key.unpack(key), masks[mask_id]
        if mask & IN_PORT.mask:
            ifindex = IN_PORT.get(flow)
            number = number_of.get(ifindex, OdpPort(ifindex & ~_NO_DEVICE))
            flow = IN_PORT.put(flow, number)
        list = self._lists.adopt(list_id, shape, argument, flow, mask)
        megaflow = Megaflow(Ufid(int.from_bytes(ufid, "big")), Flow(flow & mask), mask, list.actions)
        entry = _Entry(megaflow, table, key, slot, mask_id, list)
        self._entries[megaflow.ufid] = table.keys[key] = entry

    def close(self) -> None:
        """Close the subtables' maps."""
        for table in self._tables.values():
            table.map.close()


def _in_port(megaflow: Megaflow) -> OdpPort | None:
    """The port whose packets `megaflow` matches; None: all."""
    return OdpPort(IN_PORT.get(megaflow.flow)) if megaflow.mask & IN_PORT.mask else None


def _can_match(megaflow: Megaflow) -> bool:
    """Whether a packet in the kernel can match: what no program sees is 0 there."""
    return not megaflow.flow & megaflow.mask & ~SEEN
