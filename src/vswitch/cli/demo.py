"""`vswitch demo`: the switch's main job, shown on real packets in a minute.

Three hosts on two VLANs, one bridge.  The same scenario runs in one of two laboratories: `KernelLab` makes network
namespaces and veth pairs and needs root; `MemoryLab` uses dummy devices and needs nothing.  Every claim that the
demo makes is an expectation that it checks; it ends with status 0 only if all of them held.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vswitch.base.dataclass import dataclass

PROGRAMS = Path(sys.executable).parent  # ours are installed beside the interpreter that runs this
READY_TIMEOUT = 20.0  # seconds
DROP = "priority=100,icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,actions=drop"


class DemoError(Exception):
    """The laboratory itself could not be built, or a command of the scenario failed."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host, the switch port that it hangs on, and its VLAN."""

    name: str
    port: str
    tag: int
    number: int

    @property
    def ip(self) -> str:
        """Its IPv4 address; all hosts share one subnet, so that only VLANs separate them."""
        return f"10.0.0.{self.number}"

    @property
    def mac(self) -> str:
        """Its Ethernet address."""
        return f"02:00:00:00:00:{self.number:02x}"


HOSTS = H1, H2, H3 = Host("h1", "p1", 10, 1), Host("h2", "p2", 10, 2), Host("h3", "p3", 20, 3)


