"""OVSDB over TLS: our server with our client and the peer's, with certificates of one authority."""

import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program
from tests.interop.dbservers import DatabaseServer, until

pytestmark = pytest.mark.interop
PROGRAMS = Path(sys.executable).parent


def run(*words: str | Path, env: dict[str, str] | None = None) -> str:
    return subprocess.run(words, env=env, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def keys(tmp_path: Path) -> list[str]:
    key, request, certificate = (str(tmp_path / name) for name in ("key.pem", "request.pem", "cert.pem"))
    authority_key, authority = str(tmp_path / "ca-key.pem"), str(tmp_path / "ca.pem")
    fresh = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    run(*fresh, "-x509", "-subj", "/CN=authority", "-keyout", authority_key, "-out", authority)
    run(*fresh, "-subj", "/CN=host", "-keyout", key, "-out", request)
    signing = ["-CA", authority, "-CAkey", authority_key, "-CAcreateserial"]
    run("openssl", "x509", "-req", "-in", request, *signing, "-out", certificate)
    return ["-p", key, "-c", certificate, "-C", authority]


@pytest.fixture
def server(tmp_path: Path, keys: list[str]) -> Iterator[str]:
    names = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")
    environment = os.environ | dict.fromkeys(names, str(tmp_path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run(PROGRAMS / "ovsdb-tool", "create", env=environment)
    remote = f"--remote=pssl:{port}:127.0.0.1"
    run(PROGRAMS / "ovsdb-server", remote, *keys, "--pidfile", "--detach", "-vconsole:off", env=environment)
    yield f"ssl:127.0.0.1:{port}"
    run(PROGRAMS / "ovs-appctl", "-t", "ovsdb-server", "exit", env=environment)


@pytest.mark.parametrize("client", [str(PROGRAMS / "ovsdb-client"), "/usr/bin/ovsdb-client"])
def test_clients_of_both_makes(client: str, server: str, keys: list[str]) -> None:
    assert run(client, "-t", "20", *keys, "list-dbs", server) == "Open_vSwitch\n_Server\n"


@pytest.mark.parametrize("make", ["ours", "peer"])
def test_an_authority_taken_from_the_server(make: str, tmp_path: Path, keys: list[str]) -> None:
    """The first connection fetches the certificate and ends; the next one uses it.  --retry does both."""
    programs = PROGRAMS if make == "ours" else Path("/usr/bin")
    names = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")
    environment = os.environ | dict.fromkeys(names, str(tmp_path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run("/usr/bin/ovsdb-tool", "create", env=environment)
    # Of the two servers, the peer's alone sends the certificate of its authority along.
    server = ["--pidfile", "--detach", "-vconsole:off", f"--remote=pssl:{port}:127.0.0.1"]
    run("/usr/sbin/ovsdb-server", *server, *keys, f"--peer-ca-cert={keys[-1]}", env=environment)
    own = ["--timeout=20", "--no-wait", "--no-syslog", f"--db=ssl:127.0.0.1:{port}", *keys[:4]]
    authority = tmp_path / "fetched.pem"
    command = [programs / "ovs-vsctl", *own, f"--bootstrap-ca-cert={authority}"]
    try:
        for retry, status in (([], 1), ([], 0), (["--retry"], 0)):
            done = subprocess.run([*command, *retry, "init"], env=environment, capture_output=True, text=True)
            assert done.returncode == status
            assert ("Protocol error" in done.stderr) == bool(status)
            assert authority.read_text() == Path(keys[-1]).read_text()
            if not status and not retry:
                authority.unlink()
    finally:
        run("/usr/bin/ovs-appctl", "-t", "ovsdb-server", "exit", env=environment)


def signed(directory: Path, name: str, authority: str, *options: str) -> tuple[str, str]:
    """A key and a certificate by one of two authorities."""
    paths = [str(directory / f"{name}.{kind}") for kind in ("key", "csr", "crt")]
    ca, ca_key = str(directory / f"{authority}.crt"), str(directory / f"{authority}.key")
    fresh = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    if not Path(ca).exists():
        run(*fresh, "-x509", "-subj", f"/CN={authority}", "-keyout", ca_key, "-out", ca)
    run(*fresh, "-subj", f"/CN={name}", "-keyout", paths[0], "-out", paths[1])
    signing = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial"]
    run("openssl", "x509", "-req", "-in", paths[1], *signing, "-out", paths[2], *options)
    return paths[0], paths[2]


def test_who_is_refused_and_what_is_said_about_it(tmp_path: Path) -> None:
    key, certificate = signed(tmp_path, "server", "ours")
    options = ["-p", key, "-c", certificate, "-C", str(tmp_path / "ours.crt")]
    clients = {
        "unable to get local issuer certificate": signed(tmp_path, "foreign", "other"),
        "certificate has expired": signed(tmp_path, "expired", "ours", "-days", "-1"),
        "peer did not return a certificate": None,
    }
    schema = tmp_path / "schema"
    schema.write_text('{"name": "D", "tables": {}}')
    with DatabaseServer(
        "ours", tmp_path / "s", "db", *options, "--remote=pssl:0:127.0.0.1", schema=schema
    ) as server:
        port = int(server.log.split("listening on port ")[1].split()[0])
        half_open = socket.create_connection(("127.0.0.1", port))
        for complaint, pair in clients.items():
            context = ssl.create_default_context(cafile=str(tmp_path / "ours.crt"))
            context.check_hostname = False
            if pair:
                context.load_cert_chain(pair[1], pair[0])
            raw = socket.create_connection(("127.0.0.1", port), timeout=10)
            with raw, suppress(OSError), context.wrap_socket(raw) as secure:
                assert not secure.recv(1)
            until(lambda what=complaint: what in server.log)  # type: ignore[misc]
        half_open.close()
        assert server.ask("list_dbs") == ["D", "_Server"]


@pytest.mark.parametrize("make", ["peer", "ours"])
def test_nobody_is_believed_for_want_of_an_authority(make: Make, tmp_path: Path, keys: list[str]) -> None:
    schema = tmp_path / "schema"
    schema.write_text('{"name": "D", "tables": {}}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    remote = f"--remote=pssl:{port}:127.0.0.1"
    with DatabaseServer(make, tmp_path / "s", "db", *keys[:4], remote, schema=schema) as server:
        for client in (PROGRAMS / "ovsdb-client", "/usr/bin/ovsdb-client"):
            done = subprocess.run(
                [client, "-t", "10", *keys, "list-dbs", f"ssl:127.0.0.1:{port}"],
                capture_output=True, text=True, timeout=30, check=False,
            )  # fmt: skip
            assert done.returncode == 1
            assert "failed to connect" in done.stderr
        assert server.ask("list_dbs") == ["D", "_Server"]


@pytest.mark.parametrize("make", ["peer", "ours"])
def test_a_client_hears_that_it_was_refused(make: Make, tmp_path: Path) -> None:
    """By the server that does not know its authority, after its own side of the handshake was done."""
    key, certificate = signed(tmp_path, "server", "ours")
    foreign = signed(tmp_path, "foreign", "other")
    schema = tmp_path / "schema"
    schema.write_text('{"name": "D", "tables": {}}')
    options = ["-p", key, "-c", certificate, "-C", str(tmp_path / "ours.crt"), "--remote=pssl:0:127.0.0.1"]
    with DatabaseServer("ours", tmp_path / "s", "db", *options, schema=schema) as server:
        port = int(server.log.split("listening on port ")[1].split()[0])
        done = subprocess.run(
            [program(make, "ovsdb-client"), "-t", "10", "-p", foreign[0], "-c", foreign[1], "-C", options[5],
             "list-dbs", f"ssl:127.0.0.1:{port}"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        reasons = "Input/output error|End of file|Broken pipe|Connection reset by peer"
        assert re.search(rf"^ovsdb-client: transaction failed \(({reasons})\)\n\Z", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [
        ("ovs-vsctl", "list-br"),
        ("ovs-ofctl", "parse-flow", "actions=drop"),
        ("ovsdb-server", "--run=true", "--no-dbs"),
        ("ovs-vswitchd", "--enable-dummy", "unix:nowhere"),
    ],
)
def test_a_log_that_cannot_be_written_ends_the_program(words: tuple[str, ...], tmp_path: Path) -> None:
    name, *rest = words
    told = []
    for make in ("peer", "ours"):
        done = subprocess.run(
            [program(make, name), "--log-file=/nowhere/log", *rest],
            env=os.environ | {"OVS_RUNDIR": str(tmp_path), "OVS_DBDIR": str(tmp_path)},
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        told.append((done.returncode, done.stdout, done.stderr.partition("|")[2]))
    assert told[1] == told[0]
    assert told[0][0] == 1
