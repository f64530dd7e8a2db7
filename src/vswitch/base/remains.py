"""What went out of use in great number: let go of a part at a time, so that others have their turn in between.

To free an object takes 0.2 us and more, and whoever drops the last reference to a dict of 100,000 waits for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Container = dict[Any, Any] | list[Any]  # of what nobody else needs


class Remains:
    """Containers that nobody needs any more, the oldest first."""

    def __init__(self) -> None:
        self._left: list[Iterator[Container]] = []
        self._container: Container = []

    def __bool__(self) -> bool:
        return bool(self._left or self._container)

    def put(self, containers: Iterable[Container]) -> None:
        """Empty these, in time.  They are asked for one after the other, when their turn comes."""
        self._left.append(iter(containers))

    def free(self, limit: int) -> None:
        """Let go of up to `limit` objects."""
        while self and limit > 0:
            container = self._container
            n = min(limit, len(container))
            if isinstance(container, dict):
                for _ in range(n):
                    container.popitem()
            else:
                del container[len(container) - n :]
            limit -= n
            if not container:
                self._next()

    def _next(self) -> None:
        """Turn to the next container, if there is one."""
        self._container = []
        while self._left:
            found = next(self._left[0], None)
            if found:
                self._container = found
                return
            if found is None:
                del self._left[0]
