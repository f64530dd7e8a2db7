"""The reference Python IDL (PyPI `ovs`) on our ovsdb-server: a second process of somebody else's code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.test_ovsdb_server import Client, server

pytestmark = pytest.mark.interop

IDL = """
import sys, ovs.db.idl, ovs.poller, time
remote, schema_path, name = sys.argv[1:]
helper = ovs.db.idl.SchemaHelper(schema_path)
for table, columns in (("A", ["name", "x", "m", "strong"]), ("B", ["name"]), ("I", ["a", "b"])):
    helper.register_columns(table, columns)
idl = ovs.db.idl.Idl(remote, helper)
deadline = time.monotonic() + 15

def run_until(done):
    while not done():
        assert time.monotonic() < deadline
        idl.run()
        if done():
            return
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.timer_wait(1000)
        poller.block()

def commit(txn):
    status = txn.commit_block()
    assert status in (txn.SUCCESS, txn.UNCHANGED), (status, txn.get_error())

run_until(lambda: idl.has_ever_connected())
txn = ovs.db.idl.Transaction(idl)
b = txn.insert(idl.tables["B"]); b.name = "b"
a = txn.insert(idl.tables["A"]); a.name = name; a.strong = [b]; a.m = {"k": 1}
commit(txn)
run_until(lambda: any(row.name == name for row in idl.tables["A"].rows.values()))
row = next(row for row in idl.tables["A"].rows.values() if row.name == name)
assert row.strong[0].name == "b" and row.m == {"k": 1}
txn = ovs.db.idl.Transaction(idl)
row.verify("x"); row.increment("x"); row.setkey("m", "l", 2)
commit(txn)
run_until(lambda: row.x == 1 and row.m == {"k": 1, "l": 2})
print("written", flush=True)
run_until(lambda: any(row.a == "from outside" for row in idl.tables["I"].rows.values()))
print("seen", flush=True)
txn = ovs.db.idl.Transaction(idl)
row.delete()
commit(txn)
run_until(lambda: not idl.tables["A"].rows and not idl.tables["B"].rows)
print("gone", flush=True)
"""


def test_an_idl_reads_writes_and_follows(tmp_path: Path) -> None:
    database = tmp_path / "db"
    with server("ours", database):
        client = Client(database)
        schema = tmp_path / "schema"
        schema.write_text(json.dumps(client.ask("get_schema", "T")[1]))
        idl = subprocess.Popen(
            [sys.executable, "-c", IDL, f"unix:{database}.sock", str(schema), "thing"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with idl:
            assert idl.stdout is not None
            assert idl.stdout.readline() == "written\n"
            client.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": "from outside"}})
            assert idl.stdout.readline() == "seen\n"
            assert idl.stdout.readline() == "gone\n"
            assert idl.wait(timeout=20) == 0
        client.close()
