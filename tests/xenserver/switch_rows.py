"""What a database says, with names in place of UUIDs, so that two databases can be compared."""

from __future__ import annotations

import json
from typing import Any

from tests.interop.daemons import Daemons

TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface", "Manager", "SSL", "Controller")
OF_THE_SWITCH = {"cur_cfg", "next_cfg"}  # and of the moment


def rows(daemons: Daemons) -> dict[str, list[dict[str, Any]]]:
    """The rows of TABLES, sorted; columns that hold the default of their type are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    names: dict[str, str] = {}
    for table in TABLES:
        text = daemons.run("peer", "ovs-vsctl", "--no-wait", "--format=json", "list", table).stdout
        if not text.strip():
            continue
        answer = json.loads(text)
        found[table] = [dict(zip(answer["headings"], row, strict=True)) for row in answer["data"]]
        for row in found[table]:
            names[row["_uuid"][1]] = f"{table} {row.get('name') or row.get('target') or ''}".strip()
    return {
        table: sorted(
            (_named(row, names) for row in of_table), key=lambda row: json.dumps(row, sort_keys=True)
        )
        for table, of_table in found.items()
    }


def _named(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    kept = {column: value for column, value in row.items() if column not in OF_THE_SWITCH | {"_uuid"}}
    return {column: _value(value, names) for column, value in kept.items()}


def _value(value: Any, names: dict[str, str]) -> Any:
    match value:
        case ["uuid", str(uuid)]:
            return names.get(uuid, "?")
        case ["set", [*items]]:
            return sorted(json.dumps(_value(item, names)) for item in items)
        case ["map", [*pairs]]:
            return sorted(json.dumps([_value(side, names) for side in pair]) for pair in pairs)
        case _:
            return value
