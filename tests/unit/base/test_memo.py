"""Answers remembered by identity."""

from __future__ import annotations

import pytest

from vswitch.base.memo import MAX_REMEMBERED, by_identity


def test_the_same_object_is_asked_about_once():
    asked = []

    @by_identity
    def double(items, times):
        asked.append(items)
        return items * times

    one, other = (1,), (1, 2)
    assert double(one, 2) == double(one, 2) == (1, 1)
    assert double(one, 3) == (1, 1, 1)
    assert double(other, 2) == (1, 2, 1, 2)
    assert asked == [one, one, other]


def test_objects_that_come_and_go_are_told_apart():
    @by_identity
    def total(items):
        return sum(items)

    assert all(total((number, number)) == 2 * number for number in range(3 * MAX_REMEMBERED))


def test_an_exception_is_no_answer():
    asked = []

    @by_identity
    def fail(items):
        asked.append(items)
        raise ValueError

    items = (1,)
    for _ in range(2):
        with pytest.raises(ValueError):
            fail(items)
    assert len(asked) == 2
