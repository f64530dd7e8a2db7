"""A schema as Python: the classes that `classes.Classes` finds to be as the schema is.

Sources: RFC 7047 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword

from vswitch.ovsdb.classes import annotation
from vswitch.ovsdb.column import Column, Layout, Table
from vswitch.ovsdb.record import Record

_IMPORTED = {"Classes", "EMPTY", "Literal", "Record", "TABLES", "column"}
_TYPES = {"bool", "dict", "float", "int", "set", "str"}  # that annotations name
_DEFAULTS = {"integer": "0", "real": "0.0", "boolean": "False", "string": '""'}


def class_lines(layout: Layout) -> Iterator[str]:
    """A module that declares every column of every table."""
    bodies = [line for table in layout.tables.values() for line in _class(table, layout)]
    text = "\n".join(bodies)
    needed = {"EMPTY": "EMPTY" in text, "Record": True, "column": "= column(" in text}
    imports = [name for name, is_needed in needed.items() if is_needed]
    yield f'"""The tables of {layout.name}{f" {layout.version}" if layout.version else ""}."""'
    yield from ("", "from __future__ import annotations", "")
    if "Literal[" in text:
        yield from ("from typing import Literal", "")
    yield "from vswitch.ovsdb.classes import Classes"
    yield f"from vswitch.ovsdb.record import {', '.join(imports)}"
    yield from bodies
    yield from ("", "", "TABLES = Classes(")
    yield from (f"    {_class_name(table)}," for table in layout.tables)
    yield ")"


def _class(table: Table, layout: Layout) -> Iterator[str]:
    name = _class_name(table.name)
    option = "" if name == table.name else f', table="{table.name}"'
    yield from ("", "", f"class {name}(Record{option}):")
    keys = {column for index in table.indexes for column in index}
    for column in table.columns():
        yield f"    {_attribute(column, layout, is_key=column.name in keys)}"
    if not table.columns():
        yield "    pass"


def _attribute(column: Column, layout: Layout, *, is_key: bool) -> str:
    """The declaration of a column; one of an index has to be given to a new row."""
    taken = _TYPES | _IMPORTED | set(map(_class_name, layout.tables))
    name = column.name.lstrip("_")
    while name in taken or hasattr(Record, name) or iskeyword(name):
        name += "_"
    default = "" if is_key else _default(column)
    if name != column.name:
        words = [f'name="{column.name}"', *([f"default={default}"] if default else [])]
        default = f"column({', '.join(words)})"
    return f"{name}: {_renamed(column)}{f' = {default}' if default else ''}"


def _renamed(column: Column) -> str:
    """The type of a column, with the names of classes for those of tables."""
    text = annotation(column)
    for base in (column.key, column.map_value):
        if base is not None and base.ref_table is not None:
            text = text.replace(base.ref_table, _class_name(base.ref_table))
    return text


def _default(column: Column) -> str:
    """What a column holds unless something is said; nothing if the schema forbids just that."""
    if not column.is_single:
        return "EMPTY" if column.n_min == 0 else ""
    if column.n_min == 0:
        return "None"
    base = column.key
    is_bounded = base.enum is not None or base.low is not None or base.high is not None
    return "" if is_bounded else _DEFAULTS.get(base.kind, "")


def _class_name(table: str) -> str:
    is_free = table not in _IMPORTED and table not in _TYPES and not iskeyword(table)
    return table if is_free else f"{table}_"
