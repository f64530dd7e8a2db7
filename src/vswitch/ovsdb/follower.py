"""Following a database that another server has: the conversation that brings a copy about and keeps it true.

Relays and backups follow.  A `Follower` takes bytes and returns bytes: it asks for the schema, then for all rows, or,
after a short absence, for what was missed, and then listens.  What it hears it tells its `Copy`.

    follower  -- monitor_cond _Server -->   source      is the database there, and in touch with its own storage?
              -- get_schema ------------>
              -- monitor_cond_since ---->               from the transaction that the copy has got to
              <- update3, update3, … ----

The source is not told that we would rather hear of changes of databases than be disconnected: so it disconnects when
the schema changes, and we begin anew.

Sources: RFC 7047 4.1; ovsdb-server(7), 4.1.12-4.1.15; ovsdb-server(5); ovsdb(7), "Relay Service Model".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from vswitch.ovsdb.atom import ZERO_UUID, Uuid, is_uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.datum import apply_difference, datum_from_json
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.integrity import replayed
from vswitch.ovsdb.journal import diff_from_json
from vswitch.ovsdb.jsonrpc import ErrorReply, Message, Notification, Reply, Request, Stream
from vswitch.ovsdb.jsontext import Json, JsonError
from vswitch.ovsdb.schema import Schema, TableSchema
from vswitch.ovsdb.transaction import Transaction

SERVICE, SCHEMA, ROWS = "service", "schema", "rows"  # ids of our requests, and of our monitors
SERVICE_COLUMNS = ["model", "connected"]


class Copy(Protocol):
    """What a follower keeps true."""

    @property
    def last_id(self) -> Uuid:
        """The transaction that it has got to, if the source may still know it."""

    def accept_schema(self, schema: Schema) -> str:
        """The source has this schema: make ready for its rows, or say why not."""

    def take_rows(self, updates: Json, last_id: Uuid, *, is_everything: bool) -> None:
        """<table-updates2>; raises OvsdbError if they do not fit."""


class Follower:
    """The client's side of one connection to a source; its owner closes it when `problem` says why."""

    def __init__(
        self, name: str, copy: Copy, send: Callable[[bytes], None], *, exclude: Collection[str] = ()
    ) -> None:
        self.name = name  # of the database
        self.problem = ""
        self.is_current = False  # the copy is what the source last told
        self._copy = copy
        self._send = send
        self._exclude = exclude  # tables that are left alone
        self._schema: Schema | None = None
        self._stream = Stream()
        self.on_answer: Callable[[Reply | ErrorReply], None] = lambda answer: None  # to requests of others

    def start(self) -> None:
        """The connection is there."""
        where = [["name", "==", self.name]]
        tables = {"Database": [{"columns": SERVICE_COLUMNS, "where": where}]}
        self._ask("monitor_cond", ["_Server", SERVICE, tables], SERVICE)

    def receive(self, data: bytes) -> None:
        """Bytes from the source."""
        self._stream.receive(data)
        try:
            for message in self._stream.messages():
                self._handle(message)
                if self.problem:
                    return
        except JsonError as error:
            self.problem = f"protocol error: {error}"
        except OvsdbError as error:
            self.problem = str(error)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            self.problem = f"malformed message ({error})"

    def _ask(self, method: str, params: list[Json], id: str) -> None:
        self._send(Request(method, params, id).encode())

    def _handle(self, message: Message) -> None:
        match message:
            case Request("echo", params, id):
                self._send(Reply(params, id).encode())
            case Reply(result, "service"):
                self._learn_service(result.get("Database"), is_first=True)
                self._ask("get_schema", [self.name], SCHEMA)
            case ErrorReply(_, "service"):  # a server from before _Server
                self._ask("get_schema", [self.name], SCHEMA)
            case Reply(result, "schema"):
                self._take_schema(Schema.from_json(result))
            case Reply([bool(found), str(last_id), updates], "rows"):
                self._copy.take_rows(updates, _transaction_id(last_id), is_everything=not found)
                self.is_current = True
            case ErrorReply(error, "schema" | "rows"):
                self.problem = str(error.get("details", error) if isinstance(error, dict) else error)
            case Notification("update3", ["rows", str(last_id), updates]):
                self._copy.take_rows(updates, _transaction_id(last_id), is_everything=False)
            case Notification("update2", ["service", updates]):
                self._learn_service(updates.get("Database"), is_first=False)
            case Notification("monitor_canceled", _):
                self.problem = f"server no longer has {self.name} database"
            case Reply() | ErrorReply():
                self.on_answer(message)
            case _:
                pass

    def _learn_service(self, rows: Json, *, is_first: bool) -> None:
        """What `_Server` says of the database."""
        if not rows:
            if is_first:
                self.problem = f"server does not have {self.name} database"
            return
        for update in rows.values():
            if "delete" in update:
                self.problem = f"server no longer has {self.name} database"
            elif "initial" in update or "insert" in update:
                if not (update.get("initial") or update.get("insert") or {}).get("connected"):
                    self.problem = f"{self.name} database is disconnected from its storage"
            elif (update.get("modify") or {}).get("connected") is False:
                self.problem = f"{self.name} database is disconnected from its storage"

    def _take_schema(self, schema: Schema) -> None:
        if problem := self._copy.accept_schema(schema):
            self.problem = problem
            return
        self._schema = schema
        tables = {
            name: [{"columns": list(table.columns)}]
            for name, table in schema.tables.items()
            if name not in self._exclude
        }
        self._ask("monitor_cond_since", [self.name, ROWS, tables, self._copy.last_id], ROWS)


def updated(
    database: Database, updates: Json, id: Uuid, *, is_everything: bool, exclude: Collection[str] = ()
) -> Commit | None:
    """The commit by which `database` becomes what <table-updates2> say; raises OvsdbError if they do not fit.

    If they are everything that the source has, rows that they do not name go, but not those of tables in `exclude`.
    """
    transaction = Transaction(database, lambda: id)
    for name, rows in updates.items():
        if name not in database.tables:
            raise OvsdbError(f"No table named {name}.", tag="unknown table")
        view = transaction.view(name)
        for text, update in rows.items():
            uuid = _transaction_id(text)
            old = view.table.rows.get(uuid)
            view.put(uuid, _updated_row(view.table.schema, uuid, id, old, update))
    if is_everything:
        for name, table in database.tables.items():
            if name not in exclude:
                view, named = transaction.view(name), updates.get(name, ())
                for uuid in table.rows:
                    if uuid not in named:
                        view.put(uuid, None)
    return replayed(transaction)


def _updated_row(table: TableSchema, uuid: Uuid, version: Uuid, old: Row | None, update: Json) -> Row | None:
    """The row after a <row-update2>."""
    ((event, cells),) = update.items()
    if event == "delete":
        return None
    row = list(table.default_row if event != "modify" or old is None else old)
    row[0], row[1] = (uuid,), (version,)
    for name, value in cells.items():
        column = table.columns.get(name)
        if column is None:
            raise OvsdbError(f"No column {name} in table {table.name}.", tag="unknown column")
        if event == "modify":
            row[column.number] = apply_difference(
                row[column.number], diff_from_json(value, column), column.type
            )
        else:
            row[column.number] = datum_from_json(value, column.type)
    return tuple(row)


def _transaction_id(text: str) -> Uuid:
    if not is_uuid(text):
        raise OvsdbError(f'"{text}" is not a valid UUID', tag="syntax error")
    return Uuid(text.lower()) if text else ZERO_UUID
