"""The whole switch, database and all, between hosts with real packets, on each datapath that forwards them."""

import contextlib
import subprocess

import pytest

from tests.e2e.test_datapaths import tcp_speed
from tests.e2e.topology import Host, Topology, wait_until
from tests.interop.daemons import Daemons

pytestmark = pytest.mark.needs_root


class Lab:
    """A topology whose switch is ours, with bridge br0."""

    def __init__(self, net: Topology, daemons: Daemons, type: str) -> None:
        self.net, self.daemons, self.type = net, daemons, type
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={type}")

    def vsctl(self, *words: str) -> str:
        return self.daemons.run("ours", "ovs-vsctl", *words).stdout.strip()

    def add_hosts(self, count: int, *settings: str) -> list[Host]:
        """Hosts 10.0.0.1 and up on ports h1 and up, with the settings that each port has."""
        hosts = [self.net.add_host(f"h{i}", f"10.0.0.{i}/24", f"fd00::{i}/64") for i in range(1, count + 1)]
        for host, setting in zip(hosts, settings or [""] * count, strict=True):
            self.vsctl("add-port", "br0", host.port, *setting.split())
        return hosts

    def error(self, interface: str) -> str:
        return self.vsctl("get", "interface", interface, "error")


@pytest.fixture(params=["netdev", "ebpf"])
def lab(request, tmp_path):
    with Topology() as net, net.switch.entered(), Daemons(tmp_path, "ours") as daemons:
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        daemons.start("ovs-vswitchd")
        made = Lab(net, daemons, request.param)
        try:
            yield made
        finally:
            with contextlib.suppress(AssertionError, subprocess.SubprocessError):
                daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
                daemons.processes["ovs-vswitchd"].wait(10)


def test_access_ports_are_apart_by_vlan(lab: Lab):
    h1, h2, h3, h4 = lab.add_hosts(4, "tag=10", "tag=10", "tag=20", "tag=20")
    assert h1.can_reach("10.0.0.2")
    assert h3.can_reach("fd00::4")
    assert h1.cannot_reach("10.0.0.3", count=2)
    assert h4.cannot_reach("10.0.0.2", count=2)
    lab.vsctl("set", "port", "h3", "tag=10")
    assert h1.can_reach("10.0.0.3")
    assert h4.cannot_reach("10.0.0.3", count=2)
    assert tcp_speed(h1, h2, "10.0.0.2") > 100e6


def test_devices_come_go_and_are_renamed(lab: Lab):
    h1, h2 = lab.add_hosts(2)
    assert h1.can_reach("10.0.0.2")
    lab.net.switch.run("ip", "link", "set", "h2", "name", "elsewhere")
    wait_until(lambda: "No such device" in lab.error("h2"))
    assert h1.cannot_reach("10.0.0.2", count=1)
    lab.net.switch.run("ip", "link", "set", "elsewhere", "name", "h2", "up")
    wait_until(lambda: lab.error("h2") == "[]")
    assert h1.can_reach("10.0.0.2")
    lab.net.switch.run("ip", "link", "del", "h2")
    wait_until(lambda: "No such device" in lab.error("h2"))
    end = ("name", "eth0", "address", h2.mac, "netns", h2.ns.name)
    lab.net.switch.run("ip", "link", "add", "h2", "type", "veth", "peer", *end)
    lab.net.switch.run("ip", "link", "set", "h2", "up")
    h2.run("ip", "link", "set", "eth0", "up")
    h2.add_address("10.0.0.2/24")
    assert h1.can_reach("10.0.0.2")


def test_the_host_s_own_port_and_a_daemon_that_dies(lab: Lab):
    (h1,) = lab.add_hosts(1)
    switch = lab.net.switch
    switch.run("ip", "address", "add", "10.0.0.9/24", "dev", "br0")
    switch.run("ip", "link", "set", "br0", "up")
    assert h1.can_reach("10.0.0.9")
    assert tcp_speed(h1, Host("local", switch, "br0", ""), "10.0.0.9") > 100e6
    before = switch.run("ip", "-o", "link", "show", "br0").stdout.split("link/ether")[1]
    lab.daemons.kill("ovs-vswitchd")
    lab.daemons.start("ovs-vswitchd")
    wait_until(lambda: lab.vsctl("get", "interface", "h1", "ofport") != "[]")
    assert "10.0.0.9/24" in switch.run("ip", "address", "show", "br0").stdout
    assert switch.run("ip", "-o", "link", "show", "br0").stdout.split("link/ether")[1] == before
    assert h1.can_reach("10.0.0.9")


