"""One database that a server hosts: its transactions, those who wait for them, and those who watch.

A transaction goes through in this order: execute on a private view, check, append to the journal, bring into effect,
tell the monitors, answer.  A failure at any point before "bring into effect" leaves no trace.  An answer that was asked
to be durable waits for the disk; others go on meanwhile, and one flush of the journal serves all who wait for it.

Sources: RFC 7047 4.1.3, 5.2.6, 5.2.7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.database import Commit, Database, NewUuid
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError, StorageError
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.journal import commit_to_json, encode_record
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.monitor import Feed, Monitor, View
from vswitch.ovsdb.transaction import MustWait, Transaction


class Storage(Protocol):
    """Where a journal is kept."""

    @property
    def size(self) -> int:
        """Bytes written."""

    @property
    def n_safe(self) -> int:
        """Of those, how many are known to be on disk."""

    def append(self, record: bytes) -> None:
        """Write a record; it is there if this process dies, but not yet if the machine does.  Raises StorageError."""

    def rewrite(self, records: Collection[bytes]) -> None:
        """Put these records in place of all there are, durably and atomically.  Raises StorageError."""


class Client(Protocol):
    """What a host needs of the session that a transaction or a monitor belongs to."""

    @property
    def locks(self) -> Collection[str]:
        """The locks that it holds."""

    @property
    def is_slow(self) -> bool:
        """Whether it leaves what it was sent unread."""

    def finish(self, request: Trigger, results: list[Json]) -> None:
        """The transaction is done: tell what changed, then answer."""

    def send(self, message: bytes) -> None:
        """Send a message."""


@dataclass(slots=True, eq=False)
class Trigger:
    """A transact request that is being tried, perhaps again and again until its wait is satisfied."""

    client: Client
    id: Json
    operations: list[Json]
    since: float  # when it was first tried
    read_only: bool = False  # the client may not change anything
    deadline: float = float("inf")  # when its wait gives up


@dataclass(slots=True, eq=False)
class Host:
    """A database in service."""

    database: Database
    new_uuid: NewUuid
    date: Callable[[], int]  # ms since 1970, for the journal
    storage: Storage | None = None  # None: only in memory
    model: str = "standalone"
    feeds: dict[bytes, Feed] = field(default_factory=dict)
    subscribers: dict[Feed, dict[Monitor, Client]] = field(default_factory=dict)
    waiting: dict[Trigger, None] = field(default_factory=dict)  # in order of arrival
    unsafe: deque[tuple[int, Trigger, list[Json]]] = field(
        default_factory=deque
    )  # answers that wait for the disk
    stale: dict[Feed, None] = field(default_factory=dict)  # feeds with news
    on_commit: Callable[[Commit], None] = lambda commit: None  # what the owner does about a change

    @property
    def name(self) -> str:
        """The database's name."""
        return self.database.schema.name

    @property
    def last_id(self) -> Uuid:
        """The id of the newest transaction."""
        return self.database.last_id or ZERO_UUID

    def submit(self, trigger: Trigger, now: float) -> None:
        """Try a transaction, or keep it until its wait is satisfied; others may then become possible."""
        if self._try(trigger, now):
            self.retry(now)
        else:
            self.waiting[trigger] = None

    def retry(self, now: float) -> None:
        """Try those that wait again, until none of them gets through."""
        progress = True
        while progress and self.waiting:
            before = self.database.last_id
            for trigger in list(self.waiting):
                if trigger in self.waiting and self._try(trigger, now):
                    self.waiting.pop(trigger, None)
            progress = self.database.last_id != before

    def _try(self, trigger: Trigger, now: float) -> bool:
        """Execute; False if a wait is not satisfied yet."""
        transaction = Transaction(
            self.database,
            self.new_uuid,
            locks=trigger.client.locks,
            forbidden=self._why_forbidden(trigger),
            elapsed=now - trigger.since,
        )
        try:
            results, succeeded = transaction.execute(trigger.operations)
        except MustWait as wait:
            if wait.timeout is not None:
                trigger.deadline = trigger.since + wait.timeout
            return False
        if succeeded:
            try:
                self._commit(plan(transaction))
            except OvsdbError as error:
                results.append(error.to_json())
            except StorageError as error:
                results.append(OvsdbError(str(error), tag="I/O error").to_json())
        self._answer(trigger, results, durable=transaction.durable)
        return True

    def _why_forbidden(self, trigger: Trigger) -> str:
        """Why the client may not change the database; empty if it may."""
        if self.storage is None:
            return f"on table in reserved database {self.name}"
        return "when database server is in read only mode" if trigger.read_only else ""

    def _answer(self, trigger: Trigger, results: list[Json], *, durable: bool) -> None:
        if durable and self.storage and self.storage.n_safe < self.storage.size:
            self.unsafe.append((self.storage.size, trigger, results))
        else:
            trigger.client.finish(trigger, results)

    def _commit(self, commit: Commit | None) -> None:
        if commit is None:
            return
        if self.storage:
            json = commit_to_json(commit, self.database.schema, self.date())
            if json is not None:
                self.storage.append(encode_record(json))
        self.publish(commit)

    def overwrite(self, table: str, uuid: Uuid, cells: Mapping[str, Datum]) -> None:
        """The server itself changes a row: those of `cells` that the table has as columns of that type."""
        transaction = Transaction(self.database, self.new_uuid)
        view = transaction.view(table)
        row = list(view.get(uuid) or view.table.schema.default_row)
        row[0], row[1] = (uuid,), (transaction.id,)
        for name, datum in cells.items():
            if (column := view.table.schema.columns.get(name)) is not None:
                row[column.number] = datum
        view.put(uuid, tuple(row))
        self._commit(plan(transaction))

    def delete(self, table: str, uuid: Uuid) -> None:
        """The server itself deletes a row."""
        transaction = Transaction(self.database, self.new_uuid)
        transaction.view(table).put(uuid, None)
        self._commit(plan(transaction))

    def publish(self, commit: Commit) -> None:
        """Bring a commit into effect, and have the monitors told."""
        self.database.apply(commit)
        for feed in self.feeds.values():
            if not feed.view.tables.keys().isdisjoint(commit.changes):
                feed.add(commit)
                self.stale[feed] = None
        self.on_commit(commit)

    def made_safe(self, failure: str | None = None) -> None:
        """The journal is on disk up to `storage.n_safe`, or will not get there: answer those who wait for it."""
        n_safe = self.storage.n_safe if self.storage else 0
        while self.unsafe and (failure or self.unsafe[0][0] <= n_safe):
            _, trigger, results = self.unsafe.popleft()
            if failure:
                results.append(OvsdbError(failure, tag="I/O error").to_json())
            trigger.client.finish(trigger, results)

    def subscribe(self, id: bytes, view: View, client: Client) -> Monitor:
        """A new monitor, which knows the present state."""
        feed = self.feeds.get(view.key)
        if feed is None:
            feed = self.feeds[view.key] = Feed(view)
            self.subscribers[feed] = {}
        monitor = Monitor(id, self.name, feed, taken=len(feed.batch))
        self.subscribers[feed][monitor] = client
        return monitor

    def unsubscribe(self, monitor: Monitor) -> None:
        """Forget a monitor."""
        watchers = self.subscribers[monitor.feed]
        del watchers[monitor]
        if not watchers:
            del self.subscribers[monitor.feed]
            del self.feeds[monitor.feed.view.key]
            self.stale.pop(monitor.feed, None)

    def flush(self) -> None:
        """Tell every monitor what happened since the last time."""
        while self.stale:
            feed, _ = self.stale.popitem()
            for monitor, client in self.subscribers[feed].items():
                if message := monitor.take(is_slow=client.is_slow, last_id=self.last_id):
                    client.send(message)
            feed.clear()
            for monitor in self.subscribers[feed]:
                monitor.taken = 0

    def forget(self, client: Client) -> None:
        """A client has gone: its transactions that still wait are dropped, those done need no answer."""
        for trigger in [each for each in self.waiting if each.client is client]:
            del self.waiting[trigger]
        self.unsafe = deque(each for each in self.unsafe if each[1].client is not client)

    @property
    def needs_owner(self) -> bool:
        """Whether there is something to flush, to make safe, or to wait for."""
        return bool(self.stale or self.unsafe or self.waiting)

    @property
    def deadline(self) -> float:
        """When the first wait gives up."""
        return min((trigger.deadline for trigger in self.waiting), default=float("inf"))
