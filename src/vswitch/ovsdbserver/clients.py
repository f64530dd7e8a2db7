"""Connections of clients: bytes between sockets and the server's sessions.

An `asyncio.Protocol`, and not a stream, because a stream's task switch costs as much as a small transaction.  What the
sessions have to say to others than the client that they answer is collected while the loop handles the sockets that
are ready, and written in one round after them: so transactions that come together are told to the monitors together.
A client that reads more slowly than it is written to has what it does not take merged (see vswitch.ovsdb.feed), and
its requests wait: what is kept for it does not grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vswitch.aio.streams import connection_name
from vswitch.base.dataclass import replace
from vswitch.ovsdb.server import Server
from vswitch.ovsdb.servicemodel import FULL_ACCESS, Access
from vswitch.ovsdb.session import Session

LINGER = 1.0  # seconds that a client has to read the last words


class Pump:
    """Carries what the server decides to sockets, timers and the disk; one for each server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.loop = asyncio.get_running_loop()
        self.after_round: list[
            Callable[[], None]
        ] = []  # what else is to happen when something may have changed
        self._connections: dict[Session, Connection] = {}
        self._is_scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self) -> None:
        """Run soon, after the sockets that are ready now."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self.run)

    def schedule_if_needed(self) -> None:
        """The same, if there is anything to do besides answering the client that has just been answered."""
        if self.server.talkative or self.server.needs_owner:
            self.schedule()

    def run(self) -> None:
        """Write what there is to write."""
        self._is_scheduled = False
        server = self.server
        server.flush()
        for hook in self.after_round:
            hook()
        for session in list(server.talkative):
            if (connection := self._connections.get(session)) is not None:
                connection.write()
        server.talkative.clear()
        self._set_timer()
        if server.has_news:
            self.schedule()

    def _set_timer(self) -> None:
        deadline = self.server.deadline
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline != float("inf"):
            self._timer = self.loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.server.expire(self.loop.time())
        self.schedule()

    def connected(self, connection: Connection) -> None:
        """A session has a connection."""
        self._connections[connection.session] = connection

    def lost(self, connection: Connection) -> None:
        """A session has lost its connection."""
        del self._connections[connection.session]
        self.server.disconnect(connection.session)
        self.schedule()

    def close_all(self) -> None:
        """End every connection."""
        for connection in list(self._connections.values()):
            connection.close()


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(
        self,
        pump: Pump,
        *,
        name: str = "",
        probe_interval: Callable[[str], float] = lambda name: 0.0,
        access: Access = FULL_ACCESS,
        on_open: Callable[[Connection], None] = lambda connection: None,
        on_lost: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        self._pump = pump
        self.name = name
        self._probe_interval = probe_interval
        self._access = access
        self._on_open, self._on_lost = on_open, on_lost
        self._timer: asyncio.TimerHandle | None = None
        self.session: Session
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.name = self.name or connection_name(transport)
        self.session = self._pump.server.connect(
            self.name,
            self._pump.loop.time(),
            access=replace(self._access, id=_client_name(transport)),
            probe_interval=self._probe_interval(self.name),
        )
        transport.set_write_buffer_limits(1)  # more than what the kernel takes is too much
        self._pump.connected(self)
        self._on_open(self)
        self._set_timer()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self.session.receive(data, self._pump.loop.time())
        self._answered()

    def _proceed(self) -> None:
        """Go on with requests that came together with others, if the client reads the answers."""
        if self.session.is_behind and not self.session.is_slow and not self.transport.is_closing():
            self.session.proceed(self._pump.loop.time())
            self._answered()

    def _answered(self) -> None:
        self.write()
        if self.session.is_behind:
            self._pump.loop.call_soon(self._proceed)
        self._pump.schedule_if_needed()

    def write(self) -> None:
        """Send what the session has to say, and close if it is over."""
        self._pump.server.talkative.pop(self.session, None)
        if output := self.session.take_output():
            self.transport.write(output[0] if len(output) == 1 else b"".join(output))
        if self.session.closed and not self.transport.is_closing():
            self.transport.close()
            self._pump.loop.call_later(LINGER, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not read: leave its requests alone, too."""
        self.session.is_slow = True
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        self.session.is_slow = False
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self.session.catch_up()
            self.write()
            self._proceed()

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._pump.lost(self)
        self._on_lost(self)

    def close(self) -> None:
        """End the connection."""
        self.transport.close()

    def set_probe_interval(self, seconds: float) -> None:
        """Ask for a sign of life after that much silence from now on; 0: never."""
        if self._timer is not None:
            self._timer.cancel()
        self.session.probe_interval = seconds
        self._set_timer()

    def _set_timer(self) -> None:
        deadline = self.session.deadline
        if deadline != float("inf"):
            self._timer = self._pump.loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self.session.expire(self._pump.loop.time())
        self._pump.schedule()
        if not self.session.closed:
            self._set_timer()


def _client_name(transport: asyncio.Transport) -> str:
    """Who a client is: the common name in its certificate; empty if it did not have to show one."""
    certificate = transport.get_extra_info("peercert") or {}
    names = (
        value for parts in certificate.get("subject", ()) for name, value in parts if name == "commonName"
    )
    return next(names, "")
