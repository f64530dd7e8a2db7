"""Controllers, fail modes and keys of a bridge."""

from __future__ import annotations

import pytest

from tests.unit.cli.vsctl_lines import Line
from vswitch.base.options import CommandError


@pytest.fixture
def line() -> Line:
    line = Line()
    line.run("add-br", "br0")
    return line


def test_controllers_are_replaced_as_a_whole(line: Line) -> None:
    line.run("set-controller", "br0", "tcp:10.0.0.1", "ssl:10.0.0.2")
    assert line.run("get-controller", "br0") == ["ssl:10.0.0.2", "tcp:10.0.0.1"]
    line.run("set-controller", "br0", "unix:/x")
    assert line.run("get-controller", "br0") == ["unix:/x"]
    assert len(list(line.transaction.rows("Controller"))) == 1
    line.run("del-controller", "br0")
    assert list(line.transaction.rows("Controller")) == []


def test_a_fail_mode_is_one_of_two(line: Line) -> None:
    assert line.run("get-fail-mode", "br0") == []
    line.run("set-fail-mode", "br0", "secure")
    assert line.run("get-fail-mode", "br0") == ["secure"]
    with pytest.raises(CommandError):
        line.run("set-fail-mode", "br0", "open")
    line.run("del-fail-mode", "br0")
    assert line.run("get-fail-mode", "br0") == []


def test_managers_and_their_probes(line: Line) -> None:
    line.run("--inactivity-probe=30000", "set-manager", "tcp:10.0.0.1:6640")
    [manager] = line.transaction.rows("Manager")
    assert line.transaction.get(manager, "inactivity_probe") == 30000
    assert line.run("get-manager") == ["tcp:10.0.0.1:6640"]
    line.run("del-manager")
    assert list(line.transaction.rows("Manager")) == []


def test_keys(line: Line) -> None:
    line.run("--bootstrap", "set-ssl", "key", "crt", "ca")
    assert line.run("get-ssl") == [
        "Private key: key",
        "Certificate: crt",
        "CA Certificate: ca",
        "Bootstrap: true",
    ]
    line.run("set-ssl", "key2", "crt2", "ca2")
    assert len(list(line.transaction.rows("SSL"))) == 1
    line.run("del-ssl")
    assert line.run("get-ssl") == []
