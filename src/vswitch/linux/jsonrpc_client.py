"""A synchronous JSON-RPC connection to a database server, for programs that do one thing and end.

Made of the interpreter's C modules alone: `socket` and `asyncio` take 6 and 60 ms to import, ovs-vsctl's whole work
takes 3.  What needs more (TLS) imports it when it is used.

Sources: RFC 7047 4; ovsdb(7), "OVSDB Connection Methods"; OVS lib/stream.c for the defaults.
"""

from __future__ import annotations

import _socket
import errno

from vswitch.base.errors import TextError, WireError
from vswitch.base.jsontype import Json
from vswitch.base.lightjson import encode, scan, skip_space
from vswitch.linux import sockets
from vswitch.linux.sockets import TlsOptions

DEFAULT_PORT = 6640
_CHUNK = 1 << 16


class Connection:
    """One connection: messages out, messages in, each a JSON value.  Errors are OSError; ConnectionError at the end."""

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._splitter = Splitter()
        self._messages: list[Json] = []

    def fileno(self) -> int:
        """For select()."""
        return self._sock.fileno()

    def send(self, message: Json) -> None:
        """Send a message; blocks while the other side does not read."""
        self._sock.sendall(encode(message).encode())

    def receive(self) -> Json:
        """The next message; blocks until it is there."""
        while not self._messages:
            self._read()
        return self._messages.pop(0)

    def received(self) -> list[Json]:
        """The messages that have come, after waiting for at least one piece of input."""
        if not self._messages:
            self._read()
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except OSError as error:
            if hasattr(error, "reason"):  # an ssl.SSLError, whose text names lines of OpenSSL
                raise OSError(errno.EIO, "Input/output error") from None
            raise
        if not data:
            raise ConnectionError(errno.ECONNRESET, "End of file")
        self._messages += self._splitter.receive(data)


class Splitter:
    """Cuts a stream of bytes into JSON values.

    It counts the brackets outside strings, at the speed of str.split and bytes.count, and decodes when all that was
    opened is closed: several messages at once if they came together.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._depth = 0
        self._in_string = False
        self._held = b""  # a backslash whose next byte has not come yet

    def receive(self, data: bytes) -> list[Json]:
        """Take the next bytes; return the values that they complete."""
        self._pieces.append(data)
        plain = (self._held + data).replace(b"\\\\", b"")
        self._held = b"\\" if plain.endswith(b"\\") else b""
        parts = plain.replace(b'\\"', b"").split(b'"')
        for part in parts[self._in_string :: 2]:
            self._depth += part.count(b"{") + part.count(b"[") - part.count(b"}") - part.count(b"]")
        self._in_string ^= len(parts) % 2 == 0
        if self._depth > 0 or self._in_string:
            return []
        whole = b"".join(self._pieces)
        self._pieces.clear()
        try:
            return _values(whole.decode())
        except UnicodeDecodeError:
            raise WireError("invalid UTF-8 sequence") from None
        except TextError as error:
            raise WireError(str(error)) from None


def _values(text: str) -> list[Json]:
    values: list[Json] = []
    at = skip_space(text, 0)
    while at < len(text):
        if text[at] != "{":
            raise TextError("syntax error at beginning of input")
        value, end = scan(text, at)
        values.append(value)
        at = skip_space(text, end)
    return values


def connect(name: str, tls: TlsOptions) -> Connection:
    """Connect to `name`, or, if it is passive (`ptcp:`, `punix:`, `pssl:`), wait for the server to connect."""
    return Connection(sockets.connect(name, tls, DEFAULT_PORT))
