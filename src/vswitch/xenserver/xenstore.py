"""The xenstore, by the commands that every Xen host has.

Sources: xenstore-read(1), xenstore-write(1), xenstore-rm(1).
"""

from __future__ import annotations

from vswitch.xenserver.host import Host

READ, WRITE, REMOVE = "/usr/bin/xenstore-read", "/usr/bin/xenstore-write", "/usr/bin/xenstore-rm"


class Xenstore:
    """The xenstore of `host`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def read(self, path: str) -> str | None:
        """A value; None if there is none."""
        done = self._host.run([READ, path])
        return done.stdout.removesuffix("\n") if done.returncode == 0 else None

    def write(self, path: str, value: str) -> bool:
        """Write a value; whether that was possible."""
        return self._host.run([WRITE, path, value]).returncode == 0

    def remove(self, path: str) -> None:
        """Remove a value, if there is one."""
        self._host.run([REMOVE, path])
