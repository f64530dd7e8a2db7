import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.base.log import LOG
from vswitch.ovsdbserver.tablelog import TableLog


@pytest.fixture
def lines():
    """What is logged, without the time."""
    seen = []
    LOG.install("file", lambda level, line: seen.append(line))
    LOG.set_rate_limits(["transaction"], False)
    yield seen
    LOG.install("file", None)
    LOG.set_rate_limits(["transaction"], True)


@pytest.fixture
def machine():
    machine = Machine()
    table_log = TableLog()
    machine.host.on_commit = lambda commit: table_log.tell(machine.host, commit)
    return machine, table_log


def test_rows_that_come_change_and_go(machine, lines):
    machine, table_log = machine
    table_log.switch("T", "I", on=True)
    uuid = "00000000-0000-0000-0000-000000000001"
    client = machine.client()
    client.transact({"op": "insert", "table": "I", "row": {"a": "x y"}, "uuid": uuid})
    client.transact({"op": "insert", "table": "M", "row": {"a": "z"}})
    client.transact({"op": "update", "table": "I", "where": [], "row": {"a": "2", "b": 3}})
    client.transact({"op": "delete", "table": "I", "where": []})
    texts = [line.split("|INFO|")[1] for line in lines]
    assert [text.split(",_uuid")[0] for text in texts] == [
        "table:I,op:inserted",
        "table:I,op:updated",
        "table:I,op:deleted",
    ]
    assert all(f",_uuid:{uuid},_version:" in text for text in texts)
    assert [text.partition(",a:")[2] for text in texts] == ['"x y",b:0', '"2",b:3', '"2",b:3']


def test_off_again(machine, lines):
    machine, table_log = machine
    table_log.switch("T", "I", on=True)
    table_log.switch("T", "M", on=True)
    table_log.switch("T", "M", on=False)
    assert table_log.tables == {("T", "I")}
    table_log.forget("T")
    machine.client().transact({"op": "insert", "table": "I", "row": {"a": "x"}})
    assert lines == []
