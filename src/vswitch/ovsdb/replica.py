"""A client's copy of a database, kept true by the server's updates.

The machine talks JSON-RPC messages, as JSON values, and does no I/O:

    replica.connected()              a new connection is up
    replica.outgoing()               the messages to send
    replica.receive(message)         a message has come
    replica.changes()                what became different since the last call

It asks for the schema, then monitors what its owner wants, with `monitor_cond_since` if the server knows that, else
`monitor_cond`, else `monitor`.  After a reconnection it gets only what it missed, if the server still has it; if not,
it compares, so that its owner hears of real changes only.  `objection` says when the owner had better connect to
another server.

A row keeps its identity for as long as it exists: a change alters the `Row` in place.  Rows are only read; to write,
build a `Transaction` (change.py) and send its operations with transact().

This is the machine alone.  `aio.database` and `linux.database` connect it to servers.

Sources: RFC 7047 4.1; ovsdb-server(7) 4.1.12-4.1.20; OVS lib/ovsdb-cs.c and lib/ovsdb-idl.c for the same in C.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace

from vswitch.base.errors import Conflict, WireError
from vswitch.base.jsontype import Json
from vswitch.ovsdb.column import Layout, Table
from vswitch.ovsdb.membership import Membership

ZERO_ID = "00000000-0000-0000-0000-000000000000"
_METHODS = ("monitor_cond_since", "monitor_cond", "monitor")  # in order of preference

_SERVER = "_Server"

Wanted = Mapping[str, Collection[str]]  # the columns to monitor, by table
# Which rows to monitor, by table: what RFC 7047 has as "where", in which values may be Python's; or True, or False.
Conditions = Mapping[str, Json]


class Mismatch(Conflict):
    """The server's schema is not what the owner of a replica needs."""


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


