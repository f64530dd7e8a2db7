"""Role-based access control: the same requests to both makes' servers, over TLS, on OVN's southbound schema."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemons import Make
from tests.interop.dbservers import DatabaseServer, Json, until

pytestmark = pytest.mark.interop
SCHEMA = Path("/usr/share/ovn/ovn-sb.ovsschema")
CLIENT = "host"
CHASSIS = {"op": "insert", "table": "Chassis_Private", "row": {"name": CLIENT, "nb_cfg_timestamp": 4}}
HOST = [["name", "==", CLIENT]]
OTHER = [["name", "==", "other"]]
CONFIG = [["external_ids", "insert", ["map", [["mine", "2"]]]]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory = tmp_path_factory.mktemp("keys")
    key, request, certificate = (str(directory / name) for name in ("key.pem", "request.pem", "cert.pem"))
    authority_key, authority = str(directory / "ca-key.pem"), str(directory / "ca.pem")
    fresh = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    signing = ["-CA", authority, "-CAkey", authority_key, "-CAcreateserial"]
    for words in (
        [*fresh, "-x509", "-subj", "/CN=authority", "-keyout", authority_key, "-out", authority],
        [*fresh, "-subj", f"/CN={CLIENT}", "-keyout", key, "-out", request],
        ["openssl", "x509", "-req", "-in", request, *signing, "-out", certificate],
    ):
        subprocess.run(words, capture_output=True, check=True, timeout=60)
    return [key, certificate, authority]


class RoleClient:
    """A client that comes through a remote with a role."""

    def __init__(self, port: int, keys: list[str]) -> None:
        context = ssl.create_default_context(cafile=keys[2])
        context.check_hostname = False
        context.load_cert_chain(keys[1], keys[0])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))

    def transact(self, *operations: Json) -> Any:
        message = {"id": 1, "method": "transact", "params": ["OVN_Southbound", *operations]}
        self.socket.sendall(json.dumps(message).encode())
        text = b""
        while True:
            text += self.socket.recv(1 << 16)
            try:
                return json.loads(text)["result"]
            except ValueError:
                continue


def permission(
    name: str, table: str, authorization: list[str], insert_delete: bool, update: list[str]
) -> Json:
    return {
        "op": "insert",
        "table": "RBAC_Permission",
        "uuid-name": name,
        "row": {
            "table": table,
            "authorization": ["set", authorization],
            "insert_delete": insert_delete,
            "update": ["set", update],
        },
    }


def configure(server: DatabaseServer, port: int) -> None:
    role = {
        "name": "ctl",
        "permissions": ["map", [[t, ["named-uuid", t]] for t in ("Chassis_Private", "Encap", "DNS")]],
    }
    remote = {"target": f"pssl:{port}:127.0.0.1", "role": "ctl"}
    dns = {"external_ids": ["map", [["owner", CLIENT]]], "datapaths": ["named-uuid", "d"]}
    results = server.ask(
        "transact",
        "OVN_Southbound",
        permission(
            "Chassis_Private",
            "Chassis_Private",
            ["name"],
            True,
            ["nb_cfg", "external_ids:mine", "nb_cfg_timestamp"],
        ),
        permission("Encap", "Encap", [""], True, ["ip"]),
        permission("DNS", "DNS", ["external_ids:owner"], False, ["external_ids:owner", "records"]),
        {"op": "insert", "table": "RBAC_Role", "row": role},
        {"op": "insert", "table": "Datapath_Binding", "uuid-name": "d", "row": {"tunnel_key": 1}},
        {"op": "insert", "table": "DNS", "row": dns},
        {"op": "insert", "table": "Chassis_Private", "row": {"name": "other"}},
        {"op": "insert", "table": "Connection", "uuid-name": "c", "row": remote},
        {"op": "insert", "table": "SB_Global", "row": {"connections": ["named-uuid", "c"]}},
    )
    assert all("error" not in result for result in results), [r for r in results if "error" in r]


@pytest.fixture
def clients(tmp_path: Path, keys: list[str]) -> Iterator[dict[Make, RoleClient]]:
    options = [
        "-p",
        keys[0],
        "-c",
        keys[1],
        "-C",
        keys[2],
        "--remote=db:OVN_Southbound,SB_Global,connections",
    ]
    servers: dict[Make, DatabaseServer] = {}
    clients: dict[Make, RoleClient] = {}
    for make in ("ours", "peer"):
        servers[make] = DatabaseServer(make, tmp_path / make, "db", *options, schema=SCHEMA)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configure(servers[make], port)

        def connected(make: Make = make, port: int = port) -> bool:
            try:
                clients[make] = RoleClient(port, keys)
            except ConnectionRefusedError:
                return False
            return True

        until(connected)
    yield clients
    for make, server in servers.items():
        clients[make].socket.close()
        server.__exit__()


STEPS: list[list[Json]] = [
    [CHASSIS],
    [{**CHASSIS, "row": {"name": "somebody"}}],
    [{"op": "update", "table": "Chassis_Private", "where": HOST, "row": {"nb_cfg": 3}}],
    [{"op": "update", "table": "Chassis_Private", "where": HOST, "row": {"nb_cfg": 3, "nb_cfg_timestamp": 5}}],
    [{"op": "update", "table": "Chassis_Private", "where": HOST, "row": {"name": "z"}}],
    [{"op": "update", "table": "Chassis_Private", "where": OTHER, "row": {"nb_cfg": 3}}],
    [{"op": "update", "table": "Chassis_Private", "where": [["name", "==", "nobody"]], "row": {"name": "z"}}],
    [{"op": "update", "table": "Chassis_Private", "where": HOST, "row": {"external_ids": ["map", [["mine", "1"]]]}}],
    [{"op": "mutate", "table": "Chassis_Private", "where": HOST, "mutations": CONFIG}],
    [{"op": "mutate", "table": "Chassis_Private", "where": HOST,
      "mutations": [["external_ids", "insert", ["map", [["theirs", "2"]]]]]}],
    [{"op": "mutate", "table": "Chassis_Private", "where": HOST,
      "mutations": [["external_ids", "delete", ["set", ["mine"]]]]}],
    [{"op": "mutate", "table": "Chassis_Private", "where": HOST, "mutations": [["nb_cfg", "+=", 1]]}],
    [{"op": "mutate", "table": "Chassis_Private", "where": HOST, "mutations": [["chassis", "insert", ["set", []]]]}],
    [{"op": "mutate", "table": "Chassis_Private", "where": OTHER, "mutations": CONFIG}],
    [{"op": "insert", "table": "Encap", "row": {"ip": "1", "type": "vxlan", "chassis_name": "x"}}],
    [{"op": "insert", "table": "DNS", "row": {"external_ids": ["map", [["owner", CLIENT]]]}}],
    [{"op": "update", "table": "DNS", "where": [], "row": {"records": ["map", [["a", "b"]]]}}],
    [{"op": "update", "table": "DNS", "where": [], "row": {"external_ids": ["map", [["owner", "x"]]]}}],
    [{"op": "delete", "table": "DNS", "where": []}],
    [{"op": "insert", "table": "MAC_Binding", "row": {"ip": "1"}}],
    [{"op": "delete", "table": "MAC_Binding", "where": []}],
    [{"op": "update", "table": "MAC_Binding", "where": [], "row": {"ip": "2"}}],
    [{"op": "mutate", "table": "MAC_Binding", "where": [], "mutations": []}],
    [{"op": "mutate", "table": "DNS", "where": [], "mutations": []}],
    [{"op": "delete", "table": "DNS", "where": [["_uuid", "==", ["uuid", "00000000-0000-0000-0000-000000000001"]]]}],
    [{"op": "delete", "table": "Chassis_Private", "where": [["name", "==", "nobody"]]}],
    [{"op": "delete", "table": "Chassis_Private", "where": OTHER}],
    [{"op": "delete", "table": "Chassis_Private", "where": []}],
    [{"op": "update", "table": "Chassis_Private", "where": [], "row": {"nb_cfg": 9}}],
    [{"op": "delete", "table": "Chassis_Private", "where": HOST}],
    [{"op": "select", "table": "SB_Global", "where": [], "columns": ["nb_cfg"]}],
    [{"op": "insert", "table": "RBAC_Role", "row": {"name": "mine"}}],
]  # fmt: skip


def without_uuids(results: Json) -> Json:
    return [{**result, "uuid": 0} if result and "uuid" in result else result for result in results]


def test_the_same_is_allowed_and_refused(clients: dict[Make, RoleClient]) -> None:
    for step in STEPS:
        ours, peers = (without_uuids(clients[make].transact(*step)) for make in ("ours", "peer"))
        assert ours == peers, step
