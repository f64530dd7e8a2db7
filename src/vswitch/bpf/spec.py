"""Maps and programs as values, before any kernel has seen them: the same bytes on every machine.

A program names its maps; `ProgramSpec.relocate` puts in the file descriptors that a kernel gave for the names.  It
also names the numbers that tell it from programs otherwise the same, so that those can be made once for all.

Sources: linux/bpf.h.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum, IntFlag

from vswitch.base.dataclass import dataclass, field
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
    """A program to be loaded.  What loads a map holds no file descriptor until `relocate`; `maps` says which is meant.

    Places in the code are counted in slots of eight bytes, as jumps and the verifier count them.
    """

    name: str
    type: ProgramType
    code: bytes
    maps: Mapping[int, str] = field(default_factory=dict)  # slot -> name of its map
    numbers: Mapping[int, str] = field(default_factory=dict)  # slot -> name of its number
    license: str = "Dual MIT/GPL"

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The code, taken apart."""
        return tuple(isa.decode(self.code))

    def relocate(self, fds: Mapping[str, int]) -> bytes:
        """The code to load, given each map's file descriptor; KeyError for a map that is not there."""
        code = bytearray(self.code)
        for slot, name in self.maps.items():
            _HALF.pack_into(code, slot * isa.SLOT + _IMM, fds[name])
        return bytes(code)

    def numbered(self, numbers: Mapping[str, int]) -> bytes:
        """The code with other numbers, whose names say where they go; KeyError for one that is not there."""
        code = bytearray(self.code)
        for slot, name in self.numbers.items():
            at, value = slot * isa.SLOT, numbers[name]
            _HALF.pack_into(code, at + _IMM, value & _HALF_ONES)
            if code[at] == isa.LD_IMM64:
                _HALF.pack_into(code, at + isa.SLOT + _IMM, value >> 32 & _HALF_ONES)
        return bytes(code)


_HALF = struct.Struct("<I")
_HALF_ONES = (1 << 32) - 1
_IMM = 4  # where in its slot an instruction has its immediate
