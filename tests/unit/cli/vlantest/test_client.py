"""ovs-vlan-test, the client: what it makes of servers that say odd things, and of packets that do not come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from vswitch.base.options import CommandError
from vswitch.cli.vlantest import client
from vswitch.cli.vlantest.client import run_client
from vswitch.cli.vlantest.protocol import Address, reply

ANY = Address("127.0.0.1", 0)
SIZES = (50, 500, 1000, 1500)


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
