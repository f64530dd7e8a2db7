"""What programs and the daemon share: the maps, and the layout of what is in them.

    flows_<n>   the megaflows of a mask (subtable.py)
    stats       by megaflow and group of CPUs: STATS, of packets that the megaflow does not count itself
    names       by megaflow, like `stats`: NAME
    ports       by port number: PORT; devices: ifindex -> port number; port_stats: per CPU and port, PORT_STATS
    counters    per CPU: COUNTERS
    programs    programs that run action lists of a shape
    lists       parameters of action lists
    keys        per CPU: where a program puts a packet's key together
    upcalls     ring buffer of packets on their way up; scratch: where a program puts one together
    notes       in text, what a next daemon has to know (notes.py)

Arrays are mapped into the daemon's memory: reading the counters of 100,000 megaflows takes no system call.  Arrays
"per CPU" are ordinary ones, in which each CPU has a region: their elements are never written by two CPUs.  On a machine
with more than MAX_GROUPS of them, several share a region of `stats`, and add to it atomically.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from vswitch.bpf.btf import U8, U16, U32, U64, Array, Int, Struct, Type
from vswitch.bpf.spec import MapFlags, MapSpec, MapType
from vswitch.linux.bpf import BpfMap

MAX_FLOWS = 1 << 18
MAX_PORTS = 1 << 13
MAX_SHAPES = 1 << 12
MAX_GROUPS = 8
RING_SIZE = 1 << 24  # bytes
PARAMETERS_SIZE = 2000  # bytes: an element with its key and the kernel's part stays within half a page

# With the key of a learning switch, 24 bytes, it fills a cache line; with addresses and ports, two.  What packets do not
# need is therefore elsewhere.
MEGAFLOW = Struct(
    "megaflow",
    (
        ("next", U32),  # in its chain; 0: none
        ("slot", U32),  # of `stats` and `names`; 0: there is no megaflow here
        ("shape", U32),  # DROP, OUTPUT, or which of `programs`
        ("argument", U32),  # the port of OUTPUT; else the id of the action list
        ("packets", U64),  # these four: of the packets that `owner` has seen
        ("bytes", U64),
        ("used", U32),
        ("owner", U16),  # a CPU, counted from 1; others count in `stats`
        ("tcp_flags", U16),
    ),
)
# A copy of the members up to the counters, and what `stats` must say for it to be good.
CACHED = Struct("cached", (*MEGAFLOW.members[:4], ("generation", U64)))
NAME = Struct(
    "name", (("mask", U32), ("spare", U32), ("ufid", Array(U8, 16)))
)  # number of the mask, in `notes`
STATS = Struct(
    "flow_stats",
    (("packets", U64), ("bytes", U64), ("used", U64), ("tcp_flags", U32), ("generation", U32)),
)
_STATS_WORDS = STATS.size // 8
PORT = Struct(
    "port",
    (
        ("ifindex", U32),  # 0: there is none
        ("flags", U32),  # HOST, PEER
        ("sent", U64),  # upcalls, and their bytes in the ring
        ("sent_bytes", U64),
        ("taken", U64),  # of these, those that the daemon has taken
        ("taken_bytes", U64),
        ("lost", U64),
        ("spare", Array(U64, 2)),
    ),
)
PORT_STATS = Struct(
    "port_stats",
    (("rx_packets", U64), ("rx_bytes", U64), ("tx_packets", U64), ("tx_bytes", U64)),
)
N_PLACES = 62
COUNTERS = Struct(
    "counters",
    # Hits by place in the order of the subtables, from 1; 0 is the cache, and the last stands for all behind it.
    (("missed", U64), ("lost", U64), ("hits", Array(U64, N_PLACES))),
)
UPCALL = Struct(
    "upcall",
    (
        ("kind", U32),  # MISS, ACTION, EXECUTE
        ("list", U32),  # of which action list, but for MISS
        ("index", U32),  # of which action of it
        ("port", U32),
        ("length", U32),
        ("gso_size", U32),
        ("vlan_present", U32),
        ("vlan_tci", U16),
        ("vlan_proto", U16),  # network byte order
        ("mark", U32),
        ("priority", U32),
    ),
)
RECORD_OVERHEAD = 8 + UPCALL.size  # bytes in the ring, besides the packet
KEYS = 256  # bytes: a key, and apart from the next CPU's
SCRATCH = UPCALL.size + 65536 + 64  # bytes

# Shapes that the main program runs itself.
DROP, OUTPUT = 0, 1
FIRST_SHAPE = 32  # places in `programs` below are for main programs
# Flags of a port.
HOST = 1  # the host is at the other end: output is what the device receives
PEER = 2  # output may go straight to the device at the other end

# Kinds of upcall.
MISS, ACTION, EXECUTE = 0, 1, 2

_FORMATS = {8: "B", 16: "H", 32: "I", 64: "Q"}


def codec(type: Struct) -> struct.Struct:
    """What packs and unpacks `type`; an array of bytes is one value, any other array several."""
    return struct.Struct("=" + "".join(_format(member) for _, member in type.members))


def _format(type: Type) -> str:
    match type:
        case Int(bits):
            return _FORMATS[bits]
        case Array(element, count) if element == U8:
            return f"{count}s"
        case Array(element, count):
            return _format(element) * count
        case Struct(_, members):
            return "".join(_format(member) for _, member in members)


def n_groups_of(n_cpus: int) -> int:
    """How many groups of CPUs count in `stats`, each in a region of its own: a power of 2."""
    return min(1 << (n_cpus - 1).bit_length(), MAX_GROUPS)


def specs(n_cpus: int) -> dict[str, MapSpec]:
    """The maps that every datapath has, by name."""
    mapped, sparse = MapFlags.MMAPABLE, MapFlags.NO_PREALLOC
    array, hash = MapType.ARRAY, MapType.HASH
    number, nothing = U32, None
    all = (
        MapSpec("stats", array, 4, STATS.size, n_groups_of(n_cpus) * MAX_FLOWS, mapped, number, STATS),
        MapSpec("names", array, 4, NAME.size, MAX_FLOWS, mapped, number, NAME),
        MapSpec("ports", array, 4, PORT.size, MAX_PORTS, mapped, number, PORT),
        MapSpec("port_stats", array, 4, PORT_STATS.size, n_cpus * MAX_PORTS, mapped, number, PORT_STATS),
        MapSpec("counters", array, 4, COUNTERS.size, n_cpus, mapped, number, COUNTERS),
        MapSpec("devices", hash, 4, 4, MAX_PORTS, sparse, number, U32),
        MapSpec("programs", MapType.PROG_ARRAY, 4, 4, MAX_SHAPES),
        MapSpec("lists", hash, 4, PARAMETERS_SIZE, MAX_FLOWS, sparse, nothing, nothing),
        MapSpec("keys", array, 4, KEYS, n_cpus),
        MapSpec("scratch", array, 4, SCRATCH, n_cpus),
        MapSpec("upcalls", MapType.RINGBUF, 0, 0, RING_SIZE),
        MapSpec("notes", hash, NOTE_KEY.size, NOTE_SIZE, 1 << 20, sparse),
    )
    return {spec.name: spec for spec in all}


NOTE_KEY = Struct("note", (("kind", U32), ("id", U32), ("part", U32)))
NOTE_SIZE = 252  # bytes


class MappedArray:
    """The elements of an array map, in our own memory."""

    def __init__(self, map: BpfMap, type: Struct) -> None:
        self.size = (type.size + 7) // 8 * 8
        length = map.spec.max_entries * self.size
        self.memory = mmap.mmap(map.fd, (length + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE)
        self._codec = codec(type)
        self._places = {name: (type.offset(name), _format(member)) for name, member in type.members}

    def get(self, index: int) -> tuple[Any, ...]:
        """The members of element `index`."""
        return self._codec.unpack_from(self.memory, index * self.size)

    def put(self, index: int, *values: int | bytes) -> None:
        """Set all members of element `index`."""
        self._codec.pack_into(self.memory, index * self.size, *values)

    def get_member(self, index: int, name: str) -> int:
        """One member of element `index`."""
        offset, format = self._places[name]
        (value,) = struct.unpack_from("=" + format, self.memory, index * self.size + offset)
        return int(value)

    def put_member(self, index: int, name: str, value: int) -> None:
        """Set one member of element `index`."""
        offset, format = self._places[name]
        struct.pack_into("=" + format, self.memory, index * self.size + offset, value)

    def close(self) -> None:
        """Unmap it."""
        self.memory.close()


class Maps:
    """All maps of a datapath that are always there, and the memory of those that are mapped."""

    def __init__(self, maps: dict[str, BpfMap], n_cpus: int) -> None:
        self.by_name = maps
        self.n_cpus, self.n_groups = n_cpus, n_groups_of(n_cpus)
        self.stats = MappedArray(maps["stats"], STATS)
        self._packets = memoryview(self.stats.memory).cast("Q")  # each element begins with them
        self.names = MappedArray(maps["names"], NAME)
        self.ports = MappedArray(maps["ports"], PORT)
        self.port_stats = MappedArray(maps["port_stats"], PORT_STATS)
        self.counters = MappedArray(maps["counters"], COUNTERS)

    @classmethod
    def create(cls, directory: Path, n_cpus: int) -> Maps:
        """Make them, pinned in `directory`."""
        maps = {name: BpfMap.create(spec) for name, spec in specs(n_cpus).items()}
        for name, map in maps.items():
            map.pin(str(directory / name))
        return cls(maps, n_cpus)

    @classmethod
    def open(cls, directory: Path, n_cpus: int) -> Maps:
        """Open those pinned in `directory`."""
        opened = {name: BpfMap.open(spec, str(directory / name)) for name, spec in specs(n_cpus).items()}
        return cls(opened, n_cpus)

    def __getitem__(self, name: str) -> BpfMap:
        return self.by_name[name]

    def flow_stats(self, slot: int) -> list[tuple[int, ...]]:
        """What each group of CPUs that saw packets of a megaflow counted for it."""
        packets = self._packets
        indexes = range(slot, self.n_groups * MAX_FLOWS, MAX_FLOWS)
        return [self.stats.get(index) for index in indexes if packets[index * _STATS_WORDS]]

    def outdate(self, slot: int) -> None:
        """Let the cache forget the megaflow in `slot`."""
        for group in range(self.n_groups):
            index = group * MAX_FLOWS + slot
            generation = self.stats.get_member(index, "generation")
            self.stats.put_member(index, "generation", generation + 1 & 0xFFFFFFFF)

    def clear_flow_stats(self, slot: int) -> None:
        """Let the next megaflow in `slot` begin at 0, and the cache forget the present one."""
        for group in range(self.n_groups):
            index = group * MAX_FLOWS + slot
            generation = self.stats.get_member(index, "generation")
            self.stats.put(index, 0, 0, 0, 0, generation + 1 & 0xFFFFFFFF)

    def totals(self) -> tuple[int, ...]:
        """missed, lost, and the hits by place."""
        return tuple(map(sum, zip(*(self.counters.get(cpu) for cpu in range(self.n_cpus)), strict=True)))

    def port_totals(self, number: int) -> tuple[int, ...]:
        """rx_packets, rx_bytes, tx_packets, tx_bytes of a port, of what its device does not count itself."""
        per_cpu = (self.port_stats.get(cpu * MAX_PORTS + number) for cpu in range(self.n_cpus))
        return tuple(map(sum, zip(*per_cpu, strict=True)))

    def close(self) -> None:
        """Unmap and close everything; what is pinned stays."""
        self._packets.release()
        for mapped in (self.stats, self.names, self.ports, self.port_stats, self.counters):
            mapped.close()
        for map in self.by_name.values():
            map.close()
