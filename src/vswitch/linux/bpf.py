"""bpf(2): maps, programs, links and pins.

Every object is a file descriptor; it lives on without one while it is pinned on a bpffs, or while another object
uses it.  Everything here raises `KernelError`; what the verifier refuses, `ProgramRefused`.

Sources: bpf(2); linux/bpf.h, union bpf_attr.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError
from vswitch.bpf import btf
from vswitch.bpf.spec import MapSpec, MapType, ProgramSpec
from vswitch.bpf.verifier import Verdict, read_log

_SYSCALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351, "loongarch64": 280}
_NUMBER = _SYSCALLS.get(os.uname().machine, 280)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_LOG_SIZE = 1 << 24
_U64 = struct.Struct("=Q")
_BATCH = 4096  # entries


class Command(IntEnum):
    """enum bpf_cmd."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    PROG_LOAD = 5
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_TEST_RUN = 10
    OBJ_GET_INFO_BY_FD = 15
    PROG_QUERY = 16
    BTF_LOAD = 18
    MAP_LOOKUP_BATCH = 24
    MAP_UPDATE_BATCH = 26
    MAP_DELETE_BATCH = 27
    LINK_CREATE = 28
    LINK_UPDATE = 29
    LINK_DETACH = 34


class Attach(IntEnum):
    """enum bpf_attach_type: where a link hooks in."""

    TCX_INGRESS = 46
    TCX_EGRESS = 47


class ProgramRefused(KernelError):  # noqa: N818 - what happened
    """The verifier refused a program: `verdict` is the telling part of its `log`."""

    def __init__(self, errno: int, name: str, verdict: Verdict, log: str) -> None:
        super().__init__(errno, f"eBPF program {name} was refused: {verdict}\n{log}")
        self.verdict = verdict
        self.log = log


def bpf(command: Command, attr: ctypes.Array[ctypes.c_char], what: str) -> int:
    """One call; `attr` is union bpf_attr, and the kernel may write to it."""
    result: int = _libc.syscall(_NUMBER, int(command), ctypes.byref(attr), len(attr))
    if result < 0:
        number = ctypes.get_errno()
        raise KernelError(number, f"{what}: {os.strerror(number)}")
    return result


def lift_memory_limit() -> None:
    """Let maps be as big as they have to be: before Linux 5.11, their memory counted as locked memory."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _attr(format: str, *values: int | bytes) -> ctypes.Array[ctypes.c_char]:
    data = struct.pack("=" + format, *values)
    return ctypes.create_string_buffer(data, len(data))


def _name(text: str) -> bytes:
    return "".join(c if c.isalnum() or c in "_." else "_" for c in text).encode()[:15]


class Descriptor:
    """A file descriptor that closes with its object."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Close it, if it is open."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()

    def pin(self, path: str) -> None:
        """Give it a name on a bpffs; KernelError(EEXIST) if `path` is taken."""
        name = ctypes.create_string_buffer(os.fsencode(path))
        bpf(Command.OBJ_PIN, _attr("QII", ctypes.addressof(name), self.fd, 0), f"pinning {path}")


