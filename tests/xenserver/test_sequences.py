"""The worked sequences, argument by argument: what each run says to the switch, and what it calls around that."""

from __future__ import annotations

import pytest

from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.arguments import parse_arguments
from vswitch.xenserver.host import Host
from vswitch.xenserver.reconfigure import Reconfiguration
from vswitch.xenserver.steps import Plan, Transact
from vswitch.xenserver.switchdb import SwitchDatabase


def plan(host: HostRoot, *words: str) -> Plan:
    """What a command line makes of a host without a running switch."""
    switch = SwitchDatabase(f"unix:{host.path('/var/run/openvswitch/db.sock')}", "interface-reconfigure")
    return Reconfiguration(Host(str(host.root)), switch).plan(parse_arguments(words))


def transaction(planned: Plan) -> list[str]:
    """The one transaction of a plan, a line per command."""
    [step] = [step for step in planned.steps if isinstance(step, Transact)]
    return [" ".join(command) for command in step.commands]


def uuids(*bridges: str) -> str:
    return ";".join(pool.uuid(f"n{bridge}") for bridge in bridges)


MANAGEMENT = [
    "--with-iface --if-exists del-port eth2",
    "--may-exist add-br xenbr2",
    "--may-exist add-port xenbr2 eth2",
    f'set Bridge xenbr2 other-config:hwaddr="{pool.mac(2)}"',
    "set Bridge xenbr2 fail_mode=secure",
    "remove Bridge xenbr2 other_config disable-in-band",
    f"br-set-external-id xenbr2 xs-network-uuids {uuids('xenbr2')}",
]
STATIC = [
    "--with-iface --if-exists del-port eth3",
    "--may-exist add-br xenbr3",
    "--may-exist add-port xenbr3 eth3",
    f'set Bridge xenbr3 other-config:hwaddr="{pool.mac(3)}"',
    "set Bridge xenbr3 fail_mode=secure",
    "remove Bridge xenbr3 other_config disable-in-band",
    f"br-set-external-id xenbr3 xs-network-uuids {uuids('xenbr3', 'xapi3')}",
]
VLAN = [
    *STATIC,
    "--if-exists del-br xapi3",
    "--may-exist add-br xapi3 xenbr3 123",
    f"br-set-external-id xapi3 xs-network-uuids {uuids('xenbr3', 'xapi3')}",
    f'set Interface xapi3 MAC="{pool.mac(3)}"',
]
BOND = [
    "--if-exists del-br xenbr0",
    "--if-exists del-br xenbr1",
    "--with-iface --if-exists del-port eth0",
    "--with-iface --if-exists del-port eth1",
    "--may-exist add-br xapi1",
    "--with-iface --if-exists del-port bond0",
    "--fake-iface add-bond xapi1 bond0 eth0 eth1",
    f'set Port bond0 MAC="{pool.mac(0)}" bond_downdelay=200 other-config:bond-miimon-interval=100 '
    "bond_updelay=31000 other-config:bond-detect-mode=carrier lacp=off bond_mode=balance-slb",
    f'set Bridge xapi1 other-config:hwaddr="{pool.mac(0)}"',
    "set Bridge xapi1 fail_mode=secure",
    "remove Bridge xapi1 other_config disable-in-band",
    f"br-set-external-id xapi1 xs-network-uuids {uuids('xapi1', 'xapi2')}",
]
VLAN_ON_BOND = [
    *BOND,
    "--if-exists del-br xapi2",
    "--may-exist add-br xapi2 xapi1 4",
    f"br-set-external-id xapi2 xs-network-uuids {uuids('xapi1', 'xapi2')}",
    f'set Interface xapi2 MAC="{pool.mac(0)}"',
]
MEMBER = [  # eth0 on its own: the bond and its other member let go
    "--if-exists del-br xenbr1",
    "--if-exists del-br xapi1",
    "--with-iface --if-exists del-port eth1",
    "--with-iface --if-exists del-port bond0",
    "--with-iface --if-exists del-port eth0",
    "--may-exist add-br xenbr0",
    "--may-exist add-port xenbr0 eth0",
    f'set Bridge xenbr0 other-config:hwaddr="{pool.mac(0)}"',
    "set Bridge xenbr0 fail_mode=secure",
    "remove Bridge xenbr0 other_config disable-in-band",
    f"br-set-external-id xenbr0 xs-network-uuids {uuids('xenbr0')}",
]
TUNNEL = [
    "--may-exist add-br xapi4",
    'set Bridge xapi4 other-config:hwaddr="00:15:17:a0:00:40"',
    "set Bridge xapi4 fail_mode=secure",
    "remove Bridge xapi4 other_config disable-in-band",
    f"br-set-external-id xapi4 xs-network-uuids {uuids('xapi4')}",
]
UP = {
    "xenbr2": MANAGEMENT,
    "xenbr3": STATIC,
    "xapi3": VLAN,
    "xapi1": BOND,
    "xapi2": VLAN_ON_BOND,
    "xenbr0": MEMBER,
    "xapi4": TUNNEL,
}
DOWN = {
    "xenbr2": ["--with-iface --if-exists del-port xenbr2", "--if-exists del-br xenbr2"],
    "xapi3": [
        "--with-iface --if-exists del-port xapi3",
        "--if-exists del-br xapi3",
        "--if-exists del-br xenbr3",
    ],
    "xapi1": ["--with-iface --if-exists del-port xapi1", "--if-exists del-br xapi1"],
    "xapi2": [
        "--with-iface --if-exists del-port xapi2",
        "--if-exists del-br xapi2",
        "--if-exists del-br xapi1",
    ],
    "xapi4": ["--with-iface --if-exists del-port xapi4", "--if-exists del-br xapi4"],
}
AROUND = {  # what else happens, in order: lines of --dry-run, but for those of files and of the database
    "xenbr2": [
        "put the files into place",
        "link up eth2 mtu 1500",
        "run /sbin/ethtool -K eth2 gro off lro off",
        "run /usr/sbin/ovs-vlan-bug-workaround eth2 on",
        "switch:",
        f"protect {pool.mac(2)} on xenbr2 through eth2",
        "ifup xenbr2",
        "run /sbin/update-issue",
        "keep the files",
    ],
    "xapi1": [
        "put the files into place",
        "link down xenbr0",
        "link down xenbr1",
        "link up eth0 mtu 1500",
        "run /sbin/ethtool -K eth0 gro off lro off",
        "run /usr/sbin/ovs-vlan-bug-workaround eth0 on",
        "link up eth1 mtu 1500",
        "run /sbin/ethtool -K eth1 gro off lro off",
        "run /usr/sbin/ovs-vlan-bug-workaround eth1 off",
        "switch:",
        "ifup xapi1",
        "link up bond0",
        "run /sbin/update-issue",
        "keep the files",
    ],
    "xapi4": [
        "put the files into place",
        "switch:",
        "ifup xapi4",
        "run /sbin/update-issue",
        "keep the files",
    ],
}


@pytest.fixture(scope="module")
def host():
    with HostRoot(pool.with_tunnel(pool.secure())) as root:
        yield root


@pytest.mark.parametrize("bridge", UP)
def test_up(host: HostRoot, bridge: str) -> None:
    assert transaction(plan(host, "--force", bridge, "up")) == UP[bridge]


@pytest.mark.parametrize("bridge", DOWN)
def test_down(host: HostRoot, bridge: str) -> None:
    assert transaction(plan(host, f"--force-interface={bridge}", "down")) == DOWN[bridge]


@pytest.mark.parametrize("bridge", AROUND)
def test_what_happens_around_it(host: HostRoot, bridge: str) -> None:
    lines = list(plan(host, "--force", bridge, "up").lines())
    assert [line for line in lines if not line.startswith(("  ", "write "))] == AROUND[bridge]


def test_down_disables_the_devices_first(host: HostRoot) -> None:
    lines = [line for line in plan(host, "--force", "xapi2", "down").lines() if not line.startswith("  ")]
    assert lines == ["ifdown xapi2", "link down eth0", "link down eth1", "switch:"]
