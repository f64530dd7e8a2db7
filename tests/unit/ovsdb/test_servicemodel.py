from tests.unit.ovsdb.machine import SCHEMA, Machine, MemoryStorage, uuids
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.servicemodel import Standalone

INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}


def test_a_service_model_tells_how_the_service_is():
    status = Standalone(MemoryStorage()).status()
    assert status == {"connected": (True,), "leader": (True,), "cid": (), "sid": (), "index": ()}


def test_differences_are_left_out_of_the_journal_if_so_asked():
    machine = Machine()
    service = Standalone(machine.storage, with_differences=False)
    machine.server.remove("T")
    machine.server.add(Host(Database(SCHEMA), uuids(5), lambda: 1, service))
    machine.client().transact(INSERT)
    assert b"_is_diff" not in machine.storage.records[-1]


def test_the_servers_own_database_is_for_reading_only():
    results = (
        Machine().client().ask("transact", "_Server", {"op": "delete", "table": "Database", "where": []})
    )
    assert results[0]["details"] == "delete operation not allowed on table in reserved database _Server"
