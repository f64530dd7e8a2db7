"""Columns as a client sees them: their types, and their values as plain Python.

A replica gives its rows' columns these values:

    one atom                int, float, bool, str; a UUID is its 36 characters
    one atom or none        the atom or None
    a set                   a sorted tuple
    a map                   a dict, sorted by key

`Column.items` and `Column.value` turn any of them into a list of atoms (or pairs) and back.

The engine has types of its own (types.py), which check everything that a schema may say.  These trust the schema that
a server sent, and import almost nothing: ovs-vsctl, which scripts start hundreds of times, starts in half the time.

Sources: RFC 7047 3.2, 5.1; ovsdb(7), "Schema".
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from vswitch.base.errors import Conflict
from vswitch.base.jsontype import Json

UNLIMITED = (1 << 32) - 1
_BOUNDS = {"integer": "Integer", "real": "Real", "string": "Length"}
_DEFAULTS: dict[str, Json] = {
    "integer": 0,
    "real": 0.0,
    "boolean": False,
    "string": "",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


class Base:
    """A <base-type>: the kind of an atom and its constraints."""

    __slots__ = ("enum", "high", "kind", "low", "ref_table", "weak")

    def __init__(self, json: Json) -> None:
        members: dict[str, Json] = {"type": json} if isinstance(json, str) else json
        self.kind: str = members["type"]
        enum = members.get("enum")
        self.enum: list[Json] | None = None if enum is None else sorted(elements(enum))
        bound = _BOUNDS.get(self.kind, "")
        low, high = members.get("min" + bound), members.get("max" + bound)
        self.low: float | None = low if bound else None
        self.high: float | None = high if bound else None
        self.ref_table: str | None = members.get("refTable")
        self.weak: bool = members.get("refType") == "weak"

    @property
    def default(self) -> Json:
        """What a new row holds unless told otherwise."""
        return _DEFAULTS[self.kind]  # an `enum` need not have it: then inserts must say something else

    def check(self, atom: Json, text: str) -> None:
        """Raise Conflict if the constraints forbid `atom`, which reads as `text`."""
        if self.enum is not None and atom not in self.enum:
            allowed = ", ".join(str(value) for value in self.enum)
            raise Conflict(f"constraint violation: {text} is not one of the allowed values ([{allowed}])")
        if self.low is None and self.high is None:
            return
        if self.kind == "string":
            self._check_length(atom)
        else:
            self._check_range(atom, text)

    def _check_length(self, atom: str) -> None:
        if self.low is not None and len(atom) < self.low:
            raise Conflict(
                f'constraint violation: "{atom}" length {len(atom)} is less than minimum allowed length {self.low}'
            )
        if self.high is not None and len(atom) > self.high:
            raise Conflict(
                f'constraint violation: "{atom}" length {len(atom)} is greater than '
                f"maximum allowed length {self.high}"
            )

    def _check_range(self, atom: float, text: str) -> None:
        low, high = self.low, self.high
        if low is not None and high is not None and not low <= atom <= high:
            raise Conflict(
                f"constraint violation: {text} is not in the valid range {low} to {high} (inclusive)"
            )
        if low is not None and atom < low:
            raise Conflict(f"constraint violation: {text} is less than minimum allowed value {low}")
        if high is not None and atom > high:
            raise Conflict(f"constraint violation: {text} is greater than maximum allowed value {high}")

    def atom(self, json: Json) -> Json:
        """The atom that `json` stands for."""
        if self.kind == "uuid":
            return json[1]
        return float(json) if self.kind == "real" else json

    def atom_json(self, atom: Json, new: Container[str] = ()) -> Json:
        """The JSON form of `atom`; `new` holds the UUIDs of rows that this transaction inserts."""
        if self.kind != "uuid":
            return atom
        return ["named-uuid", row_name(atom)] if atom in new else ["uuid", atom]


def row_name(uuid: str) -> str:
    """The name by which a transaction refers to a row that it inserts."""
    return "row" + uuid.replace("-", "_")


def elements(json: Json) -> list[Json]:
    """The members of a <set>; a lone atom is a set of one."""
    return json[1] if isinstance(json, list) and json[0] == "set" else [json]


class Column:
    """A column of a table: its name and type."""

    __slots__ = ("ephemeral", "key", "map_value", "mutable", "n_max", "n_min", "name")

    def __init__(self, name: str, json: Json) -> None:
        self.name = name
        type = json["type"]
        members: dict[str, Json] = {"key": type} if isinstance(type, str) or "key" not in type else type
        self.key = Base(members["key"])
        self.map_value = Base(members["value"]) if "value" in members else None
        self.n_min: int = members.get("min", 1)
        n_max = members.get("max", 1)
        self.n_max: int = UNLIMITED if n_max == "unlimited" else n_max
        self.mutable: bool = json.get("mutable", True)
        self.ephemeral: bool = json.get("ephemeral", False)

    def variant(self, *, key: Base, map_value: Base | None, n_min: int, n_max: int) -> Column:
        """A column of the same name but another type."""
        column = Column.__new__(Column)
        column.name, column.mutable, column.ephemeral = self.name, self.mutable, self.ephemeral
        column.key, column.map_value, column.n_min, column.n_max = key, map_value, n_min, n_max
        return column

    @property
    def is_map(self) -> bool:
        """Whether a value is a dict."""
        return self.map_value is not None

    @property
    def is_single(self) -> bool:
        """Whether a value is an atom, or perhaps None."""
        return self.n_max == 1 and self.map_value is None

    @property
    def default(self) -> Json:
        """What a new row holds unless told otherwise."""
        if self.n_min == 0:
            return self.value([])
        if self.map_value is not None:
            return {self.key.default: self.map_value.default}
        return self.value([self.key.default])

    def items(self, value: Json) -> list[Json]:
        """The atoms of `value`; of a map, its (key, value) pairs."""
        if isinstance(value, dict):
            return list(value.items())
        if isinstance(value, tuple):
            return list(value)
        return [] if value is None else [value]

    def key_of(self, item: Json) -> Json:
        """The atom that an item has in common with no other: of a pair, the key."""
        return item if self.map_value is None else item[0]

    def value(self, items: Iterable[Json]) -> Json:
        """The value that holds `items`: the reverse of items(), in any order."""
        if self.map_value is not None:
            return dict(sorted(items))
        if self.n_max == 1:
            return next(iter(items), None)
        return tuple(sorted(items))

    def from_json(self, json: Json) -> Json:
        """The value that a <value> of RFC 7047 stands for."""
        key = self.key
        if self.map_value is not None:
            value = self.map_value
            return self.value((key.atom(k), value.atom(v)) for k, v in json[1])
        return self.value(map(key.atom, elements(json)))

    def to_json(self, value: Json, new: Container[str] = ()) -> Json:
        """The <value> of RFC 7047 that stands for `value`; `new` as for atom_json()."""
        return self.items_json(self.items(value), new)

    def items_json(self, items: Iterable[Json], new: Container[str] = ()) -> Json:
        """As to_json(), of any number of atoms or pairs."""
        if self.map_value is not None:
            to_json = self.map_value.atom_json
            return ["map", [[self.key.atom_json(k, new), to_json(v, new)] for k, v in items]]
        atoms = [self.key.atom_json(atom, new) for atom in items]
        return atoms[0] if len(atoms) == 1 else ["set", atoms]

    def clause_json(self, value: Json) -> Json:
        """The <value> of a condition on this column: JSON as it is, Python's sets, maps, UUIDs and None as JSON."""
        if isinstance(value, dict):
            return self.items_json(value.items())
        if isinstance(value, (set, frozenset, tuple)):
            return self.items_json(sorted(value))
        if value is None:
            return self.items_json([])
        return value if isinstance(value, list) else self.key.atom_json(value)

    def apply_difference(self, old: Json, diff: Json) -> Json:
        """The value after `diff` (ovsdb-server(7), "Update2 Notification"), which is in from_json()'s form."""
        if self.map_value is not None:
            new = dict(old)
            for key, value in diff.items():
                if key in new and new[key] == value:
                    del new[key]
                else:
                    new[key] = value
            return dict(sorted(new.items()))
        if self.n_max == 1:
            return diff
        return tuple(sorted({*old} ^ {*diff}))


