"""The running database server: it opens the doors and carries things between them and the machine.

Sources: ovsdb-server(1); the commands are those of its section "Runtime management commands".
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Sequence
from pathlib import Path

from vswitch.aio.daemon import Service
from vswitch.aio.tls import Tls
from vswitch.aio.unixctl import Handler
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.log import Logger
from vswitch.base.options import CommandError, version_line
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.server import SERVER, Server
from vswitch.ovsdb.servicemodel import Standalone
from vswitch.ovsdbserver.clients import Pump
from vswitch.ovsdbserver.remotes import Remotes
from vswitch.ovsdbserver.storage import (
    Journal,
    compaction_records,
    milliseconds_now,
    open_journal,
    uuid_source,
)

log = Logger("ovsdb_server")


class DatabaseDaemon:
    """The server with its journals, remotes and commands."""

    def __init__(self, service: Service, paths: Sequence[Path], words: Sequence[str]) -> None:
        self._service = service
        self._new_uuid = uuid_source()
        self.server = Server(self._new_uuid, milliseconds_now)
        self.journals: dict[str, Journal] = {}  # by database
        self._files: dict[str, str] = {}  # by database: the file as the user named it
        self.pump = Pump(self.server)
        tls = Tls.from_options(service.given)
        self.remotes = Remotes(self.pump, self.server, tls if tls.private_key else None)
        self._tasks: set[asyncio.Task[None]] = set()
        for path, word in zip(paths, words or map(str, paths), strict=True):
            self._open(path, word)

    async def run(self) -> int:
        """Serve until told to stop; the exit status."""
        self.pump.after_round.append(self._sync)
        self._add_commands()
        self._service.memory.append(lambda: dict(self.server.usage()))
        for name in self._service.given.all("remote"):
            try:
                self.remotes.add(name or "")
            except TextError as error:
                raise CommandError(f"{error}\n") from None
        await self.remotes.reconcile()
        status = await self._serve()
        self.remotes.close()
        self.pump.close_all()
        for journal in self.journals.values():
            journal.close()
        return status

    async def _serve(self) -> int:
        self._spawn(self.remotes.run())
        self._service.ready()
        log.info("%s", version_line(self._service.program))
        command = self._service.given.get("run")
        if command is None:
            await self._service.stopping.wait()
            return 0
        process = await asyncio.create_subprocess_shell(command)
        done = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._service.stopping.wait())
        await asyncio.wait([done, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            process.kill()
        stopped.cancel()
        return 0 if await done == 0 else 1

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self.pump.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Databases.

    def _open(self, path: Path, word: str) -> None:
        """Put the database in a file into service."""
        if word in self._files.values():
            raise TextError(f"ovsdb error: {word}: already open")
        gc.disable()  # what a journal becomes has no cycles, and stays: looking for them is half of the time
        try:
            journal, database = open_journal(path, self._new_uuid)
        finally:
            gc.freeze()
            gc.enable()
        name = database.schema.name
        if name in self.server.hosts:
            journal.close()
            raise TextError(f"ovsdb error: {name}: duplicate database name")
        service = Standalone(journal)
        host = Host(database, self._new_uuid, milliseconds_now, service)
        host.on_commit = lambda commit: self._committed(host, commit)
        journal.on_safe = lambda failure: self._safe(service, failure)
        self.journals[name], self._files[name] = journal, word
        self.server.add(host)

    def _safe(self, service: Standalone, failure: str) -> None:
        service.made_safe(failure)
        self.pump.schedule()

    def _sync(self) -> None:
        """Flush the journals that somebody waits for."""
        for name, journal in self.journals.items():
            if self.server.hosts[name].service.is_busy and journal.wants_sync():
                self._spawn(journal.sync())

    def _committed(self, host: Host, commit: Commit) -> None:
        self.remotes.notice(host, commit)
        if self.journals[host.name].has_grown_lots():
            self._spawn(self._compact(host.name, "compacting database online"))

    async def _compact(self, name: str, comment: str) -> None:
        database = self.server.hosts[name].database
        journal = self.journals[name]
        try:
            await journal.compact(compaction_records(database, milliseconds_now(), comment))
        except StorageError as error:
            log.err("%s", error)

    # Commands.

    def _add_commands(self) -> None:
        add = self._service.commands.add

        def command(name: str, usage: str, at_least: int, at_most: int, run: Handler) -> None:
            add(f"ovsdb-server/{name}", usage, at_least, at_most, run)

        command("list-dbs", "", 0, 0, lambda words: _lines(sorted(self.server.hosts)))
        command("add-db", "DB", 1, 1, self._add_db)
        command("remove-db", "DB", 1, 1, self._remove_db)
        command("list-remotes", "", 0, 0, lambda words: _lines(sorted(self.remotes.names)))
        command("add-remote", "REMOTE", 1, 1, self._add_remote)
        command("remove-remote", "REMOTE", 1, 1, self._remove_remote)
        command("compact", "", 0, 1, self._compact_command)
        command("reconnect", "", 0, 0, lambda words: self.remotes.reconnect())
        command("sync-status", "", 0, 0, lambda words: "state: active\n")
        command("get-db-storage-status", "DB", 1, 1, self._storage_status)

    def _add_db(self, words: Sequence[str]) -> None:
        try:
            self._open(Path(words[0]), words[0])
        except VswitchError as error:
            raise TextError(str(error)) from None
        self.pump.schedule()

    def _remove_db(self, words: Sequence[str]) -> None:
        name = words[0]
        if name == SERVER:
            raise TextError("Cannot remove reserved database.")
        if name not in self.journals:
            raise TextError("Failed to find the database.")
        self.server.remove(name)
        self.journals.pop(name).close()
        del self._files[name]
        self.pump.schedule()

    async def _add_remote(self, words: Sequence[str]) -> None:
        self.remotes.add(words[0])
        await self.remotes.reconcile()

    async def _remove_remote(self, words: Sequence[str]) -> None:
        if words[0] not in self.remotes.names:
            raise TextError("no such remote")
        self.remotes.remove(words[0])
        await self.remotes.reconcile()

    async def _compact_command(self, words: Sequence[str]) -> None:
        if words and words[0] not in self.journals:
            raise TextError("no database by that name")
        for name in words or list(self.journals):
            await self._compact(name, "compacting database online")

    def _storage_status(self, words: Sequence[str]) -> str:
        if words[0] not in self.journals:
            raise TextError("Failed to find the database.")
        return "status: ok\n"


def _lines(words: Sequence[str]) -> str:
    return "".join(f"{word}\n" for word in words)
