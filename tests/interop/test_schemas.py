"""Schemas, right and wrong ones, given to a database of either make: what is refused in which words, and what becomes of the
others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemons import Make
from tests.interop.dbservers import DatabaseServer

pytestmark = pytest.mark.interop
Json = Any
GREATEST = 1.7976931348623157e308


def integer(**more: Json) -> Json:
    return {"key": {"type": "integer"} | more}


def real(**more: Json) -> Json:
    return {"key": {"type": "real"} | more}


def string(**more: Json) -> Json:
    return {"key": {"type": "string"} | more}


def uuid(**more: Json) -> Json:
    return {"key": {"type": "uuid"} | more}


TYPES = [
    "nope", 5, {}, {"key": 5}, {"key": {}}, {"key": {"type": "nope"}},
    *({"key": "integer"} | more for more in (
        {"min": 2}, {"min": -1}, {"max": 0}, {"max": "x"}, {"min": 1, "max": 0}, {"min": 0, "max": -5}, {"max": 1.5},
        {"max": 2**33}, {"value": "nope"}, {"zz": 1}, {"min": 1, "max": 1}, {"min": 0, "max": 1}, {"max": "unlimited"},
        {"min": 1, "max": 2**32 - 1}, {"max": 2**32 - 2}, {"value": "string"},
    )),
    integer(minInteger=5, maxInteger=3), integer(minInteger="x"), integer(minReal=1), integer(minLength=1),
    integer(enum=["set", []]), integer(enum=["set", ["x"]]), integer(enum=["set", [1, 1]]), integer(enum=5),
    integer(enum=["set", [1]], minInteger=0), integer(refTable="A"), integer(minInteger=2**63),
    integer(minInteger=-2**63), integer(maxInteger=2**63 - 1), integer(minInteger=-2**63, maxInteger=2**63 - 1),
    real(minReal=2, maxReal=1), real(minReal="x"), real(minReal=-GREATEST), real(maxReal=GREATEST), real(minReal=0),
    real(minReal=1.5), real(enum=["set", [1, 2.5]]),
    string(minLength=-1), string(minLength=3, maxLength=2), string(maxLength=-1), string(maxLength=2**40),
    string(maxLength=1.5), string(minLength=0), string(maxLength=2**32 - 1), string(maxLength=2**32 - 2),
    string(minLength=0, maxLength=0), string(enum="x"), string(enum=["set", ["b", "a"]]), string(),
    uuid(refTable="Z"), uuid(refTable=5), uuid(refTable="A", refType="x"), uuid(refType="weak"), uuid(refTable="1"),
    uuid(refTable="A", refType="strong"), uuid(refTable="A") | {"min": 1},
    uuid(refTable="A", refType="weak") | {"min": 1}, uuid(refTable="A", refType="weak") | {"min": 0},
    {"key": {"type": "boolean", "enum": ["set", [True]]}},
    {"key": "string", "value": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 1, "max": 2},
]  # fmt: skip
PLAIN = {"c": {"type": "string"}, "d": {"type": "string", "ephemeral": True}}
TABLES = [
    5, {}, {"columns": {}}, *({"columns": PLAIN} | more for more in (
        {"maxRows": 0}, {"maxRows": -1}, {"maxRows": "x"}, {"maxRows": 1.5}, {"maxRows": 2**40}, {"maxRows": 2**32 - 1},
        {"maxRows": 2**32 - 2}, {"isRoot": 1}, {"isRoot": False}, {"zz": 1}, {"indexes": 5}, {"indexes": [5]},
        {"indexes": [[]]}, {"indexes": [["zz"]]}, {"indexes": [["c", "c"]]}, {"indexes": [["d"]]},
        {"indexes": [["_uuid"]]}, {"indexes": [["_version"]]}, {"indexes": [["_uuid", "c"]]}, {"indexes": [["c"], ["c"]]},
    )),
    *({"columns": columns} for columns in (
        {"_c": {"type": "string"}}, {"1": {"type": "string"}}, {"c": {}}, {"c": 5},
        {"c": {"type": "string", "ephemeral": 5}}, {"c": {"type": "string", "mutable": 5}},
        {"c": {"type": "string", "mutable": True, "ephemeral": False}},
        {"c": {"type": uuid(refTable="A"), "mutable": False, "ephemeral": True}},
    )),
]  # fmt: skip
SCHEMAS = [
    {}, [], 5, {"name": 1, "tables": {}}, {"name": "1x", "tables": {}}, {"name": "D"}, {"name": "D", "tables": []},
    *({"name": "D", "tables": {}} | more for more in (
        {"version": "1"}, {"version": "1.2.x"}, {"version": "1.2.3.4"}, {"version": 5}, {"version": "1.2.3"},
        {"cksum": 5}, {"cksum": "5 6"}, {"zz": 1},
    )),
    *({"name": "D", "tables": {name: {"columns": PLAIN}}} for name in ("1", "_A", "A b", "A")),
    *({"name": "D", "tables": {"A": table}} for table in TABLES),
    *({"name": "D", "tables": {"A": {"columns": {"c": {"type": type}}}}} for type in TYPES),
]  # fmt: skip


def test_schemas_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "schema"
    path.write_text('{"name": "D", "tables": {}}')
    with (
        DatabaseServer("peer", tmp_path / "peer", str(tmp_path / "peer" / "db"), schema=path) as peer,
        DatabaseServer("ours", tmp_path / "ours", str(tmp_path / "ours" / "db"), schema=path) as ours,
    ):
        servers: dict[Make, DatabaseServer] = {"peer": peer, "ours": ours}
        n_taken = 0
        for schema in SCHEMAS:
            answers = {make: server.ask("convert", "D", schema) for make, server in servers.items()}
            assert answers["ours"] == answers["peer"], json.dumps(schema)
            kept = {make: server.ask("get_schema", "D") for make, server in servers.items()}
            assert kept["ours"] == kept["peer"], json.dumps(schema)
            n_taken += answers["ours"] == {}
        assert 30 < n_taken < len(SCHEMAS) - 50
