"""An event loop whose clock can be stopped and moved, so that every timer of a daemon obeys time/stop and time/warp.

Everything in a daemon takes its time from `loop.time()`; nothing else has to know.

Sources: ovs-appctl time/stop and time/warp, as the peer answers them.
"""

from __future__ import annotations

import asyncio
import selectors

SETTLE = 20  # rounds of the loop: more than any chain of callbacks that one event sets off


class SteerableLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._stopped_at: float | None = None
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Seconds, monotonic while nobody steers."""
        if self._stopped_at is not None:
            return self._stopped_at
        return super().time() + self._offset

    @property
    def stopped(self) -> bool:
        """Whether time moves by `advance` alone."""
        return self._stopped_at is not None

    def stop_clock(self) -> None:
        """From now on, time moves by `advance` alone."""
        if self._stopped_at is None:
            self._stopped_at = self.time()

    async def advance(self, seconds: float, step: float) -> None:
        """Move the clock on, a `step` at a time, and let everything that falls due happen in between."""
        left = seconds
        while left > 0:
            move = min(step, left)
            left -= move
            self._offset += move
            if self._stopped_at is not None:
                self._stopped_at += move
            await settle()


async def settle() -> None:
    """Let everything happen that can happen without time passing or data arriving."""
    for _ in range(SETTLE):
        await asyncio.sleep(0)


class _Selector(selectors.EpollSelector):
    """Waits for files alone while the clock stands: a time-out would come, find the same time, and come again."""

    def __init__(self, loop: SteerableLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the base's, but for ever instead of for a time that does not pass."""
        if timeout is not None and timeout > 0 and self._loop.stopped:
            timeout = None
        return super().select(timeout)
