"""The transaction that undoes an earlier one, as long as nobody has built on what that did.

Columns of one value get their old value back, provided that they still hold what the transaction wrote.  Of sets and
maps only the elements that it added are taken out again, and those that it removed are put back; other elements may
have changed since.  Rows that it inserted are deleted, rows that it deleted come back under their old UUIDs.

The operations begin with `wait`s for the present values: if the database is another one by the time that they get
there, nothing happens.

Sources: RFC 7047 5.2; ovsdb-server(7) 5.2.1 for `uuid`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import Conflict
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.datum import Datum
from vswitch.ovsdb.history import Event, Labels, RowChange, Tables
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import ColumnSchema

COMPACTED = "compacting database"
# How the comment begins on a record that stands for all that was before it.
_WHOLES = (COMPACTED, "compacted by ", "converting database", "converted by ")


def revert(event: Event, present: Tables, labels: Labels, comment: str) -> list[Json]:
    """The operations that undo `event` in a database that is `present`; raises Conflict, naming all obstacles."""
    if event.number == 1 and event.comment.startswith(_WHOLES):
        raise Conflict(
            "transaction 1 is what the database held when it was compacted: not a change to be undone"
        )
    waits: list[Json] = []
    operations: list[Json] = []
    conflicts: list[str] = []
    for change in event.changes:
        row = present[change.schema.name].get(change.uuid)
        try:
            operations += _undo(change, row)
        except Conflict as conflict:
            conflicts.append(f"{change.schema.name} {labels.row(change.uuid)}: {conflict}")
        if row is not None:
            waits.append(_wait(change, row))
    if conflicts:
        raise Conflict(f"cannot undo transaction {event.number}:\n  " + "\n  ".join(conflicts))
    if not operations:
        raise Conflict(f"transaction {event.number} has left nothing to undo")
    return [*waits, *operations, {"op": "comment", "comment": comment}]


def _undo(change: RowChange, row: Row | None) -> Iterator[Json]:
    """The operation that undoes one row's change; `row` is what it holds by now."""
    about: dict[str, Json] = {"table": change.schema.name}
    if change.new is None:
        if row is not None:
            raise Conflict("exists again")
        written = {column.name: column.write(before) for column, before, _ in change.columns()}
        yield about | {"op": "insert", "uuid": change.uuid, "row": written}
        return
    if row is None:
        if change.old is None:
            return  # it has gone already
        raise Conflict("has been deleted since")
    about["where"] = [["_uuid", "==", ["uuid", change.uuid]]]
    if change.old is None:
        changed = RowChange(change.schema, change.uuid, change.new, row).columns()
        if names := [column.name for column, _, _ in changed if not column.ephemeral]:
            raise Conflict(f"has been changed since ({', '.join(names)})")
        yield about | {"op": "delete"}
        return
    restored = {
        column.name: column.write(_restored(column, before, after, row[column.number]))
        for column, before, after in change.columns()
    }
    if restored:
        yield about | {"op": "update", "row": restored}


def _restored(column: ColumnSchema, before: Datum, after: Datum, now: Datum) -> Datum:
    """What a column shall hold that was changed from `before` to `after`, and holds `now`."""
    if column.type.n_max == 1:
        if now != after:
            raise Conflict(f"{column.name} has been changed since")
        return before
    added, removed = set(after) - set(before), set(before) - set(after)
    rest = set(now) - added
    is_map = column.type.value is not None
    taken = {item[0] for item in rest} if is_map else rest
    if not added <= set(now) or any((item[0] if is_map else item) in taken for item in removed):
        raise Conflict(f"{column.name} has been changed since")
    return tuple(sorted(rest | removed))


def _wait(change: RowChange, row: Row) -> Json:
    """The operation that fails unless the columns of a change still hold what `row` has."""
    columns = [column for column, _, _ in change.columns() if not column.ephemeral]
    return {
        "op": "wait",
        "table": change.schema.name,
        "timeout": 0,
        "where": [["_uuid", "==", ["uuid", change.uuid]]],
        "columns": [column.name for column in columns],
        "until": "==",
        "rows": [{column.name: column.write(row[column.number]) for column in columns}],
    }
