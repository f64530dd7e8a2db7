"""A client's copy of a database, kept true by the server's updates.

The machine talks JSON-RPC messages, as JSON values, and does no I/O:

    replica.connected()              a new connection is up
    replica.outgoing()               the messages to send
    replica.receive(message)         a message has come
    replica.changes()                what became different since the last call

It asks for the schema, then monitors what its owner wants, with `monitor_cond_since` if the server knows that, else
`monitor_cond`, else `monitor`.  After a reconnection it gets only what it missed, if the server still has it; if not,
it compares, so that its owner hears of real changes only.

A row keeps its identity for as long as it exists: a change alters the `Row` in place.  Rows are only read; to write,
build a `Transaction` (change.py) and send its operations with transact().

Sources: RFC 7047 4.1; ovsdb-server(7) 4.1.12-4.1.20; OVS lib/ovsdb-cs.c and lib/ovsdb-idl.c for the same in C.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace

from vswitch.base.errors import WireError
from vswitch.base.jsontype import Json
from vswitch.ovsdb.column import Layout, Table

ZERO_ID = "00000000-0000-0000-0000-000000000000"
_METHODS = ("monitor_cond_since", "monitor_cond", "monitor")  # in order of preference

Wanted = Mapping[str, Collection[str]]  # the columns to monitor, by table


class Row(SimpleNamespace):
    """A row: `row.uuid`, and each monitored column as an attribute, or, whatever its name, as `row[name]`."""

    def __init__(self, table: Table, uuid: str, columns: Mapping[str, Json]) -> None:
        super().__init__(**columns)
        self.uuid = uuid
        self.table = table.name

    def __getitem__(self, column: str) -> Json:
        return self.__dict__["uuid" if column == "_uuid" else column]

    def __contains__(self, column: object) -> bool:
        return column in self.__dict__

    def __hash__(self) -> int:  # type: ignore[override]  # a row is the same row whatever it holds
        return hash(self.uuid)

    def __eq__(self, other: object) -> bool:
        return self is other


class Change:
    """One row's change.  `old` has the former values of the changed columns: all if the row went, None if it is new."""

    __slots__ = ("gone", "old", "row")

    def __init__(self, row: Row, old: dict[str, Json] | None, *, gone: bool = False) -> None:
        self.row = row
        self.old = old
        self.gone = gone  # whether the row has ceased to be

    @property
    def table(self) -> str:
        """The name of the row's table."""
        return str(self.row.table)

    @property
    def is_new(self) -> bool:
        """Whether the row has come into being."""
        return self.old is None


