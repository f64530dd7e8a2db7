"""Switches to measure, each between the same two hosts: ours, the kernel's, and the peer's userspace datapath.

A contender is a context: inside it, ports h1 and h2 are joined; after it, nothing of it is left.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.e2e.topology import Topology, wait_until
from vswitch.datapath.ebpf.datapath import EbpfDatapath
from vswitch.dpif.action import Output
from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Mask
from vswitch.flow.fields import LAYOUT
from vswitch.netdev.linux import Kernel, LinuxDevice

Contender = Callable[
    [Topology, int], AbstractContextManager[None]
]  # a topology; rules by L4 for how many flows

FIRST_PORT = 1024
FLOWS_PER_SOURCE = 1 << 14
_LEARNED = LAYOUT.mask("in_port", "eth_type", "ip_frag", "eth_src", "eth_dst", "vlan_tci", "vlan_tpid")
_L4 = Mask(_LEARNED | LAYOUT.mask("ip_src", "ip_dst", "ip_proto", "tp_src", "tp_dst"))
MACS = 0x020000000001, 0x020000000002
_ARP = b"\x08\x06" + bytes(46)


def frame(number: int = 0) -> bytes:
    """The 64-byte UDP packet (without its FCS) from host 1 to host 2 that belongs to flow `number`."""
    port, source = FIRST_PORT + number % FLOWS_PER_SOURCE, number // FLOWS_PER_SOURCE
    ip = (
        bytes.fromhex("4500002e000000004011")
        + bytes(2)
        + bytes([10, 0, 1 + source, 1])
        + bytes([10, 0, 0, 2])
    )
    udp = port.to_bytes(2, "big") + (4097).to_bytes(2, "big") + (26).to_bytes(2, "big") + bytes(2)
    return b"".join(mac.to_bytes(6, "big") for mac in reversed(MACS)) + b"\x08\0" + ip + udp + bytes(18)


@contextlib.contextmanager
def ours(net: Topology, n_flows: int = 0) -> Iterator[None]:
    """The eBPF datapath, with the megaflows of a learning switch, or one for each of `n_flows`."""
    with net.switch.entered():
        kernel = Kernel()
        datapath = EbpfDatapath("bench")
        try:
            ports = [datapath.port_add(LinuxDevice(name, kernel)) for name in ("h1", "h2")]
            datapath.flow_put(list(_megaflows(ports, n_flows)))
            yield
        finally:
            datapath.close()
            kernel.close()


def _megaflows(ports: list[OdpPort], n_flows: int) -> Iterator[Megaflow]:
    h1, h2 = ports
    there, back, everybody = frame()[:12], frame()[6:12] + frame()[:6], b"\xff" * 6
    packets = [(back, h2, h1), (everybody + there[6:], h1, h2), (everybody + back[6:], h2, h1)]
    if not n_flows:
        packets.append((there, h1, h2))
    learned = [
        (head + rest, _LEARNED, come, go) for head, come, go in packets for rest in (frame()[12:], _ARP)
    ]
    ruled = [(frame(number), _L4, h1, h2) for number in range(n_flows)]
    # The busiest mask first, where a daemon would soon put it.
    for number, (packet, mask, come, go) in enumerate(ruled + learned, 1):
        yield Megaflow(Ufid(number), extract(packet, come), mask, (Output(go),))


@contextlib.contextmanager
def linux_bridge(net: Topology, n_flows: int = 0) -> Iterator[None]:
    """The kernel's bridge, without the detour through netfilter that a new namespace has."""
    for family in ("iptables", "ip6tables", "arptables"):
        with contextlib.suppress(FileNotFoundError):
            net.switch.sysctl(f"net.bridge.bridge-nf-call-{family}", "0")
    net.switch.run("ip", "link", "add", "br0", "type", "bridge")
    net.switch.run("ip", "link", "set", "br0", "up")
    try:
        for name in ("h1", "h2"):
            net.switch.run("ip", "link", "set", name, "master", "br0")
        yield
    finally:
        net.switch.run("ip", "link", "del", "br0")


@contextlib.contextmanager
def mirred(net: Topology, n_flows: int = 0) -> Iterator[None]:
    """tc's redirect: as little as one can do to a packet."""
    names = "h1", "h2"
    try:
        for name, other in (names, names[::-1]):
            net.switch.run("tc", "qdisc", "add", "dev", name, "clsact")
            net.switch.run(
                *(
                    "tc",
                    "filter",
                    "add",
                    "dev",
                    name,
                    "ingress",
                    "protocol",
                    "all",
                    "u32",
                    "match",
                    "u32",
                    "0",
                    "0",
                ),
                *("action", "mirred", "egress", "redirect", "dev", other),
            )
        yield
    finally:
        for name in names:
            net.switch.run("tc", "qdisc", "del", "dev", name, "clsact", check=False)


