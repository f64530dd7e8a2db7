"""The database's errors: each knows the `error` string of RFC 7047 that it becomes on the wire.

Sources: RFC 7047 3.1 (<error>), 5.2; ovsdb-server(7) for OVS's own; `details` in the words that tools compare.
"""

from __future__ import annotations

from typing import ClassVar

from vswitch.base.errors import VswitchError, WireError
from vswitch.ovsdb.jsontext import Json, as_kept, encode_text


class OvsdbError(WireError):
    """An error that a client gets as {"error": tag, "details": message, "syntax": text}."""

    tag: ClassVar[str] = "ovsdb error"

    def __init__(self, details: str = "", syntax: Json = ..., *, tag: str = "") -> None:
        super().__init__(details)
        self.details = details
        self.syntax = None if syntax is ... else encode_text(as_kept(syntax))
        self.error = tag or self.tag

    def to_json(self) -> dict[str, Json]:
        """The <error> object of RFC 7047."""
        json: dict[str, Json] = {"error": self.error}
        if self.details:
            json["details"] = self.details
        if self.syntax is not None:
            json["syntax"] = self.syntax
        return json

    def __str__(self) -> str:
        """As ovsdb-tool and the logs print it."""
        parts = [f'syntax "{self.syntax}"'] if self.syntax is not None else []
        parts.append(self.error)
        if self.details:
            parts.append(self.details)
        return ": ".join(parts)


class OvsdbSyntaxError(OvsdbError):
    """The JSON does not have the form that the RFC prescribes."""

    tag = "syntax error"


class ConstraintViolation(OvsdbError):  # noqa: N818 - the RFC's name
    """A value breaks the schema's rule for it."""

    tag = "constraint violation"


class ReferentialIntegrityViolation(OvsdbError):  # noqa: N818 - the RFC's name
    """A strong reference would point to a row that is not there."""

    tag = "referential integrity violation"


class StorageError(VswitchError):
    """The journal could not be written; the message is for people."""
