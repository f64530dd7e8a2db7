"""A conversation with a database server: requests and replies, and which database is meant.

Sources: ovsdb-client(1); RFC 7047 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.jsontype import Json
from vswitch.base.lightjson import encode
from vswitch.base.options import CommandError, Given
from vswitch.linux.dirs import default_database
from vswitch.linux.jsonrpc_client import Connection, connect
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.column import Layout

DEFAULT_DATABASE = "Open_vSwitch"
_SCHEMES = ("unix", "tcp", "ssl", "punix", "ptcp", "pssl")


class Server:
    """A server that was asked for on a command line."""

    def __init__(self, name: str, given: Given) -> None:
        self.name = name
        try:
            self.connection: Connection = connect(name, TlsOptions.from_options(given))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(f'failed to connect to "{name}" ({reason})') from None
        self._n_requests = 0
        self.notifications: list[Json] = []  # that came while a reply was awaited

    def request(self, method: str, *params: Json) -> Json:
        """The result of a request; raises CommandError for an error."""
        self._n_requests += 1
        number = self._n_requests
        try:
            self.connection.send({"id": number, "method": method, "params": list(params)})
            while True:
                message = self.connection.receive()
                if message.get("id") == number and "method" not in message:
                    break
                self.handle(message)
        except OSError as error:
            raise CommandError(f"transaction failed ({error.strerror or error})") from None
        if message.get("error") is not None:
            raise CommandError(f"transaction returned error: {encode(message['error'])}")
        return message["result"]

    def handle(self, message: Json) -> None:
        """Take a message that is no reply: answer an echo, keep the rest."""
        if message.get("method") == "echo":
            self.connection.send({"error": None, "id": message["id"], "result": message["params"]})
        else:
            self.notifications.append(message)

    def databases(self) -> list[str]:
        """The names of the server's databases."""
        return sorted(self.request("list_dbs"))

    def layout(self, database: str) -> Layout:
        """The schema of a database."""
        return Layout(self.request("get_schema", database))


def is_server(word: str) -> bool:
    """Whether a word names a server rather than a database."""
    scheme, colon, _ = word.partition(":")
    return bool(colon) and scheme in _SCHEMES


def open_server(words: Sequence[str], given: Given) -> tuple[Server, list[str]]:
    """The server that the first of `words`, if it names one, asks for; and the rest."""
    if words and is_server(words[0]):
        return Server(words[0], given), list(words[1:])
    return Server(default_database(), given), list(words)


def open_database(
    command: str, words: Sequence[str], given: Given, at_least: int, at_most: int
) -> tuple[Server, str, list[str]]:
    """The server and database that `words` begin with, each perhaps left out; and the rest, `at_least` to `at_most`."""
    server, rest = open_server(words, given)
    check_count(command, rest, at_least, at_most + 1)
    databases = server.databases()
    if len(rest) > at_least and (len(rest) > at_most or rest[0] in databases):
        database = rest.pop(0)
    elif DEFAULT_DATABASE in databases:
        database = DEFAULT_DATABASE
    else:
        others = [name for name in databases if not name.startswith("_")]
        if len(others) != 1:
            raise CommandError(f"no default database for `{command}' command, please specify a database name")
        database = others[0]
    if database not in databases and not (at_least == at_most == 0):
        raise CommandError(f"unknown database {database}")
    if database not in databases:
        invalid(command)
    return server, database, rest


def check_count(command: str, words: Sequence[str], at_least: int, at_most: int) -> None:
    """Raise CommandError unless `at_least` to `at_most` words are left."""
    if not at_least <= len(words) <= at_most:
        invalid(command)


def invalid(command: str) -> None:
    """The command line makes no sense."""
    raise CommandError(f"invalid syntax for '{command}' (use --help for help)")
