"""Files of Open vSwitch's own clusters: read, shown, checked, moved to etcd and to files; and made."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.chaos.etcd import EtcdServer
from tests.interop.clusters import PeerCluster, Server, tool, until
from tests.interop.test_cluster import SCHEMA, insert

pytestmark = pytest.mark.interop

NAMES = {"row0", "row1", "row2"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "s.ovsschema"
    path.write_text(json.dumps(SCHEMA))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory, schema):
    """What a cluster of three leaves behind after transactions, a compaction, a conversion and a change of timer."""
    directory = tmp_path_factory.mktemp("raft")
    with PeerCluster(directory, schema) as cluster:
        for number, server in enumerate(cluster.servers):
            server.transact({"op": "comment", "comment": f"by {number}"}, insert(f"row{number}", number))
        first = cluster.servers[0]
        first.transact({"op": "update", "table": "T", "where": [["name", "==", "row1"]], "row": {"n": 7}})
        first.transact(insert("gone"))
        first.transact({"op": "delete", "table": "T", "where": [["name", "==", "gone"]]})
        shutil.copy(cluster.files[1], directory / "early.db")
        first.appctl("ovsdb-server/compact")
        first.appctl("cluster/change-election-timer", "S", "1500")
        newer = json.loads(json.dumps(SCHEMA))
        newer["version"] = "1.1.0"
        newer["tables"]["T"]["columns"]["more"] = {"type": "integer"}
        (directory / "newer").write_text(json.dumps(newer))
        first.client("convert", str(directory / "newer"))
        first.transact({"op": "update", "table": "T", "where": [["name", "==", "row2"]], "row": {"more": 3}})
        for server in cluster.servers:
            until(lambda server=server: '"more":3' in server.client("backup", "S"), "not everywhere")
    return [*cluster.files, directory / "early.db"]


def test_facts_are_the_peers(files):
    for command in ("db-cid", "db-sid", "db-local-address", "db-name"):
        for file in files:
            assert tool(command, str(file)) == tool(command, str(file), make="peer")
    for file in files:
        tool("db-is-clustered", str(file))
        tool("db-is-standalone", str(file), status=2)


@pytest.mark.parametrize("more", [[], ["-m"], ["-m", "-m"]], ids=["", "-m", "-m -m"])
def test_show_log_is_the_peers(files, more):
    for file in files:
        ours = tool(*more, "show-log", str(file))
        theirs = tool(*more, "show-log", str(file), make="peer")
        if not more:
            assert ours == theirs
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())  # columns in another order


@pytest.mark.parametrize("command", ["compact", "db-version", "db-cksum", "needs-conversion", "query"])
def test_what_needs_a_standalone_database_says_so(files, command):
    words = [command, str(files[0])] + (["[]"] if command == "query" else [])
    assert "cannot apply this operation to clustered database file" in tool(*words, status=1)


def test_an_untouched_cluster_is_fine(files):
    assert tool("check-cluster", *map(str, files[:3])) == ""
    assert "no file of server" in tool("check-cluster", str(files[0]))


def test_damage_is_found(files, tmp_path):
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(files[1].read_bytes().replace(b'"n":7', b'"n":8'))
    assert "SHA-1" in tool("check-cluster", str(damaged), status=1)
    twice = tmp_path / "twice.db"
    shutil.copy(files[0], twice)
    assert "Duplicate server ID" in tool("check-cluster", str(files[0]), str(twice), status=1)
    assert "unexpected file format" in tool("db-cid", str(files[0].parent / "newer"), status=1)


@pytest.mark.parametrize("number", range(4))
def test_files_become_standalone_databases(files, number, tmp_path):
    target = str(tmp_path / "alone.db")
    tool("cluster-to-standalone", target, str(files[number]))
    query = json.dumps(["S", {"op": "select", "table": "T", "where": [], "columns": ["name", "n"]}])
    [result] = json.loads(tool("query", target, query, make="peer"))
    assert {row["name"]: row["n"] for row in result["rows"]} == {"row0": 0, "row1": 7, "row2": 2}
    assert tool("db-version", target, make="peer") == ("1.0.0\n" if number == 3 else "1.1.0\n")
    assert "File exists" in tool("cluster-to-standalone", target, str(files[number]), status=1)


def test_a_cluster_moves_to_etcd(files, tmp_path):
    with EtcdServer(tmp_path) as etcd:
        address = f"etcd:{etcd.endpoint}/moved/S"
        tool("create-cluster", address, str(files[0]))
        server = Server("ours", tmp_path / "server", f"--cluster={address}")
        try:
            assert server.names() == NAMES
            assert '"more":3' in server.client("backup", "S")
        finally:
            server.stop()
        log = tool("-m", "-m", "show-log", address)
        assert log.startswith('snapshot 1:\n schema: "S", version="1.1.0"')


def test_the_peer_serves_a_cluster_that_we_made(tmp_path, schema, files):
    alone = tmp_path / "alone.db"
    tool("cluster-to-standalone", str(alone), str(files[0]))
    with PeerCluster(tmp_path, alone, made_by="ours") as cluster:
        for server in cluster.servers:
            until(lambda server=server: server.names() == NAMES, "not what it was")
        cluster.servers[2].transact(insert("more"))
    tool("check-cluster", *map(str, cluster.files))


def test_arguments_are_checked_as_by_the_peer(tmp_path, schema):
    new, there = str(tmp_path / "new.db"), str(tmp_path / "there.db")
    local, remote = "tcp:127.0.0.1:1", "tcp:127.0.0.1:2"
    (tmp_path / "there.db").write_text("")
    standalone, empty = tmp_path / "standalone", tmp_path / "empty"
    tool("create", str(standalone), str(schema))
    tool("create-cluster", str(empty), str(schema), "unix:x")
    for words in (
        ["create-cluster", there, str(schema), local],
        ["create-cluster", new, str(schema), "foo"],
        ["create-cluster", new, "nosuch", local],
        ["--election-timer=5", "create-cluster", new, str(schema), local],
        ["--election-timer=5", "create-cluster", new, str(schema), "foo"],
        ["create-cluster", new, str(schema), "udp:1:2"],
        ["create-cluster", new, str(schema), "tcp:127.0.0.1"],
        ["create-cluster", new, str(schema), "tcp:127.0.0.1:99999"],
        ["cluster-to-standalone", new, str(standalone)],
        ["cluster-to-standalone", new, "nosuch"],
        ["check-cluster", str(empty)],
        ["join-cluster", new, "S", local],
        ["join-cluster", new, "S", local, local],
        ["join-cluster", new, "S-", local, remote],
        ["--cid=abc", "join-cluster", new, "S", local, remote],
        ["db-sid", str(tmp_path / "nosuch")],
    ):
        theirs = [
            line
            for line in tool(*words, make="peer", status=1).splitlines()
            if "|WARN|" not in line and "|ERR|" not in line
        ]
        ours = [line for line in tool(*words, status=1).splitlines() if "|WARN|" not in line]
        assert ours == theirs, words
        (tmp_path / "new.db").unlink(missing_ok=True)  # which the peer leaves behind
    tool("join-cluster", new, "S", local, remote)
    assert tool("db-cid", new, status=2) == tool("db-cid", new, make="peer", status=2)
    assert "the server has not joined" in tool("check-cluster", new)
    assert "has not joined its cluster yet" in tool("cluster-to-standalone", there + "2", new, status=1)
