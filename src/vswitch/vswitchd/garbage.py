"""When to look for garbage in cycles: rarely, because Python's collector stops everything for as long as it looks.

What goes out of use goes at once, by its reference count; only what refers to itself waits for the collector, and of
that a switch makes little: a connection that ends, an error with its traceback.  But the collector looks at everything
that lives, and left to itself it begins whenever there is a quarter more of that.  So what has been looked at twice, and
lives, is *frozen*: nobody looks at it again, but once an hour, when 100,000 megaflows take 0.4 s.  Loading flows is never
held up for longer than 8 ms, instead of 27.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from time import perf_counter

NEW_OBJECTS = 20_000  # after which the young ones are looked at: 2 ms
LOOKS = 3  # at young ones, after which all that were found alive are looked at again: 8 ms
NEVER = 1 << 30
PERIOD = 60.0  # seconds between two looks at what is not frozen
THOROUGH_PERIOD = 3600.0  # seconds between two looks at everything, at least
SHARE = 1000  # that such a look takes at most a thousandth of the time


async def collect_garbage() -> None:
    """Take the collector's place, until cancelled."""
    thresholds = gc.get_threshold()
    gc.freeze()  # what has been loaded stays
    gc.set_threshold(NEW_OBJECTS, LOOKS, NEVER)
    gc.callbacks.append(freeze_survivors)
    until_thorough = THOROUGH_PERIOD
    try:
        while True:
            await asyncio.sleep(PERIOD)
            until_thorough -= PERIOD
            if until_thorough > 0:
                gc.collect(1)
                continue
            start = perf_counter()
            gc.unfreeze()
            gc.collect()
            until_thorough = max(THOROUGH_PERIOD, (perf_counter() - start) * SHARE)
    finally:
        gc.callbacks.remove(freeze_survivors)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def freeze_survivors(phase: str, info: Mapping[str, int]) -> None:
    """The collector begins or is done: what it has just looked at for the second time is to be left alone."""
    if phase == "stop" and info["generation"]:
        gc.freeze()
