"""The log of changes to tables, for those tables that tlog-set names: a line for each row that came, changed or went.

    table:A,op:updated,_uuid:…,_version:…,name:x,ports:[…]

Columns are in alphabetical order.  The line has the row as it now is, or for one that went, as it was.

Sources: ovsdb-server(1), ovsdb-server/tlog-set; the lines are those of Open vSwitch, whose columns are in no order.
"""

from __future__ import annotations

from vswitch.base.log import Logger
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.datum import datum_to_text
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.schema import TableSchema

log = Logger("transaction").limited(rate=60, burst=60)
IMPLICIT = ("_uuid", "_version")


class TableLog:
    """Which tables are logged, by (database, table)."""

    def __init__(self) -> None:
        self.tables: set[tuple[str, str]] = set()

    def switch(self, database: str, table: str, *, on: bool) -> None:
        """Log a table from now on, or no longer."""
        (self.tables.add if on else self.tables.discard)((database, table))

    def forget(self, database: str) -> None:
        """A database has gone."""
        self.tables = {each for each in self.tables if each[0] != database}

    def tell(self, host: Host, commit: Commit) -> None:
        """Log a commit's changes to the tables that are logged."""
        if not self.tables:
            return
        for table, changes in commit.changes.items():
            if (host.name, table) in self.tables:
                schema = host.database.tables[table].schema
                for old, new in changes.values():
                    event = "deleted" if new is None else "inserted" if old is None else "updated"
                    log.info("table:%s,op:%s,%s", table, event, _row_text(schema, new or old or ()))


def _row_text(schema: TableSchema, row: Row) -> str:
    columns = [column for name in (*IMPLICIT, *sorted(schema.columns)) if (column := schema.column(name))]
    return ",".join(f"{column.name}:{datum_to_text(row[column.number], column.type)}" for column in columns)
