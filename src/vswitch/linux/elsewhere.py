"""An answer that another process finds meanwhile.

A daemon's start is one long computation, and most machines have a second processor.  What can be said in a few words, as
whether the kernel can do something, is found out there; and what was imported to find it out, goes with that process.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable


def found_elsewhere(find: Callable[[], str]) -> Callable[[], str]:
    """Have `find()` run in a process of its own; what is returned waits for what it found.

    Whoever asks again, or after that process failed, or when there can be none, runs `find` himself.  Call this before
    there are threads.
    """
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return find
    if not child:
        _find_and_end(find, reading, writing)
    os.close(writing)
    os.waitpid(child, 0)

    def answer() -> str:
        nonlocal reading
        if reading < 0:
            return find()
        with os.fdopen(reading, "rb") as pipe:
            reading, found = -1, pipe.read().decode()
        return found.removesuffix("\0") if found.endswith("\0") else find()

    return answer


def _find_and_end(find: Callable[[], str], reading: int, writing: int) -> None:
    """Be the child: leave the work to a child of its own, which is nobody's to wait for."""
    status = 1
    try:
        gc.disable()
        os.close(reading)
        if not os.fork():
            os.write(writing, f"{find()}\0".encode())
        status = 0
    finally:
        os._exit(status)  # whatever it was: who asks finds out himself
