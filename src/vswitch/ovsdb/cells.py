"""The columns of rows as Python writes them: sets and maps that write through, and values checked at once.

`RecordSet` and `RecordMap` do all that `set` and `dict` do, but are not of these types: CPython copies a subclass of
`set` without asking it (`set(it)`, `{…} | it`), and a transaction would not hear that it was looked into.

Sources: RFC 7047 5.1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSet
from typing import Any, TypeVar

from vswitch.base.errors import Conflict
from vswitch.base.jsontype import Json
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.column import Base, Column
from vswitch.ovsdb.replica import Row

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
Wrap = Callable[[str], Any]  # what stands for the row of that UUID: None if it is not here

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "real": (float, int),
    "boolean": (bool,),
    "string": (str,),
    "uuid": (str,),
}


class Cells(ABC):
    """How records reach the values of their rows: those of a replica, or those that a transaction will leave."""

    @property
    @abstractmethod
    def transaction(self) -> Transaction:
        """Where writes go; raises AttributeError where nothing can be written."""

    @abstractmethod
    def column(self, row: Row, name: str) -> Column:
        """The type of a row's column."""

    @abstractmethod
    def at(self, table: str, uuid: str) -> Row | None:
        """The row of `table` with that UUID, if it is here."""

    @abstractmethod
    def value(self, row: Row, name: str) -> Any:
        """What a column holds."""

    @abstractmethod
    def rely(self, row: Row, *names: str) -> None:
        """Note that somebody has looked into these columns."""

    @abstractmethod
    def atom(self, value: Any) -> Any:
        """`value`, or, if it is a row, its UUID; a row that is in no database stays what it is."""

    @abstractmethod
    def written(self, value: Any) -> Any:
        """As atom(), of what is about to be written: a row that is in no database is put into it."""


class _Cell:
    """One column of one row."""

    def __init__(self, cells: Cells, row: Row, column: Column, wrap: Wrap | None = None) -> None:
        self._cells = cells
        self._row = row
        self._column = column
        self._wrap = wrap

    def is_of(self, row: Row, column: Column) -> bool:
        """Whether this is that column of that row."""
        return self._row is row and self._column.name == column.name

    def _value(self) -> Any:
        self._cells.rely(self._row, self._column.name)
        return self._cells.value(self._row, self._column.name)

    def _remove(self, items: Iterable[Json]) -> None:
        self._cells.transaction.remove(self._row, self._column.name, items)

    def clear(self) -> None:
        """Leave nothing of it, whatever it holds."""
        self._cells.transaction.set(self._row, self._column.name, self._column.value([]))


class RecordSet(_Cell, MutableSet[T]):
    """A column that is a set.  To look into it is to rely on it; to add and discard is not."""

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:  # for `|`, `&` and the like
        return set(it)

    def __contains__(self, item: object) -> bool:
        return self._cells.atom(item) in self._value()

    def __iter__(self) -> Iterator[T]:
        value = self._value()
        if self._wrap is None:
            return iter(value)
        return (record for record in map(self._wrap, value) if record is not None)

    def __len__(self) -> int:
        return len(self._value()) if self._wrap is None else sum(1 for _ in self)

    def add(self, value: T) -> None:
        """Put `value` into the set."""
        atom = atom_of(self._column.key, value, self._cells.written)
        self._cells.transaction.add(self._row, self._column.name, [atom])

    def discard(self, value: T) -> None:
        """Take `value` out of the set."""
        self._remove([atom_of(self._column.key, value, self._cells.atom)])

    def update(self, *others: Iterable[T]) -> None:
        """Put the members of others into the set."""
        for other in others:
            for value in other:
                self.add(value)

    def difference_update(self, *others: Iterable[T]) -> None:
        """Take the members of others out of the set."""
        for other in others:
            for value in [*other]:
                self.discard(value)

    def intersection_update(self, *others: Iterable[T]) -> None:
        """Keep what is in all others."""
        self.difference_update(self.difference(self.intersection(*others)))

    def symmetric_difference_update(self, other: Iterable[T]) -> None:
        """Keep what is in one of both."""
        self ^= set(other)

    def copy(self) -> set[T]:
        """What it holds now, as a set of its own."""
        return set(self)

    def union(self, *others: Iterable[T]) -> set[T]:
        """What is in it or in others."""
        return set(self).union(*others)

    def intersection(self, *others: Iterable[T]) -> set[T]:
        """What is in it and in all others."""
        return set(self).intersection(*others)

    def difference(self, *others: Iterable[T]) -> set[T]:
        """What is in it but in no other."""
        return set(self).difference(*others)

    def symmetric_difference(self, other: Iterable[T]) -> set[T]:
        """What is in one of both."""
        return set(self).symmetric_difference(other)

    def issubset(self, other: Iterable[T]) -> bool:
        """Whether all of it is in `other`."""
        return set(self).issubset(other)

    def issuperset(self, other: Iterable[T]) -> bool:
        """Whether all of `other` is in it."""
        return set(self).issuperset(other)

    def __repr__(self) -> str:
        return repr(set(self._cells.value(self._row, self._column.name)))


