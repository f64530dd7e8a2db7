"""A database copied out of a server, and back: `backup`, `restore`.

Sources: ovsdb-client(1), `backup` and `restore`; ovsdb(5) for the format.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from vswitch.base.jsontype import Json
from vswitch.base.options import CommandError
from vswitch.cli.dbclient.server import Server
from vswitch.ovsdb.column import Column, Layout, row_name
from vswitch.ovsdb.column import Table as TableLayout
from vswitch.ovsdb.journal import encode_record, read_records
from vswitch.ovsdb.jsontext import encode
from vswitch.ovsdb.schema import Schema


def backup(server: Server, database: str) -> None:
    """Write the schema and content of `database` to standard output, in the format of its files."""
    if sys.stdout.isatty():
        raise CommandError("not writing backup to a terminal; please redirect stdout to a file")
    layout = server.layout(database)
    content = {
        "_comment": 'produced by "ovsdb-client backup"',
        "_date": round(time.time() * 1000),  # noqa: TID251 - the door to the clock
        "_is_diff": True,
    }
    kept = {
        name: [column for column in table.columns() if not column.ephemeral]
        for name, table in layout.tables.items()
    }
    for name, rows in select_all(server, layout, kept).items():
        if rows:
            content[name] = {row.pop("_uuid")[1]: row for row in rows}
    sys.stdout.buffer.write(encode_record(layout.json) + encode_record(content))


def select_all(server: Server, layout: Layout, columns: dict[str, list[Column]]) -> dict[str, list[Json]]:
    """Every row of the tables in `columns`, with `_uuid` and those columns, from one transaction."""
    selects = [
        {"op": "select", "table": name, "where": [], "columns": ["_uuid", *(each.name for each in wanted)]}
        for name, wanted in columns.items()
    ]
    results = server.request("transact", layout.name, *selects)
    return {name: result["rows"] for name, result in zip(columns, results, strict=True)}


def restore(server: Server, database: str, *, force: bool) -> None:
    """Replace the content of `database` by that of the backup on standard input."""
    if sys.stdin.isatty():
        raise CommandError("not reading backup from a terminal; please redirect stdin from a file")
    schema_json, content = _read_backup()
    layout = server.layout(database)
    if not force and encode(Schema.from_json(schema_json).to_json()) != encode(
        Schema.from_json(layout.json).to_json()
    ):
        raise CommandError(
            "backup schema and database schema differ; convert the database first, or use --force"
        )
    deletes = [{"op": "delete", "table": name, "where": []} for name in layout.tables]
    results = server.request("transact", database, *deletes, *_inserts(layout, content))
    for result in results:
        if result is not None and "error" in result:
            raise CommandError(f"transaction returned error: {encode(result).decode()}")


def _read_backup() -> tuple[Json, dict[str, dict[str, Json]]]:
    """The schema, and each table's rows by UUID, of the backup on standard input."""
    records = [record.json for record in read_records(sys.stdin.buffer, "/dev/stdin")]
    if not records:
        raise CommandError("ovsdb error: /dev/stdin: cannot identify file type")
    content: dict[str, dict[str, Json]] = {}
    for record in records[1:]:
        for table, rows in record.items():
            if not table.startswith("_"):
                _apply(content.setdefault(table, {}), rows)
    return records[0], content


def _apply(table: dict[str, Json], rows: dict[str, Json]) -> None:
    for uuid, row in rows.items():
        if row is None:
            table.pop(uuid, None)
        else:
            table[uuid] = table.get(uuid, {}) | row


def _inserts(layout: Layout, content: dict[str, dict[str, Json]]) -> Iterator[Json]:
    """An insert for each row; rows refer to each other by names, because their UUIDs will be new."""
    uuids = {uuid for rows in content.values() for uuid in rows}
    for name, rows in content.items():
        if name in layout.tables:
            table = layout.tables[name]
            for uuid, row in rows.items():
                yield {
                    "op": "insert",
                    "table": name,
                    "uuid-name": row_name(uuid),
                    "row": _named(table, row, uuids),
                }


def _named(table: TableLayout, row: Json, uuids: set[str]) -> dict[str, Json]:
    return {
        name: table[name].to_json(table[name].from_json(value), uuids)
        for name, value in row.items()
        if name in table and not name.startswith("_")
    }