def open_pinned(path: str) -> int:
    """A file descriptor of what is pinned at `path`."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return bpf(Command.OBJ_GET, _attr("QII", ctypes.addressof(name), 0, 0), f"opening {path}")


class BpfMap(Descriptor):
    """A map, open.  Keys and values are bytes of exactly the sizes in `spec`."""

    __slots__ = ("_attr", "_attr_at", "_key", "_value", "spec")

    def __init__(self, spec: MapSpec, fd: int) -> None:
        super().__init__(fd)
        self.spec = spec
        self._key = ctypes.create_string_buffer(max(spec.key_size, 1))
        self._value = ctypes.create_string_buffer(max(spec.value_size, 1))
        places = ctypes.addressof(self._key), ctypes.addressof(self._value)
        self._attr = _attr("IIQQQ", fd, 0, *places, 0)  # the attributes of the calls for one element
        self._attr_at = ctypes.byref(self._attr)

    @classmethod
    def create(cls, spec: MapSpec) -> BpfMap:
        """Make a map."""
        types = _load_btf(spec) if spec.key and spec.value else (0, 0, 0)
        shape = (spec.type, spec.key_size, spec.value_size, spec.max_entries, spec.flags, 0, 0)
        attr = _attr("7I16sI3I", *shape, _name(spec.name), 0, *types)
        fd = bpf(Command.MAP_CREATE, attr, f"creating map {spec.name}")
        if types[0]:
            os.close(types[0])
        return cls(spec, fd)

    @classmethod
    def open(cls, spec: MapSpec, path: str) -> BpfMap:
        """Open the pinned map at `path`; EINVAL if it does not have the shape of `spec`."""
        opened = cls(spec, open_pinned(path))
        info = map_info(opened.fd)
        if (info.type, info.key_size, info.value_size) != (spec.type, spec.key_size, spec.value_size):
            raise KernelError(errno.EINVAL, f"{path} is not {spec.name}")
        return opened

    def _element(self, command: Command, key: bytes, flags: int = 0) -> int:
        assert len(key) == self.spec.key_size
        ctypes.memmove(self._key, key, len(key))
        _U64.pack_into(self._attr, 24, flags)
        return int(_libc.syscall(_NUMBER, int(command), self._attr_at, 32))

    def lookup(self, key: bytes) -> bytes | None:
        """The value of `key`."""
        if self._element(Command.MAP_LOOKUP_ELEM, key) < 0:
            return None
        return self._value.raw

    def update(self, key: bytes, value: bytes, flags: int = 0) -> None:
        """Set the value of `key`."""
        assert len(value) == self.spec.value_size
        ctypes.memmove(self._value, value, len(value))
        if self._element(Command.MAP_UPDATE_ELEM, key, flags) < 0:
            number = ctypes.get_errno()
            raise KernelError(number, f"updating map {self.spec.name}: {os.strerror(number)}")

    def delete(self, key: bytes) -> bool:
        """Forget `key`; whether it was there."""
        ctypes.memmove(self._key, key, len(key))
        return (
            int(_libc.syscall(_NUMBER, int(Command.MAP_DELETE_ELEM), self._attr_at, 16)) == 0
        )  # fd and key only

    def update_batch(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Set many."""
        if not items:
            return
        keys = b"".join([key for key, _ in items])
        values = b"".join([value for _, value in items])
        self._batch(Command.MAP_UPDATE_BATCH, len(items), keys, values)

    def delete_batch(self, keys: Sequence[bytes]) -> None:
        """Forget many; all must be there."""
        if keys:
            self._batch(Command.MAP_DELETE_BATCH, len(keys), b"".join(keys), b"")

    def _batch(self, command: Command, count: int, keys: bytes, values: bytes) -> None:
        key_buffer, value_buffer = ctypes.create_string_buffer(keys), ctypes.create_string_buffer(values)
        at = ctypes.addressof(key_buffer), ctypes.addressof(value_buffer) if values else 0
        attr = _attr("QQQQIIQQ", 0, 0, *at, count, self.fd, 0, 0)
        bpf(command, attr, f"{command.name} of map {self.spec.name}")

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All elements, in no order; what changes meanwhile may be missed or come twice."""
        key_size, value_size, count = self.spec.key_size, self.spec.value_size, _BATCH
        token = ctypes.create_string_buffer(max(key_size, 8))
        first, last = True, False
        while not last:
            keys = ctypes.create_string_buffer(key_size * count)
            values = ctypes.create_string_buffer(value_size * count)
            places = [ctypes.addressof(buffer) for buffer in (token, keys, values)]
            attr = _attr("QQQQIIQQ", 0 if first else places[0], *places, count, self.fd, 0, 0)
            try:
                bpf(Command.MAP_LOOKUP_BATCH, attr, f"reading map {self.spec.name}")
            except KernelError as e:
                if e.errno == errno.ENOSPC:  # a bucket holds more than fits
                    count *= 2
                    continue
                if e.errno != errno.ENOENT:
                    raise
                last = True
            first = False
            (n,) = struct.unpack_from("=I", attr, 32)
            all_keys, all_values = keys.raw, values.raw
            for i in range(n):
                key = all_keys[i * key_size : (i + 1) * key_size]
                yield key, all_values[i * value_size : (i + 1) * value_size]


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What the kernel says of a map."""

    type: MapType
    id: int
    key_size: int
    value_size: int
    max_entries: int


def map_info(fd: int) -> MapInfo:
    """What the kernel says of the map behind `fd`."""
    info = ctypes.create_string_buffer(88)
    bpf(
        Command.OBJ_GET_INFO_BY_FD,
        _attr("IIQ", fd, len(info), ctypes.addressof(info)),
        "reading a map's shape",
    )
    type, id, *sizes = struct.unpack_from("=5I", info)
    return MapInfo(MapType(type), id, *sizes)


def _load_btf(spec: MapSpec) -> tuple[int, int, int]:
    """A descriptor of the types of `spec`, and their numbers; zeros where the kernel does not take them."""
    assert spec.key is not None
    assert spec.value is not None
    data, ids = btf.encode(spec.key, spec.value)
    buffer = ctypes.create_string_buffer(data, len(data))
    try:
        fd = bpf(
            Command.BTF_LOAD, _attr("QQIIII", ctypes.addressof(buffer), 0, len(data), 0, 0, 0), "loading BTF"
        )
    except KernelError:
        return 0, 0, 0
    return fd, ids[0], ids[1]


