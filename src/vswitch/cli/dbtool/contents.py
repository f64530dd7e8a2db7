"""What databases in files hold: made, compacted, converted, asked and changed.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from vswitch.base.options import CommandError
from vswitch.base.version import OVS_VERSION
from vswitch.cli.dbtool.defaults import PROGRAM
from vswitch.cli.dbtool.headers import kind_of
from vswitch.ovsdb.convert import convert as convert_database
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.journal import commit_to_json, encode_record, record_pieces, snapshot
from vswitch.ovsdb.jsontext import Json, JsonError, decode_argument, encode_text
from vswitch.ovsdb.rbac import rules_for
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Access
from vswitch.ovsdb.transaction import MustWait, Transaction
from vswitch.ovsdbserver.storage import (
    create_journal,
    milliseconds_now,
    open_journal,
    read_journal,
    uuid_source,
)


def create(path: str, schema: Schema) -> None:
    """Make an empty database."""
    create_journal(Path(path), [schema.to_json()])


def compact(path: str, destination: str) -> None:
    """Write the present state only."""
    _rewrite(path, destination, None, f"compacted by {PROGRAM} {OVS_VERSION}")


def convert(path: str, destination: str, schema: Schema) -> None:
    """Write the present state under another schema."""
    _rewrite(path, destination, schema, f"converted by {PROGRAM} {OVS_VERSION}")


def _rewrite(path: str, destination: str, schema: Schema | None, comment: str) -> None:
    kind_of(path)  # what cannot be one is refused before it is locked
    new_uuid = uuid_source()
    journal, database = open_journal(Path(path), new_uuid, is_whole=True)
    try:
        if schema is not None:
            database = _converted(database, schema)
        records = list(snapshot(database, milliseconds_now(), comment))
        if destination:
            Path(destination).unlink(missing_ok=True)
            create_journal(Path(destination), records)
        else:
            journal.rewrite([*chain.from_iterable(map(record_pieces, records))])
    finally:
        journal.close()


def _converted(database: Database, schema: Schema) -> Database:
    try:
        return convert_database(database, schema, uuid_source())
    except OvsdbError as error:
        raise CommandError(str(error)) from None


def query(path: str, transaction: str, role: str) -> str:
    """The results of a transaction, which leaves the file as it is; as a client of that `role` gets them."""
    database = read_journal(Path(path), uuid_source(), is_whole=True).database
    return encode_text(_execute(database, _parse_transaction(transaction), role)[0])


def transact(path: str, transaction: str, role: str) -> str:
    """Read and write, as a client of that `role`."""
    journal, database = open_journal(Path(path), uuid_source(), is_whole=True)
    try:
        results, record = _execute(database, _parse_transaction(transaction), role)
        if record is not None:
            journal.append(encode_record(record))
    finally:
        journal.close()
    return encode_text(results)


def _execute(database: Database, params: Json, role: str) -> tuple[Json, Json]:
    """The results of a transaction, and the record that it makes."""
    try:
        if not isinstance(params, list):
            raise OvsdbSyntaxError("array expected", params)
        if not params or params[0] != database.schema.name:
            raise OvsdbSyntaxError("database name expected as first parameter", params)
    except OvsdbError as error:
        return error.to_json(), None
    transaction = Transaction(database, uuid_source(), rules=rules_for(database, Access(role=role)))
    try:
        results, succeeded = transaction.execute(params[1:])
    except MustWait:
        return [OvsdbError("triggers not supported", tag="not supported").to_json()], None
    try:
        commit = plan(transaction) if succeeded else None
    except OvsdbError as error:
        return [*results, error.to_json()], None
    return results, commit and commit_to_json(commit, database.schema, milliseconds_now())


def _parse_transaction(text: str) -> Json:
    try:
        return decode_argument(text)
    except JsonError as error:
        raise CommandError(f'"{text}": {error}') from None
