"""What only the eBPF datapath does: it outlives its daemon, takes shortcuts, shares its queue, and grows."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.topology import Topology, wait_until
from vswitch.datapath.ebpf.compile import CACHE, CACHE_FROM, CHUNK
from vswitch.datapath.ebpf.datapath import EbpfDatapath, remove_orphans
from vswitch.datapath.ebpf.emit import QUEUE
from vswitch.datapath.ebpf.features import WITHOUT
from vswitch.datapath.ebpf.notes import Kind
from vswitch.datapath.ebpf.place import directory_of
from vswitch.dpif.action import Output, PopVlan, PushVlan
from vswitch.dpif.frame import HEADER_SIZE, NO_OFFLOAD
from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_DST, ETH_TYPE, IN_PORT, IP_SRC, LAYOUT, RECIRC_ID, REG
from vswitch.linux import bpffs
from vswitch.netdev.internal import InternalDevice
from vswitch.netdev.linux import Kernel, LinuxDevice

pytestmark = pytest.mark.needs_root
BY_PORT = Mask(IN_PORT.mask | ETH_TYPE.mask)
P1, P2 = OdpPort(1), OdpPort(2)


@pytest.fixture
def net():
    with Topology() as topology:
        for n in (1, 2):
            topology.add_host(f"h{n}", f"10.0.0.{n}/24", silent=True)
        yield topology


@pytest.fixture
def kernel(net):
    with net.switch.entered():
        doors = Kernel()
        yield doors
        doors.close()
        bpffs.remove_tree(directory_of("test", bpffs.root()))  # what a test that failed has left


@pytest.fixture
def datapath(net, kernel):
    opened = EbpfDatapath("test")
    for n in (1, 2):
        assert opened.port_add(LinuxDevice(f"h{n}", kernel), OdpPort(n)) == n
    yield opened
    opened.close()


def patch(first: int, second: int) -> list[Megaflow]:
    """Megaflows that join two ports."""
    return [
        Megaflow(
            Ufid(16 * n + i), ETH_TYPE.put(IN_PORT.put(Flow(0), n), type), BY_PORT, (Output(OdpPort(to)),)
        )
        for n, to in ((first, second), (second, first))
        for i, type in enumerate((0x0800, 0x0806, 0x86DD))
    ]


@contextlib.contextmanager
def running_daemon(net: Topology, without: str):
    """A daemon that has a datapath, until it is killed."""
    daemon = net.switch.start(sys.executable, "-m", "tests.e2e.ebpf_daemon", env={WITHOUT: without})
    try:
        assert daemon.stdout
        line = daemon.stdout.readline()
        assert line == "ready\n", line + daemon.stdout.read()
        yield daemon
    finally:
        daemon.kill()
        daemon.communicate()


@pytest.mark.parametrize("without", ["", "tcx,redirect_peer,coarse_clock"])
def test_it_goes_on_when_the_daemon_is_killed_and_is_taken_over(net, kernel, monkeypatch, without):
    monkeypatch.setenv(WITHOUT, without)
    h1 = net.hosts["h1"]
    before = qdiscs(net)
    with running_daemon(net, without) as daemon:
        assert ("clsact" in qdiscs(net)) == bool(without)
        assert h1.can_reach("10.0.0.2")
        assert h1.can_reach("10.0.0.3")
        with h1.start("ping", "-q", "-i", "0.002", "-c", "1500", "10.0.0.2") as ping:
            time.sleep(0.5)
            daemon.kill()
            daemon.wait()
            assert h1.ping("10.0.0.3", count=20), "the internal port"
            time.sleep(0.5)
            taken = EbpfDatapath("test")
            ports = {(port.name, port.type) for port in taken.ports().values()}
            assert ports == {("h1", "system"), ("h2", "system"), ("br0", "internal")}
            assert taken.stats().flows == 24
            internal = InternalDevice("br0", kernel)
            assert taken.port_add(LinuxDevice("h1", kernel)) == P1
            assert taken.port_add(internal) == OdpPort(3)
            output, _ = ping.communicate(timeout=20)
    assert "1500 received, 0% packet loss" in output, output
    assert h1.ping("10.0.0.3", count=5)
    taken.close()
    internal.close()
    assert h1.cannot_reach("10.0.0.2", count=1)
    assert qdiscs(net) == before


def qdiscs(net: Topology) -> str:
    """The queueing disciplines of the ports."""
    lines = [net.switch.run("tc", "qdisc", "show", "dev", name).stdout for name in ("h1", "h2")]
    return "".join(lines)


@pytest.mark.parametrize(("first", "second"), [("", "tcx"), ("tcx", "")])
def test_hooks_of_the_other_kind_are_replaced(net, kernel, monkeypatch, first, second):
    h1 = net.hosts["h1"]
    with running_daemon(net, first) as daemon:
        assert h1.can_reach("10.0.0.2")
        daemon.kill()
        daemon.wait()
        monkeypatch.setenv(WITHOUT, second)
        taken = EbpfDatapath("test")
    assert not taken.ports()
    assert "clsact" not in qdiscs(net)
    for n in (P1, P2):
        taken.port_add(LinuxDevice(f"h{n}", kernel), n)
    taken.flow_put(patch(1, 2))
    assert h1.ping("10.0.0.2", count=10)
    taken.close()


def test_what_is_taken_over_is_what_was_put(net, kernel, datapath):
    packet = bytes.fromhex("0200000000020200000000018100600a0800") + bytes(46)
    flow = extract(packet, 1)
    everything = Mask(
        LAYOUT.mask("in_port", "recirc_id", "eth_type", "vlan_tci", "eth_src") | IP_SRC.under(0xFFFF0000)
    )
    megaflows = [
        Megaflow(Ufid(1), flow, everything, (Output(P2), PopVlan(), PushVlan(0x1005, 0x88A8), Output(P1))),
        Megaflow(Ufid((1 << 128) - 1), IN_PORT.put(flow, 2), BY_PORT, ()),
        Megaflow(Ufid(3), IN_PORT.put(flow, 77), BY_PORT, (Output(OdpPort(99)),)),
    ]
    datapath.flow_put(megaflows)
    datapath.close(keep=True)
    again = EbpfDatapath("test")
    expected = {Megaflow(m.ufid, Flow(m.flow & m.mask), m.mask, m.actions) for m in megaflows}
    assert {megaflow for megaflow, _ in again.flow_dump()} == expected
    assert len(again.flow_del([Ufid(1), Ufid(3)])) == 2
    again.close()
    assert not directory_of("test", bpffs.root()).exists()


def test_what_a_network_namespace_leaves_is_removed(net, kernel, datapath):
    with Topology() as other:
        other.add_host("h1", "10.0.0.1/24", silent=True)
        with other.switch.entered():
            doors, gone = Kernel(), directory_of("test", bpffs.root())
            left = EbpfDatapath("test")
            left.port_add(LinuxDevice("h1", doors))
            left.close(keep=True)
            doors.close()
    assert gone.exists()
    wait_until(lambda: remove_orphans(gone.parent) or not gone.exists())
    assert directory_of("test", bpffs.root()).exists(), "ours has its devices"


def test_megaflows_that_no_packet_in_the_kernel_can_match_keep_their_place(datapath):
    for n, field in enumerate((RECIRC_ID, REG[0]), 1):
        flow = field.put(IN_PORT.put(Flow(0), 1), 5)
        datapath.flow_put([Megaflow(Ufid(n), flow, Mask(IN_PORT.mask | field.mask), ())])
    assert len(list(datapath.flow_dump())) == 2
    assert [stats and stats.packets for stats in datapath.flow_del([Ufid(1), Ufid(2)])] == [0, 0]


def test_many_masks_use_the_cache_and_changes_are_seen(net, datapath):
    h1 = net.hosts["h1"]
    for n in range(CACHE_FROM + 2):
        mask = Mask(IN_PORT.mask | ETH_TYPE.mask | IP_SRC.under(0xFFFFFFFF << n & 0xFFFFFFFF))
        flow = IP_SRC.put(ETH_TYPE.put(IN_PORT.put(Flow(0), 99), 0x0800), 0xC0A80000)
        datapath.flow_put([Megaflow(Ufid(1000 + n), flow, mask, ())])
    datapath.flow_put(patch(1, 2))
    assert CACHE in datapath._maps.by_name
    assert h1.ping("10.0.0.2", count=300, interval=0.001)
    hits = datapath._maps.totals()[2:]
    assert hits[0] > 300, "most packets are found in the cache"
    drop = [Megaflow(m.ufid, m.flow, m.mask, ()) for m in patch(1, 2)]
    datapath.flow_put(drop)
    assert h1.cannot_reach("10.0.0.2")
    datapath.flow_put(patch(1, 2))
    assert h1.ping("10.0.0.2", count=50, interval=0.001)
    datapath.flow_del([m.ufid for m in patch(1, 2)])
    assert h1.cannot_reach("10.0.0.2")


def test_more_masks_than_one_program_can_look_at(net, datapath):
    h1 = net.hosts["h1"]
    others = []
    for n in range(CHUNK + 5):
        bits = 0xFFFFFFFF << n % 30 & 0xFFFFFFFF
        mask = Mask(IN_PORT.mask | IP_SRC.under(bits) | (ETH_DST.mask if n >= 30 else 0))
        others.append(Megaflow(Ufid(1000 + n), IP_SRC.put(IN_PORT.put(Flow(0), 99), 1 << 31), mask, ()))
    datapath.flow_put(others)
    datapath.flow_put(patch(1, 2))
    assert datapath.stats().masks == CHUNK + 6
    assert h1.ping("10.0.0.2", count=100, interval=0.001)
    assert datapath.stats().mask_hits > CHUNK


def test_order_follows_hits_and_empty_subtables_go(net, datapath):
    h1 = net.hosts["h1"]
    for n in range(4):
        mask = Mask(IN_PORT.mask | IP_SRC.under(0xFFFFFFFF << n & 0xFFFFFFFF))
        datapath.flow_put([Megaflow(Ufid(1000 + n), IP_SRC.put(IN_PORT.put(Flow(0), 99), 1 << 31), mask, ())])
    datapath.flow_put(patch(1, 2))
    assert h1.ping("10.0.0.2", count=50, interval=0.001)
    datapath.flow_del([Ufid(1001)])
    datapath._flows.improve()
    assert datapath._programs.subtables[0].key.mask == BY_PORT
    assert datapath.stats().masks == 4
    assert len(datapath._notes.read()[Kind.MASK]) == 4
    assert h1.ping("10.0.0.2", count=50, interval=0.001)


def test_subtables_grow(net, datapath):
    h1 = net.hosts["h1"]
    mask = Mask(BY_PORT | IP_SRC.mask)
    flows = [
        Megaflow(
            Ufid(1000 + n), IP_SRC.put(ETH_TYPE.put(IN_PORT.put(Flow(0), 9), 0x0800), n), mask, (Output(P2),)
        )
        for n in range(20_000)
    ]
    datapath.flow_put(patch(1, 2))
    datapath.flow_put(flows[:3000])
    with h1.start("ping", "-q", "-i", "0.002", "-c", "500", "10.0.0.2") as ping:
        datapath.flow_put(flows[3000:])
        output, _ = ping.communicate(timeout=20)
    assert "500 received, 0% packet loss" in output, output
    assert datapath.stats().flows == 20_006
    assert datapath.flow_del([m.ufid for m in flows]).count(None) == 0


def test_two_hundred_ports(net, kernel, datapath):
    """All are attached, one packet is flooded to all, and packets still cross between two of them."""
    many, far = range(10, 210), net.add_namespace("far")
    far.sysctl("net.ipv6.conf.default.disable_ipv6", "1")
    lines = [
        f"link add p{n} up type veth peer name q{n} netns {far.path.name}\nlink set p{n} up" for n in many
    ]
    subprocess.run(net.switch.command("ip", "-batch", "-"), input="\n".join(lines), text=True, check=True)
    subprocess.run(
        far.command("ip", "-batch", "-"),
        input="\n".join(f"link set q{n} up" for n in many),
        text=True,
        check=True,
    )
    for n in many:
        assert datapath.port_add(LinuxDevice(f"p{n}", kernel), OdpPort(n)) == n
    packet = b"\xff" * 6 + bytes.fromhex("02000000000188b5") + bytes(46)
    outputs = tuple(Output(OdpPort(n)) for n in (2, *many))
    datapath.flow_put([Megaflow(Ufid(1), extract(packet, 1), BY_PORT, outputs), *patch(1, 2)])
    net.hosts["h1"].open_socket().send_frames([NO_OFFLOAD + packet])
    wait_until(lambda: all(received(far, f"q{n}") == 1 for n in many), what="one packet at each port")
    assert net.hosts["h1"].ping("10.0.0.2", count=20, interval=0.001)
    for n in many:
        datapath.port_del(OdpPort(n))
    assert len(datapath.ports()) == 2


def received(namespace, device):
    """How many packets a device has received."""
    with namespace.entered():
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return next(int(line.split()[2]) for line in lines if line.strip().startswith(f"{device}:"))


def test_one_port_cannot_starve_another(net, datapath):
    noisy, quiet = (net.hosts[name].open_socket() for name in ("h1", "h2"))
    frame = NO_OFFLOAD + b"\xff" * 6 + bytes.fromhex("02000000000188b5") + bytes(46)
    for _ in range(QUEUE // 64 + 10):
        noisy.send_frames([frame] * 64)
    quiet.send_frames([frame])
    assert datapath.stats().lost > 0
    batches = [datapath.take_upcalls() for _ in range(3)]
    in_ports = [OdpPort(IN_PORT.get(upcall.flow)) for batch in batches for upcall in batch]
    assert set(in_ports) == {P1, P2}, "three batches are enough to come to what is behind the other's packets"
    drain(datapath)
    lost = datapath.stats().lost
    noisy.send_frames([frame] * 64)
    assert datapath.stats().lost == lost, "what was taken makes room"


def drain(datapath):
    """Take all upcalls that wait."""
    while datapath.take_upcalls():
        pass


def test_a_listener_sees_packets_and_counters_stay_true(net, kernel, datapath):
    h1 = net.hosts["h1"]
    datapath.flow_put(patch(1, 2))
    assert all(datapath._ports.has_shortcut(n) for n in (P1, P2))
    before = sent_to_h2(kernel, datapath)
    assert h1.ping("10.0.0.2", count=20)
    assert sent_to_h2(kernel, datapath) - before >= 20
    listener = subprocess.Popen(
        net.switch.command("tcpdump", "-i", "h2", "-c", "20", "-w", "/dev/null", "icmp"),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: datapath._shortcuts.look() or not datapath._ports.has_shortcut(P2))
        before = sent_to_h2(kernel, datapath)
        assert h1.ping("10.0.0.2", count=20)
        assert sent_to_h2(kernel, datapath) - before >= 20
        assert listener.wait(timeout=10) == 0
    finally:
        listener.kill()
        listener.wait()
    wait_until(lambda: datapath._shortcuts.look() or datapath._ports.has_shortcut(P2))


def sent_to_h2(kernel, datapath):
    return LinuxDevice("h2", kernel).stats().tx_packets + datapath.port_stats(P2).tx_packets


def test_a_device_with_another_ifindex_is_the_same_port(net, kernel, datapath):
    datapath.flow_put(patch(1, 2))
    assert net.hosts["h1"].can_reach("10.0.0.2")
    net.switch.run("ip", "link", "del", "h1")
    datapath.port_del(P1)
    h3 = net.add_host("h3", "10.0.0.1/24", silent=True)
    assert datapath.port_add(LinuxDevice("h3", kernel), P1) == P1
    assert h3.can_reach("10.0.0.2")


def test_both_tags_cross(net, datapath):
    door1, door2 = (net.hosts[name].open_socket() for name in ("h1", "h2"))
    flow = ETH_TYPE.put(IN_PORT.put(Flow(0), 1), 0x88B5)
    mask = Mask(BY_PORT | LAYOUT.mask("vlan_tci", "vlan_tpid", "vlan2_tci"))
    tags = bytes.fromhex("88a8600a81000014")
    head = b"\xff" * 6 + bytes.fromhex("020000000001")
    packet = head + tags + b"\x88\xb5" + bytes(46)
    flow = extract(packet, 1)
    datapath.flow_put([Megaflow(Ufid(1), flow, mask, (PopVlan(), Output(P2), PopVlan(), Output(P2)))])
    door1.send_frames([NO_OFFLOAD + packet])
    frames: list[bytes] = []
    wait_until(lambda: frames.extend(f[HEADER_SIZE:] for f in door2.receive_frames(9)) or len(frames) == 2)
    assert frames == [head + tags[4:] + packet[20:], head + packet[20:]]


def test_counters_survive_the_move_to_more_memory(net, datapath):
    h1 = net.hosts["h1"]
    datapath.flow_put(patch(1, 2))
    mask = Mask(BY_PORT | IP_SRC.mask)
    here = IP_SRC.put(ETH_TYPE.put(IN_PORT.put(Flow(0), 1), 0x0800), 0x0A000001)
    datapath.flow_put([Megaflow(Ufid(5000), here, mask, (Output(P2),))])
    datapath.flow_del([Ufid(16)])  # so that it is the other one that counts
    others = [Megaflow(Ufid(6000 + n), IP_SRC.put(here, n), mask, (Output(P2),)) for n in range(3000)]
    with h1.start("ping", "-q", "-i", "0.002", "-c", "300", "10.0.0.2") as ping:
        datapath.flow_put(others)
        output, _ = ping.communicate(timeout=20)
    assert "300 received, 0% packet loss" in output, output
    (carried,) = datapath.flow_del([Ufid(5000)])
    assert (carried.packets, carried.bytes) == (300, 300 * 98)
    assert carried.used is not None
    assert 0 <= time.monotonic() - carried.used < 5


def test_cpus_that_share_a_megaflow_lose_no_count(net, datapath):
    """Two senders on two CPUs at once, whose packets are all of one megaflow."""
    datapath.flow_put(patch(1, 2))
    before = {flow.ufid: stats.packets for flow, stats in datapath.flow_dump()}[Ufid(16)]
    h1 = net.hosts["h1"]
    cpus = sorted(os.sched_getaffinity(0))[:2]
    words = "ping", "-q", "-i", "0.0002", "-c", "2000", "10.0.0.2"
    with contextlib.ExitStack() as stack:
        pings = [stack.enter_context(h1.start("taskset", "-c", str(cpu), *words)) for cpu in cpus]
        for ping in pings:
            output, _ = ping.communicate(timeout=20)
            assert "2000 packets transmitted" in output, output
    after = {flow.ufid: stats.packets for flow, stats in datapath.flow_dump()}[Ufid(16)]
    assert after - before == 2000 * len(cpus)


def test_the_cpu_to_which_a_flow_has_moved_becomes_its_owner(net, datapath):
    """It counts in the megaflow then, no more in the memory that CPUs share, and no packet is counted twice or not."""
    datapath.flow_put(patch(1, 2))
    h1 = net.hosts["h1"]
    cpus = sorted(os.sched_getaffinity(0))

    def ping(cpu: int) -> None:
        h1.run("taskset", "-c", str(cpu), "ping", "-q", "-c", "1", "-W", "1", "10.0.0.2")

    def own() -> int:
        (table,) = datapath._flows._tables.values()
        (place,) = [entry.place for entry in table.keys.values() if entry.megaflow.ufid == 16]
        return table.entries.counters(place)[0]

    ping(cpus[0])
    sent, counted = 1, own()
    assert counted == 1
    deadline = time.monotonic() + 10
    while own() == counted and time.monotonic() < deadline:
        ping(cpus[-1])
        sent += 1
    assert own() == counted + 1
    assert sent > 2 or len(cpus) == 1
    assert {flow.ufid: stats.packets for flow, stats in datapath.flow_dump()}[Ufid(16)] == sent


@pytest.mark.parametrize("alive", [True, False])
def test_ovs_dpctl_sees_the_datapath_whether_its_daemon_lives_or_not(net, kernel, alive):
    def dpctl(*words: str) -> str:
        return net.switch.run(str(Path(sys.executable).with_name("ovs-dpctl")), *words).stdout

    h1 = net.hosts["h1"]
    with running_daemon(net, "") as daemon:
        assert h1.ping("10.0.0.2", count=3)
        if not alive:
            daemon.kill()
            daemon.wait()
        assert dpctl("dump-dps") == "ebpf@test\n"
        shown = dpctl("show", "-s")
        for line in ("flows: 24", "port 1: h1\n", "port 3: br0 (internal)", "RX packets:"):
            assert line in shown, shown
        (to_h2,) = [
            line
            for line in dpctl("dump-flows", "-m").splitlines()
            if "in_port(h1)" in line and "0x0800" in line and line.endswith("actions:h2")
        ]
        assert "ufid:" in to_h2
        assert " packets:3, bytes:294, used:" in to_h2
        ufid = to_h2.split(",")[0]
        assert dpctl("get-flow", ufid).split(", ufid")[0].split("packets")[0] == to_h2.split("packets")[0]
        dpctl("del-flows")
        assert h1.cannot_reach("10.0.0.2", count=1), "nobody puts the flows again"
    if not alive:
        taken = EbpfDatapath("test")
        assert taken.stats().flows == 0
        taken.close()


def test_neighbours_that_come_and_go_do_not_disturb(net, datapath):
    """Packets find their megaflow at any moment, while others of the same mask are put, changed and removed."""
    h1 = net.hosts["h1"]
    datapath.flow_put(patch(1, 2))
    mask = Mask(BY_PORT | IP_SRC.mask)
    here = [
        IP_SRC.put(ETH_TYPE.put(IN_PORT.put(Flow(0), port), 0x0800), 0x0A000000 + port) for port in (1, 2)
    ]
    own = [Megaflow(Ufid(7000 + n), flow, mask, (Output(OdpPort(3 - n)),)) for n, flow in enumerate(here, 1)]
    datapath.flow_put(own)
    datapath.flow_del([Ufid(16), Ufid(32)])  # the wider ones
    others = [
        Megaflow(Ufid(8000 + n), IP_SRC.put(here[n % 2], n), mask, (Output(OdpPort(1 + n % 2)),))
        for n in range(500)
    ]
    missed = datapath.stats().missed
    with h1.start("ping", "-q", "-i", "0.001", "-c", "1000", "10.0.0.2") as ping:
        while ping.poll() is None:
            datapath.flow_put(others)
            datapath.flow_put([Megaflow(one.ufid, one.flow, one.mask, ()) for one in others])
            datapath.flow_put(own)
            datapath.flow_del([one.ufid for one in others])
        output, _ = ping.communicate(timeout=20)
    assert "1000 received, 0% packet loss" in output, output
    assert datapath.stats().missed == missed
    assert [stats.packets for stats in datapath.flow_del([one.ufid for one in own])] == [1000, 1000]
