"""The switch's part of plans, by kind of PIF and by option; the worked sequences are in tests/xenserver."""

from __future__ import annotations

import pytest

from tests.xenserver import pool
from vswitch.xenserver.actions import Planner
from vswitch.xenserver.facts import VLAN_WORKAROUND, Device, Facts
from vswitch.xenserver.records import ReconfigureError
from vswitch.xenserver.steps import (
    Apply,
    Commit,
    IfDown,
    IfUp,
    LinkUp,
    Note,
    Plan,
    Protect,
    Run,
    Stage,
    Transact,
)
from vswitch.xenserver.topology import Topology

DEVICES = {f"eth{number}": Device(f"eth{number}", pool.mac(number)) for number in range(5)}
KINDS = ["eth2", "bond0", "eth3.123", "bond0.4", "tunnel0", "eth3"]


def planner(tables: pool.Tables, **facts: object) -> tuple[Topology, Planner]:
    topology = pool.topology(tables)
    return topology, Planner(topology, Facts(devices=DEVICES, has_switch=True, **facts), "openvswitch")


def up(tables: pool.Tables, ref: str, *, forced: bool = True, **facts: object) -> Plan:
    topology, plans = planner(tables, **facts)
    return plans.up(topology.by_ref(f"OpaqueRef:{ref}"), topology.management(), forced=forced)


def down(tables: pool.Tables, ref: str) -> Plan:
    topology, plans = planner(tables)
    return plans.down(topology.by_ref(f"OpaqueRef:{ref}"))


def commands(plan: Plan) -> list[str]:
    return [
        " ".join(command) for step in plan.steps if isinstance(step, Transact) for command in step.commands
    ]


def notes(plan: Plan) -> list[str]:
    return [step.text for step in plan.steps if isinstance(step, Note)]


def no_bridge(ref: str) -> pool.Tables:
    tables = pool.with_tunnel(pool.tables())
    tables["network"][tables["PIF"][f"OpaqueRef:{ref}"]["network"]]["bridge"] = ""
    return tables


@pytest.mark.parametrize("ref", KINDS)
@pytest.mark.parametrize("forced", [True, False])
def test_every_kind_comes_up_in_one_transaction(ref: str, forced: bool) -> None:
    plan = up(pool.with_tunnel(pool.tables()), ref, forced=forced)
    assert sum(isinstance(step, Transact) for step in plan.steps) == 1
    [ifup] = [step for step in plan.steps if isinstance(step, IfUp)]
    topology = pool.topology(pool.with_tunnel(pool.tables()))
    assert ifup.device == topology.ipdev(topology.by_ref(f"OpaqueRef:{ref}"))


@pytest.mark.parametrize(
    ("value", "expected", "n_notes"),
    [
        (None, "remove Bridge xenbr3 other_config disable-in-band", 0),
        ("", "remove Bridge xenbr3 other_config disable-in-band", 0),
        ("true", "set Bridge xenbr3 other_config:disable-in-band=true", 0),
        ("false", "set Bridge xenbr3 other_config:disable-in-band=false", 0),
        ("junk", None, 1),
    ],
)
def test_in_band(value: str | None, expected: str | None, n_notes: int) -> None:
    tables = pool.tables()
    if value is not None:
        pool.options(tables, "net-xenbr3", vswitch_disable_in_band=value)
    plan = up(tables, "eth3")
    assert [line for line in commands(plan) if "in-band" in line] == ([expected] if expected else [])
    assert len(notes(plan)) == n_notes


@pytest.mark.parametrize(
    ("where", "mode", "ref", "now", "is_protected"),
    [
        ("pool", "secure", "eth2", "", True),
        ("pool", "secure", "eth2", "standalone", True),
        ("pool", "secure", "eth2", "secure", False),  # it is already
        ("pool", "secure", "eth3", "", False),  # not the management interface
        ("net-xenbr2", "secure", "eth2", "", False),  # the network's own word
        ("pool", "standalone", "eth2", "", False),
    ],
)
def test_protection(where: str, mode: str, ref: str, now: str, is_protected: bool) -> None:
    tables = pool.tables()
    pool.options(tables, where, vswitch_controller_fail_mode=mode)
    plan = up(tables, ref, fail_mode_of=lambda bridge: now)
    assert [step for step in plan.steps if isinstance(step, Protect)] == (
        [Protect("xenbr2", pool.mac(2), ("eth2",), False)] if is_protected else []
    )


