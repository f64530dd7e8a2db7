"""Whether the eBPF datapath works on this machine, found out by trying, never by the kernel's version.

Everything that the datapath needs is done once on a small scale: a bpffs, maps that can be mapped and that are read
in batches, a ring buffer, the main program itself, and, where there are no tcx links, a hook on the loopback device with
a program that lets every packet pass.  What it can do without (features.py) is tried one by one.  Whether there are tcx
links, the kernel says when it is asked for those of a device; to attach one and to take it away again would wait for all
processors, 20 ms.
"""

from __future__ import annotations

import errno
import os
from _socket import if_nametoindex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from vswitch.base.errors import KernelError
from vswitch.bpf.builder import Builder
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import MapFlags, MapSpec, MapType
from vswitch.datapath.ebpf.compile import Target
from vswitch.datapath.ebpf.features import WITHOUT, Features
from vswitch.datapath.ebpf.keys import EVERYTHING
from vswitch.datapath.ebpf.maps import COUNTERS, MappedArray, n_groups_of, specs
from vswitch.datapath.ebpf.prepared import Store
from vswitch.datapath.ebpf.subtable import Subtable
from vswitch.dpif.ports import OdpPort
from vswitch.linux import bpffs
from vswitch.linux.bpf import Attach, BpfMap, Program, count_attached, lift_memory_limit
from vswitch.linux.ringbuf import RingBuffer

_PASS = 0  # TC_ACT_OK, TCX_PASS
_SMALL = {
    "stats": 64,
    "names": 64,
    "ports": 64,
    "port_stats": 64,
    "counters": 1,
    "lists": 16,
    "notes": 16,
    "upcalls": 1 << 16,
}


def why_not() -> str | None:
    """The reason why the eBPF datapath does not work here; None: it does."""
    if os.geteuid():
        return "ebpf needs root"
    lift_memory_limit()
    for what, attempt in _ATTEMPTS:
        try:
            attempt()
        except (KernelError, OSError, ValueError) as error:
            return f"{what}: {_text(error)}"
    return None


def _text(error: Exception) -> str:
    match error:
        case KernelError(errno=errno.EPERM):
            return "not permitted (it needs CAP_BPF and CAP_NET_ADMIN)"
        case KernelError():
            return error.what.splitlines()[0]
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(error)


def _pinning() -> None:
    path = bpffs.root() / f"vswitch_probe_{os.urandom(8).hex()}"
    with _map(MapSpec("probe", MapType.HASH, 4, 4, 1)) as map:
        map.pin(str(path))
    try:
        BpfMap.open(map.spec, str(path)).close()
    finally:
        path.unlink()


def _mapping() -> None:
    with _map(MapSpec("probe", MapType.ARRAY, 4, COUNTERS.size, 1, MapFlags.MMAPABLE)) as map:
        MappedArray(map, COUNTERS).close()


def _batches() -> None:
    with _map(MapSpec("probe", MapType.HASH, 4, 4, 4, MapFlags.NO_PREALLOC)) as map:
        map.update_batch([(bytes(4), bytes(4)), (b"1234", bytes(4))])
        if len(list(map.items())) != 2:
            raise ValueError("a batch is not complete")


def _ring() -> None:
    with _map(MapSpec("probe", MapType.RINGBUF, 0, 0, 1 << 16)) as map:
        RingBuffer(map.fd, 1 << 16).close()


def _program() -> None:
    small = {
        name: MapSpec(name, spec.type, spec.key_size, spec.value_size, _SMALL.get(name, 4), spec.flags)
        for name, spec in specs(n_cpus=1).items()
    }
    subtable, target = Subtable(1, EVERYTHING, 4, 0), Target(n_groups_of(1), find_features())
    store = Store.of_this_kernel(target.features)
    small[subtable.name] = subtable.spec()
    maps = {name: BpfMap.create(spec) for name, spec in small.items()}
    try:
        # The host's own devices' differ from this one by a few instructions; each takes 8 ms of a start.
        for spec in store.main_programs([subtable], from_host=False, target=target):
            Program.load(spec, maps).close()
    finally:
        for map in maps.values():
            map.close()


def _attach() -> None:
    """A hook by clsact, if that is what will be used."""
    if find_features().tcx:
        return
    from vswitch.datapath.ebpf.hooks import ClsactHooks

    hooks = ClsactHooks("probe")
    program = _passing()
    try:
        for from_host in (False, True):
            hooks.attach(OdpPort(0), if_nametoindex("lo"), from_host, program).detach()
    finally:
        program.close()
        hooks.close()


def find_features() -> Features:
    """Which of the features work here, but for those that the environment forbids."""
    without = os.environ.get(WITHOUT, "").split(",")
    return Features.all_but([name for name in _FEATURES if name in without or not _works(name)])


@cache
def _works(feature: str) -> bool:
    """Whether this kernel has it: that does not change while we run."""
    try:
        _FEATURES[feature]()
    except (KernelError, OSError):
        return False
    return True


def _tcx() -> None:
    loopback = if_nametoindex("lo")
    for where in Attach:
        count_attached(loopback, where)


def _passing() -> Program:
    """A program that lets every packet pass."""
    b = Builder()
    b.exit(_PASS)
    return Program.load(b.build("probe"), {})


def _redirect_peer() -> None:
    b = Builder()
    b.call(Helper.redirect_peer, 1, 0)
    b.exit()
    Program.load(b.build("probe"), {}).close()


def _coarse_clock() -> None:
    b = Builder()
    b.call(Helper.ktime_get_coarse_ns)
    b.exit(_PASS)
    Program.load(b.build("probe"), {}).close()


@contextmanager
def _map(spec: MapSpec) -> Iterator[BpfMap]:
    map = BpfMap.create(spec)
    try:
        yield map
    finally:
        map.close()


_ATTEMPTS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("pinning on a bpffs", _pinning),
    ("arrays in shared memory", _mapping),
    ("map operations in batches", _batches),
    ("a ring buffer (Linux 5.8)", _ring),
    ("the main program", _program),
    ("attaching to a device", _attach),
)
_FEATURES: dict[str, Callable[[], None]] = {
    "tcx": _tcx,
    "redirect_peer": _redirect_peer,
    "coarse_clock": _coarse_clock,
}
