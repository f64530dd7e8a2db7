"""A journal as history: its transactions one by one, each with the rows before and after, and any past state.

    history = History(schema)
    for record in records:                     # the JSON of the journal's records after the first
        event = history.take(record)           # who changed what, and when
    history.tables                             # the state after the last one

Events are numbered as the journal's records are; 0 is the empty database.  A compacted journal begins with one event
that inserts everything.

Sources: ovsdb(5), "Standalone format"; ovsdb-tool(1), show-log, for the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.atom import ZERO_UUID, Uuid, atom_to_text
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.datum import Datum, datum_to_text
from vswitch.ovsdb.journal import replayed_row
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import ColumnSchema, Schema, TableSchema
from vswitch.ovsdb.types import BaseType

Tables = dict[str, dict[Uuid, Row]]


@dataclass(frozen=True, slots=True)
class RowChange:
    """What became of one row: `old` is None if it was inserted, `new` if it was deleted."""

    schema: TableSchema
    uuid: Uuid
    old: Row | None
    new: Row | None

    @property
    def kind(self) -> str:
        """The change in a word."""
        return "insert" if self.old is None else "delete" if self.new is None else "modify"

    def columns(self) -> Iterator[tuple[ColumnSchema, Datum, Datum]]:
        """The columns that differ, with what they held before and after; a row that is not there holds defaults."""
        before = self.old or self.schema.default_row
        after = self.new or self.schema.default_row
        for column in self.schema.columns.values():
            number = column.number
            if not column.name.startswith("_") and before[number] != after[number]:
                yield column, before[number], after[number]


@dataclass(frozen=True, slots=True)
class Event:
    """One transaction: its number in the journal, its date (ms since 1970), what its maker said, what it changed."""

    number: int
    date: int | None
    comment: str
    changes: list[RowChange]


class History:
    """The state of a database after as many events as have been taken."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tables: Tables = {name: {} for name in schema.tables}
        self.n_events = 0

    def take(self, record: Mapping[str, Json]) -> Event:
        """The next event; raises OvsdbError if it makes no sense."""
        self.n_events += 1
        is_diff = record.get("_is_diff") is True
        changes = []
        for name in sorted(self.tables.keys() & record.keys()):
            rows, schema = self.tables[name], self.schema.tables[name]
            for text, cells in record[name].items():
                uuid = Uuid(text.lower())
                old = rows.pop(uuid, None)
                new = None
                if cells is not None:
                    new = rows[uuid] = replayed_row(schema, old, cells, uuid, (ZERO_UUID,), is_diff)
                changes.append(RowChange(schema, uuid, old, new))
        date, comment = record.get("_date"), record.get("_comment")
        return Event(
            self.n_events,
            date if isinstance(date, int) else None,
            comment if isinstance(comment, str) else "",
            changes,
        )

    def copy(self) -> Tables:
        """The state, kept while more events are taken."""
        return {name: dict(rows) for name, rows in self.tables.items()}


def printable(text: str) -> str:
    """`text` with escapes for what would not be printed, but obeyed, by a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def differences(schema: Schema, before: Tables, after: Tables) -> list[RowChange]:
    """What leads from one state to another."""
    changes = []
    for name, table in schema.tables.items():
        for uuid in sorted(before[name].keys() | after[name].keys()):
            old, new = before[name].get(uuid), after[name].get(uuid)
            if old != new:
                changes.append(RowChange(table, uuid, old, new))
    return changes


class Labels:
    """What rows are called: by their name, or by the beginning of their UUID."""

    def __init__(self) -> None:
        self._names: dict[Uuid, str] = {}

    def learn(self, changes: list[RowChange]) -> None:
        """Take note of the names in the rows of `changes`; a name outlives its row."""
        for change in changes:
            row = change.new or change.old
            column = change.schema.columns.get("name") or change.schema.columns.get("target")
            if row is not None and column is not None and len(row[column.number]) == 1:
                self._names[change.uuid] = printable(str(row[column.number][0]))

    def row(self, uuid: Uuid) -> str:
        """The row, for people."""
        name = self._names.get(uuid)
        return f"{name} ({uuid[:8]})" if name else uuid[:8]

    def value(self, column: ColumnSchema, datum: Datum) -> str:
        """A column's value as ovs-vsctl prints it, with rows under their names."""
        type = column.type
        if not any(base.ref_table for base in type.bases()):
            return datum_to_text(datum, type)
        items = [self._item(column, item) for item in datum]
        if type.value is not None:
            return "{" + ", ".join(items) + "}"
        return items[0] if len(items) == 1 and type.n_max == 1 else f"[{', '.join(items)}]"

    def changed(self, column: ColumnSchema, before: Datum, after: Datum) -> str:
        """What happened to a column: of sets and maps, what came (+) and went (-)."""
        if column.type.n_max == 1 or not (before and after):
            return f"{self.value(column, before)} -> {self.value(column, after)}"
        went = [f"-{self._item(column, item)}" for item in before if item not in after]
        came = [f"+{self._item(column, item)}" for item in after if item not in before]
        return " ".join([*went, *came])

    def _item(self, column: ColumnSchema, item: Json) -> str:
        type = column.type
        if type.value is None:
            return self._atom(type.key, item)
        return f"{self._atom(type.key, item[0])}={self._atom(type.value, item[1])}"

    def _atom(self, base: BaseType, atom: Json) -> str:
        if base.ref_table and atom in self._names:
            return self._names[atom]
        return str(atom)[:8] if base.ref_table else atom_to_text(atom, base.type)
