import pytest

from tests.unit.ovsdb.machine import SCHEMA, run
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import OvsdbError

DEAD = "00000000-0000-0000-0000-00000000dead"
A1, B1, B2 = (f"00000000-0000-0000-0000-0000000000{n}" for n in ("a1", "b1", "b2"))


@pytest.fixture
def database():
    """A row that refers strongly to a chain of two."""
    database = Database(SCHEMA)
    run(
        database,
        {"op": "insert", "table": "B", "row": {"name": "1", "next": ["uuid", B2]}, "uuid": B1},
        {"op": "insert", "table": "B", "row": {"name": "2"}, "uuid": B2},
        {"op": "insert", "table": "A", "row": {"strong": ["uuid", B1]}, "uuid": A1},
    )
    return database


def refused(database, *operations):
    before = {name: dict(table.rows) for name, table in database.tables.items()}
    with pytest.raises(OvsdbError) as caught:
        run(database, *operations)
    assert {name: table.rows for name, table in database.tables.items()} == before
    return caught.value.details


def names(database):
    return {row[SCHEMA.tables["B"].columns["name"].number][0] for row in database.tables["B"].rows.values()}


def test_a_strong_reference_must_lead_somewhere(database):
    assert refused(
        database, {"op": "insert", "table": "A", "row": {"strong": ["uuid", DEAD]}, "uuid": DEAD}
    ) == (f"Table A column strong row {DEAD} references nonexistent row {DEAD} in table B.")


def test_not_even_to_a_row_that_came_and_went(database):
    assert "nonexistent" in refused(
        database,
        {"op": "insert", "table": "B", "row": {}, "uuid": DEAD},
        {"op": "delete", "table": "B", "where": [["_uuid", "==", ["uuid", DEAD]]]},
        {"op": "update", "table": "A", "where": [], "row": {"strong": ["uuid", DEAD]}},
    )


def test_a_row_that_others_need_stays(database):
    assert refused(database, {"op": "delete", "table": "B", "where": [["_uuid", "==", ["uuid", B2]]]}) == (
        f"cannot delete B row {B2} because of 1 remaining reference(s)"
    )


def test_a_chain_goes_with_what_held_it(database):
    run(database, {"op": "delete", "table": "A", "where": []})
    assert names(database) == set()


def test_rows_that_hold_each_other_stay(database):
    run(
        database,
        {"op": "insert", "table": "B", "row": {"name": "x", "next": ["named-uuid", "y"]}, "uuid-name": "x"},
        {"op": "insert", "table": "B", "row": {"name": "y", "next": ["named-uuid", "x"]}, "uuid-name": "y"},
    )
    assert names(database) == {"1", "2", "x", "y"}


def test_a_row_does_not_hold_itself(database):
    run(
        database,
        {
            "op": "insert",
            "table": "B",
            "row": {"name": "self", "next": ["named-uuid", "x"]},
            "uuid-name": "x",
        },
    )
    assert names(database) == {"1", "2"}


def test_weak_references_go_with_their_target(database):
    both = ["set", [["uuid", B1], ["uuid", B2], ["uuid", DEAD]]]
    run(database, {"op": "insert", "table": "A", "row": {"name": "w", "weak": both}})
    weak = {"op": "select", "table": "A", "where": [["name", "==", "w"]], "columns": ["weak"]}
    assert run(database, weak)[0]["rows"] == [{"weak": ["set", [["uuid", B1], ["uuid", B2]]]}]
    run(
        database,
        {
            "op": "update",
            "table": "A",
            "where": [["_uuid", "==", ["uuid", A1]]],
            "row": {"strong": ["set", []]},
        },
    )
    assert run(database, weak)[0]["rows"] == [{"weak": ["set", []]}]


def test_a_weak_column_that_may_not_become_empty(database):
    run(database, {"op": "insert", "table": "W", "row": {"mustweak": ["uuid", A1]}, "uuid": DEAD})
    assert refused(database, {"op": "delete", "table": "A", "where": []}) == (
        f'Deletion of 1 weak reference(s) to deleted (or never-existing) rows from column "mustweak" in "W" row {DEAD} '
        "caused this column to become empty, but constraints on this column disallow an empty column."
    )


def test_as_many_rows_as_allowed(database):
    row = {"op": "insert", "table": "M", "row": {}}
    run(database, row, row)
    assert "3 rows, greater than the schema-defined limit of 2 row(s)" in refused(database, row)
    run(database, row, {"op": "delete", "table": "M", "where": []})


def test_indexes(database):
    def insert(a, uuid):
        return {"op": "insert", "table": "I", "row": {"a": a}, "uuid": uuid}

    run(database, insert("1", A1))
    assert refused(database, insert("1", B1)) == (
        'Transaction causes multiple rows in "I" table to have identical values ("1") for index on column "a".  '
        f"First row, with UUID {B1}, was inserted by this transaction.  Second row, with UUID {A1}, existed in the "
        "database before this transaction and was not modified by the transaction."
    )
    run(database, {"op": "delete", "table": "I", "where": []}, insert("1", B1))
    run(
        database,
        {"op": "update", "table": "I", "where": [], "row": {"a": "2"}},
        insert("1", A1),
    )
    assert set(database.tables["I"].indexes[0]) == {(("1",),), (("2",),)}
