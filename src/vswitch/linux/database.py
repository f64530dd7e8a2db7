"""A client of a database server for programs that do one thing after another: a replica, and transactions.

    with BlockingDatabase("unix:/run/openvswitch/db.sock", Replica("Open_vSwitch", {"Bridge": ["name"]})) as database:
        print([bridge.name for bridge in database.replica.table("Bridge").values()])

It sends and receives only while one of its methods waits; `aio.database` is the same for programs with an event loop.

Sources: ovsdb(7), "Clustered Database Service Model".
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from vswitch.base.jsontype import Json
from vswitch.linux.exchange import Exchange
from vswitch.linux.uuids import new_uuid
from vswitch.ovsdb.change import Outcome
from vswitch.ovsdb.commit import attempts
from vswitch.ovsdb.record import Record
from vswitch.ovsdb.rows import Changes, Contents, computing


class BlockingDatabase(Exchange):
    """A replica, connected to one of the servers of a database: as a context, from then on until its end."""

    def __enter__(self) -> BlockingDatabase:
        try:
            self.until(lambda: self.replica.is_synchronized)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def contents(self) -> Contents:
        """The replica's rows, as records."""
        return Contents(self.replica)

    def restrict(self, table: type[Record] | str, condition: Json) -> None:
        """Monitor the rows of `table` that meet `condition`, and no others; return when that has come true."""
        self.replica.set_condition(table if isinstance(table, str) else table.table_name(), condition)
        self.until(lambda: self.replica.is_settled)

    def refresh(self) -> None:
        """Bring the replica up to date: it reflects what anybody had committed before this call."""
        answered: list[bool] = []
        while not any(answered):
            self.until(lambda: self.replica.is_synchronized)
            answered.clear()
            self.replica.call("echo", [], lambda result, error: answered.append(error is None))
            self.until(lambda: bool(answered))

    def commit(self, function: Callable[[Changes], None]) -> Outcome:
        """Commit what `function` does to the `Changes` that it is given; it runs again if it lost a race.

        Raises Refused if the server will not have it.
        """
        return self.follow(attempts(self.replica, computing(function), new_uuid))