UUID_COLUMN = Column("_uuid", {"type": "uuid", "mutable": False})


class Table:
    """A table: its columns by name, in alphabetical order, each read from the schema when it is first asked for."""

    def __init__(self, name: str, json: Json) -> None:
        self.name = name
        self._json = json["columns"]
        self._columns: dict[str, Column] = {}
        self.is_root: bool = json.get("isRoot", False)
        self.max_rows: int = json.get("maxRows", UNLIMITED)
        self.indexes: list[list[str]] = json.get("indexes", [])

    def __contains__(self, name: object) -> bool:
        return name in self._json

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._json))

    def __getitem__(self, name: str) -> Column:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = UUID_COLUMN if name == "_uuid" else Column(name, self._json[name])
        return column

    def columns(self) -> list[Column]:
        """Every column, sorted by name."""
        return [self[name] for name in self]


class Layout:
    """The tables of a database, as the server's `get_schema` describes them."""

    def __init__(self, json: Json) -> None:
        self.json = json
        self.name: str = json["name"]
        self.version: str = json.get("version", "")
        self.tables: Mapping[str, Table] = {
            name: Table(name, table) for name, table in sorted(json["tables"].items())
        }
        if not any(table.is_root for table in self.tables.values()):  # a schema from before there were roots
            for table in self.tables.values():
                table.is_root = True
