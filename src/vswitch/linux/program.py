"""How a program starts and ends: what the interpreter would do for nothing is left out.

Modules that may never be used wait until they are (later.py).

What imports make is never garbage, but the collector looks for some in it again and again: 3 ms of a command's 60, and 12
of a switch's start, whose main() imports what is most of it within `loading()`.  At the end the interpreter takes all that down object by object, though the system is about to take the memory back whole:
6 ms more.

Sources: gc(3py), gc.freeze; os._exit and atexit of the Python library.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

from vswitch.linux.later import wait_for_use


def run(module: str, function: str = "main") -> None:
    """Be the program whose body is `function` of `module`, and end with the status that it returns."""
    wait_for_use()
    with loading():
        __import__(module)
    _end(getattr(sys.modules[module], function)() or 0)


class loading:  # noqa: N801 - as context managers are called
    """While this is entered, nobody looks for garbage, and what is there afterwards is never looked at."""

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *exc: object) -> None:
        gc.freeze()
        gc.enable()


def _end(status: int) -> None:
    """End the process: first what was to be done at the end, then at once."""
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        raise SystemExit(status) from None  # output that nobody takes: let the interpreter say so
    os._exit(status)
