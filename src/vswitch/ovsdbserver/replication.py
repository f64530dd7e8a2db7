"""Active or backup: the role of a server as a whole, and the commands that ask for it and change it.

As a backup, every database that has a file follows the one of the same name at the active server, and clients only
read.  A change of the role disconnects the clients, so that they look around again.

Sources: ovsdb-server(1), "Active-Backup Options", "Active-Backup Commands".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from vswitch.base.errors import TextError
from vswitch.ovsdb.server import Server
from vswitch.ovsdbserver.backing import Backing, JournalBacking
from vswitch.ovsdbserver.upstream import Source, probe_seconds

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


class Replication:
    """Which server is the active one, whether we follow it, and what we leave out."""

    def __init__(
        self, server: Server, backings: Mapping[str, Backing], disconnect_clients: Callable[[], None]
    ) -> None:
        self._server = server
        self._backings = backings
        self._disconnect_clients = disconnect_clients
        self.active: str | None = None  # the active server's connection method
        self.exclude = ""  # DB:TABLE,…
        self.probe_interval = 60.0  # seconds

    def follow(self, backings: Iterable[Backing]) -> None:
        """Have these databases follow the active server's."""
        source = Source((self.active or "",), self.probe_interval)
        for backing in backings:
            if isinstance(backing, JournalBacking):
                backing.follow(source, self._excluded(backing.name))

    def connect(self) -> None:
        """Be the backup of the active server."""
        if self.active is None:
            raise TextError("Unable to connect: active server is not specified.\n")
        was_backup, self._server.is_backup = self._server.is_backup, True
        self.follow(self._backings.values())
        if not was_backup:
            self._disconnect_clients()

    def connect_if_known(self) -> str | None:
        """connect-active-ovsdb-server; that there is no active server is, as with the peer, no error."""
        try:
            self.connect()
        except TextError as error:
            return str(error)
        return None

    def disconnect(self) -> None:
        """Be active."""
        for backing in self._backings.values():
            if isinstance(backing, JournalBacking):
                backing.lead()
        if self._server.is_backup:
            self._server.is_backup = False
            self._disconnect_clients()

    def set_active(self, words: Sequence[str]) -> None:
        """set-active-ovsdb-server."""
        self.active = words[0]
        self._resume()

    def set_exclude(self, words: Sequence[str]) -> None:
        """set-sync-exclude-tables; without tables: none."""
        exclude = words[0] if words else ""
        parse_exclude(exclude)
        self.exclude = exclude
        self._resume()

    def set_probe_interval(self, words: Sequence[str]) -> str | None:
        """set-active-ovsdb-server-probe-interval."""
        try:
            interval = int(words[0])
        except ValueError:
            interval = None
        if interval is None or not INT32_MIN <= interval <= INT32_MAX:
            return "Invalid probe interval, integer value expected\n"
        self.probe_interval = probe_seconds(interval)
        self._resume()
        return None

    def active_server(self) -> str:
        """get-active-ovsdb-server."""
        return f"{self.active}\n" if self.active else ""

    def exclude_list(self) -> str:
        """get-sync-exclude-tables: in order, each once."""
        pairs = sorted(set(parse_exclude(self.exclude)))
        return ",".join(f"{database}:{table}" for database, table in pairs) + "\n" if pairs else ""

    def _resume(self) -> None:
        """Follow in another way, if we do at all."""
        if self._server.is_backup:
            self.follow(self._backings.values())

    def status(self) -> str:
        """sync-status."""
        followers = [
            each
            for each in self._backings.values()
            if isinstance(each, JournalBacking) and each.upstream is not None
        ]
        if not followers:
            return "state: active\n"
        source = followers[0].upstream.source if followers[0].upstream else ""
        current = [each for each in followers if each.upstream is not None and each.upstream.is_current]
        if not current:
            return f"state: backup\nconnecting: {source}\n"
        names = ", ".join(sorted(each.name for each in current))
        exclude = ",".join(f"{each.name}:{table}" for each in current for table in sorted(each.exclude))
        lines = ["state: backup", f"replicating: {source}", f"database: {names}"]
        return "\n".join([*lines, *([f"exclude: {exclude}"] if exclude else [])]) + "\n"

    def _excluded(self, database: str) -> frozenset[str]:
        return frozenset(table for name, table in parse_exclude(self.exclude) if name == database)


def parse_exclude(text: str) -> list[tuple[str, str]]:
    """The (database, table) pairs of DB:TABLE,…"""
    pairs = []
    for word in text.replace(",", " ").split():
        database, colon, table = word.partition(":")
        if not colon or not database or not table:
            raise TextError(f"{word}: not DB:TABLE")
        pairs.append((database, table))
    return pairs
