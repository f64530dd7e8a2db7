"""Who runs a pinned datapath: one process, for as long as it lives.

Two that took upcalls from one ring and gave one map other megaflows would undo each other's work.  The claim is a lock
on the directory, which the kernel gives back when its holder ends, however it ends.

Sources: flock(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from vswitch.base.errors import KernelError


class Claim:
    """The claim to the datapath that is pinned in `directory`, which is made if need be."""

    def __init__(self, directory: Path) -> None:
        """KernelError: EBUSY, somebody else has it."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise KernelError(
                errno.EBUSY, f"{directory}: another switch of this network namespace runs this datapath"
            ) from error

    def release(self) -> None:
        """Let others have it."""
        os.close(self._fd)
