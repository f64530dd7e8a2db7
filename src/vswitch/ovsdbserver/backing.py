"""What a server keeps open for each of its databases: the side of its service model that touches the world.

A word names a database: a file (`JournalBacking`), `relay:DATABASE:REMOTE[,REMOTE…]` (`RelayBacking`), or
`etcd:HOST:PORT[,HOST:PORT…]/NAME` (`ClusterBacking`, in a module of its own).

Sources: ovsdb-server(1); ovsdb(7), "Service Models".
"""

from __future__ import annotations

import asyncio
import gc
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path

from vswitch.aio.tls import TlsSource
from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.base.log import Logger
from vswitch.linux.heap import trim_heap
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.backup import Backup
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.errors import StorageError
from vswitch.ovsdb.follower import Follower
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.relay import Relay
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.server import Server
from vswitch.ovsdb.servicemodel import ServiceModel, Standalone
from vswitch.ovsdbserver.etcd import Credentials
from vswitch.ovsdbserver.storage import compaction_records, milliseconds_now, open_journal
from vswitch.ovsdbserver.upstream import Source, Upstream

log = Logger("ovsdb_server")
COMPACTING = "compacting database online"
RETRY = 1.0  # seconds until a journal that could not be repaired is written anew once more


@dataclass(slots=True)
class Surroundings:
    """What a backing has of its daemon."""

    directory: Path  # where names of files begin: a daemon that detaches leaves its own
    server: Server
    new_uuid: Callable[[], Uuid]
    tls: TlsSource
    spawn: Callable[[Coroutine[object, object, None]], object]
    schedule: Callable[[], None]  # have the sessions written soon
    notice: Callable[[Host, Commit], None]  # a commit happened
    etcd: Credentials  # for clusters
    close: Callable[[str], None]  # take a database out of service
    with_differences: bool = True  # in journals
    trims_memory: bool = False  # give memory back to the system after a compaction


class Backing(ABC):
    """One database of a server."""

    def __init__(self, word: str, around: Surroundings, database: Database, service: ServiceModel) -> None:
        self.word = word  # as the user named it
        self.around = around
        self.host = Host(database, around.new_uuid, milliseconds_now, service)
        self.host.on_commit = self.committed

    @property
    def name(self) -> str:
        """The database's name."""
        return self.host.name

    def start(self) -> None:  # noqa: B027 - a file has nothing to start
        """The host is in service."""

    async def loaded(self) -> None:  # noqa: B027 - see start()
        """Wait until there is something to serve, or until it has taken too long."""

    def committed(self, commit: Commit) -> None:
        """The database has changed."""
        self.around.notice(self.host, commit)

    def tend(self) -> None:  # noqa: B027 - see start()
        """The loop has gone round: see whether something is to be done."""

    async def compact(self, comment: str) -> None:  # noqa: B027 - what has no file needs none
        """Make the file as small as it can be; StorageError if that does not work."""

    def storage_status(self) -> str:
        """What get-db-storage-status says."""
        return "ok"

    @abstractmethod
    def close(self) -> None:
        """Keep it open no longer."""