class Console:
    """Prints what happens, and keeps count of the expectations that did not hold."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.failures = 0
        self._bold, self._off = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")

    def step(self, title: str) -> None:
        """A heading, with the seconds since the start."""
        print(f"\n{self._bold}[{time.monotonic() - self.started:4.1f} s] {title}{self._off}", flush=True)

    def say(self, text: str) -> None:
        """Lines below a heading."""
        print("\n".join(f"    {line}" for line in text.rstrip().splitlines()), flush=True)

    def expect(self, claim: str, held: bool) -> None:
        """State a claim and whether it held."""
        self.failures += not held
        self.say(f"{'ok  ' if held else 'FAIL'}  {claim}")


class Lab(ABC):
    """Where the scenario happens: hosts, and a running switch that they can be plugged into."""

    bridge_settings: tuple[str, ...] = ()

    def __init__(self, console: Console, directory: Path) -> None:
        self.console = console
        self.directory = directory
        self.environment = os.environ | {"OVS_RUNDIR": str(directory), "OVS_CTL_TIMEOUT": "20"}
        self._obituary: Callable[[], str] = str  # how the switch ended, if it did

    @abstractmethod
    def build(self, stack: ExitStack) -> None:
        """Make the hosts and start the switch; everything is undone when `stack` unwinds."""

    @abstractmethod
    def ping(self, source: Host, target: Host) -> bool:
        """Whether an echo request from `source` comes back."""

    @abstractmethod
    def measure(self) -> None:
        """Print how fast the bridge is, where that means something."""

    def run(self, *words: str, shown: bool = True) -> str:
        """Run one of our programs against the switch, and print the command line and what it says."""
        if shown:
            self.console.say(f"$ {' '.join(words)}")
        done = subprocess.run(
            [str(PROGRAMS / words[0]), *words[1:]],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip() or f"status {done.returncode}"
            raise DemoError(f"{' '.join(words)}: {reason}{self._obituary()}")
        if shown and done.stdout:
            self.console.say(done.stdout)
        return done.stdout

    @contextmanager
    def switch(self, prefix: Sequence[str], *options: str) -> Iterator[None]:
        """`vswitch up` in the background, from the moment when it answers until the block ends."""
        words = [*prefix, str(PROGRAMS / "vswitch"), "up", "--dir", str(self.directory), *options]
        self.console.say(f"$ vswitch up --dir {self.directory} {' '.join(options)}")
        output = self.directory / "up.log"
        with (
            output.open("w") as log,
            subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT) as process,
        ):
            try:
                self._wait_until_ready(process, output)
                self.console.say(output.read_text())
                self._obituary = lambda: (
                    "" if process.poll() is None else f"\nthe switch ended:\n{output.read_text()}"
                )
                yield
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], output: Path) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            answer = [str(PROGRAMS / "ovs-appctl"), "-t", "ovs-vswitchd", "version"]
            if not subprocess.run(answer, env=self.environment, capture_output=True, check=False).returncode:
                return
            time.sleep(0.1)
        raise DemoError(f"the switch did not start:\n{output.read_text()}")


class KernelLab(Lab):
    """Hosts are network namespaces; the switch runs in a fourth one, and packets are real."""

    def __init__(self, console: Console, directory: Path) -> None:
        super().__init__(console, directory)
        self._prefix = f"vsw{os.getpid()}"

    def namespace(self, name: str) -> str:
        """The name of the network namespace in which host `name` (or the switch) lives."""
        return f"{self._prefix}-{name}"

    def _ip(self, *words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"ip {' '.join(words)}: {done.stderr.strip()}")

    def _inside(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace(name)]

    def _make_namespace(self, stack: ExitStack, name: str) -> None:
        self._ip("netns", "add", self.namespace(name))
        stack.callback(self._ip, "netns", "del", self.namespace(name))
        self._ip("-n", self.namespace(name), "link", "set", "lo", "up")

    def _plug(self, host: Host, switch: str, device: str) -> None:
        """Connect `device` of the host, by a veth pair, to the switch's end, named as the port."""
        inside = ["-n", self.namespace(host.name)]
        self._ip(
            "-n", switch, "link", "add", host.port, "type", "veth", "peer", "name", device, "netns", inside[1]
        )
        self._ip("-n", switch, "link", "set", host.port, "up")
        self._ip(*inside, "link", "set", device, "address", host.mac, "up")

    def build(self, stack: ExitStack) -> None:
        """Four namespaces, three veth pairs, `vswitch up`."""
        for name in ("sw", *(host.name for host in HOSTS)):
            self._make_namespace(stack, name)
        for host in HOSTS:
            self._plug(host, self.namespace("sw"), "eth0")
            self._ip("-n", self.namespace(host.name), "addr", "add", f"{host.ip}/24", "dev", "eth0")
        stack.enter_context(self.switch(self._inside("sw")))

    def ping(self, source: Host, target: Host) -> bool:
        """Three echo requests of ping(8), of which one answer is enough."""
        words = [*self._inside(source.name), "ping", "-c", "3", "-i", "0.2", "-W", "1", "-w", "2", target.ip]
        return not subprocess.run(words, capture_output=True, check=False).returncode

    def tcp(self, source: Host, target: Host, address: str) -> float:
        """What one TCP stream carries, in Gbit/s, with the devices' offloads as they come."""
        serve = [*self._inside(target.name), "iperf3", "-s", "-1"]
        with subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                for _ in range(50):
                    ask = [
                        *self._inside(source.name),
                        "iperf3",
                        "-c",
                        address,
                        "-t",
                        "2",
                        "-J",
                        "--connect-timeout",
                        "1000",
                    ]
                    done = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=20)
                    received = json.loads(done.stdout or "{}").get("end", {}).get("sum_received")
                    if received:  # else the server was not there yet
                        return float(received["bits_per_second"]) / 1e9
                    time.sleep(0.1)
            finally:
                server.kill()
        return 0.0

    def measure(self) -> None:
        """One TCP stream through our bridge, and one through the Linux bridge between the same two hosts."""
        with ExitStack() as stack:
            self._make_namespace(stack, "lb")
            bridge = self.namespace("lb")
            self._ip("-n", bridge, "link", "add", "br0", "type", "bridge")
            self._ip("-n", bridge, "link", "set", "br0", "up")
            for host in (H1, H2):
                self._plug(host, bridge, "eth1")
                self._ip("-n", bridge, "link", "set", host.port, "master", "br0")
                self._ip(
                    "-n", self.namespace(host.name), "addr", "add", f"10.0.1.{host.number}/24", "dev", "eth1"
                )
            ours = self.tcp(H1, H2, H2.ip)
            linux = self.tcp(H1, H2, "10.0.1.2")
        self.console.say(
            f"one TCP stream: {ours:.1f} Gbit/s through br0, {linux:.1f} Gbit/s through a Linux bridge"
        )
        self.console.expect("TCP passes with the devices' offloads as they come", ours > 0.1)


