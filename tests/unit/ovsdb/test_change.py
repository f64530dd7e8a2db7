"""Transactions under construction: what they read, and the operations that they become."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb.change import COMMITTED, FAILED, TRY_AGAIN, Transaction
from vswitch.ovsdb.column import Layout, row_name
from vswitch.ovsdb.replica import Replica, everything

A, B = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "ab")
SCHEMA = {
    "name": "D",
    "tables": {
        "Root": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "count": {"type": "integer"},
                "leaves": {
                    "type": {"key": {"type": "uuid", "refTable": "Leaf"}, "min": 0, "max": "unlimited"}
                },
                "map": {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}},
                "maybe": {"type": {"key": "string", "min": 0}},
            },
        },
        "Leaf": {"columns": {"name": {"type": "string"}}},
    },
}
ROWS = {
    "Root": {A: {"initial": {"name": "a", "map": ["map", [["x", 1]]]}}},
    "Leaf": {B: {"initial": {"name": "b"}}},
}


@pytest.fixture
def transaction():
    return begin()


def begin():
    replica = Replica("D", everything)
    replica.connected()
    for result in (SCHEMA, [False, A, ROWS]):
        [message] = replica.outgoing()
        replica.receive({"id": message["id"], "result": result, "error": None})
    numbers = count(1)
    return Transaction(replica, lambda: f"10000000-0000-0000-0000-{next(numbers):012}")


def root(transaction):
    return next(transaction.rows("Root"))


ABOUT = {"table": "Root", "where": [["_uuid", "==", ["uuid", A]]]}


def test_nothing_becomes_nothing(transaction):
    row = root(transaction)
    transaction.verify(row, "name")
    transaction.increment(row, "count")
    transaction.comment("x")
    transaction.set(row, "name", "a")
    assert transaction.is_empty
    assert transaction.operations() == []


def test_a_set_column_is_an_update_and_reads_back(transaction):
    row = root(transaction)
    transaction.set(row, "name", "c")
    transaction.set(row, "maybe", "d")
    assert transaction.get(row, "name") == "c"
    assert row.name == "a"
    assert transaction.operations() == [ABOUT | {"op": "update", "row": {"name": "c", "maybe": "d"}}]


def test_sets_and_maps_are_mutated(transaction):
    row = root(transaction)
    leaf = transaction.insert("Leaf", name="l")
    transaction.add(row, "leaves", [leaf.uuid])
    transaction.remove(row, "map", ["x", "nope"])
    assert transaction.get(row, "leaves") == (leaf.uuid,)
    assert transaction.get(row, "map") == {}
    name = row_name(leaf.uuid)
    assert transaction.operations() == [
        {"op": "insert", "table": "Leaf", "uuid-name": name, "row": {"name": "l"}},
        ABOUT
        | {
            "op": "mutate",
            "mutations": [
                ["leaves", "insert", ["set", [["named-uuid", name]]]],
                ["map", "delete", ["set", ["x"]]],
            ],
        },
    ]


def test_a_map_entry_is_replaced(transaction):
    row = root(transaction)
    transaction.put(row, "map", [("x", 2), ("a", 3)])
    assert transaction.get(row, "map") == {"a": 3, "x": 2}
    mutations = [["map", "delete", ["set", ["x"]]], ["map", "insert", ["map", [["x", 2], ["a", 3]]]]]
    assert transaction.operations() == [ABOUT | {"op": "mutate", "mutations": mutations}]


def test_what_was_decided_on_is_waited_for(transaction):
    row = root(transaction)
    transaction.verify(row, "name", "count")
    transaction.verify(row, "name")
    transaction.set(row, "maybe", "d")
    wait, update = transaction.operations()
    assert wait == ABOUT | {
        "op": "wait",
        "timeout": 0,
        "until": "==",
        "columns": ["name", "count"],
        "rows": [{"name": "a", "count": 0}],
    }
    assert update["op"] == "update"


def test_deleting(transaction):
    leaf = transaction.row("Leaf", B)
    transaction.delete(leaf)
    assert transaction.row("Leaf", B) is None
    assert list(transaction.rows("Leaf")) == []
    assert transaction.is_empty  # the server keeps what is referred to, and collects the rest
    transaction.delete(root(transaction))
    assert transaction.operations() == [ABOUT | {"op": "delete"}]
    new = transaction.insert("Root", name="n")
    transaction.delete(new)
    assert transaction.operations() == [ABOUT | {"op": "delete"}]


def test_the_reply_tells_uuids_and_counters(transaction):
    row = root(transaction)
    leaf = transaction.insert("Leaf", name="l")
    transaction.increment(row, "count")
    transaction.comment("why")
    operations = transaction.operations()
    assert [operation["op"] for operation in operations] == ["insert", "mutate", "select", "comment"]
    outcome = transaction.finish([{"uuid": ["uuid", B]}, {"count": 1}, {"rows": [{"count": 7}]}, {}])
    assert outcome.status == COMMITTED
    assert transaction.uuids == {leaf.uuid: B}
    assert transaction.increments == [7]


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([{"error": "timed out"}, None], TRY_AGAIN),
        ([{}, {"error": "constraint violation", "details": "x"}], FAILED),
        ([{"error": "timed out"}, {"error": "constraint violation"}], FAILED),
    ],
)
def test_failures(transaction, results, status):
    transaction.set(root(transaction), "name", "c")
    transaction.operations()
    outcome = transaction.finish(results)
    assert outcome.status == status
    assert outcome.error["error"] in ("timed out", "constraint violation")


EDITS = st.lists(
    st.tuples(st.sampled_from(["add", "put", "remove", "set"]), st.sets(st.sampled_from("wxyz"))), max_size=6
)


@given(EDITS)
def test_operations_do_what_the_transaction_shows(edits):
    """The server's map after the operations is the one that the transaction has shown."""
    transaction = begin()
    row = root(transaction)
    for how, keys in edits:
        match how:
            case "add":
                transaction.add(row, "map", [(key, 5) for key in sorted(keys)])
            case "put":
                transaction.put(row, "map", [(key, 7) for key in sorted(keys)])
            case "put":
                transaction.put(row, "map", [(key, 7) for key in sorted(keys)])
            case "remove":
                transaction.remove(row, "map", keys)
            case _:
                transaction.set(row, "map", dict.fromkeys(sorted(keys), 6))
    server = {"x": 1}
    for operation in transaction.operations():
        if operation["op"] == "update":
            server = dict(operation["row"]["map"][1])
        for _, operator, (_, operand) in operation.get("mutations", []):
            if operator == "insert":
                server = dict(operand) | server
            else:
                server = {key: value for key, value in server.items() if key not in operand}
    assert server == transaction.get(row, "map")


def test_layout_of_the_schema():
    assert [name for name, table in Layout(SCHEMA).tables.items() if table.is_root] == ["Root"]


def named(transaction, name):
    return [row.uuid for row in transaction.having("Leaf", "name", name)]


def test_rows_by_value_follow_what_the_transaction_does(transaction):
    assert named(transaction, "b") == [B]
    new = transaction.insert("Leaf", name="c")
    assert named(transaction, "c") == [new.uuid]
    transaction.set(new, "name", "b")
    assert sorted(named(transaction, "b")) == sorted([B, new.uuid])
    assert named(transaction, "c") == named(transaction, "") == []
    old = transaction.row("Leaf", B)
    transaction.delete(old)
    transaction.delete(old)
    transaction.set(old, "name", "d")
    assert named(transaction, "b") == [new.uuid]
    assert named(transaction, "d") == []
    transaction.delete(new)
    assert named(transaction, "b") == []


def test_it_tells_which_columns_it_touched(transaction):
    row = root(transaction)
    transaction.set(row, "name", "z")
    transaction.insert("Leaf")
    assert transaction.touched == {("Root", "name"), ("Leaf", "")}
