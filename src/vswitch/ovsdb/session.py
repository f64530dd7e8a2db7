"""One client's session with a database server: its requests, monitors and locks.

The owner passes in bytes with receive(), writes what take_output() returns, and calls expire() at `deadline`.  A client
that sends what is not JSON-RPC is told nothing: `closed` says why the connection is to be closed.

Sources: RFC 7047 4.1; ovsdb-server(7), 4.1.12-4.1.21.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

from vswitch.base.dataclass import dataclass, field, replace
from vswitch.base.log import Logger
from vswitch.ovsdb.atom import Uuid, is_uuid
from vswitch.ovsdb.errors import OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.feed import Monitor
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.jsonrpc import ErrorReply, Message, Notification, Reply, Request, Stream
from vswitch.ovsdb.jsontext import Json, JsonError, encode
from vswitch.ovsdb.locks import Locks
from vswitch.ovsdb.monitor import View, condition_change, initial, merge, update
from vswitch.ovsdb.notation import is_id
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import FULL_ACCESS, READ_ONLY, Access, Trigger

log = Logger("ovsdb_jsonrpc_server")
log_rpc = Logger("jsonrpc").limited(rate=60, burst=60)
log_reconnect = Logger("reconnect").limited(rate=60, burst=60)

TURN = 1 << 18  # bytes of answers for one client before others have their turn
MUCH = 1 << 20  # bytes of a message without an end
MAX_INCOMPLETE = 1 << 30  # bytes of all such messages: whose then grows is let go


class Services(Protocol):
    """What a session needs of its server."""

    @property
    def id(self) -> Uuid:
        """The server's id."""

    @property
    def hosts(self) -> dict[str, Host]:
        """The databases in service."""

    @property
    def lock_queues(self) -> Locks[Session]:
        """Everybody's locks."""

    @property
    def is_backup(self) -> bool:
        """Whether clients may only read, whatever they may else."""

    @property
    def lacks_conditions(self) -> bool:
        """Whether there are no conditional monitors."""

    @property
    def n_incomplete(self) -> int:
        """Bytes held of messages that have not come to their ends."""

    @property
    def talkative(self) -> dict[Session, None]:
        """The sessions that their owners should look at."""

    def convert(self, host: Host, schema: Schema, request: Trigger) -> None:
        """Give a database another schema, and answer; raises OvsdbError."""


