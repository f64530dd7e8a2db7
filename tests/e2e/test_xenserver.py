"""A XenServer host between real neighbours: its management network in secure mode, and cards of domains on a VLAN.

The host is a directory, of which `ip` and `ifup` act on the switch's namespace; database, switch, interface-reconfigure
and vif are the real ones.
"""

import contextlib
import subprocess

import pytest

from tests.e2e.topology import Topology, wait_until
from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.host import Host
from vswitch.xenserver.hotplug import Hotplug
from vswitch.xenserver.reconfigure import run
from vswitch.xenserver.vif import Vif

pytestmark = pytest.mark.needs_root

ADDRESS = "10.0.0.9"
VM = "5f0c0d5e-0000-4000-8000-00000000000a"


@pytest.fixture
def lab(tmp_path):
    tables = pool.secure()
    pool.options(tables, "net-xenbr3", vswitch_controller_fail_mode="standalone")
    with (
        Topology() as net,
        net.switch.entered(),
        Daemons(tmp_path, "ours") as daemons,
        HostRoot(tables) as host,
    ):
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        daemons.start("ovs-vswitchd")
        host.path("/sbin/ifconfig").unlink()
        host.program("/sbin/ip", 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec ip "$@"')
        up = f"ip addr add {ADDRESS}/24 dev $1; ip link set $1 up"
        host.program("/sbin/ifup", f"PATH=/usr/sbin:/usr/bin:/sbin:/bin; [ $1 = xenbr2 ] && {{ {up}; }}")
        host.path("/var/run").mkdir(parents=True, exist_ok=True)
        host.path("/var/run/openvswitch").symlink_to(daemons.directory)
        try:
            yield net, daemons, host
        finally:
            with contextlib.suppress(AssertionError, subprocess.SubprocessError):
                daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
                daemons.processes["ovs-vswitchd"].wait(10)


def plug(host: HostRoot, bridge: str) -> None:
    assert run([f"--root-prefix={host.root}", "--no-syslog", "--force", bridge, "up"]) == 0


def card(net: Topology, name: str, number: int, device: str):
    """A neighbour on a device of the host, which has the address that XAPI knows."""
    neighbour = net.add_host(name, f"10.0.0.{number}/24")
    net.switch.run("ip", "link", "set", name, "down")
    net.switch.run("ip", "link", "set", name, "name", device, "address", pool.mac(int(device[3:])))
    return neighbour


def test_the_management_network_in_secure_mode(lab) -> None:
    net, daemons, host = lab
    neighbour = card(net, "n1", 1, "eth2")
    plug(host, "xenbr2")
    assert daemons.run("ours", "ovs-vsctl", "get-fail-mode", "xenbr2").stdout == "secure\n"
    assert neighbour.can_reach(ADDRESS)
    plug(host, "xenbr2")  # again, as after a restart of XAPI: the flows stay
    assert neighbour.can_reach(ADDRESS)
    daemons.run("ours", "ovs-ofctl", "del-flows", "xenbr2")
    wait_until(lambda: neighbour.cannot_reach(ADDRESS, count=1))  # it was those flows


def test_domains_on_a_vlan_reach_each_other_and_the_outside(lab) -> None:
    net, daemons, host = lab
    ends = ("eth3", "address", pool.mac(3), "type", "veth", "peer", "name", "cable")
    net.switch.run("ip", "link", "add", *ends)
    net.switch.run("ip", "link", "set", "cable", "up")
    outside = net.add_host("outside", "10.1.0.1/24")
    # The data centre's switch: tagged on the cable, untagged to the neighbour.
    ports = ("add-port", "dc", "cable", "trunks=123", "--", "add-port", "dc", outside.port, "tag=123")
    daemons.run("ours", "ovs-vsctl", "add-br", "dc", "--", *ports)
    plug(host, "xapi3")
    domains = []
    host.xenstore()
    for domid in ("1", "2"):
        domain = net.add_host(f"vif{domid}.0", f"10.1.0.1{domid}/24")
        domains.append(domain)
        keys = {
            "bridge": "xapi3",
            "bridge-MAC": "fe:ff:ff:ff:ff:ff",
            "MTU": "1500",
            "vif-uuid": f"vif{domid}",
        }
        host.xenstore(**{f"xapi/{domid}/private/vif/0/{key}": value for key, value in keys.items()})
        Hotplug(Host(str(host.root)), Vif("vif", domid, "0"), is_current=False).run("online")
    first, _ = domains
    assert first.can_reach("10.1.0.12")
    assert first.can_reach("10.1.0.1")
    assert daemons.run("ours", "ovs-vsctl", "get", "port", "vif1.0", "tag").stdout == "123\n"
    assert "address fe:ff:ff:ff:ff:ff" in " ".join(host.calls())
    Hotplug(Host(str(host.root)), Vif("vif", "1", "0"), is_current=False).run("remove")
    assert first.cannot_reach("10.1.0.1", count=1)
    assert outside.can_reach("10.1.0.12")
