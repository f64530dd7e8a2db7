"""The journal: a database on disk as the sequence of its transactions, in Open vSwitch's file format.

Each record is a line with the length and the SHA-1 of what follows, and then JSON:

    OVSDB JSON 127 326da6aaec74c1bd5763c4916e1b56bebac8916a
    {"Bridge":{"2f962165-…":{"other_config":["map",[["c","d"]]]}},"_date":1795384655818,"_is_diff":true}

The first record is the schema.  Every other is a transaction: for each changed row its changed columns, or null if it
was deleted.  With `_is_diff`, a changed column of a row that was there before holds the difference (see datum); older
files hold the new value.  Columns that the schema calls ephemeral are left out.

A file can end in the middle of a record, because the machine did: everything after the last good record that is not
the beginning of another is `Torn`, and the owner of the file may cut it off.  Damage anywhere else is `Damaged`.

Sources: ovsdb(5), "Standalone format"; OVS writes `_is_diff` since 2.15.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.ovsdb.atom import Uuid, is_uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Commit, Database, NewUuid, Reference, Table
from vswitch.ovsdb.datum import Datum, apply_difference, datum_from_json, difference
from vswitch.ovsdb.digest import sha1
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.jsontext import LITTLE, Json, JsonError, decode, encode, expect_much
from vswitch.ovsdb.schema import ColumnSchema, Schema, TableSchema

MAGIC = b"OVSDB JSON "
CLUSTER_MAGIC = b"OVSDB CLUSTER "  # of files that hold the log of a Raft cluster instead: see cluster.raft
_HEADER = re.compile(rb"OVSDB (?:JSON|CLUSTER) ([0-9]{1,19}) ([0-9a-f]{40})\n")
_PART_OF_HEADER = re.compile(rb"OVSDB (?:JSON|CLUSTER) [0-9]{1,19}(?: [0-9a-f]{0,40})?")
_MAX_HEADER = 80
ROWS_AT_ONCE = 500  # of a snapshot, encoded in one piece


class JournalError(VswitchError):
    """The file is not a journal that can be used; the message says why and at which offset."""


class Torn(JournalError):  # noqa: N818 - a state of affairs
    """The file ends, at `offset`, in a record that did not come to the disk as a whole."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Damaged(JournalError):  # noqa: N818 - a state of affairs
    """A record is not what was written."""


def encode_record(json: Json, magic: bytes = MAGIC) -> bytes:
    """The record that holds `json`."""
    body = encode(json) + b"\n"
    return b"%s%d %s\n%s" % (magic, len(body), sha1(body).encode(), body)


