"""Rows as Python objects that can be written: what a change does to a database, said in Python.

    def add_port(change: Changes) -> None:
        bridge = change.one("Bridge", name="br0")
        if "p1" not in [port.name for port in bridge.rows("ports")]:
            interface = change.insert("Interface", name="p1", type="internal")
            bridge.ports.add(change.insert("Port", name="p1", interfaces=[interface]))
        bridge.external_ids["owner"] = "me"

    outcome = await database.commit(add_port)

A column with one atom (or none) reads as that; a set as a mutable set, a map as a mutable mapping, which write
through.  References are UUIDs; to write one, a record may be given instead.

What such a function reads it relies on: the server commits only if it is still so, else the function runs again on
newer data.  So two programs cannot undo each other's work by mistake.  What is written blindly (`ports.add(…)`) relies
on nothing, and does not collide.

Sources: RFC 7047 5.1, 5.2; ovsdb(7), "Transactions", for `wait`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSet
from typing import Any

from vswitch.base.errors import Conflict
from vswitch.base.jsontype import Json
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.column import Base, Column
from vswitch.ovsdb.replica import Row

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "real": (float, int),
    "boolean": (bool,),
    "string": (str,),
    "uuid": (str,),
}


def computing(function: Callable[[Changes], None]) -> Callable[[Transaction], None]:
    """`function` as what `commit.attempts` takes."""
    return lambda transaction: function(Changes(transaction))


class Changes:
    """What a function that changes a database is given: rows to find, to write and to insert."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def rows(self, table: str) -> list[Record]:
        """Every row of `table`, those inserted here too.  Says nothing to the server about having looked."""
        return [Record(self._transaction, row) for row in self._transaction.rows(self._known(table))]

    def find(self, table: str, /, **values: Any) -> list[Record]:
        """The rows of `table` whose columns hold `values`; relied on."""
        schema = self._transaction.tables[self._known(table)]
        replica = self._transaction.replica
        if unknown := [name for name in values if not replica.has_column(table, name)]:
            raise AttributeError(f"the replica does not have a column {unknown[0]} of {table}")
        wanted = {name: _value(schema[name], value) for name, value in values.items()}
        found = self._transaction.find(table, wanted)
        for row in found:
            self._transaction.verify(row, *wanted)
        if not found:
            self._transaction.verify_none(table, wanted)
        return [Record(self._transaction, row) for row in found]

    def get(self, table: str, /, **values: Any) -> Record | None:
        """The only row of `table` whose columns hold `values`; None if there is none, Conflict if there are several."""
        found = self.find(table, **values)
        if len(found) > 1:
            raise Conflict(f"{len(found)} rows of {table} have {_described(values)}")
        return found[0] if found else None

    def one(self, table: str, /, **values: Any) -> Record:
        """As get(), but Conflict if there is none."""
        record = self.get(table, **values)
        if record is None:
            raise Conflict(f"no row of {table} has {_described(values)}")
        return record

    def row(self, row: Row) -> Record:
        """A row of the replica, to be written."""
        if self._transaction.row(row.table, row.uuid) is None:
            raise Conflict(f"row {row.uuid} of {row.table} does not exist any more")
        return Record(self._transaction, row)

    def insert(self, table: str, /, **values: Any) -> Record:
        """A new row; columns not given have their defaults.  `outcome.uuids` tells its UUID after the commit."""
        record = Record(self._transaction, self._transaction.insert(self._known(table)))
        for name, value in values.items():
            record[name] = value
        return record

    def comment(self, text: str) -> None:
        """Write a line into the database's log, if the transaction changes anything."""
        self._transaction.comment(text)

    def _known(self, table: str) -> str:
        if table not in self._transaction.replica.rows:
            raise LookupError(f"the replica does not have a table {table}")
        return table


class Record:
    """A row as the transaction sees it: its columns are attributes, or, whatever their names, `record[name]`."""

    __slots__ = ("_row", "_transaction")
    _row: Row
    _transaction: Transaction

    def __init__(self, transaction: Transaction, row: Row) -> None:
        object.__setattr__(self, "_transaction", transaction)
        object.__setattr__(self, "_row", row)

    @property
    def uuid(self) -> str:
        """The row's UUID; of an inserted row, a provisional one."""
        return str(self._row.uuid)

    @property
    def table(self) -> str:
        """The name of the row's table."""
        return str(self._row.table)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, name: str) -> Any:
        column = self._column(name)
        if column.is_map:
            return RecordMap(self._transaction, self._row, column)
        if not column.is_single:
            return RecordSet(self._transaction, self._row, column)
        self._transaction.verify(self._row, name)
        return self._transaction.get(self._row, name)

    def __setitem__(self, name: str, value: Any) -> None:
        column = self._column(name)
        if not column.mutable and self._row.uuid not in self._transaction.inserted:
            raise AttributeError(f"column {name} of {self.table} is written only when a row is made")
        if isinstance(value, (RecordSet, RecordMap)) and value.is_of(self._row, column):
            return  # `record.ports |= {…}` has done its work already
        self._transaction.set(self._row, name, _value(column, value))

    def rows(self, name: str) -> list[Record]:
        """The rows that a column refers to, as far as the replica has them."""
        column = self._column(name)
        self._transaction.verify(self._row, name)
        base = column.map_value if column.map_value is not None else column.key
        assert base.ref_table is not None, f"{name} holds no references"
        items = column.items(self._transaction.get(self._row, name))
        uuids = [item[1] if column.is_map else item for item in items]
        found = (self._transaction.row(base.ref_table, uuid) for uuid in uuids)
        return [Record(self._transaction, row) for row in found if row is not None]

    def mutate(self, name: str, mutator: str, operand: float) -> None:
        """Have the server compute a number: `mutator` is one of `+= -= *= /= %=`."""
        self._transaction.mutate(self._row, self._column(name).name, mutator, operand)

    def delete(self) -> None:
        """Delete the row; unless its table is a root, it goes when nothing refers to it any more."""
        self._transaction.delete(self._row)

    def verify(self, *names: str) -> None:
        """Rely on columns that were not read here."""
        self._transaction.verify(self._row, *(self._column(name).name for name in names))

    def _column(self, name: str) -> Column:
        if name not in self._row:
            raise AttributeError(f"the replica does not have a column {name} of {self.table}")
        return self._transaction.tables[self.table][name]

    def __repr__(self) -> str:
        return f"<{self.table} {self.uuid}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and other._row is self._row

    def __hash__(self) -> int:
        return hash(self._row)


