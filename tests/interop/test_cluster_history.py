"""`vswitch db` on clusters: their log in etcd, and the files of Open vSwitch's, as history; a revert through a server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop.clusters import OurCluster, PeerCluster, until
from tests.interop.daemons import program
from tests.interop.test_cluster import SCHEMA

pytestmark = pytest.mark.interop


def history(place: str | Path, *words: str, status: int = 0) -> str:
    command = [program("ours", "vswitch"), "db", f"--file={place}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def insert(name: str) -> list[object]:
    comment = {"op": "comment", "comment": f"add {name}"}
    return [{"op": "insert", "table": "T", "row": {"name": name}}, comment]


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema"
    path.write_text(json.dumps(SCHEMA))
    return path


def test_the_log_of_a_cluster_is_its_history(tmp_path: Path, schema: Path) -> None:
    with OurCluster(tmp_path, schema, 2) as cluster:
        for server, name in zip(cluster.servers, "ab", strict=True):
            cluster.leader()
            server.transact(*insert(name))
        for server in cluster.servers:
            until(lambda: {"a", "b"} <= server.names(), "both servers have both rows")  # noqa: B023
        events = json.loads(history(cluster.address, "log", "-f", "json"))["data"]
        assert [event[2] for event in events[-2:]] == ["add a", "add b"]
        last = str(events[-1][0])
        assert "+1 T" in history(cluster.address, "log", "-n", "1")
        assert "name: b" in history(cluster.address, "diff", str(events[-2][0]), "now")
        assert "is what the database held" in history(cluster.address, "revert", "1", status=1)
        remote = cluster.servers[0].remote
        assert history(cluster.address, f"--db={remote}", "revert", last) == f"transaction {last} is undone\n"
        until(lambda: cluster.servers[1].names() == {"a"}, "the row goes everywhere")
        assert "add b" in history(cluster.address, "log", "-n", "1")


def test_the_file_of_a_server_of_open_vswitchs_is_its_history(tmp_path: Path, schema: Path) -> None:
    with PeerCluster(tmp_path, schema) as cluster:
        for name in "ab":
            cluster.servers[0].transact(*insert(name))
        last = until(
            lambda: (
                "add b" in history(cluster.files[0], "log") and history(cluster.files[0], "log", "-n", "1")
            ),
            "it is written",
        )
        assert "+1 T" in last
        number = last.split()[0]
        remote = cluster.servers[0].remote
        assert "undone" in history(cluster.files[0], f"--db={remote}", "revert", number)
        until(lambda: cluster.servers[2].names() == {"a"}, "the row goes everywhere")
