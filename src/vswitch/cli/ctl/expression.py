"""`COLUMN[:KEY]=VALUE`: what commands are told to look for and to set.

Sources: ovs-vsctl(8), "Database Commands", `find` for the operators.
"""

from __future__ import annotations

from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json
from vswitch.base.options import CommandError
from vswitch.cli.ctl.names import find_column
from vswitch.ovsdb.column import UNLIMITED, Column, Table
from vswitch.ovsdb.valuetext import Symbols, parse_atom, parse_token, parse_value

OPERATORS = ("=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<}", "{>}", "{<=}", "{>=}", "{in}", "{not-in}")


class Expression:
    """A parsed `COLUMN[:KEY][OPERATOR VALUE]`; `key` is None where none was given."""

    __slots__ = ("column", "key", "operator", "value")

    def __init__(self, column: Column, key: str | None, operator: str, value: str) -> None:
        self.column = column
        self.key = key
        self.operator = operator
        self.value = value


def parse_column(text: str, table: Table) -> tuple[Column, int]:
    """The column that `text` begins with, and where its name ends."""
    name, at = parse_token(text, 0)
    if not name:
        raise CommandError(f"{text}: missing column name")
    return find_column(table, name), at


def parse_expression(text: str, table: Table, operators: tuple[str, ...] = ()) -> Expression:
    """Parse `text`, which must have one of `operators` and a value, unless there are none to choose from."""
    column, at = parse_column(text, table)
    key = None
    if text[at : at + 1] == ":":
        key, at = parse_token(text, at + 1)
    if not operators:
        if at < len(text):
            raise CommandError(f'{text}: trailing garbage "{text[at:]}" in argument')
        return Expression(column, key, "", "")
    operator = max((each for each in operators if text.startswith(each, at)), key=len, default="")
    value = text[at + len(operator) :]
    if not operator or not value:
        raise CommandError(f"{text}: argument does not end in {_one_of(operators)} followed by a value.")
    return Expression(column, key, operator, value)


def _one_of(operators: tuple[str, ...]) -> str:
    quoted = [f'"{each}"' for each in operators]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f", or {quoted[-1]}"


def satisfies(expression: Expression, value: Json, symbols: Symbols) -> bool:
    """Whether a column's `value` is as the expression wants it."""
    column = expression.column
    if expression.key is None:
        wanted = parse_value(expression.value, column, symbols)
        return _compare(column.items(value), column.items(wanted), expression.operator)
    if column.map_value is None:
        raise CommandError(f"cannot specify key to check for non-map column {column.name}")
    key = parse_atom(expression.key, column.key, symbols)
    values = values_of(column)
    wanted = values.items(parse_value(expression.value, values, symbols))
    if key not in value and not expression.operator.startswith("{"):
        return False
    return _compare([value[key]] if key in value else [], wanted, expression.operator)


def values_of(column: Column) -> Column:
    """A column of sets of what the map `column` has as values."""
    assert column.map_value is not None
    return column.variant(key=column.map_value, map_value=None, n_min=0, n_max=UNLIMITED)


def _compare(a: list[Json], b: list[Json], operator: str) -> bool:
    match operator:
        case "=" | "{=}":
            return a == b
        case "!=" | "{!=}":
            return a != b
        case "<":
            return _rank(a) < _rank(b)
        case ">":
            return _rank(a) > _rank(b)
        case "<=":
            return _rank(a) <= _rank(b)
        case ">=":
            return _rank(a) >= _rank(b)
        case "{<}":
            return len(a) < len(b) and set(a) <= set(b)
        case "{>}":
            return len(a) > len(b) and set(a) >= set(b)
        case "{<=}" | "{in}":
            return set(a) <= set(b)
        case "{>=}":
            return set(a) >= set(b)
        case "{not-in}":
            return not set(a) & set(b)
        case _:
            raise TextError(f"unknown operator {operator}")


def _rank(items: list[Json]) -> tuple[int, list[Json], list[Json]]:
    """How two values compare: by size, then by keys, then by values."""
    if items and isinstance(items[0], tuple):
        return len(items), [key for key, _ in items], [value for _, value in items]
    return len(items), items, []
