"""Our client of XAPI, and the one that everybody uses, with the fake XAPI: over its socket and over HTTPS."""

from __future__ import annotations

import datetime as dt
import errno
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import XenAPI
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.xenserver import pool
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.host import Host
from vswitch.xenserver.load import load_records
from vswitch.xenserver.xapi import Xapi, XapiFailure, XapiUnreachable


@pytest.fixture
def host():
    with HostRoot() as host:
        yield host


@pytest.fixture
def fake(host: HostRoot):
    with FakeXapi(pool.with_tunnel(pool.secure())) as fake:
        fake.listen_unix(host.path("/var/lib/xcp/xapi"))
        yield fake


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def test_everybodys_client(host: HostRoot, fake: FakeXapi) -> None:
    place = str(host.path("/var/lib/xcp/xapi")).replace("/", "_")
    session = XenAPI.Session(f"http://{place}/", transport=XenAPI.UDSTransport())
    session.login_with_password("root", "", "", "test")
    assert session.xenapi.pool.get_all() == ["OpaqueRef:pool"]
    record = session.xenapi.PIF.get_record("OpaqueRef:eth3.123")
    assert (record["VLAN"], record["currently_attached"]) == ("123", False)
    found = session.xenapi.network.get_all_records_where('field "bridge"="xapi3"')
    assert list(found) == ["OpaqueRef:net-xapi3"]
    with pytest.raises(XenAPI.Failure, match="UUID_INVALID"):
        session.xenapi.VIF.get_by_uuid("nothing")
    session.xenapi.session.logout()
    session("close")()


def test_the_records_over_both_ways(host: HostRoot, fake: FakeXapi, tmp_path: Path) -> None:
    path, key = certificate(tmp_path, "xapi")
    url = f"https://127.0.0.1:{fake.listen_https(path, key)}"
    loaded = []
    for client in (Xapi.local(Host(str(host.root))), Xapi.remote(url, str(path))):
        with client as xapi:
            xapi.login()
            loaded.append(load_records(xapi, pool.HOST_UUID))
    assert loaded[0] == loaded[1] == pool.records(fake.tables)
    assert fake.sessions == set()


def test_certificates_that_are_wrong(host: HostRoot, fake: FakeXapi, tmp_path: Path) -> None:
    path, key = certificate(tmp_path, "xapi")
    other, _ = certificate(tmp_path, "other")
    url = f"https://127.0.0.1:{fake.listen_https(path, key)}"
    for ca in (str(other), None):
        with Xapi.remote(url, ca) as xapi, pytest.raises(XapiUnreachable, match="certificate verify failed"):
            xapi.login()
    with pytest.raises(XapiUnreachable, match="No such file"):
        Xapi.remote(url, str(tmp_path / "nothing"))


def test_a_session_that_was_lost_is_begun_anew(host: HostRoot, fake: FakeXapi) -> None:
    with Xapi.local(Host(str(host.root))) as xapi:
        xapi.login()
        fake.sessions.clear()
        assert xapi.call("pool.get_all") == ["OpaqueRef:pool"]
        assert fake.methods_called().count("session.login_with_password") == 2


def test_somebody_elses_session_is_not_begun_anew(host: HostRoot, fake: FakeXapi) -> None:
    with Xapi.local(Host(str(host.root))) as xapi:
        xapi.adopt("OpaqueRef:gone")
        with pytest.raises(XapiFailure) as caught:
            xapi.call("pool.get_all")
    assert (caught.value.code, caught.value.parameters) == ("SESSION_INVALID", ("OpaqueRef:gone",))
    assert "session.logout" not in fake.methods_called()


def test_a_socket_of_old(fake: FakeXapi) -> None:
    with HostRoot() as old:
        fake.listen_unix(old.path("/var/xapi/xapi"))
        with Xapi.local(Host(str(old.root))) as xapi:
            xapi.login()
            assert xapi.session


def test_nobody_is_there(host: HostRoot) -> None:
    with Xapi.local(Host(str(host.root))) as xapi, pytest.raises(XapiUnreachable) as caught:
        xapi.login()
    expected = f"XAPI at /var/lib/xcp/xapi cannot be reached (session.login_with_password): {os.strerror(errno.ENOENT)}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("body", ["Content-Length: 1000\r\n\r\n", "\r\n", ""])
def test_an_answer_that_drips_is_none(host: HostRoot, body: str) -> None:
    """In its headers, or its body, or in one that ends where the connection does: the time for all of it is limited."""

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(f"HTTP/1.1 200 OK\r\n{body}".encode())
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    path = host.path("/var/lib/xcp/xapi")
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=drip)
        thread.start()
        with Xapi.local(Host(str(host.root)), 0.3) as xapi, pytest.raises(XapiUnreachable) as caught:
            xapi.login()
        thread.join()
    assert "does not answer (session.login_with_password)" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("not XML", "answers nonsense"),
        ("<methodResponse></methodResponse>", "answers nonsense"),
        (
            "<methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>",
            "nonsense",
        ),
    ],
)
def test_nonsense(
    host: HostRoot, fake: FakeXapi, answer: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.xenserver.fake_xapi.dumps", lambda *words, **more: answer)
    with Xapi.local(Host(str(host.root))) as xapi, pytest.raises(XapiUnreachable, match=message):
        xapi.login()
