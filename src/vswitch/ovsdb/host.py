"""One database that a server hosts: its transactions, those who wait for them, and those who watch.

A transaction goes through in this order: execute on a private view, check, have the service model make it durable
(see servicemodel), bring into effect, tell the monitors, answer.  A failure at any point before "bring into effect"
leaves no trace.

Sources: RFC 7047 4.1.3, 5.2.6, 5.2.7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.database import Commit, Database, NewUuid
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.feed import Feed, Monitor
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.monitor import View
from vswitch.ovsdb.rbac import rules_for
from vswitch.ovsdb.servicemodel import READ_ONLY, Answer, Client, ServiceModel, Trigger
from vswitch.ovsdb.transaction import MustWait, Transaction

TOLD_AT_ONCE = 32  # monitors, in about 0.1 ms: then a transaction that came meanwhile has its turn


@dataclass(slots=True, eq=False)
class Host:
    """A database in service."""

    database: Database
    new_uuid: NewUuid
    date: Callable[[], int]  # ms since 1970, for the journal
    service: ServiceModel
    feeds: dict[bytes, Feed] = field(default_factory=dict)
    subscribers: dict[Feed, dict[Monitor, Client]] = field(default_factory=dict)
    waiting: dict[Trigger, None] = field(default_factory=dict)  # in order of arrival
    on_commit: Callable[[Commit], None] = lambda commit: None  # what the owner does about a change
    _stale: dict[Feed, None] = field(default_factory=dict)  # feeds with news
    _untold: deque[tuple[Monitor, Client]] = field(default_factory=deque)  # who is to hear the news before

    def __post_init__(self) -> None:
        self.become(self.service)

    def become(self, service: ServiceModel) -> None:
        """Be served in another way from now on."""
        self.service = service
        service.owner = self

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
        if self.service.takes(trigger):
            return
        if self._try(trigger, now):
            if self.waiting:
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
            rules=rules_for(self.database, trigger.access),
            elapsed=now - trigger.since,
        )
        try:
            results, succeeded = transaction.execute(trigger.operations)
        except MustWait as wait:
            if wait.timeout is not None:
                trigger.deadline = trigger.since + wait.timeout
            return False
        commit = None
        if succeeded:
            try:
                commit = plan(transaction)
            except OvsdbError as error:
                results.append(error.to_json())
        self.service.commit(commit, Answer(trigger, results, transaction.durable))
        return True

    def _why_forbidden(self, trigger: Trigger) -> str:
        """Why the client may not change the database; empty if it may."""
        if trigger.access.read_only:
            return READ_ONLY
        return self.service.why_forbidden()

    def overwrite(self, table: str, uuid: Uuid, cells: Mapping[str, Datum]) -> None:
        """The server itself changes a row: those of `cells` that the table has as columns of that type."""
        if not self.service.is_writable:
            return
        transaction = Transaction(self.database, self.new_uuid)
        view = transaction.view(table)
        row = list(view.get(uuid) or view.table.schema.default_row)
        row[0], row[1] = (uuid,), (transaction.id,)
        for name, datum in cells.items():
            if (column := view.table.schema.columns.get(name)) is not None:
                row[column.number] = datum
        view.put(uuid, tuple(row))
        self.service.commit(plan(transaction), None)

    def delete(self, table: str, uuid: Uuid) -> None:
        """The server itself deletes a row."""
        transaction = Transaction(self.database, self.new_uuid)
        transaction.view(table).put(uuid, None)
        self.service.commit(plan(transaction), None)

    def publish(self, commit: Commit) -> None:
        """Bring a commit into effect, and have the monitors told."""
        self.database.apply(commit)
        for feed in self.feeds.values():
            if not feed.view.tables.keys().isdisjoint(commit.changes):
                feed.add(commit)
                self._stale[feed] = None
        self.on_commit(commit)

    def subscribe(self, id: bytes, view: View, client: Client) -> Monitor:
        """A new monitor, which knows the present state."""
        feed = self.feeds.get(view.key)
        if feed is None:
            feed = self.feeds[view.key] = Feed(view)
            self.subscribers[feed] = {}
        monitor = Monitor(id, self.name, feed, feed.join())
        self.subscribers[feed][monitor] = client
        return monitor

    def unsubscribe(self, monitor: Monitor) -> None:
        """Forget a monitor."""
        watchers = self.subscribers[monitor.feed]
        del watchers[monitor]
        monitor.cancel()
        if not watchers:
            del self.subscribers[monitor.feed]
            del self.feeds[monitor.feed.view.key]
            self._stale.pop(monitor.feed, None)

    @property
    def has_news(self) -> bool:
        """Whether there are monitors to be told something."""
        return bool(self._stale or self._untold)

    def flush(self) -> None:
        """Tell some monitors what happened since they were last told: each in its turn, so that nobody is forgotten.

        If a transaction comes between, those who have not had their turn hear of both at once; so what it costs to tell
        many is limited by how fast they can be told, and does not hold transactions up.
        """
        untold = self._untold
        if not untold:
            for feed in self._stale:
                untold.extend(self.subscribers[feed].items())
            self._stale.clear()
        last_id = self.last_id
        for _ in range(min(len(untold), TOLD_AT_ONCE)):
            monitor, client = untold.popleft()
            if not client.is_slow and (message := monitor.take(last_id)):
                client.send(message)

    def forget(self, client: Client) -> None:
        """A client has gone: its transactions that still wait are dropped, those done need no answer."""
        for trigger in [each for each in self.waiting if each.client is client]:
            del self.waiting[trigger]
        self.service.forget(client)

    @property
    def needs_owner(self) -> bool:
        """Whether there is something to flush, to make safe, or to wait for."""
        return bool(self._stale or self._untold or self.waiting) or self.service.is_busy

    @property
    def deadline(self) -> float:
        """When the first wait gives up."""
        return min((trigger.deadline for trigger in self.waiting), default=float("inf"))
