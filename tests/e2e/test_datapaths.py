"""Real packets between hosts, through each datapath that forwards them, with the simplest of switches on top."""

import contextlib
import json
import subprocess
import sys
import time

import pytest

from tests.e2e.topology import Host, Topology, wait_until
from vswitch.dpif.frame import HEADER_SIZE, NO_OFFLOAD

pytestmark = pytest.mark.needs_root
BROADCAST, EXPERIMENT = b"\xff" * 6, b"\x88\xb5"


@pytest.fixture(params=["userspace", "ebpf", "clsact"])
def kind(request):
    return request.param


@contextlib.contextmanager
def hub(net: Topology, kind: str, *ports: str):
    """A hub on `ports` of the switch's namespace, for a while; it must live to the end."""
    process = net.switch.start(sys.executable, "-m", "tests.e2e.hub", kind, *ports)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line == "ready\n", line + process.stdout.read()
        yield process
        assert process.poll() is None, process.stdout.read()
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def net():
    with Topology() as topology:
        yield topology


def hosts(net: Topology, count: int = 2, **options) -> list[Host]:
    return [net.add_host(f"h{i}", f"10.0.0.{i}/24", f"fd00::{i}/64", **options) for i in range(1, count + 1)]


def tcp_speed(client: Host, server: Host | None, address: str, *options: str) -> float:
    """bit/s of one TCP stream for a second, to `server` at `address`."""
    assert server
    with server.start("iperf3", "-s", "-1", "-J") as listening:
        wait_until(lambda: ":5201 " in server.run("ss", "-ltnH").stdout)
        done = client.run("iperf3", "-c", address, "-t", "1", "-J", *options, check=False)
        listening.terminate()
        listening.communicate()
    result = json.loads(done.stdout)
    assert "error" not in result, result
    return result["end"]["sum_received"]["bits_per_second"]


def test_ping(net, kind):
    h1, h2 = hosts(net)
    with hub(net, kind, "h1", "h2"):
        assert h1.can_reach("10.0.0.2")
        assert h1.can_reach("fd00::2")
        assert h1.ping("10.0.0.2", count=200, interval=0.002)
        assert h2.ping("fd00::1", count=50, interval=0.002)


def test_tcp_with_the_offloads_that_hosts_have(net, kind):
    h1, h2 = hosts(net)
    with hub(net, kind, "h1", "h2"):
        assert tcp_speed(h1, h2, "10.0.0.2") > 100e6
        assert tcp_speed(h1, h2, "fd00::2") > 100e6
        assert tcp_speed(h1, h2, "10.0.0.2", "-R") > 100e6


def test_tcp_without_offloads(net, kind):
    h1, h2 = hosts(net)
    for host in (h1, h2):
        host.run("ethtool", "-K", "eth0", "tx", "off", "gso", "off", "tso", "off", "gro", "off")
    with hub(net, kind, "h1", "h2"):
        assert tcp_speed(h1, h2, "10.0.0.2") > 20e6


def test_fragments_and_large_frames(net, kind):
    h1, h2 = hosts(net, mtu=9000)
    with hub(net, kind, "h1", "h2"):
        assert h1.can_reach("10.0.0.2")
        assert h1.ping("10.0.0.2", 3, 8972, 1.0, 0.01, "-M", "do")
        assert h1.ping("10.0.0.2", 3, 20000)
        assert h1.ping("fd00::2", 3, 20000)
        assert tcp_speed(h1, h2, "10.0.0.2") > 100e6


def test_vlans(net, kind):
    h1, _h2, h3, h4 = hosts(net, 4)
    with hub(net, kind, "h1=10", "h2=10", "h3=20", "h4=20"):
        assert h1.can_reach("10.0.0.2")
        assert h3.can_reach("10.0.0.4")
        assert h1.cannot_reach("10.0.0.3")
        assert h4.cannot_reach("10.0.0.2")


