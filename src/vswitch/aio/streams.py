"""Byte streams by Open vSwitch's connection names.

    unix:PATH  tcp:HOST:PORT  ssl:HOST:PORT          active: `connect(name)`
    punix:PATH ptcp:[PORT][:HOST] pssl:[PORT][:HOST] passive: `listen(name, accepted)`

An IPv6 address stands in brackets.  Errors are `OSError`s, or `TextError` for a name that is not one.

Sources: ovsdb(7), "Connection Methods"; ovs-vswitchd(8), "Public Key Infrastructure Options".
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress

from vswitch.aio.tls import Tls, TlsSource, tls_context
from vswitch.base.dataclass import dataclass
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.log import Logger
from vswitch.linux.dirs import in_rundir
from vswitch.linux.unixpath import Fitting

log = Logger("socket_util")
limited_tls = Logger("stream_ssl").limited(rate=10, burst=25)
ACTIVE = ("unix", "tcp", "ssl")
PASSIVE = ("punix", "ptcp", "pssl")
BACKLOG = 64
HANDSHAKE_TIMEOUT = 10.0  # seconds


@dataclass(slots=True, eq=False)
class Stream:
    """An open connection; `name` is what logs and status columns call it."""

    name: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        """Close once everything written has gone, without waiting for it."""
        self.writer.close()

    def abort(self) -> None:
        """Close now."""
        self.writer.transport.abort()

    @property
    def local_address(self) -> tuple[str, int] | None:
        """Our end's IP address and port, where it has one."""
        return _inet(self.writer.get_extra_info("sockname"))

    @property
    def peer_address(self) -> tuple[str, int] | None:
        """The other end's IP address and port, where it has one."""
        return _inet(self.writer.get_extra_info("peername"))


def _inet(name: object) -> tuple[str, int] | None:
    match name:
        case (str(host), int(port), *_):
            return host, port
        case _:
            return None


Accepted = Callable[[Stream], Awaitable[None]]


@dataclass(slots=True)
class Listener:
    """A passive name that listens; `port` is the TCP port in use, 0 for a Unix socket."""

    name: str
    port: int
    _server: asyncio.Server
    _path: str = ""

    def close(self) -> None:
        """Listen no more; a Unix socket's file goes away.  Connections that were accepted stay."""
        self._server.close()
        if self._path:
            with suppress(FileNotFoundError):
                os.unlink(self._path)


def is_active(name: str) -> bool:
    """Whether `name` says how to connect."""
    return name.partition(":")[0] in ACTIVE


def is_passive(name: str) -> bool:
    """Whether `name` says where to listen."""
    return name.partition(":")[0] in PASSIVE


def split_host_port(text: str, default_port: int = 0) -> tuple[str, int]:
    """HOST:PORT with the host perhaps in brackets; raises TextError."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, ""
    if host.startswith("["):
        if not host.endswith("]"):
            raise TextError(f"{text}: unmatched bracket", text)
        host = host[1:-1]
    if not port and default_port:
        return _host_name(host, text), default_port
    return _host_name(host, text), _port_number(port, text)


def split_port_host(text: str, default_port: int = 0) -> tuple[str, int]:
    """[PORT][:HOST] as listeners have it; an absent host is every IPv4 address."""
    port, _, host = text.partition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not port:
        return _host_name(host, text), default_port
    return _host_name(host, text), _port_number(port, text)


def _port_number(port: str, text: str) -> int:
    number = parse_decimal(port)
    if number is None or number > 65535:
        raise TextError(f"{text}: bad port number", text)
    return number


def _host_name(host: str, text: str) -> str:
    """`host`, if the resolver can be asked for it: it takes no label that is empty or very long."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise TextError(f"{text}: bad host name", text) from None
    return host


