"""`db:DB,TABLE,COLUMN`: options whose value is in a database.

Sources: ovsdb-server(1), --remote, "Public Key Infrastructure Options".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.ovsdb.atom import Atom, AtomType
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.schema import ColumnSchema, TableSchema
from vswitch.ovsdb.server import Server

_NAME = re.compile(r"db:([^,]+),([^,]+),([^,]+)")


@dataclass(frozen=True, slots=True)
class DatabaseColumn:
    """A column of strings, or of references to rows."""

    host: Host
    table: TableSchema
    column: ColumnSchema

    @classmethod
    def parse(cls, server: Server, name: str, *, only_strings: bool = False) -> DatabaseColumn:
        """The column that `name` says; raises TextError."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise TextError(f'"{name}": invalid syntax')
        host = server.hosts.get(match[1])
        if host is None:
            raise TextError(f'"{name}": no database named {match[1]}')
        table = host.database.schema.tables.get(match[2])
        if table is None:
            raise TextError(f'"{name}": no table named {match[2]}')
        column = table.column(match[3])
        if column is None:
            raise TextError(f'"{name}": table "{match[2]}" has no column "{match[3]}"')
        key = column.type.key
        if only_strings and (column.type.is_map or key.type is not AtomType.STRING):
            raise TextError(
                f'"{name}": table "{match[2]}" column "{match[3]}" is not string or set of strings'
            )
        if column.type.is_map or not (key.type is AtomType.STRING or key.ref_table):
            raise TextError(
                f'"{name}": type of table "{match[2]}" column "{match[3]}" is not string or UUID referencing a table'
            )
        return cls(host, table, column)

    @classmethod
    def check(cls, server: Server, name: str, *, only_strings: bool = False) -> None:
        """Raise TextError if there is no such column, as far as that can be said: a cluster may not be there yet."""
        match = _NAME.fullmatch(name)
        host = server.hosts.get(match[1]) if match else None
        if host is None or host.service.is_ready:
            cls.parse(server, name, only_strings=only_strings)

    @classmethod
    def find(cls, server: Server, name: str) -> DatabaseColumn | None:
        """The same, or None: the database may come later."""
        try:
            return cls.parse(server, name)
        except TextError:
            return None

    def atoms(self) -> Iterator[Atom]:
        """What the column holds, row by row."""
        for row in self.host.database.tables[self.table.name].rows.values():
            yield from row[self.column.number]

    @property
    def tables(self) -> set[str]:
        """The tables that the value depends on."""
        return {self.table.name, self.column.type.key.ref_table or self.table.name}