class JournalBacking(Backing):
    """A database in a file, standalone or as a backup of another server's."""

    def __init__(self, path: Path, word: str, around: Surroundings) -> None:
        gc.disable()  # what a journal becomes has no cycles, and stays: looking for them is half of the time
        try:
            self.journal, database = open_journal(path, around.new_uuid)
        finally:
            gc.freeze()
            gc.enable()
        self.standalone = Standalone(self.journal, with_differences=around.with_differences)
        super().__init__(word, around, database, self.standalone)
        self.upstream: Upstream | None = None
        self.exclude: Collection[str] = ()
        self._is_repairing = False
        self.journal.on_safe = self._synced

    def tend(self) -> None:
        """Flush the journal if somebody waits for that."""
        if self.standalone.is_busy and self.journal.wants_sync():
            if self.journal.is_quick:
                self.journal.sync_now()
            else:
                self.around.spawn(self.journal.sync())

    def _synced(self, failure: str) -> None:
        if failure and not self._is_repairing:
            self._is_repairing = True
            self.around.spawn(self._repair(failure))
        self.standalone.made_safe()
        self.around.schedule()

    async def _repair(self, failure: str) -> None:
        """Write the journal anew, since nobody knows what of the old one is on disk; until then nothing is safe."""
        while self.journal.is_doubtful:
            log.warn("%s: writing the journal anew, since what it holds may not be on disk", self.name)
            await self._try_to_compact("writing database anew after a failure of the disk")
            if self.journal.is_doubtful:
                self.standalone.made_safe(failure)
                self.around.schedule()
                await asyncio.sleep(RETRY)
        self._is_repairing = False
        self.standalone.made_safe()
        self.around.schedule()

    def committed(self, commit: Commit) -> None:
        """Compact if it is time to."""
        super().committed(commit)
        if self.journal.should_compact():
            self.around.spawn(self._try_to_compact(COMPACTING))

    async def _try_to_compact(self, comment: str) -> None:
        try:
            await self.compact(comment)
        except StorageError as error:
            log.err("%s", error)

    async def compact(self, comment: str) -> None:
        """Write the present state in place of the journal, while the service goes on; raises StorageError."""
        try:
            await self.journal.compact(compaction_records(self.host.database, milliseconds_now(), comment))
        finally:
            if self.around.trims_memory:
                trim_heap()

    def storage_status(self) -> str:
        """What is wrong with the file, if anything."""
        return self.journal.failure or "ok"

    def follow(self, source: Source, exclude: Collection[str]) -> None:
        """Be a backup of the same database at `source`."""
        self.lead()
        self.exclude = exclude
        backup = Backup(self.standalone, exclude)
        self.host.become(backup)

        def begin(send: Callable[[bytes], None]) -> Follower:
            follower = Follower(self.name, backup, send, exclude=exclude)
            follower.start()
            return follower

        self.upstream = Upstream(source, self.around.tls, begin, lambda: None, self.around.schedule)
        self.upstream.start()

    def lead(self) -> None:
        """Be nobody's backup."""
        if self.upstream is not None:
            self.upstream.stop()
            self.upstream = None
        self.host.become(self.standalone)

    def close(self) -> None:
        """Let others have the file."""
        self.lead()
        self.journal.close()


class RelayBacking(Backing):
    """A copy of a database that other servers have."""

    def __init__(self, database_name: str, source: Source, word: str, around: Surroundings) -> None:
        relay = Relay(database_name, around.server)
        super().__init__(word, around, Database(Schema(database_name, "", {})), relay)
        self.upstream = Upstream(source, around.tls, relay.follow, relay.lost, around.schedule)

    def start(self) -> None:
        """Begin to connect."""
        self.upstream.start()

    def close(self) -> None:
        """Stop following."""
        self.upstream.stop()


def open_backing(word: str, around: Surroundings) -> Backing:
    """What the user's `word` for a database stands for; raises VswitchError."""
    if word.startswith("etcd:"):
        from vswitch.ovsdbserver.clusterbacking import ClusterBacking  # what few servers need

        return ClusterBacking(word, around)
    if not word.startswith("relay:"):
        return JournalBacking(around.directory / word, word, around)
    _, name, remotes, *_ = *word.split(":", 2), "", ""
    if not name or not remotes:
        raise TextError(f"ovsdb error: {word}: invalid syntax")
    return RelayBacking(name, Source(tuple(split_remotes(remotes))), word, around)


def split_remotes(text: str) -> Sequence[str]:
    """The connection methods in a list with commas, in an order of our own: so many relays share several sources."""
    remotes = [remote for remote in text.replace(",", " ").split() if remote]
    return sorted(remotes, key=lambda remote: os.urandom(4))
