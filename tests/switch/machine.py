"""A whole switch in memory: rules in as ovs-ofctl writes them, packets in, traces and megaflows out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from vswitch.dpif.datapath import Support
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT
from vswitch.flow.match import Match, parse_match
from vswitch.flow.ports import OFPP_LOCAL, OfPort
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Command, Install, Send, Uninstall
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.settings import FailMode, VlanMode
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.tracecommand import trace_command
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import Message, decode, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.version import OF10, OF13, OF15, Version

LOCAL_ODP = 100


class Machine:
    """A backer, the switch br0 on it in fail mode secure, and a datapath that only remembers."""

    def __init__(self, ports: int = 3, *, standalone: bool = False) -> None:
        self.now = 0.0
        self.backer = Backer(Support())
        self.megaflows: dict[Ufid, Megaflow] = {}
        self.stats: dict[Ufid, FlowStats] = {}
        self.executed: list[Execute] = []
        self.sent: list[Send] = []
        self.br0 = self.add_bridge("br0", LOCAL_ODP, range(1, ports + 1), standalone=standalone)

    @property
    def backers(self) -> dict[str, Backer]:
        """The backer by the names of its datapath."""
        return dict.fromkeys(("dummy", "ovs-dummy"), self.backer)

    def add_bridge(self, name: str, local: int, ports: Iterable[int], *, standalone: bool = False) -> Switch:
        """A bridge whose ports have the same numbers in the datapath."""
        switch = self.backer.add_switch(name, 1, self.now)
        self.add_port(switch, OFPP_LOCAL, name, local)
        for number in ports:
            self.add_port(switch, number, f"p{number}", number)
        if not standalone:
            switch.configure(fail_mode=FailMode.SECURE, has_controllers=False, now=self.now)
        return switch

    def add_port(self, switch: Switch, number: int, name: str, odp: int | None, peer: str = "") -> SwitchPort:
        """A trunk port with a bundle of its own."""
        odp_port = None if odp is None else OdpPort(odp)
        port = SwitchPort(OfPort(number), name, 0xAA55AA550000 | number & 0xFF, odp_port, peer)
        switch.ports.add(port, self.now)
        switch.bundles.make(name, [port.number])
        return port

    def connect_bridges(self, number: int) -> Switch:
        """br1, with port 10, behind a pair of patch ports that have `number` in both bridges."""
        br1 = self.add_bridge("br1", 101, [10])
        self.add_port(self.br0, number, "pa0", None, "pa1")
        self.add_port(br1, number, "pa1", None, "pa0")
        return br1

    def vlan(self, port: int, mode: str, tag: int = 0, trunks: Iterable[int] = ()) -> None:
        """Give a port of br0 a VLAN configuration."""
        self.br0.bundles.make(f"p{port}", [OfPort(port)], VlanMode(mode), tag, frozenset(trunks))

    # OpenFlow.

    def connect(self, version: Version = OF15, kind: ChannelKind = ChannelKind.SERVICE) -> Connection:
        """A channel to br0."""
        return Connection(self.br0, version, kind, self.now)

    def flows(self, *lines: str, switch: Switch | None = None, version: Version | None = None) -> None:
        """Replace the flows, each "table=1,priority=5,ip actions=2", over a channel of `version`."""
        switch = switch or self.br0
        switch.flush_rules(self.now)
        version = version or version_for(lines)
        connection = Connection(switch, version, ChannelKind.SERVICE, self.now)
        for line in lines:
            _, _, message = decode(encode(flow_mod(line), version), table_ids=True)
            for command in connection.handle(message, 1, self.now):
                assert not (isinstance(command, Send) and isinstance(command.message, Error)), command
        self.perform(connection.close(self.now))

    def groups(self, *lines: str) -> None:
        """Add groups to br0, as ovs-ofctl writes them."""
        connection = Connection(self.br0, OF15, ChannelKind.SERVICE, self.now)
        for line in lines:
            _, _, message = decode(encode(parse_group_mod(line), OF15))
            assert connection.handle(message, 1, self.now) == []
        self.perform(connection.close(self.now))

    # Packets.

    def receive(self, port: int, data: bytes) -> list[Execute]:
        """A packet comes in on a datapath port; what the switch has executed for it."""
        flow = extract(data, port)
        megaflow = self.lookup(flow)
        if megaflow is not None:
            self.carry(megaflow, 1, len(data))
            return [Execute(Packet(data), flow, megaflow.actions)]
        before = len(self.executed)
        self.perform(self.backer.upcall([Upcall(Packet(data), flow)], self.now))
        return self.executed[before:]

    def lookup(self, flow: Flow) -> Megaflow | None:
        """The installed megaflow for a datapath flow."""
        found = [each for each in self.megaflows.values() if flow & each.mask == each.flow]
        assert len({each.actions for each in found}) < 2, "megaflows contradict each other"
        return found[0] if found else None

    def carry(self, megaflow: Megaflow, packets: int, n_bytes: int) -> None:
        """Count packets for an installed megaflow, as a datapath does."""
        old = self.stats[megaflow.ufid]
        self.stats[megaflow.ufid] = FlowStats(old.packets + packets, old.bytes + n_bytes, self.now)

    def perform(self, commands: Iterable[Command]) -> None:
        """Do what ofproto decided."""
        for command in commands:
            match command:
                case Install(megaflow):
                    self.megaflows[megaflow.ufid] = megaflow
                    self.stats.setdefault(megaflow.ufid, FlowStats())
                case Uninstall(ufid):
                    self.megaflows.pop(ufid, None)
                    self.backer.uninstalled(ufid, self.stats.pop(ufid, None), self.now)
                case Execute():
                    self.executed.append(command)
                case Send():
                    self.sent.append(command)
                case _:
                    pass

    def pass_time(self, seconds: float) -> None:
        """Let time pass, doing what is due as vswitchd does."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, max(self.now, min(self.backer.deadline, self.backer.revalidate_at)))
            self.settle()
            self.now = min(until, self.now + 0.01)
        self.settle()

    def settle(self) -> None:
        """Do all that is due now."""
        while self.backer.deadline <= self.now:
            self.perform(self.backer.run(self.now))
        if self.backer.revalidate_at <= self.now:
            self.revalidate()

    def revalidate(self) -> None:
        """Tell what megaflows have carried."""
        self.perform(self.backer.revalidate(self._dump(), self.now))
        while self.backer.deadline <= self.now:
            self.perform(self.backer.run(self.now))

    def _dump(self) -> Iterator[tuple[Megaflow, FlowStats]]:
        for ufid in list(self.megaflows):
            if ufid in self.megaflows:
                yield self.megaflows[ufid], self.stats[ufid]

    def trace(self, *args: str) -> str:
        """What `ofproto/trace br0 …` prints."""
        return trace_command(self.backers, ["br0", *args], self.now)

    def verdict(self, flow: str) -> tuple[str, str]:
        """The megaflow and the datapath actions that a trace ends with."""
        return conclusion(self.trace(flow))


