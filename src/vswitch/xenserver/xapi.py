"""A client of XAPI: XML-RPC over the host's own socket, or over HTTP or HTTPS to another host.

`call()` takes a method's name and its parameters without the session, and returns the value; XAPI's failures are
`XapiFailure`, with the code that XAPI names them by; anything that keeps us from XAPI is `XapiUnreachable`.

Sources: XenServer Management API, "wire format"; xmlrpc.com's specification.
"""

from __future__ import annotations

import _socket
from collections.abc import Sequence
from contextlib import suppress

from vswitch.base.errors import VswitchError, WireError
from vswitch.base.jsontype import Json
from vswitch.linux.sockets import TlsOptions, connect
from vswitch.xenserver.host import Host
from vswitch.xenserver.http import Poster
from vswitch.xenserver.xmlrpc import call, read_response

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


class Xapi:
    """A session with XAPI; it ends with the `with` that it is used in.  login() or adopt() begin it."""

    def __init__(self, poster: Poster, where: str) -> None:
        self.session = ""
        self._poster = poster
        self._where = where
        self._login: tuple[str, ...] | None = None

    @classmethod
    def local(cls, host: Host, timeout: float | None = None) -> Xapi:
        """XAPI on this host."""
        path = next((path for path in SOCKETS if host.has(path)), SOCKETS[0])

        def dial() -> _socket.socket:
            return connect(f"unix:{host.path(path)}", TlsOptions(), 0)

        return cls(Poster(dial, "localhost", TIMEOUT if timeout is None else timeout), path)

    @classmethod
    def remote(cls, url: str, ca_cert: str | None = None, timeout: float = TIMEOUT) -> Xapi:
        """XAPI at `url`, http or https; its certificate must be one that `ca_cert` (default: the system) vouches for."""
        import socket
        import ssl
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        name, is_secure = parts.hostname or "", parts.scheme == "https"
        try:
            context = ssl.create_default_context(cafile=ca_cert) if is_secure else None
        except OSError as error:
            raise XapiUnreachable(f"{ca_cert}: {error.strerror or error}") from None
        if context is not None:
            context.check_hostname = ca_cert is None  # XAPI's own certificates name the host as they please

        def dial() -> _socket.socket:
            connection = socket.create_connection((name, parts.port or (443 if is_secure else 80)), timeout)
            return context.wrap_socket(connection, server_hostname=name) if context else connection

        return cls(Poster(dial, parts.netloc, timeout), url)

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
        self._poster.close()

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
        try:
            status, reason, document = self._poster.post(call(method, parameters).encode())
        except TimeoutError:
            raise XapiUnreachable(f"XAPI at {self._where} does not answer ({method})") from None
        except (OSError, WireError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise XapiUnreachable(f"XAPI at {self._where} cannot be reached ({method}): {why}") from None
        if status != 200:
            raise XapiUnreachable(f"XAPI at {self._where} answers {status} {reason} ({method})")
        return _value(document, f"XAPI at {self._where} answers nonsense ({method})")


def _value(document: bytes, complaint: str) -> Json:
    """What an answer says; raises XapiFailure, and XapiUnreachable if it is none of XAPI's."""
    try:
        answer = read_response(document.decode())
    except (WireError, UnicodeError) as error:
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
