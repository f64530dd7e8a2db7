"""Column types: which atoms a column takes, how many of them, and what they must satisfy.

A `BaseType` is an atomic type with constraints; a `ColumnType` is one (a set) or two (a map) of them with a range of
sizes.  Types own checking: `BaseType.check(atom)` raises ConstraintViolation in the peer's words.

Sources: RFC 7047 3.2 (<base-type>, <type>); ovsdb(7), "Schema".
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import float_info
from typing import Any

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.atom import Atom, AtomType, atom_from_json, atom_to_json, atom_to_text
from vswitch.ovsdb.errors import ConstraintViolation, OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.jsontext import INT_MAX, INT_MIN, Json, Real
from vswitch.ovsdb.notation import Members

UNLIMITED = (1 << 32) - 1  # a size without limit: larger than any datum


@dataclass(frozen=True, slots=True)
class BaseType:
    """An atomic type and the constraints on its values."""

    type: AtomType
    enum: tuple[Atom, ...] | None = None  # sorted; the only values allowed
    minimum: int | float | None = None  # minInteger, minReal or minLength
    maximum: int | float | None = None
    ref_table: str | None = None
    weak: bool = False  # refType is "weak"

    @property
    def is_constrained(self) -> bool:
        """Whether check() can fail."""
        return self.enum is not None or self.minimum is not None or self.maximum is not None

    @property
    def strong_ref(self) -> str | None:
        """The table that values of this type refer to strongly."""
        return None if self.weak else self.ref_table

    @property
    def weak_ref(self) -> str | None:
        """The table that values of this type refer to weakly."""
        return self.ref_table if self.weak else None

    def check(self, atom: Atom) -> None:
        """Raise ConstraintViolation if `atom` is not allowed."""
        if self.enum is not None and atom not in self.enum:
            allowed = ", ".join(atom_to_text(value, self.type) for value in self.enum)
            raise ConstraintViolation(
                f"{atom_to_text(atom, self.type)} is not one of the allowed values ([{allowed}])"
            )
        if self.type is AtomType.STRING:
            self._check_length(str(atom))
        elif self.minimum is not None or self.maximum is not None:
            self._check_range(atom)

    def _check_length(self, text: str) -> None:
        if self.minimum is not None and len(text) < self.minimum:
            raise ConstraintViolation(
                f'"{text}" length {len(text)} is less than minimum allowed length {self.minimum}'
            )
        if self.maximum is not None and len(text) > self.maximum:
            raise ConstraintViolation(
                f'"{text}" length {len(text)} is greater than maximum allowed length {self.maximum}'
            )

    def _check_range(self, value: Any) -> None:
        too_small = self.minimum is not None and value < self.minimum
        too_large = self.maximum is not None and value > self.maximum
        if (too_small or too_large) and self.minimum is not None and self.maximum is not None:
            raise ConstraintViolation(
                f"{value} is not in the valid range {self.minimum} to {self.maximum} (inclusive)"
            )
        if too_small:
            raise ConstraintViolation(f"{value} is less than minimum allowed value {self.minimum}")
        if too_large:
            raise ConstraintViolation(f"{value} is greater than maximum allowed value {self.maximum}")

    @classmethod
    def from_json(cls, json: Json) -> BaseType:
        """A <base-type>."""
        if isinstance(json, str):
            return cls(_atomic_type(json))
        members = Members(json, "ovsdb type")
        type = _atomic_type(members.required("type", str, object))
        enum = members.optional("enum", object)
        allowed = _enum(enum, type) if enum is not None else None
        bounds = _bounds(members, type) if allowed is None else (None, None)
        base = cls(type, allowed, *bounds, *_reference(members, type))
        members.finish()
        return base

    def to_json(self) -> Json:
        """The shortest form of this <base-type>."""
        if not self.is_constrained and self.ref_table is None:
            return self.type.value
        json: dict[str, Json] = {"type": self.type.value}
        if self.enum is not None:
            atoms = [atom_to_json(atom, self.type) for atom in self.enum]
            json["enum"] = atoms[0] if len(atoms) == 1 else ["set", atoms]
        low_name, high_name, _ = _BOUNDS.get(self.type, ("", "", int))
        if self.minimum is not None:
            json[low_name] = self.minimum
        if self.maximum is not None:
            json[high_name] = self.maximum
        if self.ref_table is not None:
            json["refTable"] = self.ref_table
            if self.weak:
                json["refType"] = "weak"
        return json


_BOUNDS: dict[AtomType, tuple[str, str, object]] = {
    AtomType.INTEGER: ("minInteger", "maxInteger", int),
    AtomType.REAL: ("minReal", "maxReal", (int, float)),
    AtomType.STRING: ("minLength", "maxLength", int),
}
_LIMITS: dict[AtomType, tuple[float, float]] = {
    AtomType.INTEGER: (INT_MIN, INT_MAX),
    AtomType.REAL: (-float_info.max, float_info.max),
    AtomType.STRING: (0, UNLIMITED),
}


def _atomic_type(json: Json) -> AtomType:
    if not isinstance(json, str):
        raise OvsdbSyntaxError("atomic-type expected", json)
    try:
        return AtomType(json)
    except ValueError:
        raise OvsdbSyntaxError(f'"{json}" is not an atomic-type', json) from None


def _size(json: Json) -> int:
    """The value of a `min` or `max` member."""
    if json is None:
        return 1
    if json == "unlimited":
        return UNLIMITED
    if not isinstance(json, int) or not 0 <= json < UNLIMITED:
        raise OvsdbSyntaxError("bad min or max value", json)
    return json


def _enum(json: Json, type: AtomType) -> tuple[Atom, ...]:
    if not (isinstance(json, list) and json and json[0] == "set"):
        return (atom_from_json(json, type),)
    if len(json) != 2 or not isinstance(json[1], list):
        raise OvsdbSyntaxError('expected ["set", <array>]', json)
    if not json[1]:
        raise OvsdbSyntaxError(f"set must have 1 to {UNLIMITED} members but 0 are present", json)
    atoms = [atom_from_json(atom, type) for atom in json[1]]
    if len(set(atoms)) != len(atoms):
        raise OvsdbError("set contains duplicate")
    return tuple(sorted(atoms))


def _bounds(members: Members, type: AtomType) -> tuple[int | float | None, int | float | None]:
    if type not in _BOUNDS:
        return None, None
    low_name, high_name, kind = _BOUNDS[type]
    low, high = members.optional(low_name, kind), members.optional(high_name, kind)
    if type is AtomType.STRING:
        for name, length in ((low_name, low), (high_name, high)):
            if length is not None and not 0 <= length <= UNLIMITED:
                raise OvsdbSyntaxError(f"{name} out of valid range 0 to {UNLIMITED}", length)
    elif type is AtomType.REAL:
        low, high = low if low is None else Real(low), high if high is None else Real(high)
    least, greatest = _LIMITS[type]
    low, high = None if low == least else low, None if high == greatest else high  # what is no constraint
    if low is not None and high is not None and low > high:
        raise OvsdbSyntaxError(f"{low_name} exceeds {high_name}", members.json)
    return low, high


def _reference(members: Members, type: AtomType) -> tuple[str | None, bool]:
    if type is not AtomType.UUID:
        return None, False
    table = members.optional("refTable", "id")
    kind = members.optional("refType", str) if table is not None else None
    if kind not in (None, "strong", "weak"):
        raise OvsdbSyntaxError(f'refType must be "strong" or "weak" (not "{kind}")', members.json)
    return table, kind == "weak"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of a column: a set of `key`s, or, with `value`, a map."""

    key: BaseType
    value: BaseType | None = None
    n_min: int = 1  # 0 or 1
    n_max: int = 1

    @property
    def is_map(self) -> bool:
        """Whether there are values beside the keys."""
        return self.value is not None

    @property
    def is_scalar(self) -> bool:
        """Whether there is always exactly one atom."""
        return self.n_min == 1 and self.n_max == 1 and self.value is None

    @property
    def is_optional_scalar(self) -> bool:
        """Whether there is one atom, or none."""
        return self.n_min == 0 and self.n_max == 1 and self.value is None

    @property
    def is_set(self) -> bool:
        """Whether there can be several atoms, or none."""
        return self.value is None and not self.is_scalar

    def bases(self) -> Iterator[BaseType]:
        """Key type, and value type if there is one."""
        yield self.key
        if self.value is not None:
            yield self.value

    def for_difference(self) -> ColumnType:
        """The type of a difference between two datums of this type."""
        if self.n_max == 1:
            return self
        return ColumnType(self.key, self.value, 0, min(2 * self.n_max, UNLIMITED))

    def in_english(self) -> str:
        """The type as error messages name it: "set of up to 3 integers"."""
        key = self.key.type.value
        if self.is_scalar:
            return key
        if self.n_max == UNLIMITED:
            how_many = f"{self.n_min} or more " if self.n_min else ""
        else:
            how_many = f"{self.n_min} to {self.n_max} " if self.n_min else f"up to {self.n_max} "
        if self.value is None:
            return f"set of {how_many}{key}s"
        return f"map of {how_many}({key}, {self.value.type.value}) pairs"

    @classmethod
    def from_json(cls, json: Json) -> ColumnType:
        """A <type>."""
        if isinstance(json, str):
            return cls(BaseType.from_json(json))
        members = Members(json, "ovsdb type")
        key = BaseType.from_json(members.required("key", str, dict))
        value = members.optional("value", str, dict)
        value_type = BaseType.from_json(value) if value is not None else None
        n_min = members.optional("min", int)
        n_max = members.optional("max", int, str)
        members.finish()
        low, high = _size(n_min), _size(n_max)
        if low not in (0, 1) or high < 1:
            raise OvsdbSyntaxError("ovsdb type fails constraint checks", json)
        return cls(key, value_type, low, high)

    def to_json(self) -> Json:
        """The shortest form of this <type>."""
        key = self.key.to_json()
        if self.is_scalar and isinstance(key, str):
            return key
        json: dict[str, Json] = {"key": key}
        if self.value is not None:
            json["value"] = self.value.to_json()
        if self.n_min != 1:
            json["min"] = self.n_min
        if self.n_max == UNLIMITED:
            json["max"] = "unlimited"
        elif self.n_max != 1:
            json["max"] = self.n_max
        return json