def peer(kind: str) -> Contender:
    """Open vSwitch's userspace datapath on ports of `kind`: system (AF_PACKET) or afxdp."""

    @contextlib.contextmanager
    def contender(net: Topology, n_flows: int = 0) -> Iterator[None]:
        with running(Peer, net, kind, l4=n_flows > 0):
            yield

    return contender


@contextlib.contextmanager
def running(daemons: type[Peer], net: Topology, kind: str, l4: bool) -> Iterator[Peer]:
    """The daemons of a switch, joining ports of `kind`; `l4`: so that they look at the ports of UDP packets."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        switch = daemons(net, Path(directory))
        stack.callback(switch.stop)
        switch.start()
        switch.run(
            "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={switch.datapath}"
        )
        for name in ("h1", "h2"):
            switch.run("ovs-vsctl", "add-port", "br0", name, "--", "set", "interface", name, f"type={kind}")
        if l4:  # looking at the ports makes a megaflow of each flow
            copies = "move:NXM_OF_UDP_SRC[]->NXM_NX_REG0[0..15],move:NXM_OF_IP_SRC[]->NXM_NX_REG1[]"
            switch.run("ovs-ofctl", "add-flow", "br0", f"udp,actions={copies},NORMAL")
        time.sleep(0.5)
        yield switch


class Peer:
    """The peer's two daemons, in the switch's namespace and a directory of their own."""

    datapath = "netdev"

    def __init__(self, net: Topology, directory: Path) -> None:
        self._net, self._directory = net, directory
        names = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        self._env = os.environ | dict.fromkeys(names, str(directory))
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both and wait for them."""
        database, socket = self._directory / "conf.db", self._directory / "db.sock"
        self.run("ovsdb-tool", "create", str(database), "/usr/share/openvswitch/vswitch.ovsschema")
        self._spawn("ovsdb-server", str(database), f"--remote=punix:{socket}", "-vconsole:off")
        wait_until(socket.exists, what="the peer's database")
        self.run("ovs-vsctl", "--no-wait", "init")
        self._spawn("ovs-vswitchd", f"unix:{socket}", "--disable-system", "--pidfile", "-vconsole:off")

    def run(self, *words: str) -> None:
        """Run one of the peer's commands."""
        command = self._net.switch.command(*words)
        subprocess.run(command, env=self._env, check=True, capture_output=True, timeout=30)

    def _spawn(self, *words: str) -> None:
        command = self._net.switch.command(*words)
        self._running.append(subprocess.Popen(command, env=self._env, stderr=subprocess.DEVNULL))

    def stop(self) -> None:
        """End both, and remove what the switch made."""
        for process in reversed(self._running):
            process.terminate()
            process.wait(timeout=20)
        for name in ("br0", "ovs-netdev"):
            self._net.switch.run("ip", "link", "del", name, check=False)
        for name in ("h1", "h2"):
            self._net.switch.run("ip", "link", "set", name, "xdp", "off", check=False)


class Ours(Peer):
    """Our daemons, in one process."""

    datapath = "system"
    _PROGRAMS = Path(sys.prefix) / "bin"

    def start(self) -> None:
        """Start it and wait for it."""
        self._spawn("vswitch", "up", f"--dir={self._directory}")
        wait_until((self._directory / "db.sock").exists, what="our database")
        wait_until(lambda: list(self._directory.glob("ovs-vswitchd.*.ctl")), what="our daemon")

    def run(self, *words: str) -> None:
        """Run one of our commands."""
        super().run(str(self._PROGRAMS / words[0]), *words[1:])

    def _spawn(self, *words: str) -> None:
        command = self._net.switch.command(str(self._PROGRAMS / words[0]), *words[1:])
        quiet = subprocess.DEVNULL
        self._running.append(subprocess.Popen(command, env=self._env, stdout=quiet, stderr=quiet))


ALL: dict[str, Contender] = {
    "ours": ours,
    "bridge": linux_bridge,
    "mirred": mirred,
    "ovs-afpacket": peer("system"),
    "ovs-afxdp": peer("afxdp"),
}
SLOW_TO_START = "ovs-afpacket", "ovs-afxdp"
