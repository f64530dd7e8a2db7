import pytest

from tests.unit.ovsdb.machine import SCHEMA, run
from vswitch.ovsdb.condition import Condition, Where
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import OvsdbError

TABLE = SCHEMA.tables["A"]


@pytest.fixture(scope="module")
def database():
    database = Database(SCHEMA)
    for row in (
        {"name": "a", "i": ["set", [1, 2]], "m": ["map", [["k", 1]]], "x": 3, "imin": 5},
        {"name": "b", "x": 5},
    ):
        run(database, {"op": "insert", "table": "A", "row": row})
    return database


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (["name", "==", "a"], "a"),
        (["name", "!=", "a"], "b"),
        (["x", "<", 5], "a"),
        (["x", "<=", 5], "ab"),
        (["x", ">", 3], "b"),
        (["x", ">=", 3], "ab"),
        (["imin", "<", 9], "a"),
        (["imin", ">=", 5], "a"),
        (["i", "includes", 1], "a"),
        (["i", "includes", ["set", []]], "ab"),
        (["i", "excludes", ["set", [1, 7]]], "b"),
        (["m", "includes", ["map", [["k", 1]]]], "a"),
        (["m", "excludes", ["map", [["k", 2]]]], "ab"),
        (True, "ab"),
        (False, ""),
    ],
    ids=str,
)
def test_functions(database, condition, names):
    where = Where.from_json([condition], TABLE)
    rows = where.sift(database.tables["A"].rows.values())
    assert "".join(sorted(row[TABLE.columns["name"].number][0] for row in rows)) == names
    assert Condition.from_json(where.conditions[0].to_json(), TABLE) == where.conditions[0]


@pytest.mark.parametrize(
    ("condition", "error", "details"),
    [
        (["nope", "==", 1], "unknown column", "No column nope in table A."),
        (["x", "~", 1], "unknown function", "No function named ~."),
        (["x", "=="], "syntax error", "Parse error in condition."),
        (
            ["name", "<", "a"],
            "syntax error",
            'Type mismatch: "<" operator may not be applied to column name of type string.',
        ),
        (["imin", "<", ["set", []]], "syntax error", "set must have exactly one member but 0 are present"),
        (["i", "==", 77], "constraint violation", "77 is not in the valid range 1 to 10 (inclusive)"),
    ],
)
def test_mistakes(condition, error, details):
    with pytest.raises(OvsdbError) as caught:
        Condition.from_json(condition, TABLE)
    assert (caught.value.error, caught.value.details) == (error, details)
