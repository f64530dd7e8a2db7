"""Table features: what is told, and which changes are taken."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, replies
from vswitch.ofproto.stats import MAX_ENTRIES
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.openflow.errors import ErrorCode, TableFeaturesFailed
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.tablefeatures import (
    OFPTFC15_DISABLE,
    OFPTFC15_ENABLE,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
)
from vswitch.openflow.version import OF15


def ask(machine: Machine, *tables: TableFeatures) -> tuple[TableFeatures, ...] | ErrorCode:
    """What is told of all tables; or why not."""
    [reply] = replies(machine.connect(OF15).handle(TableFeaturesRequest(tables), 1, 0.0))
    if isinstance(reply, Error):
        return reply.code
    assert isinstance(reply, TableFeaturesReply)
    return reply.tables


def test_every_table_can_do_the_same_but_go_to_earlier_ones() -> None:
    machine = Machine()
    machine.br0.configure_table(3, "third", 7, False, 0, 0.0)
    tables = ask(machine)
    assert isinstance(tables, tuple)
    assert [table.table_id for table in tables] == list(range(INTERNAL_TABLE))
    assert (tables[3].name, tables[3].max_entries, tables[4].max_entries) == ("third", 7, MAX_ENTRIES)
    first, last = tables[0], tables[-1]
    assert first.flows is not None
    assert last.flows is not None
    assert first.flows.next_tables == frozenset(range(1, INTERNAL_TABLE))
    assert last.flows.next_tables == frozenset()
    assert first.flows.instructions & ~last.flows.instructions == 1 << 1  # goto_table
    assert first.match == last.match
    assert {field.name for field in first.match} > {"in_port", "ip_dst", "reg15"}
    assert first.mask < first.match


def test_names_can_be_given() -> None:
    machine = Machine()
    tables = ask(machine, TableFeatures(5, "five"), TableFeatures(6, "six"))
    assert isinstance(tables, tuple)
    assert [table.name for table in tables[4:8]] == ["", "five", "six", ""]
    assert machine.br0.tables[5].name == "five"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (TableFeatures(INTERNAL_TABLE, "x"), TableFeaturesFailed.BAD_TABLE),
        (TableFeatures(6, "x", command=OFPTFC15_ENABLE), TableFeaturesFailed.EPERM),
        (TableFeatures(6, "x", command=OFPTFC15_DISABLE), TableFeaturesFailed.EPERM),
    ],
)
def test_what_cannot_be_changes_nothing(wrong: TableFeatures, code: ErrorCode) -> None:
    machine = Machine()
    assert ask(machine, TableFeatures(5, "five"), wrong) is code
    assert machine.br0.tables[5].name == ""