def conclusion(trace: str) -> tuple[str, str]:
    """What stands behind "Megaflow:" and "Datapath actions:" in a trace."""
    found = dict(line.split(": ", 1) for line in trace.splitlines() if line.startswith(("Mega", "Datap")))
    return found["Megaflow"], found["Datapath actions"]


_SINCE_13 = re.compile(r"goto_table|write_|clear_actions|push_vlan|set_field")


def version_for(lines: Iterable[str]) -> Version:
    """A version that can say `lines` as they are: the oldest, unless there are instructions."""
    return OF13 if any(_SINCE_13.search(line) for line in lines) else OF10


_NUMBERS = {"table": "table_id", "priority": "priority", "cookie": "new_cookie"} | {
    name: name for name in ("idle_timeout", "hard_timeout", "importance", "flags")
}


def flow_mod(line: str, command: int = 0) -> FlowMod:
    """A flow-mod from "table=1,priority=5,ip actions=2"; without a table it is for table 0."""
    head, _, actions = line.partition("actions=")
    fields: dict[str, int] = {"table_id": 0}
    words: list[str] = []
    for word in head.strip(" ,").split(","):
        name, _, value = word.partition("=")
        if name in _NUMBERS:
            fields[_NUMBERS[name]] = int(value, 0)
        elif word:
            words.append(word)
    match = parse_match(",".join(words)) if words else Match()
    return FlowMod(command, match, parse_actions(actions, NO_NAMES), **fields)


def replies(commands: Sequence[Command]) -> list[Message]:
    """The messages among `commands`."""
    return [command.message for command in commands if isinstance(command, Send)]


def in_port_of(execute: Execute) -> int:
    """The datapath port of an executed packet."""
    return IN_PORT.get(execute.flow)
