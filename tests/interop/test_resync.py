"""After a dropped connection only what was missed is sent: the PyPI `ovs` IDL and our library, on unix, tcp and ssl.

A server of one's own remembers its last transactions for as long as it runs (the peer's: only in clusters); from one that
was started anew everything comes, and the client finds the differences.  A cluster's history is its log, and outlives
the servers.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.interop.clusters import OurCluster, until
from tests.interop.daemons import Daemons
from tests.interop.test_cluster import SCHEMA
from tests.interop.test_ovs_idl_restarts import free_port
from tests.interop.test_tls import keys
from vswitch.aio.database import Database
from vswitch.aio.tls import Tls
from vswitch.linux.database import BlockingDatabase
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.replica import Replica

pytestmark = pytest.mark.interop
__all__ = ["keys"]  # a fixture
N_BRIDGES = 40
WANTED = {"Open_vSwitch": ["bridges"], "Bridge": ["name", "external_ids"]}

IDL = """
import sys, time, ovs.db.idl, ovs.poller, ovs.stream
remote, schema, table, *files = sys.argv[1:]
if files:
    ovs.stream.Stream.ssl_set_private_key_file(files[0])
    ovs.stream.Stream.ssl_set_certificate_file(files[1])
    ovs.stream.Stream.ssl_set_ca_cert_file(files[2])
helper = ovs.db.idl.SchemaHelper(schema)
helper.register_columns(table, ["name"] if table == "T" else ["name", "external_ids"])
if table == "Bridge":
    helper.register_columns("Open_vSwitch", ["bridges"])
idl = ovs.db.idl.Idl(remote, helper, leader_only=False)
idl._session.reconnect.set_backoff(50, 50)
replies, recv = [], idl._session.recv
def recording():
    message = recv()
    if message is not None and isinstance(message.result, list) and len(message.result) == 3:
        replies.append(message.result)
    return message
idl._session.recv = recording
for line in sys.stdin:
    replies.clear()
    deadline = time.monotonic() + 20
    while not replies or line.strip() not in {row.name for row in idl.tables[table].rows.values()}:
        assert time.monotonic() < deadline
        idl.run()
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.timer_wait(100)
        poller.block()
    found, _, updates = replies[-1]
    print(found, sum(map(len, updates.values())), len(idl.tables[table].rows), flush=True)
"""


class Follower(Protocol):
    """A client that connects (again), until it has a row of a name."""

    def follow(self, name: str) -> tuple[bool, int, int]:
        """Whether the server had the history, how many rows it sent for that, and how many the client has."""

    def close(self) -> None:
        """End."""


class Idl:
    """The PyPI library, in a process."""

    def __init__(self, remote: str, schema: str, table: str, files: list[str]) -> None:
        command = [sys.executable, "-W", "ignore", "-c", IDL, remote, schema, table, *files]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def follow(self, name: str) -> tuple[bool, int, int]:
        assert self.process.stdin
        assert self.process.stdout
        print(name, file=self.process.stdin, flush=True)
        found, n_sent, n_rows = self.process.stdout.readline().split()
        return found == "True", int(n_sent), int(n_rows)

    def close(self) -> None:
        self.process.communicate()


class Ours:
    """Our library, with or without an event loop."""

    def __init__(self, remote: str, database: str, table: str, files: list[str], *, is_async: bool) -> None:
        wanted = WANTED if table == "Bridge" else {table: ["name"]}
        self.replica = Recording(database, wanted, leader_only=False)
        self.remote, self.table, self.files = remote, table, files
        self.runner = asyncio.Runner() if is_async else None
        if self.runner is not None:
            tls = Tls(*files) if files else None
            self.database = Database(remote, self.replica, tls=tls)
            self.runner.run(self.start())
        else:
            self.blocking = BlockingDatabase(remote, self.replica, TlsOptions(*files), retry=True)

    async def start(self) -> None:
        self.running = asyncio.ensure_future(self.database.run())

    def follow(self, name: str) -> tuple[bool, int, int]:
        self.replica.replies.clear()

        def has() -> bool:
            found = self.replica.replies and self.replica.is_synchronized
            return bool(found and self.replica.find(self.table, name=name))

        if self.runner is not None:
            self.runner.run(asyncio.wait_for(self.database.until(has), 20))
        else:
            self.blocking.until(has)
        found, _, updates = self.replica.replies[-1]
        return found, sum(map(len, updates.values())), len(self.replica.table(self.table))

    def close(self) -> None:
        if self.runner is None:
            self.blocking.close()
        else:
            self.running.cancel()
            self.runner.close()


class Recording(Replica):
    """Keeps the replies to `monitor_cond_since`."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.replies: list[Any] = []

    def receive(self, message: Any) -> None:
        result = message.get("result")
        if isinstance(result, list) and len(result) == 3:
            self.replies.append(result)
        super().receive(message)


