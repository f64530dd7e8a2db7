"""Waits, locks, cancelling and conversion as clients hear of them, message by message, beside the peer's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemons import Make
from tests.interop.dbservers import Client, DatabaseServer

pytestmark = pytest.mark.interop
Json = Any
ZERO = "00000000-0000-0000-0000-000000000000"


def schema(**columns: Json) -> Json:
    """Of database D, with one table."""
    every = {"name": {"type": "string"}, "x": {"type": "integer"}} | columns
    return {"name": "D", "version": "1.0.0", "tables": {"A": {"columns": every, "isRoot": True}}}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[Make, DatabaseServer]]:
    path = tmp_path / "schema"
    path.write_text(json.dumps(schema()))
    with (
        DatabaseServer("peer", tmp_path / "peer", str(tmp_path / "peer" / "db"), schema=path) as peer,
        DatabaseServer("ours", tmp_path / "ours", str(tmp_path / "ours" / "db"), schema=path) as ours,
    ):
        yield {"peer": peer, "ours": ours}


class Talk(AbstractContextManager["Talk"]):
    """Several clients of one server, and what they heard: every message, in order."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self.clients: dict[str, Client] = {}
        self.heard: list[tuple[str, Json]] = []

    def says(self, who: str, method: str, *params: Json, id: Json = "n") -> None:
        """A client sends a request."""
        if who not in self.clients:
            self.clients[who] = self.server.client()
        self.clients[who].send({"id": id, "method": method, "params": params})

    def hears(self, *everybody: str) -> None:
        """What each of them has been told by now."""
        for who in everybody:
            self.says(who, "echo", id="barrier")
            while (message := self.clients[who].receive()).get("id") != "barrier":
                self.heard.append((who, plain(message)))

    def leaves(self, who: str) -> None:
        """A client goes."""
        self.clients.pop(who).socket.close()

    def __exit__(self, *exc: object) -> None:
        for who in list(self.clients):
            self.leaves(who)


def plain(message: Json) -> Json:
    """A message without what is random."""
    text = json.dumps({"error": None, "result": None} | message, sort_keys=True)
    text = re.sub(r"after \d+ ms", "after N ms", text)
    return json.loads(re.sub("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UUID", text))


def wait(name: str, timeout: int | None = None, until: str = "==") -> Json:
    """For a row of that name to be the only one."""
    more = {} if timeout is None else {"timeout": timeout}
    rows = [{"name": name}]
    return {"op": "wait", "table": "A", "where": [], "columns": ["name"], "until": until, "rows": rows} | more


def insert(name: str) -> Json:
    return {"op": "insert", "table": "A", "row": {"name": name}}


DELETE = {"op": "delete", "table": "A", "where": []}


def waits(talk: Talk) -> None:
    talk.says("a", "transact", "D", wait("go", 0), insert("never"))
    talk.says("a", "transact", "D", wait("go", 0, "!="), {"op": "abort"})
    talk.hears("a")
    talk.says("a", "transact", "D", wait("go"), insert("after"), id=1)
    talk.says("a", "transact", "D", insert("x"), id=1)  # while 1 waits
    talk.says("b", "transact", "D", wait("go", 60_000), {"op": "comment", "comment": "seen"}, id="w")
    talk.hears("a", "b")
    talk.says("c", "transact", "D", insert("go"))
    talk.hears("c", "a", "b")
    talk.says("c", "transact", "D", {"op": "select", "table": "A", "where": [], "columns": ["name"]}, DELETE)
    talk.says("a", "cancel", 99, id=None)
    talk.says("a", "cancel", id=None)
    talk.hears("a")


def waiters_that_leave(talk: Talk) -> None:
    talk.says("a", "lock", "here")
    talk.says("a", "transact", "D", wait("go"), insert("ghost"))
    talk.hears("a")
    talk.says("b", "lock", "here")
    talk.hears("b")
    talk.leaves("a")
    assert talk.clients["b"].receive()["method"] == "locked"  # so the server has noticed
    talk.says("b", "transact", "D", insert("go"))
    talk.says("b", "transact", "D", {"op": "select", "table": "A", "where": [], "columns": ["name"]})
    talk.hears("b")


def locks(talk: Talk) -> None:
    # Nobody who waits gives up: then the peer tells the owner once more that the lock is his.
    held = {"op": "assert", "lock": "l"}
    for who in "ab":
        talk.says(who, "lock", "l")
        talk.hears(who)
    talk.says("c", "steal", "l")
    talk.hears("c", "a", "b")
    for who in "abc":
        talk.says(who, "transact", "D", held)
        talk.says(who, "lock", "l")
    talk.hears(*"abc")
    talk.says("c", "unlock", "l")
    talk.hears(*"cab")
    talk.leaves("a")
    talk.says("c", "lock", "l")
    talk.hears("c")
    talk.says("b", "steal", "l")
    talk.says("b", "unlock", "l")
    talk.says("b", "unlock", "l")
    talk.hears("b", "c")


def conversion(talk: Talk) -> None:
    talk.says("a", "set_db_change_aware", True)
    talk.says("a", "monitor_cond_since", "D", "m", {"A": [{"columns": ["name"]}]}, ZERO)
    talk.says("a", "transact", "D", wait("never"), id="w")
    talk.hears("a")
    talk.says("b", "transact", "D", insert("long name"))
    talk.says("b", "convert", "D", schema(name={"type": {"key": {"type": "string", "maxLength": 1}}}))
    talk.says("b", "convert", "D", schema(name={"type": "integer"}))
    talk.says("b", "convert", "D", schema() | {"name": "E"})
    talk.says("b", "convert", "E", schema())
    talk.says("b", "convert", "D", {"name": "D"})
    talk.says("b", "convert", "_Server", schema())
    talk.hears("b", "a")
    talk.says("c", "set_db_change_aware", True)
    talk.says("c", "convert", "D", schema(new={"type": "boolean"}))
    talk.hears("c", "a")


@pytest.mark.parametrize(
    "story", [waits, waiters_that_leave, locks, conversion], ids=lambda story: story.__name__
)
def test_everybody_hears_the_same(servers: dict[Make, DatabaseServer], story: Any) -> None:
    heard = {}
    for make, server in servers.items():
        with Talk(server) as talk:
            story(talk)
        heard[make] = talk.heard
    assert heard["ours"] == heard["peer"]
    assert heard["ours"]
