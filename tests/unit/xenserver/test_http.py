"""Our HTTP with a server that says what a test wants, in pieces of any size."""

from __future__ import annotations

import _socket
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from vswitch.base.errors import WireError
from vswitch.xenserver.http import Poster


class Server:
    """One end of connections whose other end `connect` gives; each is answered by the next of `scripts`."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.n_connections = 0
        self._sockets: list[socket.socket] = []
        self.answers: list[bytes] = []
        self.step = 1 << 16
        self.pause = 0.0
        self.hangs_up = False

    def connect(self) -> _socket.socket:
        ours, theirs = socket.socketpair()
        self._sockets += [ours, theirs]
        self.n_connections += 1
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, connection: socket.socket) -> None:
        try:
            while self.answers:
                data = connection.recv(1 << 16)
                if not data:
                    return
                self.requests.append(data)
                answer = self.answers.pop(0)
                for at in range(0, len(answer), self.step):
                    connection.sendall(answer[at : at + self.step])
                    time.sleep(self.pause)
                if self.hangs_up:
                    connection.close()
                    return
        except OSError:
            return

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n02\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
@pytest.mark.parametrize("answer", [OK, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + OK])
def test_answers_in_pieces_of_any_size(server: Server, answer: bytes, step: int) -> None:
    server.step = step
    server.answers = [answer, answer]
    poster = Poster(server.connect, "host", 10)
    assert [poster.post(b"<x/>") for _ in range(2)] == [(200, "OK", b"hello")] * 2
    assert server.n_connections == 1  # it is kept
    assert server.requests[0].startswith(b"POST / HTTP/1.1\r\nHost: host\r\n")
    assert server.requests[0].endswith(b"Content-Length: 4\r\n\r\n<x/>")
    poster.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
)
def test_a_server_that_hangs_up_is_called_again(server: Server, answer: bytes) -> None:
    server.hangs_up = True
    server.answers = [answer, answer]
    poster = Poster(server.connect, "host", 10)
    assert [poster.post(b"") for _ in range(2)] == [(200, "OK", b"hello")] * 2
    assert server.n_connections == 2
    poster.close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (OK[:-1], "cut off"),
        (CHUNKED[:-20], "cut off"),
        (b"", "no answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30000, "endless"),
    ],
)
def test_what_is_no_answer(server: Server, answer: bytes, message: str) -> None:
    server.hangs_up = True
    server.answers = [answer, OK]
    poster = Poster(server.connect, "host", 10)
    with pytest.raises(WireError, match=message):
        poster.post(b"")
    assert poster.post(b"")[2] == b"hello"  # on another connection
    poster.close()


def test_an_answer_that_drips_is_too_late(server: Server) -> None:
    server.step, server.pause = 1, 0.05
    server.answers = [OK]
    poster = Poster(server.connect, "host", 0.2)
    with pytest.raises(TimeoutError):
        poster.post(b"")
