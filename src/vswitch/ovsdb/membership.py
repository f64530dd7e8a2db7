"""Which member of a cluster a client talks to, and whether that one will do.

Servers describe their databases in the table Database of the database `_Server`.  A client of a clustered database
stays away from a member that is cut off from the others, from one that is behind what the client has seen already,
and, if it wants to write without detours, from all but the leader.

Sources: ovsdb-server(5); ovsdb(7), "Clustered Database Service Model"; OVS lib/ovsdb-cs.c for what is refused.
"""

from __future__ import annotations

from vswitch.base.jsontype import Json
from vswitch.ovsdb.column import elements

COLUMNS = ["connected", "index", "leader", "model", "name"]


class Membership:
    """What a client asks of the servers of `database`, and what the present one says of itself."""

    def __init__(self, database: str, *, leader_only: bool) -> None:
        self.database = database
        self.leader_only = leader_only
        self._rows: dict[str, dict[str, Json]] = {}
        self._newest = 0  # the greatest index that any server has reported

    def requests(self) -> Json:
        """The <monitor-requests> for `_Server`."""
        return {"Database": [{"columns": COLUMNS}]}

    def begin(self, updates: Json) -> None:
        """Take the reply to the monitor request: a new server's whole description."""
        self._rows.clear()
        self.update(updates)

    def update(self, updates: Json) -> None:
        """Take changes of the description, in the form of update2."""
        for uuid, change in updates.get("Database", {}).items():
            if "delete" in change:
                self._rows.pop(uuid, None)
            else:
                for row in change.values():
                    self._rows.setdefault(uuid, {}).update(row)

    @property
    def is_known(self) -> bool:
        """Whether the server has the database."""
        return self._row() is not None

    def objection(self) -> str:
        """Why another server should be tried; nothing if this one will do.  Remembers how far it has come."""
        row = self._row()
        if row is None:
            return f"server does not have {self.database} database"
        if row.get("model") != "clustered":
            return ""
        [index] = elements(row.get("index", 0)) or [0]
        if not row.get("connected"):
            return "clustered database server is disconnected from cluster; trying another server"
        if self.leader_only and not row.get("leader"):
            return "clustered database server is not cluster leader; trying another server"
        if index < self._newest:
            return "clustered database server has stale data; trying another server"
        self._newest = index
        return ""

    def _row(self) -> dict[str, Json] | None:
        rows = self._rows.values()
        return next((row for row in rows if row.get("name") == self.database), None)
