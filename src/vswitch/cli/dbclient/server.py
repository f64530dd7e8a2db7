"""A conversation with a database server: requests and replies, and which database is meant.

Sources: ovsdb-client(1); RFC 7047 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import sleep

from vswitch.base.jsontype import Json
from vswitch.base.lightjson import encode
from vswitch.base.options import CommandError, Given
from vswitch.cli.command import warn
from vswitch.linux.dirs import default_database
from vswitch.linux.jsonrpc_client import Connection, connect
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.column import Layout
from vswitch.ovsdb.membership import Membership

DEFAULT_DATABASE = "Open_vSwitch"
_SCHEMES = ("unix", "tcp", "ssl", "punix", "ptcp", "pssl")


class ServerError(CommandError):
    """The server answered with an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"transaction returned error: {encode(error)}")
        self.error = error

    def as_text(self) -> str:
        """The error as people would say it, if it has the usual members."""
        if not isinstance(self.error, dict) or "details" not in self.error:
            return str(self)
        syntax = f'syntax "{self.error["syntax"]}": ' if "syntax" in self.error else ""
        return f"{syntax}{self.error['error']}: {self.error['details']}"


class Server:
    """A server that was asked for on a command line: of several, separated by commas, the first that answers."""

    def __init__(self, names: str, given: Given) -> None:
        self.name = names
        self.connection: Connection
        self._n_requests = 0
        self.notifications: list[Json] = []  # that came while a reply was awaited
        self._tls = TlsOptions.from_options(given)
        self._leader_only = "no-leader-only" not in given
        self._connect("")

    def settle(self, database: str) -> None:
        """Go to a server that will do for `database`; as long as there is none, go on looking.

        Of a cluster, that is a member which is connected to the others, and, unless --no-leader-only says that any
        will do, the leader.
        """
        objection = self._objection(database)
        while objection:
            warn("ovsdb_client", f"{self.name}: {objection}")
            sleep(1)
            objection = self._connect(database)

    def _connect(self, database: str) -> str:
        """Connect to the first server, which, if there is a `database`, will do for that; or say why none does."""
        reason = objection = ""
        for name in self.name.split(","):
            try:
                self.connection = connect(name, self._tls)
            except OSError as error:
                reason = error.strerror or str(error)
                continue
            objection = self._objection(database) if database else ""
            if not objection:
                return ""
            self.connection.close()
        if objection:
            return objection
        if "," in self.name:
            raise CommandError("no servers were available")
        raise CommandError(f'failed to connect to "{self.name}" ({reason})')

    def _objection(self, database: str) -> str:
        membership = Membership(database, leader_only=self._leader_only)
        try:
            membership.begin(self.request("monitor_cond", "_Server", ["_Server"], membership.requests()))
        except ServerError:  # it is so old that it knows nothing of clusters
            return ""
        self.request("monitor_cancel", ["_Server"])
        self.notifications.clear()
        return membership.objection() if membership.is_known else ""

    def send(self, method: str, *params: Json) -> int:
        """Send a request; return its number."""
        self._n_requests += 1
        self.connection.send({"id": self._n_requests, "method": method, "params": list(params)})
        return self._n_requests

    def request(self, method: str, *params: Json) -> Json:
        """The result of a request; raises CommandError for an error."""
        try:
            number = self.send(method, *params)
            while True:
                message = self.connection.receive()
                if message.get("id") == number and "method" not in message:
                    break
                self.handle(message)
        except OSError as error:
            raise CommandError(f"transaction failed ({error.strerror or error})") from None
        if message.get("error") is not None:
            raise ServerError(message["error"])
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
    """Whether a word names a server, or several, rather than a database."""
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
    server.settle(database)
    return server, database, rest


def check_count(command: str, words: Sequence[str], at_least: int, at_most: int) -> None:
    """Raise CommandError unless `at_least` to `at_most` words are left."""
    if not at_least <= len(words) <= at_most:
        invalid(command)


def invalid(command: str) -> None:
    """The command line makes no sense."""
    raise CommandError(f"invalid syntax for '{command}' (use --help for help)")
