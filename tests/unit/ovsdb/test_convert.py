import pytest

from tests.unit.ovsdb.machine import NEW_UUID, SCHEMA, run
from vswitch.ovsdb.convert import convert
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.schema import Schema


def test_what_fits_stays():
    database = Database(SCHEMA)
    run(
        database,
        {"op": "insert", "table": "B", "row": {"name": "b"}, "uuid-name": "b"},
        {"op": "insert", "table": "A", "row": {"strong": ["named-uuid", "b"]}},
    )
    same = convert(database, SCHEMA, NEW_UUID)
    assert {name: set(table.rows) for name, table in same.tables.items()} == {
        name: set(table.rows) for name, table in database.tables.items()
    }
    assert same.tables["B"].n_strong == database.tables["B"].n_strong


def test_what_does_not_fit_is_an_error():
    database = Database(SCHEMA)
    run(database, {"op": "insert", "table": "I", "row": {"a": "x"}})
    schema = Schema.from_json({"name": "T", "tables": {"I": {"columns": {"a": {"type": "integer"}}}}})
    with pytest.raises(OvsdbError):
        convert(database, schema, NEW_UUID)
