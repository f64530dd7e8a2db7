"""Transactions in words: which rows came, went and changed, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from vswitch.cli.history.moments import format_date
from vswitch.cli.table import Cell, Table
from vswitch.ovsdb.history import Event, Labels, RowChange, printable

_SIGNS = {"insert": "+", "delete": "-", "modify": "~"}
_COLOURS = {"insert": "32", "delete": "31", "modify": "33", "number": "36"}


class Paint:
    """Puts colours on words, or not."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[m" if self._is_on else text


def summary(event: Event) -> str:
    """How many rows of which tables came (+), went (-) and changed (~)."""
    counts = Counter((change.schema.name, change.kind) for change in event.changes)
    return ", ".join(f"{_SIGNS[kind]}{count} {table}" for (table, kind), count in counts.items())


def event_lines(event: Event, paint: Paint) -> Iterator[str]:
    """The line of an event in the log, and what its maker said."""
    yield f"{paint(str(event.number), 'number')}  {format_date(event.date)}  {summary(event)}"
    for line in map(printable, event.comment.splitlines()):
        yield f"    {line}"


def change_lines(changes: Iterable[RowChange], labels: Labels, paint: Paint) -> Iterator[str]:
    """Each row that changed, and how its columns did."""
    for change in changes:
        what = f"{_SIGNS[change.kind]} {change.schema.name} {labels.row(change.uuid)}"
        yield paint(what, change.kind)
        for column, before, after in change.columns():
            match change.kind:
                case "insert":
                    yield f"    {column.name}: {labels.value(column, after)}"
                case "delete":
                    yield f"    {column.name}: {labels.value(column, before)}"
                case _:
                    yield f"    {column.name}: {labels.changed(column, before, after)}"


def event_table(events: Iterable[Event]) -> Table:
    """The log as a table."""
    table = Table(["transaction", "date", "comment", "changes"])
    table.rows = [
        [Cell(event.number), Cell(format_date(event.date)), Cell(event.comment), Cell(summary(event))]
        for event in events
    ]
    return table


def change_table(changes: Iterable[RowChange], labels: Labels) -> Table:
    """Changes as a table: a line for each column, or for a row without any."""
    table = Table(["table", "row", "change", "column", "before", "after"])
    for change in changes:
        first = [change.schema.name, change.uuid, change.kind]
        columns = list(change.columns())
        for column, before, after in columns:
            old = labels.value(column, before) if change.old is not None else ""
            new = labels.value(column, after) if change.new is not None else ""
            table.rows.append([Cell(text) for text in (*first, column.name, old, new)])
        if not columns:
            table.rows.append([Cell(text) for text in (*first, "", "", "")])
    return table