def test_a_trunk_has_tags_and_tcp_crosses_them(net, kind):
    h1, h2 = (net.add_host(name, silent=True) for name in ("h1", "h2"))
    access, trunk = h1.open_socket(), h2.open_socket()
    with hub(net, kind, "h1=10", "h2"):
        plain = NO_OFFLOAD + BROADCAST + bytes.fromhex("020000000001") + EXPERIMENT + bytes(46)
        access.send_frames([plain])
        tagged = plain[:22] + bytes.fromhex("8100000a") + plain[22:]
        assert next_frame(trunk) == tagged
        answer = tagged.replace(b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
        trunk.send_frames([answer])
        assert next_frame(access) == answer[:22] + answer[26:]
        trunk.send_frames(
            [answer.replace(b"\x81\0\0\x0a", b"\x81\0\0\x0b"), answer]
        )  # another VLAN's does not pass
        assert next_frame(access) == answer[:22] + answer[26:]


def next_frame(door) -> bytes:
    """The next frame of ours at a host, whatever else there is."""
    frames: list[bytes] = []

    def arrived() -> bool:
        frames.extend(frame for frame in door.receive_frames(64) if EXPERIMENT in frame[22:28])
        return bool(frames)

    wait_until(arrived)
    return frames[0]


@pytest.mark.parametrize(
    "to", ["ffffffffffff", "01005e000005", "333300000005"], ids=["broadcast", "IPv4", "IPv6"]
)
def test_a_frame_for_many_reaches_each_other_host_once(net, kind, to):
    members = [net.add_host(f"h{i}", silent=True) for i in range(1, 6)]
    doors = [member.open_socket() for member in members]
    with hub(net, kind, *(member.port for member in members)):
        frame = bytes.fromhex(to) + bytes.fromhex("020000000001") + EXPERIMENT + bytes(46)
        for i in range(10):
            doors[0].send_frames([NO_OFFLOAD + frame + bytes([i])])
        got = [[] for _ in doors]

        def collect() -> bool:
            for frames, door in zip(got, doors, strict=True):
                frames.extend(one[HEADER_SIZE:] for one in door.receive_frames(64))
            return all(len(frames) >= 10 for frames in got[1:])

        wait_until(collect)
        time.sleep(0.05)
        collect()
        expected = [frame + bytes([i]) for i in range(10)]
        assert got == [[], *[expected] * 4]


def test_an_internal_port_makes_the_host_a_member(net, kind):
    h1, _h2 = hosts(net)
    with hub(net, kind, "h1", "h2", "internal:br0"):
        net.switch.run("ip", "link", "set", "br0", "up")
        net.switch.run("ip", "address", "add", "10.0.0.9/24", "dev", "br0")
        assert h1.can_reach("10.0.0.9")
        local = Host("local", net.switch, "br0", "")
        assert tcp_speed(h1, local, "10.0.0.9") > 100e6
        assert tcp_speed(h1, local, "10.0.0.9", "-R") > 100e6
        assert h1.can_reach("10.0.0.2")


def test_a_device_can_vanish_under_load(net, kind):
    h1, h2, h3, _h4 = hosts(net, 4)
    with hub(net, kind, "h1", "h2", "h3", "h4"):
        assert h1.can_reach("10.0.0.2")
        assert h3.can_reach("10.0.0.4")
        with h2.start("iperf3", "-s", "-1") as server:
            wait_until(lambda: ":5201 " in h2.run("ss", "-ltnH").stdout)
            with h1.start("iperf3", "-c", "10.0.0.2", "-t", "30") as load:
                wait_until(lambda: h2.counters()["rx_bytes"] > 10_000_000)
                net.switch.run("ip", "link", "del", "h2")
                assert h3.ping("10.0.0.4", count=20)
                assert h1.can_reach("10.0.0.3")
                load.kill()
                server.kill()


def test_a_device_that_goes_down_comes_up_again(net, kind):
    h1, _h2 = hosts(net)
    with hub(net, kind, "h1", "h2"):
        assert h1.can_reach("10.0.0.2")
        net.switch.run("ip", "link", "set", "h2", "down")
        assert h1.cannot_reach("10.0.0.2", count=1)
        net.switch.run("ip", "link", "set", "h2", "up")
        assert h1.can_reach("10.0.0.2")


@pytest.mark.parametrize("kind", ["userspace", "ebpf"], indirect=True)
def test_many_ports(net, kind):
    names = [f"p{i}" for i in range(200)]
    for name in names:
        net.switch.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}x")
    batch = "".join(f"link set {name} up\nlink set {name}x up\n" for name in names)
    subprocess.run(net.switch.command("ip", "-batch", "-"), input=batch, text=True, check=True)
    h1, _h2 = hosts(net)
    with hub(net, kind, *names, "h1", "h2"):
        assert h1.can_reach("10.0.0.2")
        assert h1.ping("10.0.0.2", count=50, interval=0.002)
