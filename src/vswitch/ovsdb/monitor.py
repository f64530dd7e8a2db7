"""Monitors: a client's view of tables, kept true by updates.

There are three kinds.  `monitor` tells old and new values of whole rows (RFC 7047); `monitor_cond` has conditions and
tells differences; `monitor_cond_since` also names the transaction that each update leads to, so that a client which
reconnects gets only what it missed.

What a monitor shows is its `View`; who has been told what is in feed.py.

Sources: RFC 7047 4.1.5-4.1.7; ovsdb-server(7), 4.1.12-4.1.17.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from vswitch.base.dataclass import dataclass, replace
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.condition import Condition, Row
from vswitch.ovsdb.database import Change, Database
from vswitch.ovsdb.datum import Writer, difference, json_writer
from vswitch.ovsdb.errors import OvsdbSyntaxError
from vswitch.ovsdb.jsontext import Json, encode
from vswitch.ovsdb.notation import Members
from vswitch.ovsdb.schema import N_IMPLICIT, ColumnSchema, Schema, TableSchema

Changes: TypeAlias = Mapping[str, Mapping[Uuid, Change]]
EVENTS = ("initial", "insert", "delete", "modify")
ROWS_AT_ONCE = 500  # encoded in one piece


class MonitoredColumn:
    """A column that a monitor shows, and on which events."""

    __slots__ = ("default", "name", "number", "select", "type", "write", "write_difference")

    def __init__(self, column: ColumnSchema, select: frozenset[str], table: TableSchema) -> None:
        self.name, self.number, self.type = column.name, column.number, column.type
        self.select = select
        self.default = table.default_row[column.number] if column.number >= N_IMPLICIT else None
        self.write: Writer = column.write
        self.write_difference: Writer = json_writer(column.type.for_difference())


@dataclass(frozen=True, slots=True)
class MonitoredTable:
    """What a monitor shows of one table."""

    columns: tuple[MonitoredColumn, ...]
    select: frozenset[str]  # the events of which there is anything to tell, were it only that they happened
    conditions: tuple[Condition, ...] | None = None  # a row is shown if any holds; None: always

    def on(self, event: str) -> list[MonitoredColumn]:
        """The columns shown on an event."""
        return [column for column in self.columns if event in column.select]

    def shows(self, row: Row | None) -> bool:
        """Whether the conditions let a client see `row`."""
        return row is not None and (
            self.conditions is None or any(condition.holds(row) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class View:
    """What a monitor shows of a database, and in which version of the protocol."""

    version: int  # 1: monitor, 2: monitor_cond, 3: monitor_cond_since
    tables: Mapping[str, MonitoredTable]
    key: bytes = b""  # equal for equal views

    @classmethod
    def from_json(cls, json: Json, schema: Schema, version: int) -> View:
        """<monitor-requests>, or <monitor-cond-requests>."""
        if not isinstance(json, dict):
            raise OvsdbSyntaxError("monitor-requests must be object", json)
        tables = {}
        for name, requests in json.items():
            table = schema.tables.get(name)
            if table is None:
                raise OvsdbSyntaxError(f"no table named {name}")
            tables[name] = _table_from_json(requests, table, version)
        return cls(version, tables, b"%d" % version + encode(json))

    def with_conditions(self, json: Json, schema: Schema) -> View:
        """This view after <monitor-cond-update-requests>."""
        if not isinstance(json, dict):
            raise OvsdbSyntaxError("monitor-cond-change-requests must be object")
        tables = dict(self.tables)
        for name, requests in json.items():
            if name not in schema.tables:
                raise OvsdbSyntaxError(f"no table named {name}")
            if name not in tables:
                raise OvsdbSyntaxError(f"no table named {name} in monitor session")
            if not isinstance(requests, list):
                raise OvsdbSyntaxError(f"table {name} no monitor-cond-change JSON array")
            conditions = tables[name].conditions
            for request in requests if self.version > 1 else ():
                conditions = _changed_conditions(request, schema.tables[name], conditions)
            tables[name] = replace(tables[name], conditions=conditions)
        shown = {name: table.conditions for name, table in tables.items()}
        key = encode(
            {name: None if where is None else [c.to_json() for c in where] for name, where in shown.items()}
        )
        return replace(self, tables=tables, key=self.key.split(b"\n")[0] + b"\n" + key)


def _table_from_json(json: Json, table: TableSchema, version: int) -> MonitoredTable:
    columns: dict[str, MonitoredColumn] = {}
    conditions: list[Condition] | None = None
    selected: set[str] = set()
    requests = json if isinstance(json, list) else [json]
    for request in requests:
        members = Members(request, f"table {table.name}")
        where = members.optional("where", list) if version > 1 else None
        names = members.optional("columns", list)
        select = members.optional("select", dict)
        members.finish()
        events = _events(select, table)
        selected |= events
        for column in _columns(names, table):
            if column.name in columns:
                raise OvsdbSyntaxError(f"column {column.name} mentioned more than once", names)
            columns[column.name] = MonitoredColumn(column, events, table)
        if where is not None:
            conditions = (conditions or []) + [Condition.from_json(each, table) for each in where]
    return MonitoredTable(
        tuple(columns.values()), frozenset(selected), tuple(conditions) if conditions else None
    )


def _events(json: Json, table: TableSchema) -> frozenset[str]:
    if json is None:
        return frozenset(EVENTS)
    members = Members(json, f"table {table.name} select")
    chosen = frozenset(event for event in EVENTS if members.optional(event, bool) is not False)
    members.finish()
    return chosen


def _columns(names: list[Json] | None, table: TableSchema) -> list[ColumnSchema]:
    if names is None:
        return [column for name in ("_version", *table.columns) if (column := table.column(name))]
    if not all(isinstance(name, str) for name in names):
        raise OvsdbSyntaxError("array of column names expected", names)
    columns = []
    for name in names:
        column = table.column(name)
        if column is None:
            raise OvsdbSyntaxError(f"{name} is not a valid column name", names)
        columns.append(column)
    return columns


def _changed_conditions(
    request: Json, table: TableSchema, conditions: tuple[Condition, ...] | None
) -> tuple[Condition, ...] | None:
    if isinstance(request, dict) and "columns" in request:
        raise OvsdbSyntaxError("changing columns is unsupported", request)
    members = Members(request, f"table {table.name}")
    where = members.optional("where", list)
    members.finish()
    if where is None:
        return conditions
    return tuple(Condition.from_json(each, table) for each in where) or None


Merged: TypeAlias = dict[str, dict[Uuid, Change]]


def merge(batches: Iterable[Changes]) -> Merged:
    """Several changes, one after the other, as one."""
    merged: Merged = {}
    for changes in batches:
        absorb(merged, changes)
    return merged


def absorb(merged: Merged, changes: Changes) -> None:
    """Add later changes to `merged`; the work is that of the new ones alone."""
    for name, rows in changes.items():
        into = merged.setdefault(name, {})
        for uuid, (old, new) in rows.items():
            before = into[uuid][0] if uuid in into else old
            if before is None and new is None:
                del into[uuid]
            else:
                into[uuid] = (before, new)


def initial(view: View, database: Database) -> bytes:
    """The JSON text of the <table-updates> that show everything there is."""
    return _encode_tables(
        (name, _initial_rows(view, table, database.tables[name].rows)) for name, table in view.tables.items()
    )


def update(view: View, changes: Changes) -> bytes:
    """The JSON text of the <table-updates> for `changes`; empty if they do not show."""
    if view.tables.keys().isdisjoint(changes):
        return b""
    return _encode_tables(
        (name, _changed_rows(view, table, changes[name]))
        for name, table in view.tables.items()
        if name in changes
    )


def condition_change(old: View, new: View, database: Database) -> bytes:
    """The JSON text of the <table-updates2> that lead from one view of the present state to another."""
    return _encode_tables(
        (name, _reconditioned_rows(old.tables[name], table, database.tables[name].rows))
        for name, table in new.tables.items()
        if table.conditions != old.tables[name].conditions
    )


RowUpdates: TypeAlias = Iterator[tuple[Uuid, Json]]


def _encode_tables(tables: Iterable[tuple[str, RowUpdates]]) -> bytes:
    """Rows are encoded some hundred at a time: the Python objects for a large dump never exist all at once."""
    texts = []
    for name, rows in tables:
        pieces = []
        while piece := dict(islice(rows, ROWS_AT_ONCE)):
            pieces.append(encode(piece)[1:-1])
        if pieces:
            texts.append(encode(name) + b":{" + b",".join(pieces) + b"}")
    return b"{" + b",".join(texts) + b"}" if texts else b""


def _initial_rows(view: View, table: MonitoredTable, rows: Mapping[Uuid, Row]) -> RowUpdates:
    if "initial" not in table.select:
        return
    columns = table.on("initial")
    for uuid, row in rows.items():
        if view.version == 1:
            yield uuid, {"new": {column.name: column.write(row[column.number]) for column in columns}}
        elif table.conditions is None or table.shows(row):
            yield uuid, {"initial": _without_defaults(row, columns)}


def _without_defaults(row: Row, columns: list[MonitoredColumn]) -> dict[str, Json]:
    return {
        column.name: column.write(row[column.number])
        for column in columns
        if row[column.number] != column.default
    }


def _changed_rows(view: View, table: MonitoredTable, changes: Mapping[Uuid, Change]) -> RowUpdates:
    describe = _row_update if view.version == 1 else _row_update2
    by_event = {event: table.on(event) for event in EVENTS}
    for uuid, (old, new) in changes.items():
        if (json := describe(table, by_event, old, new)) is not None:
            yield uuid, json


ByEvent: TypeAlias = Mapping[str, list[MonitoredColumn]]


def _row_update(table: MonitoredTable, columns: ByEvent, old: Row | None, new: Row | None) -> Json | None:
    """A <row-update>."""
    if new is None:
        assert old is not None
        return (
            {"old": {c.name: c.write(old[c.number]) for c in columns["delete"]}}
            if "delete" in table.select
            else None
        )
    if old is None:
        return (
            {"new": {c.name: c.write(new[c.number]) for c in columns["insert"]}}
            if "insert" in table.select
            else None
        )
    changed = [c for c in columns["modify"] if old[c.number] != new[c.number]]
    if not changed:
        return None
    return {
        "old": {c.name: c.write(old[c.number]) for c in changed},
        "new": {c.name: c.write(new[c.number]) for c in columns["modify"]},
    }


def _row_update2(table: MonitoredTable, columns: ByEvent, old: Row | None, new: Row | None) -> Json | None:
    """A <row-update2>.  A row that its conditions begin to show, or no longer show, is inserted or deleted."""
    shown, shows = table.shows(old), table.shows(new)
    if shown and shows:
        assert old is not None
        assert new is not None
        modified = {
            c.name: c.write_difference(difference(old[c.number], new[c.number], c.type))
            for c in columns["modify"]
            if old[c.number] != new[c.number]
        }
        return {"modify": modified} if modified else None
    if shows:
        assert new is not None
        return {"insert": _without_defaults(new, columns["insert"])} if "insert" in table.select else None
    return {"delete": None} if shown and "delete" in table.select else None


def _reconditioned_rows(old: MonitoredTable, new: MonitoredTable, rows: Mapping[Uuid, Row]) -> RowUpdates:
    columns = new.on("insert")
    for uuid, row in rows.items():
        shown, shows = old.shows(row), new.shows(row)
        if shows and not shown:
            if "insert" in new.select:
                yield uuid, {"insert": _without_defaults(row, columns)}
        elif shown and not shows and "delete" in new.select:
            yield uuid, {"delete": None}
