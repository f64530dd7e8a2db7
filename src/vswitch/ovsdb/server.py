"""A database server: databases, and the sessions of its clients.  Pure: its owner has the sockets, the disk and the clock.

The `_Server` database, which tells clients what databases there are and what becomes of them, is kept true here.

Sources: ovsdb-server(5); ovsdb-server(7), "Server database".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.convert import convert
from vswitch.ovsdb.database import Database, NewUuid
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.jsontext import encode_text
from vswitch.ovsdb.locks import Locks
from vswitch.ovsdb.schema import Schema, load
from vswitch.ovsdb.servicemodel import FULL_ACCESS, Access, InMemory, Trigger
from vswitch.ovsdb.session import Session

SERVER = "_Server"


@dataclass(slots=True, eq=False)
class Server:
    """Databases in service, by name, and who uses them.

    After each round of calls the owner calls flush(), and then writes what the sessions in `talkative` have to say,
    and closes those that are `closed`; and again, after others have had their turn, as long as it `has_news`.
    """

    new_uuid: NewUuid
    date: Callable[[], int]  # ms since 1970
    hosts: dict[str, Host] = field(default_factory=dict)
    lock_queues: Locks[Session] = field(default_factory=Locks)
    sessions: dict[Session, None] = field(default_factory=dict)
    talkative: dict[Session, None] = field(default_factory=dict)  # sessions with output, or that are over
    id: Uuid = ZERO_UUID
    is_backup: bool = False  # the databases are copies of another server's: clients only read
    lacks_conditions: bool = False  # there are no conditional monitors, as in servers of old
    _rows: dict[str, Uuid] = field(default_factory=dict)  # in _Server, by database
    _schema_texts: dict[str, tuple[Schema, str]] = field(default_factory=dict)  # by database

    def __post_init__(self) -> None:
        self.id = self.new_uuid()
        self.hosts[SERVER] = Host(Database(load("_server")), self.new_uuid, self.date, InMemory())
        self._publish(self.hosts[SERVER])

    def connect(
        self, name: str, now: float, *, access: Access = FULL_ACCESS, probe_interval: float = 0.0
    ) -> Session:
        """A client has connected."""
        session = Session(self, name, now, access, probe_interval)
        self.sessions[session] = None
        return session

    def disconnect(self, session: Session) -> None:
        """A client has gone."""
        self.sessions.pop(session, None)
        session.close()

    def add(self, host: Host) -> None:
        """Put a database into service."""
        self.hosts[host.name] = host
        self._publish(host)
        self._disconnect_unaware()

    def remove(self, name: str) -> None:
        """Take a database out of service."""
        host = self.hosts[name]
        for session in self.sessions:
            session.cancel_database(host)
        del self.hosts[name]
        self._change_server_row(self._rows.pop(name), None)
        self._disconnect_unaware()

    def convert(self, host: Host, schema: Schema, request: Trigger) -> None:
        """Give a database another schema, and answer; raises OvsdbError, and then nothing has changed."""
        if schema.name != host.name:
            details = f"new schema name ({schema.name}) does not match database name ({host.name})"
            raise OvsdbError(details, tag="invalid parameters")
        if host.service.takes_conversion(request, schema):
            return
        database = convert(host.database, schema, self.new_uuid)
        host.service.convert(database)
        self.replace(host.name, database)
        request.client.finish(request, {})

    def replace(self, name: str, database: Database) -> None:
        """Serve another database under the same name."""
        host = self.hosts[name]
        for session in self.sessions:
            session.cancel_database(host)
        host.database = database
        self._publish(host)
        self._disconnect_unaware()

    def publish_status(self, name: str) -> None:
        """The service of a database is not as it was: tell, in _Server."""
        if name in self.hosts:
            self._publish(self.hosts[name])

    def _disconnect_unaware(self) -> None:
        """Clients that do not follow _Server find out by being disconnected."""
        for session in self.sessions:
            if not session.is_change_aware:
                session.end("database change")

    def _publish(self, host: Host) -> None:
        """Tell the truth about `host` in _Server."""
        schema = (self._schema_text(host),) if host.service.is_ready else ()
        cells: dict[str, Datum] = {
            "name": (host.name,),
            "model": (host.service.name,),
            "schema": schema,
            **host.service.status(),
        }
        if host.name not in self._rows:
            self._rows[host.name] = self.new_uuid()
        self._change_server_row(self._rows[host.name], cells)

    def _schema_text(self, host: Host) -> str:
        """A schema as JSON: kept, because a cluster's index changes with every transaction, and its schema hardly ever."""
        schema, text = self._schema_texts.get(host.name, (None, ""))
        if schema is not host.database.schema:
            text = encode_text(host.database.schema.to_json())
            self._schema_texts[host.name] = (host.database.schema, text)
        return text

    def _change_server_row(self, uuid: Uuid, cells: dict[str, Datum] | None) -> None:
        host = self.hosts[SERVER]
        if cells is None:
            host.delete("Database", uuid)
        else:
            host.overwrite("Database", uuid, cells)

    @property
    def n_incomplete(self) -> int:
        """Bytes held of messages that have not come to their ends."""
        return sum(session.n_incomplete for session in self.sessions)

    @property
    def needs_owner(self) -> bool:
        """Whether some database has something to flush, to make safe, or to wait for."""
        for host in self.hosts.values():  # noqa: SIM110 - any() of a generator takes 1 µs more at each transaction
            if host.needs_owner:
                return True
        return False

    @property
    def has_news(self) -> bool:
        """Whether there are monitors to be told something."""
        return any(host.has_news for host in self.hosts.values())

    def flush(self) -> None:
        """Tell monitors what happened: some of each database."""
        for host in self.hosts.values():
            if host.has_news:
                host.flush()

    def expire(self, now: float) -> None:
        """Give up the waits whose time has come."""
        for host in self.hosts.values():
            if host.deadline <= now:
                host.retry(now)

    @property
    def deadline(self) -> float:
        """When to call expire() next."""
        return min(host.deadline for host in self.hosts.values())

    def usage(self) -> Iterator[tuple[str, int]]:
        """The figures of memory/show."""
        if self.sessions:
            yield "sessions", len(self.sessions)
        yield (
            "monitors",
            sum(len(watchers) for host in self.hosts.values() for watchers in host.subscribers.values()),
        )
        if n_waiting := sum(len(host.waiting) for host in self.hosts.values()):
            yield "triggers", n_waiting
        total = Counter[str]()
        for host in self.hosts.values():
            total.update(host.database.n_cells())
        yield from total.items()
