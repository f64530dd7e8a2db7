"""The device that stands for a bond (`--fake-iface add-bond`): an OpenFlow port of both makes that nothing is flooded to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop


def ports(daemons: Daemons) -> set[str]:
    return set(re.findall(r"\d+\((\w+)\)", daemons.run("peer", "ovs-ofctl", "show", "br0").stdout))


@pytest.mark.parametrize("make", ["ours", "peer"])
def test_a_bond_has_a_device(tmp_path: Path, make: Make) -> None:
    with Daemons(tmp_path / "run", make, make, "--enable-dummy=override") as daemons:
        bridge = [
            "add-br",
            "br0",
            "--",
            "set",
            "bridge",
            "br0",
            "datapath_type=dummy",
            "--",
            "add-port",
            "br0",
            "p3",
        ]
        daemons.run("peer", "ovs-vsctl", *bridge)
        daemons.run("peer", "ovs-vsctl", "--fake-iface", "add-bond", "br0", "bond0", "p1", "p2")
        assert "bond0" in ports(daemons)
        shown = daemons.run("peer", "ovs-ofctl", "show", "br0").stdout
        number = shown.split("(bond0)")[0].split()[-1]
        flow = "in_port=1,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x1234"
        traced = daemons.run("peer", "ovs-appctl", "ofproto/trace", "br0", flow).stdout
        [actions] = re.findall(r"Datapath actions: (.*)", traced)
        assert number not in actions.split(",")
        daemons.run("peer", "ovs-vsctl", "del-port", "br0", "bond0")
        assert "bond0" not in ports(daemons)