def reason(error: Exception) -> str:
    """Why a connection failed, in the system's words where it has some (asyncio's own are about Python)."""
    if isinstance(error, TimeoutError):
        return os.strerror(errno.ETIMEDOUT)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if isinstance(error, ConnectionResetError):
        return os.strerror(errno.ECONNRESET)
    return str(error)


async def connect(name: str, tls: Tls | None = None, default_port: int = 0) -> Stream:
    """Open the connection that `name` says."""
    kind, _, rest = name.partition(":")
    match kind:
        case "unix":
            reader, writer = await asyncio.open_unix_connection(sock=_connected_unix(in_rundir(rest)))
        case "tcp":
            host, port = split_host_port(rest, default_port)
            reader, writer = await asyncio.open_connection(host, port)
            _no_delay(writer)
        case "ssl":
            host, port = split_host_port(rest, default_port)
            reader, writer = await asyncio.open_connection(host, port, ssl=tls_context(tls, server=False))
            _no_delay(writer)
            if tls is not None and tls.lacks_authority:
                writer.close()
                tls.adopt_authority(writer.get_extra_info("ssl_object"))
        case _:
            raise TextError(f"{name}: not an active connection method", name)
    return Stream(name, reader, writer)


def _connected_unix(path: str) -> socket.socket:
    """A socket connected to the one at `path`: that takes no time, or fails at once if too many wait there.

    The loop's own way would import `ssl` to see that this is none of its sockets.
    """
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        with Fitting(path) as fitting:
            endpoint.connect(fitting)
    except OSError:
        endpoint.close()
        raise
    return endpoint


_unix_connections = itertools.count()


async def listen(
    name: str, accepted: Accepted, tls: TlsSource = lambda: None, default_port: int = 0
) -> Listener:
    """Listen where `name` says; `accepted` gets each connection, in a task of its own, and owns it.

    `tls` is asked at each connection, so that keys may change while we listen.
    """
    kind, _, rest = name.partition(":")
    match kind:
        case "punix":
            return await _listen_unix(name, in_rundir(rest), accepted)
        case "ptcp" | "pssl":
            host, port = split_port_host(rest, default_port)
            if kind == "ptcp":
                return await _listen_inet(name, "tcp", host, port, accepted, None)
            tls_context(tls(), server=True)  # to hear at once that there are no keys
            return await _listen_inet(name, "ssl", host, port, accepted, tls)
        case _:
            raise TextError(f"{name}: not a passive connection method", name)


async def listen_with(
    name: str,
    factory: Callable[[], asyncio.Protocol],
    tls: TlsSource = lambda: None,
    default_port: int = 0,
) -> Listener:
    """As listen(), for those who must spend as little as possible on a message: each connection gets a protocol."""
    loop = asyncio.get_running_loop()
    kind, _, rest = name.partition(":")
    match kind:
        case "punix":
            path = in_rundir(rest)
            server: asyncio.Server = await loop.create_unix_server(
                factory, sock=_bound_unix(path), backlog=BACKLOG
            )
            return Listener(name, 0, server, path)
        case "ptcp" | "pssl":
            host, port = split_port_host(rest, default_port)
            if kind == "pssl":
                tls_context(tls(), server=True)  # to hear at once that there are no keys
            endpoint = _bound_inet(host, port)
            greet = factory if kind == "ptcp" else lambda: _Handshake(factory, tls)
            server = await loop.create_server(greet, sock=endpoint, backlog=BACKLOG)
            bound = int(endpoint.getsockname()[1])
            if port == 0:
                log.info("%s: listening on port %d", rest, bound)
            return Listener(name, bound, server)
        case _:
            raise TextError(f"{name}: not a passive connection method", name)