class RecordMap(_Cell, MutableMapping[K, V]):
    """A column that is a map.  To look into it is to rely on it; to set and delete keys is not."""

    def __getitem__(self, key: K) -> V:
        value = self._value()[self._cells.atom(key)]
        result: V = value if self._wrap is None else self._wrap(value)
        if result is None:
            raise KeyError(key)
        return result

    def __iter__(self) -> Iterator[K]:
        value = self._value()
        return (
            iter(value)
            if self._wrap is None
            else (key for key in value if self._wrap(value[key]) is not None)
        )

    def __len__(self) -> int:
        return len(self._value()) if self._wrap is None else sum(1 for _ in self)

    def __setitem__(self, key: K, value: V) -> None:
        assert self._column.map_value is not None
        written = self._cells.written
        pair = (atom_of(self._column.key, key, written), atom_of(self._column.map_value, value, written))
        self._cells.transaction.put(self._row, self._column.name, [pair])

    def __delitem__(self, key: K) -> None:
        self._remove([atom_of(self._column.key, key, self._cells.atom)])

    def copy(self) -> dict[K, V]:
        """What it holds now, as a dict of its own."""
        return dict(self)

    def __or__(self, other: Mapping[K, V]) -> dict[K, V]:
        return dict(self) | dict(other)

    def __ror__(self, other: Mapping[K, V]) -> dict[K, V]:
        return dict(other) | dict(self)

    def __ior__(self, other: Mapping[K, V]) -> RecordMap[K, V]:
        self.update(other)
        return self

    def __reversed__(self) -> Iterator[K]:
        return reversed([*self])

    def __repr__(self) -> str:
        return repr(self._cells.value(self._row, self._column.name))


# --- Python's values as the database's ---


def value_of(column: Column, value: Any, plain: Callable[[Any], Any]) -> Json:
    """`value` as a value of `column`; raises TypeError for what is of another type, Conflict for what is forbidden.

    `plain` makes UUIDs of rows.
    """
    if column.map_value is not None:
        if not isinstance(value, Mapping):
            raise TypeError(f"column {column.name} is a map, not {value!r}")
        to = column.map_value
        pairs = [(atom_of(column.key, key, plain), atom_of(to, item, plain)) for key, item in value.items()]
        _check_number(column, len(pairs))
        return column.value(pairs)
    if column.is_single:
        if value is None and column.n_min == 0:
            return None
        return atom_of(column.key, value, plain)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"column {column.name} is a set, not {value!r}")
    items = {atom_of(column.key, item, plain) for item in value}
    _check_number(column, len(items))
    return column.value(items)


def atom_of(base: Base, value: Any, plain: Callable[[Any], Any]) -> Json:
    """`value` as an atom of `base`."""
    atom: Any = plain(value)
    if not isinstance(atom, _PYTHON[base.kind]) or isinstance(atom, bool) is not (base.kind == "boolean"):
        raise TypeError(f"{value!r} is not of type {base.kind}")
    base.check(atom, str(atom))
    result: Json = float(atom) if isinstance(atom, int) and base.kind == "real" else atom
    return result


def _check_number(column: Column, number: int) -> None:
    if not column.n_min <= number <= column.n_max:
        raise Conflict(f"column {column.name} holds {column.n_min} to {column.n_max} values, not {number}")
