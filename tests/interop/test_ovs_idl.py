"""The Python IDL of Open vSwitch itself (PyPI `ovs`) on our database server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ovs.db.idl
import ovs.poller
import pytest

from tests.interop.daemons import PEER_SCHEMA, Daemons

pytestmark = pytest.mark.interop


class Client:
    """An IDL over every table, run until something holds."""

    def __init__(self, socket: Path) -> None:
        helper = ovs.db.idl.SchemaHelper(str(PEER_SCHEMA))
        helper.register_all()
        self.idl = ovs.db.idl.Idl(f"unix:{socket}", helper)
        self.events: list[tuple[str, str]] = []
        self.idl.notify = lambda event, row, updates=None: self.events.append((event, row._table.name))

    def until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            self.idl.run()
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            poller.timer_wait(50)
            poller.block()

    def bridge(self, name: str) -> ovs.db.idl.Row | None:
        rows = self.idl.tables["Bridge"].rows.values()
        return next((row for row in rows if row.name == name), None)


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    with Daemons(tmp_path, "ours") as running:
        running.run("peer", "ovs-vsctl", "--no-wait", "init")
        yield running


@pytest.fixture
def client(daemons: Daemons) -> Iterator[Client]:
    made = Client(daemons.socket)
    made.until(lambda: made.idl.has_ever_connected())
    yield made
    made.idl.close()


def test_rows_come_change_and_go(daemons: Daemons, client: Client) -> None:
    daemons.run(
        "ours", "ovs-vsctl", "--no-wait", "add-br", "br0", "--", "set", "bridge", "br0", "other_config:a=b"
    )
    client.until(lambda: client.bridge("br0"))
    row = client.bridge("br0")
    assert row is not None
    assert row.other_config == {"a": "b"}
    assert [port.interfaces[0].name for port in row.ports] == ["br0"]
    daemons.run("ours", "ovs-vsctl", "--no-wait", "set", "bridge", "br0", "fail_mode=secure")
    client.until(lambda: row.fail_mode == ["secure"])
    daemons.run("ours", "ovs-vsctl", "--no-wait", "del-br", "br0")
    client.until(lambda: client.bridge("br0") is None)
    assert {("create", "Bridge"), ("update", "Bridge"), ("delete", "Bridge")} <= set(client.events)


def test_transactions_are_verified(daemons: Daemons, client: Client) -> None:
    root = next(iter(client.idl.tables["Open_vSwitch"].rows.values()))

    def increment() -> str:
        txn = ovs.db.idl.Transaction(client.idl)
        root.verify("external_ids")
        root.external_ids = {**root.external_ids, "n": str(int(root.external_ids.get("n", "0")) + 1)}
        return txn.commit_block()

    assert increment() == ovs.db.idl.Transaction.SUCCESS
    daemons.run("ours", "ovs-vsctl", "--no-wait", "set", "open", ".", "external_ids:n=10")
    assert increment() in (ovs.db.idl.Transaction.TRY_AGAIN, ovs.db.idl.Transaction.SUCCESS)
    client.until(lambda: int(root.external_ids.get("n", "0")) >= 10)
    assert increment() == ovs.db.idl.Transaction.SUCCESS
    n = int(daemons.run("peer", "ovs-vsctl", "get", "open", ".", "external_ids:n").stdout.strip().strip('"'))
    assert n in (11, 12)


def test_a_lock_has_one_owner(daemons: Daemons, client: Client) -> None:
    client.idl.set_lock("one")
    client.until(lambda: client.idl.has_lock)
    other = Client(daemons.socket)
    other.idl.set_lock("one")
    other.until(lambda: other.idl.is_lock_contended)
    assert not other.idl.has_lock
    client.idl.set_lock(None)
    client.until(lambda: not client.idl.has_lock)
    other.until(lambda: other.idl.has_lock)
    other.idl.close()


def test_a_restarted_server_is_found_again(daemons: Daemons, client: Client) -> None:
    daemons.run("ours", "ovs-vsctl", "--no-wait", "add-br", "br0")
    client.until(lambda: client.bridge("br0"))
    seqno = client.idl.change_seqno
    daemons.kill("ovsdb-server")
    daemons.start(
        "ovsdb-server",
        str(daemons.directory / "conf.db"),
        f"--remote=punix:{daemons.socket}",
        "--overwrite-pidfile",
    )
    daemons.run("ours", "ovs-vsctl", "--no-wait", "add-br", "br1")
    client.until(lambda: client.bridge("br1"), timeout=20.0)
    assert client.idl.change_seqno != seqno
    assert client.bridge("br0")
