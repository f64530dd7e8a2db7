"""Xen Orchestra's SDN controller, as its client speaks: OVSDB and OpenFlow 1.1 over TLS, to sockets that we listen on."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.certificates import Authority
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.host import Host
from vswitch.xenserver.manager import INSTALLED_CA, KEY_AND_CERTIFICATE
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.update import by_sdn_controller, functions

AS_ON_A_HOST = (
    "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
    "--private-key=db:Open_vSwitch,SSL,private_key",
    "--certificate=db:Open_vSwitch,SSL,certificate",
    "--bootstrap-ca-cert=db:Open_vSwitch,SSL,ca_cert",
)
NETWORK = "4c3ba1c5-0000-4000-8000-000000000007"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory):
    with Daemons(tmp_path_factory.mktemp("host"), "ours") as daemons:
        daemons.kill("ovsdb-server")
        remote = f"--remote=punix:{daemons.socket}"
        daemons.start("ovsdb-server", str(daemons.directory / "conf.db"), *AS_ON_A_HOST, remote)
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        daemons.start("ovs-vswitchd", "--enable-dummy=override", "--disable-system-route")
        yield daemons


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Client:
    """A TLS client with the controller's certificate that does not care for the host's, as the orchestra's."""

    def __init__(self, authority: Authority, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(authority.certificate("controller"))
        deadline = time.monotonic() + 10
        while True:
            try:
                raw = socket.create_connection(("127.0.0.1", port), 5)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        self.sock = context.wrap_socket(raw)
        self.sock.settimeout(10)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def transact(self, *operations: object) -> list[dict[str, object]]:
        """One call, one connection: no monitor, no answer to an echo."""
        request = {"id": 0, "method": "transact", "params": ["Open_vSwitch", *operations]}
        self.sock.sendall(json.dumps(request).encode())
        text = b""
        while True:
            text += self.sock.recv(65536)
            try:
                return json.loads(text)["result"]
            except ValueError:
                continue

    def openflow(self, type: int, body: bytes = b"", version: int = 2) -> None:
        """Send an OpenFlow message."""
        self.sock.sendall(struct.pack("!BBHI", version, type, 8 + len(body), type) + body)

    def message(self) -> tuple[int, int, bytes]:
        """Version, type and body of the next message."""
        version, type, size, _ = struct.unpack("!BBHI", self._exactly(8))
        return version, type, self._exactly(size - 8)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            assert piece, "closed"
            data += piece
        return data

    def until(self, type: int) -> bytes:
        """The body of the next message of a type; echoes are answered."""
        while True:
            version, got, body = self.message()
            if got == 2:
                self.openflow(3, body)
            elif got == type:
                assert version == 2
                return body


def configure(daemons: Daemons, authority: Authority, *words: str) -> None:
    key = authority.certificate("host")
    daemons.run("ours", "ovs-vsctl", "--", "set-ssl", str(key), str(key), str(authority.path), "--", *words)


def test_private_networks_and_their_rules(daemons: Daemons, authority: Authority) -> None:
    ovsdb, openflow = free_port(), free_port()
    configure(
        daemons, authority, "set-manager", f"pssl:{ovsdb}:127.0.0.1", "--", "add-br", "xapi7", "--", "br-set-external-id",
        "xapi7", "xs-network-uuids", NETWORK, "--", "add-br", "xapi8", "--", "br-set-external-id", "xapi8",
        "xs-network-uuids", f"{NETWORK};other", "--", "add-port", "xapi7", "vif1.0", "--", "set", "Interface", "vif1.0",
        "external_ids:xs-vif-uuid=V",
    )  # fmt: skip
    includes = [["external_ids", "includes", ["map", [["xs-network-uuids", NETWORK]]]]]
    with Client(authority, ovsdb) as client:
        [found] = client.transact(
            {"op": "select", "table": "Bridge", "columns": ["_uuid", "name"], "where": includes}
        )
    [bridge] = found["rows"]
    assert bridge["name"] == "xapi7"  # not the one whose value has it among others
    where = [["_uuid", "==", bridge["_uuid"]]]
    with Client(authority, ovsdb) as client:
        results = client.transact(
            {"op": "insert", "table": "Interface", "uuid-name": "i",
             "row": {"name": "xapi7_iface1", "type": "gre", "options": ["map", [["remote_ip", "10.0.0.2"], ["key", "7"]]]}},
            {"op": "insert", "table": "Port", "uuid-name": "p",
             "row": {"name": "xapi7_port1", "interfaces": ["set", [["named-uuid", "i"]]],
                     "other_config": ["map", [["xo:sdn-controller:private-network-uuid", "U"]]]}},
            {"op": "mutate", "table": "Bridge", "where": where,
             "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]},
        )  # fmt: skip
    assert [result.get("error") for result in results] == [None] * 3
    with Client(authority, ovsdb) as client:
        results = client.transact(
            {"op": "insert", "table": "Controller", "uuid-name": "c", "row": {"target": f"pssl:{openflow}:127.0.0.1"}},
            {"op": "mutate", "table": "Bridge", "where": where, "mutations": [
                ["controller", "insert", ["set", [["named-uuid", "c"]]]], ["protocols", "insert", "OpenFlow11"]]},
        )  # fmt: skip
    assert [result.get("error") for result in results] == [None] * 2
    with Client(authority, ovsdb) as client:
        [found] = client.transact(
            {"op": "select", "table": "Interface", "columns": ["name", "ofport"],
             "where": [["external_ids", "includes", ["map", [["xs-vif-uuid", "V"]]]]]}
        )  # fmt: skip
    [interface] = found["rows"]
    assert (interface["name"], isinstance(interface["ofport"], int)) == ("vif1.0", True)
    add_and_delete_a_rule(daemons, authority, openflow)
    with Client(authority, ovsdb) as client:
        client.transact({"op": "update", "table": "Bridge", "where": where, "row": {"ports": ["set", []]}})
    daemons.run(
        "ours",
        "ovs-vsctl",
        "--",
        "del-manager",
        "--",
        "del-br",
        "xapi7",
        "--",
        "del-br",
        "xapi8",
        "--",
        "del-ssl",
    )


def flow_mod(command: int) -> bytes:
    """Over OpenFlow 1.1: TCP from a MAC address to a port, dropped; with no instructions."""
    wildcards = 0x3FF & ~(1 << 3 | 1 << 5 | 1 << 7)  # all but type, protocol and destination port
    match = struct.pack(
        "!HHII6s6s6s6sHBxHBBIIIIHHIBxxxQQ", 0, 88, 0, wildcards, bytes.fromhex("00163e000001"), bytes(6), bytes(6),
        b"\xff" * 6, 0, 0, 0x0800, 0, 6, 0, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0, 80, 0, 0, 0, 0xFFFFFFFFFFFFFFFF,
    )  # fmt: skip
    head = struct.pack(
        "!QQBBHHHIIIHxx", 5, 0, 0, command, 0, 0, 0x8000, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )
    return head + match


def add_and_delete_a_rule(daemons: Daemons, authority: Authority, port: int) -> None:
    with Client(authority, port) as client:
        client.openflow(0)
        assert client.until(0) is not None
        client.openflow(5)
        features = client.until(6)
        assert features[12] >= 1  # tables
        client.openflow(7)
        client.until(8)
        for command, expected in ((0, True), (3, False)):
            client.openflow(14, flow_mod(command))
            client.openflow(20)
            client.until(21)
            text = daemons.run(
                "ours", "ovs-ofctl", "-O", "OpenFlow11", "--no-stats", "dump-flows", "xapi7"
            ).stdout
            rule = "cookie=0x5, tcp,dl_src=00:16:3e:00:00:01,tp_dst=80 actions=drop"
            assert (rule in text) == expected, text


def test_a_client_without_a_certificate_is_refused(
    daemons: Daemons, authority: Authority, tmp_path: Path
) -> None:
    port = free_port()
    configure(daemons, authority, "set-manager", f"pssl:{port}:127.0.0.1")
    stranger = Authority(tmp_path)
    with Client(authority, port) as client:
        assert client.transact(
            {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]}
        )
    with pytest.raises((OSError, ValueError)):
        ask_as_a_stranger(stranger, port)
    daemons.run("ours", "ovs-vsctl", "--", "del-manager", "--", "del-ssl")


def ask_as_a_stranger(stranger: Authority, port: int) -> None:
    with Client(stranger, port) as client:
        client.sock.sendall(b'{"id":0,"method":"list_dbs","params":[]}')
        if not client.sock.recv(100):
            raise ConnectionError("closed")


def test_the_plugin_opens_the_door(daemons: Daemons) -> None:
    """SDN_controller.introduce("pssl"): the settings that the plugin makes are the ones above."""
    with HostRoot() as host, FakeXapi(pool.tables()) as fake:
        fake.sessions.add("s")
        fake.listen_unix(host.path("/var/lib/xcp/xapi"))
        fake.tables["SDN_controller"]["OpaqueRef:sdn"] = {"protocol": "pssl", "address": "", "port": "0"}
        switch = SwitchDatabase(f"unix:{daemons.socket}", "plugin", is_waiting=False)
        functions(Host(str(host.root)), switch, by_sdn_controller)["update"]("s", {})
        assert switch.ask("get-manager") == "pssl:6640"
        assert switch.ask("get-ssl").splitlines()[:3] == [
            f"Private key: {KEY_AND_CERTIFICATE}", f"Certificate: {KEY_AND_CERTIFICATE}", f"CA Certificate: {INSTALLED_CA}",
        ]  # fmt: skip
        fake.tables["SDN_controller"].clear()
        functions(Host(str(host.root)), switch, by_sdn_controller)["update"]("s", {})
        assert switch.ask("get-manager") == ""
