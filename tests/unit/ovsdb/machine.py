"""A database server in memory, and clients that talk to it in Python values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.jsontext import Splitter, decode, encode
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.server import Server
from vswitch.ovsdb.servicemodel import Standalone
from vswitch.ovsdb.transaction import Transaction

SCHEMA = Schema.from_json(
    decode((Path(__file__).parents[2] / "vectors" / "ovsdb" / "test.ovsschema").read_bytes())
)
Json = Any


def uuids(seed: int = 1) -> Callable[[], Uuid]:
    """A repeatable source of UUIDs."""
    bits = random.Random(seed).getrandbits

    def new_uuid() -> Uuid:
        text = f"{bits(128):032x}"
        return Uuid(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")

    return new_uuid


def run(database: Database, *operations: Json, locks: Iterable[str] = ()) -> list[Json]:
    """Execute a transaction, commit it if all is well, and return the results."""
    transaction = Transaction(database, NEW_UUID, locks=list(locks))
    results, succeeded = transaction.execute(list(operations))
    if succeeded and (commit := plan(transaction)) is not None:
        database.apply(commit)
    return results


NEW_UUID = uuids()


class MemoryStorage:
    """A journal in memory; `fail` and `safe` play the disk."""

    def __init__(self, *, safe: bool = True) -> None:
        self.records: list[bytes] = []
        self.size = self.n_safe = 0
        self.safe = safe
        self.fail = ""

    def append(self, record: bytes) -> None:
        if self.fail:
            raise StorageError(self.fail)
        self.records.append(record)
        self.size += len(record)
        if self.safe:
            self.n_safe = self.size

    def rewrite(self, records: Iterable[bytes]) -> None:
        self.records = list(records)


class Machine:
    """A server with database T."""

    def __init__(self, schema: Schema = SCHEMA, *, safe: bool = True) -> None:
        self.server = Server(uuids(2), lambda: 1_700_000_000_000)
        self.storage = MemoryStorage(safe=safe)
        self.service = Standalone(self.storage)
        self.host = Host(Database(schema), uuids(3), lambda: 1_700_000_000_000, self.service)
        self.server.add(self.host)

    def client(self) -> Client:
        return Client(self)

    def rows(self, table: str) -> list[Json]:
        """What a table holds."""
        return self.client().transact({"op": "select", "table": table, "where": []})[0]["rows"]


class Client:
    """One session with a Machine's server."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.session = machine.server.connect("unix#0", 0.0)
        self._splitter = Splitter()
        self._n = 0

    def send(self, method: str, *params: Json, id: Json = None, now: float = 0.0) -> None:
        self.session.receive(encode({"method": method, "params": list(params), "id": id}), now)
        while self.machine.server.has_news:
            self.machine.server.flush()

    def heard(self) -> list[Json]:
        """Every message since the last time."""
        for piece in self.session.take_output():
            self._splitter.receive(piece)
        return list(self._splitter.values())

    def ask(self, method: str, *params: Json, now: float = 0.0) -> Json:
        """Ask; the result, or the error."""
        self._n += 1
        self.send(method, *params, id=self._n, now=now)
        answers = [message for message in self.heard() if message.get("id") == self._n]
        assert len(answers) == 1
        return answers[0]["result"] if answers[0]["error"] is None else answers[0]["error"]

    def transact(self, *operations: Json) -> Json:
        return self.ask("transact", "T", *operations)
