"""Where a server listens and whom it connects to: names from the command line, and names from a database.

`db:DB,TABLE,COLUMN` stands for the names in that column, in each row of the table; if the column refers to rows of
another table, such as Manager, each of those rows is a remote, with its options beside its `target`, and is told how
the connection fares.  The set is made anew whenever that database has changed, and what is the same stays connected.

Sources: ovsdb-server(1), --remote; ovs-vswitchd.conf.db(5), Manager; ovsdb.local-config(5), Connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from vswitch.aio.streams import (
    Listener,
    is_passive,
    listen_with,
    split_host_port,
)
from vswitch.aio.tls import tls_context
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.log import Logger
from vswitch.linux.dirs import in_rundir
from vswitch.linux.unixpath import Fitting
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.schema import TableSchema
from vswitch.ovsdb.server import Server
from vswitch.ovsdb.servicemodel import FULL_ACCESS, Access
from vswitch.ovsdbserver.clients import Connection, Pump
from vswitch.ovsdbserver.columns import DatabaseColumn
from vswitch.ovsdbserver.keys import Keys
from vswitch.ovsdbserver.upstream import probe_seconds

log = Logger("ovsdb_jsonrpc_server")
log_reconnect = Logger("reconnect").limited(rate=60, burst=60)

DEFAULT_PORT = 6640
PROBE_INTERVAL = 5.0  # seconds, over TCP; a Unix socket tells when its other end goes
MAX_BACKOFF = 8.0  # seconds
STATUS_INTERVAL = 2.5  # seconds between two updates of status columns


@dataclass(frozen=True, slots=True)
class Options:
    """What a row says about its remote."""

    max_backoff: float = MAX_BACKOFF
    probe_interval: float | None = None
    access: Access = FULL_ACCESS


DEFAULTS = Options()


class Remote:
    """One remote in use: a listener with its connections, or a connection made again whenever it is lost."""

    def __init__(self, name: str, options: Options, pump: Pump, keys: Keys) -> None:
        self.name = name
        self.options = options
        self.connections: dict[Connection, float] = {}  # and since when
        self.port = 0
        self._pump = pump
        self._keys = keys
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_lost = asyncio.Event()
        self.connected_at: float | None = None  # the last time
        self.disconnected_at: float | None = None

    async def start(self) -> None:
        """Listen, or begin to connect."""
        if is_passive(self.name):
            try:
                self._listener = await listen_with(self.name, self._connection, self._keys, DEFAULT_PORT)
                self.port = self._listener.port
            except (OSError, VswitchError) as error:
                log.err("%s: listen failed: %s", self.name, getattr(error, "strerror", None) or error)
        else:
            self._task = self._pump.loop.create_task(self._keep_connected())

    def change(self, options: Options) -> None:
        """Go on with other options.  Clients stay, but those who may do something else now have to come back."""
        old, self.options = self.options, options
        if old.access != options.access:
            self.disconnect()
        elif old.probe_interval != options.probe_interval:
            for connection in self.connections:
                connection.set_probe_interval(self._probe_interval(connection.name))

    async def renew_keys(self) -> None:
        """There are other keys: listen, if that failed for want of them.  Connections to come use them anyhow."""
        if self.name.startswith("pssl:") and self._listener is None:
            await self.start()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def stop(self) -> None:
        """Listen no more, and end the connections."""
        self._stop_listening()
        if self._task is not None:
            self._task.cancel()
        self.disconnect()

    def disconnect(self) -> None:
        """End the connections."""
        for connection in list(self.connections):
            connection.close()

    def _connection(self, name: str = "") -> Connection:
        return Connection(
            self._pump,
            name=name,
            probe_interval=self._probe_interval,
            access=self.options.access,
            on_open=self._opened,
            on_lost=self._lost,
        )

    def _opened(self, connection: Connection) -> None:
        self.connections[connection] = self.connected_at = self._pump.loop.time()

    def _probe_interval(self, name: str) -> float:
        if self.options.probe_interval is not None:
            return self.options.probe_interval
        return 0.0 if name.startswith("unix") else PROBE_INTERVAL

    def _lost(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        self.disconnected_at = self._pump.loop.time()
        self._is_lost.set()

    async def _keep_connected(self) -> None:
        backoff = 1.0
        while True:
            self._is_lost.clear()
            log_reconnect.info("%s: connecting...", self.name)
            try:
                connection = await self._connect()
            except (OSError, VswitchError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                log_reconnect.info("%s: connection attempt failed (%s)", self.name, reason)
            else:
                log_reconnect.info("%s: connected", self.name)
                backoff = 1.0
                if connection in self.connections:
                    await self._is_lost.wait()
            await asyncio.sleep(min(backoff, self.options.max_backoff))
            backoff *= 2

    async def _connect(self) -> Connection:
        kind, _, rest = self.name.partition(":")
        loop = self._pump.loop

        def factory() -> Connection:
            return self._connection(self.name)

        if kind == "unix":
            with Fitting(in_rundir(rest)) as path:
                _, connection = await loop.create_unix_connection(factory, path)
        elif kind in ("tcp", "ssl"):
            host, port = split_host_port(rest, DEFAULT_PORT)
            tls = self._keys()
            context = tls_context(tls, server=False) if kind == "ssl" else None
            transport, connection = await loop.create_connection(factory, host, port, ssl=context)
            if context is not None and tls is not None and tls.lacks_authority:
                transport.close()
                tls.adopt_authority(transport.get_extra_info("ssl_object"))
        else:
            raise TextError("Address family not supported by protocol")
        return connection

    def status(self, now: float) -> dict[str, str]:
        """The column `status`."""
        if is_passive(self.name) and not self.connections:
            return {"sec_since_connect": "0", "sec_since_disconnect": "0"} | self._bound()
        status = {"state": "ACTIVE" if self.connections else "BACKOFF"}
        if self.connected_at is not None:
            status["sec_since_connect"] = str(int(now - self.connected_at))
        if self.disconnected_at is not None and not is_passive(self.name):
            status["sec_since_disconnect"] = str(int(now - self.disconnected_at))
        if len(self.connections) > 1:
            status["n_connections"] = str(len(self.connections))
        return status | self._bound()

    def _bound(self) -> dict[str, str]:
        return {"bound_port": str(self.port)} if self.port else {}


@dataclass(slots=True)
class Remotes:
    """Every remote of a server."""

    pump: Pump
    server: Server
    keys: Keys
    names: dict[str, Options] = field(default_factory=dict)  # as given: some stand for columns
    _open: dict[str, Remote] = field(default_factory=dict)  # by target
    _rows: dict[str, tuple[Host, TableSchema, Uuid]] = field(
        default_factory=dict
    )  # where a target comes from
    _is_writing_status: bool = False
    _keys_state: object = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, name: str, options: Options = DEFAULTS) -> None:
        """Use one more; raises TextError if it names a column that there is not."""
        if name.startswith("db:"):
            DatabaseColumn.check(self.server, name)
        self.names[name] = options
        self._changed.set()

    def remove(self, name: str) -> None:
        """Use one less."""
        del self.names[name]
        self._changed.set()

    def notice(self, host: Host, commit: Commit) -> None:
        """A database has changed: look whether that names other remotes, unless it only tells how they fare."""
        if self._is_writing_status:
            return
        for name in self.names:
            if name.startswith(f"db:{host.name},"):
                column = DatabaseColumn.find(self.server, name)
                if column is not None and not column.tables.isdisjoint(commit.changes):
                    self._changed.set()
        if "SSL" in commit.changes:
            self._changed.set()

    async def reconcile(self) -> None:
        """Open what is new, close what is no longer wanted."""
        self._changed.clear()
        await self._renew_keys()
        wanted = self._wanted()
        for target in [each for each in self._open if each not in wanted]:
            self._open.pop(target).stop()
        for target, options in wanted.items():
            remote = self._open.get(target)
            if remote is None:
                remote = self._open[target] = Remote(target, options, self.pump, self.keys)
                await remote.start()
            else:
                remote.change(options)

    async def _renew_keys(self) -> None:
        """See whether other keys are to be used."""
        state, self._keys_state = self._keys_state, self.keys.state()
        if state != self._keys_state:
            for remote in self._open.values():
                await remote.renew_keys()

    async def run(self) -> None:
        """Keep the remotes as the databases want them, and tell how they fare."""
        while True:
            try:
                async with asyncio.timeout(STATUS_INTERVAL):
                    await self._changed.wait()
            except TimeoutError:
                self.write_status()
                await self._renew_keys()
            else:
                await self.reconcile()

    def reconnect(self) -> None:
        """Make every client connect anew."""
        for remote in self._open.values():
            remote.disconnect()

    def close(self) -> None:
        """End everything."""
        for remote in self._open.values():
            remote.stop()
        self._open.clear()

    def _wanted(self) -> dict[str, Options]:
        wanted: dict[str, Options] = {}
        self._rows.clear()
        for name, options in self.names.items():
            if name.startswith("db:"):
                try:
                    wanted |= dict(self._from_column(name))
                except TextError as error:
                    log.warn("%s", error)
            else:
                wanted.setdefault(name, options)
        return wanted

    def _from_column(self, name: str) -> Iterator[tuple[str, Options]]:
        """The remotes that a column names."""
        found = DatabaseColumn.parse(self.server, name)
        host, ref_table = found.host, found.column.type.key.ref_table
        for atom in found.atoms():
            if ref_table is None:
                if atom:
                    yield str(atom), DEFAULTS
            elif remote := self._from_row(host, host.database.tables[ref_table].schema, Uuid(str(atom))):
                yield remote

    def _from_row(self, host: Host, table: TableSchema, uuid: Uuid) -> tuple[str, Options] | None:
        row = host.database.tables[table.name].rows.get(uuid)
        target = _cell(table, row, "target") if row is not None else ()
        if row is None or not target or not target[0]:
            return None
        backoff = _cell(table, row, "max_backoff")
        probe = _cell(table, row, "inactivity_probe")
        self._rows[target[0]] = (host, table, uuid)
        return target[0], Options(
            max(1.0, backoff[0] / 1000) if backoff else MAX_BACKOFF,
            probe_seconds(probe[0]) if probe else None,
            Access(_cell(table, row, "read_only") == (True,), str(next(iter(_cell(table, row, "role")), ""))),
        )

    def write_status(self) -> None:
        """Tell the rows that name remotes how those fare."""
        now = self.pump.loop.time()
        self._is_writing_status = True
        for target, (host, table, uuid) in self._rows.items():
            remote = self._open.get(target)
            if remote is not None:
                cells: Mapping[str, Datum] = {
                    "is_connected": (bool(remote.connections),),
                    "status": tuple(sorted(remote.status(now).items())),
                }
                host.overwrite(table.name, uuid, cells)
        self._is_writing_status = False
        self.pump.schedule()


def _cell(table: TableSchema, row: Row, name: str) -> Datum:
    column = table.columns.get(name)
    return row[column.number] if column is not None else ()
