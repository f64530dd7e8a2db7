"""`show`: a database as a tree of records, each with the columns worth seeing.

Sources: ovs-vsctl(8), vtep-ctl(8), `show`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.cli.ctl.context import Context, Wanting
from vswitch.ovsdb.replica import Row
from vswitch.ovsdb.valuetext import format_atom, format_value

_INDENT = " " * 4


class Shown:
    """How records of a table are shown: their `name` column, and the columns below it, in order."""

    __slots__ = ("columns", "name")

    def __init__(self, name: str, *columns: str) -> None:
        self.name = name
        self.columns = columns


class Tree:
    """The tables that `show` shows; the first one is the root."""

    def __init__(self, tables: Mapping[str, Shown]) -> None:
        self.tables = tables

    def needs(self, wanting: Wanting, *words: str) -> None:
        """What the replica must hold for lines()."""
        for table, shown in self.tables.items():
            wanting.want(table, *filter(None, [shown.name]), *shown.columns)

    def lines(self, context: Context) -> Iterator[str]:
        """The whole tree."""
        first = next(iter(self.tables))
        for row in sorted(context.transaction.rows(first), key=lambda row: str(row.uuid)):
            yield from self._row(context, row, "", ())

    def _row(self, context: Context, row: Row, indent: str, above: tuple[str, ...]) -> Iterator[str]:
        shown = self.tables[row.table]
        if shown.name:
            yield f"{indent}{row.table} {self._name(context, row)}"
        else:
            yield f"{indent}{row.uuid}"
        for name in shown.columns:
            if name in row:
                yield from self._column(context, row, name, indent + _INDENT, (*above, row.table))

    def _column(
        self, context: Context, row: Row, name: str, indent: str, above: tuple[str, ...]
    ) -> Iterator[str]:
        """What refers to a table that is shown: those rows, or in a map their names; else what is not the default."""
        column = context.transaction.column(row, name)
        value = context.transaction.get(row, name)
        referred = column.map_value.ref_table if column.map_value else column.key.ref_table
        if referred is not None and referred in self.tables and referred not in above:
            if column.is_map:
                yield f"{indent}{name}:"
            for item in column.items(value):
                target = context.transaction.row(referred, item[1] if column.is_map else item)
                if target is None:
                    continue
                if column.is_map:
                    yield f"{indent}{_INDENT}{format_atom(item[0], column.key)}={self._name(context, target)}"
                else:
                    yield from self._row(context, target, indent, above)
        elif value != column.default:
            yield f"{indent}{name}: {format_value(value, column)}"

    def _name(self, context: Context, row: Row) -> str:
        """What a row is called."""
        name = self.tables[row.table].name
        column = context.transaction.column(row, name)
        return format_value(context.transaction.get(row, name), column)
