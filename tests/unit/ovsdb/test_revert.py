"""Undoing transactions: what comes back, what stays, and what is in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import Conflict
from vswitch.ovsdb.history import History, Labels, differences
from vswitch.ovsdb.jsontext import decode, encode
from vswitch.ovsdb.revert import revert
from vswitch.ovsdb.schema import Schema

A, B = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "ab")
SCHEMA = Schema.from_json(
    {
        "name": "D",
        "version": "1.0.0",
        "tables": {
            "T": {
                "isRoot": True,
                "columns": {
                    "name": {"type": "string"},
                    "set": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
                    "map": {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}},
                },
            }
        },
    }
)


def cells(name: str, numbers: set[int], pairs: dict[str, int]) -> dict[str, object]:
    return {"name": name, "set": ["set", sorted(numbers)], "map": ["map", sorted(pairs.items())]}


def history(*records: dict[str, object]):
    """The history of these records, each the rows of T, and its events."""
    found = History(SCHEMA)
    return found, [take(found, rows) for rows in records]


def take(found: History, rows: dict[str, object]):
    """The event that rows of T, as they would be read from a file, make."""
    return found.take({"T": decode(encode(rows))})


def undo(found: History, event) -> list[dict[str, object]]:
    """The operations that undo an event, without those around them."""
    operations = revert(event, found.tables, Labels(), "undo")
    assert operations[-1] == {"op": "comment", "comment": "undo"}
    return [each for each in operations if each["op"] not in ("wait", "comment")]


STATES = st.builds(
    cells,
    st.sampled_from(["x", "y"]),
    st.sets(st.integers(0, 4)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
)


@given(STATES, STATES)
def test_what_nobody_touched_since_comes_back_as_it_was(before, after):
    found, (_, event) = history({A: before}, {A: after})
    if not event.changes or not list(event.changes[0].columns()):
        return
    [update] = undo(found, event)
    take(found, {A: update["row"]})
    again, _ = history({A: before})
    assert differences(SCHEMA, again.tables, found.tables) == []


def test_other_elements_of_sets_and_maps_stay():
    found, events = history(
        {A: cells("x", {1, 2}, {"a": 1, "b": 1})},
        {A: cells("x", {2, 3}, {"a": 2, "b": 1})},
        {A: cells("y", {2, 3, 4}, {"a": 2, "b": 1, "c": 5})},
    )
    [update] = undo(found, events[1])
    assert update["row"].keys() == {"set", "map"}
    take(found, {A: update["row"]})
    row = found.tables["T"][A]
    assert row[SCHEMA.tables["T"].columns["set"].number] == (1, 2, 4)
    assert row[SCHEMA.tables["T"].columns["map"].number] == (("a", 1), ("b", 1), ("c", 5))


@pytest.mark.parametrize(
    ("since", "obstacle"),
    [
        (cells("z", {2}, {"a": 2}), "name has been changed since"),
        (cells("y", {1, 2}, {"a": 2}), "set has been changed since"),
        (cells("y", set(), {"a": 2}), "set has been changed since"),
        (cells("y", {2}, {"a": 3}), "map has been changed since"),
        (None, "has been deleted since"),
    ],
)
def test_what_somebody_built_on_is_in_the_way(since, obstacle):
    found, events = history({A: cells("x", {1}, {"a": 1})}, {A: cells("y", {2}, {"a": 2})}, {A: since})
    with pytest.raises(Conflict, match=obstacle):
        undo(found, events[1])


def test_rows_come_and_go():
    found, events = history({A: cells("x", {1}, {})}, {A: None, B: {}})
    insert, delete = sorted(undo(found, events[1]), key=lambda each: str(each["op"]), reverse=True)
    assert (insert["uuid"], insert["row"]["name"]) == (A, "x")
    assert delete == {"op": "delete", "table": "T", "where": [["_uuid", "==", ["uuid", B]]]}
    take(found, {A: {}})
    with pytest.raises(Conflict, match="exists again"):
        undo(found, events[1])


def test_an_inserted_row_that_has_gone_leaves_nothing_to_undo():
    found, events = history({A: cells("x", {1}, {})}, {A: None})
    with pytest.raises(Conflict, match="nothing to undo"):
        undo(found, events[0])
