"""Containers that are emptied a part at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from vswitch.base.remains import Container, Remains


class Thing:
    """Something of which one can see whether it is still there."""


def test_no_more_goes_at_a_time_than_may() -> None:
    things = [Thing() for _ in range(10)]
    alive = weakref.WeakSet(things)
    remains = Remains()
    remains.put([dict(enumerate(things[:4])), things[4:]])
    del things[:]
    sizes = []
    while remains:
        remains.free(3)
        sizes.append(len(alive))
    assert sizes[:4] == [7, 4, 1, 0]
    assert len(sizes) <= 5


def test_containers_are_asked_for_when_their_turn_comes() -> None:
    asked = []

    def containers() -> Iterator[Container]:
        for n in (1, 2):
            asked.append(n)
            yield [None] * 5

    remains = Remains()
    remains.put([[]])
    remains.put(containers())
    assert asked == []
    remains.free(5)
    assert asked == [1, 2]
    remains.free(5)
    assert not remains


def test_nothing_is_left_of_nothing() -> None:
    remains = Remains()
    assert not remains
    remains.put([[], {}])
    remains.put(())
    remains.free(1)
    assert not remains
