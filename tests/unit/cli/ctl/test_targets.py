import pytest

from tests.unit.cli.vsctl_lines import Line


@pytest.fixture
def line():
    return Line()


def test_managers_are_replaced_as_a_whole(line):
    assert line.run("get-manager") == []
    line.run("set-manager", "tcp:10.0.0.2:6640", "ptcp:6640")
    assert line.run("get-manager") == ["ptcp:6640", "tcp:10.0.0.2:6640"]
    line.run("--inactivity-probe=5000", "set-manager", "ssl:10.0.0.1")
    assert line.run("get-manager") == ["ssl:10.0.0.1"]
    [row] = line.transaction.rows("Manager")
    assert line.transaction.get(row, "inactivity_probe") == 5000
    line.run("del-manager")
    assert line.run("get-manager") == []
    assert list(line.transaction.rows("Manager")) == []


def test_a_target_of_no_known_kind_is_taken_with_a_warning(line, capsys):
    line.run("set-manager", "bogus:x", "tcp")
    assert line.run("get-manager") == ["bogus:x", "tcp"]