def record_pieces(json: Json) -> Iterable[bytes]:
    """The same, in pieces if it has ManyRows: to copy a gigabyte takes seconds, in which no other thread has its turn."""
    if not isinstance(json, dict) or not any(isinstance(value, ManyRows) for value in json.values()):
        return [encode_record(json)]
    body: list[bytes] = []
    for name, value in sorted(json.items()):
        body.append((b"," if body else b"{") + encode(name) + b":")
        body += value.pieces if isinstance(value, ManyRows) else [encode(value)]
    body.append(b"}\n")
    header = b"%s%d %s\n" % (MAGIC, sum(map(len, body)), sha1(*body).encode())
    return [header, *body]


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read: its value, and where it ends in the file."""

    json: Json
    offset: int
    end: int


def read_records(file: BinaryIO, name: str, magic: bytes = MAGIC) -> Iterator[Record]:
    """The records of `file`, from its beginning; raises Torn or Damaged after the last good one."""
    offset = 0
    while header := file.read(_MAX_HEADER):
        try:
            record = _read_record(file, name, offset, header, magic)
        except JournalError as error:
            if _is_unfinished(file, offset):
                raise Torn(str(error), offset) from None
            raise Damaged(str(error)) from None
        yield record
        offset = record.end
        if offset > LITTLE:
            expect_much()
        file.seek(offset)


def _read_record(file: BinaryIO, name: str, offset: int, header: bytes, magic: bytes) -> Record:
    match = _HEADER.match(header) if header.startswith(magic) else None
    if match is None and header.startswith(CLUSTER_MAGIC):
        raise JournalError(f"ovsdb error: {name}: cannot apply this operation to clustered database file")
    if match is None and offset == 0 and not header.startswith(magic):
        raise JournalError(f"ovsdb error: {name}: unexpected file format")
    if match is None:
        line = header.split(b"\n")[0].decode(errors="replace")
        raise JournalError(f'syntax error: {name}: parse error at offset {offset} in header line "{line}"')
    length, start = int(match[1]), offset + match.end()
    file.seek(start)
    body = file.read(length)
    if len(body) < length:
        raise JournalError(
            f"I/O error: {name}: error reading {length} bytes starting at offset {start} (End of file)"
        )
    digest = sha1(body)
    if digest != match[2].decode():
        raise JournalError(
            f"syntax error: {name}: {length} bytes starting at offset {start} have SHA-1 hash {digest} "
            f"but should have hash {match[2].decode()}"
        )
    try:
        json = decode(body)
    except JsonError as error:
        raise JournalError(
            f"syntax error: {name}: {length} bytes starting at offset {start} are not valid JSON ({error})"
        ) from None
    if not isinstance(json, dict):
        raise JournalError(
            f"syntax error: {name}: {length} bytes starting at offset {start} are not a JSON object"
        )
    return Record(json, offset, start + length)


def _is_unfinished(file: BinaryIO, offset: int) -> bool:
    """Whether `file` ends in the part of a record, at `offset`, that came to the disk before the power went.

    That is a piece from its beginning, or one with zeros where the disk has not been written: no record has any.
    """
    file.seek(offset + 1)
    if _has_header(file):
        return False
    file.seek(offset)
    header = file.read(_MAX_HEADER)
    if (match := _HEADER.match(header)) is None:
        begins = any(magic.startswith(header) for magic in (MAGIC, CLUSTER_MAGIC))
        return begins or b"\0" in header or _PART_OF_HEADER.fullmatch(header) is not None
    file.seek(offset + match.end())
    body = file.read(int(match[1]))
    return len(body) < int(match[1]) or b"\0" in body


def _has_header(file: BinaryIO) -> bool:
    """Whether another record begins somewhere in the rest of `file`; within JSON, no line ends as a header does."""
    tail = b""
    while piece := file.read(1 << 20):
        tail += piece
        if _HEADER.search(tail):
            return True
        tail = tail[-_MAX_HEADER:]
    return False


def commit_to_json(
    commit: Commit, schema: Schema, date: int, *, with_differences: bool = True
) -> Json | None:
    """The record of `commit`, made at `date` (ms since 1970); None if there is nothing to remember of it."""
    json: dict[str, Json] = {}
    for name, changes in commit.changes.items():
        table = schema.tables[name]
        rows: dict[str, Json] = {}
        for uuid, (old, new) in changes.items():
            if new is None:
                rows[uuid] = None
            elif cells := _cells(table, old, new, with_differences):
                rows[uuid] = cells
            elif old is None:
                rows[uuid] = {}
        if rows:
            json[name] = rows
    if not json and not commit.comment:
        return None
    if with_differences:
        json["_is_diff"] = True
    if commit.comment:
        json["_comment"] = commit.comment
    json["_date"] = date
    return json


def _cells(table: TableSchema, old: Row | None, new: Row, with_differences: bool) -> dict[str, Json]:
    """The columns of a row that changed; of a new row, those that do not hold their default."""
    cells = {}
    before = table.default_row if old is None else old
    for column in table.persistent:
        number = column.number
        a, b = before[number], new[number]
        if a is not b and a != b:
            datum = difference(a, b, column.type) if with_differences and old is not None else b
            cells[column.name] = column.write(datum)
    return cells


def snapshot(database: Database, date: int, comment: str) -> Iterator[Json]:
    """The records of a journal that holds just the present state."""
    yield database.schema.to_json()
    record: dict[str, Json] = {
        name: _every_row(table) for name, table in database.tables.items() if table.rows
    }
    if record or comment:
        record["_is_diff"] = True
        if comment:
            record["_comment"] = comment
        record["_date"] = date
        yield record


@dataclass(frozen=True, slots=True)
class ManyRows:
    """The rows of a table as JSON text, in pieces: so other threads have their turn between them."""

    pieces: list[bytes]


def _every_row(table: Table) -> Json:
    """All rows; many are encoded at once, some hundred at a time."""
    rows = ((uuid, _cells(table.schema, None, row, True)) for uuid, row in table.rows.items())
    if len(table.rows) <= ROWS_AT_ONCE:
        return dict(rows)
    expect_much()
    pieces = [b"{"]
    while piece := dict(islice(rows, ROWS_AT_ONCE)):
        if len(pieces) > 1:
            pieces.append(b",")
        pieces.append(encode(piece)[1:-1])
    return ManyRows([*pieces, b"}"])


def load(records: Iterator[Record], name: str, new_uuid: NewUuid) -> Database:
    """The database that a journal's records amount to; raises JournalError."""
    first = next(records, None)
    if first is None:
        raise JournalError(f"ovsdb error: {name}: cannot identify file type")
    try:
        database = Database(Schema.from_json(first.json))
    except OvsdbError as error:
        raise JournalError(f"{name}: {error}") from None
    for record in records:
        try:
            replay(database, record.json, new_uuid())
        except OvsdbError as error:
            raise JournalError(
                f"ovsdb error: {name}: transaction at offset {record.offset}: {error}"
            ) from None
    rebuild(database)
    return database


