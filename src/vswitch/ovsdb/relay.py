"""Relays: databases that are copies of another server's, kept in memory, so that many clients can read.

Transactions that only read are executed on the copy.  Others are forwarded to the source, and its answers sent back;
the changes come to our clients as they come to the copy.

Sources: ovsdb(7), "Relay Service Model".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.database import Commit, Database
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.follower import Follower, updated
from vswitch.ovsdb.jsonrpc import ErrorReply, Notification, Reply, Request
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.operation import OPERATIONS
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Answer, Client, ServiceModel, Trigger


class Registry(Protocol):
    """What a relay needs of the server that has its host."""

    def replace(self, name: str, database: Database) -> None:
        """Serve another database under the same name."""

    def publish_status(self, name: str) -> None:
        """Tell the clients how the service is."""


class Relay(ServiceModel):
    """The service model of a copy; also what its `Follower` keeps true."""

    name: ClassVar[str] = "relay"

    def __init__(self, database_name: str, registry: Registry) -> None:
        self._database_name = database_name
        self._registry = registry
        self._follower: Follower | None = None
        self._send: Callable[[bytes], None] = lambda data: None
        self._is_loaded = False
        self._numbers = itertools.count()
        self._forwarded: dict[int, Trigger] = {}  # by the id that the source knows
        self._waiting: list[Trigger] = []  # for a connection

    # The connection to the source.

    def follow(self, send: Callable[[bytes], None]) -> Follower:
        """The connection is there."""
        follower = self._follower = Follower(self._database_name, self, send)
        self._send = send
        follower.on_answer = self._answered
        follower.start()
        return follower

    def lost(self) -> None:
        """The connection is gone: nobody knows what became of the transactions under way."""
        self._follower = None
        forwarded, self._forwarded = self._forwarded, {}
        for trigger in forwarded.values():
            trigger.client.refuse(trigger, "canceled")
        self._registry.publish_status(self._database_name)

    @property
    def last_id(self) -> Uuid:
        """The transaction that the copy has got to."""
        return self.owner.database.last_id or ZERO_UUID

    def accept_schema(self, schema: Schema) -> str:
        """Begin anew if the schema is another one."""
        if not self._is_loaded or schema != self.owner.database.schema:
            self._is_loaded = True
            self._registry.replace(self._database_name, Database(schema))
        return ""

    def take_rows(self, updates: Json, last_id: Uuid, *, is_everything: bool) -> None:
        """Make the copy true."""
        commit = updated(self.owner.database, updates, last_id, is_everything=is_everything)
        if commit is not None:
            self.owner.publish(commit)
        else:
            self.owner.database.last_id = last_id
        if self._follower is not None and not self._follower.is_current:
            self._follower.is_current = True
            self._registry.publish_status(self._database_name)
            waiting, self._waiting = self._waiting, []
            for trigger in waiting:
                self._forward(trigger)

    # What the host asks.

    def status(self) -> Mapping[str, Datum]:
        """A relay is connected if its source tells it what happens, and never leads."""
        return {**super().status(), "connected": (self._is_connected,), "leader": (False,)}

    @property
    def _is_connected(self) -> bool:
        return self._follower is not None and self._follower.is_current

    @property
    def is_ready(self) -> bool:
        """Whether there is a copy at all."""
        return self._is_loaded

    @property
    def is_writable(self) -> bool:
        """The rows are the source's."""
        return False

    def takes(self, trigger: Trigger) -> bool:
        """Forward what may change the database, unless its client may not."""
        if trigger.access.read_only or all(map(_only_reads, trigger.operations)):
            return False
        if self._is_connected:
            self._forward(trigger)
        else:
            self._waiting.append(trigger)
        return True

    def _forward(self, trigger: Trigger) -> None:
        self._ask("transact", [self._database_name, *trigger.operations], trigger)

    def _ask(self, method: str, params: list[Json], trigger: Trigger) -> None:
        number = next(self._numbers)
        self._forwarded[number] = trigger
        self._send(Request(method, params, number).encode())

    def _answered(self, answer: Reply | ErrorReply) -> None:
        trigger = self._forwarded.pop(answer.id, None) if isinstance(answer.id, int) else None
        if trigger is None:
            return
        if isinstance(answer, ErrorReply):
            trigger.client.refuse(trigger, answer.error)
        else:
            trigger.client.finish(trigger, answer.result)

    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """Nothing that the host executes changes anything."""
        if answer is not None:
            answer.give()

    def takes_conversion(self, trigger: Trigger, schema: Schema) -> bool:
        """Forward it: the schema is the source's, and comes back from there."""
        if not self._is_connected:
            raise OvsdbError("the relay has no connection to its source", tag="not connected")
        self._ask("convert", [self._database_name, schema.to_json()], trigger)
        return True

    def cancel(self, client: Client, id: Json) -> None:
        """Give up what waits for a connection; have the source give up what waits there, and it will say so."""
        for trigger in [each for each in self._waiting if each.client is client and each.id == id]:
            self._waiting.remove(trigger)
            client.refuse(trigger, "canceled")
        for number, trigger in self._forwarded.items():
            if trigger.client is client and trigger.id == id:
                self._send(Notification("cancel", [number]).encode())

    def forget(self, client: Client) -> None:
        """Its answers are not wanted any more, and what waits at the source is not to happen."""
        self._waiting = [each for each in self._waiting if each.client is not client]
        for number in [n for n, each in self._forwarded.items() if each.client is client]:
            del self._forwarded[number]
            self._send(Notification("cancel", [number]).encode())


def _only_reads(json: Json) -> bool:
    """Whether an operation, well-formed or not, leaves every database as it is."""
    operation = OPERATIONS.get(str(json.get("op"))) if isinstance(json, dict) else None
    return operation is None or not operation.changes
