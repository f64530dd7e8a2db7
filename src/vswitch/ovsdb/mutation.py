"""Mutations: changes to a column that depend on what it holds.

Sources: RFC 7047 5.1 (<mutation>, <mutator>).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from vswitch.base.dataclass import dataclass, replace
from vswitch.ovsdb.atom import Atom, AtomType
from vswitch.ovsdb.datum import (
    Datum,
    Resolve,
    datum_from_json,
    operand_from_json,
    with_atoms,
    without_atoms,
)
from vswitch.ovsdb.errors import ConstraintViolation, OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.jsontext import INT_MAX, INT_MIN, Json, Real
from vswitch.ovsdb.schema import ColumnSchema, TableSchema
from vswitch.ovsdb.types import UNLIMITED, BaseType, ColumnType


def _divide(a: Any, b: Any) -> Any:
    """Division as C does it: integers truncate toward zero."""
    if isinstance(a, float):
        return a / b
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    """What _divide() leaves; it has the sign of `a`."""
    return a - b * int(_divide(a, b))


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.add,
    "-=": operator.sub,
    "*=": operator.mul,
    "/=": _divide,
    "%=": _remainder,
}
_INFINITIES = (float("inf"), float("-inf"))


@dataclass(frozen=True, slots=True)
class Mutation:
    """`mutator` applied to `column` with `arg`."""

    column: ColumnSchema
    mutator: str
    arg: Datum
    by_key: bool = False  # "delete" from a map whatever the keys' values are: `arg` is a set of keys

    @classmethod
    def from_json(cls, json: Json, table: TableSchema, resolve: Resolve | None = None) -> Mutation:
        """A <mutation> on rows of `table`."""
        match json:
            case [str(name), str(mutator), arg]:
                pass
            case _:
                raise OvsdbSyntaxError("Parse error in mutation.", json)
        column = table.column(name)
        if column is None:
            raise OvsdbSyntaxError(f"No column {name} in table {table.name}.", json, tag="unknown column")
        if not column.mutable:
            raise OvsdbSyntaxError(
                f"Cannot mutate immutable column {name} in table {table.name}.",
                json,
                tag=ConstraintViolation.tag,
            )
        if mutator not in ARITHMETIC and mutator not in ("insert", "delete"):
            raise OvsdbError(f"No mutator named {mutator}.", tag="unknown mutator")
        if not _applies(mutator, column.type):
            raise OvsdbSyntaxError(
                f'Type mismatch: "{mutator}" operator may not be applied to column {name} '
                f"of type {column.type.in_english()}.",
                json,
            )
        if mutator in ARITHMETIC:
            # The constraints are on the result, not on the number that is added.
            scalar = ColumnType(BaseType(column.type.key.type))
            return cls(column, mutator, datum_from_json(arg, scalar, resolve))
        if mutator == "insert":
            return cls(column, mutator, operand_from_json(arg, column.type, resolve))
        type = replace(column.type, n_max=UNLIMITED)
        try:
            return cls(column, mutator, operand_from_json(arg, type, resolve))
        except OvsdbError:
            if not column.type.is_map:
                raise
        keys = ColumnType(column.type.key, None, 0, UNLIMITED)
        return cls(column, mutator, datum_from_json(arg, keys, resolve), by_key=True)

    def apply(self, datum: Datum) -> Datum:
        """What `datum` becomes; raises OvsdbError if the column may not hold that."""
        type = self.column.type
        if self.mutator in ARITHMETIC:
            return self._calculate(datum)
        if type.is_map:
            result = self._change_map(datum)
        elif self.mutator == "insert":
            result = with_atoms(datum, self.arg)
        else:
            result = without_atoms(datum, self.arg)
        if not type.n_min <= len(result) <= type.n_max:
            raise ConstraintViolation(f"Attempted to store {len(result)} elements in {type.in_english()}.")
        return result

    def _change_map(self, datum: Datum) -> Datum:
        pairs = dict(datum)
        if self.mutator == "insert":
            pairs = dict(self.arg) | pairs  # a key that is there keeps its value
        elif self.by_key:
            for key in self.arg:
                pairs.pop(key, None)
        else:
            for key, value in self.arg:
                if pairs.get(key, _ABSENT) == value:
                    del pairs[key]
        return tuple(sorted(pairs.items()))

    def _calculate(self, datum: Datum) -> Datum:
        base = self.column.type.key
        results = [self._calculate_atom(atom, base) for atom in datum]
        for result in results:
            base.check(result)
        if len(set(results)) != len(results):
            raise ConstraintViolation(f'Result of "{self.mutator}" operation contains duplicates.')
        return tuple(sorted(results))

    def _calculate_atom(self, atom: Atom, base: BaseType) -> Atom:
        try:
            result = ARITHMETIC[self.mutator](atom, self.arg[0])
        except ZeroDivisionError:
            raise OvsdbError("Division by zero.", tag="domain error") from None
        if base.type is AtomType.REAL:
            result = Real(result)
        if not (INT_MIN <= result <= INT_MAX if base.type is AtomType.INTEGER else result not in _INFINITIES):
            raise OvsdbError(f'Result of "{self.mutator}" operation is out of range.', tag="range error")
        number: Atom = result
        return number


def _applies(mutator: str, type: ColumnType) -> bool:
    if mutator in ("insert", "delete"):
        return type.is_map or type.is_set
    numeric = (AtomType.INTEGER,) if mutator == "%=" else (AtomType.INTEGER, AtomType.REAL)
    return type.key.type in numeric and not type.is_map


_ABSENT = object()
