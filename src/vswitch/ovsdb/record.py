"""Rows as Python objects: their classes are declared, or, for any schema at all, they go by names.

    class Port(Record):
        name: str
        interfaces: set[Interface]
        tag: int | None = None

    def add_port(change: Changes) -> None:
        bridge = change.one(Bridge, name="br0")
        if "p1" not in [port.name for port in bridge.ports]:
            bridge.ports.add(Port(name="p1", interfaces={Interface(name="p1", type="internal")}))
        bridge.external_ids["owner"] = "me"

    outcome = await database.commit(add_port)

`classes.Classes` compares such declarations with the schema of the server.  A name instead of a class, as in
`change.one("Bridge", name="br0")`, gives an `AnyRecord`, which has whatever columns the replica has.

What such a function reads it relies on: the server commits only if it is still so, else the function runs again on
newer data.  So two programs cannot undo each other's work by mistake.  What is written blindly (`ports.add(…)`) relies
on nothing, and does not collide.

Sources: RFC 7047 5.1, 5.2; ovsdb(7), "Transactions", for `wait`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform, overload

from vswitch.base.errors import Conflict
from vswitch.ovsdb.cells import Cells, RecordMap, RecordSet, value_of
from vswitch.ovsdb.column import Column
from vswitch.ovsdb.replica import Row

R = TypeVar("R", bound="Record")

EMPTY: Any = object()  # as a declared column's default: the empty set or map


def column(*, name: str, default: Any = ...) -> Any:
    """A declared column whose name is not that of the attribute: `from_: str = column(name="from")`."""
    return Attribute(name, default)


class Attribute:
    """A declared column.  `classes.Classes` finds out what its annotation means."""

    def __init__(self, name: str, default: Any) -> None:
        self.name = name  # of the column
        self.default = default  # `...` if a new row must be given a value
        self.is_map: bool | None = None  # None until the annotation has been read
        self.target: type[Record] | None = None  # the class of the rows that the values (or members) refer to

    @overload
    def __get__(self, record: None, owner: type) -> Attribute: ...

    @overload
    def __get__(self, record: Record, owner: type) -> Any: ...

    def __get__(self, record: Record | None, owner: type) -> Any:
        return self if record is None else record._read(self)

    def __set__(self, record: Record, value: Any) -> None:
        record[self.name] = value

    def initial(self) -> Any:
        """What a new row has unless told otherwise."""
        return self.default if self.default is not EMPTY else {} if self.is_map else set()


class _Slotted(type):
    """Makes `record.named = …` an AttributeError also where no type checker looks."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any) -> _Slotted:
        body.setdefault("__slots__", ())
        return super().__new__(mcs, name, bases, body, **options)


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(column,))
class Record(metaclass=_Slotted):
    """A row.  A subclass declares a table and those of its columns that a program is about.

    The table is called what the class is called, or `class Root(Record, table="Open_vSwitch")`.  To call the class
    makes a row that is in no database; `Changes.insert`, or a reference that is written to it, puts it there.  All
    columns but those without a default must then be given.
    """

    __slots__ = ("_cells", "_draft", "_row")
    _cells: Cells
    _row: Row | None
    _draft: dict[str, Any]  # of a row that is in no database: its columns
    _table: ClassVar[str] = ""
    attributes: ClassVar[Mapping[str, Attribute]] = {}  # by their names in Python

    def __init_subclass__(cls, table: str = "") -> None:
        cls._table = table or cls.__name__
        columns = {name: it for name, it in cls.__annotations__.items() if "ClassVar" not in str(it)}
        own = {name: _attribute(cls, name) for name in columns}
        for name, attribute in own.items():
            setattr(cls, name, attribute)
        cls.attributes = {**cls.attributes, **own}

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        if unknown := values.keys() - cls.attributes.keys():
            raise TypeError(f"{cls.__name__} declares no column {min(unknown)}")
        self._row, self._draft = None, {}
        for name, attribute in cls.attributes.items():
            if attribute.is_map is None:
                raise TypeError(f"{cls.__name__} is not one of any Classes")
            value = values.get(name, attribute.initial())
            if value is ...:
                raise TypeError(f"a new {cls.__name__} needs a {name}")
            self._draft[attribute.name] = value.copy() if isinstance(value, (set, dict)) else value

    @classmethod
    def of(cls: type[R], cells: Cells, row: Row) -> R:
        """`row` as a record."""
        record: R = object.__new__(cls)
        object.__setattr__(record, "_cells", cells)
        object.__setattr__(record, "_row", row)
        return record

    @classmethod
    def table_name(cls) -> str:
        """The table that the class declares."""
        return cls._table

    @property
    def table(self) -> str:
        """The name of the row's table."""
        return self._table if self._row is None else str(self._row.table)

    @property
    def is_new(self) -> bool:
        """Whether it is in no database."""
        return self._row is None

    def columns(self) -> dict[str, Any]:
        """What was given to a new row, by column."""
        return self._draft

    @property
    def uuid(self) -> str:
        """The row's UUID; of an inserted row, a provisional one."""
        return str(self.row.uuid)

    @property
    def row(self) -> Row:
        """The row itself; raises Conflict if it is in no database."""
        if self._row is None:
            raise Conflict(f"{self!r} is in no database")
        return self._row

    def __getitem__(self, name: str) -> Any:
        if self._row is None:
            return self._draft[name]
        column = self._column(name)
        if column.is_map:
            return RecordMap(self._cells, self._row, column)
        if not column.is_single:
            return RecordSet(self._cells, self._row, column)
        self._cells.rely(self._row, name)
        return self._cells.value(self._row, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if self._row is None:
            self._draft[name] = value
            return
        transaction = self._cells.transaction
        column = self._column(name)
        if not column.mutable and self._row.uuid not in transaction.inserted:
            raise AttributeError(f"column {name} of {self.table} is written only when a row is made")
        if isinstance(value, (RecordSet, RecordMap)) and value.is_of(self._row, column):
            return  # `record.ports |= {…}` has done its work already
        transaction.set(self._row, name, value_of(column, value, self._cells.written))

    def _read(self, attribute: Attribute) -> Any:
        """The value of a declared column: UUIDs of rows of declared classes are these rows."""
        target = attribute.target
        if target is None or self._row is None:
            return self[attribute.name]
        column, wrap = self._column(attribute.name), _wrap(self._cells, target)
        if column.is_map:
            return RecordMap(self._cells, self._row, column, wrap)
        if not column.is_single:
            return RecordSet(self._cells, self._row, column, wrap)
        uuid = self[attribute.name]
        record = None if uuid is None else wrap(uuid)
        if record is None and column.n_min == 1:
            raise Conflict(f"the replica does not have row {uuid} of {target.table_name()}")
        return record

    def mutate(self, name: str, mutator: str, operand: float) -> None:
        """Have the server compute a number: `mutator` is one of `+= -= *= /= %=`."""
        self._cells.transaction.mutate(self.row, self._column(name).name, mutator, operand)

    def delete(self) -> None:
        """Delete the row; unless its table is a root, it goes when nothing refers to it any more."""
        self._cells.transaction.delete(self.row)

    def verify(self, *names: str) -> None:
        """Rely on columns that were not read here."""
        self._cells.rely(self.row, *(self._column(name).name for name in names))

    def _column(self, name: str) -> Column:
        if name not in self.row:
            raise AttributeError(f"the replica does not have a column {name} of {self.table}")
        return self._cells.column(self.row, name)

    def __repr__(self) -> str:
        if self._row is not None:
            return f"<{self.table} {self._row.uuid}>"
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._draft.items())})"
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Record) and other._row is self._row is not None)

    def __hash__(self) -> int:
        return hash(self._row) if self._row is not None else id(self)


