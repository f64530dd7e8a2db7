"""Plans for hosts with the kernel's own bridges."""

from __future__ import annotations

import pytest

from tests.xenserver import pool
from vswitch.xenserver.actions import Planner
from vswitch.xenserver.facts import Device, Facts
from vswitch.xenserver.records import ReconfigureError
from vswitch.xenserver.steps import Plan, Stage

DEVICES = {f"eth{number}": Device(f"eth{number}", pool.mac(number)) for number in range(5)}


def plan(tables: pool.Tables, action: str, ref: str, *, forced: bool = True, **more: Device) -> Plan:
    topology = pool.topology(tables)
    planner = Planner(topology, Facts(devices=DEVICES | more), "bridge")
    pif = topology.by_ref(f"OpaqueRef:{ref}")
    return planner.up(pif, topology.management(), forced=forced) if action == "up" else planner.down(pif)


def lines(planned: Plan) -> list[str]:
    return [str(step) for step in planned.steps if not isinstance(step, Stage)]


def file(planned: Plan, device: str) -> list[str]:
    [text] = [s.text for s in planned.steps if isinstance(s, Stage) and s.path.endswith(f"/ifcfg-{device}")]
    return text.splitlines()[1:]


def test_a_network_card() -> None:
    planned = plan(pool.tables(), "up", "eth3")
    assert file(planned, "eth3") == [
        "XEMANAGED=yes", "DEVICE=eth3", "ONBOOT=no", "TYPE=Ethernet", f"HWADDR={pool.mac(3)}",
        'ETHTOOL_OFFLOAD_OPTS="gro off lro off"', "MTU=1500", "BRIDGE=xenbr3",
    ]  # fmt: skip
    assert file(planned, "xenbr3")[:8] == [
        "XEMANAGED=yes", "DEVICE=xenbr3", "ONBOOT=no", "NOZEROCONF=yes", "TYPE=Bridge", "DELAY=0", "STP=off",
        "PIFDEV=eth3",
    ]  # fmt: skip
    assert lines(planned) == [
        "put the files into place",
        "run /usr/sbin/brctl addbr xenbr3",
        "run /usr/sbin/brctl setfd xenbr3 0",
        "ifup eth3",
        "ifup xenbr3",
        "keep the files",
    ]


def test_a_bond() -> None:
    planned = plan(pool.tables(), "up", "bond0")
    assert file(planned, "bond0") == [
        "XEMANAGED=yes", "DEVICE=bond0", "ONBOOT=no", f"MACADDR={pool.mac(0)}",
        'BONDING_OPTS="downdelay=200 miimon=100 mode=balance-slb updelay=31000 use_carrier=1"', "MTU=1500",
        "BRIDGE=xapi1",
    ]  # fmt: skip
    for number in (0, 1):
        assert file(planned, f"eth{number}")[-3:] == ["MTU=1500", "MASTER=bond0", "SLAVE=yes"]
    assert lines(planned)[:5] == [
        "put the files into place",
        "make bond bond0",
        "run /usr/sbin/brctl addbr xapi1",
        "run /usr/sbin/brctl setfd xapi1 0",
        "ifup bond0",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"bond_mode": "802.3ad"}, "downdelay=200 miimon=100 mode=802.3ad updelay=31000 use_carrier=1"),
        ({"bond_updelay": "soon"}, "downdelay=200 miimon=100 mode=balance-slb use_carrier=1"),
        ({"bond_mode": '"; reboot; "'}, "downdelay=200 miimon=100 mode=balance-slb updelay=31000 use_carrier=1"),
        ({"bond_mode": "$(reboot)"}, "downdelay=200 miimon=100 mode=balance-slb updelay=31000 use_carrier=1"),
    ],
)  # fmt: skip
def test_options_of_a_bond(given: dict[str, str], expected: str) -> None:
    """A shell reads the file, and whoever sets other_config need not be root on the host."""
    tables = pool.tables()
    pool.options(tables, "bond0", **given)
    assert f'BONDING_OPTS="{expected}"' in file(plan(tables, "up", "bond0"), "bond0")


def test_a_vlan() -> None:
    planned = plan(pool.tables(), "up", "eth3.123")
    assert file(planned, "eth3.123") == [
        "XEMANAGED=yes", "DEVICE=eth3.123", "ONBOOT=no", "VLAN=yes", "MTU=1500", "BRIDGE=xapi3",
    ]  # fmt: skip
    assert file(planned, "eth3")[-1] == "BRIDGE=xenbr3"
    assert lines(planned)[3:6] == ["ifup eth3", "ifup eth3.123", "ifup xapi3"]


def test_a_network_without_a_bridge() -> None:
    tables = pool.tables()
    tables["network"]["OpaqueRef:net-xenbr3"]["bridge"] = ""
    planned = plan(tables, "up", "eth3")
    assert file(planned, "eth3")[4:6] == ["TYPE=Ethernet", f"HWADDR={pool.mac(3)}"]
    assert lines(planned) == ["put the files into place", "ifup eth3", "keep the files"]


def test_a_plug_takes_down_what_is_in_the_way_and_brings_vlans_back() -> None:
    tables = pool.tables()
    tables["PIF"]["OpaqueRef:eth3.123"]["currently_attached"] = True
    said = lines(plan(tables, "up", "eth3", forced=False))
    assert said[:5] == [
        "ifdown xenbr3", "ifdown xapi3", "ifdown eth3.123", "ifdown eth3", "put the files into place",
    ]  # fmt: skip
    assert said[-3:] == ["ifup eth3.123", "ifup xapi3", "keep the files"]


def test_a_member_replaces_its_bond() -> None:
    bond = Device("bond0", pool.mac(0), bond_slaves=("eth1", "eth0"))
    said = lines(plan(pool.tables(), "up", "eth0", forced=False, bond0=bond))
    assert said[1:8] == [
        "ifdown eth0", "ifdown eth1", "ifdown bond0", "remove bond bond0", "link down xapi1",
        "run /usr/sbin/brctl delbr xapi1", "ifdown eth0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attached", "ref", "expected"),
    [
        ([], "eth3", ["ifdown xenbr3", "ifdown eth3", "link down xenbr3", "run /usr/sbin/brctl delbr xenbr3"]),
        (["eth3.123"], "eth3", ["ifdown xenbr3", "link down xenbr3", "run /usr/sbin/brctl delbr xenbr3"]),
        (
            ["eth3"],
            "eth3.123",
            [
                "ifdown xapi3", "ifdown eth3.123", "run /sbin/vconfig rem eth3.123", "link down xapi3",
                "run /usr/sbin/brctl delbr xapi3",
            ],
        ),
        (
            [],
            "eth3.123",
            [
                "ifdown xapi3", "ifdown eth3.123", "run /sbin/vconfig rem eth3.123", "link down xapi3",
                "run /usr/sbin/brctl delbr xapi3", "ifdown eth3", "link down xenbr3",
                "run /usr/sbin/brctl delbr xenbr3",
            ],
        ),
    ],
)  # fmt: skip
def test_down(attached: list[str], ref: str, expected: list[str]) -> None:
    tables = pool.tables()
    for each in attached:
        tables["PIF"][f"OpaqueRef:{each}"]["currently_attached"] = True
    assert lines(plan(tables, "down", ref)) == expected


def test_tunnels_need_the_switch() -> None:
    with pytest.raises(ReconfigureError, match="tunnels need Open vSwitch"):
        plan(pool.with_tunnel(pool.tables()), "up", "tunnel0")
