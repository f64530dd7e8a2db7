"""Role-based access control: which rows a client may insert, change and delete.

A client has a role if the remote that it came through says so, and the database has rules if there is a table
RBAC_Role.  A role names, for each table that its clients may change at all, a row of permissions: in which columns a
client must find its own name for a row to be its own (`authorization`), whether it may insert and delete such rows,
and which columns of them it may change: whole columns, since Open vSwitch goes by single keys of maps nowhere.

Sources: ovsdb-server(7), 3.2 and 4.1.3; ovn-sb(5), RBAC_Role and RBAC_Permission.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Database, Table
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.schema import TableSchema
from vswitch.ovsdb.servicemodel import Access


def rules_for(database: Database, access: Access) -> Rules | None:
    """What binds a client, or None if nothing does."""
    if not access.role or "RBAC_Role" not in database.tables:
        return None
    return Rules(database, access)


class Rules:
    """What one client may do to one database."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database = database
        self._access = access

    def check_insert(self, table: TableSchema, row: Row) -> None:
        """Raise OvsdbError unless the client may insert `row`."""
        permission = self._permission(table)
        if permission is None or not permission.insert_delete or not permission.owns(row, self._access.id):
            raise self._denied(f'row insertion into table "{table.name}"')

    def check_delete(self, table: TableSchema, rows: Iterable[Row]) -> None:
        """Raise OvsdbError unless the client may delete these rows."""
        permission = self._permission(table)
        if permission is None or not all(
            permission.insert_delete and permission.owns(row, self._access.id) for row in rows
        ):
            raise self._denied(f'row deletion from table "{table.name}"')

    def check_update(self, table: TableSchema, rows: Iterable[Row], columns: Collection[str]) -> None:
        """Raise OvsdbError unless the client may overwrite `columns` of these rows."""
        if not self._may_change(table, rows, columns):
            raise self._denied(f'modification of table "{table.name}"')

    def check_mutate(self, table: TableSchema, rows: Iterable[Row], columns: Collection[str]) -> None:
        """Raise OvsdbError unless the client may mutate `columns` of these rows."""
        if not self._may_change(table, rows, columns):
            raise self._denied(f'mutate operation on table "{table.name}"')

    def _may_change(self, table: TableSchema, rows: Iterable[Row], columns: Collection[str]) -> bool:
        permission = self._permission(table)
        return permission is not None and all(
            permission.owns(row, self._access.id) and permission.update.issuperset(columns) for row in rows
        )

    def _denied(self, what: str) -> OvsdbError:
        return OvsdbError(
            f'RBAC rules for client "{self._access.id}" role "{self._access.role}" prohibit {what}.',
            tag="permission error",
        )

    def _permission(self, table: TableSchema) -> Permission | None:
        """What the role allows of one table."""
        if not self._access.id:
            return None
        roles = self._database.tables["RBAC_Role"]
        for role in roles.rows.values():
            if _cell(roles, role, "name") == (self._access.role,):
                uuid = dict(_cell(roles, role, "permissions")).get(table.name)
                return self._read_permission(roles, uuid, table)
        return None

    def _read_permission(self, roles: Table, uuid: Uuid | None, table: TableSchema) -> Permission | None:
        column = roles.schema.columns.get("permissions")
        target = column.type.value.ref_table if column is not None and column.type.value else None
        if uuid is None or target is None:
            return None
        permissions = self._database.tables[target]
        row = permissions.rows.get(uuid)
        if row is None:
            return None
        return Permission(
            table,
            _cell(permissions, row, "authorization"),
            _cell(permissions, row, "insert_delete") == (True,),
            frozenset(_cell(permissions, row, "update")),
        )


class Permission:
    """A row of permissions, for one table."""

    def __init__(
        self, table: TableSchema, authorization: Datum, insert_delete: bool, update: frozenset[str]
    ) -> None:
        self._table = table
        self._authorization = authorization
        self.insert_delete = insert_delete
        self.update = update

    def owns(self, row: Row, client: str) -> bool:
        """Whether `row` is the client's own: its name is where it should be, or need not be anywhere."""
        return any(not where or client in self._found(where, row) for where in self._authorization)

    def _found(self, where: str, row: Row) -> Collection[str]:
        """What `row` holds in COLUMN, or in COLUMN:KEY."""
        name, colon, key = where.partition(":")
        column = self._table.columns.get(name)
        if column is None:
            return ()
        datum = row[column.number]
        if not column.type.is_map:
            return datum
        value = dict(datum).get(key) if colon else None
        return () if value is None else (str(value),)


def _cell(table: Table, row: Row, name: str) -> Datum:
    column = table.schema.columns.get(name)
    return row[column.number] if column is not None else ()