class Replica:
    """A copy of what `wanted` selects from `database`."""

    def __init__(
        self,
        database: str,
        wanted: Wanted | Callable[[Layout], Wanted],
        *,
        lock: str = "",
        aware: bool = False,
    ) -> None:
        self.database = database
        self.layout: Layout | None = None
        self.rows: dict[str, dict[str, Row]] = {}  # by table, by UUID
        self.is_synchronized = False  # whether `rows` is the database's state, as far as the server has told
        self.has_lock = False
        self.outcomes: dict[int, Json] = {}  # replies to transact(), until their owner takes them
        self._wanted = wanted
        self._lock = lock
        self._aware = aware  # whether to be told of schema changes, instead of being cut off
        self._columns: dict[str, list[str]] = {}
        self._method = _METHODS[0]
        self._last_id = ZERO_ID  # of the latest transaction that `rows` reflects
        self._n_calls = 0
        self._waiting: dict[int, Callable[[Json, Json], None]] = {}  # by the id of the request
        self._outgoing: list[Json] = []
        self._changes: list[Change] = []
        self._indexes: dict[str, dict[str, dict[Json, list[Row]]]] = {}

    # --- the conversation ---

    def connected(self) -> None:
        """A new connection is up: begin the conversation anew."""
        self._outgoing.clear()
        self._waiting.clear()
        self.is_synchronized = self.has_lock = False
        if self._aware:
            self.call("set_db_change_aware", [True], _ignore)
        self._ask_schema()
        if self._lock:
            self.call("lock", [self._lock], self._on_lock)

    def disconnected(self) -> None:
        """The connection is gone; `rows` stay as they were."""
        self.is_synchronized = self.has_lock = False
        for on_reply in list(self._waiting.values()):
            on_reply(None, {"error": "disconnected"})
        self._waiting.clear()
        self._outgoing.clear()

    def outgoing(self) -> list[Json]:
        """The messages to send, in order."""
        messages, self._outgoing = self._outgoing, []
        return messages

    def receive(self, message: Json) -> None:
        """Take one message from the server; raises WireError if it makes no sense."""
        try:
            self._receive(message)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise WireError(f"cannot understand the database server's message: {error!r}") from error

    def call(self, method: str, params: Sequence[Json], on_reply: Callable[[Json, Json], None]) -> int:
        """Send a request; `on_reply` gets its result and its error, one of which is None."""
        self._n_calls += 1
        self._waiting[self._n_calls] = on_reply
        self._outgoing.append({"id": self._n_calls, "method": method, "params": list(params)})
        return self._n_calls

    def transact(self, operations: Sequence[Json]) -> int:
        """Send a transaction; its reply will be in `outcomes` under the number returned."""

        def keep(result: Json, error: Json) -> None:
            self.outcomes[number] = [error] if result is None else result

        number = self.call("transact", [self.database, *operations], keep)
        return number

    def _receive(self, message: Json) -> None:
        method = message.get("method")
        if method is None:
            on_reply = self._waiting.pop(message["id"], _ignore)
            on_reply(message["result"], message.get("error"))
        elif method == "echo":
            self._outgoing.append({"error": None, "id": message["id"], "result": message["params"]})
        else:
            self._notified(method, message["params"])

    def _notified(self, method: str, params: list[Json]) -> None:
        match method, params:
            case "update3", [_, last_id, updates]:
                self._apply(updates, self._update2)
                self._last_id = last_id
            case "update2", [_, updates]:
                self._apply(updates, self._update2)
            case "update", [_, updates]:
                self._apply(updates, self._update1)
            case "monitor_canceled", _:
                self.is_synchronized = False
                self._last_id = ZERO_ID
                self._ask_schema()
            case "locked" | "stolen", [name] if name == self._lock:
                self.has_lock = method == "locked"
            case _:
                pass

    def _ask_schema(self) -> None:
        self.call("get_schema", [self.database], self._on_schema)

    def _on_lock(self, result: Json, error: Json) -> None:
        self.has_lock = error is None and bool(result.get("locked"))

    def _on_schema(self, result: Json, error: Json) -> None:
        if error is not None:
            raise WireError(_error_text(error))
        self.layout = Layout(result)
        wanted = self._wanted(self.layout) if callable(self._wanted) else self._wanted
        tables = self.layout.tables
        self._columns = {
            name: [column for column in columns if column in tables[name]]
            for name, columns in wanted.items()
            if name in tables
        }
        self._ask_monitor()

    def _ask_monitor(self) -> None:
        requests = {table: [{"columns": columns}] for table, columns in self._columns.items()}
        more = [self._last_id] if self._method == "monitor_cond_since" else []
        self.call(self._method, [self.database, [self.database], requests, *more], self._on_monitor)

    def _on_monitor(self, result: Json, error: Json) -> None:
        if error is not None:
            if self._method == _METHODS[-1]:
                raise WireError(_error_text(error))
            self._method = _METHODS[_METHODS.index(self._method) + 1]
            self._ask_monitor()
            return
        if self._method == "monitor_cond_since":
            found, self._last_id, updates = result
        else:
            found, updates = False, result
        if found:
            self._apply(updates, self._update2)
        else:
            self._replace(updates)
        self.is_synchronized = True

    # --- rows ---

    def table(self, name: str) -> dict[str, Row]:
        """The rows of a table by UUID; none if the server has no such table."""
        return self.rows.get(name, {})

    def find(self, table: str, column: str, value: Json) -> list[Row]:
        """The rows of `table` whose `column`, an atom, is `value`.  Does not scan."""
        indexes = self._indexes.setdefault(table, {})
        if column not in indexes:
            index: dict[Json, list[Row]] = {}
            for row in self.table(table).values():
                index.setdefault(row[column], []).append(row)
            indexes[column] = index
        return indexes[column].get(value, [])

    def changes(self) -> list[Change]:
        """What became different since the last call, in order."""
        changes, self._changes = self._changes, []
        return changes

    def _apply(self, updates: Json, apply: Callable[[Table, str, Json], None]) -> None:
        assert self.layout is not None
        for table, rows in updates.items():
            for uuid, update in rows.items():
                apply(self.layout.tables[table], uuid, update)

    def _replace(self, updates: Json) -> None:
        """Make `rows` what `updates`, the whole content, says; report the differences only."""
        assert self.layout is not None
        for name in [*self.rows]:
            for uuid in self.rows[name].keys() - updates.get(name, {}).keys():
                self._delete(name, uuid)
        self.rows = {name: self.rows.get(name, {}) for name in self._columns}
        for name, rows in updates.items():
            table = self.layout.tables[name]
            for uuid, update in rows.items():
                json = update["new"] if "new" in update else update.get("initial", update.get("insert"))
                self._put(table, uuid, json, self._defaults(name))

    def _update1(self, table: Table, uuid: str, update: Json) -> None:
        if "new" in update:
            self._put(table, uuid, update["new"], {})
        else:
            self._delete(table.name, uuid)

    def _update2(self, table: Table, uuid: str, update: Json) -> None:
        match update:
            case {"insert": json} | {"initial": json}:
                self._put(table, uuid, json, self._defaults(table.name))
            case {"modify": json}:
                row = self.rows[table.name][uuid]
                new = {
                    name: (column := table[name]).apply_difference(row[name], column.from_json(value))
                    for name, value in json.items()
                }
                self._modify(row, new)
            case _:
                self._delete(table.name, uuid)

    def _defaults(self, table: str) -> dict[str, Json]:
        assert self.layout is not None
        columns = self.layout.tables[table]
        return {name: columns[name].default for name in self._columns[table]}

    def _put(self, table: Table, uuid: str, json: Json, defaults: dict[str, Json]) -> None:
        """Let the row be what `json` says, or `defaults` where that says nothing."""
        new = defaults | {name: table[name].from_json(value) for name, value in json.items()}
        rows = self.rows.setdefault(table.name, {})
        if uuid in rows:
            self._modify(rows[uuid], new)
            return
        rows[uuid] = row = Row(table, uuid, new)
        self._indexes.pop(table.name, None)
        self._changes.append(Change(row, None))

    def _modify(self, row: Row, new: dict[str, Json]) -> None:
        old = {name: row[name] for name, value in new.items() if row[name] != value}
        if old:
            row.__dict__.update((name, new[name]) for name in old)
            self._indexes.pop(row.table, None)
            self._changes.append(Change(row, old))

    def _delete(self, table: str, uuid: str) -> None:
        row = self.rows[table].pop(uuid, None)
        if row is not None:
            self._indexes.pop(table, None)
            self._changes.append(Change(row, {name: row[name] for name in self._columns[table]}, gone=True))


def everything(layout: Layout) -> dict[str, list[str]]:
    """As `wanted` of a replica: all columns of all tables."""
    return {name: list(table) for name, table in layout.tables.items()}


def references(row: Row, column: str, replica: Replica, table: str) -> Iterator[Row]:
    """The rows of `table` that the set `row[column]` refers to, as far as the replica has them."""
    rows = replica.table(table)
    value = row[column]
    for uuid in value if isinstance(value, tuple) else () if value is None else (value,):
        if uuid in rows:
            yield rows[uuid]


def _ignore(result: Json, error: Json) -> None:
    """Nothing depends on this reply."""


def _error_text(error: Json) -> str:
    """What a JSON-RPC error says to people."""
    if isinstance(error, dict):
        return str(error.get("details") or error.get("error"))
    return str(error)