def test_no_switch_gets_the_loopback_device(lab: Lab):
    lab.vsctl("add-port", "br0", "lo")
    assert lab.error("lo") == '"could not add network device lo to ofproto (Invalid argument)"'
    lab.vsctl("add-port", "br0", "of-sixteen-bytes")
    assert (
        lab.error("of-sixteen-bytes") == '"could not open network device of-sixteen-bytes (No such device)"'
    )
    assert lab.net.switch.run("ping", "-c", "1", "-W", "1", "127.0.0.1").returncode == 0


def test_an_mtu_that_a_device_cannot_have_is_named_in_the_log(lab: Lab):
    lab.add_hosts(1)
    lab.vsctl("set", "interface", "h1", "mtu_request=99999")
    assert "failed to set an MTU of 99999 for network device h1: Invalid argument" in lab.daemons.log(
        "ovs-vswitchd"
    )


def test_a_second_switch_waits_for_the_datapath_of_the_first(tmp_path):
    with Topology() as net, net.switch.entered(), contextlib.ExitStack() as stack:
        labs = []
        for name in ("first", "second"):
            daemons = stack.enter_context(Daemons(tmp_path / name, "ours"))
            daemons.make["ovs-vswitchd"] = "ours"
            daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
            daemons.start("ovs-vswitchd")
            labs.append(Lab(net, daemons, "ebpf"))
        first, second = labs
        h1, _ = first.add_hosts(2)
        second.vsctl("--timeout=20", "add-port", "br0", "h1")
        assert h1.can_reach("10.0.0.2")
        assert second.daemons.run("ours", "ovs-appctl", "ofproto/list").stdout == ""
        assert (
            second.daemons.log("ovs-vswitchd").count("another switch of this network namespace runs this")
            == 1
        )
        first.daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
        wait_until(lambda: second.vsctl("get", "interface", "h1", "ofport") == "1")
        second.vsctl("add-port", "br0", "h2")
        assert h1.can_reach("10.0.0.2")
        second.daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")


def test_cleanup_leaves_nothing_of_ours(lab: Lab):
    lab.add_hosts(2)
    lab.vsctl("add-port", "br0", "int0", "--", "set", "interface", "int0", "type=internal")
    assert {"br0", "int0", "h1", "h2"} <= set(lab.net.switch.devices())
    lab.daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
    wait_until(lambda: lab.net.switch.devices() == ["h1", "h2"])


def test_many_ports_in_one_command(lab: Lab):
    h1, h2 = lab.add_hosts(2)
    words = [
        word
        for i in range(100)
        for word in ("--", "add-port", "br0", f"i{i}", "--", "set", "interface", f"i{i}", "type=internal")
    ]
    lab.vsctl(*words)
    assert len(lab.vsctl("list-ports", "br0").split()) == 102
    assert h1.can_reach("10.0.0.2")
    lab.vsctl(*[word for i in range(100) for word in ("--", "del-port", f"i{i}")])
    assert lab.net.switch.devices() == ["br0", "h1", "h2"]
    assert h2.can_reach("fd00::1")


def test_a_bond_goes_through_the_member_that_works(lab: Lab):
    (h1,) = lab.add_hosts(1)
    members = [lab.net.add_host(name, "10.0.0.9/24", silent=True) for name in ("m1", "m2")]
    lab.vsctl(
        *("add-bond", "br0", "bond0", "m1", "m2", "bond_mode=active-backup", "bond_downdelay=50"),
        "other_config:bond-primary=m1",
    )
    assert h1.can_reach("10.0.0.9")
    assert members[1].counters()["rx_packets"] == 0
    members[0].run("ip", "link", "set", "eth0", "down")
    h1.run("ip", "neigh", "flush", "all")
    assert h1.can_reach("10.0.0.9")
    assert members[1].counters()["rx_packets"] > 0
    members[0].run("ip", "link", "set", "eth0", "up")
    h1.run("ip", "neigh", "flush", "all")
    wait_until(lambda: "(m1)" in lab.daemons.run("ours", "ovs-appctl", "bond/show", "bond0").stdout)
    before = members[1].counters()["rx_packets"]
    assert h1.can_reach("10.0.0.9")
    assert members[1].counters()["rx_packets"] == before
