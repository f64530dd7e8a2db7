"""A transaction under construction: what its owner wants to be different, and the operations that say so.

Reads go through the transaction and see its writes.  What it was decided on is protected by verify(): if such a
column has changed on the server meanwhile, the whole transaction fails with "timed out" and its owner starts over
from the newer state.  So two clients never undo each other's changes.

    transaction = Transaction(replica, new_uuid)
    port = transaction.insert("Port", name="p1", interfaces=(interface.uuid,))
    transaction.add(bridge, "ports", [port.uuid])
    number = replica.transact(transaction.operations())

Adding to a set and removing from it are sent as what they are (`mutate`), so that they need not be verified.

Sources: RFC 7047 4.1.3, 5.2; OVS lib/ovsdb-idl.c for the order of operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from vswitch.base.jsontype import Json
from vswitch.ovsdb.column import Column, Table, row_name
from vswitch.ovsdb.replica import Replica, Row

COMMITTED, UNCHANGED, TRY_AGAIN, FAILED = "committed", "unchanged", "try again", "failed"


class Outcome:
    """What became of a transaction: its status; the server's error if it failed; the inserted rows' UUIDs."""

    __slots__ = ("error", "status", "uuids")

    def __init__(self, status: str, error: Json = None, uuids: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.error = error
        self.uuids = uuids or {}  # by their provisional UUIDs


class _Edit:
    """What a transaction does to one column: `gone` to remove, then `items` to add; or, if `is_whole`, a new value."""

    __slots__ = ("gone", "is_whole", "items", "value")

    def __init__(self, value: Json) -> None:
        self.value = value  # as it will be
        self.is_whole = False
        self.items: list[Json] = []
        self.gone: list[Json] = []


class Transaction:
    """Changes to the rows of `replica`, which stays as it is until the server has agreed to them."""

    def __init__(self, replica: Replica, new_uuid: Callable[[], str]) -> None:
        assert replica.layout is not None
        self.replica = replica
        self.tables = replica.layout.tables
        self.new_uuid = new_uuid
        self.inserted: dict[str, Row] = {}  # by their provisional UUIDs
        self.uuids: dict[str, str] = {}  # the real UUIDs of inserted rows, once the server has answered
        self._kept: set[str] = set()  # of `inserted`, those whose UUIDs are not provisional
        self._deleted: dict[str, Row] = {}
        self.touched: set[tuple[str, str]] = (
            set()
        )  # (table, column) changed; (table, "") for rows that came or went
        self._edits: dict[Row, dict[str, _Edit]] = {}
        self._index: dict[tuple[str, str], dict[Json, list[Row]]] = {}  # rows by the value of a column
        self._verified: dict[Row, dict[str, None]] = {}
        self._absences: list[Json] = []  # operations that wait for rows not to be there
        self._mutations: list[tuple[Row, Json]] = []
        self._increments: list[tuple[Row, str]] = []
        self._comments: list[str] = []
        self._increment_at = -1  # where in the operations, and so in the reply, the first increment is
        self._insert_at: dict[int, str] = {}
        self.increments: list[int] = []  # the columns' values after increment(), once the server has answered
        self.is_dry = False  # whether to send nothing, whatever there is

    # --- reading ---

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of `table` as they will be."""
        for uuid, row in self.replica.table(table).items():
            if uuid not in self._deleted:
                yield row
        yield from (row for row in self.inserted.values() if row.table == table)

    def row(self, table: str, uuid: str) -> Row | None:
        """The row of `table` with that UUID, unless it has been deleted here."""
        if uuid in self._deleted:
            return None
        row = self.inserted.get(uuid)
        return row if row is not None and row.table == table else self.replica.table(table).get(uuid)

    def get(self, row: Row, column: str) -> Json:
        """The value as it will be."""
        edit = self._edits.get(row, {}).get(column)
        return edit.value if edit else row[column]

    def having(self, table: str, column: str, value: Json) -> Sequence[Row]:
        """The rows of `table` in which `column`, which holds exactly one atom, will be `value`.

        A command that adds 1,000 ports and names each again takes as many look-ups, not 1,000 times 1,000.
        """
        index = self._index.get((table, column))
        if index is None:
            index = self._index[table, column] = {}
            for row in self.rows(table):
                index.setdefault(self.get(row, column), []).append(row)
        return index.get(value, ())

    def find(self, table: str, values: Mapping[str, Json]) -> list[Row]:
        """The rows of `table` in which all columns that `values` names will be so."""
        if any(touched == table for touched, _ in self.touched):
            wanted = values.items()
            return [row for row in self.rows(table) if all(self.get(row, name) == it for name, it in wanted)]
        return self.replica.find(table, **values)

    def column(self, row: Row, name: str) -> Column:
        """The type of a row's column."""
        return self.tables[row.table][name]

    # --- writing ---

    def insert(
        self, table: str, uuid: str | None = None, *, keeps_uuid: bool = False, **columns: Json
    ) -> Row:
        """A new row; columns not given have their defaults.

        Its UUID, `uuid` or a new one, is provisional; unless it `keeps_uuid`, which older servers cannot do.
        """
        schema = self.tables[table]
        row = Row(schema, uuid or self.new_uuid(), {name: schema[name].default for name in schema})
        self.inserted[row.uuid] = row
        if keeps_uuid:
            self._kept.add(row.uuid)
        self.touched.add((table, ""))
        for (indexed, name), index in self._index.items():
            if indexed == table:
                index.setdefault(row[name], []).append(row)
        for name, value in columns.items():
            self.set(row, name, value)
        return row

    def set(self, row: Row, column: str, value: Json) -> None:
        """Give a column a new value; nothing if it has it already."""
        edit = self._edit(row, column)
        index = self._index.get((row.table, column))
        if index and row in (found := index.get(edit.value, [])):
            found.remove(row)
            index.setdefault(value, []).append(row)
        edit.value, edit.is_whole = value, True

    def add(self, row: Row, column: str, items: Iterable[Json]) -> None:
        """Put `items` into a set, or pairs into a map; those that were there stay (in a map, with the old value)."""
        edit = self._edit(row, column)
        schema = self.column(row, column)
        old = schema.items(edit.value)
        keys = set(map(schema.key_of, old))
        # A set of exactly one takes no more, not even what it holds: the server says so.
        always = schema.n_min == schema.n_max == 1
        new = [item for item in items if always or schema.key_of(item) not in keys]
        edit.items += new
        edit.value = schema.value([*old, *new])

    def remove(self, row: Row, column: str, items: Iterable[Json]) -> None:
        """Take `items` out of a set; out of a map, take keys with whatever value."""
        edit = self._edit(row, column)
        schema = self.column(row, column)
        gone = set(items)
        old = schema.items(edit.value)
        edit.gone += [key for key in (schema.key_of(item) for item in old) if key in gone]
        edit.items = [item for item in edit.items if schema.key_of(item) not in gone]
        edit.value = schema.value(item for item in old if schema.key_of(item) not in gone)
        edit.is_whole |= schema.n_min == schema.n_max == 1 and not schema.is_map

    def put(self, row: Row, column: str, pairs: Iterable[tuple[Json, Json]]) -> None:
        """Put pairs into a map, replacing the values of keys that are there."""
        now = self.get(row, column)
        new = [(key, value) for key, value in pairs if key not in now or now[key] != value]
        self.remove(row, column, [key for key, _ in new])
        self.add(row, column, new)

    def delete(self, row: Row) -> None:
        """Delete the row; unless its table is a root, the server keeps it as long as other rows refer to it."""
        for (table, name), index in self._index.items():
            if table == row.table and row in (found := index.get(self.get(row, name), [])):
                found.remove(row)
        self.touched.add((row.table, ""))
        self._edits.pop(row, None)
        if self.inserted.pop(row.uuid, None) is None:
            self._deleted[row.uuid] = row

    def verify(self, row: Row, *columns: str) -> None:
        """Commit only if these columns are on the server what they are in the replica."""
        if row.uuid not in self.inserted:
            self._verified.setdefault(row, {}).update(dict.fromkeys(columns))

    def verify_none(self, table: str, values: Mapping[str, Json]) -> None:
        """Commit only if the server, too, has no row of `table` like that.

        Not if the replica was not to have all rows of the table: then it cannot be expected to know.
        """
        if not self.replica.is_conditional(table):
            schema = self.tables[table]
            where = [
                [name, "==", schema[name].to_json(value, self.inserted)] for name, value in values.items()
            ]
            wait = {"op": "wait", "table": table, "timeout": 0, "where": where, "until": "=="}
            self._absences.append(wait | {"columns": list(values), "rows": []})

    def mutate(self, row: Row, column: str, mutator: str, operand: Json) -> None:
        """Have the server compute a column's new value (RFC 7047 5.1, <mutation>); reads do not see it."""
        self._mutations.append((row, [column, mutator, operand]))

    def increment(self, row: Row, column: str) -> None:
        """Add one to a column, whatever it holds by then; `increments` tells what it became."""
        self._increments.append((row, column))

    def comment(self, text: str) -> None:
        """Write a line into the database's log, if the transaction changes anything."""
        self._comments.append(text)

    # --- as operations ---

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        edited = any(self._changed(row) for row in self._edits)
        return not (edited or self.inserted or self._mutations or self._doomed())

    def operations(self) -> list[Json]:
        """The operations of RFC 7047 that do all this; none if nothing would change."""
        if self.is_empty or self.is_dry:
            return []
        operations = self._guards()
        operations += [self._wait(row, columns) for row, columns in self._verified.items()]
        operations += [{"op": "delete", "table": row.table, "where": _is(row)} for row in self._doomed()]
        for row in self.inserted.values():
            self._insert_at[len(operations)] = row.uuid
            operations.append(self._insert(row))
        for row in self._edits:
            if row.uuid not in self.inserted:
                operations += self._alter(row)
        for row, mutation in self._mutations:
            about = {"table": row.table, "where": self._where(row)}
            operations.append(about | {"op": "mutate", "mutations": [mutation]})
        self._increment_at = len(operations)
        for row, column in self._increments:
            where = {"table": row.table, "where": self._where(row)}
            operations.append(where | {"op": "mutate", "mutations": [[column, "+=", 1]]})
            operations.append(where | {"op": "select", "columns": [column]})
        if self._comments:
            operations.append({"op": "comment", "comment": "\n".join(self._comments)})
        return operations

    def _guards(self) -> list[Json]:
        """The operations that must succeed before anything is changed."""
        lock = self.replica.lock
        guards: list[Json] = [{"op": "assert", "lock": lock}] if lock else []
        return guards + self._absences

    def finish(self, results: list[Json]) -> Outcome:
        """Understand the server's reply to operations()."""
        errors = [result for result in results if result is not None and "error" in result]
        hard = [error for error in errors if error["error"] not in ("timed out", "not owner", "aborted")]
        if hard:
            return Outcome(FAILED, hard[0])
        if errors:
            return Outcome(TRY_AGAIN, errors[0])
        self.uuids = {uuid: results[at]["uuid"][1] for at, uuid in self._insert_at.items()}
        for number, (_, column) in enumerate(self._increments):
            [row] = results[self._increment_at + 2 * number + 1]["rows"]
            self.increments.append(row[column])
        return Outcome(COMMITTED, uuids=self.uuids)

    def _doomed(self) -> list[Row]:
        """The deleted rows that the server must be told of; the others go because nothing refers to them."""
        return [row for row in self._deleted.values() if self.tables[row.table].is_root]

    def _edit(self, row: Row, column: str) -> _Edit:
        self.touched.add((row.table, column))
        edits = self._edits.setdefault(row, {})
        if column not in edits:
            edits[column] = _Edit(row[column])
        return edits[column]

    def _changed(self, row: Row) -> dict[str, _Edit]:
        return {
            name: edit
            for name, edit in self._edits.get(row, {}).items()
            if edit.value != row[name] or (edit.items and not edit.is_whole)
        }

    def _where(self, row: Row) -> Json:
        if row.uuid in self.inserted:
            return [["_uuid", "==", ["named-uuid", row_name(row.uuid)]]]
        return _is(row)

    def _wait(self, row: Row, columns: Iterable[str]) -> Json:
        table = self.tables[row.table]
        names = list(columns)
        now = {name: table[name].to_json(row[name]) for name in names}
        wait = {"op": "wait", "table": row.table, "timeout": 0, "where": _is(row), "until": "=="}
        return wait | {"columns": names, "rows": [now]}

    def _insert(self, row: Row) -> Json:
        table = self.tables[row.table]
        values = {name: self._json(table, name, edit.value) for name, edit in self._changed(row).items()}
        insert = {"op": "insert", "table": row.table, "uuid-name": row_name(row.uuid), "row": values}
        return insert | {"uuid": row.uuid} if row.uuid in self._kept else insert

    def _alter(self, row: Row) -> list[Json]:
        table = self.tables[row.table]
        changed = self._changed(row)
        whole = {name: self._json(table, name, edit.value) for name, edit in changed.items() if edit.is_whole}
        mutations: list[Json] = []
        for name, edit in changed.items():
            if not edit.is_whole:
                for operator, items in (("delete", edit.gone), ("insert", edit.items)):
                    if items:
                        mutations.append([name, operator, self._operand(table[name], operator, items)])
        about = {"table": row.table, "where": _is(row)}
        operations: list[Json] = []
        if whole:
            operations.append(about | {"op": "update", "row": whole})
        if mutations:
            operations.append(about | {"op": "mutate", "mutations": mutations})
        return operations

    def _operand(self, column: Column, operator: str, items: list[Json]) -> Json:
        if column.is_map and operator == "delete":
            return ["set", [column.key.atom_json(key, self.inserted) for key in items]]
        if column.is_map:
            return column.items_json(items, self.inserted)
        return ["set", [column.key.atom_json(atom, self.inserted) for atom in items]]

    def _json(self, table: Table, column: str, value: Json) -> Json:
        return table[column].to_json(value, self.inserted)


def _is(row: Row) -> Json:
    return [["_uuid", "==", ["uuid", row.uuid]]]