class Program(Descriptor):
    """A program that the verifier accepted."""

    __slots__ = ()

    @classmethod
    def load(cls, spec: ProgramSpec, maps: Mapping[str, BpfMap]) -> Program:
        """Load `spec`; `maps` are those that it names."""
        code = spec.relocate({name: maps[name].fd for name in spec.maps.values()})
        try:
            return cls(_load(spec, code, None))
        except KernelError as e:
            refusal = e
        log = ctypes.create_string_buffer(_LOG_SIZE)
        try:  # again, and keep notes this time: they cost several times the loading
            return cls(_load(spec, code, log))
        except KernelError:
            text = log.value.decode(errors="replace")
        if not text:
            raise refusal
        raise ProgramRefused(refusal.errno, spec.name, read_log(text), text)

    def test(self, data: bytes, context: bytes = b"", repeat: int = 1) -> TestRun:
        """Run it on a packet that goes nowhere; `context` is a struct __sk_buff."""
        room = len(data) + 256
        buffers = [ctypes.create_string_buffer(b, len(b) or 1) for b in (data, bytes(room), context, context)]
        data_in, data_out, context_in, context_out = [ctypes.addressof(buffer) for buffer in buffers]
        if not context:
            context_in = context_out = 0
        attr = _attr(
            "IIIIQQIIIIQQIII4x",
            *(self.fd, 0, len(data), room, data_in, data_out, repeat, 0),
            *(len(context), len(context), context_in, context_out, 0, 0, 0),
        )
        bpf(Command.PROG_TEST_RUN, attr, "running a program")
        _, result, _, size = struct.unpack_from("=IIII", attr)
        (duration,) = struct.unpack_from("=I", attr, 36)
        return TestRun(result, buffers[1].raw[:size], buffers[3].raw[: len(context)], duration)

    def receive(self, data: bytes, ifindex: int, count: int) -> None:
        """Let an XDP program handle `count` copies of `data` as if the device had received them."""
        packet = ctypes.create_string_buffer(data, len(data))
        context = ctypes.create_string_buffer(struct.pack("=6I", 0, len(data), 0, ifindex, 0, 0), 24)
        places = ctypes.addressof(packet), ctypes.addressof(context)
        attr = _attr(
            "IIIIQQIIIIQQIII4x",
            *(self.fd, 0, len(data), 0, places[0], 0, count, 0, 24, 0, places[1], 0, 2, 0, 64),
        )
        bpf(Command.PROG_TEST_RUN, attr, "injecting packets")


@dataclass(frozen=True, slots=True)
class TestRun:
    """What a program did with a packet."""

    __test__ = False  # not for pytest, in spite of its name

    result: int
    data: bytes
    context: bytes
    duration: int  # nanoseconds, on average


def _load(spec: ProgramSpec, code: bytes, log: ctypes.Array[ctypes.c_char] | None) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    license = ctypes.create_string_buffer(spec.license.encode())
    notes = (1, len(log), ctypes.addressof(log)) if log else (0, 0, 0)
    places = ctypes.addressof(instructions), ctypes.addressof(license)
    attr = _attr("IIQQIIQII16s", spec.type, len(code) // 8, *places, *notes, 0, 0, _name(spec.name))
    return bpf(Command.PROG_LOAD, attr, f"loading eBPF program {spec.name}")


class Link(Descriptor):
    """A program at work on a device.  Closing the last reference, a pin among them, detaches it."""

    __slots__ = ()

    @classmethod
    def attach(cls, program: Program, ifindex: int, where: Attach) -> Link:
        """Hook `program` into a device."""
        attr = _attr("4I32x", program.fd, ifindex, where, 0)
        return cls(bpf(Command.LINK_CREATE, attr, f"attaching to device {ifindex}"))

    @classmethod
    def open(cls, path: str) -> Link:
        """The link that is pinned at `path`."""
        return cls(open_pinned(path))

    def update(self, program: Program) -> None:
        """Put `program` in the place of the present one: each packet meets one of the two."""
        bpf(Command.LINK_UPDATE, _attr("4I", self.fd, program.fd, 0, 0), "replacing a program")

    def ifindex(self) -> int:
        """The device; 0 when it has gone."""
        info = ctypes.create_string_buffer(64)
        bpf(
            Command.OBJ_GET_INFO_BY_FD,
            _attr("IIQ", self.fd, len(info), ctypes.addressof(info)),
            "reading a link",
        )
        (index,) = struct.unpack_from("=I", info, 16)
        return int(index)


def count_attached(ifindex: int, where: Attach) -> int:
    """How many programs hook into a device at `where`."""
    attr = _attr("IIIIQI28x", ifindex, where, 0, 0, 0, 0)
    bpf(Command.PROG_QUERY, attr, f"counting programs of device {ifindex}")
    (count,) = struct.unpack_from("=I", attr, 24)
    return int(count)