@dataclass(slots=True, eq=False)
class Session:
    """The server's end of a connection."""

    server: Services
    name: str  # of the connection, in logs
    now: float  # of the last event
    access: Access = FULL_ACCESS
    probe_interval: float = 0.0  # seconds of silence before the client is asked for a sign of life; 0: never
    is_change_aware: bool = False
    is_behind: bool = False  # there may be requests that were received and not yet acted upon
    closed: str = ""  # why the connection is over
    is_slow: bool = (
        False  # the client leaves unread what it was sent: it hears of changes when it has read that
    )
    _stream: Stream = field(default_factory=Stream)
    _output: list[bytes] = field(default_factory=list)
    _n_output: int = 0  # bytes in it
    _monitors: dict[bytes, Monitor] = field(default_factory=dict)  # by the JSON text of their ids
    _wanted_locks: dict[str, None] = field(default_factory=dict)
    _heard: float = 0.0  # when the client last sent something
    _probed: bool = False

    def __post_init__(self) -> None:
        self._heard = self.now

    # What the owner calls.

    def receive(self, data: bytes, now: float) -> None:
        """Act on bytes from the client."""
        self.now = self._heard = now
        self._probed = False
        self._stream.receive(data)
        self.proceed(now)

    def proceed(self, now: float) -> None:
        """Act on what has been received, until the answers are many: `is_behind`, the owner calls again."""
        self.now, self.is_behind = now, False
        try:
            for message in self._stream.messages():
                self._handle(message)
                if self.closed:
                    return
                if self._n_output > TURN:
                    self.is_behind = True
                    return
        except JsonError as error:
            log_rpc.warn("%s: %s", self.name, error)
            self.drop("Protocol error")
        n_incomplete = self._stream.n_incomplete
        if n_incomplete > MUCH and self.server.n_incomplete > MAX_INCOMPLETE:
            self.drop(f"message of more than {n_incomplete} bytes")

    @property
    def n_incomplete(self) -> int:
        """Bytes held of a message that has not come to its end."""
        return self._stream.n_incomplete

    def take_output(self) -> list[bytes]:
        """What to write, in pieces."""
        output, self._output, self._n_output = self._output, [], 0
        return output

    @property
    def deadline(self) -> float:
        """When to call expire() next, unless bytes arrive first."""
        if not self.probe_interval:
            return float("inf")
        return self._heard + self.probe_interval * (2 if self._probed else 1)

    def expire(self, now: float) -> None:
        """The client has been silent for a while."""
        self.now = now
        if now < self.deadline:
            return
        if self._probed:
            log_reconnect.err(
                "%s: no response to inactivity probe after %.3g seconds, disconnecting",
                self.name,
                now - self._heard - self.probe_interval,
            )
            self.drop("no response to inactivity probe")
        else:
            self._probed = True
            self.send(Request("echo", [], "echo").encode())

    def catch_up(self) -> None:
        """The client has read what it was sent: tell it what it missed meanwhile."""
        for monitor in self._monitors.values():
            host = self.server.hosts[monitor.database]
            if message := monitor.take(host.last_id):
                self.send(message)

    def close(self) -> None:
        """The connection is over."""
        self.closed = self.closed or "closed"
        for monitor in self._monitors.values():
            self.server.hosts[monitor.database].unsubscribe(monitor)
        self._monitors.clear()
        for host in self.server.hosts.values():
            host.forget(self)
        for lock in list(self._wanted_locks):
            self._release(lock)

    # What hosts call.

    @property
    def locks(self) -> AbstractSet[str]:
        """The locks that the client holds."""
        if not self._wanted_locks:
            return _NO_LOCKS
        return {name for name in self._wanted_locks if self.server.lock_queues.owner(name) is self}

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._output.append(message)
        self._n_output += len(message)
        self.server.talkative[self] = None

    def finish(self, request: Trigger, results: Json) -> None:
        """A transaction is done.  The client hears first what it changed, and then that it is done."""
        for monitor in self._monitors.values():
            host = self.server.hosts[monitor.database]
            if message := monitor.take(host.last_id):
                self.send(message)
        self.send(Reply(results, request.id).encode())

    def refuse(self, request: Trigger, error: Json) -> None:
        """A transaction could not even be tried."""
        self.send(ErrorReply(error, request.id).encode())

    def drop(self, reason: str) -> None:
        """Close the connection, because of what the client did."""
        log_reconnect.warn("%s: connection dropped (%s)", self.name, reason)
        self.end(reason)

    def end(self, reason: str) -> None:
        """Close the connection."""
        self.closed = self.closed or reason
        self.server.talkative[self] = None

    def cancel_database(self, host: Host) -> None:
        """A database goes out of service: so do its monitors and transactions."""
        from msgspec import Raw  # 10 ms of a server's start

        for key, monitor in list(self._monitors.items()):
            if monitor.database == host.name:
                host.unsubscribe(self._monitors.pop(key))
                self.send(Notification("monitor_canceled", [Raw(monitor.id)]).encode())
        for trigger in [each for each in host.waiting if each.client is self]:
            del host.waiting[trigger]
            self.send(ErrorReply("canceled", trigger.id).encode())

    # What the client asks for.

    def _handle(self, message: Message) -> None:
        match message:
            case Request(method, params, id):
                handler = METHODS.get(method)
                if self.server.lacks_conditions and method.startswith("monitor_cond"):
                    handler = None
                try:
                    if handler is None:
                        raise _Refused("unknown method")
                    handler(self, params, id)
                except _Refused as error:
                    self.send(ErrorReply(str(error), id).encode())
                except OvsdbError as error:
                    self.send(ErrorReply(error.to_json(), id).encode())
            case Notification("cancel", [id, *_]):
                self._cancel(id)
            case Notification():
                pass
            case Reply(_, "echo") | ErrorReply(_, "echo"):
                pass
            case _:
                log.warn("%s: received unexpected reply message", self.name)
                self.end("received unexpected reply message")

    def _host(self, method: str, params: list[Json]) -> Host:
        if not params or not isinstance(params[0], str):
            raise OvsdbSyntaxError(f"{method} request params must begin with <db-name>", params)
        host = self.server.hosts.get(params[0])
        if host is None:
            raise OvsdbSyntaxError(
                f"{method} request specifies unknown database {params[0]}", params, tag="unknown database"
            )
        if not host.service.is_ready:
            raise OvsdbError(
                f"{method} request specifies database {params[0]} which is not yet available because it has not "
                "completed joining its cluster",
                tag="database not available",
            )
        return host

    def echo(self, params: list[Json], id: Json) -> None:
        """4.1.11: say the same back."""
        self.send(Reply(params, id).encode())

    def list_dbs(self, params: list[Json], id: Json) -> None:
        """4.1.1: the names of the databases."""
        self.send(Reply(sorted(self.server.hosts), id).encode())

    def get_schema(self, params: list[Json], id: Json) -> None:
        """4.1.2: a database's schema."""
        self.send(Reply(self._host("get_schema", params).database.schema.to_json(), id).encode())

    def get_server_id(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.17: which server this is."""
        self.send(Reply(self.server.id, id).encode())

    def set_db_change_aware(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.16: whether the client would rather be told than disconnected."""
        match params:
            case [bool(aware)]:
                self.is_change_aware = aware
            case _:
                raise OvsdbSyntaxError("set_db_change_aware: true or false parameter expected", params)
        self.send(Reply({}, id).encode())

    def transact(self, params: list[Json], id: Json) -> None:
        """4.1.3: a transaction."""
        host = self._host("transact", params)
        for each in self.server.hosts.values():
            if each.waiting and any(trigger.client is self and trigger.id == id for trigger in each.waiting):
                raise OvsdbSyntaxError("transact: duplicate request ID", params)
        access = replace(self.access, read_only=True) if self.server.is_backup else self.access
        host.submit(Trigger(self, id, params[1:], self.now, access), self.now)

    def _cancel(self, id: Json) -> None:
        """4.1.4: give up a transaction that waits."""
        for host in self.server.hosts.values():
            for trigger in list(host.waiting):
                if trigger.client is self and trigger.id == id:
                    del host.waiting[trigger]
                    self.send(ErrorReply("canceled", id).encode())
            host.service.cancel(self, id)

    def monitor(self, params: list[Json], id: Json) -> None:
        """4.1.5: show tables, and their changes."""
        self._monitor("monitor", params, id, version=1)

    def monitor_cond(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.12: show those rows that meet conditions."""
        self._monitor("monitor_cond", params, id, version=2)

    def monitor_cond_since(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.15: the same, from where the client lost sight of it."""
        self._monitor("monitor_cond_since", params, id, version=3)

    def _monitor(self, method: str, params: list[Json], id: Json, version: int) -> None:
        host = self._host(method, params)
        wanted = 4 if version == 3 else 3
        if len(params) < wanted or (
            len(params) > wanted and version > 1
        ):  # more mean nothing to the oldest form
            raise OvsdbSyntaxError("invalid parameters", params)
        monitor_id, requests = params[1], params[2]
        key = encode(monitor_id)
        if key in self._monitors and isinstance(requests, dict):  # else View tells that, as the peer does
            raise OvsdbSyntaxError("duplicate monitor ID", monitor_id)
        view = View.from_json(requests, host.database.schema, version)
        since = _transaction_id(params[3]) if version == 3 else None
        self._monitors[key] = host.subscribe(key, view, self)
        missed = host.database.since(since) if since else None
        if missed is None:
            updates = initial(view, host.database) or b"{}"
        else:
            updates = update(view, merge(commit.changes for commit in missed)) or b"{}"
        if version == 3:
            found = b"false" if missed is None else b"true"
            updates = b'[%s,"%s",%s]' % (found, host.last_id.encode(), updates)
        self.send(b'{"error":null,"id":%s,"result":' % encode(id))
        self.send(updates)
        self.send(b"}")

    def monitor_cond_change(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.13: other conditions for a monitor, and what that brings into view or out of it."""
        if len(params) != 3:
            raise OvsdbSyntaxError("invalid parameters", params)
        old_id, new_id, requests = params
        old_key, new_key = encode(old_id), encode(new_id)
        monitor = self._monitors.get(old_key)
        if monitor is None:
            raise OvsdbSyntaxError("unknown monitor session", old_id)
        if new_key != old_key and new_key in self._monitors:
            raise OvsdbSyntaxError("duplicate monitor ID", new_id)
        host = self.server.hosts[monitor.database]
        old_view = monitor.feed.view
        new_view = old_view.with_conditions(requests, host.database.schema)
        if message := monitor.take(host.last_id):
            self.send(message)
        host.unsubscribe(self._monitors.pop(old_key))
        monitor = self._monitors[new_key] = host.subscribe(new_key, new_view, self)
        if new_view.version > 1:
            updates = condition_change(old_view, new_view, host.database)
            if message := monitor.notification(updates, host.last_id):
                self.send(message)
        self.send(Reply({}, id).encode())

    def monitor_cancel(self, params: list[Json], id: Json) -> None:
        """4.1.7: no more updates."""
        if len(params) != 1:
            raise _Refused("invalid parameters")
        monitor = self._monitors.pop(encode(params[0]), None)
        if monitor is None:
            raise _Refused("unknown monitor")
        self.server.hosts[monitor.database].unsubscribe(monitor)
        self.send(Reply({}, id).encode())

    def lock(self, params: list[Json], id: Json) -> None:
        """4.1.8: queue for a lock."""
        self._refuse_locks()
        name = self._new_lock("lock", params)
        locked = self.server.lock_queues.lock(name, self)
        self.send(Reply({"locked": locked}, id).encode())

    def steal(self, params: list[Json], id: Json) -> None:
        """4.1.8: take a lock from whoever has it."""
        self._refuse_locks()
        name = self._new_lock("steal", params)
        victim = self.server.lock_queues.steal(name, self)
        self.send(Reply({"locked": True}, id).encode())
        if victim is not None:
            victim.send(Notification("stolen", [name]).encode())

    def _refuse_locks(self) -> None:
        if self.access.read_only or self.server.is_backup:
            raise _Refused("lock and unlock methods not allowed, DB server is read only.")

    def _new_lock(self, method: str, params: list[Json]) -> str:
        name = _lock_name(method, params)
        if name in self._wanted_locks:
            raise OvsdbSyntaxError(f'must issue "unlock" before new "{method}"', params)
        self._wanted_locks[name] = None
        return name

    def unlock(self, params: list[Json], id: Json) -> None:
        """4.1.8: give a lock back."""
        self._refuse_locks()
        name = _lock_name("unlock", params)
        if name not in self._wanted_locks:
            raise OvsdbSyntaxError('unlock: "unlock" without "lock" or "steal"', params)
        self._release(name)
        self.send(Reply({}, id).encode())

    def _release(self, name: str) -> None:
        del self._wanted_locks[name]
        if (owner := self.server.lock_queues.unlock(name, self)) is not None:
            owner.send(Notification("locked", [name]).encode())

    def convert(self, params: list[Json], id: Json) -> None:
        """ovsdb-server(7) 4.1.20: give a database another schema."""
        host = self._host("convert", params)
        if len(params) != 2:
            raise OvsdbSyntaxError("array expected", params)
        if self.access.read_only or self.server.is_backup:
            raise OvsdbError(f"convert operation not allowed {READ_ONLY}", tag="not allowed")
        request = Trigger(self, id, [], self.now, self.access)
        self.server.convert(host, Schema.from_json(params[1]), request)


_NO_LOCKS: frozenset[str] = frozenset()


class _Refused(Exception):  # noqa: N818 - an answer
    """The error is a bare string."""


def _lock_name(method: str, params: list[Json]) -> str:
    match params:
        case [str(name)] if is_id(name):
            return name
        case _:
            raise OvsdbSyntaxError(f"{method} request params must be <id>", params)


def _transaction_id(json: Json) -> Uuid:
    if not isinstance(json, str):
        raise OvsdbSyntaxError("last-txn-id must be string", json)
    if not is_uuid(json):
        raise OvsdbSyntaxError("last-txn-id must be UUID format.", json)
    return Uuid(json.lower())


Handler = Callable[[Session, list[Json], Json], None]
METHODS: dict[str, Handler] = {
    method.__name__: method
    for method in (
        Session.echo,
        Session.list_dbs,
        Session.get_schema,
        Session.get_server_id,
        Session.set_db_change_aware,
        Session.transact,
        Session.monitor,
        Session.monitor_cond,
        Session.monitor_cond_since,
        Session.monitor_cond_change,
        Session.monitor_cancel,
        Session.lock,
        Session.steal,
        Session.unlock,
        Session.convert,
    )
}
