"""A schedule of packet-ins: so many a second, the ports in turn, and what is too much is dropped where most waits.

A bucket holds up to `burst` tokens and gains `rate` of them a second; a packet-in takes one.  Without a token it waits,
with those of its port; as many may wait as the bucket holds.

Sources: ovs-vswitchd.conf.db(5), Controller: controller_rate_limit, controller_burst_limit.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

LEAST_RATE, LEAST_BURST = 100, 25
MISSING = float("inf")


class PacketSchedule(Generic[T]):
    """Items by port, let out at a rate.  `dropped` counts those that never were."""

    def __init__(self, rate: int, burst: int, now: float) -> None:
        """`rate` in items a second; `burst`: 0 means a quarter of that."""
        self.rate = max(rate, LEAST_RATE)
        self.burst = max(burst or self.rate // 4, LEAST_BURST)
        self.dropped = 0
        self._tokens = float(self.burst)
        self._filled = now
        self._waiting: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def deadline(self) -> float:
        """When to call `take` next; inf if nothing waits."""
        return self._filled + max(0.0, 1.0 - self._tokens) / self.rate if self._count else MISSING

    def put(self, port: Hashable, item: T) -> None:
        """Let `item` wait behind the others of `port`, perhaps in the place of one of the port that has most."""
        if self._count >= self.burst:
            self._drop()
        self._waiting.setdefault(port, deque()).append(item)
        self._count += 1

    def take(self, now: float) -> list[T]:
        """The items whose turn has come."""
        self._tokens = min(float(self.burst), self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        taken = []
        while self._count and self._tokens >= 1.0:
            self._tokens -= 1.0
            port, items = next(iter(self._waiting.items()))
            taken.append(items.popleft())
            self._count -= 1
            if items:
                self._waiting.move_to_end(port)
            else:
                del self._waiting[port]
        return taken

    def _drop(self) -> None:
        port = max(self._waiting, key=lambda port: len(self._waiting[port]))
        items = self._waiting[port]
        items.popleft()
        if not items:
            del self._waiting[port]
        self._count -= 1
        self.dropped += 1
