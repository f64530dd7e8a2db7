"""A server's link to its cluster: it carries requests and answers between the member and etcd, and stays alive there.

One session after the other, with one server of etcd at a time: learn who is there, take out a lease, follow what
happens, and ask what the member wants to be asked.  Any failure ends the session, and so does silence for longer than
two thirds of the lease: before anybody else can take the lead, this server knows that it may not have it any more.

Leading is only a role: clients that want to go where writing is fastest look for it.  Nothing depends on there being
only one leader.

Sources: ovsdb(7), "Clustered Database Service Model".
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import random
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager

from vswitch.base.dataclass import dataclass, field
from vswitch.base.log import Logger
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.address import ClusterAddress
from vswitch.ovsdb.cluster.clustered import Clustered, Growth
from vswitch.ovsdb.cluster.member import Effect
from vswitch.ovsdb.cluster.store import Failed, Fetch, Position, Request, Save
from vswitch.ovsdbserver.etcd import Credentials, Etcd, EtcdError, Event
from vswitch.ovsdbserver.etcdlog import PIECE, EtcdLog

log = Logger("ovsdb_cluster")
LEASE = 3  # seconds that the others wait for a server that is silent
RETRY = (0.1, 2.0)  # seconds between sessions: at first, at most


@dataclass(slots=True)
class Roll:
    """Who is there, as etcd tells."""

    leader: Uuid | None = None
    members: dict[Uuid, str] = field(default_factory=dict)  # their addresses


class ClusterLink:
    """Keeps `clustered` in touch with the cluster at `address`."""

    def __init__(
        self,
        address: ClusterAddress,
        credentials: Credentials,
        clustered: Clustered,
        changed: Callable[[], None],
    ) -> None:
        self.address = address
        self.roll = Roll()
        self.endpoint = ""  # the server of etcd that we are connected to
        self.n_disconnections = 0
        self.is_saving = False
        self.own_address = f"{socket.gethostname()}:{os.getpid()}"
        self.on_kick: Callable[[], None] = lambda: None
        self._credentials = credentials
        self._clustered = clustered
        self._member = clustered.member
        self._changed = changed  # what clients are to know of has changed
        self._tasks: asyncio.TaskGroup | None = None
        self._log: EtcdLog | None = None
        self._etcd: Etcd | None = None
        self._lease = 0

    async def run(self) -> None:
        """Stay in touch for ever."""
        pause, problem = RETRY[0], ""
        for endpoint in itertools.cycle(self.address.endpoints):
            etcd = Etcd(endpoint, self._credentials)
            try:
                await self._session(etcd)
            except* Exception as group:  # a server stays alive whatever it finds in etcd
                if self._clustered.is_connected:
                    self.n_disconnections += 1
                    pause, problem = RETRY[0], ""
                if str(group.exceptions[0]) != problem:
                    problem = str(group.exceptions[0])
                    log.warn("%s: %s", self.address, problem)
            finally:
                self._end_session()
                await etcd.close()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, RETRY[1])

    async def _session(self, etcd: Etcd) -> None:
        shared = EtcdLog(etcd, self.address.name)
        await self._identify(shared)
        revision = await self._call_roll(etcd, shared)
        lease = await etcd.grant(LEASE)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks, self._etcd, self._log, self.endpoint = tasks, etcd, shared, etcd.endpoint
                self._lease = lease
                tasks.create_task(self._until_failure(self._keep_alive(etcd, lease)))
                tasks.create_task(self._until_failure(self._watch(etcd, shared, revision + 1)))
                self._member.online()
                self.send()
                value = json.dumps({"address": self.own_address}).encode()
                await etcd.write(shared.key("member", self._clustered.sid), value, lease)
        finally:
            self._tasks = None
            try:
                async with asyncio.timeout(1):
                    await etcd.revoke(lease)
            except (EtcdError, TimeoutError):
                pass  # it runs out by itself

    def _end_session(self) -> None:
        self._tasks = self._log = self._etcd = None
        self._member.offline()
        self.is_saving, self.endpoint = False, ""
        self._clustered.is_connected = False
        self._changed()

    async def _identify(self, shared: EtcdLog) -> None:
        identity = await shared.identity()
        if self._clustered.cid is None:
            self._clustered.cid = identity.cid
        elif self._clustered.cid != identity.cid:
            raise EtcdError(f"another cluster, {identity.cid}, is in the place of {self._clustered.cid}")
        if identity.name != self.database_name:
            raise EtcdError(f"the cluster has database {identity.name}, and not {self.database_name}")

    @property
    def database_name(self) -> str:
        """What the database is called: as the cluster is, but for what sets it apart from others."""
        return self.address.name.rpartition("/")[2]

    # Who is there.

    async def _call_roll(self, etcd: Etcd, shared: EtcdLog) -> int:
        """Learn who is there; the revision at which it was so."""
        everyone = await etcd.read(shared.key("member/"), shared.key("member0"))
        self.roll = Roll()
        leader = await etcd.read(shared.key("leader"), revision=everyone.revision)
        for key in [*everyone.found, *leader.found]:
            self._learn(shared, Event(key.name, key.value))
        if (await etcd.read(shared.key("kicked", self._clustered.sid))).found:
            self.on_kick()
        return everyone.revision

    def _learn(self, shared: EtcdLog, event: Event) -> bool:
        """Take note of an event; whether the lead is free."""
        kind, _, rest = event.name.removeprefix(shared.prefix).partition("/")
        if kind not in ("leader", "member", "kicked", "snapshot"):
            return False
        value = event.value.decode() if event.value is not None else None
        match kind:
            case "leader":
                if value == self._clustered.sid:
                    log.info("%s: leading", self.address)
                self.roll.leader = self._clustered.leader = Uuid(value) if value else None
                return value is None
            case "member" if value is not None:
                self.roll.members[Uuid(rest)] = json.loads(value)["address"]
            case "member":
                self.roll.members.pop(Uuid(rest), None)
            case "kicked" if rest == self._clustered.sid and value is not None:
                self.on_kick()
            case "snapshot" if value is not None:
                index, _, n_pieces = value.split(" ")
                self._clustered.growth = Growth(int(index), int(n_pieces) * PIECE)
        return False

    async def _watch(self, etcd: Etcd, shared: EtcdLog, revision: int) -> None:
        """Follow what happens."""
        async for events in etcd.watch(shared.prefix, revision):
            is_free = False
            entries = []
            for event in events:
                if shared.is_entry(event):
                    entries.append(await shared.entry_of(event))
                else:
                    is_free = self._learn(shared, event) or is_free
            if is_free:
                await self._stand_for_leader(etcd, shared)
            self._happen(self._member.news(entries))

    async def _stand_for_leader(self, etcd: Etcd, shared: EtcdLog) -> None:
        """Take the lead, if nobody has it, and if there is a database to lead with."""
        if self._clustered.is_connected:
            await etcd.claim(shared.key("leader"), self._clustered.sid.encode(), self._lease)

    async def _keep_alive(self, etcd: Etcd, lease: int) -> None:
        """Show that we live, and see that we are seen."""
        while True:
            await asyncio.sleep(LEASE / 3)
            try:
                async with asyncio.timeout(LEASE / 3):
                    await etcd.keep_alive(lease)
            except TimeoutError:
                raise EtcdError(f"{etcd.endpoint}: no answer") from None

    async def kick(self, sid: Uuid) -> None:
        """Have another server leave."""
        if self._etcd is None or self._log is None:
            raise EtcdError("not connected to the cluster")
        await self._etcd.write(self._log.key("kicked", sid), b"1")
        await self._etcd.delete(self._log.key("member", sid))

    # Requests and answers.

    def send(self) -> None:
        """Ask what the member wants to know."""
        requests = self._member.take_requests()
        if self._tasks is not None and self._log is not None:
            for request in requests:
                self._tasks.create_task(self._until_failure(self._perform(self._log, request)))

    async def _until_failure(self, work: Coroutine[object, object, None]) -> None:
        """One task of a session: when it fails, no more are begun."""
        try:
            await work
        except Exception:
            self._tasks = None
            raise

    async def _perform(self, shared: EtcdLog, request: Request) -> None:
        answer = await shared.perform(request)
        if isinstance(request, Save):
            self.is_saving = False
        elif isinstance(answer, Failed):
            raise EtcdError(answer.reason)
        effects = self._member.receive(request, answer)
        if request == Fetch(None):
            with without_garbage():
                self._happen(effects)
        else:
            self._happen(effects)
        if isinstance(request, Fetch) and self._member.position.index and not self._clustered.is_connected:
            self._clustered.is_connected = True
            log.info(
                "%s: following the log from entry %d, by %s", self.address, self.head.index, self.endpoint
            )
            if self._etcd is not None:
                await self._stand_for_leader(self._etcd, shared)
        self._changed()

    def _happen(self, effects: Iterable[Effect]) -> None:
        """Bring about what has become certain."""
        now = asyncio.get_running_loop().time()
        try:
            for effect in effects:
                self._clustered.bring_about(effect, now)
        except Exception as error:  # whatever it is, the database is not what the position says
            self._member.start_over()
            raise EtcdError(f"cannot follow the log ({error!r}); starting over") from error
        self._clustered.begin(now)
        self.send()
        self._changed()

    @property
    def head(self) -> Position:
        """How far we have read."""
        return self._member.position


@contextmanager
def without_garbage() -> Iterator[None]:
    """Have nobody look for cycles in what is being made: a database has none, and stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
