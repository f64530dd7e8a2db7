"""Backups and relays: ours of the peer's servers, and the peer's of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.daemons import Make
from tests.interop.dbservers import DatabaseServer, Json, until

pytestmark = pytest.mark.interop
SCHEMA = Path(__file__).parents[1] / "vectors" / "ovsdb" / "test.ovsschema"
PAIRS: list[tuple[Make, Make]] = [("peer", "ours"), ("ours", "peer")]
INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}
ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def service(server: DatabaseServer) -> Json:
    """What `_Server` says of T."""
    columns = ("name", "model", "connected", "leader", "schema")
    return next(row for row in server.rows("_Server", "Database", *columns) if row["name"] == "T")


def insert(server: DatabaseServer, a: str) -> Json:
    return server.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": a}})


def backup_of(active: DatabaseServer, make: Make, path: Path, *words: str) -> DatabaseServer:
    return DatabaseServer(make, path, "db", f"--sync-from=unix:{active.socket}", *words, schema=SCHEMA)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_backup_follows_and_takes_over(
    first: Make, second: Make, servers: ExitStack, tmp_path: Path
) -> None:
    active = servers.enter_context(DatabaseServer(first, tmp_path / "a", "db", schema=SCHEMA))
    insert(active, "before")
    backup = servers.enter_context(backup_of(active, second, tmp_path / "b"))
    until(lambda: backup.rows("T", "I", "a") == [{"a": "before"}])
    insert(active, "after")
    active.ask("transact", "T", {"op": "delete", "table": "I", "where": [["a", "==", "before"]]})
    until(lambda: backup.rows("T", "I", "a") == [{"a": "after"}])
    status = f"state: backup\nreplicating: unix:{active.socket}\ndatabase: T\n"
    assert backup.control("sync-status") == status
    refused = backup.ask("transact", "T", INSERT)
    assert refused[0]["details"] == "insert operation not allowed when database server is in read only mode"
    assert backup.ask("lock", "x") == "lock and unlock methods not allowed, DB server is read only."
    active.kill()
    if second == "ours":  # the peer goes on saying "replicating"
        until(lambda: backup.control("sync-status").startswith("state: backup\nconnecting:"))
    with backup.client() as client:
        backup.control("disconnect-active-ovsdb-server")
        if second == "ours":  # the peer does not, if the active server is dead already
            with pytest.raises((EOFError, ConnectionResetError)):
                client.receive()
    assert backup.control("sync-status") == "state: active\n"
    assert "uuid" in insert(backup, "now active")[0]
    backup.kill()
    backup.words = ("db",)
    backup.start()
    assert backup.rows("T", "I", "a") == [{"a": "after"}, {"a": "now active"}]


def test_roles_can_be_swapped_at_run_time(servers: ExitStack, tmp_path: Path) -> None:
    ours = servers.enter_context(DatabaseServer("ours", tmp_path / "o", "db", schema=SCHEMA))
    peer = servers.enter_context(DatabaseServer("peer", tmp_path / "p", "db", schema=SCHEMA))
    assert ours.control("connect-active-ovsdb-server") == peer.control("connect-active-ovsdb-server")
    for active, backup in ((peer, ours), (ours, peer)):
        active.control("disconnect-active-ovsdb-server")
        backup.control("set-active-ovsdb-server", f"unix:{active.socket}")
        assert backup.control("get-active-ovsdb-server") == f"unix:{active.socket}\n"
        backup.control("connect-active-ovsdb-server")
        insert(active, active.make)
        until(lambda a=active, b=backup: b.rows("T", "I", "a") == a.rows("T", "I", "a"))  # type: ignore[misc]
    assert [row["a"] for row in ours.rows("T", "I", "a")] == ["ours", "peer"]


@pytest.mark.parametrize("make", ["ours", "peer"])
def test_excluded_tables_are_left_alone(make: Make, servers: ExitStack, tmp_path: Path) -> None:
    active = servers.enter_context(DatabaseServer("ours", tmp_path / "a", "db", schema=SCHEMA))
    backup = servers.enter_context(backup_of(active, make, tmp_path / "b", "--sync-exclude-tables=T:I,T:W"))
    assert backup.control("get-sync-exclude-tables") == "T:I,T:W\n"
    insert(active, "unseen")
    active.ask("transact", "T", {"op": "insert", "table": "M", "row": {}})
    until(lambda: len(backup.rows("T", "M", "_uuid")) == 1)
    assert backup.rows("T", "I") == []
    assert backup.control("sync-status").splitlines()[-1].startswith("exclude: T:")


@pytest.mark.parametrize(("first", "second"), [*PAIRS, ("ours", "ours")])
def test_a_relay_shows_and_forwards(first: Make, second: Make, servers: ExitStack, tmp_path: Path) -> None:
    source = servers.enter_context(DatabaseServer(first, tmp_path / "s", "db", schema=SCHEMA))
    insert(source, "before")
    relay = servers.enter_context(DatabaseServer(second, tmp_path / "r", f"relay:T:unix:{source.socket}"))
    until(lambda: relay.rows("T", "I", "a") == [{"a": "before"}])
    told = service(relay)
    assert (told["model"], told["connected"], told["leader"]) == ("relay", True, False)
    with relay.client() as watcher, relay.client() as writer:
        assert watcher.ask("monitor_cond_since", "T", "m", {"I": [{"columns": ["a"]}]}, ZERO)[0] is False
        results = writer.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": "through"}})
        uuid = results[0]["uuid"][1]
        update = watcher.receive()
        assert update["method"] == "update3"
        assert update["params"][2] == {"I": {uuid: {"insert": {"a": "through"}}}}
        failed = writer.ask("transact", "T", {**INSERT, "table": "nope"})
        assert failed[0]["error"] == "syntax error"
    assert source.rows("T", "I", "a") == [{"a": "before"}, {"a": "through"}]
    source.kill()
    if second == "ours":  # the peer's takes half a minute to say so
        until(lambda: not service(relay)["connected"])
    assert len(relay.rows("T", "I", "a")) == 2


def test_what_a_relay_says_before_there_is_a_source(servers: ExitStack, tmp_path: Path) -> None:
    answers = []
    for make in ("ours", "peer"):
        path = tmp_path / make
        word = f"relay:T:unix:{tmp_path}/nowhere"
        relay = servers.enter_context(DatabaseServer(make, path, word))  # type: ignore[arg-type]
        answers.append(
            [
                relay.ask("list_dbs"),
                relay.ask("get_schema", "T"),
                relay.ask("transact", "T", INSERT),
                relay.ask("monitor", "T", 1, {}),
                service(relay),
                relay.control("sync-status"),
                relay.control("get-db-storage-status", "T"),
            ]
        )
    assert answers[0] == answers[1]


def test_monitors_of_a_relay_go_on_when_its_source_comes_back(servers: ExitStack, tmp_path: Path) -> None:
    source = servers.enter_context(DatabaseServer("ours", tmp_path / "s", "db", schema=SCHEMA))
    insert(source, "1")
    relay = servers.enter_context(DatabaseServer("ours", tmp_path / "r", f"relay:T:unix:{source.socket}"))
    until(lambda: len(relay.rows("T", "I")) == 1)
    with relay.client() as watcher:
        watcher.ask("set_db_change_aware", True)
        watcher.ask("monitor_cond", "T", "m", {"I": [{"columns": ["a"]}]})
        source.kill()
        source.start()
        insert(source, "2")
        update = watcher.receive()
    assert [list(each) for each in update["params"][1]["I"].values()] == [["insert"]]
    assert json.dumps(update).count('"insert"') == 1  # what was there before is not told again


@pytest.mark.parametrize("make", ["peer", "ours"])
def test_a_backup_of_another_schema_keeps_what_it_has_and_warns(
    make: Make, servers: ExitStack, tmp_path: Path
) -> None:
    active = servers.enter_context(DatabaseServer(make, tmp_path / "a", "db", schema=SCHEMA))
    insert(active, "theirs")
    other = json.loads(SCHEMA.read_text())
    other["tables"]["I"]["columns"]["c"] = {"type": "string"}
    path = tmp_path / "other.ovsschema"
    path.write_text(json.dumps(other))
    backup = servers.enter_context(
        DatabaseServer("ours", tmp_path / "b", "db", f"--sync-from=unix:{active.socket}", schema=path)
    )
    until(lambda: "|WARN|" in backup.log and "schema of T differs from the active server's" in backup.log)
    assert backup.rows("T", "I", "a") == []
    assert backup.control("sync-status") == f"state: backup\nconnecting: unix:{active.socket}\n"
