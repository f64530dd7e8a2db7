import pytest

from tests.unit.ovsdb.machine import NEW_UUID, SCHEMA, run
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.operation import OPERATIONS
from vswitch.ovsdb.transaction import EXECUTORS, MustWait, Transaction


@pytest.fixture
def database():
    database = Database(SCHEMA)
    run(database, *({"op": "insert", "table": "I", "row": {"a": str(n), "b": n}} for n in range(10)))
    return database


def select(*where, columns=("a",)):
    return {"op": "select", "table": "I", "where": list(where), "columns": list(columns)}


def test_every_operation_has_an_executor():
    assert set(EXECUTORS) == set(OPERATIONS.values())


def test_a_transaction_sees_its_own_changes_and_nobody_else_does(database):
    transaction = Transaction(database, NEW_UUID)
    results, succeeded = transaction.execute(
        [
            {"op": "update", "table": "I", "where": [["a", "==", "3"]], "row": {"a": "three"}},
            select(["a", "==", "three"]),
            select(["a", "==", "3"]),
            {"op": "delete", "table": "I", "where": [["a", "==", "three"]]},
            select(["a", "==", "three"]),
            {"op": "insert", "table": "I", "row": {"a": "3"}},
            select(["a", "==", "3"]),
        ]
    )
    assert succeeded
    assert [result.get("rows") for result in results] == [
        None,
        [{"a": "three"}],
        [],
        None,
        [],
        None,
        [{"a": "3"}],
    ]
    assert len(database.tables["I"].rows) == 10
    assert database.tables["I"].indexes[0].keys() == {((str(n),),) for n in range(10)}


def test_nothing_runs_after_a_failure(database):
    transaction = Transaction(database, NEW_UUID)
    results, succeeded = transaction.execute([{"op": "comment", "comment": "x"}, {"op": "abort"}, select()])
    assert not succeeded
    assert results == [{}, {"error": "aborted", "details": "aborted by request"}, None]


def test_a_search_by_uuid_or_index_does_not_scan(database, monkeypatch):
    uuid = next(iter(database.tables["I"].rows))
    transaction = Transaction(database, NEW_UUID)
    view = transaction.view("I")
    transaction.execute([{"op": "insert", "table": "I", "row": {"a": "new"}}])
    monkeypatch.setattr(view, "rows", lambda: pytest.fail("scanned"))
    results, _ = transaction.execute(
        [
            select(["_uuid", "==", ["uuid", uuid]]),
            select(["a", "==", "7"]),
            select(["b", "==", 1], ["a", "==", "1"]),
            select(["a", "==", "new"]),
        ]
    )
    assert [result["rows"] for result in results] == [
        [{"a": "0"}],
        [{"a": "7"}],
        [{"a": "1"}],
        [{"a": "new"}],
    ]


def test_rows_that_look_the_same_are_told_once(database):
    assert run(database, select(columns=[]))[0]["rows"] == [{}]


def test_a_row_put_back_as_it_was_is_no_change(database):
    transaction = Transaction(database, NEW_UUID)
    transaction.execute(
        [
            {"op": "mutate", "table": "I", "where": [], "mutations": [["b", "+=", 1]]},
            {"op": "mutate", "table": "I", "where": [], "mutations": [["b", "-=", 1]]},
        ]
    )
    assert transaction.changes() == {}


def test_waiting(database):
    wait = {
        "op": "wait",
        "table": "I",
        "where": [["a", "==", "1"]],
        "columns": ["b"],
        "until": "==",
        "rows": [{"b": 5}],
    }
    with pytest.raises(MustWait) as caught:
        Transaction(database, NEW_UUID).execute([wait | {"timeout": 100}])
    assert caught.value.timeout == 0.1
    assert run(database, wait | {"timeout": 0})[0]["details"] == '"where" clause test failed'
    results, _ = Transaction(database, NEW_UUID, elapsed=0.15).execute([wait | {"timeout": 100}])
    assert results[0]["details"] == '"wait" timed out after 150 ms'
    assert run(database, wait | {"until": "!=", "timeout": 0}) == [{}]


def test_locks(database):
    assert run(database, {"op": "assert", "lock": "x"})[0]["error"] == "not owner"
    assert run(database, {"op": "assert", "lock": "x"}, locks=["x"]) == [{}]


def test_read_only(database):
    transaction = Transaction(database, NEW_UUID, forbidden="because")
    results, _ = transaction.execute([select(["a", "==", "1"]), {"op": "delete", "table": "I", "where": []}])
    assert results[1] == {"error": "not allowed", "details": "delete operation not allowed because"}
