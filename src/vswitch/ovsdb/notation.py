"""Notation that many parts share: <id>, and JSON objects read member by member, with every mistake reported in the peer's words.

Sources: OVS's error strings (`Required 'op' member is missing.`), which tools and their users know.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vswitch.ovsdb.errors import OvsdbSyntaxError
from vswitch.ovsdb.jsontext import INT_MAX, INT_MIN, Json

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(4096)
def is_id(text: str) -> bool:
    """Whether `text` is an <id> (RFC 7047 3.1): a name for tables, columns and rows to come."""
    return _ID.fullmatch(text) is not None


class Members:
    """The members of one JSON object, each of which must be taken exactly by those who know it.

    A kind, of which a value must be one, is a Python type, `object` for anything, or "id" for a string that is an <id>.
    """

    def __init__(self, json: Json, what: str) -> None:
        self.json = json
        self.what = what  # "ovsdb operation 1 of 2"
        self._taken: list[str] = []
        if not isinstance(json, dict):
            raise OvsdbSyntaxError(f"Parsing {what} failed: Object expected.")

    def required(self, name: str, *kinds: object) -> Json:
        """The value of a member that must be there."""
        if name not in self.json:
            raise self.error(f"Required '{name}' member is missing.")
        value = self.json[name]
        self._taken.append(name)
        if value.__class__ not in kinds or value.__class__ is int:
            self._check(name, value, kinds)
        return value

    def optional(self, name: str, *kinds: object) -> Json:
        """The value of a member, or None."""
        return self.required(name, *kinds) if name in self.json else None

    def finish(self) -> None:
        """Refuse members that nobody asked for."""
        if len(self._taken) != len(self.json):
            left = self.json.keys() - set(self._taken)
            name = min(left)
            if len(left) == 1:
                raise self.error(f"Member '{name}' is present but not allowed here.")
            others = len(left) - 1
            raise self.error(
                f"Member '{name}' and {others} other member{'s' if others > 1 else ''} "
                "are present but not allowed here."
            )

    def error(self, message: str) -> OvsdbSyntaxError:
        """The error to raise about this object."""
        return OvsdbSyntaxError(f"Parsing {self.what} failed: {message}", self.json)

    def _check(self, name: str, value: Json, kinds: tuple[object, ...]) -> None:
        for kind in kinds:
            if _is_of(value, kind):
                return
        raise self.error(f"Type mismatch for member '{name}'.")


def _is_of(value: Json, kind: object) -> bool:
    if kind == "id":
        return isinstance(value, str) and is_id(value)
    if isinstance(kind, tuple):
        return any(_is_of(value, each) for each in kind)
    if isinstance(value, bool):
        return kind in (bool, object)
    if isinstance(value, int):
        return kind in (int if INT_MIN <= value <= INT_MAX else float, object)  # past 64 bits it is a real
    return isinstance(value, kind)  # type: ignore[arg-type]  # tuples of types were dealt with above