class Index:
    """The rows of a table by what some of their columns hold, kept up to date row by row."""

    __slots__ = ("_rows", "columns")

    def __init__(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self.columns = columns
        self._rows: dict[Hashable, dict[Row, None]] = {}
        for row in rows:
            self.add(row)

    def get(self, values: Mapping[str, Json]) -> list[Row]:
        """The rows whose columns hold `values`, which names all of them."""
        return list(self._rows.get(self._key(values), ()))

    def add(self, row: Row) -> None:
        """Take in a row, under the values that it has now."""
        self._rows.setdefault(self._key(row), {})[row] = None

    def remove(self, row: Row) -> None:
        """Forget a row, which still has the values that it was added with."""
        key = self._key(row)
        rows = self._rows[key]
        del rows[row]
        if not rows:
            del self._rows[key]

    def _key(self, row: Row | Mapping[str, Json]) -> Hashable:
        values = [row[name] for name in self.columns]
        return tuple([tuple(value.items()) if isinstance(value, dict) else value for value in values])


class Replica:
    """A copy of what `wanted` selects from `database`; of tables in `conditions`, the rows that meet those."""

    def __init__(
        self,
        database: str,
        wanted: Wanted | Callable[[Layout], Wanted],
        *,
        conditions: Conditions | None = None,
        lock: str = "",
        aware: bool = False,
        leader_only: bool | None = None,
    ) -> None:
        """`leader_only`, for clusters: whether to refuse servers other than the leader; None takes any server as it is."""
        self.database = database
        self.layout: Layout | None = None
        self.rows: dict[str, dict[str, Row]] = {}  # by table, by UUID
        self.is_synchronized = False  # whether `rows` is the database's state, as far as the server has told
        self.lock = lock
        self.has_lock = False
        self.objection = ""  # why this server will not do
        self.serial = 0  # grows with all that becomes different
        self.outcomes: dict[int, Json] = {}  # replies to transact(), until their owner takes them
        self.wanted = wanted
        self._conditions = dict(conditions or {})
        self._conditions_asked: dict[str, Json] = {}  # of this server
        self._n_conditions_sent = 0  # that the server has not confirmed yet
        self._membership = None if leader_only is None else Membership(database, leader_only=leader_only)
        self._aware = aware  # whether to be told of schema changes, instead of being cut off
        self._columns: dict[str, list[str]] = {}
        self._method = _METHODS[0]
        self._last_id = ZERO_ID  # of the latest transaction that `rows` reflects
        self._n_calls = 0
        self._waiting: dict[int, Callable[[Json, Json], None]] = {}  # by the id of the request
        self._own: set[int] = set()  # of those, the requests of which nobody but the replica knows
        self._outgoing: list[Json] = []
        self._changes: list[Change] | None = None  # since the last call of changes(); None before the first
        self._indexes: dict[str, dict[tuple[str, ...], Index]] = {}  # by table, by columns

    # --- the conversation ---

    def connected(self) -> None:
        """A new connection is up: begin the conversation anew.  What was asked while there was none is answered so."""
        self.disconnected()
        self.objection = ""
        if self._aware:
            self._ask("set_db_change_aware", [True], _ignore)
        if self._membership:
            requests = self._membership.requests()
            self._ask("monitor_cond", [_SERVER, [_SERVER], requests], self._on_membership)
        else:
            self._begin()

    def disconnected(self) -> None:
        """The connection is gone; `rows` stay as they were."""
        self.is_synchronized = self.has_lock = False
        if self._n_conditions_sent:  # who knows which condition the rows that we have meet
            self._n_conditions_sent = 0
            self._last_id = ZERO_ID
        waiting, self._waiting = self._waiting, {}
        for number, on_reply in waiting.items():
            if number not in self._own:
                on_reply(None, {"error": "disconnected"})
        self._own.clear()
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

    def _ask(self, method: str, params: Sequence[Json], on_reply: Callable[[Json, Json], None]) -> None:
        """As call(), for the replica itself: if the connection is lost, there is nobody to be told."""
        self._own.add(self.call(method, params, on_reply))

    def transact(self, operations: Sequence[Json]) -> int:
        """Send a transaction; its reply will be in `outcomes` under the number returned."""

        def keep(result: Json, error: Json) -> None:
            self.outcomes[number] = [error] if result is None else result

        number = self.call("transact", [self.database, *operations], keep)
        return number

    def set_condition(self, table: str, condition: Json) -> None:
        """From now on monitor the rows of `table` that meet `condition`; `is_settled` tells when it has come true."""
        self._conditions[table] = condition
        if self.is_synchronized:
            self._send_conditions()

    def is_conditional(self, table: str) -> bool:
        """Whether the server may have rows of `table` that the replica was not to have."""
        return table in self._conditions

    @property
    def is_settled(self) -> bool:
        """Whether `rows` are those of the conditions last set."""
        return self.is_synchronized and not self._n_conditions_sent

    def _receive(self, message: Json) -> None:
        method = message.get("method")
        if method is None:
            on_reply = self._waiting.pop(message["id"], _ignore)
            self._own.discard(message["id"])
            on_reply(message["result"], message.get("error"))
        elif method == "echo":
            self._outgoing.append({"error": None, "id": message["id"], "result": message["params"]})
        else:
            self._notified(method, message["params"])

    def _notified(self, method: str, params: list[Json]) -> None:
        match method, params:
            case "update2", [[name], updates] if name == _SERVER and self._membership:
                self._membership.update(updates)
                self.objection = self._membership.objection()
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
            case "locked" | "stolen", [name] if name == self.lock:
                self.has_lock = method == "locked"
            case _:
                pass

    def _on_membership(self, result: Json, error: Json) -> None:
        """The server has described itself, or is so old that it cannot."""
        if error is None and self._membership:
            self._membership.begin(result)
            self.objection = self._membership.objection()
        if not self.objection:
            self._begin()

    def _begin(self) -> None:
        self._ask_schema()
        if self.lock:
            self._ask("lock", [self.lock], self._on_lock)

    def _ask_schema(self) -> None:
        self._ask("get_schema", [self.database], self._on_schema)

    def _on_lock(self, result: Json, error: Json) -> None:
        self.has_lock = error is None and bool(result.get("locked"))

    def _on_schema(self, result: Json, error: Json) -> None:
        if error is not None:
            raise WireError(_error_text(error))
        self.layout = Layout(result)
        wanted = self.wanted(self.layout) if callable(self.wanted) else self.wanted
        tables = self.layout.tables
        self._columns = {
            name: [column for column in columns if column in tables[name]]
            for name, columns in wanted.items()
            if name in tables
        }
        self._ask_monitor()

    def _ask_monitor(self) -> None:
        requests: dict[str, Json] = {table: [{"columns": it}] for table, it in self._columns.items()}
        self._conditions_asked = dict(self._conditions)
        if self._method != "monitor":  # which takes no conditions: then the replica has more than was wanted
            for table, condition in self._conditions.items():
                if table in requests:
                    requests[table][0]["where"] = self._where(table, condition)
        more = [self._last_id] if self._method == "monitor_cond_since" else []
        self._ask(self._method, [self.database, [self.database], requests, *more], self._on_monitor)

    def _where(self, table: str, condition: Json) -> Json:
        """A condition as the server wants it; raises Mismatch if it is about columns that are not there."""
        assert self.layout is not None
        columns = self.layout.tables[table]
        if isinstance(condition, bool):
            return condition
        clauses = [clause for clause in condition if not isinstance(clause, bool)]
        if unknown := [name for name, _, _ in clauses if name != "_uuid" and name not in columns]:
            raise Mismatch(f"a condition is on a column {unknown[0]} of {table}, but there is none")
        return [
            clause
            if isinstance(clause, bool)
            else [clause[0], clause[1], columns[clause[0]].clause_json(clause[2])]
            for clause in condition
        ]

    def _on_monitor(self, result: Json, error: Json) -> None:
        if error is not None:
            if self._method == _METHODS[-1] or _error_tag(error) != "unknown method":
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
        self.serial += 1
        self._send_conditions()

    def _send_conditions(self) -> None:
        """Tell the server the conditions that it does not know yet."""
        name = [self.database]
        for table, condition in self._conditions.items():
            if self._conditions_asked.get(table, True) != condition and self._method != "monitor":
                self._n_conditions_sent += 1
                self._conditions_asked[table] = condition
                change = {table: [{"where": self._where(table, condition)}]}
                self._ask("monitor_cond_change", [name, name, change], self._on_condition)

    def _on_condition(self, result: Json, error: Json) -> None:
        if error is not None:
            raise WireError(_error_text(error))
        self._n_conditions_sent -= 1

    # --- rows ---

    def table(self, name: str) -> dict[str, Row]:
        """The rows of a table by UUID; none if the server has no such table."""
        return self.rows.get(name, {})

    def has_column(self, table: str, column: str) -> bool:
        """Whether the rows of `table` have that column here."""
        return column == "_uuid" or column in self._columns.get(table, ())

    def find(self, table: str, /, **values: Json) -> list[Row]:
        """The rows of `table` whose columns hold `values`.  Scans the first time only."""
        columns = tuple(sorted(values))
        indexes = self._indexes.setdefault(table, {})
        if columns not in indexes:
            indexes[columns] = Index(columns, self.table(table).values())
        return indexes[columns].get(values)

    @property
    def has_changes(self) -> bool:
        """Whether changes() would tell anything."""
        return any(self.rows.values()) if self._changes is None else bool(self._changes)

    def changes(self) -> list[Change]:
        """What became different since the last call, in order; the first call tells of every row that there is.

        What nobody asks for is not kept: a replica that is only looked at does not grow.
        """
        changes = self._changes
        if changes is None:
            changes = [Change(row, None) for rows in self.rows.values() for row in rows.values()]
        self._changes = []
        return changes

    def _changed(self, row: Row, old: dict[str, Json] | None, *, gone: bool = False) -> None:
        if self._changes is not None:
            self._changes.append(Change(row, old, gone=gone))

    def _apply(self, updates: Json, apply: Callable[[Table, str, Json], None]) -> None:
        assert self.layout is not None
        self.serial += 1
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
        for index in self._indexes.get(table.name, {}).values():
            index.add(row)
        self._changed(row, None)

    def _modify(self, row: Row, new: dict[str, Json]) -> None:
        old = {name: row[name] for name, value in new.items() if row[name] != value}
        if old:
            indexes = self._indexes.get(row.table, {}).values()
            touched = [index for index in indexes if not old.keys().isdisjoint(index.columns)]
            for index in touched:
                index.remove(row)
            row.__dict__.update((name, new[name]) for name in old)
            for index in touched:
                index.add(row)
            self._changed(row, old)

    def _delete(self, table: str, uuid: str) -> None:
        row = self.rows[table].pop(uuid, None)
        if row is not None:
            for index in self._indexes.get(table, {}).values():
                index.remove(row)
            self._changed(row, {name: row[name] for name in self._columns[table]}, gone=True)


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


def _error_tag(error: Json) -> str:
    """The name of a JSON-RPC error."""
    return str(error.get("error") if isinstance(error, dict) else error)


def _error_text(error: Json) -> str:
    """What a JSON-RPC error says to people."""
    if isinstance(error, dict):
        return str(error.get("details") or error.get("error"))
    return str(error)