class AnyRecord(Record):
    """A row of whatever table: its columns are attributes, or, whatever their names, `record[name]`.

    A column with one atom (or none) reads as that; a set as a mutable set, a map as a mutable mapping, which write
    through.  References are UUIDs; to write one, a record may be given instead.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def rows(self, name: str) -> list[AnyRecord]:
        """The rows that a column refers to, as far as the replica has them."""
        column = self._column(name)
        self._cells.rely(self.row, name)
        base = column.map_value if column.map_value is not None else column.key
        assert base.ref_table is not None, f"{name} holds no references"
        items = column.items(self._cells.value(self.row, name))
        found = (self._cells.at(base.ref_table, item[1] if column.is_map else item) for item in items)
        return [AnyRecord.of(self._cells, row) for row in found if row is not None]


def _attribute(cls: type[Record], name: str) -> Attribute:
    """What a class says of a column."""
    if hasattr(Record, name):
        raise TypeError(f'{cls.__name__}.{name} has a meaning of its own: {name}_: … = column(name="{name}")')
    default = cls.__dict__.get(name, ...)
    return default if isinstance(default, Attribute) else Attribute(name, default)


def _wrap(cells: Cells, target: type[R]) -> Callable[[str], R | None]:
    def wrap(uuid: str) -> R | None:
        row = cells.at(target.table_name(), uuid)
        return None if row is None else target.of(cells, row)

    return wrap
