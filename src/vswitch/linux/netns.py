"""Network namespaces: create, remove, enter.

A namespace has a name when a file in /run/netns is a mount of it; that is how `ip netns` and we find the same ones.
Python 3.11 has neither os.setns nor os.unshare, hence ctypes.  A thread, not a process, is in a namespace; sockets,
TAP devices and bpf links stay in the one in which they were made.

Sources: ip-netns(8), setns(2), network_namespaces(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from vswitch.base.errors import KernelError

_DIRECTORY = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 0x1000, 0x4000, 1 << 20
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise KernelError(number := ctypes.get_errno(), f"{what}: {os.strerror(number)}")


def path_of(name: str) -> Path:
    """The file of the namespace called `name`."""
    return _DIRECTORY / name


def names() -> list[str]:
    """The namespaces that have a name."""
    return sorted(path.name for path in _DIRECTORY.iterdir()) if _DIRECTORY.is_dir() else []


def create(name: str) -> Path:
    """Make a namespace called `name`.  Raises KernelError: EEXIST, EPERM."""
    path = path_of(name)
    _share_directory()
    try:
        path.touch(mode=0, exist_ok=False)
    except OSError as error:
        raise KernelError(error.errno or 0, f"{path}: {error.strerror}") from None
    try:
        with _thread_namespace_restored():
            _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
            _mount("/proc/thread-self/ns/net", path, _MS_BIND)
    except BaseException:
        path.unlink()
        raise
    return path


def remove(name: str) -> None:
    """Take the name away; the namespace goes when nothing uses it any more.  ENOENT: there is none."""
    path = path_of(name)
    result = _libc.umount2(os.fsencode(path), _MNT_DETACH)
    if result < 0 and ctypes.get_errno() != errno.EINVAL:  # EINVAL: a file that is no mount, left by a crash
        _checked(result, str(path))
    path.unlink()


@contextlib.contextmanager
def entered(path: str | Path) -> Iterator[None]:
    """Be in the namespace at `path` (this thread only), and back at the end."""
    with _thread_namespace_restored():
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _checked(_libc.setns(fd, _CLONE_NEWNET), f"setns {path}")
        finally:
            os.close(fd)
        yield


@contextlib.contextmanager
def _thread_namespace_restored() -> Iterator[None]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _checked(_libc.setns(home, _CLONE_NEWNET), "setns")
        os.close(home)


def _share_directory() -> None:
    """Make /run/netns a shared mount, as ip-netns(8) does, so that other mount namespaces see what is in it."""
    _DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    if _libc.mount(b"", os.fsencode(_DIRECTORY), b"none", _MS_SHARED | _MS_REC, None) < 0:
        _mount(_DIRECTORY, _DIRECTORY, _MS_BIND | _MS_REC)
        _checked(_libc.mount(b"", os.fsencode(_DIRECTORY), b"none", _MS_SHARED | _MS_REC, None), "mount")


def _mount(source: str | Path, target: Path, flags: int) -> None:
    _checked(_libc.mount(os.fsencode(source), os.fsencode(target), b"none", flags, None), f"mount {target}")
