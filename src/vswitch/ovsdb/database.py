"""A database: tables of rows, and what is kept beside them so that no question needs a scan.

Rows are immutable tuples.  A transaction reads through to them and keeps its changes to itself (see transaction);
what it finally amounts to is a `Commit`, a value that apply() brings into effect and that cannot fail: monitors, the
journal and the history are all made from it.  Beside its rows a table keeps

- an exact index for each index of its schema,
- for each row that is the target of strong references, how many other rows hold (a row's references to itself do not
  count),
- for each row that is the target of weak references, which rows hold them, so that they can be dropped with it.

A row's `_version` is the id of the transaction that last changed it.

Sources: RFC 7047 3.2 (indexes, isRoot, refType), 5.2; ovsdb(7), "References".
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.schema import N_IMPLICIT, ColumnSchema, Schema, TableSchema

NewUuid: TypeAlias = Callable[[], Uuid]  # a random UUID each time
Change: TypeAlias = tuple[Row | None, Row | None]  # before and after; None: there was or is no such row
RowName: TypeAlias = tuple[str, Uuid]  # table and _uuid

N_HISTORY = 100  # commits that a client may have missed and still get one by one


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction changed: the rows before and after, and the bookkeeping that follows from it."""

    id: Uuid
    changes: Mapping[str, Mapping[Uuid, Change]]  # by table
    strong: Mapping[RowName, int] = field(default_factory=dict)  # changes to the counts of strong references
    weak: Mapping[RowName, Mapping[RowName, int]] = field(default_factory=dict)  # target -> holder -> change
    comment: str = ""
    durable: bool = False


class Reference:
    """A column of a table whose keys or values refer to rows."""

    __slots__ = ("column", "strong_key", "strong_value", "weak_key", "weak_value")

    def __init__(self, column: ColumnSchema) -> None:
        key, value = column.type.key, column.type.value
        self.column = column
        self.strong_key, self.weak_key = key.strong_ref, key.weak_ref
        self.strong_value = value.strong_ref if value else None
        self.weak_value = value.weak_ref if value else None

    def strong(self, datum: Datum) -> Iterator[tuple[str, Uuid]]:
        """The rows that `datum` refers to strongly."""
        return self._targets(datum, self.strong_key, self.strong_value)

    def weak(self, datum: Datum) -> Iterator[tuple[str, Uuid]]:
        """The rows that `datum` refers to weakly."""
        return self._targets(datum, self.weak_key, self.weak_value)

    def _targets(self, datum: Datum, key: str | None, value: str | None) -> Iterator[tuple[str, Uuid]]:
        if self.column.type.value is None:
            if key:
                for atom in datum:
                    yield key, atom
            return
        for k, v in datum:
            if key:
                yield key, k
            if value:
                yield value, v


class Table:
    """The rows of one table."""

    def __init__(self, schema: TableSchema) -> None:
        self.schema = schema
        self.rows: dict[Uuid, Row] = {}
        self.indexes: tuple[dict[tuple[Datum, ...], Uuid], ...] = tuple({} for _ in schema.indexes)
        self.index_numbers = tuple(tuple(column.number for column in index) for index in schema.indexes)
        self.n_strong: dict[Uuid, int] = {}  # strong references to a row; absent: none
        self.weak_holders: dict[Uuid, dict[RowName, int]] = {}
        self.references = tuple(
            Reference(column)
            for column in schema.columns.values()
            if any(base.ref_table for base in column.type.bases())
        )

        self.has_weak = any(reference.weak_key or reference.weak_value for reference in self.references)

    def index_key(self, number: int, row: Row) -> tuple[Datum, ...]:
        """What the row is found by in index `number`."""
        return tuple(row[column] for column in self.index_numbers[number])

    def find(self, equal: Mapping[str, Datum]) -> tuple[int, tuple[Datum, ...]] | None:
        """The index, and the key in it, that holds at most one row with these values."""
        for number, index in enumerate(self.schema.indexes):
            if all(column.name in equal for column in index):
                return number, tuple(equal[column.name] for column in index)
        return None

    def apply(self, changes: Mapping[Uuid, Change]) -> None:
        """Put the new rows in place of the old ones."""
        rows = self.rows
        for uuid, (_, new) in changes.items():
            if new is None:
                del rows[uuid]
            else:
                rows[uuid] = new
        for number, index in enumerate(self.indexes):
            for old, _ in changes.values():
                if old is not None:
                    del index[self.index_key(number, old)]
            for uuid, (_, new) in changes.items():
                if new is not None:
                    index[self.index_key(number, new)] = uuid


class Database:
    """The tables of one database, and its last commits."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tables = {name: Table(table) for name, table in schema.tables.items()}
        self.last_id: Uuid | None = None  # of the newest commit
        self.history: deque[Commit] = deque(maxlen=N_HISTORY)

    def apply(self, commit: Commit) -> None:
        """Bring `commit`, which was computed for the present state, into effect."""
        self.change(commit)
        self.history.append(commit)

    def change(self, commit: Commit) -> None:
        """The same, without remembering how the state came about."""
        for name, changes in commit.changes.items():
            self.tables[name].apply(changes)
        for (name, uuid), difference in commit.strong.items():
            counts = self.tables[name].n_strong
            count = counts.get(uuid, 0) + difference
            if count:
                counts[uuid] = count
            else:
                counts.pop(uuid, None)
        for (name, uuid), differences in commit.weak.items():
            _add(self.tables[name].weak_holders, uuid, differences)
        self.last_id = commit.id

    def since(self, id: Uuid) -> list[Commit] | None:
        """The commits after the one with that id, or None if it is not remembered."""
        if id == ZERO_UUID:
            return None  # what clients say who know nothing yet
        if id == self.last_id:
            return []
        commits = list(self.history)
        for position, commit in enumerate(commits):
            if commit.id == id:
                return commits[position + 1 :]
        return None

    def n_cells(self) -> Counter[str]:
        """How large the database is, in the units of memory/show."""
        size: Counter[str] = Counter()
        for table in self.tables.values():
            size["cells"] += len(table.rows) * (N_IMPLICIT + len(table.schema.columns))
            size["n-weak-refs"] += sum(len(holders) for holders in table.weak_holders.values())
            atoms = [1] * N_IMPLICIT + [
                2 if column.type.is_map else 1 for column in table.schema.columns.values()
            ]
            size["atoms"] += sum(
                n * len(datum) for row in table.rows.values() for n, datum in zip(atoms, row, strict=True)
            )
        return size


def _add(holders: dict[Uuid, dict[RowName, int]], uuid: Uuid, differences: Mapping[RowName, int]) -> None:
    counts = holders.setdefault(uuid, {})
    for holder, difference in differences.items():
        count = counts.get(holder, 0) + difference
        if count:
            counts[holder] = count
        else:
            counts.pop(holder, None)
    if not counts:
        del holders[uuid]
