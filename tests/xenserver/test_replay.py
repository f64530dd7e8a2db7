"""The transactions, replayed: the peer's ovs-vsctl on the peer's database, and ours in one process, give the same rows."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from tests.xenserver.switch_rows import rows
from tests.xenserver.test_sequences import plan
from vswitch.xenserver.steps import Transact
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
