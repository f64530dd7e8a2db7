"""Maps and programs as values, before any kernel has seen them: the same bytes on every machine.

A program names its maps; `ProgramSpec.relocate` puts in the file descriptors that a kernel gave for the names.

Sources: linux/bpf.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag

from vswitch.bpf import isa
from vswitch.bpf.btf import Type
from vswitch.bpf.isa import Instruction


class MapType(IntEnum):
    """enum bpf_map_type."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    LRU_HASH = 9
    RINGBUF = 27


class MapFlags(IntFlag):
    """BPF_F_* of BPF_MAP_CREATE."""

    NO_PREALLOC = 1 << 0
    MMAPABLE = 1 << 10


class ProgramType(IntEnum):
    """enum bpf_prog_type."""

    SCHED_CLS = 3
    XDP = 6


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map to be made.  `key` and `value` are its types for people (`bpftool map dump`), if given."""

    name: str
    type: MapType
    key_size: int  # bytes
    value_size: int  # bytes
    max_entries: int
    flags: int = 0  # MapFlags
    key: Type | None = None
    value: Type | None = None


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A program to be loaded.  Its 64-bit loads of kind map hold 0 until `relocate`; `maps` says which map is meant."""

    name: str
    type: ProgramType
    instructions: tuple[Instruction, ...]
    maps: Mapping[int, str] = field(default_factory=dict)  # index of an instruction -> name of its map
    license: str = "Dual MIT/GPL"

    def relocate(self, fds: Mapping[str, int]) -> bytes:
        """The code to load, given each map's file descriptor; KeyError for a map that is not there."""
        code = list(self.instructions)
        for at, name in self.maps.items():
            code[at] = replace(code[at], imm=fds[name] | code[at].imm)
        return isa.encode(code)
