"""The server's control commands.

Sources: ovsdb-server(1), "Runtime Management Commands"; the answers are those that tools of Open vSwitch compare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from vswitch.aio.unixctl import Commands, Handler
from vswitch.base.errors import TextError
from vswitch.base.log import Logger
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.server import SERVER, Server
from vswitch.ovsdbserver.backing import COMPACTING, Backing, Surroundings
from vswitch.ovsdbserver.remotes import Remotes
from vswitch.ovsdbserver.replication import Replication
from vswitch.ovsdbserver.tablelog import TableLog

log = Logger("ovsdb_server")


class Owner(Protocol):
    """What the commands need of the daemon."""

    server: Server
    remotes: Remotes
    replication: Replication
    backings: dict[str, Backing]
    around: Surroundings
    table_log: TableLog

    @property
    def config_path(self) -> str:
        """The file that says what is served; empty if the command line and the commands do."""

    def open(self, word: str) -> None:
        """Put a database into service; raises VswitchError."""

    def close(self, name: str) -> None:
        """Take a database out of service."""

    async def reload(self) -> None:
        """Read the configuration file again; raises VswitchError."""


def add_commands(commands: Commands, owner: Owner) -> None:
    """Answer all of the server's commands from now on."""

    def command(name: str, usage: str, at_least: int, at_most: int, run: Handler) -> None:
        commands.add(f"ovsdb-server/{name}", usage, at_least, at_most, run)

    def unconfigured(run: Handler) -> Handler:
        def refuse_or_run(words: Sequence[str]) -> str | Awaitable[str | None] | None:
            _refuse_with_config(owner)
            return run(words)

        return refuse_or_run

    databases, remotes, replication = Databases(owner), RemoteCommands(owner), owner.replication
    command("list-dbs", "", 0, 0, lambda words: lines(sorted(owner.server.hosts)))
    command("add-db", "DB", 1, 1, databases.add)
    command("remove-db", "DB", 1, 1, databases.remove)
    command("compact", "", 0, 1, databases.compact)
    command("get-db-storage-status", "DB", 1, 1, databases.storage_status)
    command("memory-trim-on-compaction", "on|off", 1, 1, databases.trim_memory)
    command("tlog-set", "DB:TABLE on|off", 2, 2, databases.set_log)
    command("tlog-list", "", 0, 0, databases.list_logs)
    command("reload", "", 0, 0, remotes.reload)
    command("list-remotes", "", 0, 0, lambda words: lines(sorted(owner.remotes.names)))
    command("add-remote", "REMOTE", 1, 1, remotes.add)
    command("remove-remote", "REMOTE", 1, 1, remotes.remove)
    command("reconnect", "", 0, 0, lambda words: owner.remotes.reconnect())
    command("disable-monitor-cond", "", 0, 0, remotes.disable_conditions)
    command("perf-counters-show", "", 0, 0, lambda words: NO_COUNTERS)
    command("perf-counters-clear", "", 0, 0, lambda words: None)
    command("sync-status", "", 0, 0, lambda words: replication.status())
    command("set-active-ovsdb-server", "", 1, 1, unconfigured(replication.set_active))
    command("get-active-ovsdb-server", "", 0, 0, lambda words: replication.active_server())
    command(
        "connect-active-ovsdb-server", "", 0, 0, unconfigured(lambda words: replication.connect_if_known())
    )
    command("disconnect-active-ovsdb-server", "", 0, 0, unconfigured(lambda words: replication.disconnect()))
    command("set-active-ovsdb-server-probe-interval", "", 1, 1, replication.set_probe_interval)
    command("set-sync-exclude-tables", "", 0, 1, unconfigured(replication.set_exclude))
    command("get-sync-exclude-tables", "", 0, 0, lambda words: replication.exclude_list())


NO_COUNTERS = "performance counter is not supported on this platform\n"


