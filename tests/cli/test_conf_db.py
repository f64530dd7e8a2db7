"""The page ovs-vswitchd.conf.db(5) has every table and column of the schema, with its type, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from vswitch.vswitchd.bridge import read_config
from vswitch.vswitchd.unsupported import WISHES

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs/man/ovs-vswitchd.conf.db.md"
DATABASE: dict[str, Any] = json.loads((TOP / "src/vswitch/ovsdb/schemas/vswitch.ovsschema").read_text())
EFFECTS = {"works", "part", "none", "status", "empty", "free"}


def base_text(base: Any) -> str:
    """A key or a value of a column's type, in words."""
    if isinstance(base, str):
        return base
    if "refTable" in base:
        return f"{'weak ' if base.get('refType') == 'weak' else ''}row of {base['refTable']}"
    if "enum" in base:
        return " or ".join(f"`{word}`" for word in base["enum"][1])
    low, high = base.get("minInteger"), base.get("maxInteger")
    limits = "" if low is None else f" from {low}" if high is None else f" {low} to {high}"
    return base["type"] + limits


def type_text(column: dict[str, Any]) -> str:
    """The type of a column in words, as the page has it."""
    type = column["type"]
    type = {"key": type} if isinstance(type, str) else type
    text = base_text(type["key"])
    at_least, at_most = type.get("min", 1), type.get("max", 1)
    if "value" in type:
        text = f"map of {text} to {base_text(type['value'])}"
    elif at_most == 1:
        text = f"optional {text}" if at_least == 0 else text
    elif at_most == "unlimited":
        text = f"{'set of' if at_least == 0 else 'one or more'} {text}"
    else:
        text = f"up to {at_most} of {text}"
    return text if column.get("mutable", True) else f"{text}, not to be changed"


def sections(level: str) -> dict[str, list[list[str]]]:
    """The cells of the table in each section, without its head, by the section's title."""
    found = {}
    for part in re.split(rf"^{level} ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        body = re.split(r"^##", body, maxsplit=1, flags=re.MULTILINE)[0]
        found[title] = [
            line.removeprefix("| ").removesuffix(" |").split(" | ")
            for line in body.splitlines()
            if line.startswith("| `")
        ]
    return found


TABLES = sections("###")
KEYS = {tuple(title.split(": keys of ")): rows for title, rows in sections("####").items()}


def test_every_table_and_no_other() -> None:
    assert list(TABLES) == list(DATABASE["tables"])


def test_every_column_with_its_type_and_no_other() -> None:
    on_page = {(table, row[0].strip("`"), row[1]) for table, rows in TABLES.items() for row in rows}
    in_schema = {
        (name, column, type_text(detail))
        for name, table in DATABASE["tables"].items()
        for column, detail in table["columns"].items()
    }
    assert on_page == in_schema
    assert sum(map(len, TABLES.values())) == len(in_schema)


def test_every_entry_says_what_comes_of_it() -> None:
    assert {row[2] for rows in TABLES.values() for row in rows} == EFFECTS
    assert {row[1] for rows in KEYS.values() for row in rows} <= EFFECTS
    assert all(len(row) == 4 and row[3].endswith(".") for rows in TABLES.values() for row in rows)
    assert all(len(row) == 3 and row[2].endswith(".") for rows in KEYS.values() for row in rows)


def effect(table: str, column: str) -> str:
    [found] = [row[2] for row in TABLES[table] if row[0] == f"`{column}`"]
    return found


def test_wishes_that_the_log_names_are_not_said_to_work() -> None:
    for table, columns in WISHES.items():
        assert {effect(table, column) for column in columns} <= {"none", "part"}


def test_what_lasts_no_longer_than_the_server_is_status() -> None:
    """Only the switch writes ephemeral columns."""
    for name, table in DATABASE["tables"].items():
        for column, detail in table["columns"].items():
            if detail.get("ephemeral"):
                assert effect(name, column) in ("status", "empty"), (name, column)


def keys_that_work(table: str, column: str) -> set[str]:
    rows = KEYS.get((table, column), [])
    return {key for row in rows if row[1] == "works" for key in re.findall(r"`([^`]+)`", row[0])}


class Asked(dict[str, str]):
    """A map that notes the keys it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return default


def default(column: dict[str, Any]) -> Any:
    """What a column has in a row that says nothing."""
    type = column["type"]
    type = {"key": type} if isinstance(type, str) else type
    if type.get("max", 1) != 1:
        return Asked() if "value" in type else ()
    base = type["key"] if isinstance(type["key"], str) else type["key"].get("type")
    return None if type.get("min", 1) == 0 else {"string": "", "integer": 0, "boolean": False}.get(base)


def test_keys_that_work_are_those_that_the_switch_asks_for() -> None:
    tables = {
        name: {
            name: {column: default(detail) for column, detail in DATABASE["tables"][name]["columns"].items()}
        }
        for name in ("Open_vSwitch", "Bridge", "Port", "Interface")
    }
    tables["Open_vSwitch"]["Open_vSwitch"]["bridges"] = ("Bridge",)
    tables["Bridge"]["Bridge"]["ports"] = ("Port",)
    tables["Bridge"]["Bridge"]["name"] = "br0"
    tables["Port"]["Port"]["interfaces"] = ("Interface", "Interface")
    read_config(tables)  # type: ignore[arg-type] - plain maps instead of rows
    asked = {name: tables[name][name]["other_config"].asked for name in tables}
    assert asked["Open_vSwitch"] == keys_that_work("Open_vSwitch", "other_config")
    assert asked["Bridge"] == keys_that_work("Bridge", "other_config")
    shown = {
        "bond-rebalance-interval",
        "bond-hash-basis",
        "lb-output-action",
        "all-members-active",
        "lacp-fallback-ab",
    }
    assert asked["Port"] - shown == keys_that_work("Port", "other_config")
    assert asked["Interface"] == keys_that_work("Interface", "other_config") == set()
