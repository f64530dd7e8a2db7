"""Datums: what a column of a row holds.  Always a set or a map of atoms; a scalar is a set of one.

A datum is a tuple: of atoms, sorted, for a set; of (key, value) pairs, sorted by key, for a map.  So equal datums are
equal tuples, a scalar is `datum[0]`, a map is `dict(datum)`, and the empty datum, which is what most columns hold,
is the one empty tuple of the interpreter.

Sources: RFC 7047 3.1 (<value>, <set>, <map>), 5.1; ovs-vsctl(8), "Database Values".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Protocol, TypeAlias

from vswitch.ovsdb.atom import (
    Atom,
    AtomType,
    Uuid,
    atom_from_json,
    atom_to_json,
    atom_to_text,
    is_usual_uuid,
)
from vswitch.ovsdb.errors import ConstraintViolation, OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.jsontext import INT_MAX, INT_MIN, Json
from vswitch.ovsdb.types import BaseType, ColumnType

Datum: TypeAlias = tuple[Any, ...]  # atoms; or pairs of atoms
Resolve: TypeAlias = Callable[[str], Uuid]  # the UUID of a row that has only a name so far


class Reader(Protocol):
    """Makes datums of one type from JSON."""

    def __call__(self, json: Json, resolve: Resolve | None = None) -> Datum:
        """The datum that a <value> stands for."""


Writer: TypeAlias = Callable[[Datum], Json]


def default_datum(type: ColumnType) -> Datum:
    """What a column of `type` holds in a new row unless told otherwise."""
    if type.n_min == 0:
        return ()
    if type.value is None:
        return (type.key.type.default,)
    return ((type.key.type.default, type.value.type.default),)


def is_default(datum: Datum, type: ColumnType) -> bool:
    """Whether `datum` is default_datum(type)."""
    return datum == default_datum(type)


def check_datum(datum: Datum, type: ColumnType) -> None:
    """Raise ConstraintViolation if some atom breaks a rule of `type`."""
    for element in datum:
        if type.value is None:
            type.key.check(element)
        else:
            type.key.check(element[0])
            type.value.check(element[1])


def is_valid(datum: Datum, type: ColumnType) -> bool:
    """Whether check_datum() passes."""
    try:
        check_datum(datum, type)
    except ConstraintViolation:
        return False
    return True


def datum_from_json(json: Json, type: ColumnType, resolve: Resolve | None = None) -> Datum:
    """The datum that a <value> stands for, checked against `type`.

    `resolve` gives the UUID for ["named-uuid", NAME]; without it, only ["uuid", …] is understood.
    """
    return _parse(json, type, type.n_min, type.n_max, resolve)


def operand_from_json(json: Json, type: ColumnType, resolve: Resolve | None = None) -> Datum:
    """As datum_from_json(), but it may be empty: what "includes" and "insert" take."""
    return _parse(json, type, 0, type.n_max, resolve)


def _parse(json: Json, type: ColumnType, n_min: int, n_max: int, resolve: Resolve | None) -> Datum:
    if type.value is not None:
        return _parse_map(json, type, n_min, n_max, resolve)
    if not (isinstance(json, list) and json and json[0] == "set"):
        return (_parse_atom(json, type.key, resolve),)
    elements = _elements(json, "set", n_min, n_max)
    atoms = [_parse_atom(element, type.key, resolve) for element in elements]
    if len(atoms) > 1:
        atoms.sort()
        if len(set(atoms)) != len(atoms):
            raise OvsdbError("set contains duplicate")
    return tuple(atoms)


def _parse_map(json: Json, type: ColumnType, n_min: int, n_max: int, resolve: Resolve | None) -> Datum:
    assert type.value is not None
    pairs: dict[Atom, Atom] = {}
    elements = _elements(json, "map", n_min, n_max)
    for element in elements:
        if not isinstance(element, list) or len(element) != 2:
            raise OvsdbSyntaxError("expected 2-element array", element)
        key = _parse_atom(element[0], type.key, resolve)
        pairs[key] = _parse_atom(element[1], type.value, resolve)
    if len(pairs) != len(elements):
        raise OvsdbError("map contains duplicate key")
    return tuple(sorted(pairs.items()))


def _elements(json: Json, kind: str, n_min: int, n_max: int) -> list[Json]:
    """The array in ["set", <array>] or ["map", <array>]."""
    if not isinstance(json, list) or len(json) != 2 or json[0] != kind or not isinstance(json[1], list):
        raise OvsdbSyntaxError(f'expected ["{kind}", <array>]', json)
    elements: list[Json] = json[1]
    if not n_min <= len(elements) <= n_max:
        allowed = f"{n_min} to {n_max} members" if n_min != n_max else "exactly one member"
        raise OvsdbSyntaxError(f"{kind} must have {allowed} but {len(elements)} are present", json)
    return elements


def _parse_atom(json: Json, base: BaseType, resolve: Resolve | None) -> Atom:
    if base.type is AtomType.UUID and resolve is not None:
        match json:
            case ["named-uuid", str(name)]:
                return resolve(name)
            case _:
                pass
    atom = atom_from_json(json, base.type)
    if base.is_constrained:
        base.check(atom)
    return atom


def datum_to_json(datum: Datum, type: ColumnType) -> Json:
    """The shortest <value>: a single atom stands for a set of one."""
    key = type.key.type
    if type.value is not None:
        value = type.value.type
        return ["map", [[atom_to_json(k, key), atom_to_json(v, value)] for k, v in datum]]
    if len(datum) == 1:
        return atom_to_json(datum[0], key)
    return ["set", [["uuid", atom] for atom in datum] if key is AtomType.UUID else list(datum)]


def json_reader(type: ColumnType) -> Reader:
    """datum_from_json() for one type, made once for reading many: what is as usual takes the short way."""
    if type.value is None and type.key.type is AtomType.UUID:
        return _uuid_reader(type)
    key = _PLAIN.get(type.key.type)
    value = _PLAIN.get(type.value.type) if type.value else None
    if key is None or any(base.is_constrained for base in type.bases()) or (type.value and value is None):
        return lambda json, resolve=None: _parse(json, type, type.n_min, type.n_max, resolve)
    if type.value is not None:
        return _map_reader(type, key, value)

    is_integer, kinds = key is int, {key}

    def read(json: Any, resolve: Resolve | None = None) -> Datum:
        its_type: object = json.__class__
        if its_type is key and (not is_integer or INT_MIN <= json <= INT_MAX):
            return (json,)
        if its_type is list and len(json) == 2 and json[0] == "set" and json[1].__class__ is list:
            elements = json[1]
            if set(map(class_of, elements)) == kinds:
                atoms = sorted(set(elements))
                in_range = not is_integer or INT_MIN <= atoms[0] <= atoms[-1] <= INT_MAX
                if in_range and len(atoms) == len(elements) and type.n_min <= len(atoms) <= type.n_max:
                    return tuple(atoms)
        return _parse(json, type, type.n_min, type.n_max, resolve)

    return read


def _uuid_reader(type: ColumnType) -> Reader:
    def read(json: Any, resolve: Resolve | None = None) -> Datum:
        if json.__class__ is list and len(json) == 2 and json[0] == "uuid" and is_usual_uuid(json[1]):
            return (json[1],)
        return _parse(json, type, type.n_min, type.n_max, resolve)

    return read


def _map_reader(type: ColumnType, key: object, value: object) -> Reader:
    if int in (key, value):  # whose range would have to be looked at
        return lambda json, resolve=None: _parse(json, type, type.n_min, type.n_max, resolve)

    def read(json: Any, resolve: Resolve | None = None) -> Datum:
        if json.__class__ is list and len(json) == 2 and json[0] == "map" and json[1].__class__ is list:
            pairs = {}
            for pair in json[
                1
            ]:  # 0.5 µs for two pairs; to have set() and map() look at all of them takes 1 µs
                if pair.__class__ is not list or len(pair) != 2:
                    break
                k, v = pair
                if k.__class__ is not key or v.__class__ is not value:
                    break
                pairs[k] = v
            else:
                if len(pairs) == len(json[1]) and type.n_min <= len(pairs) <= type.n_max:
                    return tuple(sorted(pairs.items()))
        return _parse(json, type, type.n_min, type.n_max, resolve)

    return read


class_of: Callable[[object], object] = type
# The Python types that the JSON of these atoms has, and no other.
_PLAIN: dict[AtomType, type] = {AtomType.STRING: str, AtomType.BOOLEAN: bool, AtomType.INTEGER: int}


def json_writer(type: ColumnType) -> Writer:
    """datum_to_json() for datums of one type, made once for writing many."""
    key = type.key.type
    if type.value is not None:
        if key is not AtomType.UUID and type.value.type is not AtomType.UUID:
            return lambda datum: ["map", datum]
        return lambda datum: datum_to_json(datum, type)
    if key is AtomType.UUID:
        if type.is_scalar:
            return lambda datum: ["uuid", datum[0]]
        return lambda datum: datum_to_json(datum, type)
    if type.is_scalar:
        return itemgetter(0)
    return lambda datum: datum[0] if len(datum) == 1 else ["set", datum]


def datum_to_text(datum: Datum, type: ColumnType) -> str:
    """As ovs-vsctl and ovsdb-client print it: `x`, `[a, b]`, `{a=b, c="d e"}`."""
    key = type.key.type
    if type.value is not None:
        value = type.value.type
        pairs = (f"{atom_to_text(k, key)}={atom_to_text(v, value)}" for k, v in datum)
        return "{" + ", ".join(pairs) + "}"
    text = ", ".join(atom_to_text(atom, key) for atom in datum)
    return text if len(datum) == 1 and type.n_max == 1 else f"[{text}]"


def difference(old: Datum, new: Datum, type: ColumnType) -> Datum:
    """What turns `old` into `new` and, applied again, back (ovsdb-server(7), "Update2 Notification").

    For a set: the elements in exactly one of both.  For a map: keys that went, with their old value; keys that came or
    changed, with their new one.  For a column of at most one element: `new` itself.
    """
    if type.n_max == 1:
        return new
    old, new = without_common_ends(old, new)
    if type.value is None:
        return tuple(sorted(set(old) ^ set(new)))
    before, after = dict(old), dict(new)
    changed = {k: v for k, v in after.items() if before.get(k, _ABSENT) != v}
    gone = {k: v for k, v in before.items() if k not in after}
    return tuple(sorted((changed | gone).items()))


def apply_difference(old: Datum, diff: Datum, type: ColumnType) -> Datum:
    """The datum that difference() was computed for."""
    if type.n_max == 1:
        return diff
    if type.value is None:
        return tuple(sorted(set(old) ^ set(diff)))
    result = dict(old)
    for key, value in diff:
        if result.get(key, _ABSENT) == value:
            del result[key]
        else:
            result[key] = value
    return tuple(sorted(result.items()))


def without_common_ends(old: Datum, new: Datum) -> tuple[Datum, Datum]:
    """What is left of two datums without the elements that both begin and end with.

    A bridge of 10,000 ports gets one more: this finds it by comparing memory, without hashing the 10,000.
    """
    if min(len(old), len(new)) < 32:
        return old, new
    start = _common(old, new)
    old, new = old[start:], new[start:]
    end = _common(old[::-1], new[::-1])
    return old[: len(old) - end], new[: len(new) - end]


def _common(a: Datum, b: Datum) -> int:
    """How many elements `a` and `b` begin with in common, by bisection."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def make_set(atoms: Iterable[Atom]) -> Datum:
    """The set of these atoms."""
    return tuple(sorted(set(atoms)))


def with_atoms(datum: Datum, atoms: Datum) -> Datum:
    """The union of two sets."""
    if len(atoms) > 16:
        return tuple(sorted({*datum, *atoms}))
    result = list(datum)
    for atom in atoms:
        at = bisect_left(result, atom)
        if at == len(result) or result[at] != atom:
            result.insert(at, atom)
    return datum if len(result) == len(datum) else tuple(result)


def without_atoms(datum: Datum, atoms: Datum) -> Datum:
    """The elements of a set that are not in another."""
    if len(atoms) > 16:
        gone = set(atoms)
        return tuple(atom for atom in datum if atom not in gone)
    result = list(datum)
    for atom in atoms:
        at = bisect_left(result, atom)
        if at < len(result) and result[at] == atom:
            del result[at]
    return datum if len(result) == len(datum) else tuple(result)


_ABSENT = object()
