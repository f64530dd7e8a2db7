"""What a channel says and hears, told in the log: `-v`, or `-vvconn:dbg`.

Sources: ovs-ofctl(8), -v; ovs-vswitchd(8) for the levels of modules.
"""

from __future__ import annotations

from _socket import socket
from typing import cast

from vswitch.base.log import Logger
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import HEADER, decode
from vswitch.openflow.messages.hello import Hello
from vswitch.openflow.session import listed
from vswitch.openflow.text import print_message
from vswitch.openflow.version import Version, negotiate

LOG = Logger("vconn").limited(600, 600)
VERBOSITY = 1


def telling(stream: socket, name: str) -> socket:
    """The socket, with all that a channel needs of it, which logs the messages that pass it."""
    return cast(socket, _TellingSocket(stream, name))


class _TellingSocket:
    """What logs the messages that pass a socket."""

    def __init__(self, stream: socket, name: str) -> None:
        self._stream = stream
        self._name = name
        self._said = b""  # the beginnings of messages
        self._heard = b""
        self._versions: list[frozenset[int]] = []  # that we support, and then that they do

    def sendall(self, data: bytes) -> None:
        """Send, and tell."""
        self._stream.sendall(data)
        self._said = self._tell("sent (Success)", self._said + data)

    def recv(self, size: int) -> bytes:
        """Receive, and tell."""
        data = self._stream.recv(size)
        self._heard = self._tell("received", self._heard + data)
        return data

    def fileno(self) -> int:
        """The socket, to wait for."""
        return self._stream.fileno()

    def pending(self) -> bool:
        """Whether TLS has already deciphered more."""
        more = getattr(self._stream, "pending", None)
        return bool(more and more())

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def _tell(self, what: str, data: bytes) -> bytes:
        """Log the whole messages in `data`; what is left."""
        while len(data) >= HEADER.size:
            size = HEADER.unpack_from(data)[2]
            if not HEADER.size <= size <= len(data):
                break
            LOG.dbg("%s: %s: %s", self._name, what, print_message(data[:size], VERBOSITY).rstrip("\n"))
            if len(self._versions) < 2:
                self._tell_versions(data[:size])
            data = data[size:]
        return data

    def _tell_versions(self, data: bytes) -> None:
        """Log what two greetings agree on."""
        try:
            _, _, message = decode(data)
        except OpenFlowError:
            return
        if not isinstance(message, Hello):
            return
        self._versions.append(message.versions)
        if len(self._versions) == 2:
            ours, theirs = self._versions
            agreed = negotiate(frozenset(map(Version, ours)), theirs)
            if agreed is not None:
                support = f"we support {listed(ours)}, peer supports {listed(theirs)}"
                LOG.dbg("%s: negotiated OpenFlow version %#04x (%s)", self._name, agreed, support)
