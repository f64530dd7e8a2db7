"""ovsdb-tool show-log: the records of a journal, for people.

Sources: ovsdb-tool(1), show-log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from vswitch.base.options import CommandError
from vswitch.cli.dbtool.headers import cannot_read
from vswitch.ovsdb.datum import Datum, datum_from_json, datum_to_text
from vswitch.ovsdb.journal import diff_from_json, read_records
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import Schema, TableSchema


def show_log(path: str, more: int) -> Iterator[str]:
    """Print the records: what they say if `more`, and the columns if it is above 1."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - to import pathlib takes 8 ms
            log: LogPrinter | None = None
            for number, record in enumerate(read_records(file, path)):
                if log is None:
                    schema = Schema.from_json(record.json)
                    log = LogPrinter(schema, more)
                    yield f'record 0: "{schema.name}" schema, version="{schema.version}", cksum="{schema.cksum}"\n'
                else:
                    yield from log.lines(number, record.json)
        if log is None:
            raise CommandError(f"ovsdb error: {path}: cannot identify file type")
    except OSError as error:
        raise cannot_read(path, error) from None


def heading(json: dict[str, Json]) -> str:
    """When a record was made, and why."""
    line = ""
    if isinstance(date := json.get("_date"), int):
        second, millisecond = divmod(date, 1000)
        line += time.strftime(" %Y-%m-%d %H:%M:%S", time.gmtime(second)) + f".{millisecond:03}"
    if isinstance(comment := json.get("_comment"), str):
        line += f' "{comment}"'
    return line


class LogPrinter:
    """Prints transactions; it follows the names of rows, so as to call them what people call them."""

    def __init__(self, schema: Schema, more: int) -> None:
        self.schema = schema  # may be replaced by another
        self._more = more
        self._names: dict[str, str] = {}  # by UUID

    def lines(self, number: int, json: dict[str, Json]) -> Iterator[str]:
        """One record."""
        yield f"record {number}:{heading(json)}"
        yield from self.rows(json)

    def rows(self, json: dict[str, Json]) -> Iterator[str]:
        """What a record changes."""
        if self._more:
            for table, rows in json.items():
                if not table.startswith("_"):
                    for uuid, row in rows.items():
                        yield from self._row(
                            self.schema.tables[table], uuid, row, json.get("_is_diff") is True
                        )
            yield ""

    def _row(
        self, table: TableSchema, uuid: str, row: dict[str, Json] | None, is_diff: bool
    ) -> Iterator[str]:
        is_new = uuid not in self._names
        if row is not None and isinstance(name := row.get("name"), str):
            self._names[uuid], label = name, self._names.get(uuid) or name
        else:
            label = self._names.setdefault(uuid, "")
        known = f'"{label}"' if label else uuid[:8]
        shown = uuid[:8] if is_new and not label else f"{known} ({uuid[:8]})"
        if row is None:
            yield f"  table {table.name} row {shown}{' diff' if is_diff else ''}:"
            yield "    delete row"
            del self._names[uuid]
            return
        if is_new:
            yield f"  table {table.name} insert row {shown}:"
        else:
            yield f"  table {table.name} row {shown}{' diff' if is_diff else ''}:"
        if self._more > 1:
            for name, value in row.items():
                yield f"    {name}={self._value(table, name, value, is_diff and not is_new)}"

    def _value(self, table: TableSchema, name: str, json: Json, is_diff: bool) -> str:
        column = table.columns[name]
        datum: Datum
        datum = diff_from_json(json, column) if is_diff else datum_from_json(json, column.type)
        return datum_to_text(datum, column.type)
