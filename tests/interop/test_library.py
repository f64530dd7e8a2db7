"""The database library on servers of both makes: contention, restarts, conditions, members of a cluster."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.interop.daemons import Daemons, Make, program
from vswitch.aio.database import Database
from vswitch.linux.database import BlockingDatabase
from vswitch.linux.exchange import CannotReach
from vswitch.ovsdb.classes import Classes
from vswitch.ovsdb.commit import Refused
from vswitch.ovsdb.record import EMPTY, Record
from vswitch.ovsdb.replica import Mismatch, Replica
from vswitch.ovsdb.rows import Changes

pytestmark = pytest.mark.interop


class Interface(Record):
    name: str


class Port(Record):
    name: str
    interfaces: set[Interface]


class Bridge(Record):
    name: str
    ports: set[Port] = EMPTY
    external_ids: dict[str, str] = EMPTY
    fail_mode: Literal["secure", "standalone"] | None = None


class Root(Record, table="Open_vSwitch"):
    bridges: set[Bridge] = EMPTY
    next_cfg: int = 0


TABLES = Classes(Root, Bridge, Port, Interface)


def replica(**options: object) -> Replica:
    return Replica("Open_vSwitch", TABLES, **options)  # type: ignore[arg-type]


@pytest.fixture(params=["ours", "peer"])
def daemons(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemons]:
    make: Make = request.param
    with Daemons(tmp_path, make) as daemons:
        daemons.run("peer", "ovs-vsctl", "--no-wait", "init")
        daemons.remote = f"unix:{daemons.socket}"  # type: ignore[attr-defined]
        yield daemons


def restart(daemons: Daemons) -> None:
    daemons.kill("ovsdb-server")
    daemons.start("ovsdb-server", str(daemons.directory / "conf.db"), f"--remote=punix:{daemons.socket}")


def add_bridge(name: str):
    def add(change: Changes) -> None:
        if change.get(Bridge, name=name) is not None:
            return
        port = Port(name=name, interfaces={Interface(name=name)})
        [root] = change.rows(Root)
        root.bridges.add(Bridge(name=name, ports={port}, external_ids={"n": "0"}))

    return add


def bump(change: Changes) -> None:
    bridge = change.one(Bridge, name="b")
    bridge.external_ids["n"] = str(int(bridge.external_ids["n"]) + 1)


def test_changes_of_many_clients_are_all_made(daemons: Daemons) -> None:
    async def work() -> None:
        async with Database(daemons.remote, replica()) as one, Database(daemons.remote, replica()) as two:
            await one.commit(add_bridge("b"))

            async def many(database: Database) -> None:
                for _ in range(15):
                    await database.commit(bump)

            await two.until(lambda: bool(two.replica.table("Bridge")))
            await asyncio.gather(many(one), many(two), many(one))
            await two.until(lambda: two.replica.find("Bridge", name="b")[0].external_ids == {"n": "45"})

    asyncio.run(asyncio.wait_for(work(), 30))


def test_only_one_of_two_inserts_the_same_thing(daemons: Daemons) -> None:
    async def work() -> None:
        async with Database(daemons.remote, replica()) as one, Database(daemons.remote, replica()) as two:
            await asyncio.gather(one.commit(add_bridge("x")), two.commit(add_bridge("x")))
            await one.until(lambda: len(one.replica.table("Bridge")) == 1)

    asyncio.run(asyncio.wait_for(work(), 30))


def test_a_restart_loses_nothing_and_tells_only_what_is_new(daemons: Daemons) -> None:
    async def work() -> None:
        async with Database(daemons.remote, replica()) as database:
            await database.commit(add_bridge("b"))
            await database.commit(bump)
            await database.until(
                lambda: database.replica.find("Bridge", name="b")[0].external_ids == {"n": "1"}
            )
            [row] = database.replica.find("Bridge", name="b")
            database.replica.changes()
            await asyncio.to_thread(restart, daemons)
            await asyncio.to_thread(
                daemons.run, "peer", "ovs-vsctl", "--no-wait", "set", "bridge", "b", "fail_mode=secure"
            )
            async for changes in database.changes():
                assert [(change.row, change.old) for change in changes] == [(row, {"fail_mode": None})]
                break
            await database.commit(bump)
            await database.until(lambda: row.external_ids == {"n": "2"})

    asyncio.run(asyncio.wait_for(work(), 30))


def test_conditions_select_rows_and_can_change(daemons: Daemons) -> None:
    async def work() -> None:
        only_a = replica(conditions={"Bridge": [["name", "==", "a"]]})
        async with Database(daemons.remote, only_a) as database:
            for name in "abc":
                await database.commit(add_bridge(name))
            await database.until(lambda: len(only_a.table("Bridge")) == 1)
            [root] = database.contents.rows(Root)
            assert [bridge.name for bridge in root.bridges] == ["a"]
            await database.restrict(Bridge, [["name", "==", "b"], ["external_ids", "includes", {"n": "c"}]])
            assert [bridge.name for bridge in root.bridges] == ["b"]
            await database.restrict(Bridge, [["name", "==", "b"], ["name", "==", "c"]])
            assert sorted(bridge.name for bridge in root.bridges) == ["b", "c"]
            await asyncio.to_thread(restart, daemons)
            await database.until(lambda: only_a.is_settled)
            assert sorted(bridge.name for bridge in root.bridges) == ["b", "c"]

    asyncio.run(asyncio.wait_for(work(), 30))


def test_without_an_event_loop(daemons: Daemons) -> None:
    with BlockingDatabase(daemons.remote, replica()) as database:
        outcome = database.commit(add_bridge("b"))
        assert (outcome.status, len(outcome.uuids)) == ("committed", 3)
        assert database.commit(lambda change: None).status == "unchanged"
        daemons.run("peer", "ovs-vsctl", "--no-wait", "set", "bridge", "b", "fail_mode=secure")
        database.refresh()
        assert database.contents.one(Bridge, name="b").fail_mode == "secure"
        with pytest.raises(Refused, match="referential integrity"):
            database.commit(
                lambda change: change.one("Bridge", name="b").ports.add(
                    "0" * 8 + "-0000" * 3 + "-" + "0" * 12
                )
            )
        daemons.kill("ovsdb-server")
        with pytest.raises(CannotReach, match="database connection failed"):
            database.refresh()


class Strange(Record, table="Bridge"):
    name: int
    colour: str


@pytest.mark.parametrize("conditions", [{}, {"Bridge": [["named", "==", "x"]]}])
def test_a_schema_that_is_not_as_declared_ends_it(daemons: Daemons, conditions: dict[str, object]) -> None:
    classes = TABLES if conditions else Classes(Strange)
    message = "a column named of Bridge" if conditions else "column name: declared int, found str; .* colour"

    async def work() -> None:
        wrong = Replica("Open_vSwitch", classes, conditions=conditions)
        with pytest.raises(Mismatch, match=message):
            async with Database(daemons.remote, wrong):
                raise AssertionError

    asyncio.run(asyncio.wait_for(work(), 30))
    wrong = Replica("Open_vSwitch", classes, conditions=conditions)
    with pytest.raises(Mismatch, match=message), BlockingDatabase(daemons.remote, wrong):
        raise AssertionError


def test_without_an_event_loop_but_with_patience(daemons: Daemons) -> None:
    with BlockingDatabase(daemons.remote, replica(), retry=True) as database:
        database.commit(add_bridge("b"))
        restart(daemons)
        assert database.commit(bump).status == "committed"
        database.refresh()
        assert database.replica.find("Bridge", name="b")[0].external_ids == {"n": "1"}


class Cluster:
    """Three of the peer's servers, which share a database."""

    def __init__(self, directory: Path, ports: list[int]) -> None:
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        for number, port in enumerate(ports):
            here = directory / str(number)
            here.mkdir()
            address = f"tcp:127.0.0.1:{port}"
            if number == 0:
                words = ["create-cluster", str(here / "db"), schema, address]
            else:
                words = [
                    "join-cluster",
                    str(here / "db"),
                    "Open_vSwitch",
                    address,
                    f"tcp:127.0.0.1:{ports[0]}",
                ]
            subprocess.run([program("peer", "ovsdb-tool"), *words], check=True, capture_output=True)
            command = [
                program("peer", "ovsdb-server"),
                str(here / "db"),
                f"--remote=punix:{here}/sock",
                f"--unixctl={here}/ctl",
                f"--log-file={here}/log",
                "-vconsole:off",
            ]
            self.processes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        self.remotes = ",".join(f"unix:{directory}/{number}/sock" for number in range(len(ports)))

    def status(self, number: int) -> str:
        words = ["-t", f"{self.directory}/{number}/ctl", "cluster/status", "Open_vSwitch"]
        return subprocess.run(
            [program("peer", "ovs-appctl"), *words], capture_output=True, text=True, check=False
        ).stdout

    def leader(self) -> int:
        """The number of the leader, once all have joined."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            statuses = [self.status(number) for number in range(len(self.processes))]
            leaders = [number for number, status in enumerate(statuses) if "Role: leader" in status]
            if len(leaders) == 1 and all("Status: cluster member" in status for status in statuses):
                return leaders[0]
            time.sleep(0.1)
        raise AssertionError("no leader")

    def kill(self, number: int) -> None:
        self.processes[number].kill()
        self.processes[number].wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    cluster = Cluster(tmp_path, ports)
    try:
        yield cluster
    finally:
        for process in cluster.processes:
            process.kill()
            process.wait()


def test_clients_go_from_member_to_member_of_a_cluster(cluster: Cluster) -> None:
    """The leader is killed; the one that wants the leader finds the new one, and nothing is lost or made twice."""

    async def work() -> None:
        cluster.leader()
        one, two = replica(leader_only=True), replica(leader_only=False)
        async with Database(cluster.remotes, one) as leading, Database(cluster.remotes, two) as any_member:

            def init(change: Changes) -> None:
                if not change.rows(Root):
                    change.insert(Root())

            await leading.commit(init)
            await leading.commit(add_bridge("b"))
            await leading.commit(bump)
            await any_member.until(
                lambda: [row.external_ids for row in two.find("Bridge", name="b")] == [{"n": "1"}]
            )
            await asyncio.to_thread(cluster.kill, cluster.leader())
            await leading.commit(bump)
            await any_member.commit(bump)
            await leading.until(lambda: leading.contents.one(Bridge, name="b").external_ids == {"n": "3"})

    asyncio.run(asyncio.wait_for(work(), 60))
