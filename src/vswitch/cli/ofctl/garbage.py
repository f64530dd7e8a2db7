"""Python's garbage collector, told not to look where there is nothing to find.

It looks at all objects again and again while they become more, and flows are many objects, none in a cycle: with
100,000 flows it would take a third of the time of a command.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made within is not looked at, then or later."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
