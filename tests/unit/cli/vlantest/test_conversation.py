"""ovs-vlan-test: a client and a server on loopback, and servers that say odd things."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from vswitch.base.options import CommandError
from vswitch.cli.vlantest import client, server
from vswitch.cli.vlantest.client import run_client
from vswitch.cli.vlantest.protocol import Address, reply
from vswitch.cli.vlantest.server import Server

PROGRAM = Path(sys.executable).parent / "ovs-vlan-test"
ANY = Address("127.0.0.1", 0)
SIZES = (50, 500, 1000, 1500)


@pytest.fixture(scope="module")
def control() -> Iterator[str]:
    """Where a server is."""
    words = [PROGRAM, "--server", "127.0.0.1:0", "127.0.0.1:0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:")
        yield line.split()[2].rstrip(",")
        process.terminate()


def run(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def test_every_size_arrives_both_ways(control: str) -> None:
    lines = [f"{way} size {size} successful" for size in SIZES for way in ("Send", "Receive")]
    assert run(control, "127.0.0.1:0") == (0, "\n".join([*lines, "OK", ""]), "")


def test_several_clients_at_a_time(control: str) -> None:
    words = [PROGRAM, control, "127.0.0.1:0"]
    clients = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [each.wait(30) for each in clients] == [0, 0, 0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly 2 non-option arguments required (use --help for help)"),
        (("127.0.0.1",), "exactly 2 non-option arguments required (use --help for help)"),
        (("127.0.0.1:x", "127.0.0.1"), '"127.0.0.1:x" is not HOST[:PORT]'),
        (("127.0.0.1:1", "127.0.0.1:0"), "127.0.0.1:1: Connection refused"),
        (
            ("127.0.0.1:1", "192.0.2.1"),
            "cannot use 192.0.2.1:15213 for packets: Cannot assign requested address",
        ),
        (("-s", "192.0.2.1:0", "127.0.0.1:0"), "cannot listen on 192.0.2.1:0: "),
        (("--frobnicate",), "unrecognized option '--frobnicate'"),
    ],
)
def test_errors(words: tuple[str, ...], said: str) -> None:
    status, output, error = run(*words)
    assert (status, output) == (1, "")
    assert error.startswith(f"ovs-vlan-test: {said}")
    assert error.count("\n") == 1


@contextmanager
def saying(**answers: str) -> Iterator[Address]:
    """A server that gives the answer of the first path whose second part is a key of `answers`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    path = connection.recv(4096).decode().split()[1]
                    word = next((word for word in answers if word in path), "")
                    connection.sendall(reply(200 if word else 404, answers.get(word, "")))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def outcome(control: Address, patience: float = 0.1) -> list[str]:
    return list(run_client(control, ANY, patience))


def test_another_server_than_ours() -> None:
    with saying() as control, pytest.raises(CommandError, match=r"no server of ovs-vlan-test"):
        outcome(control)
    with saying(ping="pong", recv="hello") as control, pytest.raises(CommandError, match="no invitation"):
        outcome(control)
    with saying(ping="pong", recv="127.0.0.1:9:1") as control, pytest.raises(CommandError, match="no key"):
        outcome(control)


def test_nothing_arrives() -> None:
    with saying(ping="pong", recv="127.0.0.1:9:1", send="2") as control:
        lines = outcome(control)
    assert lines == [
        *(f"{way} size {size} unsuccessful: Timeout" for size in SIZES for way in ("Send", "Receive")),
        "FAILED",
    ]


def test_that_a_server_has_sent_is_not_that_it_arrived() -> None:
    with saying(ping="pong", recv="127.0.0.1:9:1", send="2", result="Success") as control:
        lines = outcome(control)
    assert lines == [
        line
        for size in SIZES
        for line in (f"Send size {size} successful", f"Receive size {size} unsuccessful: Timeout")
    ] + ["FAILED"]


def test_what_a_server_cannot_do_is_told() -> None:
    with saying(
        ping="pong", recv="127.0.0.1:9:1", send="2", result="Failure: Network is unreachable"
    ) as control:
        lines = outcome(control, 5)
    assert lines[0] == "Send size 50 unsuccessful: Failure: Network is unreachable"
    assert lines[1] == "Receive size 50 unsuccessful: Failure: Network is unreachable"


def test_a_packet_of_the_wrong_size_is_told() -> None:
    with closing(client.open_vlan_socket(ANY)) as door:
        trial = client.Trial(500, 7, None)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
            other.sendto(b"7" + bytes(99), door.getsockname())
        client._receive(door, [trial], client.monotonic() + 5)
    assert str(trial) == "Receive size 500 unsuccessful: 128 bytes arrived"


def test_what_the_server_answers_to_odd_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as door:
        one = Server(Address("127.0.0.1", 1), door)
        assert one.answer("ping") == (200, "pong")
        for path in ("", "start", "start/recv/more", "result", "result/1", "result/x", f"result/{'1' * 30}"):
            assert one.answer(path) == (404, "")
        for path in (
            "start/send/",
            "start/send/here:1:50",
            "start/send/192.0.2.1:1:28",
            "start/send/192.0.2.1:1:65536",
        ):
            assert one.answer(path)[0] == 400
        monkeypatch.setattr(server, "MAX_TRIALS", 0)
        assert one.answer("start/recv") == (503, "too many tests")
