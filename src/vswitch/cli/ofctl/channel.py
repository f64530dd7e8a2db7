"""A connection to a switch, for a program that asks, waits for the answer, and ends.

Sources: ovs-ofctl(8): how SWITCH is found; OpenFlow 1.5.1, 7.3.5 (multipart), 7.3.7 (barrier).
"""

from __future__ import annotations

import errno
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from stat import S_ISSOCK
from typing import NoReturn

from vswitch.base.options import CommandError
from vswitch.cli.command import log_error, wants_debugging, warn
from vswitch.cli.ofctl.settings import Settings
from vswitch.linux import sockets
from vswitch.linux.dirs import in_rundir
from vswitch.openflow.errors import BadRequest
from vswitch.openflow.message import Message, Multipart, has_more
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.switch import BarrierReply, BarrierRequest
from vswitch.openflow.session import Event, Malformed, Negotiated, ProtocolError, Received, Session, Undecoded
from vswitch.openflow.text import print_message
from vswitch.openflow.version import Version

DEFAULT_PORT = 6653
XIDS = itertools.count(1)  # of all connections of this process together, as the peer's
_CHUNK = 1 << 18


class Channel:
    """One connection to a switch, of which the version is agreed."""

    def __init__(self, target: str, settings: Settings, suffix: str = "mgmt") -> None:
        name = stream_name(target, suffix)
        try:
            self._socket = sockets.connect(name, settings.tls, DEFAULT_PORT)
        except OSError as error:
            raise CommandError(f"connecting to {name} ({error.strerror})") from None
        if wants_debugging("vconn"):
            from vswitch.cli.ofctl.telling import telling

            self._socket = telling(self._socket, name)
        self.settings = settings
        self.name = name
        self._asking = True  # for a reply; else looking on, like the peer's when it asks for names
        self.session = Session(0.0, settings.versions, probe_interval=0.0, xids=XIDS)
        self._events = self._incoming()
        try:
            event = next(self._events)
        except ProtocolError as error:
            if str(error).startswith("received too-short"):
                log_error("vconn_stream", str(error))
            else:
                warn("vconn", f"{name}: {error}")
            raise CommandError(f"{target}: failed to connect to socket (Protocol error)") from None
        except OSError as error:
            raise CommandError(f"{target}: failed to connect to socket ({error.strerror})") from None
        assert isinstance(event, Negotiated)
        self.version: Version = event.version

    def _incoming(self) -> Iterator[Event]:
        """Events as they come; blocks for more bytes after sending what waits to be sent."""
        while True:
            self.flush()
            data = self._socket.recv(_CHUNK)
            if not data:
                self._ended()
            self.session.receive(data, 0.0)
            yield from self.session.events()

    def _ended(self) -> NoReturn:
        """The switch has hung up: between messages, within one, or before it has said anything."""
        if self.session.version is None:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if self.session.take_input():
            log_error("vconn_stream", "connection dropped mid-packet")
            raise ProtocolError("Protocol error")
        raise ProtocolError("End of file")

    def close(self) -> None:
        """Close the connection; programs that end anyway need not."""
        self._socket.close()

    # For who prints all that comes, and has no use for a session.

    def fileno(self) -> int:
        """The socket, to wait for."""
        return self._socket.fileno()

    def read(self, size: int) -> bytes:
        """Bytes that have come; none at the end."""
        return self._socket.recv(size)

    def pending(self) -> bool:
        """Whether there is more to read that the system does not know of: what TLS has already deciphered."""
        more = getattr(self._socket, "pending", None)
        return bool(more and more())

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def flush(self) -> None:
        """Send what was queued."""
        if data := self.session.take_output():
            self._socket.sendall(data)

    def send(self, message: Message, xid: int | None = None) -> int:
        """Queue a message for the next flush or receive; its xid."""
        return self.session.send(message, xid)

    def receive(self) -> Received | Malformed:
        """The next message."""
        event = self._event()
        assert not isinstance(event, Undecoded)
        return event

    def _event(self) -> Received | Undecoded | Malformed:
        while True:
            try:
                event = next(self._events)
            except OSError as error:
                raise self._failed(error.strerror) from None
            except ProtocolError as error:
                raise self._failed(self._why(error)) from None
            assert isinstance(event, Received | Undecoded | Malformed)
            if not isinstance(event, Malformed) or event.error.code is not BadRequest.BAD_VERSION:
                return event
            log_error("vconn", f"{self.name}: {event.error.why}")

    def _failed(self, why: str | None) -> CommandError:
        """What ends the program, in the words of who waits for a reply, or looks on."""
        return CommandError(
            f"{f'talking to {self.name}' if self._asking else 'OpenFlow receive failed'} ({why})"
        )

    @staticmethod
    def _why(error: ProtocolError) -> str:
        if str(error) in ("End of file", "Protocol error"):
            return str(error)
        log_error("vconn_stream", str(error))
        return "Protocol error"

    def replies(
        self, request: Message, xid: int | None = None, asking: bool = True
    ) -> Iterator[Received | Malformed]:
        """The reply to `request`, in all its parts; `asking` decides the words for a failure."""
        xid, self._asking = self.send(request, xid), asking
        more = True
        while more:
            reply = self.receive()
            if reply.xid == xid:
                yield reply
                more = (
                    isinstance(reply, Received)
                    and isinstance(reply.message, Multipart)
                    and reply.message.more
                )
        self._asking = True

    def reply_bytes(self, request: Message, xid: int | None = None) -> Iterator[bytes]:
        """The reply to `request` in all its parts, for who reads them faster than by decoding; it is sent at once."""
        xid = self.session.undecoded = self.send(request, xid)
        self.flush()
        return self._reply_parts(xid)

    def _reply_parts(self, xid: int) -> Iterator[bytes]:
        more = True
        while more:
            reply = self._event()
            if reply.xid == xid:
                yield reply.data
                more = isinstance(reply, Undecoded) and has_more(reply.data)

    def transact(self, request: Message) -> Received | Malformed:
        """The only part, or the first part, of the reply to `request`."""
        return next(self.replies(request))

    def barrier(self) -> Iterator[Received | Malformed]:
        """Wait until the switch has done what was sent; what it says meanwhile, errors among it."""
        return self.until(self.send(BarrierRequest()))

    def until(self, xid: int) -> Iterator[Received | Malformed]:
        """What the switch says before it answers the barrier `xid`."""
        while True:
            reply = self.receive()
            if isinstance(reply, Received) and isinstance(reply.message, BarrierReply) and reply.xid == xid:
                return
            yield reply

    def commit(self, *messages: Message) -> None:
        """Send messages that have no reply and wait until they are done; an error ends the program."""
        self.finish(self.begin(messages))

    def begin(self, messages: Iterable[Message]) -> int:
        """Send messages that have no reply, and a barrier, for which `finish` waits: the switch can begin meanwhile."""
        for message in messages:
            self.send(message)
        xid = self.send(BarrierRequest())
        self.flush()
        return xid

    def finish(self, xid: int) -> None:
        """Wait until the switch has come to that barrier; an error ends the program."""
        for reply in self.until(xid):
            if isinstance(reply, Received) and isinstance(reply.message, Error):
                sys.stdout.flush()
                sys.stderr.write(print_message(reply.data, self.settings.verbosity + 1))
                raise CommandError("", status=1)


def stream_name(target: str, suffix: str) -> str:
    """The stream that a SWITCH argument means: one by its name, a socket, or a bridge's socket in the run directory."""
    if ":" in target:
        return target
    bridge = target.rpartition("@")[2]
    for path in (target, in_rundir(f"{target}.{suffix}"), in_rundir(f"{bridge}.{suffix}")):
        try:
            if S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - pathlib takes 8 ms to import
                return f"unix:{os.path.abspath(path)}"  # noqa: PTH100 - pathlib costs 10 ms here
        except OSError:
            continue
    raise CommandError(f"{target} is not a bridge or a socket")
