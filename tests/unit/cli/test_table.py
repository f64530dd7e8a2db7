"""Tables in each format."""

from __future__ import annotations

import pytest

from vswitch.base.options import CommandError, Given
from vswitch.cli.table import Cell, Style, Table, print_tables
from vswitch.ovsdb.column import UUID_COLUMN, Column

NAME = Column("name", {"type": "string"})
SET = Column("set", {"type": {"key": "integer", "min": 0, "max": "unlimited"}})
UUID = "00000000-0000-0000-0000-00000000000a"


def table() -> Table:
    made = Table(["_uuid", "name", "set"], caption="T table")
    made.rows = [
        [Cell(UUID, UUID_COLUMN), Cell('a "b"', NAME), Cell((1, 2), SET)],
        [Cell("x"), Cell(None), Cell([1], is_json=True)],
    ]
    return made


def printed(*options: tuple[str, str | None], format: str = "table") -> list[str]:
    return list(table().lines(Style.from_options(Given(options), format)))


def test_table():
    assert printed() == [
        "T table",
        "_uuid                                name      set",
        "------------------------------------ --------- ------",
        f'{UUID} "a \\"b\\"" [1, 2]',
        "x                                              [1]",
    ]


def test_without_headings_and_narrow():
    assert printed(("no-headings", None), ("max-column-width", "4")) == [
        "T table",
        '0000 "a \\ [1,',
        "x         [1]",
    ]


def test_list_and_bare():
    assert printed(format="list")[:4] == [
        "T table",
        f"_uuid               : {UUID}",
        'name                : "a \\"b\\""',
        "set                 : [1, 2]",
    ]
    assert printed(("bare", None)) == ["T table", UUID, 'a "b"', "1 2", "", "x", "", "[1]"]


def test_csv():
    assert printed(("format", "csv"), ("data", "json"))[2:] == [
        f'"[""uuid"",""{UUID}""]","""a \\""b\\""""","[""set"",[1,2]]"',
        "x,,[1]",
    ]


def test_html():
    lines = printed(("format", "html"))
    assert lines[:2] == ["<table border=1>", "    <caption>T table</caption>"]
    assert f'    <td><a name="{UUID}">00000000</a></td>' in lines
    assert "    <td>&quot;a \\&quot;b\\&quot;&quot;</td>" in lines


def test_json():
    [line] = printed(("format", "json"))
    assert line == (
        f'{{"caption":"T table","data":[[["uuid","{UUID}"],"a \\"b\\"",["set",[1,2]]],["x",null,[1]]],'
        '"headings":["_uuid","name","set"]}'
    )


def test_tables_are_apart():
    lines = list(print_tables([table(), table()], Style()))
    assert lines.index("") == len(lines) // 2


@pytest.mark.parametrize(
    ("name", "message"), [("format", 'unknown output format "x"'), ("data", 'unknown data format "x"')]
)
def test_unknown_formats(name, message):
    with pytest.raises(CommandError, match=message):
        Style.from_options(Given([(name, "x")]))
