"""The rows of a database as records: those of a replica, to be read, and those of a transaction, to be written.

    contents = Contents(replica)            # or database.contents
    [port.name for port in contents.one(Bridge, name="br0").ports]

Rows are found by their class, if that was declared, or by the name of their table.

Sources: RFC 7047 5.1, 5.2.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from vswitch.base.errors import Conflict
from vswitch.ovsdb.cells import Cells, value_of
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.classes import Classes
from vswitch.ovsdb.column import Column
from vswitch.ovsdb.record import AnyRecord, Record
from vswitch.ovsdb.replica import Replica, Row

R = TypeVar("R", bound=Record)


def computing(function: Callable[[Changes], None]) -> Callable[[Transaction], None]:
    """`function` as what `commit.attempts` takes."""
    return lambda transaction: function(Changes(transaction))


class Rows(Cells):
    """Rows to find."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self._classes = replica.wanted.by_table if isinstance(replica.wanted, Classes) else {}

    @abstractmethod
    def _all(self, table: str) -> Iterable[Row]: ...

    @abstractmethod
    def _having(self, table: str, values: Mapping[str, Any]) -> list[Row]: ...

    @overload
    def rows(self, table: type[R]) -> list[R]: ...

    @overload
    def rows(self, table: str) -> list[AnyRecord]: ...

    def rows(self, table: type[Record] | str) -> list[Any]:
        """Every row of `table`, those inserted here too.  Says nothing to the server about having looked."""
        kind, name = self._known(table)
        return [kind.of(self, row) for row in self._all(name)]

    @overload
    def find(self, table: type[R], /, **values: Any) -> list[R]: ...

    @overload
    def find(self, table: str, /, **values: Any) -> list[AnyRecord]: ...

    def find(self, table: type[Record] | str, /, **values: Any) -> list[Any]:
        """The rows of `table` whose columns hold `values`; by an index, and, in a transaction, relied on."""
        kind, name = self._known(table)
        named = {
            kind.attributes[it].name if it in kind.attributes else it: value for it, value in values.items()
        }
        if unknown := [it for it in named if not self.replica.has_column(name, it)]:
            raise AttributeError(f"the replica does not have a column {unknown[0]} of {name}")
        assert self.replica.layout is not None
        columns = self.replica.layout.tables[name]
        wanted = {it: value_of(columns[it], value, self.atom) for it, value in named.items()}
        return [kind.of(self, row) for row in self._having(name, wanted)]

    @overload
    def get(self, table: type[R], /, **values: Any) -> R | None: ...

    @overload
    def get(self, table: str, /, **values: Any) -> AnyRecord | None: ...

    def get(self, table: type[Record] | str, /, **values: Any) -> Record | None:
        """The only row of `table` whose columns hold `values`; None if there is none, Conflict if there are several."""
        found: list[Any] = self.find(table, **values)
        if len(found) > 1:
            raise Conflict(f"{len(found)} rows of {self._known(table)[1]} have {_described(values)}")
        return found[0] if found else None

    @overload
    def one(self, table: type[R], /, **values: Any) -> R: ...

    @overload
    def one(self, table: str, /, **values: Any) -> AnyRecord: ...

    def one(self, table: type[Record] | str, /, **values: Any) -> Record:
        """As get(), but Conflict if there is none."""
        found: Any = self.get(table, **values)
        record: Record | None = found
        if record is None:
            raise Conflict(f"no row of {self._known(table)[1]} has {_described(values)}")
        return record

    def _known(self, table: type[Record] | str) -> tuple[type[Record], str]:
        """The class of the records, and the name of the table."""
        kind, name = (AnyRecord, table) if isinstance(table, str) else (table, table.table_name())
        if name not in self.replica.rows:
            raise LookupError(f"the replica does not have a table {name}")
        if kind is not AnyRecord and self._classes.get(name) is not kind:
            raise LookupError(f"{kind.__name__} is not one of the replica's classes")
        return kind, name

    def column(self, row: Row, name: str) -> Column:
        """The type of a row's column."""
        assert self.replica.layout is not None
        return self.replica.layout.tables[row.table][name]

    def atom(self, value: Any) -> Any:
        """`value`, or, if it is a row, its UUID."""
        if isinstance(value, Record):
            return value if value.is_new else value.uuid
        return value.uuid if isinstance(value, Row) else value

    def written(self, value: Any) -> Any:
        """As atom()."""
        return self.atom(value)


