from tests.unit.ovsdb.machine import SCHEMA, run
from vswitch.ovsdb.database import N_HISTORY, Database


def test_tables_keep_indexes_and_counts():
    database = Database(SCHEMA)
    run(
        database,
        {"op": "insert", "table": "B", "row": {"name": "b"}, "uuid-name": "b"},
        {
            "op": "insert",
            "table": "A",
            "row": {"strong": ["named-uuid", "b"], "weak": ["named-uuid", "b"]},
            "uuid-name": "a",
        },
        {"op": "insert", "table": "I", "row": {"a": "x", "b": 1}},
    )
    (b,) = database.tables["B"].rows
    (a,) = database.tables["A"].rows
    assert database.tables["B"].n_strong == {b: 1}
    assert database.tables["B"].weak_holders == {b: {("A", a): 1}}
    assert list(database.tables["I"].indexes[1]) == [(("x",), (1,))]
    assert database.tables["I"].find({"a": ("x",), "z": ()}) == (0, (("x",),))
    run(database, {"op": "delete", "table": "A", "where": []})
    assert not database.tables["B"].rows
    assert not database.tables["B"].n_strong
    assert not database.tables["B"].weak_holders


def test_the_history_tells_what_was_missed():
    database = Database(SCHEMA)
    run(database, {"op": "insert", "table": "I", "row": {"a": "0"}})
    first = database.last_id
    for number in range(1, N_HISTORY):
        run(database, {"op": "insert", "table": "I", "row": {"a": str(number)}})
    assert len(database.since(first)) == N_HISTORY - 1
    assert database.since(database.last_id) == []
    run(database, {"op": "delete", "table": "I", "where": []})
    assert database.since(first) is None


def test_sizes():
    database = Database(SCHEMA)
    run(database, {"op": "insert", "table": "I", "row": {"a": "0"}})
    assert database.n_cells()["cells"] == 4
    assert database.n_cells()["atoms"] == 4
