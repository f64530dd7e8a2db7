"""A transaction on a database, through its server, or on its file if no server has that open."""

from __future__ import annotations

from pathlib import Path

from vswitch.base.options import CommandError, Given
from vswitch.cli.dbtool.headers import is_clustered
from vswitch.linux.dirs import default_database
from vswitch.linux.jsonrpc_client import connect
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.journal import commit_to_json, encode_record
from vswitch.ovsdb.jsontext import Json, decode, encode
from vswitch.ovsdb.transaction import Transaction
from vswitch.ovsdbserver.storage import CannotOpen, milliseconds_now, open_journal, uuid_source


def apply(given: Given, path: str, database: str, operations: list[Json]) -> None:
    """Commit `operations`; raises CommandError if they fail."""
    try:
        if "db" in given or is_clustered(path):
            results = _through_server(given, database, operations)
        else:
            results = _on_file(path, operations)
    except CannotOpen:  # a server has it
        results = _through_server(given, database, operations)
    errors = [result for result in results if result is not None and "error" in result]
    if not errors:
        return
    if errors[0]["error"] == "timed out":
        raise CommandError("the database has changed meanwhile, or the server has another one")
    raise CommandError(f"{errors[0]['error']}: {errors[0].get('details', '')}")


def _through_server(given: Given, database: str, operations: list[Json]) -> list[Json]:
    server = given.get("db") or default_database()
    try:
        connection = connect(server, TlsOptions.from_options(given))
        connection.send({"id": 1, "method": "transact", "params": [database, *operations]})
        while (message := connection.receive()).get("id") != 1:
            pass
        connection.close()
    except OSError as error:
        hint = "" if "db" in given else " (a server has the database; name it by --db)"
        raise CommandError(f"{server}: {error.strerror or error}{hint}") from None
    if message["error"] is not None:
        raise CommandError(f"{server}: {message['error']}")
    results: list[Json] = message["result"]
    return results


def _on_file(path: str, operations: list[Json]) -> list[Json]:
    """Do it to the file; raises CannotOpen if a server has it."""
    journal, database = open_journal(Path(path), uuid_source())
    try:
        transaction = Transaction(database, uuid_source())
        results, succeeded = transaction.execute(decode(encode(operations)))  # as it would come over a wire
        if succeeded:
            commit = plan(transaction)
            record = commit and commit_to_json(commit, database.schema, milliseconds_now())
            if record is not None:
                journal.append(encode_record(record))
    except OvsdbError as error:
        return [error.to_json()]
    finally:
        journal.close()
    return results
