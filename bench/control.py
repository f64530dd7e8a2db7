"""The control plane: tools and switch of one make, beside the other make's tools and switch, in the same run.

Both makes run their own database server and switch on dummy devices, at the same time but never measured at the same
time.  Times are those of whole commands, start of the program included.  What is said to a switch by a controller is
said by the same client, below, to both.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.daemons import Daemons, Make
from vswitch.flow.ports import OFPP_NONE
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.hello import EchoRequest, Hello
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.messages.role import FlowModTableId
from vswitch.openflow.messages.switch import BarrierRequest, SetConfig
from vswitch.openflow.version import OF10

N_PORTS = 1_000
N_FLOWS = 10_000
N_MANY_FLOWS = 100_000
N_ROUND_TRIPS = 2_000
N_PACKETS = 20_000
WINDOW = 64  # packets on their way at once
ERROR, PACKET_IN, BARRIER_REPLY = 1, 10, 19


def run() -> Iterator[Row]:
    """All of it."""
    with contextlib.ExitStack() as stack:
        makes: tuple[Make, ...] = ("ours", "peer")
        switches = {make: stack.enter_context(_running(make)) for make in makes}
        yield from commands(switches)
        yield from ports(switches)
        yield from flows(switches)
        yield from conversations(switches)


class Switch:
    """Daemons and tools of one make, with a bridge br0."""

    def __init__(self, make: Make, daemons: Daemons) -> None:
        self.make = make
        self.daemons = daemons
        self.cpu = 0.0  # seconds that the last tool and, meanwhile, the switch have used the processor
        self.tool("ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")

    def tool(self, name: str, *words: str) -> float:
        """Run a tool; the seconds that it takes."""
        cpu, start = self._cpu(), time.perf_counter()
        self.daemons.run(self.make, name, *words)
        took = time.perf_counter() - start
        self.cpu = self._cpu() - cpu
        return took

    def _cpu(self) -> float:
        """Seconds that tools and switch have used the processor so far."""
        stat = Path(f"/proc/{self.daemons.processes['ovs-vswitchd'].pid}/stat").read_text()
        ticks = sum(map(int, stat.rpartition(")")[2].split()[11:13]))
        tools = os.times()
        return tools.children_user + tools.children_system + ticks / os.sysconf("SC_CLK_TCK")

    def file(self, name: str, text: str) -> str:
        """Write a file beside the daemons'; its path."""
        path = self.daemons.directory / name
        path.write_text(text)
        return str(path)

    def memory(self) -> float:
        """Resident memory of the switch, in kB."""
        status = Path(f"/proc/{self.daemons.processes['ovs-vswitchd'].pid}/status").read_text()
        return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


Switches = dict[Make, Switch]


@contextlib.contextmanager
def _running(make: Make) -> Iterator[Switch]:
    with (
        tempfile.TemporaryDirectory(prefix="vswitch-bench-") as directory,
        Daemons(Path(directory), make, make) as daemons,
    ):
        yield Switch(make, daemons)


def compared(
    what: str,
    unit: str,
    switches: Switches,
    measure: Callable[[Switch], float],
    target: float,
    *,
    more_is_better: bool = False,
    rounds: int = 3,
) -> Row:
    """A row: what `measure` gives for each make, in turn."""
    found = in_turn({make: partial(measure, switch) for make, switch in switches.items()}, rounds)
    return Row(what, unit, found["ours"], {"peer": found["peer"]}, more_is_better, "peer", target)


# Commands about the database.


def commands(switches: Switches) -> Iterator[Row]:
    """Small changes of a small database, each waited for."""
    numbers = itertools.count()
    dummy = ("--", "set", "interface")

    def add(switch: Switch) -> float:
        name = f"one{next(numbers)}"
        took = switch.tool("ovs-vsctl", "add-port", "br0", name, *dummy, name, "type=dummy")
        switch.tool("ovs-vsctl", "del-port", name)
        return 1000 * took

    def delete(switch: Switch) -> float:
        name = f"one{next(numbers)}"
        switch.tool("ovs-vsctl", "add-port", "br0", name, *dummy, name, "type=dummy")
        return 1000 * switch.tool("ovs-vsctl", "del-port", name)

    def show(switch: Switch) -> float:
        return 1000 * switch.tool("ovs-vsctl", "show")

    for what, measure in (
        ("ovs-vsctl show", show),
        ("ovs-vsctl add-port", add),
        ("ovs-vsctl del-port", delete),
    ):
        yield compared(what, "ms", switches, measure, 2.0, rounds=9)


def ports(switches: Switches) -> Iterator[Row]:
    """Many ports in one command, and away with them."""
    names = [f"many{number}" for number in range(N_PORTS)]
    words = [
        word
        for name in names
        for word in ("--", "add-port", "br1", name, "--", "set", "interface", name, "type=dummy")
    ]

    def add(switch: Switch) -> float:
        with contextlib.suppress(AssertionError):
            switch.tool("ovs-vsctl", "del-br", "br1")
        switch.tool("ovs-vsctl", "add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=dummy")
        return switch.tool("ovs-vsctl", *words[1:])

    def one(switch: Switch) -> float:
        switch.tool("ovs-vsctl", "add-port", "br1", "x", "--", "set", "interface", "x", "type=dummy")
        return 1000 * switch.tool("ovs-vsctl", "del-port", "x")

    def delete(switch: Switch) -> float:
        return switch.tool("ovs-vsctl", "del-br", "br1")

    yield compared(f"{N_PORTS:,} ports in one command", "s", switches, add, 2.0)
    yield compared(f"ovs-vsctl del-port among {N_PORTS:,}", "ms", switches, one, 2.0)
    yield compared(f"ovs-vsctl del-br with {N_PORTS:,} ports", "s", switches, delete, 1.0, rounds=1)


