import pytest

from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.schema import Schema, load

COLUMNS = {"i": {"type": "integer"}}


def database(**table):
    return {"name": "T", "version": "1.2.3", "tables": {"A": {"columns": COLUMNS, **table}}}


@pytest.mark.parametrize(
    ("name", "database_name", "version", "n_tables", "n_columns"),
    [
        ("vswitch", "Open_vSwitch", "8.8.0", 19, 190),
        ("_server", "_Server", "1.2.0", 1, 8),
        ("vtep", "hardware_vtep", "1.7.0", 18, 93),
        ("local-config", "Local_Config", "1.0.0", 2, 10),
    ],
)
def test_what_comes_with_us(name, database_name, version, n_tables, n_columns):
    schema = load(name)
    assert (schema.name, schema.version, len(schema.tables)) == (database_name, version, n_tables)
    assert sum(len(table.columns) for table in schema.tables.values()) == n_columns
    assert Schema.from_json(schema.to_json()) == schema


def test_columns_are_numbered_after_the_implicit_ones():
    table = load("vswitch").tables["Bridge"]
    assert [column.number for column in table.columns.values()] == list(range(2, 2 + len(table.columns)))
    assert list(table.columns) == sorted(table.columns)
    assert len(table.default_row) == 2 + len(table.columns)


def test_a_schema_without_roots_keeps_all_rows():
    assert Schema.from_json(database()).tables["A"].is_root
    assert "isRoot" not in Schema.from_json(database()).to_json()["tables"]["A"]


def test_a_column_that_holds_rows_is_not_ephemeral():
    schema = Schema.from_json(
        {
            "name": "T",
            "tables": {
                "A": {
                    "isRoot": True,
                    "columns": {
                        "b": {"ephemeral": True, "type": {"key": {"type": "uuid", "refTable": "B"}, "min": 0}}
                    },
                },
                "B": {"columns": COLUMNS},
            },
        }
    )
    assert not schema.tables["A"].columns["b"].ephemeral


@pytest.mark.parametrize(
    ("json", "details"),
    [
        ([], "Parsing database schema failed: Object expected."),
        ({"name": "T", "tables": {}, "version": "x"}, 'schema version "x" not in format x.y.z'),
        ({"name": "T", "tables": {"_A": {"columns": COLUMNS}}}, 'names beginning with "_" are reserved'),
        ({"name": "T", "tables": {"A": {"columns": {}}}}, "table must have at least one column"),
        (database(maxRows=0), "maxRows must be at least 1"),
        (database(indexes=[["x"]]), "x is not a valid column name"),
        (database(indexes=[[]]), "index must have at least one column"),
        (database(indexes=[["i", "i"]]), "array of distinct column names expected"),
        (
            {
                "name": "T",
                "tables": {"A": {"columns": {"a": {"type": {"key": {"type": "uuid", "refTable": "X"}}}}}},
            },
            "column a key refers to undefined table X",
        ),
    ],
)
def test_wrong_schemas(json, details):
    with pytest.raises(OvsdbError) as caught:
        Schema.from_json(json)
    assert caught.value.details == details
