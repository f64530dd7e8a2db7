"""Bridges, VLAN bridges and ports, as ovs-vsctl's commands make and name them."""

from __future__ import annotations

import pytest

from tests.unit.cli.vsctl_lines import Line
from vswitch.base.options import CommandError


@pytest.fixture
def line() -> Line:
    line = Line()
    line.run("add-br", "br0")
    line.run("add-port", "br0", "p1", "tag=9")
    line.run("add-br", "vlan9", "br0", "9")
    return line


def test_a_vlan_bridge_has_the_ports_of_its_tag(line: Line) -> None:
    assert line.run("list-br") == ["br0", "vlan9"]
    assert line.run("--real", "list-br") == ["br0"]
    assert line.run("--fake", "list-br") == ["vlan9"]
    assert line.run("list-ports", "br0") == []
    assert line.run("list-ports", "vlan9") == ["p1"]
    assert line.run("port-to-br", "p1") == ["vlan9"]
    assert (line.run("br-to-vlan", "vlan9"), line.run("br-to-parent", "vlan9")) == (["9"], ["br0"])
    assert (line.run("br-to-vlan", "br0"), line.run("br-to-parent", "br0")) == (["0"], ["br0"])


def test_a_port_of_a_vlan_bridge_gets_its_tag(line: Line) -> None:
    line.run("add-port", "vlan9", "p2")
    [port] = [row for row in line.transaction.rows("Port") if line.transaction.get(row, "name") == "p2"]
    assert line.transaction.get(port, "tag") == 9


def test_deleting_a_bridge_takes_all_that_is_on_it(line: Line) -> None:
    line.run("del-br", "br0")
    assert line.run("list-br") == []
    assert not any(list(line.transaction.rows(table)) for table in ("Bridge", "Port", "Interface"))


def test_deleting_a_vlan_bridge_leaves_its_parent(line: Line) -> None:
    line.run("add-port", "br0", "p3")
    line.run("del-br", "vlan9")
    assert (line.run("list-br"), line.run("list-ports", "br0")) == (["br0"], ["p3"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("add-br", "br0"), "cannot create a bridge named br0 because a bridge named br0 already exists"),
        (("add-br", "p1"), "cannot create a bridge named p1 because a port named p1 already exists on bridge vlan9"),
        (("add-br", "x", "vlan9", "8"), "cannot create bridge with fake bridge as parent"),
        (("add-br", "x", "nope", "8"), "parent bridge nope does not exist"),
        (("add-br", "x", "br0", "9"), "bridge br0 already has a child VLAN bridge vlan9 on VLAN 9"),
        (("add-port", "br0", "p1"), "cannot create a port named p1 because a port named p1 already exists on bridge vlan9"),
        (("del-br", "nope"), "no bridge named nope"),
        (("del-port", "nope"), "no port named nope"),
        (("list-ports", "nope"), "no bridge named nope"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(line: Line, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError) as caught:
        line.run(*words)
    assert str(caught.value) == complaint


def test_may_exist_and_if_exists_take_things_as_they_are(line: Line) -> None:
    line.run("--may-exist", "add-br", "br0")
    line.run("--may-exist", "add-port", "vlan9", "p1")
    with pytest.raises(CommandError, match="but p1 is actually attached to bridge vlan9"):
        line.run("--may-exist", "add-port", "br0", "p1")
    line.run("--if-exists", "del-br", "nope")
    line.run("--if-exists", "del-port", "nope")
    assert line.run("list-br") == ["br0", "vlan9"]


def test_external_ids_of_a_vlan_bridge_are_kept_in_its_port(line: Line) -> None:
    line.run("br-set-external-id", "vlan9", "k", "v")
    [port] = [row for row in line.transaction.rows("Port") if line.transaction.get(row, "name") == "vlan9"]
    assert line.transaction.get(port, "external_ids") == {"fake-bridge-k": "v"}
    assert line.run("br-get-external-id", "vlan9", "k") == ["v"]
    line.run("br-set-external-id", "vlan9", "k")
    assert line.transaction.get(port, "external_ids") == {}
