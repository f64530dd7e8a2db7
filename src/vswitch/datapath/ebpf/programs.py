"""The main programs at work on the ports' devices, and the subtables for which they are made.

When the set of masks changes, both programs are made anew, and each hook gets the new one in the place of the old: a
packet meets one of the two, never none.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable

from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import KernelError
from vswitch.bpf.spec import MapSpec, MapType
from vswitch.datapath.ebpf.compile import (
    CACHE,
    Target,
    cache_key,
    place_of,
    uses_cache,
)
from vswitch.datapath.ebpf.hooks import Hook, Hooks
from vswitch.datapath.ebpf.maps import CACHED, N_PLACES, Maps
from vswitch.datapath.ebpf.prepared import Store
from vswitch.datapath.ebpf.subtable import Subtable
from vswitch.dpif.ports import OdpPort
from vswitch.linux.bpf import BpfMap, Program

CACHE_SIZE = 1 << 16  # entries
_U32 = struct.Struct("=I")
_GAIN = 0.9  # another order is worth a new program if it takes less than this part of the look-ups


@dataclass(slots=True)
class Programs:
    """The programs, their hooks by port, and the order of the subtables."""

    maps: Maps
    hooks: Hooks
    target: Target
    store: Store = field(default_factory=Store)
    subtables: list[Subtable] = field(default_factory=list)
    _hooks: dict[OdpPort, Hook] = field(default_factory=dict)
    are_outdated: bool = False  # `subtables` has some that they do not look at
    mask_hits: int = 0  # subtables that packets were looked up in, before `_seen`
    _programs: dict[bool, Program] = field(default_factory=dict)
    _seen: tuple[int, ...] = (0,) * (2 + N_PLACES)  # the counters, when `mask_hits` was brought up to date

    def attach(self, number: OdpPort, ifindex: int, from_host: bool) -> None:
        """Hook into a device: where it receives, or where the host sends through it."""
        self._hooks[number] = self.hooks.attach(number, ifindex, from_host, self._program(from_host))

    def adopt(self, number: OdpPort, ifindex: int, from_host: bool) -> None:
        """Go on with the hook that an earlier daemon left for a port.  KernelError: there is none."""
        hook = self._hooks[number] = self.hooks.adopt(number, ifindex, from_host)
        if not hook.holds(ifindex):
            raise KernelError(errno.ENODEV, f"device {ifindex} has no hook")

    def detach(self, number: OdpPort) -> None:
        """Take the hook away."""
        if hook := self._hooks.pop(number, None):
            hook.detach()

    def rebuild(self) -> None:
        """Put programs for the present subtables to work."""
        self.count_hits()
        self._make_cache()
        self._programs.clear()
        self.are_outdated = False
        for hook in self._hooks.values():
            program = self._program(hook.from_host)
            try:
                hook.update(program)
            except KernelError:  # the device has gone, and with it the hook
                continue

    def _program(self, from_host: bool) -> Program:
        """The first of the programs for a direction; the others are in their places before it can go on with them."""
        if from_host not in self._programs:
            specs = self.store.main_programs(self.subtables, from_host, self.target)
            for chunk in range(len(specs) - 1, -1, -1):
                program = Program.load(specs[chunk], self.maps.by_name)
                self.maps["programs"].update(_U32.pack(place_of(from_host, chunk)), _U32.pack(program.fd))
                self._programs[from_host] = program
        return self._programs[from_host]

    def _make_cache(self) -> None:
        """A new, empty cache, if there is to be one: its keys depend on the masks."""
        if (old := self.maps.by_name.pop(CACHE, None)) is not None:
            old.close()
        if uses_cache(self.subtables):
            key = cache_key(self.subtables)
            spec = MapSpec(CACHE, MapType.LRU_HASH, key.size, CACHED.size, CACHE_SIZE)
            self.maps.by_name[CACHE] = BpfMap.create(spec)

    # The order of the subtables

    def improve(self, is_empty: Callable[[Subtable], bool]) -> list[Subtable]:
        """Put subtables that hit often first, and drop empty ones, if that pays; the dropped ones are returned."""
        hits = self.count_hits()
        by_hits = sorted(zip(self.subtables, hits, strict=True), key=lambda pair: -pair[1])
        empty = [subtable for subtable in self.subtables if is_empty(subtable)]
        order = [subtable for subtable, _ in by_hits if subtable not in empty]
        now = sum(place * n for place, n in enumerate(hits, 1))
        then = sum(place * n for place, (_, n) in enumerate(by_hits, 1))
        if not empty and then >= now * _GAIN:
            return []
        self.subtables[:] = order
        self.rebuild()
        return empty

    def count_hits(self) -> list[int]:
        """How often each subtable hit since the last call.  Those behind the last counted place share its count."""
        counters = self.maps.totals()
        delta = [after - before for after, before in zip(counters, self._seen, strict=True)]
        self._seen = counters
        missed, _, *places = delta
        n = len(self.subtables)
        self.mask_hits += missed * n + sum(place * hits for place, hits in enumerate(places))
        hits = places[1 : n + 1]
        return hits + [0] * (n - len(hits))

    def close(self, keep: bool) -> None:
        """Let go of programs and hooks; with `keep`, they go on."""
        for hook in self._hooks.values():
            if keep:
                hook.leave()
            else:
                hook.detach()
        self.hooks.close()
        for program in self._programs.values():
            program.close()
