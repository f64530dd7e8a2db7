"""Paths of Unix sockets, however long: an address has room for 107 bytes, the directory of a socket may have more.

    with Fitting("/very/long/…/db.sock") as path:
        endpoint.connect(path)                       # "/proc/self/fd/7/db.sock"

Sources: unix(7), "Pathname sockets"; proc(5), /proc/[pid]/fd.
"""

from __future__ import annotations

import os

LONGEST = 107  # bytes of a path in struct sockaddr_un


class Fitting:
    """A path that leads where the given one leads and is short enough for an address, while this is entered.

    Entering raises OSError if there is no such directory.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= LONGEST:
            return self._path
        directory, _, name = self._path.rpartition("/")
        self._directory = os.open(directory or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._directory}/{name}"

    def __exit__(self, *exc: object) -> None:
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1
