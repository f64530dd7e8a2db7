"""Locks: named, advisory, one owner each, with a queue of those who wait.

Sources: RFC 7047 4.1.8-4.1.10.
"""

from __future__ import annotations

from typing import Generic, TypeVar

S = TypeVar("S")


class Locks(Generic[S]):
    """Who holds and who waits for which lock; the first of a queue is the owner."""

    def __init__(self) -> None:
        self._queues: dict[str, list[S]] = {}

    def owner(self, name: str) -> S | None:
        """Who holds the lock."""
        queue = self._queues.get(name)
        return queue[0] if queue else None

    def lock(self, name: str, session: S) -> bool:
        """Queue for the lock; whether it is ours at once."""
        queue = self._queues.setdefault(name, [])
        queue.append(session)
        return len(queue) == 1

    def steal(self, name: str, session: S) -> S | None:
        """Take the lock; whose it was, who now is the first to wait for it."""
        queue = self._queues.setdefault(name, [])
        queue.insert(0, session)
        return queue[1] if len(queue) > 1 else None

    def unlock(self, name: str, session: S) -> S | None:
        """Give the lock, or the place in its queue, back; who owns it now, if that changed."""
        queue = self._queues[name]
        was_owner = queue[0] is session
        queue.remove(session)
        if not queue:
            del self._queues[name]
            return None
        return queue[0] if was_owner else None
