"""Transactions: operations executed one after the other on a private view of a database.

A transaction reads the database through its own changes and writes nothing: execute() collects the rows that it would
put, plan() checks what must hold at the end (see integrity) and returns the `Commit` that brings it about.  Dropping
the transaction instead costs nothing.  So the cost is that of the rows touched, and a failed transaction leaves no trace.

Sources: RFC 7047 4.1.3, 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.condition import Row, Where
from vswitch.ovsdb.database import Change, Database, NewUuid, Table
from vswitch.ovsdb.datum import Datum, check_datum, json_writer
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.notation import Members
from vswitch.ovsdb.operation import (
    Abort,
    Assert,
    Cells,
    Comment,
    CommitOperation,
    Context,
    Delete,
    Insert,
    Mutate,
    Operation,
    Select,
    Update,
    Wait,
    operation_kind,
)
from vswitch.ovsdb.rbac import Rules
from vswitch.ovsdb.schema import N_IMPLICIT


class MustWait(Exception):  # noqa: N818 - not an error
    """A wait operation is not satisfied; try the transaction again when the database has changed."""

    def __init__(self, timeout: float | None) -> None:
        super().__init__()
        self.timeout = timeout  # seconds from when the transaction was first tried


class View:
    """One table as a transaction sees it: the database's rows with its own changes over them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.new: dict[Uuid, Row | None] = {}  # None: deleted
        self._own_indexes: dict[int, dict[tuple[Datum, ...], set[Uuid]]] = {}  # of `new`, made when needed

    def get(self, uuid: Uuid) -> Row | None:
        """The row with that `_uuid`."""
        return self.new[uuid] if uuid in self.new else self.table.rows.get(uuid)

    def put(self, uuid: Uuid, row: Row | None) -> None:
        """Insert, replace or, with None, delete a row."""
        for number, index in self._own_indexes.items():
            if before := self.new.get(uuid):
                index[self.table.index_key(number, before)].discard(uuid)
            if row is not None:
                index.setdefault(self.table.index_key(number, row), set()).add(uuid)
        self.new[uuid] = row

    def rows(self) -> Iterator[Row]:
        """Every row."""
        new = self.new
        if not new:
            yield from self.table.rows.values()
            return
        for uuid, row in self.table.rows.items():
            if uuid not in new:
                yield row
        for changed in new.values():
            if changed is not None:
                yield changed

    def select(self, where: Where) -> list[Row]:
        """The rows that meet `where`, found without a scan if it names a row or the columns of an index."""
        equal = where.equalities()
        candidates: Iterable[Row]
        if "_uuid" in equal:
            row = self.get(equal["_uuid"][0])
            candidates = () if row is None else (row,)
        elif found := self.table.find(equal):
            candidates = self._in_index(*found)
        elif not self.new:
            candidates = self.table.rows.values()
        else:
            candidates = self.rows()
        return where.sift(candidates)

    def _in_index(self, number: int, key: tuple[Datum, ...]) -> list[Row]:
        """The rows with that key: one of the database, if it is not changed here, and any number of our own."""
        rows = []
        uuid = self.table.indexes[number].get(key)
        if uuid is not None and uuid not in self.new:
            rows.append(self.table.rows[uuid])
        if self.new:
            rows += [row for each in self._own_index(number).get(key, ()) if (row := self.new[each])]
        return rows

    def _own_index(self, number: int) -> dict[tuple[Datum, ...], set[Uuid]]:
        index = self._own_indexes.get(number)
        if index is None:
            index = self._own_indexes[number] = {}
            for uuid, row in self.new.items():
                if row is not None:
                    index.setdefault(self.table.index_key(number, row), set()).add(uuid)
        return index

    def changes(self) -> dict[Uuid, Change]:
        """What differs from the database; a row that was put back as it was does not."""
        rows, changes = self.table.rows, {}
        for (
            uuid,
            new,
        ) in self.new.items():  # a comprehension takes longer to begin than most transactions to go round
            old = rows.get(uuid)
            if old is not new and (old is None or new is None or old[N_IMPLICIT:] != new[N_IMPLICIT:]):
                changes[uuid] = old, new
        return changes


class Transaction:
    """One client's operations on one database."""

    def __init__(
        self,
        database: Database,
        new_uuid: NewUuid,
        *,
        locks: Collection[str] = (),
        forbidden: str = "",
        rules: Rules | None = None,
        elapsed: float = 0.0,
    ) -> None:
        self.database = database
        self.id = new_uuid()
        self.locks = locks  # that the client holds
        self.forbidden = forbidden  # why nothing may be changed, if it may not
        self.rules = rules  # what the client may do; None: everything
        self.elapsed = elapsed  # seconds since it was first tried, for wait
        self.durable = False
        self.comments: list[str] = []
        self.views: dict[str, View] = {}
        # Of the views, and not of the transaction: that would refer to itself, and wait for the collector.
        self.context = Context(database.schema, new_uuid, partial(_is_taken, database, self.views))

    def view(self, table: str) -> View:
        """The table as the transaction sees it."""
        view = self.views.get(table)
        if view is None:
            view = self.views[table] = View(self.database.tables[table])
        return view

    def execute(self, operations: list[Json]) -> tuple[list[Json], bool]:
        """The result of each operation, and whether all succeeded.

        The first that fails has its error in its place, and null stands for those after it.  Raises MustWait.
        """
        results: list[Json] = []
        for number, json in enumerate(operations, 1):
            try:
                members = Members(json, f"ovsdb operation {number} of {len(operations)}")
                kind = operation_kind(members)
                if self.forbidden and kind.changes:
                    raise OvsdbError(f"{kind.op} operation not allowed {self.forbidden}", tag="not allowed")
                operation = kind.read(members, self.context)
                results.append(EXECUTORS[type(operation)](self, operation))
            except OvsdbError as error:
                results.append(error.to_json())
                results += [None] * (len(operations) - number)
                return results, False
        return results, True

    def changes(self) -> dict[str, dict[Uuid, Change]]:
        """What the transaction would change so far, by table."""
        found = {}
        for name, view in self.views.items():
            if changes := view.changes():
                found[name] = changes
        return found


