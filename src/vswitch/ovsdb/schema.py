"""Schemas: the tables of a database, their columns, and what must hold between rows.

`Schema.from_json` reads and `to_json` writes the peer's form: defaults left out, enums sorted.  A table's columns are
numbered, in the order of their names; a row is a tuple of datums in that order, after its `_uuid` and its `_version`.

Sources: RFC 7047 3.2; ovsdb(7), "Schema"; the cksum member is what ovsdb-tool(1) calls the schema's checksum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vswitch.base.dataclass import dataclass, field, replace
from vswitch.ovsdb.atom import ZERO_UUID, AtomType
from vswitch.ovsdb.datum import Datum, Reader, Writer, default_datum, is_valid, json_reader, json_writer
from vswitch.ovsdb.errors import OvsdbSyntaxError
from vswitch.ovsdb.jsontext import Json, decode
from vswitch.ovsdb.notation import Members, is_id
from vswitch.ovsdb.schemafiles import schema_path
from vswitch.ovsdb.types import UNLIMITED, BaseType, ColumnType

_SCHEMA_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """A column: its type, and whether it can change and is kept on disk."""

    name: str
    type: ColumnType
    mutable: bool = True
    ephemeral: bool = False
    number: int = -1  # its place in a row
    read: Reader = field(init=False, repr=False, compare=False)  # makes its datums from JSON
    write: Writer = field(init=False, repr=False, compare=False)  # and back

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", json_reader(self.type))
        object.__setattr__(self, "write", json_writer(self.type))

    @classmethod
    def from_json(cls, name: str, json: Json) -> ColumnSchema:
        """A <column-schema>."""
        members = Members(json, f"schema for column {name}")
        mutable = members.optional("mutable", bool)
        ephemeral = members.optional("ephemeral", bool)
        type = members.required("type", str, dict)
        members.finish()
        parsed = ColumnType.from_json(type)
        # Rows come and go, so what refers to them weakly has to be able to change (ovsdb-server(7), 3.2).
        mutable = mutable is not False or any(base.weak_ref for base in parsed.bases())
        return cls(name, parsed, mutable, ephemeral is True)

    def to_json(self) -> Json:
        """The <column-schema>, defaults left out."""
        json: dict[str, Json] = {"type": self.type.to_json()}
        if not self.mutable:
            json["mutable"] = False
        if self.ephemeral:
            json["ephemeral"] = True
        return json


_UUID_TYPE = ColumnType(BaseType(AtomType.UUID))
UUID_COLUMN = ColumnSchema("_uuid", _UUID_TYPE, mutable=False, number=0)
VERSION_COLUMN = ColumnSchema("_version", _UUID_TYPE, mutable=False, ephemeral=True, number=1)
N_IMPLICIT = 2  # columns that every table has: those two


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table: columns, sorted by name, and the constraints on its rows together."""

    name: str
    columns: Mapping[str, ColumnSchema]  # those that the schema names
    max_rows: int = UNLIMITED
    is_root: bool = True  # its rows stay even if nothing refers to them
    indexes: tuple[tuple[ColumnSchema, ...], ...] = ()
    default_row: tuple[Datum, ...] = field(default=(), repr=False, compare=False)
    must_set: tuple[ColumnSchema, ...] = ()  # columns whose default their own constraints forbid
    persistent: tuple[ColumnSchema, ...] = field(init=False, repr=False, compare=False)  # not ephemeral

    def __post_init__(self) -> None:
        kept = tuple(column for column in self.columns.values() if not column.ephemeral)
        object.__setattr__(self, "persistent", kept)

    def column(self, name: str) -> ColumnSchema | None:
        """The column of that name, `_uuid` and `_version` included."""
        return self.columns.get(name) or _IMPLICIT.get(name)

    @classmethod
    def from_json(cls, name: str, json: Json) -> TableSchema:
        """A <table-schema>."""
        members = Members(json, f"table schema for table {name}")
        columns_json = members.required("columns", dict)
        max_rows = members.optional("maxRows", int)
        is_root = members.optional("isRoot", bool)
        indexes = members.optional("indexes", list)
        members.finish()
        if max_rows is not None and max_rows <= 0:
            raise OvsdbSyntaxError("maxRows must be at least 1", json)
        if not columns_json:
            raise OvsdbSyntaxError("table must have at least one column", json)
        columns: dict[str, ColumnSchema] = {}
        for column_name in columns_json:
            _check_name(column_name, json, "column")
        for number, column_name in enumerate(sorted(columns_json), N_IMPLICIT):
            column = ColumnSchema.from_json(column_name, columns_json[column_name])
            columns[column_name] = ColumnSchema(
                column.name, column.type, column.mutable, column.ephemeral, number
            )
        return cls(
            name,
            columns,
            UNLIMITED if max_rows is None else min(max_rows, UNLIMITED),
            is_root is True,
            tuple(_index(index, columns, json) for index in indexes or ()),
            ((ZERO_UUID,), (ZERO_UUID,), *(default_datum(column.type) for column in columns.values())),
            tuple(
                column for column in columns.values() if not is_valid(default_datum(column.type), column.type)
            ),
        )

    def to_json(self, *, with_root: bool = True) -> Json:
        """The <table-schema>, defaults left out."""
        json: dict[str, Json] = {"columns": {name: column.to_json() for name, column in self.columns.items()}}
        if self.max_rows != UNLIMITED:
            json["maxRows"] = self.max_rows
        if with_root and self.is_root:
            json["isRoot"] = True
        if self.indexes:
            json["indexes"] = [[column.name for column in index] for index in self.indexes]
        return json


