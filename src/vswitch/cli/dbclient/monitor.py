"""`ovsdb-client monitor`: what a database holds, and each change, as tables.

A `Watch` knows what is monitored and turns updates into lines; it does no I/O.

Sources: ovsdb-client(1), `monitor`; RFC 7047 4.1.5, 4.1.6; ovsdb-server(7) 4.1.12-4.1.15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from vswitch.base.jsontype import Json
from vswitch.base.options import CommandError
from vswitch.cli.table import Cell, Style, Table
from vswitch.ovsdb.column import Column, Layout
from vswitch.ovsdb.column import Table as TableLayout

KINDS = ("initial", "insert", "delete", "modify")
NOTIFICATIONS = {"monitor": "update", "monitor-cond": "update2", "monitor-cond-since": "update3"}
VERSION_COLUMN = Column("_version", {"type": "uuid"})


class WatchedTable:
    """A table, the groups of its columns that are monitored, and for which kinds of change each."""

    def __init__(self, table: TableLayout, where: str, groups: Sequence[str], condition: Json) -> None:
        self.table = table
        self.condition = condition
        self.columns: list[Column] = []
        self._groups: list[tuple[list[str], dict[str, bool]]] = []
        for group in groups or [""]:
            self._add(group, where)

    def _add(self, group: str, where: str) -> None:
        select: dict[str, bool] = {}
        names: list[str] = []
        for word in group.replace(",", " ").split():
            if word.startswith("!") and word[1:] in KINDS:
                select[word[1:]] = False
            else:
                names.append(word)
        if not names:
            names = [*self.table, "_version"]
        for name in names:
            if name not in self.table and name not in ("_uuid", "_version"):
                raise CommandError(
                    f'{where}: table "{self.table.name}" in {{database}} does not have a column named "{name}"'
                )
            if name in (column.name for column in self.columns):
                raise CommandError(f'{where}: column "{name}" mentioned multiple times')
            self.columns.append(VERSION_COLUMN if name == "_version" else self.table[name])
        self._groups.append((names, select))

    def requests(self) -> list[Json]:
        """The <monitor-request>s."""
        requests = []
        for names, select in self._groups:
            request: dict[str, Json] = {"columns": names}
            if select:
                request["select"] = select
            if self.condition:
                request["where"] = self.condition
            requests.append(request)
        return requests


class Watch:
    """What is monitored of one database."""

    def __init__(self, tables: list[WatchedTable], style: Style) -> None:
        self._tables = tables
        self._style = style
        self._printed = 0

    def requests(self) -> Json:
        """The <monitor-requests> of all tables."""
        return {watched.table.name: watched.requests() for watched in self._tables}

    def lines(self, updates: Json, timestamp: str, heading: str, *, initial: bool) -> Iterator[str]:
        """The tables that show `updates`, in any of the three forms that the protocol has, below a `heading`."""
        tables = [
            table for watched in self._tables if (table := self._table(watched, updates, initial=initial))
        ]
        if heading:
            yield from [""] if self._printed else []
            yield heading
        for number, table in enumerate(tables):
            table.timestamp = timestamp
            is_first = number == 0 and (heading or not self._printed)
            if not is_first and self._style.format not in ("json", "html"):
                yield ""
            yield from table.lines(self._style)
        self._printed += bool(tables or heading)

    def _table(self, watched: WatchedTable, updates: Json, *, initial: bool) -> Table | None:
        rows = updates.get(watched.table.name)
        if not rows:
            return None
        caption = watched.table.name if len(self._tables) > 1 else ""
        table = Table(["row", "action", *(column.name for column in watched.columns)], caption)
        for uuid in sorted(rows):
            table.rows += self._changes(watched, uuid, rows[uuid], initial=initial)
        return table

    def _changes(
        self, watched: WatchedTable, uuid: str, update: Json, *, initial: bool
    ) -> Iterator[list[Cell]]:
        if "old" in update or "new" in update:
            return self._changes1(watched, uuid, update, initial=initial)
        return self._changes2(watched, uuid, update)

    def _changes1(
        self, watched: WatchedTable, uuid: str, update: Json, *, initial: bool
    ) -> Iterator[list[Cell]]:
        """The lines of a change in the form of RFC 7047: what was, what is."""
        first = Cell(uuid)
        if "new" not in update:
            yield self._line(watched, first, "delete", update["old"])
        elif "old" not in update:
            yield self._line(watched, first, "initial" if initial else "insert", update["new"])
        else:
            yield self._line(watched, first, "old", update["old"])
            yield self._line(watched, Cell(""), "new", update["new"])

    def _changes2(self, watched: WatchedTable, uuid: str, update: Json) -> Iterator[list[Cell]]:
        """The line of a change in the later form: what became of the row, and the difference."""
        for kind, row in islice(update.items(), 1):
            yield self._line(watched, Cell(uuid), kind, row or {})

    def _line(self, watched: WatchedTable, first: Cell, action: str, row: Json) -> list[Cell]:
        cells = [
            Cell(column.from_json(row[column.name]), column) if column.name in row else Cell(None)
            for column in watched.columns
        ]
        return [first, Cell(action), *cells]


def watched_tables(
    layout: Layout, where: str, words: Sequence[str], condition: Callable[[], Json] | None
) -> list[WatchedTable]:
    """What `TABLE [COLUMN,...]...`, or `ALL`, asks for; `condition` is read once the table is known."""
    if list(words) == ["ALL"]:
        return [WatchedTable(table, where, [], condition and condition()) for table in layout.tables.values()]
    name, *groups = words
    if name not in layout.tables:
        prefix = "" if condition else f"{where}: "
        raise CommandError(f'{prefix}{layout.name} does not have a table named "{name}"')
    try:
        return [WatchedTable(layout.tables[name], where, groups, condition and condition())]
    except CommandError as error:
        raise CommandError(str(error).replace("{database}", layout.name)) from None
