"""Rows of a replica and of a transaction, found and written: the operations that come of it, and what is refused at once."""

from __future__ import annotations

import pytest

from tests.unit.ovsdb.test_change import ABOUT, A, B, begin
from vswitch.base.errors import Conflict
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.record import AnyRecord
from vswitch.ovsdb.rows import Changes


@pytest.fixture
def transaction() -> Transaction:
    return begin()


@pytest.fixture
def change(transaction: Transaction) -> Changes:
    return Changes(transaction)


@pytest.fixture
def root(transaction: Transaction) -> AnyRecord:
    return Changes(transaction).rows("Root")[0]


def waits(transaction: Transaction) -> list[list[str]]:
    return [each["columns"] for each in transaction.operations() if each["op"] == "wait"]


def test_what_is_written_blindly_relies_on_nothing(transaction, root):
    root.leaves.add(B)
    root.map["y"] = 2
    del root.map["x"]
    root.maybe = "so"
    assert transaction.operations() == [
        ABOUT | {"op": "update", "row": {"maybe": "so"}},
        ABOUT
        | {
            "op": "mutate",
            "mutations": [
                ["leaves", "insert", ["set", [["uuid", B]]]],
                ["map", "delete", ["set", ["x"]]],
                ["map", "insert", ["map", [["y", 2]]]],
            ],
        },
    ]


def test_what_is_read_is_relied_on(transaction, root):
    if "x" in root.map and root.name == "a" and not root.leaves:
        root.count = root.count + 1
    assert waits(transaction) == [["map", "name", "leaves", "count"]]


def test_a_find_relies_on_what_it_finds(transaction, change):
    change.one("Root", name="a").count = 3
    assert waits(transaction) == [["name"]]


def test_a_find_that_finds_nothing_relies_on_that(transaction, change):
    assert change.get("Root", name="z") is None
    change.insert("Root", name="z")
    wait = transaction.operations()[0]
    assert (wait["op"], wait["where"], wait["rows"]) == ("wait", [["name", "==", "z"]], [])


def test_finds_see_what_was_written(change):
    change.one("Root", name="a").name = "b"
    assert change.find("Root", name="a") == []
    inserted = change.insert("Root", name="c")
    assert change.one("Root", name="c") == inserted


def test_inserted_rows_can_be_referred_to(transaction, change, root):
    leaf = change.insert("Leaf", name="l")
    root.leaves = [leaf, B]
    assert sorted(record.name for record in root.rows("leaves")) == ["b", "l"]
    [insert] = [each for each in transaction.operations() if each["op"] == "insert"]
    [update] = [each for each in transaction.operations() if each["op"] == "update"]
    assert ["named-uuid", insert["uuid-name"]] in update["row"]["leaves"][1]


def test_sets_and_maps_are_pythons(root):
    root.leaves |= {B}
    assert root.leaves == {B}
    assert root.leaves & {A, B} == {B}
    root.leaves.clear()
    assert len(root.leaves) == 0
    root.map.update(a=1, b=2)
    assert root.map == {"a": 1, "b": 2, "x": 1}
    assert root.map.pop("a") == 1
    assert sorted(root.map) == ["b", "x"]
    assert root.map.get("nothing") is None


def test_a_number_that_the_server_computes(transaction, root):
    root.mutate("count", "+=", 5)
    assert transaction.operations() == [ABOUT | {"op": "mutate", "mutations": [["count", "+=", 5]]}]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("count", "1"),
        ("count", True),
        ("count", None),
        ("name", 1),
        ("map", [1]),
        ("map", {1: 1}),
        ("leaves", "x"),
    ],
)
def test_values_of_other_types_are_refused(root, column, value):
    with pytest.raises(TypeError):
        root[column] = value


def test_what_is_not_there_is_named(change, root):
    with pytest.raises(AttributeError, match="does not have a column nothing of Root"):
        root.nothing = 1
    with pytest.raises(AttributeError, match="does not have a column nothing of Root"):
        change.find("Root", nothing=1)
    with pytest.raises(LookupError, match="does not have a table Nothing"):
        change.insert("Nothing")
    with pytest.raises(Conflict, match="no row of Root has name 'z'"):
        change.one("Root", name="z")


def test_rows_of_the_replica_can_be_written_unless_they_are_gone(transaction, change):
    row = next(transaction.rows("Root"))
    change.row(row).delete()
    with pytest.raises(Conflict, match="does not exist any more"):
        change.row(row)
