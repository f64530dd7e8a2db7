"""Service models: how the databases of a server come by their transactions.

A `Host` executes a transaction and checks what it amounts to; its service model decides what then makes it happen.  A
standalone database appends it to a journal; one in memory needs nothing; a backup takes transactions from another
server only (see replication), and a relay hands them on to one (see relay); a clustered database appends them to a log
that several servers share.  What a client is told about it in `_Server` is the model's `status()`.

Sources: ovsdb(7), "Service Models"; ovsdb-server(5).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import ClassVar, Protocol

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError, StorageError
from vswitch.ovsdb.journal import commit_to_json, encode_record, record_pieces, snapshot
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import Schema

READ_ONLY = "when database server is in read only mode"


class Client(Protocol):
    """What a database needs of the session that a transaction or a monitor belongs to."""

    @property
    def locks(self) -> Collection[str]:
        """The locks that it holds."""

    @property
    def is_slow(self) -> bool:
        """Whether it leaves what it was sent unread."""

    def finish(self, request: Trigger, results: Json) -> None:
        """The transaction is done: tell what changed, then answer."""

    def refuse(self, request: Trigger, error: Json) -> None:
        """The transaction could not even be tried."""

    def send(self, message: bytes) -> None:
        """Send a message."""

    def drop(self, reason: str) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a client may do, by the remote that it came through."""

    read_only: bool = False
    role: str = ""  # whose rules of RBAC it is under; empty: none's
    id: str = ""  # who it is, by its certificate


FULL_ACCESS = Access()


@dataclass(slots=True, eq=False)
class Trigger:
    """A transact request that is being tried, perhaps again and again until its wait is satisfied."""

    client: Client
    id: Json
    operations: list[Json]
    since: float  # when it was first tried
    access: Access = FULL_ACCESS
    deadline: float = float("inf")  # when its wait gives up


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to a transaction, once it has happened."""

    trigger: Trigger
    results: list[Json]
    durable: bool = False  # not before it is safe

    def give(self) -> None:
        """Tell the client."""
        self.trigger.client.finish(self.trigger, self.results)

    def fail(self, reason: str) -> None:
        """Tell the client that it did not happen after all, or perhaps not for good."""
        self.results.append(OvsdbError(reason, tag="I/O error").to_json())
        self.give()


class Owner(Protocol):
    """What a service model needs of the host that it is of."""

    @property
    def database(self) -> Database:
        """The present state."""

    @property
    def date(self) -> Callable[[], int]:
        """Milliseconds since 1970."""

    def submit(self, trigger: Trigger, now: float) -> None:
        """Try a transaction, or keep it until its wait is satisfied."""

    def retry(self, now: float) -> None:
        """Try those that wait again."""

    def publish(self, commit: Commit) -> None:
        """Bring a commit into effect, and have the monitors told."""


class ServiceModel(ABC):
    """How one database is served."""

    name: ClassVar[str] = "standalone"  # as the column `model` of `_Server` has it
    owner: Owner

    def status(self) -> Mapping[str, Datum]:
        """The columns of `_Server` that tell how the service is: connected, leader, cid, sid, index."""
        return {"connected": (True,), "leader": (True,), "cid": (), "sid": (), "index": ()}

    @property
    def is_ready(self) -> bool:
        """Whether there is a database to speak of yet."""
        return True

    @property
    def is_writable(self) -> bool:
        """Whether the server itself may change rows now: those that tell how remotes fare."""
        return True

    def why_forbidden(self) -> str:
        """Why no client may change the database; empty if they may."""
        return ""

    def takes(self, trigger: Trigger) -> bool:
        """Whether the model itself sees to a transaction, instead of the host."""
        return False

    @abstractmethod
    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """Make a commit, computed for the present state, happen, and then answer; None: nothing to do, or to say.

        The host's publish() is due when it is certain to happen, answer.give() when it is as durable as asked for;
        if it cannot happen, answer.fail() alone.  All that may be now or later; meanwhile the host goes on.
        """

    def takes_conversion(self, trigger: Trigger, schema: Schema) -> bool:
        """Whether the model itself sees to a change of schema, instead of the server."""
        return False

    def convert(self, database: Database) -> None:
        """Put a database of another schema in place of the present one in what outlives the process."""
        raise OvsdbError("convert is not allowed for this database", tag="not allowed")

    def cancel(self, client: Client, id: Json) -> None:  # noqa: B027 - few keep transactions themselves
        """A client gives up a transaction of its own: one that `takes` has taken is refused, if it is not too late."""

    def forget(self, client: Client) -> None:  # noqa: B027 - few have anything to forget
        """A client has gone: it needs no answers."""

    @property
    def is_busy(self) -> bool:
        """Whether there are answers that wait for something."""
        return False


class InMemory(ServiceModel):
    """A database that only the server itself changes: `_Server`."""

    def why_forbidden(self) -> str:
        """Clients only read."""
        return f"on table in reserved database {self.owner.database.schema.name}"

    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """It happens."""
        if commit is not None:
            self.owner.publish(commit)
        if answer is not None:
            answer.give()


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


class Standalone(ServiceModel):
    """A database with a journal of its own.

    An answer that was asked to be durable waits for the disk; others go on meanwhile, and one flush of the journal
    serves all who wait for it.
    """

    def __init__(self, storage: Storage, *, with_differences: bool = True) -> None:
        self.storage = storage
        self._with_differences = with_differences  # in records: what changed of a column, and not all of it
        self._unsafe: deque[tuple[int, Answer]] = (
            deque()
        )  # answers that wait for the disk, and for how much of it

    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """Journal it, or fail; then it happens."""
        if commit is not None:
            try:
                self._append(commit)
            except StorageError as error:
                if answer is not None:
                    answer.fail(str(error))
                return
            self.owner.publish(commit)
        if answer is None:
            return
        if answer.durable and self.storage.n_safe < self.storage.size:
            self._unsafe.append((self.storage.size, answer))
        else:
            answer.give()

    def _append(self, commit: Commit) -> None:
        schema = self.owner.database.schema
        json = commit_to_json(commit, schema, self.owner.date(), with_differences=self._with_differences)
        if json is not None:
            self.storage.append(encode_record(json))

    def convert(self, database: Database) -> None:
        """Write the journal anew."""
        try:
            self.storage.rewrite(
                [*chain.from_iterable(map(record_pieces, snapshot(database, self.owner.date(), "")))]
            )
        except StorageError as error:
            raise OvsdbError(str(error), tag="I/O error") from None
        self.made_safe()

    def made_safe(self, failure: str = "") -> None:
        """The journal is on disk up to `storage.n_safe`, or will not get there: answer those who wait for it."""
        while self._unsafe and (failure or self._unsafe[0][0] <= self.storage.n_safe):
            _, answer = self._unsafe.popleft()
            if failure:
                answer.fail(failure)
            else:
                answer.give()

    def forget(self, client: Client) -> None:
        """Its transactions have happened, and need no answer."""
        self._unsafe = deque(each for each in self._unsafe if each[1].trigger.client is not client)

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for the disk."""
        return bool(self._unsafe)