class MemoryLab(Lab):
    """Hosts are only imagined: their packets enter and leave through dummy devices of the in-memory datapath."""

    bridge_settings: tuple[str, ...] = ("datapath_type=dummy",)

    def build(self, stack: ExitStack) -> None:
        """`vswitch up` with dummy devices."""
        stack.enter_context(self.switch([], "--enable-dummy"))

    def ping(self, source: Host, target: Host) -> bool:
        """An echo request reaches the target's port, and the answer to it the source's."""
        return self._delivers(source, target, 8) and self._delivers(target, source, 0)

    def _delivers(self, source: Host, target: Host, icmp_type: int) -> bool:
        packet = (
            f"in_port({source.number}),eth(src={source.mac},dst={target.mac}),eth_type(0x0800),"
            f"ipv4(src={source.ip},dst={target.ip},proto=1,tos=0,ttl=64,frag=no),icmp(type={icmp_type},code=0)"
        )
        before = self._delivered(target)
        self.run("ovs-appctl", "netdev-dummy/receive", source.port, packet, shown=False)
        deadline = time.monotonic() + 1.0
        while self._delivered(target) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        return self._delivered(target) > before

    def _delivered(self, host: Host) -> int:
        ports = self.run("ovs-ofctl", "dump-ports", "br0", host.port, shown=False)
        return int(ports.split("tx pkts=")[1].split(",")[0])

    def measure(self) -> None:
        """Nothing: a bridge in memory has no speed worth a number."""
        self.console.say("not measured: this bridge is in memory")


def scenario(lab: Lab, console: Console) -> None:
    """What a person should see: VLANs that separate, a flow that drops, a trace that explains."""
    console.step("A bridge with three ports on two VLANs")
    settings = ["--", "set", "Bridge", "br0", *lab.bridge_settings] if lab.bridge_settings else []
    types = ["--", "set", "Interface", "{port}", "type=dummy", "ofport_request={number}"] if settings else []
    lab.run("ovs-vsctl", "add-br", "br0", *settings)
    for host in HOSTS:
        extra = [word.format(port=host.port, number=host.number) for word in types]
        lab.run("ovs-vsctl", "add-port", "br0", host.port, f"tag={host.tag}", *extra)
    lab.run("ovs-vsctl", "show")

    console.step("Who reaches whom")
    for source, target, allowed in ((H1, H2, True), (H1, H3, False), (H2, H3, False)):
        verb = "reaches" if allowed else "does not reach"
        claim = f"{source.name} (VLAN {source.tag}) {verb} {target.name} (VLAN {target.tag})"
        console.expect(claim, lab.ping(source, target) is allowed)

    console.step("How fast")
    lab.measure()

    console.step("An OpenFlow rule that drops one flow")
    lab.run("ovs-ofctl", "add-flow", "br0", DROP)
    console.expect("h1 no longer reaches h2", not lab.ping(H1, H2))
    flows = lab.run("ovs-ofctl", "dump-flows", "br0")
    console.expect("the rule counted what it dropped", "n_packets=0" not in _line_with(flows, "priority=100"))

    console.step("Why was it dropped?")
    packet = f"in_port={H1.port},icmp,dl_src={H1.mac},dl_dst={H2.mac},nw_src={H1.ip},nw_dst={H2.ip}"
    trace = lab.run("ovs-appctl", "ofproto/trace", "br0", packet)
    console.expect(
        "the trace names the rule and says drop",
        "priority 100" in trace and "Datapath actions: drop" in trace,
    )

    console.step("The megaflows that run now")
    console.expect(
        "there is one for what was dropped", "actions:drop" in lab.run("ovs-appctl", "dpctl/dump-flows")
    )

    console.step("The rule removed")
    lab.run("ovs-ofctl", "del-flows", "br0", "icmp")
    console.expect("h1 reaches h2 again", lab.ping(H1, H2))


def _line_with(text: str, word: str) -> str:
    """The first line of `text` that has `word` in it; without one, a line that fails every expectation."""
    return next((line for line in text.splitlines() if word in line), "n_packets=0")


def why_not_kernel() -> str:
    """Why the demo cannot use real packets here; empty if it can."""
    if os.geteuid() != 0:
        return "it takes root to make network namespaces"
    from vswitch.datapath.ebpf.probe import why_not

    return why_not() or ""


def main() -> int:
    """Choose the laboratory, run the scenario, clean up, and say what did not hold."""
    console = Console()
    reason = why_not_kernel()
    console.step("A switch")
    if reason:
        console.say(f"no real packets here, because {reason}; the same scenario in memory:")
    with tempfile.TemporaryDirectory(prefix="vswitch-demo-") as name, ExitStack() as stack:
        lab: Lab = (MemoryLab if reason else KernelLab)(console, Path(name))
        try:
            lab.build(stack)
            scenario(lab, console)
        except DemoError as error:
            console.expect(str(error), held=False)
    console.step("Cleaned up")
    console.say(
        "every expectation held" if not console.failures else f"{console.failures} expectations did not hold"
    )
    return 1 if console.failures else 0
