"""Conditions: which rows an operation or a monitor means.

A condition tests one column of a row; `Where` is several of which all must hold, and finds its rows through `_uuid`
or an index where it can, so that only a search by other columns looks at every row.

Sources: RFC 7047 5.1 (<condition>, <function>); ovsdb(7) for booleans as conditions and for ordering optional columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from vswitch.base.dataclass import dataclass, field, replace
from vswitch.ovsdb.atom import AtomType
from vswitch.ovsdb.datum import Datum, Resolve, datum_from_json, datum_to_json, operand_from_json
from vswitch.ovsdb.errors import OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import UUID_COLUMN, ColumnSchema, TableSchema
from vswitch.ovsdb.types import UNLIMITED, ColumnType

Row: TypeAlias = tuple[Datum, ...]  # _uuid, _version, then the columns by number
Test: TypeAlias = Callable[[Datum], bool]


def _equal(arg: Datum, type: ColumnType) -> Test:
    return arg.__eq__


def _not_equal(arg: Datum, type: ColumnType) -> Test:
    return arg.__ne__


def _includes(arg: Datum, type: ColumnType) -> Test:
    return frozenset(arg).issubset


def _excludes(arg: Datum, type: ColumnType) -> Test:
    return frozenset(arg).isdisjoint


def _less(arg: Datum, type: ColumnType) -> Test:
    return lambda datum: bool(datum) and datum < arg


def _less_or_equal(arg: Datum, type: ColumnType) -> Test:
    return lambda datum: bool(datum) and datum <= arg


def _greater(arg: Datum, type: ColumnType) -> Test:
    return lambda datum: datum > arg


def _greater_or_equal(arg: Datum, type: ColumnType) -> Test:
    return lambda datum: datum >= arg


FUNCTIONS: dict[str, Callable[[Datum, ColumnType], Test]] = {
    "==": _equal,
    "!=": _not_equal,
    "includes": _includes,
    "excludes": _excludes,
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
}
_OF_SETS = {"includes", "excludes"}
_OF_ORDER = {"<", "<=", ">", ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one column of a row must satisfy; or, with the functions "true" and "false", nothing or the impossible."""

    column: ColumnSchema
    function: str
    arg: Datum
    test: Test = field(compare=False, repr=False)

    def holds(self, row: Row) -> bool:
        """Whether `row` satisfies it."""
        return self.test(row[self.column.number])

    @classmethod
    def from_json(cls, json: Json, table: TableSchema, resolve: Resolve | None = None) -> Condition:
        """A <condition> on rows of `table`."""
        match json:
            case bool():
                return cls(UUID_COLUMN, str(json).lower(), (), lambda _: json)
            case [str(name), str(function), arg]:
                pass
            case _:
                raise OvsdbSyntaxError("Parse error in condition.", json)
        column = table.column(name)
        if column is None:
            raise OvsdbSyntaxError(f"No column {name} in table {table.name}.", json, tag="unknown column")
        if function not in FUNCTIONS:
            raise OvsdbError(f"No function named {function}.", tag="unknown function")
        if function in _OF_ORDER and not _is_ordered(column.type):
            raise OvsdbSyntaxError(
                f'Type mismatch: "{function}" operator may not be applied to column {name} '
                f"of type {column.type.in_english()}.",
                json,
            )
        parse = operand_from_json if function in _OF_SETS else datum_from_json
        type = column.type
        if function in _OF_ORDER:
            type = replace(type, n_min=1)
        elif function == "excludes":
            type = replace(type, n_max=UNLIMITED)
        datum = parse(arg, type, resolve)
        return cls(column, function, datum, FUNCTIONS[function](datum, column.type))

    def to_json(self) -> Json:
        """The <condition>."""
        if self.function in ("true", "false"):
            return self.function == "true"
        return [self.column.name, self.function, datum_to_json(self.arg, self.column.type)]


def _is_ordered(type: ColumnType) -> bool:
    return type.key.type in (AtomType.INTEGER, AtomType.REAL) and type.n_max == 1 and type.value is None


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]

    @classmethod
    def from_json(cls, json: list[Json], table: TableSchema, resolve: Resolve | None = None) -> Where:
        """The value of a `where` member."""
        return cls(tuple(Condition.from_json(each, table, resolve) for each in json))

    def equalities(self) -> dict[str, Datum]:
        """The columns that must have exactly one value, and that value."""
        return {c.column.name: c.arg for c in self.conditions if c.function == "=="}

    def sift(self, rows: Iterable[Row]) -> list[Row]:
        """Those of `rows` for which every condition holds."""
        if not self.conditions:
            return list(rows)
        for condition in self.conditions:
            number, test = condition.column.number, condition.test
            rows = [row for row in rows if test(row[number])]
        return list(rows)