def _is_taken(database: Database, views: Mapping[str, View], table: str, uuid: Uuid) -> bool:
    """Whether there was a row with that UUID before the transaction, or is one now."""
    view = views.get(table)
    return uuid in database.tables[table].rows or (view is not None and view.new.get(uuid) is not None)


Executor = Callable[[Transaction, Any], Json]
EXECUTORS: dict[type[Operation], Executor] = {}
E = TypeVar("E", bound=Executor)


def executes(kind: type[Operation]) -> Callable[[E], E]:
    """Declare what an operation does; the function returns its result."""

    def declare(function: E) -> E:
        EXECUTORS[kind] = function
        return function

    return declare


@executes(Insert)
def insert(transaction: Transaction, operation: Insert) -> Json:
    """Put a new row."""
    table, uuid = operation.table, operation.uuid
    view = transaction.view(table.name)
    for column in table.must_set:
        if column not in (named for named, _ in operation.row):
            check_datum(table.default_row[column.number], column.type)
    row = list(table.default_row)
    _fill(row, operation.row)
    row[0], row[1] = (uuid,), (transaction.id,)
    if transaction.rules:
        transaction.rules.check_insert(table, tuple(row))
    view.put(uuid, tuple(row))
    return {"uuid": ["uuid", uuid]}


@executes(Select)
def select(transaction: Transaction, operation: Select) -> Json:
    """Read rows; of rows that look the same, one."""
    writers = [(column.name, json_writer(column.type)) for column in operation.columns]
    numbers = [column.number for column in operation.columns]
    rows = transaction.view(operation.table.name).select(operation.where)
    distinct = dict.fromkeys(tuple(row[number] for number in numbers) for row in rows)
    return {
        "rows": [
            {name: write(datum) for (name, write), datum in zip(writers, row, strict=True)}
            for row in distinct
        ]
    }


@executes(Update)
def update(transaction: Transaction, operation: Update) -> Json:
    """Overwrite columns."""
    view = transaction.view(operation.table.name)
    rows = view.select(operation.where)
    if transaction.rules:
        transaction.rules.check_update(operation.table, rows, [column.name for column, _ in operation.row])
    for before in rows:
        row = list(before)
        _fill(row, operation.row)
        row[1] = (transaction.id,)
        view.put(before[0][0], tuple(row))
    return {"count": len(rows)}


@executes(Mutate)
def mutate(transaction: Transaction, operation: Mutate) -> Json:
    """Change columns in place."""
    view = transaction.view(operation.table.name)
    rows = view.select(operation.where)
    if transaction.rules:
        columns = [mutation.column.name for mutation in operation.mutations]
        transaction.rules.check_mutate(operation.table, rows, columns)
    for before in rows:
        row = list(before)
        for mutation in operation.mutations:
            number = mutation.column.number
            row[number] = mutation.apply(row[number])
        row[1] = (transaction.id,)
        view.put(before[0][0], tuple(row))
    return {"count": len(rows)}


@executes(Delete)
def delete(transaction: Transaction, operation: Delete) -> Json:
    """Remove rows."""
    view = transaction.view(operation.table.name)
    rows = view.select(operation.where)
    if transaction.rules:
        transaction.rules.check_delete(operation.table, rows)
    for row in rows:
        view.put(row[0][0], None)
    return {"count": len(rows)}


@executes(Wait)
def wait(transaction: Transaction, operation: Wait) -> Json:
    """Go on, fail, or ask to be tried again."""
    numbers = [column.number for column in operation.columns]
    rows = transaction.view(operation.table.name).select(operation.where)
    actual = {tuple(row[number] for number in numbers) for row in rows}
    if (actual == operation.rows) is operation.equal:
        return {}
    if operation.timeout == 0:
        raise OvsdbError('"where" clause test failed', tag="timed out")
    if operation.timeout is not None and transaction.elapsed >= operation.timeout:
        milliseconds = int(transaction.elapsed * 1000)
        raise OvsdbError(f'"wait" timed out after {milliseconds} ms', tag="timed out")
    raise MustWait(operation.timeout)


@executes(CommitOperation)
def commit(transaction: Transaction, operation: CommitOperation) -> Json:
    """Remember whether the answer has to wait for the disk."""
    transaction.durable = transaction.durable or operation.durable
    return {}


@executes(Abort)
def abort(transaction: Transaction, operation: Abort) -> Json:
    """Fail."""
    raise OvsdbError("aborted by request", tag="aborted")


@executes(Comment)
def comment(transaction: Transaction, operation: Comment) -> Json:
    """Remember the remark for the journal."""
    transaction.comments.append(operation.comment)
    return {}


@executes(Assert)
def assert_(transaction: Transaction, operation: Assert) -> Json:
    """Fail unless the client holds the lock."""
    if operation.lock not in transaction.locks:
        raise OvsdbError(f"Asserted lock {operation.lock} not held.", tag="not owner")
    return {}


def _fill(row: list[Datum], cells: Cells) -> None:
    """Write `cells` into a row; those that nobody may choose are left alone."""
    for column, datum in cells:
        if column.number >= N_IMPLICIT:
            row[column.number] = datum
