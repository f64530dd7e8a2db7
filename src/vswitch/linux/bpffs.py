"""bpffs, where eBPF objects have names and live without a process.

It is usually mounted on /sys/fs/bpf.  A program that `ip netns exec` started sees another, empty /sys in a mount
namespace that dies with it, and so would the names in it; the first process's mount namespace, reached through
/proc/1/root, is the one that stays.

Sources: Documentation/filesystems/sysfs.rst, ip-netns(8), statfs(2), linux/magic.h.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from vswitch.base.errors import KernelError

_BPF_FS_MAGIC = 0xCAFE4A11
_PLACES = (Path("/sys/fs/bpf"), Path("/proc/1/root/sys/fs/bpf"))
_libc = ctypes.CDLL(None, use_errno=True)


def root() -> Path:
    """Where a bpffs is mounted; it is mounted on /sys/fs/bpf where none is."""
    for place in _PLACES:
        if is_bpffs(place):
            return place
    mount(_PLACES[0])
    return _PLACES[0]


def is_bpffs(path: Path) -> bool:
    """Whether `path` is on a bpffs."""
    buffer = ctypes.create_string_buffer(
        256
    )  # struct statfs begins with the file system's magic number, a long
    if _libc.statfs(os.fsencode(path), buffer) < 0:
        return False
    return ctypes.c_long.from_buffer(buffer).value == _BPF_FS_MAGIC


def mount(path: Path) -> None:
    """Mount a bpffs on `path`."""
    if _libc.mount(b"bpf", os.fsencode(path), b"bpf", 0, b"mode=0700") < 0:
        number = ctypes.get_errno()
        raise KernelError(number, f"mounting a bpffs on {path}: {os.strerror(number)}")


def unmount(path: Path) -> None:
    """Unmount it; what was pinned there goes, if nothing else holds it."""
    if _libc.umount2(os.fsencode(path), 0) < 0:
        number = ctypes.get_errno()
        raise KernelError(number, f"unmounting {path}: {os.strerror(number)}")


def remove_tree(path: Path) -> None:
    """Remove a directory of pins, if it is there, with all that is in it."""
    if path.is_dir():
        clear(path)
        path.rmdir()


def clear(path: Path) -> None:
    """Remove all that is in a directory of pins."""
    for entry in path.iterdir():
        if entry.is_dir():
            remove_tree(entry)
        else:
            entry.unlink()
