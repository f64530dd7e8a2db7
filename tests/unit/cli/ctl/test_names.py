"""Names of tables, columns and records, as people may write them."""

from __future__ import annotations

import pytest

from tests.unit.cli.vsctl_lines import ROOT, Line
from vswitch.base.options import CommandError
from vswitch.cli.ctl.names import find_column, find_row, find_table, matches, must_find_row
from vswitch.cli.vsctl import ROW_IDS


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Bridge", ["Bridge"]),
        ("bridge", ["Bridge"]),
        ("flow-table", ["Flow_Table"]),
        ("flow_s", ["Flow_Sample_Collector_Set"]),
        ("FL", ["Flow_Table", "Flow_Sample_Collector_Set"]),
        ("x", []),
        ("", []),
    ],
)
def test_a_unique_prefix_in_any_case_will_do(typed: str, meant: list[str]) -> None:
    assert matches(typed, ["Bridge", "Flow_Table", "Flow_Sample_Collector_Set"]) == meant


def test_the_exact_name_wins_over_longer_ones() -> None:
    assert matches("tag", ["tag", "tags"]) == ["tag"]
    assert matches("TAG", ["tag", "tags"]) == ["tag"]
    assert matches("tag", ["TAG", "tag"]) == ["tag"]


def test_tables_and_columns_that_cannot_be_told_are_refused() -> None:
    layout = Line().transaction.tables
    assert find_table(Layouts(layout), "por").name == "Port"
    with pytest.raises(CommandError, match='unknown table "Nope"'):
        find_table(Layouts(layout), "Nope")
    with pytest.raises(CommandError, match='"flow" matches multiple table names: '):
        find_table(Layouts(layout), "flow")
    assert find_column(layout["Bridge"], "fail").name == "fail_mode"
    with pytest.raises(CommandError, match='Bridge contains more than one column whose name matches "f": '):
        find_column(layout["Bridge"], "f")
    with pytest.raises(CommandError, match='Bridge does not contain a column whose name matches "x"'):
        find_column(layout["Bridge"], "x")


class Layouts:
    """What find_table() wants of a Layout."""

    def __init__(self, tables: object) -> None:
        self.tables = tables


def test_records_go_by_uuid_by_its_digits_by_name_and_by_what_refers_to_them() -> None:
    line = Line()
    line.run("add-br", "br0")
    line.run("set-controller", "br0", "tcp:10.0.0.1")
    transaction = line.transaction
    [bridge], [controller] = transaction.rows("Bridge"), transaction.rows("Controller")
    tables = transaction.tables

    def find(table: str, typed: str) -> object:
        return find_row(transaction, ROW_IDS, tables[table], typed)

    assert find("Bridge", "br0") == find("Bridge", bridge.uuid) == bridge
    assert find("Bridge", "1000") == bridge
    assert find("Bridge", "100") is None, "too few digits"
    assert find("Controller", "br0") == controller
    assert find("Open_vSwitch", ".") == find("Open_vSwitch", ROOT)
    with pytest.raises(CommandError, match='no row "nope" in table Bridge'):
        must_find_row(transaction, ROW_IDS, tables["Bridge"], "nope")


def test_digits_that_begin_two_uuids_tell_neither() -> None:
    line = Line()
    line.run("add-br", "br0")
    line.run("add-br", "br1")
    with pytest.raises(CommandError, match="Bridge contains 2 or more rows whose UUIDs begin with 1000"):
        find_row(line.transaction, ROW_IDS, line.transaction.tables["Bridge"], "1000")