def replay(database: Database, json: dict[str, Json], id: Uuid) -> None:
    """Bring a record into effect, without the bookkeeping: rebuild() does that once for all records."""
    is_diff = json.get("_is_diff") is True
    for name, rows in json.items():
        if name.startswith("_"):
            continue
        table = database.tables.get(name)
        if table is None:
            raise OvsdbError(f"No table named {name}.", tag="unknown table")
        if not isinstance(rows, dict):
            raise OvsdbError("object expected", tag="syntax error")
        for uuid_text, cells in rows.items():
            if not is_uuid(uuid_text):
                raise OvsdbError(f'"{uuid_text}" is not a valid UUID', tag="syntax error")
            uuid = Uuid(uuid_text.lower())
            if cells is None:
                if table.rows.pop(uuid, None) is None:
                    raise OvsdbError(f"No row {uuid} in table {name}.", tag="inconsistent data")
            else:
                table.rows[uuid] = replayed_row(
                    table.schema, table.rows.get(uuid), cells, uuid, (id,), is_diff
                )
    database.last_id = id


def replayed_row(
    schema: TableSchema, old: Row | None, cells: Json, uuid: Uuid, version: Datum, is_diff: bool
) -> Row:
    """What a record makes of a row; raises OvsdbError."""
    row = list(schema.default_row if old is None else old)
    row[0], row[1] = (uuid,), version
    for name, value in cells.items():
        column = schema.columns.get(name)
        if column is None:
            raise OvsdbError(f"No column {name} in table {schema.name}.", tag="unknown column")
        if old is not None and is_diff:
            row[column.number] = apply_difference(
                row[column.number], diff_from_json(value, column), column.type
            )
        else:
            row[column.number] = column.read(value)
    return tuple(row)


def diff_from_json(json: Json, column: ColumnSchema) -> Datum:
    """A difference() of that column: it can have up to twice as many elements as the column."""
    return datum_from_json(json, column.type.for_difference())


def rebuild(database: Database) -> None:
    """Make the indexes and reference counts of tables whose rows were put directly; raises OvsdbError."""
    for table in database.tables.values():
        for number, index in enumerate(table.indexes):
            for uuid, row in table.rows.items():
                index[table.index_key(number, row)] = uuid
            if len(index) != len(table.rows):
                raise JournalError(f'table "{table.schema.name}" has rows with identical values for an index')
    for name, table in database.tables.items():
        for reference in table.references:
            number = reference.column.number
            for uuid, row in table.rows.items():
                if row[number]:
                    _count(database, reference, name, uuid, row[number])


def _count(database: Database, reference: Reference, name: str, uuid: Uuid, datum: Datum) -> None:
    for target_table, target in reference.strong(datum):
        table = database.tables[target_table]
        if target not in table.rows:
            raise JournalError(
                f"Table {name} column {reference.column.name} row {uuid} references nonexistent row {target} "
                f"in table {target_table}."
            )
        if (target_table, target) != (name, uuid):
            table.n_strong[target] = table.n_strong.get(target, 0) + 1
    for target_table, target in reference.weak(datum):
        holders = database.tables[target_table].weak_holders.setdefault(target, {})
        holders[name, uuid] = holders.get((name, uuid), 0) + 1
