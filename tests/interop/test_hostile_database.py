"""Clients that break the rules of JSON-RPC: the server answers as the peer does, and goes on serving others."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop

MANAGERS = "db:Open_vSwitch,Open_vSwitch,manager_options"
NOT_JSON_RPC = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "not an object": b"[1]",
    "no member": b"{}",
    "not a value": b'{"method":"echo","id":1,"params":[NaN]}',
    "too big a number": b'{"method":"echo","id":1,"params":[1e400]}',
    "null character": b'{"method":"echo","id":1,"params":["\\u0000"]}',
    "half a surrogate": b'{"method":"echo","id":1,"params":["\\ud800"]}',
    "control character": b'{"method":"echo","id":1,"params":["\1"]}',
    "unasked reply": b'{"id":1,"result":{},"error":null}',
    "unasked error": b'{"id":1,"result":null,"error":"x"}',
    "words": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.fixture(scope="module", params=["ours", "peer"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def daemons(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("hostile"), make) as daemons:
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        yield daemons


@pytest.fixture(autouse=True)
def unharmed(daemons: Daemons, make: Make) -> Iterator[None]:
    """After each attack the server answers, has logged no traceback, and holds nothing that it did not hold before."""
    before = open_files(daemons)
    yield
    assert "Open_vSwitch" in daemons.run("peer", "ovsdb-client", "list-dbs").stdout
    assert "Traceback" not in daemons.log("ovsdb-server")
    deadline = time.monotonic() + 5
    while make == "ours" and open_files(daemons) > before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def process(daemons: Daemons) -> Path:
    return Path(f"/proc/{daemons.processes['ovsdb-server'].pid}")


def open_files(daemons: Daemons) -> int:
    return len(list((process(daemons) / "fd").iterdir()))


def memory(daemons: Daemons) -> int:
    """Resident memory, in kB."""
    found = re.search(r"VmRSS:\s+(\d+)", (process(daemons) / "status").read_text())
    assert found
    return int(found[1])


def connect(daemons: Daemons) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(daemons.socket))  # without a time-out, which would make a full backlog an error
    client.settimeout(5)
    return client


def request(method: str, *params: object, id: object = 1) -> bytes:
    return json.dumps({"method": method, "params": params, "id": id}).encode()


def flood(client: socket.socket, data: bytes) -> None:
    """Write until the other side takes no more for half a second."""
    client.settimeout(0.5)
    with suppress(TimeoutError):
        while True:
            client.sendall(data)


@pytest.mark.parametrize("data", NOT_JSON_RPC.values(), ids=NOT_JSON_RPC)
def test_what_is_not_json_rpc_ends_the_connection(daemons, data):
    with connect(daemons) as client, suppress(ConnectionError, BrokenPipeError):
        client.sendall(data)
        assert client.recv(100) == b""


@pytest.mark.parametrize("id", [0, "a", 1.5, True, [], {}, [1, [2]], {"a": 1}])
def test_any_id_comes_back(daemons, id):
    with connect(daemons) as client:
        client.sendall(request("echo", "x", id=id))
        assert json.loads(client.recv(1000)) == {"id": id, "result": ["x"], "error": None}


def test_a_backslash_before_u0000_is_just_that(daemons):
    with connect(daemons) as client:
        client.sendall(b'{"method":"echo","id":1,"params":["\\\\u0000"]}')
        assert json.loads(client.recv(1000))["result"] == ["\\u0000"]


def test_a_client_that_reads_nothing_costs_others_nothing(daemons, make):
    if make == "peer":
        return  # it is bound by the speed at which it answers alone
    before = memory(daemons)
    with connect(daemons) as client:
        flood(client, request("get_schema", "Open_vSwitch") * 2000)
        started = time.monotonic()
        assert daemons.run("ours", "ovs-vsctl", "show").stdout
        assert time.monotonic() - started < 1
        assert memory(daemons) - before < 20_000


def test_many_requests_in_one_piece_are_all_answered(daemons):
    with connect(daemons) as client:
        client.sendall(request("get_schema", "Open_vSwitch") * 100 + request("echo", id="last"))
        answers = b""
        while b'"last"' not in answers:
            answers += client.recv(1 << 20)
    assert answers.count(b'"Open_vSwitch"') >= 100


def test_a_client_over_tcp_that_reads_nothing_is_let_go(daemons, make):
    """No sign of life through two probe intervals, and with answers unread: the connection ends all the same."""
    found = re.search(r"listening on port (\d+)", daemons.log("ovsdb-server"))
    assert found
    before = open_files(daemons)
    with socket.create_connection(("127.0.0.1", int(found[1]))) as client:
        flood(client, request("get_schema", "Open_vSwitch") * 1000)
        if make == "peer":
            return  # it may still be busy with those who came before
        assert open_files(daemons) == before + 1
        deadline = time.monotonic() + 15
        while open_files(daemons) > before:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_leaving_in_the_middle_leaves_nothing_behind(daemons):
    wait = {"op": "wait", "table": "Open_vSwitch", "where": [], "until": "==", "columns": ["ovs_version"]}
    wait |= {"rows": [{"ovs_version": "never"}]}
    for _ in range(50):
        with connect(daemons) as client:
            client.sendall(
                request("lock", "L")
                + request("steal", "M", id=2)
                + request("transact", "Open_vSwitch", wait, id=3)
                + request("monitor", "Open_vSwitch", None, {"Bridge": {}}, id=4)
                + b'{"method":"ec'
            )
    with connect(daemons) as client:
        client.sendall(request("lock", "L"))
        answers = b""
        while b'"locked":true' not in answers and b'"method":"locked"' not in answers:
            answers += client.recv(1000)


@pytest.mark.parametrize(
    "target",
    ["ptcp:x", "ptcp:0:a..b", f"tcp:{'a' * 100}:1", "nope:1", "", "unix:", "punix:/nonexistent/x", "pssl:0"],
)
def test_a_manager_that_cannot_be_does_not_keep_the_next_from_being(daemons, target):
    daemons.run("peer", "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/add-remote", MANAGERS, check=False)
    daemons.run("ours", "ovs-vsctl", "--no-wait", "set-manager", target)
    daemons.run("ours", "ovs-vsctl", "--no-wait", "set-manager", target, "punix:next.sock")
    deadline = time.monotonic() + 5
    while not (daemons.directory / "next.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    daemons.run("ours", "ovs-vsctl", "--no-wait", "del-manager")
    while (daemons.directory / "next.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_tls_that_is_not_configured_is_not_done_without(daemons, make):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        daemons.run(
            "peer", "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/add-remote", MANAGERS, check=False
        )
        daemons.run(
            "ours", "ovs-vsctl", "--no-wait", "set-manager", f"ssl:127.0.0.1:{server.getsockname()[1]}"
        )
        if make == "ours":
            with pytest.raises(TimeoutError):
                server.accept()
        daemons.run("ours", "ovs-vsctl", "--no-wait", "del-manager")


def test_more_clients_than_files_may_be_open_wait_their_turn(daemons, make):
    if make == "peer":
        return  # fewer may wait
    server = daemons.processes["ovsdb-server"].pid
    limits = resource.prlimit(server, resource.RLIMIT_NOFILE)
    resource.prlimit(server, resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        clients = [connect(daemons) for _ in range(90)]
        deadline = time.monotonic() + 5
        while "Too many open files" not in daemons.log("ovsdb-server"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for client in clients[:60]:
            client.close()
        clients[-1].sendall(request("echo", "x"))
        assert clients[-1].recv(1000)
        for client in clients[60:]:
            client.close()
    finally:
        resource.prlimit(server, resource.RLIMIT_NOFILE, limits)


N_CLIENTS = 10_000
FILES = N_CLIENTS + 200
PER_CLIENT = 20  # kB of memory


def test_ten_thousand_clients(daemons, make):
    if make == "peer":
        return
    server = daemons.processes["ovsdb-server"].pid
    ours, limits = (
        resource.getrlimit(resource.RLIMIT_NOFILE),
        resource.prlimit(server, resource.RLIMIT_NOFILE),
    )
    for pid, (_, hard) in ((os.getpid(), ours), (server, limits)):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, max(FILES, hard)))
    files, before = open_files(daemons), memory(daemons)
    clients = []
    try:
        for number in range(N_CLIENTS):
            clients.append(connect(daemons))
            if number % 2_000 == 0:  # others are served meanwhile
                assert daemons.run("ours", "ovs-vsctl", "--no-wait", "list-br").returncode == 0
        clients[0].sendall(request("echo", "first"))
        clients[-1].sendall(request("echo", "last"))
        assert b"first" in clients[0].recv(1000)
        assert b"last" in clients[-1].recv(1000)
        assert memory(daemons) - before < N_CLIENTS * PER_CLIENT
    finally:
        for client in clients:
            client.close()
        deadline = time.monotonic() + 20
        while open_files(daemons) > files:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        resource.prlimit(server, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)
    assert daemons.run("ours", "ovs-vsctl", "--no-wait", "list-br").returncode == 0


HUGE = 100_000_000  # bytes


def test_a_string_of_a_hundred_megabytes_is_a_string(daemons, make):
    """It comes back whole, others are served while it comes, and then its memory is free again."""
    text, before = "x" * HUGE, memory(daemons)
    with connect(daemons) as client:
        client.settimeout(60)
        answers: list[bytes] = []
        reader = threading.Thread(target=lambda: answers.append(read_value(client, HUGE)))
        reader.start()
        client.sendall(request("echo", text)[: HUGE // 2])
        assert daemons.run("ours", "ovs-vsctl", "--no-wait", "list-br").returncode == 0
        client.sendall(request("echo", text)[HUGE // 2 :])
        reader.join()
    assert json.loads(answers[0])["result"] == [text]
    deadline = time.monotonic() + 10
    while make == "ours" and memory(daemons) - before > HUGE // 2000:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_value(client: socket.socket, at_least: int) -> bytes:
    data = bytearray()
    while len(data) < at_least or not data.endswith(b"}"):
        data += client.recv(1 << 20)
    return bytes(data)


@pytest.mark.parametrize(
    "piece", [b'"x",', b"[", b"1", b"\\u0041"], ids=["list", "depth", "number", "string"]
)
def test_a_value_without_an_end_stops_nobody(daemons, make, piece):
    """What can never become a value ends the connection; what could, takes no more than it is long."""
    before = memory(daemons)
    with connect(daemons) as client:
        client.sendall(b'{"id":1,"method":"echo","params":[' + (b'"' if b"u0041" in piece else b""))
        with suppress(TimeoutError, ConnectionError):
            for _ in range(20):
                client.sendall(piece * (1_000_000 // len(piece)))
        assert daemons.run("ours", "ovs-vsctl", "--no-wait", "list-br").returncode == 0
        assert make == "peer" or memory(daemons) - before < 100_000