class RecordSet(MutableSet[Any]):
    """A column that is a set.  To look into it is to rely on it; to add and discard is not."""

    def __init__(self, transaction: Transaction, row: Row, column: Column) -> None:
        self._transaction = transaction
        self._row = row
        self._column = column

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:  # for `|`, `&` and the like
        return set(it)

    def is_of(self, row: Row, column: Column) -> bool:
        """Whether this is that column of that row."""
        return self._row is row and self._column is column

    def _value(self) -> tuple[Json, ...]:
        self._transaction.verify(self._row, self._column.name)
        value: tuple[Json, ...] = self._transaction.get(self._row, self._column.name)
        return value

    def __contains__(self, item: object) -> bool:
        return _plain(item) in self._value()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value())

    def __len__(self) -> int:
        return len(self._value())

    def add(self, value: Any) -> None:
        """Put `value` into the set."""
        self._transaction.add(self._row, self._column.name, [_atom(self._column.key, value)])

    def discard(self, value: Any) -> None:
        """Take `value` out of the set."""
        self._transaction.remove(self._row, self._column.name, [_atom(self._column.key, value)])

    def __repr__(self) -> str:
        return repr(set(self._transaction.get(self._row, self._column.name)))


class RecordMap(MutableMapping[Any, Any]):
    """A column that is a map.  To look into it is to rely on it; to set and delete keys is not."""

    def __init__(self, transaction: Transaction, row: Row, column: Column) -> None:
        self._transaction = transaction
        self._row = row
        self._column = column

    def is_of(self, row: Row, column: Column) -> bool:
        """Whether this is that column of that row."""
        return self._row is row and self._column is column

    def _value(self) -> dict[Json, Json]:
        self._transaction.verify(self._row, self._column.name)
        value: dict[Json, Json] = self._transaction.get(self._row, self._column.name)
        return value

    def __getitem__(self, key: Any) -> Any:
        return self._value()[_plain(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value())

    def __len__(self) -> int:
        return len(self._value())

    def __setitem__(self, key: Any, value: Any) -> None:
        assert self._column.map_value is not None
        pair = (_atom(self._column.key, key), _atom(self._column.map_value, value))
        self._transaction.put(self._row, self._column.name, [pair])

    def __delitem__(self, key: Any) -> None:
        self._transaction.remove(self._row, self._column.name, [_atom(self._column.key, key)])

    def __repr__(self) -> str:
        return repr(self._transaction.get(self._row, self._column.name))


# --- Python's values as the database's ---


def _value(column: Column, value: Any) -> Json:
    """`value` as a value of `column`; raises TypeError for what is of another type, Conflict for what is forbidden."""
    if column.map_value is not None:
        if not isinstance(value, Mapping):
            raise TypeError(f"column {column.name} is a map, not {value!r}")
        pairs = [(_atom(column.key, key), _atom(column.map_value, item)) for key, item in value.items()]
        return column.value(pairs)
    if column.is_single:
        if value is None and column.n_min == 0:
            return None
        return _atom(column.key, value)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"column {column.name} is a set, not {value!r}")
    items = {_atom(column.key, item) for item in value}
    if not column.n_min <= len(items) <= column.n_max:
        raise Conflict(
            f"column {column.name} holds {column.n_min} to {column.n_max} values, not {len(items)}"
        )
    return column.value(items)


def _atom(base: Base, value: Any) -> Json:
    """`value` as an atom of `base`."""
    plain: Any = _plain(value)
    if not isinstance(plain, _PYTHON[base.kind]) or isinstance(plain, bool) is not (base.kind == "boolean"):
        raise TypeError(f"{value!r} is not of type {base.kind}")
    base.check(plain, str(plain))
    result: Json = float(plain) if isinstance(plain, int) and base.kind == "real" else plain
    return result


def _plain(value: Any) -> Any:
    """The UUID of a row; any other value as it is."""
    return value.uuid if isinstance(value, (Record, Row)) else value


def _described(values: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} {value!r}" for name, value in values.items())
