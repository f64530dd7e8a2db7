"""When a daemon looks for garbage in cycles: rarely, because Python's collector stops everything for as long as it looks.

What goes out of use goes at once, by its reference count; only what refers to itself waits for the collector, and of
that a daemon makes little: a connection that ends, an error with its traceback.  But the collector looks at everything
that lives, and left to itself it begins whenever there is a quarter more of that.  So what has been looked at twice, and
lives, is *frozen*: nobody looks at it again, but once an hour, when 100,000 megaflows take 0.4 s; or sooner when something
large has gone that refers to itself, as a bridge does.  Loading flows is never held up for longer than 8 ms, instead of
27, and a small transaction of a database takes 30 µs instead of 35 ("transactions", bench/database.py).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping
from time import perf_counter

NEW_OBJECTS = 20_000  # after which the young ones are looked at: 2 ms
LOOKS = 3  # at young ones, after which all that were found alive are looked at again: 8 ms
NEVER = 1 << 30
PERIOD = 60.0  # seconds between two looks at what is not frozen
THOROUGH_PERIOD = 3600.0  # seconds between two looks at everything
SHARE = 1000  # that such a look takes at most a thousandth of the time


async def collect_garbage(n_gone: Callable[[], int]) -> None:
    """Take the collector's place, until cancelled; `n_gone` tells how many large things have gone so far."""
    thresholds = gc.get_threshold()
    gc.freeze()  # what has been loaded stays
    gc.set_threshold(NEW_OBJECTS, LOOKS, NEVER)
    gc.callbacks.append(freeze_survivors)
    n_seen, elapsed, least = 0, 0.0, 0.0  # `least`: seconds that have to pass between two looks at everything
    try:
        while True:
            await asyncio.sleep(PERIOD)
            elapsed += PERIOD
            if elapsed < least or (elapsed < THOROUGH_PERIOD and n_gone() == n_seen):
                gc.collect(1)
                continue
            n_seen, start = n_gone(), perf_counter()
            gc.unfreeze()
            gc.collect()
            elapsed, least = 0.0, (perf_counter() - start) * SHARE
    finally:
        gc.callbacks.remove(freeze_survivors)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def freeze_survivors(phase: str, info: Mapping[str, int]) -> None:
    """The collector begins or is done: what it has just looked at for the second time is to be left alone."""
    if phase == "stop" and info["generation"]:
        gc.freeze()
