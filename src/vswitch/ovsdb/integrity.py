"""What must hold at the end of a transaction, and how it is brought about.

In this order, because it is the order in which a client sees the errors:

1. A strong reference points to a row that exists, and a row that others refer to strongly is not deleted.
2. Rows of tables that are not roots, to which nothing refers strongly any more, are collected; and so those to which
   only they referred.
3. No table has more than its maximum of rows.
4. Weak references to rows that are gone (or never were) are dropped; a column that may not become empty forbids it.
5. The indexes stay unique.

Only the changed rows, the rows that they refer to, and the holders of weak references to deleted rows are looked at.

Sources: RFC 7047 3.2, 5.2; ovsdb(7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.condition import Row
from vswitch.ovsdb.database import Change, Commit, Reference, RowName
from vswitch.ovsdb.datum import Datum, datum_to_text, without_common_ends
from vswitch.ovsdb.errors import ConstraintViolation, ReferentialIntegrityViolation
from vswitch.ovsdb.transaction import Transaction, View


def plan(transaction: Transaction) -> Commit | None:
    """The commit that `transaction` amounts to, or None if it changes nothing; raises OvsdbError."""
    changes = transaction.changes()
    if not changes:
        return None
    check = IntegrityCheck(transaction)
    check.count_all(changes)
    check.refuse_dangling()
    check.collect_garbage()
    check.limit_rows()
    check.drop_weak()
    check.keep_indexes_unique()
    return Commit(
        transaction.id,
        transaction.changes() if check.has_changed else changes,
        {row: n for row, n in check.strong.items() if n} if check.strong else {},
        check.weak,
        "\n".join(transaction.comments),
        transaction.durable,
    )


def replayed(transaction: Transaction) -> Commit | None:
    """The commit that `transaction` amounts to if another server has checked it already; None if it changes nothing."""
    changes = transaction.changes()
    if not changes:
        return None
    count = IntegrityCheck(transaction, is_trusted=True)
    count.count_all(changes)
    return Commit(transaction.id, changes, {row: n for row, n in count.strong.items() if n}, count.weak)


class IntegrityCheck:
    """One transaction on its way to becoming a commit."""

    def __init__(self, transaction: Transaction, *, is_trusted: bool = False) -> None:
        self.transaction = transaction
        self._is_trusted = is_trusted  # references may point to what is not there: excluded tables, for one
        self.strong: dict[RowName, int] = defaultdict(int)  # changes to the number of references to a row
        self.weak: dict[RowName, dict[RowName, int]] = {}  # target -> holder -> change
        self.has_changed = False  # rows that the transaction did not, or otherwise
        self._orphans: list[RowName] = []  # rows that may have lost their last strong reference
        self._lost: list[RowName] = []  # deleted rows, whose holders of weak references have not been told

    def count_all(self, changes: Mapping[str, Mapping[Uuid, Change]]) -> None:
        """Count the references that rows gain and lose."""
        for name, rows in changes.items():
            table = self.transaction.database.tables[name]
            refers_to_nothing = not table.references and table.schema.is_root
            for uuid, (old, new) in rows.items():
                if new is None or not refers_to_nothing:
                    self.count(name, uuid, old, new)

    def count(self, name: str, uuid: Uuid, old: Row | None, new: Row | None) -> None:
        """Count the references that one row gains and loses."""
        view = self.transaction.view(name)
        for reference in view.table.references:
            number = reference.column.number
            before = old[number] if old is not None else ()
            after = new[number] if new is not None else ()
            if before is after or before == after:
                continue
            if reference.column.type.value is None:
                before, after = without_common_ends(before, after)
            self._count_strong(reference, name, uuid, before, after)
            self._count_weak(reference, (name, uuid), before, after)
        if new is None:
            self._lost.append((name, uuid))
        elif old is None and not view.table.schema.is_root:
            self._orphans.append((name, uuid))

    def _count_strong(self, reference: Reference, name: str, uuid: Uuid, before: Datum, after: Datum) -> None:
        for target in reference.strong(after):
            if target == (name, uuid):
                continue  # a row's references to itself do not keep it
            view = self.transaction.view(target[0])
            if target[1] not in view.table.rows and view.new.get(target[1]) is None and not self._is_trusted:
                raise ReferentialIntegrityViolation(
                    f"Table {name} column {reference.column.name} row {uuid} references nonexistent row {target[1]} "
                    f"in table {target[0]}."
                )
            self.strong[target] += 1
        for target in reference.strong(before):
            if target != (name, uuid):
                self.strong[target] -= 1
                self._orphans.append(target)

    def _count_weak(self, reference: Reference, holder: RowName, before: Datum, after: Datum) -> None:
        for difference, datum in ((1, after), (-1, before)):
            for target in reference.weak(datum):
                holders = self.weak.setdefault(target, {})
                holders[holder] = holders.get(holder, 0) + difference

    def _n_strong(self, row: RowName) -> int:
        return self.transaction.database.tables[row[0]].n_strong.get(row[1], 0) + self.strong.get(row, 0)

    def refuse_dangling(self) -> None:
        """Refuse to delete rows that others go on referring to."""
        for name, uuid in self._lost:
            if n := self._n_strong((name, uuid)):
                raise ReferentialIntegrityViolation(
                    f"cannot delete {name} row {uuid} because of {n} remaining reference(s)"
                )

    def collect_garbage(self) -> None:
        """Delete what nothing keeps."""
        while self._orphans:
            name, uuid = row = self._orphans.pop()
            view = self.transaction.view(name)
            if view.table.schema.is_root or self._n_strong(row):
                continue
            if (now := view.get(uuid)) is not None:
                self.has_changed = True
                view.put(uuid, None)
                self.count(name, uuid, now, None)

    def limit_rows(self) -> None:
        """Refuse tables with too many rows."""
        for name, view in self.transaction.views.items():
            limit = view.table.schema.max_rows
            if not view.new or len(view.table.rows) + len(view.new) <= limit:
                continue
            n_rows = sum(1 for _ in view.rows())
            if n_rows > limit:
                raise ConstraintViolation(
                    f'transaction causes "{name}" table to contain {n_rows} rows, greater than the '
                    f"schema-defined limit of {limit} row(s)"
                )

    def drop_weak(self) -> None:
        """Drop weak references to rows that are not there, from changed rows and from those that held them."""
        suspects = {}
        for name, view in self.transaction.views.items():
            if view.table.has_weak:
                suspects.update(dict.fromkeys([(name, uuid) for uuid in view.new], False))
        while suspects or self._lost:
            for name, uuid in self._lost:
                holders = self.transaction.database.tables[name].weak_holders.get(uuid, ())
                suspects.update(dict.fromkeys(holders, True))
            self._lost.clear()
            for (name, uuid), lost_a_target in suspects.items():
                self._drop_weak_of(name, uuid, lost_a_target)
            suspects.clear()
            self.collect_garbage()

    def _drop_weak_of(self, name: str, uuid: Uuid, lost_a_target: bool) -> None:
        """Clean one row: all its columns if a row that it referred to was deleted, else those that changed."""
        view = self.transaction.view(name)
        row = view.get(uuid)
        if row is None:
            return
        old = view.table.rows.get(uuid)
        cells = list(row)
        for reference in view.table.references:
            number = reference.column.number
            is_new = old is None or old[number] is not row[number]
            if (reference.weak_key or reference.weak_value) and (lost_a_target or is_new):
                cells[number] = self._without_lost(reference, name, uuid, row[number])
        if tuple(cells) != row:
            cells[1] = (self.transaction.id,)
            after = tuple(cells)
            self.has_changed = True
            view.put(uuid, after)
            self.count(name, uuid, row, after)

    def _without_lost(self, reference: Reference, name: str, uuid: Uuid, datum: Datum) -> Datum:
        """`datum` without the elements that refer to a row that is not there."""
        kept = tuple(element for element in datum if not self._is_lost(reference, element))
        if len(kept) == len(datum):
            return datum
        if len(kept) < reference.column.type.n_min:
            born = " (inserted within this transaction)" if uuid not in self._rows(name) else ""
            where = f'column "{reference.column.name}" in "{name}" row {uuid}{born}'
            if any(target[1] == ZERO_UUID for target in reference.weak(datum)):
                raise ConstraintViolation(
                    f"Weak reference {where} contained all-zeros UUID (probably as the default value for this column) "
                    "but deleting this value caused a constraint volation because this column is not allowed "  # codespell:ignore
                    "to be empty."
                )
            raise ConstraintViolation(
                f"Deletion of {len(datum) - len(kept)} weak reference(s) to deleted (or never-existing) rows from "
                f"{where} caused this column to become empty, but constraints on this column disallow an empty column."
            )
        return kept

    def _is_lost(self, reference: Reference, element: Datum) -> bool:
        return any(
            self.transaction.view(table).get(uuid) is None for table, uuid in reference.weak((element,))
        )

    def _rows(self, name: str) -> dict[Uuid, Row]:
        return self.transaction.database.tables[name].rows

    def keep_indexes_unique(self) -> None:
        """Refuse two rows with the same values in the columns of an index."""
        for view in list(self.transaction.views.values()):
            if view.new and view.table.indexes:
                for number in range(len(view.table.indexes)):
                    for first, second in duplicates(view, number):
                        raise ConstraintViolation(_describe_duplicate(view, number, first, second))


def duplicates(view: View, number: int) -> Iterator[tuple[Row, Row]]:
    """Pairs of rows with the same key in an index, of which the first was changed by the transaction."""
    table, seen = view.table, dict[tuple[Datum, ...], Row]()
    for uuid, row in view.new.items():
        if row is None:
            continue
        key = table.index_key(number, row)
        if (other := seen.get(key)) is not None:
            yield row, other
        seen[key] = row
        existing = table.indexes[number].get(key)
        if existing is not None and existing != uuid and existing not in view.new:
            yield row, table.rows[existing]


def _describe_duplicate(view: View, number: int, first: Row, second: Row) -> str:
    index = view.table.schema.indexes[number]
    names = _in_words([f'"{column.name}"' for column in index])
    return (
        f'Transaction causes multiple rows in "{view.table.schema.name}" table to have identical values '
        f"({_values(view, number, first)}) for index on column{'s' if len(index) > 1 else ''} {names}.  "
        f"First row, with UUID {first[0][0]}, {_past(view, number, first)}.  "
        f"Second row, with UUID {second[0][0]}, {_past(view, number, second)}."
    )


def _past(view: View, number: int, row: Row) -> str:
    uuid = row[0][0]
    if uuid not in view.new:
        return "existed in the database before this transaction and was not modified by the transaction"
    before = view.table.rows.get(uuid)
    if before is None:
        return "was inserted by this transaction"
    return f"had the following index values before the transaction: {_values(view, number, before)}"


def _values(view: View, number: int, row: Row) -> str:
    index = view.table.schema.indexes[number]
    return _in_words([datum_to_text(row[column.number], column.type) for column in index])


def _in_words(words: list[str]) -> str:
    """`a`, `a and b`, `a, b, and c`."""
    if len(words) < 3:
        return " and ".join(words)
    return ", ".join(words[:-1]) + ", and " + words[-1]
