"""Giving a database another schema.

Tables and columns of the same name keep what they hold, if the new types allow it; others go, or begin with their
defaults.

Sources: ovsdb-server(7), "Convert"; ovsdb-tool(1), convert.
"""

from __future__ import annotations

from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Database, NewUuid
from vswitch.ovsdb.datum import datum_from_json, datum_to_json
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.schema import Schema, TableSchema
from vswitch.ovsdb.transaction import Transaction


def convert(database: Database, schema: Schema, new_uuid: NewUuid) -> Database:
    """The same rows under another schema; raises OvsdbError if they do not fit."""
    converted = Database(schema)
    transaction = Transaction(converted, new_uuid)
    for name, table in schema.tables.items():
        old = database.tables.get(name)
        if old is None:
            continue
        view = transaction.view(name)
        for uuid, row in old.rows.items():
            view.put(uuid, _converted(row, old.schema, table))
    if (commit := plan(transaction)) is not None:
        converted.apply(commit)
    return converted


def _converted(row: Row, old: TableSchema, new: TableSchema) -> Row:
    cells = list(new.default_row)
    cells[:2] = row[:2]
    for name, column in new.columns.items():
        before = old.columns.get(name)
        if before is None:
            continue
        datum = row[before.number]
        if before.type != column.type:
            datum = datum_from_json(datum_to_json(datum, before.type), column.type)
        cells[column.number] = datum
    return tuple(cells)
