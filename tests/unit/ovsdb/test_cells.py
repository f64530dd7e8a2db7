"""Sets and maps that write through do what Python's do, and say what was looked into."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ovsdb.test_change import A, B, begin
from vswitch.ovsdb.cells import RecordMap, RecordSet
from vswitch.ovsdb.rows import Changes

C = "00000000-0000-0000-0000-00000000000c"
UUIDS = st.sets(st.sampled_from([A, B, C]))
MAPS = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3))


def test_nothing_of_set_and_dict_is_missing():
    for ours, pythons in ((RecordSet, set), (RecordMap, dict)):
        missing = {name for name in dir(pythons) if not name.startswith("_")} - {"fromkeys"} - set(dir(ours))
        assert missing == set()


SETS: dict[str, Callable[[set[str], set[str], set[str]], object]] = {
    "union": lambda it, x, y: it.union(x, y),
    "intersection": lambda it, x, y: it.intersection(x, y),
    "difference": lambda it, x, y: it.difference(x, y),
    "symmetric_difference": lambda it, x, y: it.symmetric_difference(x),
    "issubset": lambda it, x, y: (it.issubset(x), it <= x, it < x),
    "issuperset": lambda it, x, y: (it.issuperset(x), it >= x, it > x),
    "isdisjoint": lambda it, x, y: it.isdisjoint(x),
    "operators": lambda it, x, y: (it | x, it & x, it - x, it ^ x, x | it.copy(), it == x),
    "update": lambda it, x, y: it.update(x, y),
    "difference_update": lambda it, x, y: it.difference_update(x, y),
    "intersection_update": lambda it, x, y: it.intersection_update(x, y),
    "symmetric_difference_update": lambda it, x, y: it.symmetric_difference_update(x),
    "itself": lambda it, x, y: it.difference_update(it),
    "clear": lambda it, x, y: it.clear(),
    "discard": lambda it, x, y: [it.discard(each) for each in x],
    "copy": lambda it, x, y: it.copy(),
    "len": lambda it, x, y: (len(it), sorted(it), repr(it) == repr(set(it))),
}


@pytest.mark.parametrize("do", SETS.values(), ids=SETS)
@given(start=UUIDS, x=UUIDS, y=UUIDS)
def test_a_set_column_is_as_a_set(do, start, x, y):
    [record] = Changes(begin()).rows("Root")
    record.leaves = start
    expected = set(start)
    assert do(record.leaves, x, y) == do(expected, x, y)
    assert record.leaves == expected


DICTS: dict[str, Callable[[dict[str, int], dict[str, int]], object]] = {
    "or": lambda it, x: (it | x, x | it),
    "update": lambda it, x: it.update(x),
    "setdefault": lambda it, x: [it.setdefault(key, 9) for key in x],
    "get": lambda it, x: [(it.get(key), it.get(key, 5)) for key in "xyz"],
    "pop": lambda it, x: [it.pop(key, None) for key in x],
    "clear": lambda it, x: it.clear(),
    "views": lambda it, x: (list(it), sorted(it.items()), sorted(it.values()), list(reversed(list(it)))),
    "copy": lambda it, x: it.copy(),
    "compare": lambda it, x: (it == x, len(it), "x" in it),
}


@pytest.mark.parametrize("do", DICTS.values(), ids=DICTS)
@given(start=MAPS, x=MAPS)
def test_a_map_column_is_as_a_dict(do, start, x):
    [record] = Changes(begin()).rows("Root")
    record.map = start
    expected = dict(sorted(start.items()))
    assert do(record.map, x) == do(expected, x)
    assert record.map == expected


def test_to_write_the_whole_is_to_rely_on_nothing():
    change = Changes(begin())
    [record] = change.rows("Root")
    record.map.clear()
    record.leaves.clear()
    record.map |= {"z": 1}
    record.leaves.update([B])
    assert not [each for each in change.transaction.operations() if each["op"] == "wait"]


@pytest.mark.parametrize(
    "look",
    [
        lambda record: set(record.leaves),
        lambda record: {A} | record.leaves,
        lambda record: [*record.leaves],
        lambda record: B in record.leaves,
        lambda record: bool(record.leaves),
        lambda record: record.leaves == {B},
        lambda record: sorted(record.leaves),
    ],
)
def test_every_way_to_look_into_a_set_is_noticed(look):
    change = Changes(begin())
    [record] = change.rows("Root")
    look(record)
    record.name = "new"
    [wait] = [each for each in change.transaction.operations() if each["op"] == "wait"]
    assert wait["columns"] == ["leaves"]


@pytest.mark.parametrize(
    "look",
    [
        lambda record: dict(record.map),
        lambda record: {"z": 1} | record.map,
        lambda record: {**record.map},
        lambda record: record.map.get("x"),
        lambda record: "x" in record.map,
        lambda record: record.map == {},
        lambda record: list(record.map.items()),
    ],
)
def test_every_way_to_look_into_a_map_is_noticed(look):
    change = Changes(begin())
    [record] = change.rows("Root")
    look(record)
    record.name = "new"
    [wait] = [each for each in change.transaction.operations() if each["op"] == "wait"]
    assert wait["columns"] == ["map"]