class Contents(Rows):
    """The rows of a replica, as they are now.  They are only read: to write, commit a function of a `Changes`."""

    @property
    def transaction(self) -> Transaction:
        """There is none."""
        raise AttributeError(
            "this row is only read: to write it, commit a function that finds it in its Changes"
        )

    def record(self, row: Row) -> Record:
        """A row, of a `Change` for example, as a record of its declared class, or as AnyRecord if there is none."""
        return self._classes.get(row.table, AnyRecord).of(self, row)

    def at(self, table: str, uuid: str) -> Row | None:
        """The row of that UUID."""
        return self.replica.table(table).get(uuid)

    def value(self, row: Row, name: str) -> Any:
        """What a column holds."""
        return row[name]

    def rely(self, row: Row, *names: str) -> None:
        """Nothing depends on what is only read."""

    def _all(self, table: str) -> Iterable[Row]:
        return self.replica.table(table).values()

    def _having(self, table: str, values: Mapping[str, Any]) -> list[Row]:
        return self.replica.find(table, **values)


class Changes(Rows):
    """What a function that changes a database is given: rows to find, to write and to insert."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.replica)
        self._transaction = transaction
        self._inserted: dict[Record, Row] = {}  # by what was to be inserted

    @property
    def transaction(self) -> Transaction:
        """Where writes go."""
        return self._transaction

    @overload
    def insert(self, new: R, /) -> R: ...

    @overload
    def insert(self, new: str, /, **values: Any) -> AnyRecord: ...

    def insert(self, new: Record | str, /, **values: Any) -> Record:
        """A new row: of a declared class, or of the table of that name, where columns not given have their defaults.

        `outcome.uuids` tells its UUID after the commit.
        """
        if isinstance(new, Record):
            return type(new).of(self, self._insert(new))
        record = AnyRecord.of(self, self._transaction.insert(self._known(new)[1]))
        for name, value in values.items():
            record[name] = value
        return record

    @overload
    def row(self, row: R, /) -> R: ...

    @overload
    def row(self, row: Row, /) -> AnyRecord: ...

    def row(self, row: Row | Record, /) -> Record:
        """A row of the replica, or a record that was only to be read, to be written; Conflict if it is gone."""
        kind = AnyRecord if isinstance(row, Row) else type(row)
        plain = row if isinstance(row, Row) else row.row
        if self._transaction.row(plain.table, plain.uuid) is None:
            raise Conflict(f"row {plain.uuid} of {plain.table} does not exist any more")
        return kind.of(self, plain)

    def comment(self, text: str) -> None:
        """Write a line into the database's log, if the transaction changes anything."""
        self._transaction.comment(text)

    def at(self, table: str, uuid: str) -> Row | None:
        """The row of that UUID, unless it has been deleted here."""
        return self._transaction.row(table, uuid)

    def value(self, row: Row, name: str) -> Any:
        """What a column will hold."""
        return self._transaction.get(row, name)

    def rely(self, row: Row, *names: str) -> None:
        """Commit only if these columns are on the server what they are in the replica."""
        self._transaction.verify(row, *names)

    def atom(self, value: Any) -> Any:
        """`value`, or, if it is a row, its UUID; a new row that has not been inserted stays what it is."""
        if isinstance(value, Record) and value.is_new:
            row = self._inserted.get(value)
            return value if row is None else row.uuid
        return super().atom(value)

    def written(self, value: Any) -> Any:
        """As atom(); a new row is inserted."""
        return self._insert(value).uuid if isinstance(value, Record) else self.atom(value)

    def _insert(self, new: Record) -> Row:
        """The row of `new`, inserted if it is not there yet; so are the rows that it refers to."""
        if not new.is_new:
            return new.row
        row = self._inserted.get(new)
        if row is None:
            row = self._inserted[new] = self._transaction.insert(self._known(type(new))[1])
            record = type(new).of(self, row)
            for name, value in new.columns().items():
                record[name] = value
        return row

    def _all(self, table: str) -> Iterable[Row]:
        return self._transaction.rows(table)

    def _having(self, table: str, values: Mapping[str, Any]) -> list[Row]:
        found = self._transaction.find(table, values)
        for row in found:
            self._transaction.verify(row, *values)
        if not found:
            self._transaction.verify_none(table, values)
        return found


def _described(values: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} {value!r}" for name, value in values.items())