@dataclass(frozen=True, slots=True)
class Schema:
    """A database's schema."""

    name: str
    version: str
    tables: Mapping[str, TableSchema]
    cksum: str = ""

    @classmethod
    def from_json(cls, json: Json) -> Schema:
        """A <database-schema>; raises OvsdbError in the peer's words."""
        members = Members(json, "database schema")
        name = members.required("name", "id")
        version = members.optional("version", str)
        if version is not None and not _SCHEMA_VERSION.fullmatch(version):
            raise OvsdbSyntaxError(f'schema version "{version}" not in format x.y.z', json)
        cksum = members.optional("cksum", str)
        tables_json = members.required("tables", dict)
        members.finish()
        tables: dict[str, TableSchema] = {}
        for table_name in tables_json:
            _check_name(table_name, json, "table")
            tables[table_name] = TableSchema.from_json(table_name, tables_json[table_name])
        if not any(table.is_root for table in tables.values()):
            # Schemas from before isRoot: every table keeps its rows.
            tables = {name: _as_root(table) for name, table in tables.items()}
        _check_references(tables)
        tables = {name: _keep_what_holds_rows(table, tables) for name, table in sorted(tables.items())}
        return cls(name, version or "", tables, cksum or "")

    def to_json(self) -> Json:
        """The <database-schema>, as get_schema answers it."""
        every_table_is_root = all(table.is_root for table in self.tables.values())
        json: dict[str, Json] = {
            "name": self.name,
            "tables": {
                name: table.to_json(with_root=not every_table_is_root) for name, table in self.tables.items()
            },
        }
        if self.version:
            json["version"] = self.version
        if self.cksum:
            json["cksum"] = self.cksum
        return json


_IMPLICIT = {column.name: column for column in (UUID_COLUMN, VERSION_COLUMN)}


def load(name: str) -> Schema:
    """A schema that comes with the product: "vswitch", "_server"."""
    with open(schema_path(name), "rb") as file:  # noqa: PTH123 - to import pathlib takes ovsdb-tool 8 ms
        return Schema.from_json(decode(file.read()))


def _check_name(name: str, json: Json, what: str) -> None:
    if name.startswith("_"):
        raise OvsdbSyntaxError('names beginning with "_" are reserved', json)
    if not is_id(name):
        raise OvsdbSyntaxError("name must be a valid id", json)


def _as_root(table: TableSchema) -> TableSchema:
    return replace(table, is_root=True)


def _check_references(tables: Mapping[str, TableSchema]) -> None:
    for table in tables.values():
        for column in table.columns.values():
            for base, what in zip(column.type.bases(), ("key", "value"), strict=False):
                if base.ref_table is not None and base.ref_table not in tables:
                    raise OvsdbSyntaxError(
                        f"column {column.name} {what} refers to undefined table {base.ref_table}"
                    )


def _keep_what_holds_rows(table: TableSchema, tables: Mapping[str, TableSchema]) -> TableSchema:
    """`table`, with those columns made persistent without which rows of other tables would be collected at restart."""

    def holds_rows(column: ColumnSchema) -> bool:
        return any(base.strong_ref and not tables[base.strong_ref].is_root for base in column.type.bases())

    columns = {
        name: replace(column, ephemeral=False) if column.ephemeral and holds_rows(column) else column
        for name, column in table.columns.items()
    }
    return replace(table, columns=columns)


def _index(json: Json, columns: Mapping[str, ColumnSchema], table: Json) -> tuple[ColumnSchema, ...]:
    if not isinstance(json, list):
        raise OvsdbSyntaxError("array of distinct column names expected", json)
    if not json:
        raise OvsdbSyntaxError("index must have at least one column", table)
    if not all(isinstance(name, str) for name in json) or len(set(json)) != len(json):
        raise OvsdbSyntaxError("array of distinct column names expected", json)
    found = []
    for name in json:
        column = columns.get(name) or _IMPLICIT.get(name)
        if column is None:
            raise OvsdbSyntaxError(f"{name} is not a valid column name", json)
        if column.ephemeral:
            raise OvsdbSyntaxError(f"ephemeral columns (such as {name}) may not be indexed", table)
        found.append(column)
    return tuple(found)