# Flows.


def flow_texts(count: int) -> Iterator[str]:
    """Flows that differ as real ones do: by addresses, ports, priorities; a few shapes, a few lists of actions."""
    for i in range(count):
        yield (
            f"table={i % 8},priority={i % 100},tcp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},"
            f"nw_dst=192.168.0.0/16,tp_dst={i * 7919 % 65536},actions=mod_dl_dst:00:11:22:33:44:55,output:{i % 2 + 1}"
        )


def flows(switches: Switches) -> Iterator[Row]:
    """Loading, dumping, deleting."""
    before = {make: switch.memory() for make, switch in switches.items()}
    for count, rounds in ((N_FLOWS, 3), (N_MANY_FLOWS, 1)):
        text = "\n".join(flow_texts(count))
        files = {switch.make: switch.file("flows.txt", text) for switch in switches.values()}

        def add(switch: Switch, files: dict[Make, str] = files) -> float:
            switch.tool("ovs-ofctl", "del-flows", "br0")
            return switch.tool("ovs-ofctl", "add-flows", "br0", files[switch.make])

        yield compared(f"ovs-ofctl add-flows, {count:,} flows", "s", switches, add, 1.0, rounds=rounds)
        yield _processor(switches)

    used = {make: (switch.memory() - before[make]) / N_MANY_FLOWS for make, switch in switches.items()}
    yield Row("memory of the switch", "kB/flow", used["ours"], {"peer": used["peer"]}, False, "peer", 3.0)
    for command in ("dump-flows", "dump-aggregate", "del-flows"):
        rounds = 1 if command == "del-flows" else 3

        def measure(switch: Switch, command: str = command) -> float:
            return switch.tool("ovs-ofctl", command, "br0")

        yield compared(
            f"ovs-ofctl {command}, {N_MANY_FLOWS:,} flows", "s", switches, measure, 2.0, rounds=rounds
        )
        yield _processor(switches)


def _processor(switches: Switches) -> Row:
    """What the last command cost: on a machine with other work to do, that varies less than how long it took."""
    used = {make: switch.cpu for make, switch in switches.items()}
    return Row("  processor time of tool and switch", "s", used["ours"], {"peer": used["peer"]}, False)


# One connection.


class Client:
    """A controller, or a tool, of OpenFlow 1.0, which sends bytes made before and looks only at types of replies."""

    def __init__(self, switch: Switch) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(switch.daemons.directory / "br0.mgmt"))
        self._input = bytearray()
        self.send(encode(Hello(frozenset({OF10})), OF10))
        self.await_types(0)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Say it."""
        self._socket.sendall(data)

    def await_types(self, *wanted: int) -> int:
        """Read until a message of one of these types is in; how many of them came at once."""
        while True:
            self._input += self._socket.recv(1 << 18)
            found = at = 0
            while len(self._input) - at >= 8:
                size = int.from_bytes(self._input[at + 2 : at + 4], "big")
                if len(self._input) - at < size:
                    break
                assert self._input[at + 1] != ERROR, self._input[at : at + size]
                found += self._input[at + 1] in wanted
                at += size
            del self._input[:at]
            if found:
                return found


def conversations(switches: Switches) -> Iterator[Row]:
    """What controllers do."""
    yield compared(
        "flow-mods, pipelined, then a barrier", "/s", switches, pipelined, 0.5, more_is_better=True
    )
    yield compared("echo round trip", "us", switches, echo, 2.0)
    yield compared(
        "packet-outs to the controller and back", "/s", switches, packets_around, 0.5, more_is_better=True
    )


def pipelined(switch: Switch) -> float:
    """Flow-mods a second, all sent at once."""
    texts: Iterable[str] = flow_texts(N_FLOWS)
    data = b"".join(encode(parse_flow_mod(text), OF10, xid, nxm=True) for xid, text in enumerate(texts))
    switch.tool("ovs-ofctl", "del-flows", "br0")
    with Client(switch) as client:
        start = time.perf_counter()
        client.send(encode(FlowModTableId(True), OF10) + data + encode(BarrierRequest(), OF10))
        client.await_types(BARRIER_REPLY)
        return N_FLOWS / (time.perf_counter() - start)


def echo(switch: Switch) -> float:
    """Microseconds from a question to its answer."""
    question = encode(EchoRequest(b"12345678"), OF10, 1)
    with Client(switch) as client:
        start = time.perf_counter()
        for _ in range(N_ROUND_TRIPS):
            client.send(question)
            client.await_types(3)
        return (time.perf_counter() - start) / N_ROUND_TRIPS * 1e6


def packets_around(switch: Switch) -> float:
    """Packets a second that come as packet-outs and go as packet-ins, with some on their way all the time."""
    actions = parse_actions("controller")
    packet = PacketOut(bytes(60), actions, OFPP_NONE)
    data = encode(packet, OF10, 1)
    with Client(switch) as client:
        client.send(encode(SetConfig(miss_send_len=0xFFFF), OF10))
        start = time.perf_counter()
        client.send(data * WINDOW)
        sent, came = WINDOW, 0
        while came < N_PACKETS:
            found = client.await_types(PACKET_IN)
            came += found
            if sent < N_PACKETS:
                client.send(data * found)
                sent += found
        return N_PACKETS / (time.perf_counter() - start)
