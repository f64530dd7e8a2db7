"""HTTP as XAPI speaks it: documents posted over a connection that is kept as long as both ends want.

The library's module takes 15 ms to import, and lets an answer that comes byte by byte take forever.

Sources: RFC 9112.
"""

from __future__ import annotations

import _socket
from collections.abc import Callable, Iterator
from time import monotonic

from vswitch.base.errors import WireError

SIZE = 1 << 16  # bytes: of one read, and of all headers together


class Poster:
    """Posts to one server; `connect` makes a connection, and an answer may take `timeout` seconds."""

    def __init__(self, connect: Callable[[], _socket.socket], host: str, timeout: float) -> None:
        self._connect = connect
        self._host = host
        self._timeout = timeout
        self._deadline = 0.0
        self._socket: _socket.socket | None = None
        self._received = b""

    def post(self, document: bytes) -> tuple[int, str, bytes]:
        """(status, reason, body) of the answer; raises OSError, TimeoutError, WireError, and then hangs up."""
        head = (
            f"POST / HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: vswitch\r\nContent-Type: text/xml\r\n"
            f"Content-Length: {len(document)}\r\n\r\n"
        )
        self._deadline = monotonic() + self._timeout
        try:
            if self._socket is None:
                self._socket = self._connect()
            self._socket.settimeout(self._remaining())
            self._socket.sendall(head.encode() + document)
            return self._answer()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; the next post connects anew."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received = None, b""

    def _remaining(self) -> float:
        if (left := self._deadline - monotonic()) <= 0:
            raise TimeoutError
        return left

    def _answer(self) -> tuple[int, str, bytes]:
        status, reason, fields = self._head()
        while status // 100 == 1:  # something to say before the answer
            status, reason, fields = self._head()
        if "chunked" in fields.get("transfer-encoding", "").lower():
            body = b"".join(self._chunks())
        elif "content-length" in fields:
            body = self._exactly(_number(fields["content-length"], 10))
        else:
            body = self._rest()
        if self._socket is not None and fields.get("connection", "").lower() == "close":
            self.close()
        return status, reason, body

    def _head(self) -> tuple[int, str, dict[str, str]]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        status, _, reason = rest.partition(" ")
        if not version.startswith("HTTP/1."):
            raise WireError(f"no HTTP: {first[:40]!r}")
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        if version == "HTTP/1.0":
            fields.setdefault("connection", "close")
        return _number(status, 10), reason, fields

    def _chunks(self) -> Iterator[bytes]:
        while size := _number(self._until(b"\r\n").decode("latin-1").partition(";")[0], 16):
            yield self._exactly(size)
            self._until(b"\r\n")
        while self._until(b"\r\n"):  # trailers
            pass

    # --- bytes ---

    def _more(self) -> bool:
        """Read some; whether there was anything."""
        assert self._socket is not None
        self._socket.settimeout(self._remaining())
        data = self._socket.recv(SIZE)
        self._received += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes:
        while (at := self._received.find(mark)) < 0:
            if len(self._received) > SIZE:
                raise WireError("endless headers")
            if not self._more():
                raise WireError("the answer is cut off" if self._received else "no answer")
        found, self._received = self._received[:at], self._received[at + len(mark) :]
        return found

    def _exactly(self, size: int) -> bytes:
        pieces = [self._received]
        missing = size - len(self._received)
        while missing > 0:
            self._received = b""
            if not self._more():
                raise WireError("the answer is cut off")
            pieces.append(self._received)
            missing -= len(self._received)
        data = b"".join(pieces)
        self._received = data[size:]
        return data[:size]

    def _rest(self) -> bytes:
        """All until the server hangs up."""
        while self._more():
            pass
        data = self._received
        self.close()
        return data


def _number(text: str, base: int) -> int:
    try:
        value = int(text.strip(), base)
    except ValueError:
        value = -1
    if value < 0:
        raise WireError(f"no number where one should be: {text[:40]!r}")
    return value