def follower(kind: str, remote: str, schema: Path, table: str, files: list[str]) -> Follower:
    if kind == "idl":
        return Idl(remote, str(schema), table, files)
    return Ours(remote, json.loads(schema.read_text())["name"], table, files, is_async=kind == "asyncio")


@pytest.fixture(params=["unix", "tcp", "ssl"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Served = tuple[Daemons, str, list[str], Callable[[], None]]


@pytest.fixture
def served(request: pytest.FixtureRequest, transport: str, tmp_path: Path) -> Iterator[Served]:
    """A server with many bridges, the remote to reach it by, the files for that, and what starts it again."""
    options = request.getfixturevalue("keys") if transport == "ssl" else []
    port = free_port()
    with Daemons(tmp_path / "d", "ours") as daemons:
        passive = f"p{transport}:{port}:127.0.0.1" if transport != "unix" else f"punix:{daemons.socket}.2"

        def restart() -> None:
            daemons.kill("ovsdb-server")
            database = str(daemons.directory / "conf.db")
            words = [f"--remote=punix:{daemons.socket}", f"--remote={passive}", *options]
            daemons.start("ovsdb-server", database, *words)

        restart()
        bridges = [word for n in range(N_BRIDGES) for word in ("--", "add-br", f"b{n}")]
        daemons.run("peer", "ovs-vsctl", "--no-wait", "init", *bridges)
        remote = f"unix:{daemons.socket}.2" if transport == "unix" else f"{transport}:127.0.0.1:{port}"
        yield daemons, remote, options[1::2], restart


@pytest.mark.parametrize("kind", ["idl", "asyncio", "blocking"])
def test_only_what_was_missed_is_sent(served: Served, kind: str) -> None:
    daemons, remote, files, restart = served
    schema = Path("/usr/share/openvswitch/vswitch.ovsschema")
    client = follower(kind, remote, schema, "Bridge", files)
    try:
        assert client.follow("b1") == (False, N_BRIDGES + 1, N_BRIDGES)
        daemons.run("peer", "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/reconnect")
        change = ["set", "bridge", "b3", "external_ids:a=b", "--", "del-br", "b4", "--", "add-br", "new"]
        daemons.run("peer", "ovs-vsctl", "--no-wait", *change)
        # One row changed, one went, one came, and the one that refers to them.
        assert client.follow("new") == (True, 4, N_BRIDGES)
        restart()
        daemons.run("peer", "ovs-vsctl", "--no-wait", "add-br", "newer")
        assert client.follow("newer") == (False, N_BRIDGES + 2, N_BRIDGES + 1)
    finally:
        client.close()


@pytest.mark.parametrize("kind", ["idl", "asyncio", "blocking"])
def test_the_history_of_a_cluster_outlives_its_servers(tmp_path: Path, kind: str) -> None:
    schema = tmp_path / "schema"
    schema.write_text(json.dumps(SCHEMA))
    with OurCluster(tmp_path, schema, 2) as cluster:
        remotes = ",".join(server.remote for server in cluster.servers)
        leader = cluster.leader()
        [other] = [server for server in cluster.servers if server is not leader]
        insert = [{"op": "insert", "table": "T", "row": {"name": f"t{n}"}} for n in range(30)]
        leader.transact(*insert)
        until(lambda: "t29" in other.names(), "the other server has it")
        client = follower(kind, remotes, schema, "T", [])
        try:
            assert client.follow("t29") == (False, 30, 30)
            for (
                server
            ) in cluster.servers:  # one after the other: the client loses its connection at least once
                server.kill()
                server.start()
                until(lambda: "t29" in leader.names(), "the server has it again")
            leader.transact({"op": "insert", "table": "T", "row": {"name": "new"}})
            found, n_sent, n_rows = client.follow("new")
            assert (found, n_rows) == (True, 31)
            assert n_sent <= 1  # it may come as an update, after the reply
        finally:
            client.close()
