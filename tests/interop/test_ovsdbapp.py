"""ovsdbapp, the library through which OpenStack Neutron configures switches, against our database and switch."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.backend.ovs_idl.command import BaseCommand
from ovsdbapp.backend.ovs_idl.event import WaitEvent
from ovsdbapp.event import RowEventHandler
from ovsdbapp.schema.open_vswitch import impl_idl

from tests.interop.daemons import Daemons
from tests.interop.dbservers import until

pytestmark = pytest.mark.interop


def test_bridges_ports_and_columns(tmp_path: Path) -> None:
    with Daemons(tmp_path, "ours", "ours") as daemons:
        idl = connection.OvsdbIdl.from_server(f"unix:{daemons.socket}", "Open_vSwitch")
        link = connection.Connection(idl=idl, timeout=10)
        try:
            api = impl_idl.OvsdbIdl(link)
            api.add_br("br0", datapath_type="dummy").execute(check_error=True)
            with api.transaction(check_error=True) as txn:
                txn.add(api.add_port("br0", "p1"))
                txn.add(
                    api.db_set("Interface", "p1", ("type", "dummy"), ("external_ids", {"iface-id": "vm1"}))
                )
                txn.add(api.db_set("Port", "p1", ("tag", 7)))
            assert api.list_ports("br0").execute(check_error=True) == ["p1"]
            assert api.br_exists("br0").execute(check_error=True)
            assert api.port_to_br("p1").execute(check_error=True) == "br0"
            found = api.db_find("Interface", ("external_ids", "=", {"iface-id": "vm1"})).execute(
                check_error=True
            )
            assert [row["name"] for row in found] == ["p1"]
            assert api.db_get("Port", "p1", "tag").execute(check_error=True) == 7
            assert daemons.run("peer", "ovs-vsctl", "get", "Interface", "p1", "ofport").stdout == "1\n"
            api.del_br("br0").execute(check_error=True)
            assert api.list_br().execute(check_error=True) == []
        finally:
            link.stop(5)


class Watching(connection.OvsdbIdl):
    """Neutron's way to hear of rows."""

    handler: RowEventHandler

    def notify(self, event: str, row: object, updates: object = None) -> None:
        self.handler.notify(event, row, updates)


@contextmanager
def connected(daemons: Daemons, lock: str | None = None) -> Iterator[tuple[impl_idl.OvsdbIdl, Watching]]:
    """ovsdbapp on a connection of its own, which asks for `lock`."""
    idl = Watching.from_server(f"unix:{daemons.socket}", "Open_vSwitch")
    idl.handler = RowEventHandler()
    idl.set_lock(
        lock
    )  # not once its thread runs, which may read the answer before we have noted what it answers
    link = connection.Connection(idl=idl, timeout=10)
    try:
        # The class keeps its first connection: one class for each.
        yield type("Api", (impl_idl.OvsdbIdl,), {"_ovsdb_connection": None})(link), idl
    finally:
        link.stop(5)
        idl.close()


def test_a_lock_has_one_holder_and_goes_to_the_next(tmp_path: Path) -> None:
    with Daemons(tmp_path, "ours") as daemons:
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        with ExitStack() as stack:
            _, first = stack.enter_context(connected(daemons, "neutron"))
            until(lambda: first.has_lock)
            with connected(daemons, "neutron") as (_, second):
                until(lambda: second.is_lock_contended)
                assert not second.has_lock
                stack.close()
                until(lambda: second.has_lock)


def test_changes_of_several_clients_are_all_made_and_heard_of(tmp_path: Path) -> None:
    """Each reads a number and writes the next one, verified; and an event comes for what another has made."""
    with Daemons(tmp_path, "ours", "ours") as daemons:
        daemons.run("ours", "ovs-vsctl", "add-br", "b0", "--", "set", "bridge", "b0", "datapath_type=dummy")
        with connected(daemons) as (one, idl), connected(daemons) as (two, _):
            event = WaitEvent((WaitEvent.ROW_CREATE,), "Bridge", (("name", "=", "made-by-two"),), timeout=10)
            idl.handler.watch_event(event)

            def count(api: impl_idl.OvsdbIdl) -> None:
                for _ in range(8):
                    with api.transaction(check_error=True) as txn:
                        txn.add(Increment(api))

            threads = [Thread(target=count, args=(api,)) for api in (one, two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            two.add_br("made-by-two", datapath_type="dummy").execute(check_error=True)
            assert event.wait()
            counted = daemons.run(
                "peer", "ovs-vsctl", "--no-wait", "get", "bridge", "b0", "external_ids:n"
            ).stdout
            assert counted == '"16"\n'


class Increment(BaseCommand):
    """Reads and writes `external_ids:n` of the bridge."""

    def run_idl(self, txn: object) -> None:
        row = next(row for row in self.api.tables["Bridge"].rows.values() if row.name == "b0")
        row.verify("external_ids")
        row.setkey("external_ids", "n", str(int(row.external_ids.get("n", "0")) + 1))


def test_a_restart_of_the_server_is_survived(tmp_path: Path) -> None:
    with Daemons(tmp_path, "ours", "ours") as daemons:
        dummy = ["--", "set", "bridge", "b0", "datapath_type=dummy"]
        daemons.run("ours", "ovs-vsctl", "add-br", "b0", *dummy)
        with connected(daemons) as (api, _):
            assert api.list_br().execute(check_error=True) == ["b0"]
            daemons.kill("ovsdb-server")
            daemons.start("ovsdb-server", str(tmp_path / "conf.db"), f"--remote=punix:{daemons.socket}")
            daemons.run("peer", "ovs-vsctl", "--no-wait", "add-br", "b1", *dummy)
            until(lambda: sorted(api.list_br().execute(check_error=True)) == ["b0", "b1"])
            api.db_set("Bridge", "b1", ("fail_mode", "secure")).execute(check_error=True)
            assert daemons.run("ours", "ovs-vsctl", "get-fail-mode", "b1").stdout == "secure\n"
