"""Hosts around a switch: network namespaces, veth pairs and what to do with them.

Each host lives in its own namespace, behind a veth pair whose other end is in the switch's namespace, so that
nothing of a test touches the machine's own network:

    with Topology() as net:
        h1 = net.add_host("h1", "10.0.0.1/24", "fd00::1/64")     # the switch's end is called h1, too
        h2 = net.add_host("h2", "10.0.0.2/24", "fd00::2/64")
        with net.switch.entered():
            ...                                                  # sockets and devices made here are the switch's
        h1.ping("10.0.0.2")

Namespaces have names that no other process uses, and `close` removes them with all that is in them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from vswitch.linux import netns
from vswitch.linux.packet import PacketSocket
from vswitch.linux.rtnetlink import Rtnetlink

_serial = itertools.count()


def wait_until(condition: Callable[[], object], timeout: float = 10.0, what: str = "") -> None:
    """Poll `condition` until it holds; an AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what or condition}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Ping:
    """What ping counted; `rtt` is the average round trip in seconds."""

    sent: int
    received: int
    rtt: float | None

    def __bool__(self) -> bool:
        return self.sent == self.received > 0


class Namespace:
    """A named network namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        netns.create(name)
        self.run("ip", "link", "set", "lo", "up")
        # Neighbours and routers would add packets of their own to what a test counts.
        self.sysctl("net.ipv6.conf.default.accept_ra", "0")
        self.sysctl("net.ipv6.conf.default.dad_transmits", "0")

    @property
    def path(self) -> Path:
        """The file that stands for the namespace, e.g. for `ip link set dev X netns NAME`."""
        return netns.path_of(self.name)

    def command(self, *words: str) -> list[str]:
        """`words` as an argument list that runs in this namespace."""
        return ["nsenter", f"--net={self.path}", *words]

    def run(self, *words: str, check: bool = True, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program in this namespace, to its end."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"
        return done

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a program in this namespace; its output is in `stdout`."""
        return subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | (env or {}),
        )

    def sysctl(self, name: str, value: str) -> None:
        """Set a kernel parameter of this namespace, e.g. net.ipv6.conf.all.forwarding."""
        with self.entered():
            Path("/proc/sys", *name.split(".")).write_text(value)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread be in the namespace for a while: sockets and TAPs that it opens stay there."""
        with netns.entered(self.path):
            yield

    def devices(self) -> list[str]:
        """The names of the devices in this namespace, without lo."""
        lines = self.run("ip", "-o", "link").stdout.splitlines()
        return sorted({line.split(": ")[1].split("@")[0] for line in lines} - {"lo"})

    def close(self) -> None:
        """Remove the namespace and the devices in it."""
        netns.remove(self.name)


@dataclass
class Host:
    """A host: a namespace with one device, `eth0`, whose other end `port` is in the switch's namespace."""

    name: str
    ns: Namespace
    port: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    sockets: list[PacketSocket] = field(default_factory=list)

    def run(self, *words: str, check: bool = True, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program on this host."""
        return self.ns.run(*words, check=check, timeout=timeout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a program on this host."""
        return self.ns.start(*words)

    def open_socket(self) -> PacketSocket:
        """A socket for frames of any kind, VLAN tags in place, on eth0, for as long as the topology lives."""
        with self.ns.entered():
            self.sockets.append(PacketSocket(socket.if_nametoindex("eth0")))
        return self.sockets[-1]

    def add_address(self, address: str, device: str = "eth0") -> None:
        """Give the host an address such as 10.0.0.1/24 or fd00::1/64, usable at once."""
        self.run("ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))

    def ping(
        self,
        address: str,
        count: int = 1,
        size: int = 56,
        wait: float = 1.0,
        interval: float = 0.01,
        *options: str,
    ) -> Ping:
        """Ping `address`; each echo has `wait` seconds to come back."""
        done = self.run(
            *("ping", "-n", "-q", "-c", str(count), "-s", str(size), "-W", str(wait), "-i", str(interval)),
            *options,
            address,
            check=False,
            timeout=wait + count * (interval + 0.05) + 10,
        )
        summary = next((line for line in done.stdout.splitlines() if "packets transmitted" in line), "")
        assert summary, f"ping {address}: {done.stderr}{done.stdout}"
        words = summary.split()
        rtt = next((line for line in done.stdout.splitlines() if line.startswith("rtt ")), None)
        average = float(rtt.split(" = ")[1].split("/")[1]) / 1000 if rtt else None
        return Ping(sent=int(words[0]), received=int(words[3]), rtt=average)

    def can_reach(self, address: str, timeout: float = 5.0) -> bool:
        """Whether a ping is answered before `timeout` seconds have passed; tries again after losses."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.ping(address, wait=0.5):
                return True
        return False

    def cannot_reach(self, address: str, count: int = 3) -> bool:
        """Whether none of `count` pings is answered."""
        return self.ping(address, count=count, wait=0.3).received == 0

    def counters(self, device: str = "eth0") -> dict[str, int]:
        """The device's counters as in /sys/class/net/…/statistics."""
        with self.ns.entered():
            lines = Path("/proc/net/dev").read_text().splitlines()
        words = next(line for line in lines if line.strip().startswith(f"{device}:")).split(":")[1].split()
        names = ["rx_bytes", "rx_packets", "rx_errors", "rx_dropped"]
        names_tx = ["tx_bytes", "tx_packets", "tx_errors", "tx_dropped"]
        return dict(zip(names + names_tx, map(int, words[:4] + words[8:12]), strict=True))


class Topology:
    """A switch's namespace and the hosts around it."""

    def __init__(self) -> None:
        self._prefix = f"vs{os.getpid()}-{next(_serial)}"
        self._namespaces: list[Namespace] = []
        self.hosts: dict[str, Host] = {}
        self.switch = self.add_namespace("sw")
        # The switch's namespace only carries packets: its own IPv6 would talk to the hosts.
        self.switch.sysctl("net.ipv6.conf.default.disable_ipv6", "1")
        self.switch.sysctl("net.ipv6.conf.all.disable_ipv6", "1")

    def __enter__(self) -> Topology:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def add_namespace(self, name: str) -> Namespace:
        """One more namespace; `close` removes it."""
        namespace = Namespace(f"{self._prefix}-{name}")
        self._namespaces.append(namespace)
        return namespace

    def add_host(
        self, name: str, *addresses: str, mtu: int = 1500, up: bool = True, silent: bool = False
    ) -> Host:
        """A host behind a veth pair, both ends up; the switch's end has the host's name.

        The n-th host's MAC address is 02:00:00:00:00:0n.  A `silent` one has no IPv6 and so sends nothing unasked.
        """
        n = len(self.hosts) + 1
        host = Host(name, self.add_namespace(name), name, f"02:00:00:00:{n >> 8:02x}:{n & 0xFF:02x}")
        if silent:
            host.ns.sysctl("net.ipv6.conf.default.disable_ipv6", "1")
        self.switch.run(
            *("ip", "link", "add", name, "mtu", str(mtu), "type", "veth"),
            *("peer", "name", "eth0", "mtu", str(mtu), "address", host.mac, "netns", host.ns.name),
        )
        if up:
            self.switch.run("ip", "link", "set", name, "up")
        host.run("ip", "link", "set", "eth0", "up")
        if up:
            wait_until(lambda: self._has_queue(name), what=f"{name} is ready to send")
        for address in addresses:
            host.add_address(address)
            host.addresses.append(address.split("/")[0])
        self.hosts[name] = host
        return host

    def _has_queue(self, name: str) -> bool:
        """Whether the kernel has given a device its queue, which it does some time after the carrier comes: until
        then, what is sent is lost without a word."""
        with self.switch.entered(), contextlib.closing(Rtnetlink()) as rtnl:
            device = rtnl.link(name)
            return any(queue.ifindex == device.ifindex for queue in rtnl.qdiscs())

    def close(self) -> None:
        """Remove every namespace, and with them all devices."""
        for door in (door for host in self.hosts.values() for door in host.sockets):
            door.close()
        self.hosts.clear()
        for namespace in reversed(self._namespaces):
            namespace.close()
        self._namespaces.clear()
