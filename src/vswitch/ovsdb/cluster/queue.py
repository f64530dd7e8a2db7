"""What clients of a clustered database wish for and nobody has tried yet, in the order in which it came.

Whether a client has something in the queue is asked at each of its reads, since they come after what it sent before: so
the wishes of each are counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import TypeAlias

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Client, Trigger


@dataclass(frozen=True, slots=True)
class Conversion:
    """A client's wish for another schema."""

    trigger: Trigger
    schema: Schema


Wish: TypeAlias = Trigger | Conversion


def trigger_of(wish: Wish) -> Trigger:
    """The request that a wish came in."""
    return wish.trigger if isinstance(wish, Conversion) else wish


class Queue:
    """Wishes that wait for their turn."""

    def __init__(self) -> None:
        self._wishes: deque[Wish] = deque()
        self._counts: Counter[Client] = Counter()  # how many are whose; nobody has none

    def __len__(self) -> int:
        return len(self._wishes)

    def __contains__(self, client: Client) -> bool:
        return client in self._counts

    @property
    def first(self) -> Wish:
        """Whose turn is next."""
        return self._wishes[0]

    def append(self, wish: Wish) -> None:
        """It comes after all others."""
        self._wishes.append(wish)
        self._counts[trigger_of(wish).client] += 1

    def take(self) -> Wish:
        """The first, which waits no longer."""
        wish = self._wishes.popleft()
        self._discount(wish)
        return wish

    def put_back(self, wishes: Iterable[Wish]) -> None:
        """These were taken in this order, and have to be tried again before all others."""
        again = list(wishes)
        self._wishes.extendleft(reversed(again))
        self._counts.update(trigger_of(wish).client for wish in again)

    def cancel(self, client: Client, id: Json) -> list[Wish]:
        """What a client has asked for under that id, which waits no longer."""
        if client not in self:
            return []
        found = [wish for wish in self._wishes if _is(trigger_of(wish), client, id)]
        for wish in found:
            self._wishes.remove(wish)
            self._discount(wish)
        return found

    def forget(self, client: Client) -> None:
        """Nobody waits for what this client wished for."""
        if self._counts.pop(client, 0):
            self._wishes = deque(wish for wish in self._wishes if trigger_of(wish).client is not client)

    def _discount(self, wish: Wish) -> None:
        client = trigger_of(wish).client
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]


def _is(trigger: Trigger, client: Client, id: Json) -> bool:
    return trigger.client is client and bool(trigger.id == id)