def test_protection_of_a_bond_goes_through_its_members() -> None:
    tables = pool.secure()
    tables["PIF"]["OpaqueRef:eth2"]["management"] = False
    tables["PIF"]["OpaqueRef:bond0"]["management"] = True
    [step] = [step for step in up(tables, "bond0").steps if isinstance(step, Protect)]
    assert step == Protect("xapi1", pool.mac(0), ("eth0", "eth1"), True)


def test_members_of_a_bond_have_its_mtu() -> None:
    tables = pool.tables()
    tables["network"]["OpaqueRef:net-xapi1"]["MTU"] = "9000"
    pool.options(tables, "eth0", mtu="1400")
    ups = [step for step in up(tables, "bond0").steps if isinstance(step, LinkUp)]
    assert ups == [LinkUp("eth0", "9000"), LinkUp("eth1", "9000"), LinkUp("bond0")]


def test_ethtool_of_a_device() -> None:
    tables = pool.tables()
    pool.options(tables, "eth3", ethtool_speed="100", ethtool_gro="on", ethtool_tx="off", ethtool_sg="maybe")
    plan = up(tables, "eth3")
    runs = [" ".join(step.argv) for step in plan.steps if isinstance(step, Run)]
    assert runs == ["/sbin/ethtool -s eth3 speed 100", "/sbin/ethtool -K eth3 tx off gro on lro off"]
    assert notes(plan) == ["ethtool-sg=maybe is not valid: left as it is"]


@pytest.mark.parametrize(
    ("said", "features", "driver", "expected"),
    [
        (None, 0x180, "e1000", "on"),
        (None, 0x100, "e1000", "on"),
        (None, 0x829, "e1000", "off"),
        (None, 0x180, "bonding", "off"),
        ("true", 0, "bonding", "on"),
        ("false", 0x180, "e1000", "off"),
        ("junk", 0x180, "e1000", "off"),
    ],
)
def test_the_vlan_work_around(said: str | None, features: int, driver: str, expected: str) -> None:
    tables = pool.tables()
    if said is not None:
        pool.options(tables, "eth3", vlan_bug_workaround=said)
    topology = pool.topology(tables)
    device = Device("eth3", pool.mac(3), features=features, driver=driver)
    facts = Facts(devices={"eth3": device}, programs=frozenset({VLAN_WORKAROUND}))
    plan = Planner(topology, facts, "openvswitch").up(topology.by_ref("OpaqueRef:eth3"), None, forced=True)
    assert Run((VLAN_WORKAROUND, "eth3", expected)) in plan.steps


@pytest.mark.parametrize(
    ("attached", "ref", "expected"),
    [
        ([], "eth3", ["--with-iface --if-exists del-port xenbr3", "--if-exists del-br xenbr3"]),
        (["eth3.123"], "eth3", ["--with-iface --if-exists del-port xenbr3"]),
        (["eth3"], "eth3", ["--with-iface --if-exists del-port xenbr3", "--if-exists del-br xenbr3"]),
        (["eth3"], "eth3.123", ["--with-iface --if-exists del-port xapi3", "--if-exists del-br xapi3"]),
        (
            ["eth3.123"],
            "eth3.123",
            [
                "--with-iface --if-exists del-port xapi3",
                "--if-exists del-br xapi3",
                "--if-exists del-br xenbr3",
            ],
        ),
    ],
)
def test_down_keeps_what_is_in_use(attached: list[str], ref: str, expected: list[str]) -> None:
    tables = pool.tables()
    for each in attached:
        tables["PIF"][f"OpaqueRef:{each}"]["currently_attached"] = True
    assert commands(down(tables, ref)) == expected


def test_a_member_that_is_in_use_stays() -> None:
    tables = pool.tables()
    tables["PIF"]["OpaqueRef:eth1"]["currently_attached"] = True
    lines = commands(up(tables, "eth0"))
    assert "--with-iface --if-exists del-port eth1" not in lines
    assert "--with-iface --if-exists del-port bond0" in lines


