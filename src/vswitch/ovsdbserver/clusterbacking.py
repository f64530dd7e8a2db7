"""A database that is kept in a cluster's log, as one server has it open.

Nothing of it is kept on this machine: a server that starts reads the snapshot and what came after it, and is a new
server to the others.

Sources: ovsdb-server(1), --cluster and "Clustered Database Commands".
"""

from __future__ import annotations

import asyncio

from vswitch.base.log import Logger
from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.cluster.address import ClusterAddress
from vswitch.ovsdb.cluster.clustered import N_KEPT, Clustered
from vswitch.ovsdb.cluster.entry import encode_snapshot
from vswitch.ovsdb.cluster.member import Member
from vswitch.ovsdb.cluster.store import Snapshot
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdbserver.backing import Backing, Surroundings
from vswitch.ovsdbserver.clusterlink import ClusterLink
from vswitch.ovsdbserver.etcd import messages
from vswitch.ovsdbserver.storage import in_thread, milliseconds_now

log = Logger("ovsdb_cluster")
PATIENCE = 5.0  # seconds that a starting server waits for etcd before it serves clients without the database


class ClusterBacking(Backing):
    """One database of a cluster."""

    def __init__(self, word: str, around: Surroundings) -> None:
        messages()  # to say at once if it is not installed
        self.address = ClusterAddress.parse(word)
        self.clustered = Clustered(Member(), around.new_uuid(), around.new_uuid)
        self.link = ClusterLink(self.address, around.etcd, self.clustered, self._changed)
        self.link.on_kick = self._kicked
        schema = Schema(self.link.database_name, "", {})
        super().__init__(word, around, Database(schema), self.clustered)
        self.clustered.on_replace = self._replace
        self._task: asyncio.Task[None] | None = None
        self._is_loaded = asyncio.Event()
        self._told: object = None  # the status that clients know

    def start(self) -> None:
        """Begin to connect."""
        self.around.spawn(self._run())

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        await self.link.run()

    async def loaded(self) -> None:
        """Wait until the database is there, but not for ever."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._is_loaded.wait()
        except TimeoutError:
            log.warn("%s: serving clients without the database, until it can be reached", self.address)

    def _replace(self, database: Database) -> None:
        """Serve another database: under another schema, or the first one that there is."""
        self.around.server.replace(self.name, database)
        anything = Commit(ZERO_UUID, {name: {} for name in database.tables})
        self.around.notice(self.host, anything)

    def _changed(self) -> None:
        """Tell clients, if it is something that they are told."""
        if self.clustered.is_connected:
            self._is_loaded.set()
        status = (self.clustered.is_ready, dict(self.clustered.status()))
        if status != self._told:
            self._told = status
            self.around.server.publish_status(self.name)
        self.around.schedule()

    def tend(self) -> None:
        """Try what waits; keep a snapshot if it is time to."""
        self.clustered.begin(self.clock())
        self.link.send()
        if self.clustered.is_leader and self.clustered.growth.is_worth_a_snapshot(self.link.head.index):
            self.save()

    def clock(self) -> float:
        """The time that the sessions go by."""
        return asyncio.get_running_loop().time()

    def save(self) -> None:
        """Keep a snapshot of the present state in etcd, and drop what came long before."""
        if self.clustered.is_connected and not self.link.is_saving:
            self.link.is_saving = True
            self.around.spawn(self._save())

    async def _save(self) -> None:
        database, position = self.host.database, self.link.head
        frozen = Database(database.schema)
        frozen.last_id = database.last_id
        for name, table in database.tables.items():
            frozen.tables[name].rows = dict(table.rows)
        body = await in_thread(encode_snapshot, frozen, milliseconds_now())
        self.clustered.member.save(Snapshot(position, body), N_KEPT)
        self.link.send()

    async def compact(self, comment: str) -> None:
        """Keep a snapshot now."""
        self.save()

    def storage_status(self) -> str:
        """Whether the log can be reached."""
        return "ok" if self.clustered.is_connected else f"disconnected from {self.address}"

    async def kick(self, sid: Uuid) -> None:
        """Have another server leave."""
        await self.link.kick(sid)

    def _kicked(self) -> None:
        """Another server had this one leave."""
        log.warn("%s: kicked out of the cluster", self.name)
        self.around.close(self.name)

    def close(self) -> None:
        """Leave the cluster."""
        if self._task is not None:
            self._task.cancel()
