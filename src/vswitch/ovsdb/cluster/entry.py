"""What the entries and snapshots of a shared log say: transactions and schemas, as JSON.

An entry holds the transactions that one server made in one go, each with the id by which monitors know it: so the ids
are the same on every server, and a client that moves to another one gets what it missed and no more.  As in a
clustered file of Open vSwitch, a transaction is a record as a journal has it; with a schema, a change of schema, the
record is all there is under the new one.

    entry     {"server": UUID, "transactions": [[ID, SCHEMA or null, RECORD], …]}
    snapshot  {"id": ID, "schema": SCHEMA, "record": RECORD}

Sources: ovsdb(5), "Standalone Format", "Clustered Format".
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.base.dataclass import dataclass, replace
from vswitch.ovsdb.atom import ZERO_UUID, Uuid, is_uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.integrity import replayed
from vswitch.ovsdb.journal import rebuild, replay, replayed_row, snapshot
from vswitch.ovsdb.jsontext import Json, decode, encode
from vswitch.ovsdb.schema import N_IMPLICIT, Schema
from vswitch.ovsdb.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction, or one change of schema."""

    id: Uuid
    record: Json
    schema: Schema | None = None  # a change: the record is everything


@dataclass(frozen=True, slots=True)
class Batch:
    """What an entry says: what `server` did."""

    server: Uuid
    steps: tuple[Step, ...]


def encode_batch(batch: Batch) -> bytes:
    """The body of an entry."""
    steps = [[step.id, step.schema and step.schema.to_json(), step.record] for step in batch.steps]
    return encode({"server": batch.server, "transactions": steps})


def decode_batch(body: bytes) -> Batch:
    """What encode_batch() wrote."""
    json = decode(body)
    steps = tuple(
        Step(Uuid(id), record, None if schema is None else Schema.from_json(schema))
        for id, schema, record in json["transactions"]
    )
    return Batch(Uuid(json["server"]), steps)


def encode_snapshot(database: Database, date: int) -> bytes:
    """The body of a snapshot."""
    return encode(
        {
            "id": database.last_id or ZERO_UUID,
            "schema": database.schema.to_json(),
            "record": everything(database, date),
        }
    )


def decode_snapshot(body: bytes) -> Database:
    """The database that a snapshot holds."""
    json = decode(body)
    return database_of(Schema.from_json(json["schema"]), json["record"], Uuid(json["id"]))


def persistent(schema: Schema) -> Schema:
    """The same with all columns persistent: nothing tells the servers of a cluster of ephemeral ones."""
    json = schema.to_json()
    for table in json["tables"].values():
        for column in table["columns"].values():
            column.pop("ephemeral", None)
    return Schema.from_json(json)


def everything(database: Database, date: int) -> Json:
    """The record that makes an empty database of this schema into this one; to be encoded, and not to be looked at."""
    _, *records = snapshot(database, date, "")
    return records[0] if records else {"_date": date}


def database_of(schema: Schema, record: Json, id: Uuid) -> Database:
    """The database that everything() was made from."""
    database = Database(schema)
    replay(database, record, id)
    rebuild(database)
    return database


def commit_of(database: Database, step: Step) -> Commit | None:
    """What another server's transaction, computed for the present state, changes here; raises OvsdbError."""
    transaction = Transaction(database, lambda: step.id)
    is_diff = step.record.get("_is_diff") is True
    for name, rows in step.record.items():
        if name.startswith("_"):
            continue
        if name not in database.tables:
            raise OvsdbError(f"No table named {name}.", tag="unknown table")
        view = transaction.view(name)
        for text, cells in rows.items():
            if not is_uuid(text):
                raise OvsdbError(f'"{text}" is not a valid UUID', tag="syntax error")
            uuid = Uuid(text.lower())
            old = view.table.rows.get(uuid)
            row = None
            if cells is not None:
                row = replayed_row(view.table.schema, old, cells, uuid, (step.id,), is_diff)
            view.put(uuid, row)
    return replayed(transaction)


def difference(before: Database, after: Database) -> Commit | None:
    """The commit by which `before` becomes `after`, which has the same schema."""
    transaction = Transaction(before, lambda: after.last_id or ZERO_UUID)
    for name, table in after.tables.items():
        view = transaction.view(name)
        for uuid in before.tables[name].rows:
            if uuid not in table.rows:
                view.put(uuid, None)
        for uuid, row in table.rows.items():
            if not _is_same(before.tables[name].rows.get(uuid), row):
                view.put(uuid, row)
    return replayed(transaction)


def _is_same(old: Row | None, new: Row) -> bool:
    return old is not None and old[N_IMPLICIT:] == new[N_IMPLICIT:]


def undone(commits: Iterable[Commit]) -> list[Commit]:
    """The commits that take `commits` back, in the order in which to apply them."""
    return [_undone(commit) for commit in reversed(list(commits))]


def _undone(commit: Commit) -> Commit:
    return replace(
        commit,
        changes={
            name: {uuid: (new, old) for uuid, (old, new) in rows.items()}
            for name, rows in commit.changes.items()
        },
        strong={row: -n for row, n in commit.strong.items()},
        weak={
            target: {holder: -n for holder, n in holders.items()} for target, holders in commit.weak.items()
        },
    )
