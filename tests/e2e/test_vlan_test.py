"""ovs-vlan-test on real packets: two hosts in VLAN 10, each on a bridge, and between these a wire with tags, good or bad."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_switch import Lab
from tests.e2e.topology import Topology
from tests.interop.daemons import Daemons

pytestmark = pytest.mark.needs_root
PROGRAM = str(Path(sys.executable).parent / "ovs-vlan-test")
CONTROL, VLAN = "192.0.2.1:8080", "10.0.0.1"
SUCCESSES = [f"{way} size {size} successful" for size in (50, 500, 1000, 1500) for way in ("Send", "Receive")]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Topology() as net, net.switch.entered(), Daemons(tmp_path, "ours") as daemons:
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        daemons.start("ovs-vswitchd")
        made = Lab(net, daemons, "netdev")
        try:
            build(made)
            yield made
        finally:
            with contextlib.suppress(AssertionError, subprocess.SubprocessError):
                daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
                daemons.processes["ovs-vswitchd"].wait(10)


def build(lab: Lab) -> None:
    """The server's host h1 on br0, the client's h2 on br1, the wire w0-w1 between them, and one for control."""
    server, client = lab.add_hosts(1, "tag=10")[0], lab.net.add_host("h2", "10.0.0.2/24")
    lab.net.switch.run("ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1")
    for wire in ("w0", "w1"):
        lab.net.switch.run("ip", "link", "set", wire, "up")
    lab.vsctl(
        *("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev"),
        *("--", "add-port", "br0", "w0", "--", "add-port", "br1", "w1"),
        *("--", "add-port", "br1", "h2", "tag=10"),
    )
    server.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", client.ns.name)
    for host, address in ((server, "192.0.2.1/24"), (client, "192.0.2.2/24")):
        host.run("ip", "link", "set", "eth1", "up")
        host.add_address(address, "eth1")
    assert client.can_reach(VLAN)


def outcome(lab: Lab) -> tuple[int, list[str]]:
    """The client's exit status, and what it printed."""
    with lab.net.hosts["h1"].start(PROGRAM, "--server", CONTROL, VLAN) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == f"listening on {CONTROL}, packets at {VLAN}:15213\n"
            done = lab.net.hosts["h2"].run(PROGRAM, CONTROL, "10.0.0.2", check=False)
        finally:
            server.terminate()
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_good_path(lab: Lab) -> None:
    assert outcome(lab) == (0, [*SUCCESSES, "OK"])


def test_a_path_that_takes_tags_off_one_way(lab: Lab) -> None:
    """As a driver does that strips tags and loses them: packets arrive, but in no VLAN."""
    lab.daemons.run("ours", "ovs-ofctl", "add-flow", "br0", "udp,in_port=w0,actions=strip_vlan,normal")
    failing = [
        line.replace("successful", "unsuccessful: Timeout") if line.startswith("Send") else line
        for line in SUCCESSES
    ]
    assert outcome(lab) == (1, [*failing, "FAILED"])


def test_a_path_without_room_for_a_full_packet_with_a_tag(lab: Lab) -> None:
    """As a driver does that makes its buffers for packets without tags."""
    for wire in ("w0", "w1"):
        lab.net.switch.run("ip", "link", "set", wire, "mtu", "1496")
    failing = [line.replace("1500 successful", "1500 unsuccessful: Timeout") for line in SUCCESSES]
    assert outcome(lab) == (1, [*failing, "FAILED"])


def test_a_device_that_is_too_small_is_told(lab: Lab) -> None:
    lab.net.hosts["h2"].run("ip", "link", "set", "eth0", "mtu", "1496")
    status, lines = outcome(lab)
    assert (status, lines[-1]) == (1, "FAILED")
    assert "Send size 1500 unsuccessful: Message too long" in lines
