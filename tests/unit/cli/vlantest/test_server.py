"""ovs-vlan-test, the server: its answers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from vswitch.cli.vlantest import server
from vswitch.cli.vlantest.protocol import Address, packet
from vswitch.cli.vlantest.server import Server


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


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(5)
        yield opened


class Talk:
    """A server on an event loop of its own."""

    def __init__(self, door: socket.socket) -> None:
        self.runner = asyncio.Runner()
        self.server = Server(Address("127.0.0.1", 1), door)

    def ask(self, path: str) -> tuple[int, str]:
        async def answer() -> tuple[int, str]:
            return self.server.answer(path)

        return self.runner.run(answer())

    def key(self, path: str) -> int:
        """The key that a request for a trial is answered with."""
        status, body = self.ask(path)
        assert status == 200
        return int(body.rpartition(":")[2])

    def result(self, key: int) -> str:
        """The result of a trial, as soon as there is one."""
        deadline = time.monotonic() + 5
        while (answer := self.ask(f"result/{key}"))[0] != 200:
            assert time.monotonic() < deadline
        return answer[1]


@pytest.fixture
def talk(door: socket.socket) -> Iterator[Talk]:
    made = Talk(door)
    yield made
    made.runner.close()


def test_a_packet_that_comes_is_a_success(talk: Talk) -> None:
    key = talk.key("start/recv")
    talk.server.datagram_received(b"somebody else's", None)
    talk.server.datagram_received(packet(key + 1, 50), None)
    assert talk.ask(f"result/{key}") == (404, "")
    talk.server.datagram_received(packet(key, 50), None)
    assert talk.ask(f"result/{key}") == (200, "Success")


def test_a_packet_that_does_not_come_is_a_timeout(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.01)
    assert talk.result(talk.key("start/recv")) == "Timeout"


def test_packets_are_sent_as_asked(talk: Talk, door: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PAUSE", 0)
    key = talk.key(f"start/send/127.0.0.1:{door.getsockname()[1]}:500")
    assert talk.result(key) == "Success"
    assert [door.recv(2000) for _ in range(server.SENDINGS)] == [packet(key, 500)] * server.SENDINGS


def test_what_cannot_be_sent_is_told(talk: Talk) -> None:
    assert talk.result(talk.key("start/send/255.255.255.255:1:50")) == "Failure: Permission denied"


def test_old_results_are_forgotten(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_RESULTS", 2)
    keys = [talk.key("start/recv") for _ in range(3)]
    for key in keys:
        talk.server.datagram_received(packet(key, 50), None)
    assert [talk.ask(f"result/{key}")[0] for key in keys] == [404, 200, 200]
