import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.base.errors import TextError
from vswitch.ovsdbserver.columns import DatabaseColumn


@pytest.fixture
def machine():
    return Machine()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("db:", '"db:": invalid syntax'),
        ("db:T,I", '"db:T,I": invalid syntax'),
        ("db:Z,I,a", '"db:Z,I,a": no database named Z'),
        ("db:T,Z,a", '"db:T,Z,a": no table named Z'),
        ("db:T,I,z", '"db:T,I,z": table "I" has no column "z"'),
        ("db:T,I,b", '"db:T,I,b": type of table "I" column "b" is not string or UUID referencing a table'),
        ("db:T,A,m", '"db:T,A,m": type of table "A" column "m" is not string or UUID referencing a table'),
    ],
)
def test_what_is_no_column(machine, name, message):
    with pytest.raises(TextError) as caught:
        DatabaseColumn.parse(machine.server, name)
    assert str(caught.value) == message
    assert DatabaseColumn.find(machine.server, name) is None
    with pytest.raises(TextError):
        DatabaseColumn.check(machine.server, name)


def test_what_it_holds_row_by_row(machine):
    for a in ("x", "y"):
        machine.client().transact({"op": "insert", "table": "I", "row": {"a": a}})
    column = DatabaseColumn.parse(machine.server, "db:T,I,a")
    assert sorted(column.atoms()) == ["x", "y"]
    assert column.tables == {"I"}


def test_references_are_of_two_tables_and_no_strings(machine):
    assert DatabaseColumn.parse(machine.server, "db:T,A,strong").tables == {"A", "B"}
    with pytest.raises(TextError, match='table "A" column "strong" is not string or set of strings'):
        DatabaseColumn.check(machine.server, "db:T,A,strong", only_strings=True)
    DatabaseColumn.check(machine.server, "db:T,I,a", only_strings=True)
