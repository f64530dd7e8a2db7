"""A XAPI made of tables: XML-RPC over a Unix socket and over HTTPS, good enough for the client of PyPI's `XenAPI`.

    with FakeXapi(tables()) as xapi:
        xapi.listen_unix(path)
        port = xapi.listen_https(certificate, key)

Reading needs no code per class: get_all, get_record, get_all_records, get_all_records_where, get_by_uuid and get_FIELD
work on every table.  `calls` has what was asked.  `delays`, `deaths` and `failures` make it slow, make it hang up in
the middle of an answer, and make it refuse, by method.
"""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from xmlrpc.client import dumps, loads

from tests.xenserver.pool import Tables

CLAUSE = re.compile(r'field "(\w+)"="([^"]*)"')


class Refusal(Exception):  # noqa: N818 - XAPI's word is Failure
    """XAPI's failures."""


class FakeXapi(AbstractContextManager["FakeXapi"]):
    """One XAPI, listening wherever it is told to."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.sessions: set[str] = set()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.delays: dict[str, float] = {}
        self.deaths: set[str] = set()
        self.failures: dict[str, list[str]] = {}
        self.plugins: dict[
            str, Callable[[str, str, dict[str, str]], str]
        ] = {}  # by name: (session, fn, args)
        self._servers: list[socketserver.BaseServer] = []
        self._n_sessions = 0

    # --- listening ---

    def listen_unix(self, path: Path) -> None:
        """Serve at a Unix socket."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._serve(_UnixServer(str(path), _handler_for(self)))

    def listen_https(self, certificate: Path, key: Path) -> int:
        """Serve at a TCP port of the loopback, with TLS; return the port."""
        server = _TcpServer(("127.0.0.1", 0), _handler_for(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self._serve(server)
        return int(server.server_address[1])

    def _serve(self, server: socketserver.BaseServer) -> None:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._servers.append(server)

    def __exit__(self, *exc: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    # --- answering ---

    def methods_called(self) -> list[str]:
        """The names of what was asked, in order."""
        return [method for method, _ in self.calls]

    def answer(self, method: str, parameters: tuple[Any, ...]) -> dict[str, Any]:
        """The envelope of an answer."""
        self.calls.append((method, parameters))
        time.sleep(self.delays.get(method, 0))
        try:
            if method in self.failures:
                raise Refusal(*self.failures[method])
            return {"Status": "Success", "Value": self._value(method, parameters)}
        except Refusal as refusal:
            return {"Status": "Failure", "ErrorDescription": list(refusal.args)}

    def _value(self, method: str, parameters: tuple[Any, ...]) -> Any:
        kind, _, verb = method.partition(".")
        if method == "session.login_with_password":
            return self._login()
        if parameters[0] not in self.sessions:
            raise Refusal("SESSION_INVALID", parameters[0])
        if method == "session.logout":
            self.sessions.discard(parameters[0])
            return ""
        if method == "host.call_plugin":
            session, _, plugin, function, arguments = parameters
            return self.plugins[plugin](session, function, arguments)
        if kind not in self.tables:
            raise Refusal("MESSAGE_METHOD_UNKNOWN", method)
        return self._read(method, self.tables[kind], verb, parameters[1:])

    def _login(self) -> str:
        self._n_sessions += 1
        session = f"OpaqueRef:session-{self._n_sessions}"
        self.sessions.add(session)
        return session

    def _read(self, method: str, table: dict[str, dict[str, Any]], verb: str, words: tuple[Any, ...]) -> Any:
        match verb:
            case "get_all":
                return list(table)
            case "get_all_records":
                return table
            case "get_all_records_where":
                clause = CLAUSE.fullmatch(words[0])
                assert clause, words[0]
                return {ref: each for ref, each in table.items() if _as_text(each[clause[1]]) == clause[2]}
            case "get_by_uuid":
                for ref, record in table.items():
                    if record["uuid"] == words[0]:
                        return ref
                raise Refusal("UUID_INVALID", method.partition(".")[0], words[0])
        if words[0] not in table:
            raise Refusal("HANDLE_INVALID", method.partition(".")[0], words[0])
        if verb == "get_record":
            return table[words[0]]
        if verb.startswith("get_"):
            return table[words[0]][verb[4:]]
        if verb.startswith("set_"):
            table[words[0]][verb[4:]] = words[1]
            return ""
        raise Refusal("MESSAGE_METHOD_UNKNOWN", method)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes, because of our certificate or our slowness, is no failure of ours."""


class _UnixServer(_Server, socketserver.UnixStreamServer):
    pass


class _TcpServer(_Server, socketserver.TCPServer):
    allow_reuse_address = True


def _handler_for(xapi: FakeXapi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.1, one document per request."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parameters, method = loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert method is not None
            body = dumps((xapi.answer(method, parameters),), methodresponse=True, allow_none=True).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if method in xapi.deaths:
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(body)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
