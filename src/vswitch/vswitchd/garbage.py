"""When to look for garbage in cycles: rarely, because Python's collector stops everything for as long as it looks.

What goes out of use goes at once, by its reference count; only what refers to itself waits for the collector, and of
that a switch makes little.  But the collector looks at everything that lives: 100,000 megaflows take it 0.4 s, and left
to itself it begins whenever there is a quarter more of them.
"""

from __future__ import annotations

import asyncio
import gc
from time import perf_counter

NEW_OBJECTS = 20_000  # after which the young ones are looked at: 2 ms
NEVER = 1 << 30
PERIOD = 60.0  # seconds between two looks at everything, at least
SHARE = 1000  # that such a look takes at most a thousandth of the time


async def collect_garbage() -> None:
    """Take the collector's place, until cancelled."""
    thresholds = gc.get_threshold()
    gc.freeze()  # what has been loaded stays
    gc.set_threshold(NEW_OBJECTS, 10, NEVER)
    pause = PERIOD
    try:
        while True:
            await asyncio.sleep(pause)
            start = perf_counter()
            gc.collect()
            pause = max(PERIOD, (perf_counter() - start) * SHARE)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
