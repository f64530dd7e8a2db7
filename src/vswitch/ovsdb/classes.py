"""Declared classes of rows, held against the schema of a server.

    TABLES = Classes(Root, Bridge, Port, Interface)
    replica = Replica("Open_vSwitch", TABLES)

The replica then monitors the columns that the classes declare, and no others.  If the server's are not what the
classes say, connecting raises `Mismatch`, which names them all.  A column is declared as

    str  int  float  bool       one atom; a UUID is a str
    Literal["a", "b"]           one of these: at least what the schema's `enum` allows
    Port                        a row of another class
    T | None                    one of these or none
    set[T]                      any number of them
    dict[K, V]                  a map, whose values may be rows; where keys are, they are a str

Annotations may be strings (`from __future__ import annotations`), and name any of the classes, in any order.

Sources: RFC 7047 3.2, <type>.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints

from vswitch.base.lightjson import encode
from vswitch.ovsdb.column import Base, Column, Layout, Table
from vswitch.ovsdb.record import Record
from vswitch.ovsdb.replica import Mismatch

_KINDS: Mapping[str, type] = {
    "integer": int,
    "real": float,
    "boolean": bool,
    "string": str,
    "uuid": str,
}


class Classes:
    """The classes of the rows that a program is about.  As `wanted` of a replica: what they declare."""

    def __init__(self, *classes: type[Record]) -> None:
        self.by_table = {each.table_name(): each for each in classes}
        self._shapes: dict[type[Record], dict[str, Shape]] = {}
        names = {each.__name__: each for each in classes}
        for each in classes:
            hints = get_type_hints(each, localns=names)
            self._shapes[each] = {name: Shape(hints[name]) for name in each.attributes}
            self._learn(each)

    def _learn(self, kind: type[Record]) -> None:
        """Tell the attributes of a class what their annotations mean."""
        for name, shape in self._shapes[kind].items():
            where = f"{kind.__name__}.{name}"
            *keys, last = shape.parts
            if not (_is_atom(last) or _is_record(last)) or not all(map(_is_atom, keys)):
                raise TypeError(f"{where}: {_text(shape.hint)} is not the type of a column")
            if _is_record(last) and self.by_table.get(last.table_name()) is not last:
                raise TypeError(f"{where}: {last.__name__} is not one of the classes")
            attribute = kind.attributes[name]
            attribute.is_map = shape.container is dict
            attribute.target = last if _is_record(last) else None

    def __call__(self, layout: Layout) -> dict[str, list[str]]:
        """The declared columns; raises Mismatch if the schema has others."""
        wrong = [
            line for name, kind in self.by_table.items() for line in self._differences(layout, name, kind)
        ]
        if wrong:
            raise Mismatch(f"the database {layout.name} is not as declared: {'; '.join(wrong)}")
        return {name: [it.name for it in kind.attributes.values()] for name, kind in self.by_table.items()}

    def _differences(self, layout: Layout, name: str, kind: type[Record]) -> list[str]:
        if name not in layout.tables:
            return [f"it has no table {name}"]
        return [
            text
            for attribute, shape in self._shapes[kind].items()
            if (text := _difference(layout.tables[name], kind.attributes[attribute].name, shape))
        ]


class Shape:
    """An annotation, taken apart: `container` is None, NoneType (for `T | None`), set or dict, `parts` are within."""

    def __init__(self, hint: Any) -> None:
        self.hint = hint
        origin, arguments = get_origin(hint), get_args(hint)
        self.container: type | None = None
        self.parts: tuple[Any, ...] = (hint,)
        if origin in (set, dict):
            self.container, self.parts = origin, arguments
        elif origin in (Union, UnionType) and NoneType in arguments:
            self.container = NoneType
            self.parts = tuple(it for it in arguments if it is not NoneType)
            if len(self.parts) > 1:
                self.parts = (Union[self.parts],)  # noqa: UP007 - of a tuple

    def fits(self, column: Column) -> bool:
        """Whether values of `column` are of this type."""
        bases = [column.key] if column.map_value is None else [column.key, column.map_value]
        if column.is_map:
            container: type | None = dict
        elif column.is_single:
            container = NoneType if column.n_min == 0 else None
        else:
            container = set
        fitting = [_part_fits(part, base) for part, base in zip(self.parts, bases, strict=False)]
        return self.container is container and len(self.parts) == len(bases) and all(fitting)


def _difference(table: Table, name: str, shape: Shape) -> str:
    """What is wrong with a declared column: nothing if it is as the schema has it."""
    where = f"table {table.name}, column {name}"
    if name not in table:
        return f"{where}: declared {_text(shape.hint)}, but there is none"
    column = table[name]
    return "" if shape.fits(column) else f"{where}: declared {_text(shape.hint)}, found {annotation(column)}"


def _part_fits(part: Any, base: Base) -> bool:
    if _is_record(part):
        return part.table_name() == base.ref_table
    if get_origin(part) is Literal:
        return base.enum is not None and set(base.enum) <= set(get_args(part))
    return part is _KINDS[base.kind]


def _is_atom(part: Any) -> bool:
    return part in _KINDS.values() or get_origin(part) is Literal


def _is_record(part: Any) -> TypeGuard[type[Record]]:
    return isinstance(part, type) and issubclass(part, Record)


def _text(hint: Any) -> str:
    """A type as one writes it."""
    if get_origin(hint) is None:
        return getattr(hint, "__name__", str(hint))
    shape = Shape(hint)
    if shape.container is NoneType:
        return f"{_text(shape.parts[0])} | None"
    if shape.container is not None:
        return f"{shape.container.__name__}[{', '.join(map(_text, shape.parts))}]"
    return str(hint).replace("typing.", "")


# --- the schema's types as annotations ---


def annotation(column: Column) -> str:
    """The type of a column, as a class declares it."""
    key = _base_annotation(column.key)
    if column.map_value is not None:
        return f"dict[{key}, {_base_annotation(column.map_value)}]"
    if column.is_single:
        return f"{key} | None" if column.n_min == 0 else key
    return f"set[{key}]"


def _base_annotation(base: Base) -> str:
    if base.ref_table is not None:
        return base.ref_table
    if base.enum is not None and base.kind in ("string", "integer"):
        values = [encode(it) for it in base.enum]
        return f"Literal[{', '.join(values)}]"
    return _KINDS[base.kind].__name__
