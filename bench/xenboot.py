"""A XenServer's boot, as far as its network goes: from the start of the switch to the first packet on the management bridge.

A host is a directory and a network namespace, with one cable to a neighbour that pings it all the time.  Ours is
`ovs-ctl start` and one interface-reconfigure; the peer's is its own `ovs-ctl start`, and then its ovs-vsctl and the
host's commands step by step, as classic scripts call them.  The peer forwards in userspace, for want of its kernel
module; what is measured comes before the forwarding.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.topology import Topology
from tests.interop.daemons import Make
from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.arguments import parse_arguments
from vswitch.xenserver.host import Host
from vswitch.xenserver.reconfigure import Reconfiguration
from vswitch.xenserver.steps import Transact
from vswitch.xenserver.switchdb import SwitchDatabase

SOURCE = str(Path(__file__).parents[1] / "src")
# interface-reconfigure as the package starts it: by an interpreter that looks at nothing but its own library.
RECONFIGURE = [
    *(sys.executable, "-I", "-S", "-c"),
    f"import sys; sys.path.insert(0, {SOURCE!r}); from vswitch.linux.program import run; run('vswitch.xenserver.reconfigure')",
]
OVS_CTL: dict[Make, str] = {
    "ours": str(Path(sys.executable).with_name("ovs-ctl")),
    "peer": "/usr/share/openvswitch/scripts/ovs-ctl",
}
BRIDGE, DEVICE = "xenbr2", "eth2"
ADDRESS, NEIGHBOUR = "10.0.0.9", "10.0.0.1"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
OPTIONS = f"--system-id={pool.HOST_UUID} --delete-bridges --no-record-hostname --no-mlockall"


class Boots(contextlib.AbstractContextManager["Boots"]):
    """A host that is booted again and again with a switch of one make."""

    def __init__(self, make: Make) -> None:
        self._stack = contextlib.ExitStack()
        self._make = make
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._net = self._stack.enter_context(Topology())
        self._neighbour = self._net.add_host(DEVICE, f"{NEIGHBOUR}/24", silent=True)
        self._root = self._stack.enter_context(HostRoot(pool.tables()))
        self._root.path("/sbin/ifconfig").unlink()
        self._root.program("/sbin/ip", f'PATH={PATH}; exec ip "$@"')
        self._root.program("/sbin/ifup", f"PATH={PATH}; ip addr add {ADDRESS}/24 dev $1; ip link set $1 up")
        self._root.path("/var/run").mkdir(parents=True)
        self._root.path("/var/run/openvswitch").symlink_to(self._directory)
        names = ("RUN", "LOG", "DB", "SYSCONF")
        self._environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
        self._environment |= {f"OVS_{name}DIR": str(self._directory) for name in names} | {"PATH": PATH}
        self._plug = self._ours() if make == "ours" else self._theirs()
        self._stack.callback(self._ovs_ctl, "stop")

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _ours(self) -> str:
        words = [f"--root-prefix={self._root.root}", "--management", "--force", BRIDGE, "up"]
        return shlex.join([*RECONFIGURE, *words])

    def _theirs(self) -> str:
        """The same steps, as a script."""
        switch = SwitchDatabase(f"unix:{self._directory}/db.sock", "bench")
        arguments = parse_arguments(["--force", BRIDGE, "up"])
        planned = Reconfiguration(Host(str(self._root.root)), switch).plan(arguments)
        [transaction] = [step.argv for step in planned.steps if isinstance(step, Transact)]
        root, words = self._root.root, " ".join(f"'{word}'" for word in transaction)
        lines = [
            f"{root}/sbin/ip link set {DEVICE} up mtu 1500",
            f"{root}/sbin/ethtool -K {DEVICE} gro off lro off",
            f"{root}/usr/sbin/ovs-vlan-bug-workaround {DEVICE} on",
            f"ovs-vsctl --timeout=20 {words} -- set bridge {BRIDGE} datapath_type=netdev",
            f"{root}/sbin/ifup {BRIDGE}",
            f"{root}/sbin/update-issue",
        ]
        return "\n".join(lines)

    def _ovs_ctl(self, words: str) -> None:
        self._shell(f"{OVS_CTL[self._make]} {words}")

    def _shell(self, script: str) -> None:
        command = self._net.switch.command("/bin/sh", "-c", script)
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert not done.returncode, f"{script}\n{done.stdout}{done.stderr}"

    def boot(self) -> float:
        """Boot; milliseconds until the neighbour has its first answer."""
        self._ovs_ctl("stop")
        self._net.switch.run("ip", "addr", "flush", "dev", BRIDGE, check=False)
        pinging = self._neighbour.start("ping", "-D", "-n", "-i", "0.01", "-c", "6000", ADDRESS)
        started = time.time()  # noqa: TID251 - as ping -D tells it
        try:
            self._shell(f"{OVS_CTL[self._make]} {OPTIONS} start && {self._plug}")
            assert pinging.stdout is not None
            for line in pinging.stdout:
                if "bytes from" in line:
                    return (float(line[1 : line.index("]")]) - started) * 1000
            raise AssertionError("the host was not reached within a minute")
        finally:
            pinging.kill()
            pinging.communicate()
