"""Where a datapath is pinned, and for how many processors."""

from __future__ import annotations

import struct
from _socket import AF_UNIX, SOCK_DGRAM, SOL_SOCKET, socket  # `import socket` takes 5 ms more
from collections.abc import Iterator
from pathlib import Path

_SO_NETNS_COOKIE = 71
_U64 = struct.Struct("=Q")


def directory_of(name: str, root: Path) -> Path:
    """Where the datapath `name` of this network namespace is pinned on the bpffs at `root`.

    Namespaces go by their cookies, which no other one has until the machine restarts.  Kernels before 5.14 do not tell:
    there they go by inode numbers, which come again.
    """
    here = socket(AF_UNIX, SOCK_DGRAM)
    try:
        (cookie,) = _U64.unpack(here.getsockopt(SOL_SOCKET, _SO_NETNS_COOKIE, _U64.size))
    except OSError:
        cookie = Path("/proc/thread-self/ns/net").stat().st_ino
    finally:
        here.close()
    return root / "vswitch" / f"{name}-{cookie}"


def pinned_in(root: Path) -> Iterator[tuple[str, Path]]:
    """The datapaths of this network namespace on the bpffs at `root`: of each its name, and where it is."""
    ending = directory_of("", root).name
    pinned = root / "vswitch"
    for directory in sorted(pinned.iterdir()) if pinned.is_dir() else ():
        if directory.name.endswith(ending):
            yield directory.name.removesuffix(ending), directory


def n_cpus() -> int:
    """How many CPUs there can be: the highest number of one, and 1."""
    possible = Path("/sys/devices/system/cpu/possible").read_text()
    return int(possible.strip().split(",")[-1].split("-")[-1]) + 1
