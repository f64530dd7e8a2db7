"""Clients that know clusters, with ours: the PyPI `ovs` IDL and OVN's northd, while servers die."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.chaos.etcd import EtcdServer
from tests.interop.clusters import OurCluster, Server, tool, until
from tests.interop.test_cluster import SCHEMA

pytestmark = pytest.mark.interop

IDL = """
import json, sys, time, ovs.db.idl, ovs.poller
remotes, schema, leader_only = sys.argv[1:]
helper = ovs.db.idl.SchemaHelper(schema_json=json.loads(schema))
helper.register_all()
idl = ovs.db.idl.Idl(remotes, helper, leader_only=leader_only == "yes", probe_interval=1000)

def run_until(done):
    deadline = time.monotonic() + 40
    while not done():
        assert time.monotonic() < deadline
        idl.run()
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.timer_wait(50)
        poller.block()

def names():
    return {row.name for row in idl.tables["T"].rows.values()}

def add(name):
    while name not in names():  # a transaction of which nobody heard may have been done
        txn = ovs.db.idl.Transaction(idl)
        txn.insert(idl.tables["T"]).name = name
        status = []
        def done():
            if not status or status[-1] == txn.INCOMPLETE:
                status.append(txn.commit())
            return status[-1] != txn.INCOMPLETE
        run_until(done)
        assert status[-1] in (txn.SUCCESS, txn.TRY_AGAIN), (status, txn.get_error())
        if status[-1] == txn.TRY_AGAIN:
            seqno = idl.change_seqno
            end = time.monotonic() + 0.5
            run_until(lambda: idl.change_seqno != seqno or time.monotonic() > end)

run_until(idl.has_ever_connected)
for line in sys.stdin:
    add(line.strip())
    print(sorted(names()), flush=True)
"""


@pytest.mark.parametrize("leader_only", ["yes", "no"])
def test_the_ovs_library_moves_to_another_server(tmp_path, leader_only):
    schema = tmp_path / "schema"
    schema.write_text(json.dumps(SCHEMA))
    with OurCluster(tmp_path, schema) as cluster:
        remotes = ",".join(server.remote for server in cluster.servers)
        cluster.leader()
        client = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", IDL, remotes, json.dumps(SCHEMA), leader_only],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdin
        assert client.stdout
        try:
            for name, victim in (("a", None), ("b", cluster.leader()), ("c", None)):
                if victim is not None:
                    victim.kill()
                client.stdin.write(f"{name}\n")
                client.stdin.flush()
                assert name in client.stdout.readline()
            client.stdin.close()
            assert client.wait(10) == 0
        finally:
            client.kill()
            client.wait()
            client.stdout.close()
        survivor = next(server for server in cluster.servers if server.process.poll() is None)
        assert survivor.names() == {"a", "b", "c"}


def ovn(*words: str) -> str:
    path = shutil.which(words[0], path="/usr/bin")
    assert path, f"{words[0]} is not installed"
    done = subprocess.run([path, *words[1:]], capture_output=True, text=True, check=False, timeout=60)
    assert not done.returncode, done.stderr
    return done.stdout


def test_northd_works_on_clusters(tmp_path):
    with ExitStack() as stack:
        etcd = stack.enter_context(EtcdServer(tmp_path))
        addresses = [f"etcd:{etcd.endpoint}/prod/OVN_{name}bound" for name in ("North", "South")]
        for address, schema in zip(addresses, ("nb", "sb"), strict=True):
            tool("create-cluster", address, f"/usr/share/ovn/ovn-{schema}.ovsschema")
        servers = []
        for number in range(3):
            clusters = [f"--cluster={address}" for address in addresses]
            servers.append(Server("ours", tmp_path / f"{number}", *clusters))
            stack.callback(servers[-1].stop)
        remotes = ",".join(server.remote for server in servers)
        log = stack.enter_context((tmp_path / "northd.log").open("wb"))
        northd = subprocess.Popen(
            [
                shutil.which("ovn-northd", path="/usr/bin") or "ovn-northd",
                f"--ovnnb-db={remotes}",
                f"--ovnsb-db={remotes}",
                f"--unixctl={tmp_path / 'northd.ctl'}",
            ],
            stdout=log,
            stderr=log,
        )
        stack.callback(northd.wait)
        stack.callback(northd.kill)
        nbctl = ("ovn-nbctl", f"--db={remotes}", "--timeout=50")
        sbctl = ("ovn-sbctl", f"--db={remotes}", "--timeout=50", "--no-leader-only")
        ovn(*nbctl, "--wait=sb", "ls-add", "first", "--", "lsp-add", "first", "port")
        assert "port" in ovn(*sbctl, "--bare", "--columns=logical_port", "list", "Port_Binding")
        victim = until(
            lambda: next((s for s in servers if s.service("OVN_Northbound")["leader"]), None), "no leader"
        )
        victim.kill()
        ovn(*nbctl, "--no-leader-only", "ls-add", "second")
        flows = ("--bare", "--columns=external_ids", "list", "Datapath_Binding")
        until(lambda: "name=second" in ovn(*sbctl, *flows), "northd does not follow", 60)
