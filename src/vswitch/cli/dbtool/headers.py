"""Schemas, from the first record of a database or from a file of their own.

Sources: ovsdb-tool(1); ovsdb(5).
"""

from __future__ import annotations

from vswitch.base.options import CommandError
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.journal import JournalError, read_records
from vswitch.ovsdb.jsontext import JsonError, decode_argument
from vswitch.ovsdb.schema import Schema

STANDALONE, CLUSTERED = b"OVSDB JSON ", b"OVSDB CLUSTER "


def starts_with(path: str, magic: bytes) -> bool:
    """Whether the file begins with `magic`."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - to import pathlib takes 8 ms
            return file.read(len(magic)) == magic
    except OSError as error:
        raise CommandError(f"I/O error: {path}: open failed ({error.strerror})") from None


def kind_of(path: str) -> bytes:
    """How the file of a database begins: STANDALONE or CLUSTERED; raises CommandError for anything else."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            start = file.read(len(CLUSTERED))
    except OSError as error:
        raise cannot_read(path, error) from None
    for magic in (STANDALONE, CLUSTERED):
        if start.startswith(magic):
            return magic
    raise CommandError(
        f"ovsdb error: {path}: {'unexpected file format' if start else 'cannot identify file type'}"
    )


def cannot_read(path: str, error: OSError) -> CommandError:
    """What is said of a file that cannot be read: a directory can be opened, but not read."""
    what = "read error" if isinstance(error, IsADirectoryError) else "open failed"
    return CommandError(f"I/O error: {path}: {what} ({error.strerror})")


def is_in_etcd(place: str) -> bool:
    """Whether a database is in etcd instead of a file."""
    return place.startswith("etcd:")


def is_clustered(place: str) -> bool:
    """Whether a database is clustered: in etcd, or in a file of Open vSwitch's cluster."""
    return is_in_etcd(place) or kind_of(place) is CLUSTERED


def schema_of(path: str) -> Schema:
    """The schema of a database, from the first record of its file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - to import pathlib takes 8 ms
            record = next(read_records(file, path), None)
        if record is None:
            raise CommandError(f"ovsdb error: {path}: cannot identify file type")
        return Schema.from_json(record.json)
    except OSError as error:
        raise cannot_read(path, error) from None
    except (OvsdbError, JournalError) as error:
        raise CommandError(str(error)) from None


def read_schema(path: str) -> Schema:
    """The schema in a file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            json = decode_argument(file.read().decode(errors="replace"))
    except OSError as error:
        raise CommandError(
            f'failed to read schema: "{path}" could not be read as JSON (error opening "{path}": {error.strerror})'
        ) from None
    except JsonError as error:
        raise CommandError(f'failed to read schema: "{path}" could not be read as JSON ({error})') from None
    try:
        return Schema.from_json(json)
    except OvsdbError as error:
        details = f'failed to parse "{path}" as ovsdb schema: {error.details}'
        raise CommandError(
            str(error).replace(error.details, details) if error.details else str(error)
        ) from None