class Databases:
    """Commands about databases."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def add(self, words: Sequence[str]) -> None:
        """add-db."""
        _refuse_with_config(self._owner)
        self._owner.open(words[0])

    def remove(self, words: Sequence[str]) -> None:
        """remove-db."""
        _refuse_with_config(self._owner)
        if words[0] == SERVER:
            raise TextError("Cannot remove reserved database.")
        self._owner.close(self._backing(words[0]).name)

    async def compact(self, words: Sequence[str]) -> None:
        """compact."""
        if words and words[0] == SERVER:
            raise TextError("cannot compact built-in databases")
        if words and words[0] not in self._owner.backings:
            raise TextError("no database by that name")
        failures = []
        for name in words or list(self._owner.backings):
            log.info("compacting %s database by user request", name)
            try:
                await self._owner.backings[name].compact(COMPACTING)
            except StorageError as error:
                failures.append(str(error))
        if failures:
            raise TextError("\n".join(failures))

    def storage_status(self, words: Sequence[str]) -> str:
        """get-db-storage-status."""
        status = "ok" if words[0] == SERVER else self._backing(words[0]).storage_status()
        return f"status: {status}\n"

    def trim_memory(self, words: Sequence[str]) -> None:
        """memory-trim-on-compaction."""
        if words[0] not in ("on", "off"):
            raise TextError("invalid argument")
        self._owner.around.trims_memory = words[0] == "on"
        log.info("memory trimming after compaction %sabled.", "en" if words[0] == "on" else "dis")

    def set_log(self, words: Sequence[str]) -> None:
        """tlog-set."""
        name, _, table = words[0].partition(":")
        if not name or not table or ":" in table:
            raise TextError("invalid DB:TABLE argument")
        host = self._owner.server.hosts.get(name)
        if host is None:
            raise TextError("no such database")
        if table not in host.database.tables:
            raise TextError("no such table")
        if words[1] not in ("on", "off"):
            raise TextError("invalid command argument")
        self._owner.table_log.switch(name, table, on=words[1] == "on")

    def list_logs(self, words: Sequence[str]) -> str:
        """tlog-list."""
        rows = [
            "database        table                       logging",
            "--------        -----                       -------",
        ]
        for name, host in sorted(self._owner.server.hosts.items()):
            rows += [f"{name:<16} ", *self._logs_of(name, host)]
        return lines(rows)

    def _logs_of(self, name: str, host: Host) -> list[str]:
        logged = self._owner.table_log.tables
        return [
            f"{'':<16}{table:<27} {'ON' if (name, table) in logged else 'OFF'}"
            for table in sorted(host.database.tables)
        ]

    def _backing(self, name: str) -> Backing:
        backing = self._owner.backings.get(name)
        if backing is None:
            raise TextError("Failed to find the database.")
        return backing


class RemoteCommands:
    """Commands about remotes, and about clients."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def add(self, words: Sequence[str]) -> None:
        """add-remote."""
        _refuse_with_config(self._owner)
        self._owner.remotes.add(words[0])
        await self._owner.remotes.reconcile()

    async def remove(self, words: Sequence[str]) -> None:
        """remove-remote."""
        _refuse_with_config(self._owner)
        if words[0] not in self._owner.remotes.names:
            raise TextError("no such remote")
        self._owner.remotes.remove(words[0])
        await self._owner.remotes.reconcile()

    async def reload(self, words: Sequence[str]) -> None:
        """reload."""
        if not self._owner.config_path:
            raise TextError("Configuration file was not specified on command line")
        await self._owner.reload()

    def disable_conditions(self, words: Sequence[str]) -> None:
        """disable-monitor-cond: for tests of clients that must do without."""
        self._owner.server.lacks_conditions = True
        self._owner.remotes.reconnect()


def _refuse_with_config(owner: Owner) -> None:
    """Where a file says what is served, change the file."""
    if owner.config_path:
        raise TextError(f"not with --config-file: change {owner.config_path} and use ovsdb-server/reload")


def lines(words: Sequence[str]) -> str:
    """Each on a line."""
    return "".join(f"{word}\n" for word in words)
