"""A client of XAPI: XML-RPC over the host's own socket, or over HTTP or HTTPS to another host.

`call()` takes a method's name and its parameters without the session, and returns the value; XAPI's failures are
`XapiFailure`, with the code that XAPI names them by; anything that keeps us from XAPI is `XapiUnreachable`.

Sources: XenServer Management API, "wire format"; xmlrpc.com's specification.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error, dumps, loads

from vswitch.base.errors import VswitchError, WireError
from vswitch.base.jsontype import Json
from vswitch.xenserver.host import Host

SOCKETS = ("/var/lib/xcp/xapi", "/var/xapi/xapi")  # today's, and that of XenServer 5.6 to 6.0
TIMEOUT = 120.0  # seconds; XAPI is slow while it starts
N_TRIES = 3


class XapiFailure(WireError):  # noqa: N818 - the word of XAPI
    """XAPI has answered: no."""

    def __init__(self, code: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(f"XAPI: {code}" + "".join(f" '{each}'" for each in parameters))
        self.code = code
        self.parameters = tuple(parameters)


class XapiUnreachable(VswitchError):  # noqa: N818 - as Conflict
    """XAPI has not answered."""


class _LocalConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextmanager
def _deadline(connection: socket.socket) -> Iterator[None]:
    """Let all that happens inside take no longer than the connection's timeout, or raise TimeoutError.

    The timeout itself is that of a single read: an answer that comes byte by byte would take forever.
    """
    is_late = False

    def hang_up() -> None:
        nonlocal is_late
        is_late = True
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    seconds = connection.gettimeout()
    assert seconds is not None
    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException):
        if is_late:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
    if is_late:  # the end of what was read may be our own doing
        raise TimeoutError


class Xapi:
    """A session with XAPI; it ends with the `with` that it is used in.  login() or adopt() begin it."""

    def __init__(self, connection: HTTPConnection, where: str) -> None:
        self.session = ""
        self._connection = connection
        self._where = where
        self._login: tuple[str, ...] | None = None

    @classmethod
    def local(cls, host: Host, timeout: float | None = None) -> Xapi:
        """XAPI on this host."""
        path = next((path for path in SOCKETS if host.has(path)), SOCKETS[0])
        return cls(_LocalConnection(str(host.path(path)), TIMEOUT if timeout is None else timeout), path)

    @classmethod
    def remote(cls, url: str, ca_cert: str | None = None, timeout: float = TIMEOUT) -> Xapi:
        """XAPI at `url`, http or https; its certificate must be one that `ca_cert` (default: the system) vouches for."""
        import ssl

        parts = urlsplit(url)
        name = parts.hostname or ""
        if parts.scheme != "https":
            return cls(HTTPConnection(name, parts.port or 80, timeout=timeout), url)
        try:
            context = ssl.create_default_context(cafile=ca_cert)
        except OSError as error:
            raise XapiUnreachable(f"{ca_cert}: {error.strerror or error}") from None
        context.check_hostname = ca_cert is None  # XAPI's own certificates name the host as they please
        return cls(HTTPSConnection(name, parts.port or 443, timeout=timeout, context=context), url)

    def adopt(self, session: str) -> None:
        """Use somebody else's session, which stays theirs to end."""
        self.session = session

    def login(self, user: str = "root", password: str = "", *more: str) -> None:
        """Begin a session; XAPI believes whoever reaches its socket.  `more`: version and name of the program."""
        self._login = (user, password, *more)
        self.session = str(self._once("session.login_with_password", self._login))

    def __enter__(self) -> Xapi:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session, if it is ours."""
        if self._login is not None and self.session:
            with suppress(VswitchError):  # XAPI forgets it by itself, in time
                self._once("session.logout", (self.session,))
        self.abandon()

    def abandon(self) -> None:
        """Hang up; XAPI forgets the session by itself."""
        self.session = ""
        self._connection.close()

    def call(self, method: str, *parameters: Json) -> Json:
        """The value that XAPI's `method` returns; raises XapiFailure or XapiUnreachable."""
        for _ in range(N_TRIES):
            try:
                return self._once(method, (self.session, *parameters))
            except XapiFailure as failure:
                if failure.code != "SESSION_INVALID" or self._login is None:
                    raise
                self.login(*self._login)  # XAPI has started anew
        return self._once(method, (self.session, *parameters))

    def _once(self, method: str, parameters: tuple[Json, ...]) -> Json:
        document = dumps(parameters, method).encode()
        headers = {"Content-Type": "text/xml", "User-Agent": "vswitch"}
        try:
            if self._connection.sock is None:
                self._connection.connect()
            with _deadline(self._connection.sock):
                self._connection.request("POST", "/", document, headers)
                response = self._connection.getresponse()
                text = response.read()
        except TimeoutError:
            self._connection.close()
            raise XapiUnreachable(f"XAPI at {self._where} does not answer ({method})") from None
        except (OSError, HTTPException) as error:
            self._connection.close()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise XapiUnreachable(f"XAPI at {self._where} cannot be reached ({method}): {why}") from None
        if response.status != 200:
            raise XapiUnreachable(
                f"XAPI at {self._where} answers {response.status} {response.reason} ({method})"
            )
        return _value(text, f"XAPI at {self._where} answers nonsense ({method})")


def _value(text: bytes, complaint: str) -> Json:
    """What an answer says; raises XapiFailure, and XapiUnreachable if it is none of XAPI's."""
    try:
        (answer,), _ = loads(text.decode())
    except (Error, ExpatError, ValueError, KeyError, TypeError) as error:
        raise XapiUnreachable(f"{complaint}: {error}") from None
    match answer:
        case {"Status": "Success", "Value": value}:
            return value
        case {"Status": "Success"}:
            return ""
        case {"Status": "Failure", "ErrorDescription": [code, *parameters]}:
            raise XapiFailure(str(code), [str(each) for each in parameters])
        case _:
            raise XapiUnreachable(complaint)