def test_a_network_without_a_bridge_uses_the_device() -> None:
    plan = up(no_bridge("eth3"), "eth3")
    assert commands(plan) == ["--with-iface --if-exists del-port eth3"]
    assert IfUp("eth3") in plan.steps
    assert commands(down(no_bridge("eth3"), "eth3")) == ["--with-iface --if-exists del-port eth3"]


def test_a_vlan_without_a_bridge_is_a_port() -> None:
    lines = commands(up(no_bridge("eth3.123"), "eth3.123"))
    assert lines[-4:] == [
        "--with-iface --if-exists del-port eth3.123",
        "add-port xenbr3 eth3.123 tag=123",
        "set Interface eth3.123 type=internal",
        f'set Interface eth3.123 MAC="{pool.mac(3)}"',
    ]


@pytest.mark.parametrize("ref", ["bond0", "tunnel0"])
def test_a_bond_or_tunnel_needs_a_bridge(ref: str) -> None:
    with pytest.raises(ReconfigureError, match="has no bridge is not implemented"):
        up(no_bridge(ref), ref)


def test_a_vlan_on_a_network_without_a_bridge() -> None:
    with pytest.raises(ReconfigureError, match="a VLAN on a PIF without a bridge is not implemented"):
        up(no_bridge("eth3"), "eth3.123")


def test_a_tunnel_does_not_look_at_devices() -> None:
    tables = pool.with_tunnel(pool.tables())
    topology = pool.topology(tables)
    plan = Planner(topology, Facts(), "openvswitch").up(
        topology.by_ref("OpaqueRef:tunnel0"), None, forced=False
    )
    assert notes(plan) == []


def test_a_card_that_is_missing_is_told() -> None:
    topology = pool.topology()
    plan = Planner(topology, Facts(), "openvswitch").up(topology.by_ref("OpaqueRef:eth3"), None, forced=True)
    assert notes(plan) == [f"no network card has the address {pool.mac(3)} of eth3"]


def test_rewrite_is_for_what_is_attached() -> None:
    tables = pool.tables()
    for ref in ("eth2", "eth3.123", "bond0"):
        tables["PIF"][f"OpaqueRef:{ref}"]["currently_attached"] = True
    _, plans = planner(tables)
    assert [line.split()[1] for line in commands(plans.rewrite())] == ["xenbr2", "xapi1"]
    assert Planner(pool.topology(tables), Facts(), "openvswitch").rewrite() == Plan(())


MATRIX_MODES = [{}, {"net": "secure"}, {"pool": "secure"}, {"net": "junk", "pool": "junk"}]


@pytest.mark.parametrize("ref", [*KINDS, "eth0", "eth4", "no bridge", "VLAN without bridge"])
@pytest.mark.parametrize("attached", [False, True], ids=["nothing attached", "all attached"])
@pytest.mark.parametrize("mode", MATRIX_MODES, ids=str)
@pytest.mark.parametrize("in_band", ["", "true", "false", "junk"])
def test_the_whole_matrix(ref: str, attached: bool, mode: dict[str, str], in_band: str) -> None:
    """Whatever is combined: one transaction, and every step at its time."""
    lacking = {"no bridge": "eth3", "VLAN without bridge": "eth3.123"}
    tables = no_bridge(lacking[ref]) if ref in lacking else pool.with_tunnel(pool.tables())
    ref = lacking.get(ref, ref)
    network = tables["PIF"][f"OpaqueRef:{ref}"]["network"].removeprefix("OpaqueRef:")
    if "net" in mode:
        pool.options(tables, network, vswitch_controller_fail_mode=mode["net"])
    if "pool" in mode:
        pool.options(tables, "pool", vswitch_controller_fail_mode=mode["pool"])
    if in_band:
        pool.options(tables, network, vswitch_disable_in_band=in_band)
    for record in tables["PIF"].values():
        record["currently_attached"] = attached
    for forced in (True, False):
        steps = [type(step) for step in up(tables, ref, forced=forced).steps]
        order = [Stage, Apply, Transact, IfUp, Commit]
        assert [steps.index(each) for each in order] == sorted(steps.index(each) for each in order)
        assert steps.count(Transact) == steps.count(Apply) == steps.count(Commit) == 1
        assert steps[: steps.index(Apply)].count(IfDown) == (not forced)
    steps = [type(step) for step in down(tables, ref).steps]
    assert steps[0] is IfDown
    assert steps[-1] is Transact
    assert steps.count(Transact) == 1
