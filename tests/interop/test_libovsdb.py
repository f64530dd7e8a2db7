"""What Go's libovsdb (ovn-kubernetes, and many operators) says to a database server, said to ours and to the peer's.

Its models are made from the schema that `get_schema` gives, so every member of that has to be there; its cookies are
objects, its requests have a `select` with all members; it monitors `_Server` in the first form to follow the leader.

Then a program in Go, made with that of its ancestors that Debian packages, says what it has to both.

Sources: github.com/ovn-org/libovsdb, package client.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemons import PEER_SCHEMA, Make
from tests.interop.dbservers import Client, DatabaseServer

pytestmark = pytest.mark.interop
Json = Any
COOKIE = {"databaseName": "Open_vSwitch", "id": "e6b3b2a4-0000-4000-8000-000000000001"}
SELECT = {"initial": True, "insert": True, "delete": True, "modify": True}
ZERO = "00000000-0000-0000-0000-000000000000"


def request(*columns: str, **more: Json) -> Json:
    return [{"columns": [*columns], "select": SELECT} | more]


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[dict[Make, Client]]:
    with (
        DatabaseServer("peer", tmp_path / "peer", str(tmp_path / "peer" / "db"), schema=PEER_SCHEMA) as peer,
        DatabaseServer("ours", tmp_path / "ours", str(tmp_path / "ours" / "db"), schema=PEER_SCHEMA) as ours,
        peer.client() as first,
        ours.client() as second,
    ):
        yield {"peer": first, "ours": second}


def plain(value: Json) -> Json:
    """`value` with what is random replaced."""
    text = json.dumps(value, sort_keys=True)
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    return json.loads(re.sub(f'"(?!{COOKIE["id"]}){uuid}"', '"<uuid>"', text))


def heard(client: Client) -> list[Json]:
    """The notifications so far."""
    client.ask("echo", "to be sure")
    messages, client.heard = client.heard, []
    return plain(
        [{"method": each["method"], "params": each["params"], "id": each["id"]} for each in messages]
    )


def test_every_member_of_the_schema_is_there(clients: dict[Make, Client]) -> None:
    schema = json.loads(PEER_SCHEMA.read_text())
    found = {make: client.ask("get_schema", "Open_vSwitch") for make, client in clients.items()}
    assert found["ours"] == found["peer"]
    tables = found["ours"]["tables"]
    for name, table in schema["tables"].items():
        assert tables[name].get("isRoot") == table.get("isRoot")
        assert tables[name].get("indexes") == table.get("indexes")
        for column, about in table["columns"].items():
            assert tables[name]["columns"][column].get("ephemeral") == about.get("ephemeral"), (name, column)
            assert tables[name]["columns"][column].get("mutable") == about.get("mutable"), (name, column)
    assert clients["ours"].ask("list_dbs") == clients["peer"].ask("list_dbs")


@pytest.mark.parametrize("method", ["monitor", "monitor_cond", "monitor_cond_since"])
def test_monitors(clients: dict[Make, Client], method: str) -> None:
    requests = {
        "Open_vSwitch": request("bridges", "external_ids"),
        "Bridge": request("name", "external_ids", "ports", "fail_mode"),
    }
    if method != "monitor":
        requests["Bridge"] = request(
            "name", "external_ids", "ports", "fail_mode", where=[["name", "!=", "hidden"]]
        )
    since = [ZERO] if method == "monitor_cond_since" else []
    said: dict[Make, list[Json]] = {}
    for make, client in clients.items():
        story = said[make] = []
        story.append(
            client.ask("transact", "Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
        )
        story.append(client.ask(method, "Open_vSwitch", COOKIE, requests, *since))
        story.append(client.ask(method, "Open_vSwitch", COOKIE, requests, *since))  # the cookie is taken
        for operations in transactions(client):
            story.append(client.ask("transact", "Open_vSwitch", *operations))
            story.append(heard(client))
        if method != "monitor":
            change = {"Bridge": [{"where": [["name", "==", "hidden"]]}]}
            story.append(client.ask("monitor_cond_change", COOKIE, COOKIE, change))
            story.append(heard(client))
        story.append(client.ask("monitor_cancel", COOKIE))
        story.append(client.ask("monitor_cancel", COOKIE))
    assert plain(said["ours"]) == plain(said["peer"])


def transactions(client: Client) -> Iterator[list[Json]]:
    """As ovn-kubernetes' operations: waits for what must not be there, named rows, mutations of the parent."""
    for name in ("br-int", "hidden"):
        absent = {
            "op": "wait",
            "table": "Bridge",
            "timeout": 0,
            "where": [["name", "==", name]],
            "until": "!=",
        }
        interface = {
            "op": "insert",
            "table": "Interface",
            "uuid-name": "u1",
            "row": {"name": name, "type": "internal"},
        }
        port = {
            "op": "insert",
            "table": "Port",
            "uuid-name": "u2",
            "row": {"name": name, "interfaces": ["named-uuid", "u1"]},
        }
        bridge = {
            "op": "insert",
            "table": "Bridge",
            "uuid-name": "u3",
            "row": {"name": name, "ports": ["named-uuid", "u2"]},
        }
        mutate = {
            "op": "mutate",
            "table": "Open_vSwitch",
            "where": [],
            "mutations": [["bridges", "insert", ["named-uuid", "u3"]]],
        }
        yield [absent | {"columns": ["name"], "rows": [{"name": name}]}, interface, port, bridge, mutate]
    named = [["name", "==", "br-int"]]
    yield [
        {
            "op": "update",
            "table": "Bridge",
            "where": named,
            "row": {"fail_mode": "secure", "external_ids": ["map", [["a", "b"]]]},
        }
    ]
    yield [
        {
            "op": "mutate",
            "table": "Bridge",
            "where": named,
            "mutations": [
                ["external_ids", "delete", ["set", ["a"]]],
                ["external_ids", "insert", ["map", [["c", "d"]]]],
            ],
        }
    ]
    yield [
        {"op": "select", "table": "Bridge", "where": named, "columns": ["name", "external_ids"]},
        {"op": "abort"},
    ]
    yield [{"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["bridges", "-=", 1]]}]
    [found] = client.ask(
        "transact", "Open_vSwitch", {"op": "select", "table": "Bridge", "where": named, "columns": ["_uuid"]}
    )
    uuid = found["rows"][0]["_uuid"]
    yield [
        {
            "op": "mutate",
            "table": "Open_vSwitch",
            "where": [],
            "mutations": [["bridges", "delete", ["set", [uuid]]]],
        }
    ]


def test_the_server_describes_itself(clients: dict[Make, Client]) -> None:
    columns = ["name", "model", "connected", "leader", "schema", "cid", "sid", "index"]
    said = {}
    for make, client in clients.items():
        update = client.ask("monitor", "_Server", COOKIE, {"Database": request(*columns)})
        said[make] = sorted((row["new"] for row in update["Database"].values()), key=lambda row: row["name"])
        assert client.ask("set_db_change_aware", True) == {}
    for ours, peer in zip(said["ours"], said["peer"], strict=True):
        assert json.loads(ours.pop("schema"))["name"] == json.loads(peer.pop("schema"))["name"]
        assert ours == peer


@pytest.fixture(scope="module")
def program_in_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client made with the libovsdb that Debian packages, which is the ancestor of today's."""
    built = tmp_path_factory.mktemp("go")
    go = shutil.which("go")
    assert go, "golang-go is not installed"
    subprocess.run(
        [go, "build", "-o", str(built / "client"), str(Path(__file__).with_name("libovsdb_client.go"))],
        env=os.environ | {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(built / "cache")},
        check=True, timeout=300,
    )  # fmt: skip
    return built / "client"


def test_a_client_in_go_learns_the_same_of_both(program_in_go: Path, tmp_path: Path) -> None:
    told: dict[Make, list[str]] = {}
    makes: tuple[Make, Make] = ("peer", "ours")
    for make in makes:
        with DatabaseServer(
            make,
            tmp_path / make,
            str(tmp_path / make / "db"),
            "--remote=ptcp:0:127.0.0.1",
            schema=PEER_SCHEMA,
        ) as server:
            server.ask("transact", "Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
            port = server.log.split("listening on port ")[1].split()[0]
            done = subprocess.run(
                [program_in_go, "127.0.0.1", port], capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            told[make] = re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", done.stdout).splitlines()
    assert told["ours"] == told["peer"]
    assert [line.split()[0] for line in told["ours"]] == [
        *("databases", "schema", "initial", "results", "results", "results", "update")
    ]
    assert '"name":"br0"' in told["ours"][-1]
