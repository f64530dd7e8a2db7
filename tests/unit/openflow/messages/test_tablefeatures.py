"""Names of tables, without the rest of what a table says of itself."""

from __future__ import annotations

import pytest

from tests.unit.openflow.monitor_samples import FULL
from vswitch.openflow.message import encode
from vswitch.openflow.messages.switch import DescRequest
from vswitch.openflow.messages.tablefeatures import TableFeaturesReply, TableFeaturesRequest, names_of_tables


@pytest.mark.parametrize("version", [4, 5, 6])
def test_names_of_tables(version: int):
    tables = (FULL, FULL.replace(table_id=7, name="acl"), FULL.replace(table_id=8, name=""))
    data = encode(TableFeaturesReply(tables), version, 1)
    assert list(names_of_tables(data)) == [(FULL.table_id, FULL.name), (7, "acl"), (8, "")]
    assert list(names_of_tables(data[:60])) == [(FULL.table_id, FULL.name)][: len(data[16:60]) // 64]


def test_what_is_no_reply():
    assert list(names_of_tables(encode(TableFeaturesRequest((FULL,)), 4, 1))) == []
    assert list(names_of_tables(encode(DescRequest(), 4, 1))) == []


def test_sizes_that_make_no_sense_come_to_an_end():
    data = bytearray(encode(TableFeaturesReply((FULL,)), 4, 1))
    data[16:18] = bytes(2)
    assert len(list(names_of_tables(bytes(data)))) <= len(data) // 64
