import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.base.errors import TextError
from vswitch.ovsdbserver.replication import Replication, parse_exclude


def test_excluded_tables():
    assert parse_exclude("A:b,C:d") == [("A", "b"), ("C", "d")]
    assert parse_exclude("") == []
    with pytest.raises(TextError, match="foo: not DB:TABLE"):
        parse_exclude("foo")


@pytest.fixture
def replication():
    return Replication(Machine().server, {}, lambda: None)


def test_tables_to_exclude_are_told_in_order_and_once(replication):
    assert replication.exclude_list() == ""
    replication.set_exclude(["T:b,S:a T:a,T:b,"])
    assert replication.exclude_list() == "S:a,T:a,T:b\n"
    with pytest.raises(TextError):
        replication.set_exclude(["T:a,nonsense"])
    assert replication.exclude_list() == "S:a,T:a,T:b\n"
    replication.set_exclude([])
    assert replication.exclude_list() == ""


def test_the_active_server_has_to_be_known(replication):
    assert replication.active_server() == ""
    assert replication.connect_if_known() == "Unable to connect: active server is not specified.\n"
    assert replication.status() == "state: active\n"
    replication.set_active(["tcp:127.0.0.1:1"])
    assert replication.active_server() == "tcp:127.0.0.1:1\n"


@pytest.mark.parametrize("word", ["", "x", "0x10", "1.5", "2147483648"])
def test_no_interval(replication, word):
    assert replication.set_probe_interval([word]) == "Invalid probe interval, integer value expected\n"
    assert replication.probe_interval == 60.0


@pytest.mark.parametrize(("word", "seconds"), [("0", 0.0), ("-5", 1.0), ("10", 1.0), ("2500", 2.5)])
def test_intervals(replication, word, seconds):
    assert replication.set_probe_interval([word]) is None
    assert replication.probe_interval == seconds
