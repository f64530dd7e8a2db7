"""Atoms: the five kinds of simple value, as plain Python values.

An atom does not carry its type: the column it is in does.  So a UUID is its 36 lower-case characters (which compare
and sort as UUIDs do, and cost nothing to print), an integer is an `int`, a real a `Real`.

Sources: RFC 7047 3.1 (<atom>, <uuid>), 5.1 (<atom>); ovsdb(7), "Atoms"; ovs-vsctl(8), "Database Values".
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NewType, TypeAlias

from vswitch.ovsdb.errors import OvsdbSyntaxError
from vswitch.ovsdb.jsontext import INT_MAX, INT_MIN, Json, Real, encode_text

Uuid = NewType("Uuid", str)  # 8-4-4-4-12 lower-case hexadecimal digits
Atom: TypeAlias = "int | float | bool | str"

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_LOWER_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")  # a string that prints without quotes
ZERO_UUID = Uuid("00000000-0000-0000-0000-000000000000")


class AtomType(Enum):
    """What kind of atom; the value is its name in a schema."""

    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    STRING = "string"
    UUID = "uuid"

    @property
    def default(self) -> Atom:
        """What a column of this type holds unless told otherwise."""
        return _DEFAULTS[self]


_DEFAULTS: dict[AtomType, Atom] = {
    AtomType.INTEGER: 0,
    AtomType.REAL: Real(0.0),
    AtomType.BOOLEAN: False,
    AtomType.STRING: "",
    AtomType.UUID: ZERO_UUID,
}


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual form, any case."""
    return _UUID.fullmatch(text) is not None


def is_usual_uuid(value: object) -> bool:
    """Whether `value` is the text of a UUID as it is kept, in lower case."""
    return value.__class__ is str and _LOWER_UUID(value) is not None


def atom_from_json(json: Json, type: AtomType) -> Atom:
    """The atom that `json` stands for; named UUIDs must have been resolved before (see notation)."""
    match type:
        case AtomType.STRING if isinstance(json, str):
            return json
        case AtomType.INTEGER if isinstance(json, int) and json is not True and json is not False:
            if INT_MIN <= json <= INT_MAX:
                return json
        case AtomType.BOOLEAN if isinstance(json, bool):
            return json
        case AtomType.REAL if isinstance(json, (int, float)) and not isinstance(json, bool):
            return Real(json)
        case AtomType.UUID:
            return uuid_from_json(json)
        case _:
            pass
    raise OvsdbSyntaxError(f"expected {type.value}", json)


def uuid_from_json(json: Json) -> Uuid:
    """The UUID that ["uuid", TEXT] stands for."""
    match json:
        case ["uuid", str(text)]:
            if not is_uuid(text):
                raise OvsdbSyntaxError(f'"{text}" is not a valid UUID', json)
            return Uuid(text.lower())
        case _:
            raise OvsdbSyntaxError('expected ["uuid", <string>]', json)


def atom_to_json(atom: Atom, type: AtomType) -> Json:
    """The JSON form of `atom`."""
    return ["uuid", atom] if type is AtomType.UUID else atom


def atom_to_text(atom: Atom, type: AtomType) -> str:
    """`atom` as ovs-vsctl and ovsdb-client print it: strings in quotes where they could be taken for something else."""
    match type:
        case AtomType.BOOLEAN:
            return "true" if atom else "false"
        case AtomType.STRING if string_needs_quotes(str(atom)):
            return encode_text(atom)
        case AtomType.REAL:
            return str(Real(atom))
        case _:
            return str(atom)


def string_needs_quotes(text: str) -> bool:
    """Whether `text` must be quoted to be read back as a string."""
    return not _WORD.fullmatch(text) or text in ("true", "false") or is_uuid(text)
