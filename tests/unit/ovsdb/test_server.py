from tests.unit.ovsdb.machine import SCHEMA, Machine, MemoryStorage, uuids
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.schema import load
from vswitch.ovsdb.servicemodel import Access, Standalone


def databases(client):
    rows = client.ask(
        "transact",
        "_Server",
        {
            "op": "select",
            "table": "Database",
            "where": [],
            "columns": ["name", "model", "connected", "leader"],
        },
    )[0]["rows"]
    return sorted(
        row["name"] for row in rows if row["connected"] and row["leader"] and row["model"] == "standalone"
    )


def test_the_server_database_is_true():
    machine = Machine()
    client = machine.client()
    assert databases(client) == ["T", "_Server"]
    assert client.ask("transact", "_Server", {"op": "delete", "table": "Database", "where": []})[0][
        "details"
    ] == ("delete operation not allowed on table in reserved database _Server")


def test_databases_come_and_go():
    machine = Machine()
    aware, unaware = machine.client(), machine.client()
    aware.ask("set_db_change_aware", True)
    aware.ask("monitor", "T", "m", {})
    aware.send(
        "transact", "T", {"op": "wait", "table": "A", "where": [], "until": "==", "rows": [{}]}, id="w"
    )
    machine.server.add(Host(Database(load("vtep")), uuids(5), lambda: 0, Standalone(MemoryStorage())))
    assert unaware.session.closed
    assert not aware.session.closed
    assert databases(aware) == ["T", "_Server", "hardware_vtep"]
    machine.server.remove("T")
    heard = aware.heard()
    assert {"error": "canceled", "id": "w", "result": None} in heard
    assert {"id": None, "method": "monitor_canceled", "params": ["m"]} in heard
    assert databases(aware) == ["_Server", "hardware_vtep"]


def test_usage():
    machine = Machine()
    machine.client().ask("monitor", "T", "m", {})
    usage = dict(machine.server.usage())
    assert usage["sessions"] == 1
    assert usage["monitors"] == 1


def test_convert():
    machine = Machine()
    client = machine.client()
    client.ask("set_db_change_aware", True)
    client.transact({"op": "insert", "table": "I", "row": {"a": "1", "b": 2}})
    json = SCHEMA.to_json() | {"version": "2.0.0"}
    json["tables"] = {
        "I": {"columns": {"a": {"type": {"key": "string", "min": 0}}, "c": {"type": "integer"}}}
    }
    assert client.ask("convert", "T", json) == {}
    assert client.ask("get_schema", "T") == json
    assert [(row["a"], row["c"]) for row in machine.rows("I")] == [("1", 0)]
    assert client.ask("convert", "T", json | {"name": "Q"})["error"] == "invalid parameters"
    json["tables"]["I"]["columns"]["a"] = {"type": {"key": {"type": "string", "maxLength": 0}}}
    assert client.ask("convert", "T", json)["error"] == "constraint violation"
    assert len(machine.rows("I")) == 1


def test_who_may_only_read_may_not_convert():
    machine = Machine()
    client = machine.client()
    client.session.access = Access(read_only=True)
    refusal = {
        "error": "not allowed",
        "details": "convert operation not allowed when database server is in read only mode",
    }
    assert client.ask("convert", "T", SCHEMA.to_json() | {"version": "2.0.0"}) == refusal
    assert machine.client().ask("get_schema", "T") == SCHEMA.to_json()
