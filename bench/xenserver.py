"""XenServer: a host boots to its first packet, and a PIF is plugged, by ours and by the same steps with the peer's programs.

The boot is in xenboot.py.  For the PIF, both plug the management interface of the same host, a directory, into a running switch of their make: link and ethtool
settings, one transaction, four protective flows, `ifup`.  The peer's side is a shell script that calls its ovs-vsctl
and ovs-ofctl, without the time that the classic scripts take to start and to read the cache.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report import Row, in_turn
from bench.xenboot import RECONFIGURE, Boots
from tests.interop.daemons import Daemons, Make
from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.arguments import parse_arguments
from vswitch.xenserver.host import Host
from vswitch.xenserver.reconfigure import Reconfiguration
from vswitch.xenserver.settings import protective_flows
from vswitch.xenserver.steps import Transact
from vswitch.xenserver.switchdb import SwitchDatabase

BRIDGE, DEVICE = "xenbr2", "eth2"


def run() -> Iterator[Row]:
    """All of it."""
    makes: tuple[Make, ...] = ("ours", "peer")
    with contextlib.ExitStack() as stack:
        boots = {make: stack.enter_context(Boots(make)) for make in makes}
        taken = in_turn({make: host.boot for make, host in boots.items()}, rounds=5)
        peer = {"peer's scripts": taken["peer"]}
        yield Row("init to first management packet", "ms", taken["ours"], peer, more_is_better=False)
    with contextlib.ExitStack() as stack:
        hosts = {make: stack.enter_context(_Host(make)) for make in makes}
        taken = in_turn({make: host.plug for make, host in hosts.items()}, rounds=7)
        peer = {"peer's programs": taken["peer"]}
        yield Row("plug the management interface", "ms", taken["ours"], peer, more_is_better=False)


class _Host(contextlib.AbstractContextManager["_Host"]):
    """A host with a switch of one make."""

    def __init__(self, make: Make) -> None:
        self._stack = contextlib.ExitStack()
        self._make = make
        directory = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._root = self._stack.enter_context(HostRoot(pool.secure()))
        self._daemons = self._stack.enter_context(Daemons(Path(directory), make))
        self._daemons.make["ovs-vswitchd"] = make
        self._daemons.run(make, "ovs-vsctl", "--no-wait", "init")
        self._daemons.start("ovs-vswitchd", "--enable-dummy=override", "--disable-system-route")
        self._root.path("/var/run").mkdir(parents=True)
        self._root.path("/var/run/openvswitch").symlink_to(self._daemons.directory)
        self._words = self._ours() if make == "ours" else self._theirs()

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _ours(self) -> list[str]:
        return [*RECONFIGURE, f"--root-prefix={self._root.root}", "--force", BRIDGE, "up"]

    def _theirs(self) -> list[str]:
        """The same steps, as a script."""
        switch = SwitchDatabase(f"unix:{self._daemons.socket}", "bench")
        planned = Reconfiguration(Host(str(self._root.root)), switch).plan(
            parse_arguments(["--force", BRIDGE, "up"])
        )
        [transaction] = [step.argv for step in planned.steps if isinstance(step, Transact)]
        root = self._root.root
        flows = protective_flows(pool.mac(2), ["$port"], is_bond=False)
        lines = [
            f"ovs-vsctl --timeout=5 get-fail-mode {BRIDGE}",
            f"{root}/sbin/ifconfig {DEVICE} up mtu 1500",
            f"{root}/sbin/ethtool -K {DEVICE} gro off lro off",
            f"{root}/usr/sbin/ovs-vlan-bug-workaround {DEVICE} on",
            "ovs-vsctl --timeout=20 " + " ".join(f"'{word}'" for word in transaction),
            f"port=$(ovs-vsctl get interface {DEVICE} ofport)",
            *(f'ovs-ofctl add-flow {BRIDGE} "{flow}"' for flow in flows),
            f"{root}/sbin/ifup {BRIDGE}",
            f"{root}/sbin/update-issue",
        ]
        return ["/bin/sh", "-c", "\n".join(lines)]

    def plug(self) -> float:
        """Plug it into a switch without bridges; milliseconds."""
        self._daemons.run(self._make, "ovs-vsctl", "--if-exists", "del-br", BRIDGE)
        environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
        directory = str(self._daemons.directory)
        started = time.perf_counter()
        done = subprocess.run(
            self._words,
            env=environment | {"OVS_RUNDIR": directory, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            capture_output=True,
            check=False,
        )
        taken = time.perf_counter() - started
        assert not done.returncode, done.stderr.decode()
        flows = self._daemons.run(self._make, "ovs-ofctl", "dump-flows", BRIDGE).stdout
        assert flows.count("priority=0") == 4, flows
        return taken * 1000
