"""What becomes of a database whose disk fails it."""

import asyncio
import os

import pytest

from tests.unit.ovsdb.machine import SCHEMA, Client, uuids
from vswitch.base.errors import TextError
from vswitch.ovsdb.server import Server
from vswitch.ovsdbserver.backing import JournalBacking, Surroundings, open_backing
from vswitch.ovsdbserver.etcd import Credentials
from vswitch.ovsdbserver.storage import create_journal, read_journal

INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}
DURABLE = {"op": "commit", "durable": True}


class Daemon:
    """A server with one database, on a loop that runs when told to."""

    def __init__(self, path):
        self.path = path
        self.tasks = []
        self.server = Server(uuids(2), lambda: 0)
        self.around = Surroundings(
            path,
            self.server,
            uuids(3),
            tls=lambda: None,
            spawn=self.tasks.append,
            schedule=lambda: None,
            notice=lambda host, commit: None,
            etcd=Credentials(),
            close=lambda name: None,
        )

    def open(self, word):
        self.backing = open_backing(word, self.around)
        self.server.add(self.backing.host)
        return self.backing

    async def settle(self, seconds=5.0):
        """Do what there is to do."""
        running = set()
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            self.backing.tend()
            running |= {asyncio.ensure_future(work) for work in self.tasks}
            self.tasks.clear()
            if not running:
                return
            _, running = await asyncio.wait(running, timeout=0.01)
        for task in running:
            task.cancel()


@pytest.fixture
def daemon(tmp_path):
    create_journal(tmp_path / "db", [SCHEMA.to_json()])
    return Daemon(tmp_path)


def broken(times, kept=os.fdatasync):
    """fdatasync(), failing some times."""
    failures = [OSError(5, "Input/output error")] * times

    def fdatasync(fd):
        if failures:
            raise failures.pop()
        kept(fd)

    return fdatasync


def test_a_flush_that_fails_is_made_good_by_writing_the_journal_anew(daemon, monkeypatch):
    backing = daemon.open("db")
    client = Client(daemon)
    before = (daemon.path / "db").stat().st_ino
    monkeypatch.setattr(os, "fdatasync", broken(1))
    client.send("transact", "T", INSERT, DURABLE, id=1)
    assert client.heard() == []
    asyncio.run(daemon.settle())
    assert [len(message["result"]) for message in client.heard()] == [2]
    assert backing.storage_status() == "ok"
    assert (daemon.path / "db").stat().st_ino != before
    backing.close()
    assert len(read_journal(daemon.path / "db", uuids()).database.tables["I"].rows) == 1


def test_while_the_journal_cannot_be_written_anew_nothing_is_said_to_be_durable(daemon, monkeypatch):
    backing = daemon.open("db")
    client = Client(daemon)
    monkeypatch.setattr(os, "fdatasync", broken(100))
    monkeypatch.setattr("vswitch.ovsdbserver.backing.RETRY", 0.01)
    client.send("transact", "T", INSERT, DURABLE, id=1)
    asyncio.run(daemon.settle(0.3))
    (message,) = client.heard()
    assert message["result"][-1]["error"] == "I/O error"
    assert "fsync failed (Input/output error)" in message["result"][-1]["details"]
    assert "fsync failed" in backing.storage_status()
    client.send("transact", "T", {**INSERT, "row": {"a": "2"}}, DURABLE, id=2)
    assert client.heard() == []
    monkeypatch.undo()
    backing.close()


def test_while_the_disk_is_quick_the_loop_itself_flushes(daemon, monkeypatch):
    daemon.open("db")
    first, second = Client(daemon), Client(daemon)
    first.send("transact", "T", INSERT, DURABLE, id=1)
    second.send("transact", "T", {**INSERT, "row": {"a": "2"}}, DURABLE, id=2)
    assert first.heard() == second.heard() == []
    daemon.backing.tend()
    assert [message["id"] for client in (first, second) for message in client.heard()] == [1, 2]
    assert daemon.tasks == []
    monkeypatch.setattr("vswitch.ovsdbserver.storage.QUICK_FLUSH", -1.0)  # the last one was not quick
    first.send("transact", "T", {**INSERT, "row": {"a": "3"}}, DURABLE, id=3)
    daemon.backing.tend()
    assert first.heard() == []
    asyncio.run(daemon.settle())
    assert [message["id"] for message in first.heard()] == [3]
    daemon.backing.close()


def test_words_for_databases(daemon):
    assert isinstance(daemon.open("db"), JournalBacking)
    daemon.backing.close()
    for word in ("relay:", "relay:x", "relay:x:"):
        with pytest.raises(TextError, match=f"ovsdb error: {word}: invalid syntax"):
            open_backing(word, daemon.around)
