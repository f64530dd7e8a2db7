"""Schemas as Python: what is printed runs, and fits the schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vswitch.ovsdb.classtext import class_lines
from vswitch.ovsdb.column import Layout
from vswitch.ovsdb.schemafiles import schema_path


def module(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What is printed, as a module."""
    made = ModuleType("made_tables")
    monkeypatch.setitem(sys.modules, "made_tables", made)
    exec(compile("\n".join(class_lines(layout)), "made_tables", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("name", ["vswitch", "vtep", "_server"])
def test_what_is_printed_declares_every_column(name, monkeypatch):
    layout = Layout(json.loads(Path(schema_path(name)).read_text()))
    declared = module(layout, monkeypatch).TABLES(layout)
    assert {table: sorted(columns) for table, columns in declared.items()} == {
        table: sorted(columns) for table, columns in layout.tables.items()
    }


def test_names_that_are_taken_and_defaults(monkeypatch):
    columns = {
        "from": {"type": "string"},
        "uuid": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
        "set": {"type": "integer"},
        "Record": {"type": {"key": {"type": "uuid", "refTable": "Record"}}},
        "key": {"type": "string"},
        "low": {"type": {"key": {"type": "integer", "minInteger": 5}}},
        "some": {"type": {"key": "string", "min": 1, "max": 3}},
        "rate": {"type": "real"},
    }
    layout = Layout({"name": "D", "tables": {"Record": {"columns": columns, "indexes": [["key"]]}}})
    lines = [*class_lines(layout)]
    assert lines[lines.index('class Record_(Record, table="Record"):') + 1 :] == [
        '    Record__: Record_ = column(name="Record")',
        '    from_: str = column(name="from", default="")',
        "    key: str",
        "    low: int",
        "    rate: float = 0.0",
        '    set_: int = column(name="set", default=0)',
        "    some: set[str]",
        '    uuid_: set[str] = column(name="uuid", default=EMPTY)',
        "",
        "",
        "TABLES = Classes(",
        "    Record_,",
        ")",
    ]
    assert sorted(module(layout, monkeypatch).TABLES(layout)["Record"]) == sorted(columns)
