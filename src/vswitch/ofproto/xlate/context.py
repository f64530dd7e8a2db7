"""The state of one translation: from a packet's headers to datapath actions and the mask of what was looked at.

A `Translation` holds the packet as the tables see it (`flow`), the packet as the datapath has it after the actions
composed so far (`base`), and `mask`: a bit that any step looked at is 1.  Header changes only mark `flow`; they become
datapath actions when something is about to leave (commit.py).  The rest is the budget, which ends loops, and two lists
for later: what to credit when packets take this path (`Carried`), and what the result depends on (`Dependencies`).

The property that makes megaflows sound: two packets that agree on `mask` get the same actions.  It holds if every
decision is taken on bits in the mask, so actions read fields by `read`, which adds them.

Sources: OVS Documentation/topics/design.rst; ovs-actions(7), "Terminology".
"""

from __future__ import annotations

from typing import Protocol

from vswitch.base.dataclass import dataclass, field
from vswitch.dpif.action import DatapathAction
from vswitch.dpif.megaflow import FlowStats
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Field, Flow, Mask
from vswitch.ofproto.narration import Kind, Node
from vswitch.ofproto.port import Bundle, SwitchPort, Traffic
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import Table
from vswitch.ofproto.wiring import Wiring
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import Controller
from vswitch.openflow.messages.continuation import Frame
from vswitch.openflow.names import NO_NAMES
from vswitch.protocols.mac_learning import MacKey, MacTable

MAX_DEPTH = 64  # resubmits within resubmits
MAX_RESUBMITS = MAX_DEPTH * MAX_DEPTH  # in one translation
MAX_STACK = 65536  # bytes
NO_TABLE = 0xFF


@dataclass(slots=True)
class Lesson:
    """What NORMAL learned from a packet: `mac` is behind `bundle` of `switch`."""

    switch: Switch
    mac: int
    vlan: int
    bundle: Bundle
    gratuitous_arp: bool

    def apply(self, now: float) -> None:
        """Enter it in the table of addresses, or refresh it there."""
        bundle = self.bundle
        self.switch.macs.learn(
            self.mac,
            self.vlan,
            bundle,
            now,
            gratuitous_arp=self.gratuitous_arp,
            bond=len(bundle.ports) > 1,
        )


class Lasting(Protocol):
    """Something that an action did, and that each further packet does again."""

    def apply(self, now: float) -> bool:
        """Do it; whether that could be."""
        ...


@dataclass(slots=True)
class Carried:
    """What a path through the switch credits for each packet: rules, tables, patch ports, groups, learned addresses.

    Every megaflow has one; so what few paths have is a tuple, of which the empty one takes neither time nor memory.
    """

    rules: list[Rule] = field(default_factory=list)
    tables: list[tuple[Table, bool]] = field(default_factory=list)  # and whether it had a rule
    patches: tuple[tuple[SwitchPort, SwitchPort], ...] = ()  # out of one, into the other
    lessons: tuple[Lesson, ...] = ()
    learned: tuple[Lasting, ...] = ()  # what actions did to rules
    traffic: tuple[Traffic, ...] = ()  # of groups and their buckets

    def credit(self, stats: FlowStats, now: float) -> None:
        """`stats.packets` more packets took this path, the last of them at `stats.used`."""
        if not stats.packets:
            return
        used = now if stats.used is None else stats.used
        self.count(stats.packets, stats.bytes, used)
        for lesson in self.lessons:
            lesson.apply(used)
        for done in self.learned:
            done.apply(used)

    def count(self, packets: int, n_bytes: int, used: float) -> None:
        """The same of packets from which all has been learned already, because they were translated."""
        for rule in self.rules:
            rule.credit(packets, n_bytes, used)
        for table, matched in self.tables:
            if matched:
                table.matched += packets
            else:
                table.missed += packets
        for out, into in self.patches:
            for traffic in (out.sent, into.received):
                traffic.packets += packets
                traffic.bytes += n_bytes
        for counted in self.traffic:
            counted.packets += packets
            counted.bytes += n_bytes


@dataclass(slots=True)
class Dependencies:
    """What a translation asked, beside the packet: tables with the flow then, and addresses."""

    lookups: list[tuple[Table, Flow]] = field(default_factory=list)
    macs: tuple[tuple[MacTable[Bundle], MacKey], ...] = ()


class Translation:
    """One packet on its way through the tables."""

    __slots__ = (
        "action_set",
        "actions",
        "base",
        "carried",
        "dependencies",
        "depth",
        "error",
        "exit",
        "flow",
        "frames",
        "in_action_set",
        "in_group",
        "in_packet_out",
        "mask",
        "names",
        "now",
        "original",
        "packet",
        "paused_by",
        "recircs",
        "resubmits",
        "rule",
        "side_effects",
        "slow",
        "stack",
        "stack_bytes",
        "switch",
        "table_id",
        "trace",
        "tracing",
        "wiring",
    )

    def __init__(
        self,
        wiring: Wiring[Switch],
        switch: Switch,
        flow: Flow,
        now: float,
        *,
        packet: Packet | None = None,
        side_effects: bool = False,
    ) -> None:
        """`flow.in_port` is an OfPort of `switch`.  Without `side_effects` nothing is learned or counted here."""
        self.wiring = wiring
        self.switch = switch
        self.flow = self.base = self.original = flow
        self.now = now
        self.packet = packet
        self.side_effects = side_effects
        self.tracing = False  # for ofproto/trace, so controllers are not told
        self.trace: Node | None = None  # where remarks go
        self.names = NO_NAMES  # for remarks
        self.mask = 0
        self.actions: list[DatapathAction] = []
        self.action_set: list[Action] = []
        self.in_action_set = False
        self.in_group = False
        self.in_packet_out = False
        self.stack: list[tuple[int, int]] = []  # values, and their size in bytes
        self.stack_bytes = 0
        self.rule: Rule | None = None
        self.table_id = 0
        self.depth = 0
        self.resubmits = 0
        self.exit = False  # the rest of all actions is skipped
        self.frames: list[Frame] | None = None  # what is left of lists of actions, after a pause (pause.py)
        self.paused_by: Controller | None = None
        self.error = ""  # why the packet has to be dropped
        self.slow = ""  # why the datapath cannot do this itself
        self.recircs: list[int] = []  # states of translation that actions name
        self.carried = Carried()
        self.dependencies = Dependencies()

    def read(self, field: Field) -> int:
        """The value of `field`, which the result now depends on."""
        self.mask |= field.mask
        return field.get(self.flow)

    def look(self, mask: Mask) -> int:
        """The bits of the flow under `mask`, which the result now depends on."""
        self.mask |= mask
        return self.flow & mask

    def report(self, kind: Kind, text: str) -> None:
        """Tell the trace, if there is one."""
        if self.trace is not None:
            self.trace.add(kind, text)

    def fail(self, error: str, remark: str) -> None:
        """Give up: the packet is dropped, because of `error`."""
        self.report(Kind.ERROR, remark)
        self.error = error
