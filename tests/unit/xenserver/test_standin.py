"""What stands in for the management bridge while the switch does not work."""

from __future__ import annotations

import pytest

from tests.xenserver import pool
from vswitch.xenserver.facts import STAND_IN, Device, Facts
from vswitch.xenserver.standin import stand_in
from vswitch.xenserver.steps import Plan, Stage

DEVICES = {f"eth{number}": Device(f"eth{number}", pool.mac(number)) for number in range(5)}


def planned(ref: str, devices: dict[str, Device] = DEVICES) -> tuple[str, Plan] | None:
    tables = pool.tables()
    pool.options(tables, "bond0", mtu="9000")
    topology = pool.topology(tables)
    return stand_in(topology, topology.by_ref(f"OpaqueRef:{ref}"), Facts(devices=devices), pytest.fail)


@pytest.mark.parametrize(
    ("ref", "device", "kind", "steps"),
    [
        ("eth2", "eth2", "TYPE=Ethernet", ["link up eth2 mtu 1500", "ifup eth2"]),
        ("bond0", "eth0", "TYPE=Ethernet", ["link up eth0 mtu 9000", "ifup eth0"]),
        ("eth3.123", "eth3.123", "VLAN=yes", ["link up eth3 mtu 1500", "ifup eth3.123"]),
        ("bond0.4", "eth0.4", "VLAN=yes", ["link up eth0 mtu 9000", "ifup eth0.4"]),
    ],
)
def test_the_card_gets_the_address(ref: str, device: str, kind: str, steps: list[str]) -> None:
    found = planned(ref)
    assert found is not None
    assert found[0] == device
    [file] = [step for step in found[1].steps if isinstance(step, Stage) and "/ifcfg-" in step.path]
    assert file.path == f"/etc/sysconfig/network-scripts/ifcfg-{device}"
    lines = file.text.splitlines()
    assert f"DEVICE={device}" in lines
    assert lines[lines.index(STAND_IN) + 1] == kind
    shown = [line for line in found[1].lines() if not line.startswith(("write ", " "))]
    assert shown == ["put the files into place", *steps, "keep the files"]


def test_the_first_card_of_a_bond_that_is_there() -> None:
    found = planned("bond0", {"eth1": DEVICES["eth1"]})
    assert found is not None
    assert found[0] == "eth1"


def test_without_a_card_there_is_nothing_to_be_done() -> None:
    assert planned("eth2", {}) is None
