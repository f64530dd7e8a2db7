"""The running database server: it opens the doors and carries things between them and the machine.

Sources: ovsdb-server(1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path

from vswitch.aio.daemon import Service
from vswitch.aio.detach import describe_status
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.log import LOG, Logger
from vswitch.base.options import CommandError, version_line
from vswitch.ovsdb.cluster.address import SCHEME
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.jsontext import expect_much
from vswitch.ovsdb.server import SERVER, Server
from vswitch.ovsdbserver.backing import Backing, JournalBacking, RelayBacking, Surroundings, open_backing
from vswitch.ovsdbserver.clients import Pump
from vswitch.ovsdbserver.commands import add_commands
from vswitch.ovsdbserver.configfile import Config, DatabaseConfig, read_config
from vswitch.ovsdbserver.etcd import Credentials
from vswitch.ovsdbserver.keys import Keys
from vswitch.ovsdbserver.remotes import Remotes
from vswitch.ovsdbserver.replication import Replication, parse_exclude
from vswitch.ovsdbserver.storage import milliseconds_now, uuid_source
from vswitch.ovsdbserver.tablelog import TableLog

log = Logger("ovsdb_server")
LOG.module("ovsdb_cluster")  # of clusterbacking.py: -v and vlog/set know it before it is imported


class DatabaseDaemon:
    """The server with its databases, remotes and commands."""

    def __init__(self, service: Service, words: Sequence[str], directory: Path) -> None:
        given = service.given
        self._service = service
        self.server = Server(uuid_source(), milliseconds_now)
        self.pump = Pump(self.server)
        self.backings: dict[str, Backing] = {}  # by database
        keys = self._keys = Keys(self.server, given)
        self.remotes = Remotes(self.pump, self.server, keys)
        self.around = Surroundings(
            directory,
            self.server,
            self.server.new_uuid,
            keys,
            self._spawn,
            self.pump.schedule,
            self._notice,
            Credentials(
                *(given.get(f"cluster-{what}") or "" for what in ("private-key", "certificate", "ca-cert"))
            ),
            self.close,
            with_differences="disable-file-column-diff" not in given,
        )
        self.table_log = TableLog()
        own = self.server.hosts[SERVER]
        own.on_commit = lambda commit: self.table_log.tell(own, commit)
        self.replication = Replication(self.server, self.backings, self.remotes.reconnect)
        self.replication.active = given.get("sync-from")
        self.replication.exclude = given.get("sync-exclude-tables") or ""
        self.config_path = given.get("config-file") or ""
        self._config = Config()
        self._tasks: set[asyncio.Task[None]] = set()
        for word in dict.fromkeys(words):
            self.open(word)

    async def run(self) -> None:
        """Serve until told to stop, or until the command of --run has ended; raises TextError if that failed."""
        given = self._service.given
        self.pump.after_round.append(self._tend)
        add_commands(self._service.commands, self)
        self._service.memory.append(lambda: dict(self.server.usage()))
        await asyncio.gather(*(backing.loaded() for backing in self.backings.values()))
        try:
            self._keys.check()
            parse_exclude(self.replication.exclude)
            for name in given.all("remote"):
                self.remotes.add(name or "")
            if self.replication.active is not None and "active" not in given:
                self.replication.connect()
            if self.config_path:
                await self.reload()
        except VswitchError as error:
            raise CommandError(f"{error}\n") from None
        await self.remotes.reconcile()
        failure = await self._serve()
        self.remotes.close()
        self.pump.close_all()
        for backing in self.backings.values():
            backing.close()
        if failure:
            raise TextError(failure)

    async def _serve(self) -> str:
        """Serve; what became of the command of --run, if it failed."""
        self._spawn(self.remotes.run())
        self._spawn(self._expect_much())
        self._service.ready()
        log.info("%s", version_line(self._service.program))
        command = self._service.given.get("run")
        if command is None:
            await self._service.stopping.wait()
            return ""
        process = await asyncio.create_subprocess_shell(command)
        done = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._service.stopping.wait())
        await asyncio.wait([done, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            process.kill()
        stopped.cancel()
        if (code := await done) == 0 or self._service.stopping.is_set():
            return ""
        return f"{command}: child exited, {describe_status(code << 8 if code > 0 else -code)}"

    async def _expect_much(self) -> None:
        """Prepare for large messages when nobody waits for that: it takes 10 ms."""
        await self._service.started.wait()
        expect_much()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self.pump.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tend(self) -> None:
        for backing in self.backings.values():
            backing.tend()

    def _notice(self, host: Host, commit: Commit) -> None:
        self.remotes.notice(host, commit)
        self.table_log.tell(host, commit)

    # Databases.

    def open(self, word: str) -> None:
        """Put the database that `word` stands for into service; raises TextError."""
        if any(backing.word == word for backing in self.backings.values()):
            raise TextError(f"ovsdb error: {word}: already open")
        if word.startswith(SCHEME):
            from vswitch.ovsdbserver.clustercommands import add_cluster_commands  # what few servers need

            add_cluster_commands(self._service.commands, self)
        try:
            backing = open_backing(word, self.around)
        except VswitchError as error:
            raise TextError(str(error)) from None
        self._take(backing)
        if self.server.is_backup:
            self.replication.follow([backing])

    def _take(self, backing: Backing) -> None:
        if backing.name in self.server.hosts:
            backing.close()
            raise TextError(f"ovsdb error: {backing.name}: duplicate database name")
        self.backings[backing.name] = backing
        self.server.add(backing.host)
        backing.start()
        self.pump.schedule()

    def close(self, name: str) -> None:
        """Take a database out of service."""
        self.server.remove(name)
        self.backings.pop(name).close()
        self.table_log.forget(name)
        self.pump.schedule()

    # The configuration file.

    async def reload(self) -> None:
        """Make remotes and databases what the configuration file says.

        VswitchError: the file cannot be used, and all stays as it was; or some databases cannot be opened, and all else
        is as the file says.
        """
        config = read_config(self.around.directory / self.config_path)
        old, self._config = self._config, config
        for word in old.databases:
            if config.databases.get(word) != old.databases[word]:
                for backing in [each for each in self.backings.values() if each.word == word]:
                    self.close(backing.name)
        failures = []
        for word, database in config.databases.items():
            if all(backing.word != word for backing in self.backings.values()):
                try:
                    self._open_configured(word, database)
                except VswitchError as error:
                    failures.append(str(error))
        for name in [name for name in self.remotes.names if name not in config.remotes]:
            self.remotes.remove(name)
        for name, options in config.remotes.items():
            self.remotes.add(name, options)
        await self.remotes.reconcile()
        if failures:
            raise TextError("\n".join(failures))

    def _open_configured(self, word: str, config: DatabaseConfig) -> None:
        if config.model == "relay" and config.source is not None:
            self._take(RelayBacking(word, config.source, word, self.around))
            return
        if config.model and (config.model == "clustered") != word.startswith(SCHEME):
            raise TextError(f"{word}: is not {config.model}, as {self.config_path} says")
        self.open(word)
        if config.backup and config.source is not None:
            for backing in self.backings.values():
                if backing.word == word and isinstance(backing, JournalBacking):
                    backing.follow(config.source, config.exclude)
