"""Servers that share a log in etcd, and the clients of Open vSwitch with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.chaos.etcd import EtcdServer
from tests.interop.clusters import OurCluster, Server, tool, until
from tests.interop.daemons import program
from vswitch.ovsdbserver.etcd import Credentials, Etcd

pytestmark = pytest.mark.interop

COLUMNS = {
    "name": {"type": "string"},
    "n": {"type": "integer"},
    "volatile": {"type": "string", "ephemeral": True},
}
SCHEMA = {
    "name": "S",
    "version": "1.0.0",
    "tables": {"T": {"columns": COLUMNS, "indexes": [["name"]], "isRoot": True}},
}


def insert(name: str, n: int = 0) -> dict:
    return {"op": "insert", "table": "T", "row": {"name": name, "n": n}}


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "s.ovsschema"
    path.write_text(json.dumps(SCHEMA))
    return path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, schema):
    with OurCluster(tmp_path_factory.mktemp("cluster"), schema) as cluster:
        yield cluster


def test_what_one_server_takes_all_show(cluster):
    for number, server in enumerate(cluster.servers):
        assert server.transact(insert(f"row{number}"))[0]["uuid"]
    for server in cluster.servers:
        assert {"row0", "row1", "row2"} <= server.names()
        [_, error] = server.transact(insert("row1"))
        assert "identical values (row1)" in error["details"]


def test_server_database_says_what_clients_need(cluster):
    until(lambda: sum(server.service()["leader"] for server in cluster.servers) == 1, "no single leader")
    services = [server.service() for server in cluster.servers]
    assert len({json.dumps(each["cid"]) for each in services}) == 1
    assert len({json.dumps(each["sid"]) for each in services}) == 3
    assert all(each["connected"] and each["model"] == "clustered" for each in services)
    index = services[0]["index"]
    cluster.servers[0].transact(insert("counted"))
    assert cluster.servers[0].service()["index"] == index + 1


def test_status_is_in_the_peers_form(cluster):
    leader = cluster.leader()
    lines = leader.appctl("cluster/status", "S").stdout.splitlines()
    cid = tool("db-cid", cluster.address).strip()
    sid = leader.appctl("cluster/sid", "S").stdout.strip()
    assert leader.appctl("cluster/cid", "S").stdout.strip() == cid
    assert lines[0] == sid[:4]
    assert lines[1:4] == ["Name: S", f"Cluster ID: {cid[:4]} ({cid})", f"Server ID: {sid[:4]} ({sid})"]
    assert {"Status: cluster member", "Role: leader", "Leader: self"} <= set(lines)
    assert sum(line.startswith("    ") for line in lines) == 3
    for command in ("cid", "sid", "status", "leave"):
        failed = leader.appctl(f"cluster/{command}", "Nope")
        assert failed.returncode == 2
        assert failed.stderr.startswith("unknown cluster\n")
    assert "etcd's --election-timeout" in leader.appctl("cluster/change-election-timer", "S", "2000").stderr
    assert "unknown server" in leader.appctl("cluster/kick", "S", "beef").stderr


def test_a_monitor_goes_on_at_another_server(cluster):
    """The ids are the same everywhere: a client that moves gets what it missed, and no more."""
    first, second, _ = cluster.servers
    first.transact(insert("before"))

    def monitor(server: Server, since: str) -> list:
        return server.ask("monitor_cond_since", "S", "m", {"T": [{"columns": ["name"]}]}, since)

    found, last_id, everything = monitor(first, "00000000-0000-0000-0000-000000000000")
    assert found is False
    assert "before" in str(everything)
    first.transact(insert("missed"))
    second.names()
    found, newest, updates = monitor(second, last_id)
    assert found is True
    assert [row["insert"]["name"] for row in updates["T"].values()] == ["missed"]
    assert newest != last_id
    assert monitor(first, newest) == [True, newest, {}]


def test_a_wait_is_satisfied_by_what_happens_elsewhere(cluster):
    first, second, _ = cluster.servers
    waits = {
        "op": "wait",
        "timeout": 15000,
        "table": "T",
        "where": [["name", "==", "awaited"]],
        "columns": ["n"],
        "until": "==",
        "rows": [{"n": 5}],
    }
    waiting = subprocess.Popen(
        [
            program("peer", "ovsdb-client"),
            "--no-leader-only",
            "transact",
            first.socket,
            json.dumps(["S", waits, insert("after")]),
        ],
        stdout=subprocess.PIPE,
    )
    second.transact(insert("awaited", 5))
    output, _ = waiting.communicate(timeout=20)
    assert json.loads(output)[0] == {}
    assert "after" in second.names()


def test_large_values_are_split(cluster):
    first, second, _ = cluster.servers
    noise = os.urandom(2_000_000).hex()
    first.transact({"op": "comment", "comment": "large"}, insert(name := noise[:3_000_000]))
    assert name in second.names()
    second.transact({"op": "delete", "table": "T", "where": [["name", "==", name]]})
    assert name not in first.names()


def test_a_new_server_starts_from_the_snapshot(cluster, tmp_path):
    leader = cluster.leader()
    for number in range(5):
        leader.transact(insert(f"old{number}"))
    assert leader.appctl("ovsdb-server/compact", "S").returncode == 0
    index = leader.service()["index"]
    until(lambda: f"snapshot {index}:" in tool("show-log", cluster.address), "no snapshot")
    leader.transact(insert("new"))
    server = Server("ours", tmp_path / "late", f"--cluster={cluster.address}")
    try:
        assert server.names() == leader.names()
    finally:
        server.stop()


def test_convert_backup_and_restore(cluster, tmp_path):
    first, second, third = cluster.servers
    newer = json.loads(json.dumps(SCHEMA))
    newer["version"] = "1.1.0"
    newer["tables"]["T"]["columns"]["more"] = {"type": "integer"}
    (tmp_path / "newer").write_text(json.dumps(newer))
    names = first.names()
    first.client("convert", str(tmp_path / "newer"))
    for server in cluster.servers:
        until(lambda server=server: server.client("get-schema-version", "S") == "1.1.0\n", "not converted")
        assert server.names() == names
    second.transact({"op": "update", "table": "T", "where": [], "row": {"more": 7}})
    backup = second.client("backup", "S")
    third.transact(insert("vanishes"))
    (tmp_path / "backup").write_text(backup)
    with (tmp_path / "backup").open() as file:
        restored = subprocess.run(
            [program("peer", "ovsdb-client"), "--no-leader-only", "restore", second.socket, "S"],
            stdin=file,
            text=True,
            capture_output=True,
            check=False,
        )
    assert restored.returncode == 0, restored.stderr
    for server in cluster.servers:
        until(lambda server=server: "vanishes" not in server.names(), "not restored")
        assert server.names() == names


def test_tools_see_the_cluster(cluster, tmp_path):
    assert tool("db-name", cluster.address) == "S\n"
    tool("db-is-clustered", cluster.address)
    tool("db-is-standalone", cluster.address, status=2)
    cid = tool("db-cid", cluster.address).strip()
    tool(f"--cid={cid}", "join-cluster", cluster.address, "S")
    assert "and not Other" in tool("join-cluster", cluster.address, "Other", status=1)
    assert "File exists" in tool("create-cluster", cluster.address, str(_schema(tmp_path)), status=1)
    tool("check-cluster", cluster.address)
    tool("cluster-to-standalone", str(tmp_path / "alone.db"), cluster.address)
    query = json.dumps(["S", {"op": "select", "table": "T", "where": [], "columns": ["name"]}])
    [result] = json.loads(tool("query", str(tmp_path / "alone.db"), query, make="peer"))
    assert {row["name"] for row in result["rows"]} == cluster.servers[0].names()
    assert "no cluster of that name" in tool("db-cid", cluster.address + "2", status=1)
    copy = cluster.address.replace("/S", "/copy/S")
    tool("create-cluster", copy, str(tmp_path / "alone.db"))
    tool("cluster-to-standalone", str(tmp_path / "again.db"), copy)
    again = json.loads(tool("query", str(tmp_path / "again.db"), query, make="peer"))
    assert sorted(map(str, again[0]["rows"])) == sorted(map(str, result["rows"]))
    wrong = cluster.address.replace("/S", "/other")
    assert "has to end in the name of the database, S" in tool(
        "create-cluster", wrong, str(tmp_path / "alone.db"), status=1
    )


def _schema(directory):
    path = directory / "again.ovsschema"
    path.write_text(json.dumps(SCHEMA))
    return path


def test_the_lead_goes_to_another_server(tmp_path, schema):
    with OurCluster(tmp_path, schema) as cluster:
        old = cluster.leader()
        old.kill()
        survivors = [server for server in cluster.servers if server is not old]
        began = time.monotonic()
        survivors[0].transact(insert("meanwhile"))  # nobody has to wait for an election
        assert time.monotonic() - began < 3
        new = cluster.leader()
        assert new is not old
        old.start()
        assert "meanwhile" in old.names()
        assert (
            new.appctl("cluster/kick", "S", old.appctl("cluster/sid", "S").stdout.strip()[:8]).returncode == 0
        )
        until(lambda: old.client("list-dbs") == "_Server\n", "not kicked out")
        new.process.send_signal(signal.SIGTERM)
        new.process.wait(10)
        began = time.monotonic()
        assert cluster.leader() not in (old, new)
        assert time.monotonic() - began < 3  # who leaves by itself leaves at once
        last = cluster.leader()
        assert last.appctl("cluster/leave", "S").returncode == 0
        assert last.client("list-dbs") == "_Server\n"


def test_without_etcd_reads_go_on_and_writes_wait(tmp_path, schema):
    with OurCluster(tmp_path, schema, 1) as cluster:
        [server] = cluster.servers
        server.transact(insert("there"))
        cluster.etcd.stop()
        until(lambda: not server.service()["connected"], "still connected")
        select = {"op": "select", "table": "T", "where": [], "columns": ["name"]}
        assert server.transact(select)[0]["rows"] == [{"name": "there"}]
        waiting = subprocess.Popen(
            [
                program("peer", "ovsdb-client"),
                "--no-leader-only",
                "transact",
                server.socket,
                json.dumps(["S", insert("late")]),
            ],
            stdout=subprocess.PIPE,
        )
        time.sleep(0.3)
        assert waiting.poll() is None
        cluster.etcd.start()
        output, _ = waiting.communicate(timeout=20)
        assert "uuid" in json.loads(output)[0]
        until(lambda: server.service()["connected"], "not connected again")
        assert server.names() == {"there", "late"}


def test_a_server_waits_for_etcd_and_a_cluster_that_is_not_there(tmp_path, schema):
    server = Server("ours", tmp_path / "early", "--cluster=etcd:127.0.0.1:1/S")
    try:
        until(lambda: "disconnected" in server.appctl("ovsdb-server/get-db-storage-status", "S").stdout, "")
        assert "Status: joining cluster" in server.appctl("cluster/status", "S").stdout
        assert "serving clients without the database" in server.log()
        assert server.service()["connected"] is False
        assert server.service()["schema"] == ["set", []]
    finally:
        server.stop()


@pytest.mark.parametrize("word", ["etcd:", "etcd:a:1", "etcd:a:x/S", "etcd:a:99999/S", "etcd:a:1/", "x:1/S"])
def test_a_bad_address_is_refused(word, tmp_path):
    done = subprocess.run(
        [
            program("ours", "ovsdb-server"),
            f"--cluster={word}" if word[0] == "e" else word,
            f"--unixctl={tmp_path}/ctl",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert word.split(":")[0] in done.stderr


def test_without_the_extra_it_is_said_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['aetcd'] = None\n"
        "from vswitch.ovsdbserver.main import main\n"
        f"sys.exit(main(['--cluster=etcd:127.0.0.1:1/S', '--unixctl={tmp_path}/ctl']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert 'install vswitch with its extra "cluster"' in done.stderr


def test_etcd_is_spoken_to_by_tls(tmp_path, schema):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=etcd",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    files = [f"--{what}={path}" for what, path in (("cert-file", certificate), ("key-file", key))]
    with EtcdServer(tmp_path, *files, "--client-cert-auth", f"--trusted-ca-file={certificate}") as etcd:
        address = f"etcd:{etcd.endpoint}/S"
        ours = ("-p", str(key), "-c", str(certificate), "-C", str(certificate))
        tool(*ours, "create-cluster", address, str(schema))
        assert etcd.endpoint in tool("db-cid", address, status=1)  # without keys
        options = [f"--cluster-{what}={path}" for what, path in
                   (("private-key", key), ("certificate", certificate), ("ca-cert", certificate))]  # fmt: skip
        server = Server("ours", tmp_path / "server", f"--cluster={address}", *options)
        try:
            server.transact(insert("secret"))
            assert server.names() == {"secret"}
        finally:
            server.stop()


def test_remotes_are_named_by_the_clusters_rows(tmp_path, schema):
    with EtcdServer(tmp_path) as etcd:
        # The first server of etcd is not there: the next one will do.
        address, socket = f"etcd:127.0.0.1:1,{etcd.endpoint}/S", tmp_path / "named.sock"
        tool("create-cluster", address, str(schema))
        server = Server("ours", tmp_path / "server", f"--cluster={address}", "--remote=db:S,T,name")
        try:
            server.transact(insert(f"punix:{socket}"))
            until(socket.exists, "not opened")
            newer = json.loads(json.dumps(SCHEMA)) | {"version": "2.0.0"}
            (tmp_path / "newer").write_text(json.dumps(newer))
            server.client("convert", str(tmp_path / "newer"))
            server.transact({"op": "delete", "table": "T", "where": []})
            until(lambda: not socket.exists(), "not closed")
        finally:
            server.stop()


def test_a_log_that_cannot_be_followed_is_survived(tmp_path, schema):
    """Somebody else writes where the log is: the server says so, and goes on when it is put right."""
    with OurCluster(tmp_path, schema, 1) as cluster:
        [server] = cluster.servers
        server.transact(insert("good"))

        async def etcd(*, put: bool) -> None:
            door = Etcd(cluster.etcd.endpoint, Credentials())
            [head] = (await door.read("vswitch/S/head")).found
            index, id = head.value.decode().split()
            name = f"vswitch/S/log/{int(index) + 1:016x}"
            if put:
                await door.write(name, f"11111111-0000-4000-8000-000000000000 {id} 0\nnonsense".encode())
            else:
                assert await door.delete(name) == 1
            await door.close()

        asyncio.run(etcd(put=True))
        until(lambda: "cannot follow the log" in server.log(), "not noticed")
        until(lambda: not server.service()["connected"], "not told")
        asyncio.run(etcd(put=False))
        until(lambda: server.service()["connected"], "not connected again")
        assert server.names() == {"good"}
        server.transact(insert("better"))
        assert server.names() == {"good", "better"}
