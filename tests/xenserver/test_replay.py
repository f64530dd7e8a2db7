"""The transactions, replayed: the peer's ovs-vsctl on the peer's database, and ours in one process, give the same rows."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.unit.xenserver.test_vswitch_backend import down, no_bridge, planner, up
from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from tests.xenserver.switch_rows import rows
from tests.xenserver.test_sequences import plan
from vswitch.xenserver.steps import Plan, Transact
from vswitch.xenserver.switchdb import SwitchDatabase

pytestmark = pytest.mark.interop

RUNS = [
    "xenbr2 up", "xenbr3 up", "xapi3 up", "xapi1 up", "xapi2 up", "xenbr2 up", "xapi2 down", "xenbr0 up", "xapi1 up",
    "xapi3 down", "xapi4 up", "xenbr2 down", "xapi1 down",
]  # fmt: skip


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory):
    with contextlib.ExitStack() as stack:
        made: list[Daemons] = []
        for name in ("theirs", "mine"):
            directory: Path = tmp_path_factory.mktemp(name)
            made.append(stack.enter_context(Daemons(directory, "peer" if name == "theirs" else "ours")))
            made[-1].run("peer", "ovs-vsctl", "--no-wait", "init")
        yield made


def test_every_run_leaves_the_same_rows(databases: list[Daemons]) -> None:
    theirs, mine = databases
    switch = SwitchDatabase(f"unix:{mine.socket}", "interface-reconfigure", is_waiting=False)
    tables = pool.with_tunnel(pool.secure())
    pool.options(
        tables, "net-xenbr3", vswitch_disable_in_band="true", vswitch_controller_fail_mode="standalone"
    )
    pool.options(
        tables, "bond0", bond_mode="lacp", bond_hashing_algorithm="tcpudp_ports", bond_use__carrier="0"
    )
    with HostRoot(tables) as host:
        for run in RUNS:
            [step] = [s for s in plan(host, "--force", *run.split()).steps if isinstance(s, Transact)]
            theirs.run("peer", "ovs-vsctl", "--no-wait", "--timeout=20", *step.argv)
            switch.run(step.argv, 20)
            assert rows(mine) == rows(theirs), run
    assert [row["name"] for row in rows(mine)["Bridge"]] == ["xapi4"]


BONDS = [
    {"bond_mode": "balance-slb"},
    {"bond_mode": "active-backup", "bond_use__carrier": "0", "bond_miimon": "50"},
    {"bond_mode": "lacp"},
    {"bond_mode": "lacp", "bond_hashing_algorithm": "src_mac", "bond_updelay": "0", "bond_downdelay": "7"},
    {"bond_mode": "lacp", "bond_hashing_algorithm": "tcpudp_ports"},
    {"bond_mode": "lacp", "bond_hashing_algorithm": "junk"},
    {"bond_mode": "junk", "bond_miimon": "junk"},
]
FAIL_MODES = [("", ""), ("secure", ""), ("", "secure"), ("standalone", "secure"), ("junk", "junk")]
IN_BAND = ["", "true", "false", "junk"]
REFS = [
    "eth2",
    "eth3",
    "bond0",
    "eth3.123",
    "bond0.4",
    "tunnel0",
    "eth0",
    "eth4",
    "no bridge",
    "VLAN without bridge",
]


def replay(databases: list[Daemons], planned: Plan) -> None:
    """Carry a plan's transaction out on both, and compare all rows."""
    theirs, mine = databases
    switch = SwitchDatabase(f"unix:{mine.socket}", "interface-reconfigure", is_waiting=False)
    for step in planned.steps:
        if isinstance(step, Transact):
            theirs.run("peer", "ovs-vsctl", "--no-wait", "--timeout=20", *step.argv)
            switch.run(step.argv, 20)
    assert rows(mine) == rows(theirs)


def begin(databases: list[Daemons]) -> None:
    """No bridges, on either."""
    for daemons in databases:
        for bridge in daemons.run("peer", "ovs-vsctl", "--real", "list-br").stdout.split():
            daemons.run("peer", "ovs-vsctl", "--no-wait", "del-br", bridge)


@pytest.mark.parametrize("options", BONDS, ids=lambda options: " ".join(options.values()))
def test_bonds(databases: list[Daemons], options: dict[str, str]) -> None:
    begin(databases)
    tables = pool.tables()
    pool.options(tables, "bond0", **options)
    replay(databases, up(tables, "bond0"))
    replay(databases, up(tables, "bond0.4", forced=False))
    replay(databases, down(tables, "bond0.4"))


@pytest.mark.parametrize("ref", REFS)
def test_the_matrix(databases: list[Daemons], ref: str) -> None:
    """Up by session or by force, down while others are attached or not, for each fail mode and in-band setting."""
    begin(databases)
    lacking = {"no bridge": "eth3", "VLAN without bridge": "eth3.123"}
    settings = [(modes, IN_BAND[number % len(IN_BAND)]) for number, modes in enumerate(FAIL_MODES)]
    for number, ((of_network, of_pool), in_band) in enumerate(settings):
        tables = no_bridge(lacking[ref]) if ref in lacking else pool.with_tunnel(pool.tables())
        name = lacking.get(ref, ref)
        network = tables["PIF"][f"OpaqueRef:{name}"]["network"].removeprefix("OpaqueRef:")
        given = {"vswitch_controller_fail_mode": of_network, "vswitch_disable_in_band": in_band}
        pool.options(tables, network, **{key: value for key, value in given.items() if value})
        if of_pool:
            pool.options(tables, "pool", vswitch_controller_fail_mode=of_pool)
        for record in tables["PIF"].values():
            record["currently_attached"] = bool(number % 2)
        replay(databases, up(tables, name, forced=not number % 2))
        if number % 2 == 0:
            replay(databases, down(tables, name))


def test_a_rewrite(databases: list[Daemons]) -> None:
    begin(databases)
    tables = pool.tables()
    for name in ("eth2", "bond0", "eth3.123"):
        tables["PIF"][f"OpaqueRef:{name}"]["currently_attached"] = True
        replay(databases, up(tables, name))
    for network in tables["network"].values():
        network["uuid"] = network["uuid"].replace("4000", "4fff")
    replay(databases, planner(tables)[1].rewrite())
    [bridge] = [row for row in rows(databases[1])["Bridge"] if row["name"] == "xenbr2"]
    assert "4fff" in str(bridge["external_ids"])