class _Handshake(asyncio.Protocol):
    """A connection that was accepted, until TLS has been agreed upon; then a protocol of the factory's has it.

    The other side may send its first bytes together with the last of the handshake: they are kept for that protocol.
    """

    def __init__(self, factory: Callable[[], asyncio.Protocol], tls: TlsSource) -> None:
        self._factory = factory
        self._tls = tls
        self._early: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._shake_hands(transport))

    def data_received(self, data: bytes) -> None:
        """Keep what comes early."""
        self._early.append(data)

    async def _shake_hands(self, transport: asyncio.Transport) -> None:
        try:
            context = tls_context(self._tls(), server=True)
            secure = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT
            )
        except OSError as error:
            limited_tls.warn("SSL_accept: %s (%s)", _why_refused(error), connection_name(transport, "ssl"))
            transport.abort()
            return
        assert secure is not None
        protocol = self._factory()
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        for data in self._early:
            protocol.data_received(data)


def _why_refused(error: OSError) -> str:
    """What was wrong with a handshake, in the words of the TLS library where it has some."""
    words = str(getattr(error, "reason", None) or "").replace("_", " ").lower()
    details = getattr(error, "verify_message", "")
    return f"{words}: {details}" if words and details else words or reason(error) or "connection closed"


def connection_name(transport: asyncio.BaseTransport, secure_kind: str = "") -> str:
    """What logs and status columns call an accepted connection; asking twice gives two names to a Unix one."""
    peer = _inet(transport.get_extra_info("peername"))
    if peer is None:
        return f"unix#{next(_unix_connections)}"
    kind = secure_kind or ("ssl" if transport.get_extra_info("sslcontext") else "tcp")
    return f"{kind}:[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{kind}:{peer[0]}:{peer[1]}"


async def _listen_unix(name: str, path: str, accepted: Accepted) -> Listener:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(Stream(f"unix#{next(_unix_connections)}", reader, writer), accepted)

    endpoint = _bound_unix(path)
    server = await asyncio.start_unix_server(connected, sock=endpoint, backlog=BACKLOG)
    return Listener(name, 0, server, path)


def _bound_unix(path: str) -> socket.socket:
    """A socket bound to `path`, however long, open to its owner and group alone."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):  # left behind by a daemon that was killed
            os.unlink(path)
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    old_mask = os.umask(0o007)
    try:
        with Fitting(path) as fitting:
            endpoint.bind(fitting)
    except OSError:
        endpoint.close()
        raise
    finally:
        os.umask(old_mask)
    return endpoint


async def _listen_inet(
    name: str, kind: str, host: str, port: int, accepted: Accepted, tls: TlsSource | None
) -> Listener:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _no_delay(writer)
        peer = _inet(writer.get_extra_info("peername")) or ("", 0)
        shown = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
        shown = f"{kind}:{shown}:{peer[1]}"
        if tls is not None and not await _secure(shown, writer, tls):
            return
        await _serve(Stream(shown, reader, writer), accepted)

    endpoint = _bound_inet(host, port)
    server = await asyncio.start_server(connected, sock=endpoint, backlog=BACKLOG)
    bound = int(endpoint.getsockname()[1])
    if port == 0:
        log.info("%s: listening on port %d", name.partition(":")[2], bound)
    return Listener(name, bound, server)


async def _secure(name: str, writer: asyncio.StreamWriter, tls: TlsSource) -> bool:
    """Do the handshake on a connection that was accepted; whether that went well."""
    try:
        await writer.start_tls(tls_context(tls(), server=True))
    except OSError as error:
        limited_tls.warn("SSL_accept: %s (%s)", reason(error), name)
        writer.transport.abort()
        return False
    return True


def _bound_inet(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        endpoint.bind((host, port))
    except OSError:
        endpoint.close()
        raise
    return endpoint


async def _serve(stream: Stream, accepted: Accepted) -> None:
    """Let `accepted` have the connection; a connection that breaks is no news to anybody else."""
    try:
        await accepted(stream)
    except OSError as error:
        log.dbg("%s: %s", stream.name, error)
    finally:
        stream.close()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    endpoint = writer.get_extra_info("socket")
    if endpoint is not None:
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
