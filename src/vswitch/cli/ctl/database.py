"""The commands that work on any table of any database.

Sources: ovs-vsctl(8), "Database Commands"; OVS lib/db-ctl-base.c for the messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json
from vswitch.base.options import CommandError
from vswitch.cli.command import warn
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.expression import OPERATORS, parse_column, parse_expression, satisfies
from vswitch.cli.ctl.names import find_column, find_row, find_table, must_find_row
from vswitch.cli.table import Cell
from vswitch.cli.table import Table as PrintedTable
from vswitch.ovsdb.column import UNLIMITED, UUID_COLUMN, Column, Table
from vswitch.ovsdb.commit import NotYet
from vswitch.ovsdb.replica import Row
from vswitch.ovsdb.valuetext import (
    Symbols,
    format_atom,
    format_value,
    is_uuid,
    parse_atom,
    parse_items,
    parse_value,
)

commands = Commands()
_LOG = "db_ctl_base"


# --- what they need ---


def _needs_column(wanting: Wanting, table: Table, text: str) -> None:
    wanting.want(table.name, parse_column(text, table)[0].name)


def _needs_selected(wanting: Wanting, typed: str, *more: str) -> None:
    """For `list` and `find`: the columns printed, and those that conditions look at."""
    table = find_table(wanting.layout, typed)
    wanting.want_rows(table.name)
    names = [column.name for column in _selected(table, wanting.options) if column is not UUID_COLUMN]
    wanting.want(table.name, *names)


def _needs_found(wanting: Wanting, typed: str, *conditions: str) -> None:
    _needs_selected(wanting, typed)
    table = find_table(wanting.layout, typed)
    for condition in conditions:
        _needs_column(wanting, table, condition)


def _needs_row(wanting: Wanting, typed: str, *more: str) -> None:
    wanting.want_rows(find_table(wanting.layout, typed).name)


def _needs_got(wanting: Wanting, typed: str, record: str, *columns: str) -> None:
    table = find_table(wanting.layout, typed)
    wanting.want_rows(table.name)
    for text in columns:
        if not _is_uuid_column(text):
            _needs_column(wanting, table, text)


def _needs_awaited(wanting: Wanting, typed: str, record: str, *conditions: str) -> None:
    table = find_table(wanting.layout, typed)
    wanting.want_rows(table.name)
    for condition in conditions:
        _needs_column(wanting, table, condition)


def _needs_set(wanting: Wanting, typed: str, record: str, *settings: str) -> None:
    table = find_table(wanting.layout, typed)
    wanting.want_rows(table.name)
    for setting in settings:
        _needs_column(wanting, table, setting)


def _needs_changed(wanting: Wanting, typed: str, record: str, column: str, *values: str) -> None:
    table = find_table(wanting.layout, typed)
    wanting.want_rows(table.name)
    wanting.want(table.name, find_column(table, column).name)


def _needs_cleared(wanting: Wanting, typed: str, record: str, *columns: str) -> None:
    for column in columns:
        _needs_changed(wanting, typed, record, column)


def _needs_created(wanting: Wanting, typed: str, *settings: str) -> None:
    table = find_table(wanting.layout, typed)
    wanting.want(table.name)
    if "--id" not in wanting.options and not table.is_root:
        warn(
            _LOG,
            f'applying "create" command to table {table.name} without --id option will have no effect',
        )


# --- reading ---


def _selected(table: Table, options: dict[str, str | None]) -> list[Column]:
    """The columns to print: those of --columns, or all, beginning with _uuid."""
    typed = options.get("--columns")
    if typed is None:
        return [UUID_COLUMN, *table.columns()]
    names = typed.replace(",", " ").split()
    if not names:
        raise CommandError("must specify at least one column name")
    return [UUID_COLUMN if _is_uuid_column(name) else find_column(table, name) for name in names]


def _is_uuid_column(typed: str) -> bool:
    return typed.lower() == "_uuid"


def _print_rows(context: Context, rows: list[Row], columns: list[Column]) -> PrintedTable:
    printed = PrintedTable(column.name for column in columns)
    get = context.transaction.get
    for row in rows:
        printed.rows.append([Cell(get(row, column.name), column) for column in columns])
    return printed


def _all_rows(context: Context, table: Table) -> list[Row]:
    return sorted(context.transaction.rows(table.name), key=lambda row: str(row.uuid))


@commands("list", "!TABLE *RECORD", "--if-exists --columns=", needs=_needs_selected)
def list_(context: Context, typed: str, *records: str) -> PrintedTable:
    """Print the records named, or all."""
    table = _table(context, typed)
    columns = _selected(table, context.options)
    rows = [row for record in records if (row := _row(context, table, record))]
    return _print_rows(context, rows if records else _all_rows(context, table), columns)


@commands("find", "!TABLE *COLUMN?:KEY=VALUE", "--columns=", needs=_needs_found)
def find(context: Context, typed: str, *conditions: str) -> PrintedTable:
    """Print the records that meet all conditions."""
    table = _table(context, typed)
    rows = [row for row in _all_rows(context, table) if _meets(context, table, row, conditions)]
    return _print_rows(context, rows, _selected(table, context.options))


def _meets(context: Context, table: Table, row: Row, conditions: tuple[str, ...]) -> bool:
    for text in conditions:
        condition = parse_expression(text, table, OPERATORS)
        value = context.transaction.get(row, condition.column.name)
        if not satisfies(condition, value, _symbols(context, condition.column)):
            return False
    return True


@commands("get", "!TABLE !RECORD *COLUMN?:KEY", "--if-exists --id=", needs=_needs_got)
def get(context: Context, typed: str, record: str, *columns: str) -> Iterator[str]:
    """Print the values of columns, each on a line of its own; with --id, give the record an `@name`."""
    table = _table(context, typed)
    row = _row(context, table, record)
    if row is None:
        return
    name = context.options.get("--id")
    if name is not None:
        symbol = context.create_symbol(name)
        symbol.uuid = row.uuid
        symbol.strong = True  # the row is there already, whether or not anything refers to it
    for text in columns:
        yield _got(context, table, row, record, text)


def _got(context: Context, table: Table, row: Row, record: str, text: str) -> str:
    if _is_uuid_column(text):
        return str(row.uuid)
    wanted = parse_expression(text, table)
    column = wanted.column
    context.transaction.verify(row, column.name)
    value = context.transaction.get(row, column.name)
    if wanted.key is None:
        return format_value(value, column)
    if column.map_value is None:
        raise CommandError(f"cannot specify key to get for non-map column {column.name}")
    key = parse_atom(wanted.key, column.key, _symbols(context, column))
    if key in value:
        return format_atom(value[key], column.map_value)
    if "--if-exists" in context.options:
        return ""
    raise CommandError(f'no key "{wanted.key}" in {table.name} record "{record}" column {column.name}')


@commands("wait-until", "!TABLE !RECORD *COLUMN?:KEY=VALUE", needs=_needs_awaited)
def wait_until(context: Context, typed: str, record: str, *conditions: str) -> None:
    """Go on only when the record exists and meets all conditions."""
    table = _table(context, typed)
    row = find_row(context.transaction, context.row_ids, table, record)
    if row is None or not _meets(context, table, row, conditions):
        raise NotYet


# --- writing ---


@commands("set", "!TABLE !RECORD +COLUMN?:KEY=VALUE", "--if-exists", needs=_needs_set, changes=True)
def set_(context: Context, typed: str, record: str, *settings: str) -> None:
    """Set columns, or the values of keys in map columns."""
    table = _table(context, typed)
    row = _row(context, table, record)
    if row is not None:
        for setting in settings:
            set_column(context, table, row, setting)


def set_column(context: Context, table: Table, row: Row, text: str) -> None:
    """Do to `row` what `COLUMN[:KEY]=VALUE` says."""
    setting = parse_expression(text, table, ("=",))
    column = setting.column
    _check_mutable(context, row, column)
    symbols = _symbols(context, column)
    if setting.key is None:
        context.transaction.set(row, column.name, parse_value(setting.value, column, symbols))
        return
    if column.map_value is None:
        raise CommandError(f"cannot specify key to set for non-map column {column.name}")
    key = parse_atom(setting.key, column.key, symbols)
    value = parse_atom(setting.value, column.map_value, symbols)
    context.transaction.put(row, column.name, [(key, value)])


@commands("add", "!TABLE !RECORD !COLUMN +?KEY=VALUE", "--if-exists", needs=_needs_changed, changes=True)
def add(context: Context, typed: str, record: str, column_name: str, *values: str) -> None:
    """Put values into a set, or pairs into a map."""
    table = _table(context, typed)
    column = find_column(table, column_name)
    row = _row(context, table, record)
    if row is None:
        return
    _check_mutable(context, row, column)
    anything = column.variant(key=column.key, map_value=column.map_value, n_min=1, n_max=UNLIMITED)
    for text in values:
        items = parse_items(text, anything, _symbols(context, column))
        if column.is_map:
            context.transaction.put(row, column.name, items)
        else:
            context.transaction.add(row, column.name, items)


@commands(
    "remove",
    "!TABLE !RECORD !COLUMN +KEY|VALUE|KEY=VALUE",
    "--if-exists",
    needs=_needs_changed,
    changes=True,
)
def remove(context: Context, typed: str, record: str, column_name: str, *values: str) -> None:
    """Take values out of a set; keys, or pairs that match, out of a map."""
    table = _table(context, typed)
    column = find_column(table, column_name)
    row = _row(context, table, record)
    if row is None:
        return
    _check_mutable(context, row, column)
    transaction = context.transaction
    transaction.verify(row, column.name)
    for text in values:
        gone = _to_remove(context, transaction.get(row, column.name), column, text)
        transaction.remove(row, column.name, gone)
    count = len(column.items(transaction.get(row, column.name)))
    if count < column.n_min:
        what = "pairs" if column.is_map else "values"
        raise CommandError(
            f'"remove" operation would put {count} {what} in column {column.name} of table {table.name} '
            f"but the minimum number is {column.n_min}"
        )


def _to_remove(context: Context, old: Json, column: Column, text: str) -> list[Json]:
    """The atoms, or the keys of the pairs, that `text` tells to remove."""
    symbols = _symbols(context, column)
    anything = column.variant(key=column.key, map_value=column.map_value, n_min=1, n_max=UNLIMITED)
    if not column.is_map:
        return parse_items(text, anything, symbols)
    try:
        pairs = parse_items(text, anything, symbols)
    except TextError:
        keys = column.variant(key=column.key, map_value=None, n_min=1, n_max=UNLIMITED)
        return parse_items(text, keys, symbols)
    return [key for key, value in pairs if key in old and old[key] == value]


@commands("clear", "!TABLE !RECORD +COLUMN", "--if-exists", needs=_needs_cleared, changes=True)
def clear(context: Context, typed: str, record: str, *column_names: str) -> None:
    """Empty columns."""
    table = _table(context, typed)
    row = _row(context, table, record)
    if row is None:
        return
    for name in column_names:
        column = find_column(table, name)
        _check_mutable(context, row, column)
        if column.n_min > 0:
            raise CommandError(
                f'"clear" operation cannot be applied to column {column.name} of table {table.name}, '
                "which is not allowed to be empty"
            )
        context.transaction.set(row, column.name, column.value([]))


@commands("create", "!TABLE +COLUMN?:KEY=VALUE", "--id=", needs=_needs_created, changes=True)
def create(context: Context, typed: str, *settings: str) -> None:
    """Insert a record and print its UUID; with --id, give it an `@name`, or the UUID."""
    table = _table(context, typed)
    name = context.options.get("--id")
    keeps_uuid = name is not None and is_uuid(name)
    if name is None or keeps_uuid:
        row = context.transaction.insert(table.name, name and name.lower(), keeps_uuid=keeps_uuid)
    else:
        symbol = context.create_symbol(name)
        symbol.strong |= table.is_root  # such a row stays even if nothing refers to it
        row = context.transaction.insert(table.name, symbol.uuid)
    for setting in settings:
        set_column(context, table, row, setting)
    context.new_rows.append((context.invocation, row))


@commands("destroy", "!TABLE *RECORD", "--if-exists --all", needs=_needs_row, changes=True)
def destroy(context: Context, typed: str, *records: str) -> None:
    """Delete the records named, or with --all all of the table."""
    table = _table(context, typed)
    everything = "--all" in context.options
    if everything and "--if-exists" in context.options:
        raise CommandError("--all and --if-exists should not be specified together")
    if everything and records:
        raise CommandError("--all and records argument should not be specified together")
    if not everything and not records:
        warn(_LOG, "either --all or records argument should be specified")
    for row in [*context.transaction.rows(table.name)] if everything else ():
        context.transaction.delete(row)
    for record in records:
        named = _row(context, table, record)
        if named is not None:
            context.transaction.delete(named)


@commands("comment", "*ARG")
def comment(context: Context, *words: str) -> None:
    """Do nothing: what is in the database's log is the command line, and so the words."""


# --- common parts ---


def _table(context: Context, typed: str) -> Table:
    layout = context.transaction.replica.layout
    assert layout is not None
    return find_table(layout, typed)


def _check_mutable(context: Context, row: Row, column: Column) -> None:
    """Raise CommandError for a column that is written once, when its row is made."""
    if not column.mutable and row.uuid not in context.transaction.inserted:
        raise CommandError(f"cannot modify read-only column {column.name} in table {row.table}")


def _row(context: Context, table: Table, record: str) -> Row | None:
    """The record named; None if it does not exist and --if-exists allows that."""
    find = find_row if "--if-exists" in context.options else must_find_row
    return find(context.transaction, context.row_ids, table, record)


def _symbols(context: Context, column: Column) -> Symbols:
    """What `@name` means where a value of `column` is written."""
    bases = [column.key, column.map_value] if column.map_value else [column.key]
    strong = any(base.ref_table is not None and not base.weak for base in bases)
    weak = any(base.ref_table is not None and base.weak for base in bases)
    return lambda name: context.symbol(name, weak=weak, strong=strong)
