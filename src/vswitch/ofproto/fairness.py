"""A queue in which every port gets its turn: one that floods the switch with new flows delays itself, not others."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

MAX_WAITING = 512  # items of one key


class FairQueue(Generic[K, T]):
    """Items by key; taking them goes round the keys.  A key's items beyond `MAX_WAITING` are refused."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[K, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, key: K, item: T) -> bool:
        """Add `item` behind the others of `key`; False: there are too many."""
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
        elif len(waiting) >= MAX_WAITING:
            return False
        waiting.append(item)
        self._length += 1
        return True

    def take(self, limit: int) -> Iterator[T]:
        """Up to `limit` items, one of each key in turn."""
        for _ in range(min(limit, self._length)):
            key, waiting = next(iter(self._waiting.items()))
            item = waiting.popleft()
            self._length -= 1
            if waiting:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
            yield item

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._length = 0
