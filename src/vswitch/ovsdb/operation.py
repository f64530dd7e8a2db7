"""The ten database operations, as values with the RFC's names.

operation_kind() and read() make them of JSON; what they do to a database is in transaction.  Members are read in the
order in which the peer reads them, so that of several mistakes the same one is told.

Sources: RFC 7047 5.2; ovsdb-server(7), "Transact" for "uuid" in insert and for "assert".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias, TypeVar

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.atom import Uuid, is_uuid
from vswitch.ovsdb.condition import Where
from vswitch.ovsdb.datum import Datum, Resolve
from vswitch.ovsdb.errors import ConstraintViolation, OvsdbSyntaxError
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.mutation import Mutation
from vswitch.ovsdb.notation import Members, is_id
from vswitch.ovsdb.schema import UUID_COLUMN, VERSION_COLUMN, ColumnSchema, Schema, TableSchema

Cells: TypeAlias = tuple[tuple[ColumnSchema, Datum], ...]  # some columns of a row and what they hold


class Context:
    """What reading the operations of one transaction needs besides their JSON: the schema, and the names of new rows.

    A name can be used before the insert that gives it to a row.
    """

    def __init__(
        self, schema: Schema, new_uuid: Callable[[], Uuid], is_taken: Callable[[str, Uuid], bool]
    ) -> None:
        self.schema = schema
        self.new_uuid = new_uuid
        self.is_taken = is_taken  # whether a table has, or had before the transaction, a row with that UUID
        self._uuids: dict[str, Uuid] = {}
        self._declared: set[str] = set()

    def resolve(self, name: str) -> Uuid:
        """The UUID of the row that has, or will have, this name."""
        if not is_id(name):
            raise OvsdbSyntaxError("named-uuid string is not a valid <id>", ["named-uuid", name])
        uuid = self._uuids.get(name)
        if uuid is None:
            uuid = self._uuids[name] = self.new_uuid()
        return uuid

    def declare(self, name: str | None, uuid: Uuid | None) -> Uuid:
        """The UUID for a new row, which may have a `name`, and for which the client may have chosen the UUID."""
        if name is None:
            return uuid or self.new_uuid()
        if name in self._declared:
            raise OvsdbSyntaxError(
                'This "uuid-name" appeared on an earlier "insert" operation.', name, tag="duplicate uuid-name"
            )
        self._declared.add(name)
        if uuid is not None:
            self._uuids[name] = uuid
        return self.resolve(name)


@dataclass(frozen=True, slots=True)
class Operation:
    """Base of all operations."""

    op: ClassVar[str] = ""
    changes: ClassVar[bool] = False  # the database: not allowed where it is read-only

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        """The operation that `members`, without "op", describe."""
        return cls()


Declared = TypeVar("Declared", bound=type[Operation])
OPERATIONS: dict[str, type[Operation]] = {}


def operation(op: str, *, changes: bool = False) -> Callable[[Declared], Declared]:
    """Declare an operation: its name on the wire."""

    def declare(cls: Declared) -> Declared:
        cls.op, cls.changes = op, changes
        OPERATIONS[op] = cls
        return cls

    return declare


def operation_kind(members: Members) -> type[Operation]:
    """The class of the operation that a JSON object describes; its read() makes the operation."""
    name = members.required("op", str)
    kind = OPERATIONS.get(name)
    if kind is None:
        raise members.error(f'No operation "{name}"')
    return kind


@operation("insert", changes=True)
@dataclass(frozen=True, slots=True)
class Insert(Operation):
    """Add a row to `table` (5.2.1)."""

    table: TableSchema
    row: Cells
    uuid: Uuid

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        table = _table(members, context)
        uuid = members.optional("uuid", str)
        uuid_name = members.optional("uuid-name", "id")
        row = members.required("row", dict)
        members.finish()
        if uuid is not None and not is_uuid(uuid):
            raise OvsdbSyntaxError("bad uuid", uuid)
        chosen = None if uuid is None else Uuid(uuid.lower())
        if chosen is not None and context.is_taken(table.name, chosen):
            raise OvsdbSyntaxError(
                "This UUID would duplicate a UUID already present within the table or deleted within the same "
                "transaction.",
                uuid,
                tag="duplicate uuid",
            )
        new = context.declare(uuid_name, chosen)
        return cls(table, cells_from_json(row, table, context.resolve), new)


@operation("select")
@dataclass(frozen=True, slots=True)
class Select(Operation):
    """Read `columns` of the rows of `table` that meet `where` (5.2.2)."""

    table: TableSchema
    where: Where
    columns: tuple[ColumnSchema, ...]

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        table = _table(members, context)
        where = members.required("where", list)
        columns = members.optional("columns", list)
        members.finish()
        return cls(table, Where.from_json(where, table, context.resolve), columns_from_json(columns, table))


@operation("update", changes=True)
@dataclass(frozen=True, slots=True)
class Update(Operation):
    """Overwrite some columns of the rows that meet `where` (5.2.3)."""

    table: TableSchema
    where: Where
    row: Cells

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        table = _table(members, context)
        where = members.required("where", list)
        row = members.required("row", dict)
        members.finish()
        cells = cells_from_json(row, table, context.resolve)
        for column, _ in cells:
            if not column.mutable:
                raise OvsdbSyntaxError(
                    f"Cannot update immutable column {column.name} in table {table.name}.",
                    members.json,
                    tag=ConstraintViolation.tag,
                )
        return cls(table, Where.from_json(where, table, context.resolve), cells)


@operation("mutate", changes=True)
@dataclass(frozen=True, slots=True)
class Mutate(Operation):
    """Apply `mutations`, in turn, to the rows that meet `where` (5.2.4)."""

    table: TableSchema
    where: Where
    mutations: tuple[Mutation, ...]

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        table = _table(members, context)
        where = members.required("where", list)
        mutations = members.required("mutations", list)
        members.finish()
        parsed = tuple(Mutation.from_json(each, table, context.resolve) for each in mutations)
        return cls(table, Where.from_json(where, table, context.resolve), parsed)


@operation("delete", changes=True)
@dataclass(frozen=True, slots=True)
class Delete(Operation):
    """Remove the rows that meet `where` (5.2.5)."""

    table: TableSchema
    where: Where

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        where = members.required("where", list)
        table = _table(members, context)
        members.finish()
        return cls(table, Where.from_json(where, table, context.resolve))


@operation("wait")
@dataclass(frozen=True, slots=True)
class Wait(Operation):
    """Go on only when `columns` of the rows that meet `where` are (or are not) `rows` (5.2.6)."""

    table: TableSchema
    where: Where
    columns: tuple[ColumnSchema, ...]
    equal: bool  # until: "==" or "!="
    rows: frozenset[tuple[Datum, ...]]  # `columns` of each
    timeout: float | None = None  # seconds; None: for ever

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        timeout = members.optional("timeout", int)
        where = members.required("where", list)
        columns_json = members.optional("columns", list)
        until = members.required("until", str)
        rows = members.required("rows", list)
        table = _table(members, context)
        members.finish()
        conditions = Where.from_json(where, table, context.resolve)
        columns = columns_from_json(columns_json, table)
        if timeout is not None and timeout < 0:
            raise OvsdbSyntaxError("timeout must be nonnegative", timeout)
        if until not in ("==", "!="):
            raise OvsdbSyntaxError('"until" must be "==" or "!="', until)
        wanted = []
        for row in rows:
            if not isinstance(row, dict):
                raise OvsdbSyntaxError("row must be JSON object", row)
            cells = {c.number: datum for c, datum in cells_from_json(row, table, context.resolve)}
            wanted.append(tuple(cells.get(c.number, table.default_row[c.number]) for c in columns))
        return cls(
            table,
            conditions,
            columns,
            until == "==",
            frozenset(wanted),
            None if timeout is None else timeout / 1000,
        )


@operation("commit", changes=True)
@dataclass(frozen=True, slots=True)
class CommitOperation(Operation):
    """With `durable`, answer only when the transaction is safe on disk (5.2.7)."""

    durable: bool

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        durable = members.required("durable", bool)
        members.finish()
        return cls(durable)


@operation("abort")
@dataclass(frozen=True, slots=True)
class Abort(Operation):
    """Fail, and so undo what went before (5.2.8)."""

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        members.finish()
        return cls()


@operation("comment")
@dataclass(frozen=True, slots=True)
class Comment(Operation):
    """Put a remark into the journal (5.2.9)."""

    comment: str

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        comment = members.required("comment", str)
        members.finish()
        return cls(comment)


@operation("assert")
@dataclass(frozen=True, slots=True)
class Assert(Operation):
    """Fail unless the client holds `lock` (5.2.10)."""

    lock: str

    @classmethod
    def read(cls, members: Members, context: Context) -> Operation:
        lock = members.required("lock", "id")
        members.finish()
        return cls(lock)


def _table(members: Members, context: Context) -> TableSchema:
    """The table that the member "table" names."""
    name = members.required("table", "id")
    table = context.schema.tables.get(name)
    if table is None:
        raise members.error(f"No table named {name}.")
    return table


def cells_from_json(json: dict[str, Json], table: TableSchema, resolve: Resolve | None) -> Cells:
    """A <row>: some columns of `table` and what they hold."""
    cells = []
    known = table.columns.get
    for name, value in json.items():
        column = known(name) or table.column(name)
        if column is None:
            raise OvsdbSyntaxError(f"No column {name} in table {table.name}.", json, tag="unknown column")
        cells.append((column, column.read(value, resolve)))
    return tuple(cells)


def columns_from_json(json: list[Json] | None, table: TableSchema) -> tuple[ColumnSchema, ...]:
    """The columns named; all of them if none are."""
    if json is None:
        return (UUID_COLUMN, VERSION_COLUMN, *table.columns.values())
    if not all(isinstance(name, str) for name in json) or len(set(json)) != len(json):
        raise OvsdbSyntaxError("array of distinct column names expected", json)
    columns = []
    for name in json:
        column = table.column(name)
        if column is None:
            raise OvsdbSyntaxError(f"{name} is not a valid column name", json)
        columns.append(column)
    return tuple(columns)
