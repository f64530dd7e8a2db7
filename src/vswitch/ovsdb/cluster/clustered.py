"""The clustered service model: a database that several servers share by sharing a log.

Every server holds the whole database, and answers reads from its copy.  Transactions that may write are queued; when
none is under way, all that wait are executed, one on top of the other, and what they change goes to the log as one
entry after the position for which it was computed.  The database is put back at once, so that nobody sees what is not
certain.  When the entry is in the log, the commits come into effect and the clients get their answers; if another
server's entry was faster, it is applied and the transactions are executed again.

    queue ── try ──> batch ──> entry ─┬─ in the log ──> publish, answer
      ^                               └─ outrun ──┐
      └───────────────────────────────────────────┘

So a transaction takes effect exactly between those before and after it in the log, and its answer tells what it did
there.  Answers that say that nothing changed are given from the copy, which may be a moment behind the log, as with
Open vSwitch; unless the transaction asked for `durable`: then it is first made certain that the copy was not behind.

A client that a server tells nothing, because the store cannot be reached or because the log was cut, does not know
whether its transaction took effect: as with any server that dies before it answers.

Sources: ovsdb(7), "Clustered Database Service Model", "Understanding Cluster Consistency"; ovsdb-server(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from vswitch.base.dataclass import dataclass
from vswitch.base.log import Logger
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.entry import (
    Batch,
    Step,
    commit_of,
    database_of,
    decode_batch,
    decode_snapshot,
    difference,
    encode_batch,
    everything,
    persistent,
    undone,
)
from vswitch.ovsdb.cluster.member import Applied, Confirmed, Effect, Lost, Member, Outrun, Restored, SaveDone
from vswitch.ovsdb.cluster.queue import Conversion, Queue, Wish, trigger_of
from vswitch.ovsdb.cluster.store import Entry, Position, Snapshot
from vswitch.ovsdb.convert import convert
from vswitch.ovsdb.database import Commit, Database, NewUuid
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.journal import commit_to_json
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Answer, Client, ServiceModel, Trigger

log = Logger("ovsdb_cluster")

N_QUEUE = 10_000  # transactions that wait for the log; more are refused
N_BATCH = 500  # transactions in an entry
N_KEPT = 500  # entries before a snapshot that stay, for servers that are a little behind
MAX_ENTRIES = 20_000  # after a snapshot, before the next
MIN_GROWTH = 4 << 20  # bytes of entries that are not worth a snapshot
GROWTH_FACTOR = 2  # times the size of the last snapshot


@dataclass(slots=True)
class Item:
    """A transaction that has been tried."""

    commit: Commit | None
    answer: Answer | None  # None: the server's own, or of a client that has gone
    wish: Wish | None = None  # what to try again if the batch was outrun
    converted: Database | None = None  # the outcome of a conversion


@dataclass(slots=True)
class Growth:
    """How much a new server has to read."""

    snapshot_at: int = 0  # the index of the snapshot
    snapshot_size: int = 0  # bytes, more or less
    n_bytes: int = 0  # of the entries after it

    def is_worth_a_snapshot(self, index: int) -> bool:
        """Whether it has become too much."""
        n_entries = index - self.snapshot_at
        is_large = self.n_bytes > max(MIN_GROWTH, GROWTH_FACTOR * self.snapshot_size)
        return n_entries > MAX_ENTRIES or (is_large and n_entries > N_KEPT)


class Clustered(ServiceModel):
    """One server's share of a clustered database; see the module."""

    name = "clustered"

    def __init__(self, member: Member, sid: Uuid, new_uuid: NewUuid) -> None:
        self.member = member
        self.cid: Uuid | None = None  # not known before the first contact
        self.sid = sid
        self.leader: Uuid | None = None  # whom the cluster has elected
        self.is_connected = False  # to the log
        self.on_replace: Callable[[Database], None] = lambda database: None
        self.growth = Growth()
        self._new_uuid = new_uuid
        self._queue = Queue()
        self._batch: list[Item] = []  # on the way to the log
        self._batch_clients: set[Client] = set()  # whose wishes are in it
        self._tried_at: Position | None = None  # the position for which it was computed
        self._is_trying = False
        self._is_settling = False  # the batch is coming into effect
        self._is_ready = False

    # What the host and the server ask.

    def status(self) -> Mapping[str, Datum]:
        """The columns of `_Server`."""
        return {
            "connected": (self.is_connected,),
            "leader": (self.is_leader,),
            "cid": (self.cid,) if self.cid else (),
            "sid": (self.sid,),
            "index": (self.member.position.index,) if self.is_ready else (),
        }

    @property
    def is_ready(self) -> bool:
        """Whether the log has been read once."""
        return self._is_ready

    @property
    def is_leader(self) -> bool:
        """Whether clients that want the leader are welcome here."""
        return self.is_connected and self.leader == self.sid

    @property
    def is_writable(self) -> bool:
        """One of the servers writes down how remotes fare; while it has nothing else to write."""
        return self.is_leader and not (self._batch or self._is_settling or self._is_trying)

    @property
    def n_waiting(self) -> int:
        """How many transactions are not yet in the log."""
        return len(self._queue) + len(self._batch)

    @property
    def is_busy(self) -> bool:
        """Whether there are transactions to be tried."""
        return bool(self._queue)

    def takes(self, trigger: Trigger) -> bool:
        """Queue what may write, and what its client sent after that."""
        client = trigger.client
        has_queued = client in self._queue or client in self._batch_clients
        if self._is_trying or (_only_reads(trigger) and not has_queued):
            return False
        self._enqueue(trigger, trigger)
        return True

    def takes_conversion(self, trigger: Trigger, schema: Schema) -> bool:
        """Queue a change of schema."""
        self._enqueue(trigger, Conversion(trigger, persistent(schema)))
        return True

    def _enqueue(self, trigger: Trigger, wish: Wish) -> None:
        if len(self._queue) < N_QUEUE:
            self._queue.append(wish)
        else:
            reason = f"{N_QUEUE} transactions wait for the cluster"
            trigger.client.refuse(trigger, OvsdbError(reason, tag="resources exhausted").to_json())

    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """Take down what a transaction amounts to; answer at once one that needs nothing of the log."""
        if self._is_trying:
            if commit is not None:
                self.owner.database.change(commit)
            self._batch.append(Item(commit, answer, answer.trigger if answer else None))
        elif answer is not None and (commit is not None or answer.durable):
            self._enqueue(answer.trigger, answer.trigger)  # it waited for something: now it has its turn
        elif commit is None:
            if answer is not None:
                answer.give()
        elif self.is_writable:
            self._batch = [Item(commit, answer)]
            self._tried_at = self.member.position
            self._propose()

    def cancel(self, client: Client, id: Json) -> None:
        """What is not on its way to the log yet is given up."""
        for wish in self._queue.cancel(client, id):
            client.refuse(trigger_of(wish), "canceled")

    def forget(self, client: Client) -> None:
        """A client has gone: what it wanted is not tried again."""
        self._queue.forget(client)
        self._batch_clients.discard(client)
        for item in self._batch:
            if item.wish is not None and trigger_of(item.wish).client is client:
                item.answer = item.wish = None

    # Trying.

    def begin(self, now: float) -> None:
        """Try what waits, if nothing is on its way to the log."""
        is_occupied = self._batch or self.member.is_confirming
        if is_occupied or not self._queue or not self.member.is_online:
            return
        database, before = self.owner.database, self.owner.database.last_id
        self._tried_at = self.member.position
        self._is_trying = True
        try:
            while self._queue and len(self._batch) < N_BATCH:
                wish = self._queue.first
                if isinstance(wish, Trigger):
                    self._queue.take()
                    self.owner.submit(wish, now)
                elif self._batch or self._convert(wish):
                    break
        finally:
            for commit in undone(item.commit for item in self._batch if item.commit is not None):
                database.change(commit)
            database.last_id = before
            self._is_trying = False
        self._propose()

    def _convert(self, wish: Conversion) -> bool:
        """Try a change of schema; whether there is something to propose."""
        self._queue.take()
        try:
            database = convert(self.owner.database, wish.schema, self._new_uuid)
        except OvsdbError as error:
            wish.trigger.client.refuse(wish.trigger, error.to_json())
            return False
        database.last_id = self._new_uuid()
        self._batch = [Item(None, None, wish, database)]
        return True

    def _propose(self) -> None:
        """Send the batch on its way."""
        self._batch_clients = {trigger_of(item.wish).client for item in self._batch if item.wish is not None}
        steps = [step for item in self._batch if (step := self._step(item)) is not None]
        if steps:
            self.member.propose(self._new_uuid(), encode_batch(Batch(self.sid, tuple(steps))))
        elif any(item.answer and item.answer.durable for item in self._batch):
            self.member.confirm()
        else:
            self._settle()

    def _step(self, item: Item) -> Step | None:
        date = self.owner.date()
        if item.converted is not None:
            database = item.converted
            return Step(database.last_id or self._new_uuid(), everything(database, date), database.schema)
        if item.commit is None:
            return None
        return Step(item.commit.id, commit_to_json(item.commit, self.owner.database.schema, date))

    # What becomes certain.

    def bring_about(self, effect: Effect, now: float) -> None:
        """Do what the member of the log says."""
        match effect:
            case Applied(entry, own):
                self.growth.n_bytes += len(entry.body)
                if own:
                    self._settle()
                else:
                    self._follow(entry)
                self.owner.retry(now)
            case Outrun():
                self._try_again()
            case Confirmed():
                if self._tried_at == self.member.position:
                    self._settle()
                else:
                    self._try_again()
            case Lost():
                self._give_up()
            case Restored(snapshot):
                self._restore(snapshot)
                self.owner.retry(now)
            case SaveDone(failure):
                if failure:
                    log.warn("saving a snapshot failed (%s)", failure)

    def _settle(self) -> None:
        """The batch is in the log, or need not be: it takes effect."""
        batch = self._take_batch()
        with self._settling():
            for item in batch:
                if item.commit is not None:
                    self.owner.publish(item.commit)
                if item.converted is not None:
                    self.on_replace(item.converted)
                    if item.wish is not None:
                        trigger = trigger_of(item.wish)
                        trigger.client.finish(trigger, {})
                if item.answer is not None:
                    item.answer.give()

    @contextmanager
    def _settling(self) -> Iterator[None]:
        self._is_settling = True
        try:
            yield
        finally:
            self._is_settling = False

    def _follow(self, entry: Entry) -> None:
        """Another server's transactions take effect."""
        with self._settling():
            for step in decode_batch(entry.body).steps:
                if step.schema is not None:
                    self.on_replace(database_of(step.schema, step.record, step.id))
                elif (commit := commit_of(self.owner.database, step)) is not None:
                    self.owner.publish(commit)

    def _take_batch(self) -> list[Item]:
        batch, self._batch = self._batch, []
        self._batch_clients.clear()
        return batch

    def _try_again(self) -> None:
        self._queue.put_back(item.wish for item in self._take_batch() if item.wish is not None)

    def _give_up(self) -> None:
        """Nobody knows whether the batch took effect: cut off those who wait for an answer."""
        for item in self._take_batch():
            if item.wish is not None:
                trigger_of(item.wish).client.drop("the outcome of a transaction is not known")

    def _restore(self, snapshot: Snapshot) -> None:
        """Become what the snapshot says."""
        if self._batch:
            self._try_again()
        self.growth = Growth(snapshot.position.index, len(snapshot.body))
        after, before = decode_snapshot(snapshot.body), self.owner.database
        self._is_ready = True
        if after.schema != before.schema:
            self.on_replace(after)
            return
        before.history.clear()
        with self._settling():
            if (commit := difference(before, after)) is not None:
                self.owner.publish(commit)
        before.last_id = after.last_id


def _only_reads(trigger: Trigger) -> bool:
    """Whether it can be seen without executing it that it changes nothing and does not want to be certain."""
    names = ("select", "comment", "assert")
    return all(isinstance(each, dict) and each.get("op") in names for each in trigger.operations)
