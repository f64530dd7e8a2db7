"""How people may write the names of tables, columns and records.

Tables and columns: any unique prefix, in any case, with `-` for `_`.  Records: a UUID, four or more digits that one
begins with, or, where `ROW_IDS` says so, a name: the row's own, or that of a row which refers to it.

Sources: ovs-vsctl(8), "Database Commands"; OVS lib/db-ctl-base.c for the order of preference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vswitch.base.options import CommandError
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.column import Column, Layout, Table
from vswitch.ovsdb.replica import Row
from vswitch.ovsdb.valuetext import is_uuid, parse_atom

_HEX = frozenset("0123456789abcdefABCDEF-")
_FEWEST_DIGITS = 4  # of a UUID that is not written out


class RowId:
    """A way to name a row of a table: the row, of `table`, whose `name` column matches.

    Without `reference`, that is the row meant; else the row meant is the only one that its column `reference`
    refers to.  No `name`: the only row of the table, named `.`.
    """

    __slots__ = ("name", "reference", "table")

    def __init__(self, table: str, name: str = "", reference: str = "") -> None:
        self.table = table
        self.name = name
        self.reference = reference


RowIds = Mapping[str, RowId]  # by table


def _canonical(name: str) -> str:
    return name.lower().replace("-", "_")


def matches(typed: str, names: Iterable[str]) -> list[str]:
    """The names that `typed` means: the exact one, or the one equal but for case and `-`, or all it begins."""
    names = list(names)
    if typed in names:
        return [typed]
    wanted = _canonical(typed)
    if not wanted:
        return []
    return [name for name in names if _canonical(name) == wanted] or [
        name for name in names if _canonical(name).startswith(wanted)
    ]


def find_table(layout: Layout, typed: str) -> Table:
    """The table that a user means by `typed`."""
    found = matches(typed, layout.tables)
    if not found:
        raise CommandError(f'unknown table "{typed}"')
    if len(found) > 1:
        raise CommandError(f'"{typed}" matches multiple table names: {", ".join(found)}')
    return layout.tables[found[0]]


def find_column(table: Table, typed: str) -> Column:
    """The column that a user means by `typed`; `_uuid` is not one of them."""
    found = matches(typed, table)
    if not found:
        raise CommandError(f'{table.name} does not contain a column whose name matches "{typed}"')
    if len(found) > 1:
        raise CommandError(
            f'{table.name} contains more than one column whose name matches "{typed}": {", ".join(found)}'
        )
    return table[found[0]]


def find_row(transaction: Transaction, row_ids: RowIds, table: Table, typed: str) -> Row | None:
    """The row of `table` that a user means by `typed`; None if there is none."""
    if is_uuid(typed):
        return transaction.row(table.name, typed.lower())
    row_id = row_ids.get(table.name)
    row = _named_row(transaction, row_id, table, typed) if row_id and row_id.name else None
    if row is None and typed == ".":
        rows = list(transaction.rows(table.name))
        return rows[0] if len(rows) == 1 else None
    if row is None and len(typed) >= _FEWEST_DIGITS and _HEX.issuperset(typed):
        row = _row_by_prefix(transaction, table, typed.lower())
    return row


def must_find_row(transaction: Transaction, row_ids: RowIds, table: Table, typed: str) -> Row:
    """As find_row(), but it is an error if there is none."""
    row = find_row(transaction, row_ids, table, typed)
    if row is None:
        raise CommandError(f'no row "{typed}" in table {table.name}')
    return row


def _named_row(transaction: Transaction, row_id: RowId, table: Table, typed: str) -> Row | None:
    column = transaction.tables[row_id.table][row_id.name]
    try:
        wanted = typed if column.key.kind == "string" else parse_atom(typed, column.key)
    except Exception:
        return None
    found: Sequence[Row]
    if column.n_min == column.n_max == 1:
        found = transaction.having(row_id.table, row_id.name, wanted)
    else:
        found = [row for row in transaction.rows(row_id.table) if transaction.get(row, row_id.name) == wanted]
    if len(found) > 1:
        raise CommandError(f'multiple rows in {row_id.table} match "{typed}"')
    if not found or not row_id.reference:
        return found[0] if found else None
    reference = transaction.tables[row_id.table][row_id.reference]
    targets = reference.items(transaction.get(found[0], row_id.reference))
    return transaction.row(table.name, targets[0]) if len(targets) == 1 else None


def _row_by_prefix(transaction: Transaction, table: Table, digits: str) -> Row | None:
    found = [row for row in transaction.rows(table.name) if row.uuid.startswith(digits)]
    if len(found) > 1:
        raise CommandError(
            f"{table.name} contains 2 or more rows whose UUIDs begin with {digits}: "
            f"at least {found[0].uuid} and {found[1].uuid}"
        )
    return found[0] if found else None
