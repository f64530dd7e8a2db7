"""A controller that makes a switch forward as a plain one does: by addresses that it has learned, or as a hub.

It learns from the packets that the switch sends, and lays down a flow for each conversation whose other end is known;
until then packets are flooded.  Pure: messages and time in, messages out.

Sources: ovs-testcontroller(8); IEEE 802.1D-2004, 7.8 (learning); OpenFlow 1.0, 5.2.3 (wildcards).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.extract import ETH_HEADER_SIZE, extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IN_PORT,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    NW_TOS,
    TP_DST,
    TP_SRC,
    VLAN_TCI,
)
from vswitch.flow.match import PCP, VID, Match
from vswitch.flow.normalize import normalize
from vswitch.flow.ports import OFPP_FLOOD, OFPP_MAX, OFPP_NORMAL, OfPort
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import OFPR_ACTION, Controller, Enqueue, Output, PopQueue, SetQueue
from vswitch.openflow.match10 import decode_match10, encode_match10
from vswitch.openflow.message import Message
from vswitch.openflow.messages.flow import NO_BUFFER, FlowMod
from vswitch.openflow.messages.packet import PacketIn, PacketOut
from vswitch.openflow.messages.port import Port, PortDescReply, PortDescRequest, PortStatus
from vswitch.openflow.messages.role import FlowModTableId
from vswitch.openflow.messages.switch import FeaturesReply, FeaturesRequest, SetConfig
from vswitch.openflow.version import OF10, OF13
from vswitch.packet.reserved import is_reserved
from vswitch.protocols.mac_learning import MacTable

MISS_SEND_LEN = 128  # bytes of a packet that the switch need send, if it keeps the rest
PRIORITY = 1  # of the flows that it makes
DEFAULT_MAX_IDLE = 60  # seconds
LAYER2_ONLY = 0x3820F0  # wildcards: the port, addresses and tag of Ethernet decide
_PRESENT = 0x1000

# enum ofp10_flow_wildcards: the bits, and what a flow without them looks at.
_EXACT = (
    (1 << 0, IN_PORT.mask),
    (1 << 1, (VID | _PRESENT) << VLAN_TCI.offset),
    (1 << 2, ETH_SRC.mask),
    (1 << 3, ETH_DST.mask),
    (1 << 4, ETH_TYPE.mask),
    (1 << 5, IP_PROTO.mask),
    (1 << 6, TP_SRC.mask),
    (1 << 7, TP_DST.mask),
    (1 << 20, (PCP | _PRESENT) << VLAN_TCI.offset),
    (1 << 21, NW_TOS.mask),
)
_PREFIXES = ((8, IP_SRC), (14, IP_DST))  # six bits each: how many bits of the address do not matter


def looked_at(wildcards: int) -> Mask:
    """What flows look at whose OpenFlow 1.0 wildcards these are."""
    mask = 0
    for bit, bits in _EXACT:
        if not wildcards & bit:
            mask |= bits
    for shift, field in _PREFIXES:
        ignored = min(wildcards >> shift & 63, 32)
        mask |= (field.ones >> ignored << ignored) << field.offset
    return Mask(mask)


class Policy(NamedTuple):
    """What the command line says."""

    learns: bool = True  # or is a hub
    max_idle: int | None = DEFAULT_MAX_IDLE  # seconds, 0: for ever; None: no flows, each packet comes here
    normal: bool = False  # known addresses go to OFPP_NORMAL
    wildcards: int = 0
    queue: int | None = None
    queues: Mapping[str, int] = {}  # of ports, by their names
    flows: tuple[FlowMod, ...] = ()  # for every switch, when it connects


class LearningSwitch:
    """What the controller knows of one switch."""

    def __init__(self, policy: Policy, version: int) -> None:
        self._policy = policy
        self._version = version
        self._mask = looked_at(policy.wildcards)
        self._macs: MacTable[OfPort] = MacTable()
        self._queues: dict[OfPort, int] = {}

    def greet(self) -> Iterator[Message]:
        """What it says when a version is agreed."""
        yield FeaturesRequest()
        yield SetConfig(0, MISS_SEND_LEN)
        if self._version >= OF13:
            # Packets without a flow are dropped unless one says otherwise.
            yield FlowMod(actions=(Controller(max_len=MISS_SEND_LEN),), priority=0, table_id=0)
            if self._policy.queues:
                yield PortDescRequest()
        if self._version == OF10 and self._policy.flows:
            yield FlowModTableId(True)
        yield from self._policy.flows

    def react(self, message: Message, now: float) -> Iterator[Message]:
        """What it answers."""
        match message:
            case PacketIn():
                yield from self._forward(message, now)
            case FeaturesReply() | PortDescReply():
                for port in message.ports:
                    self._note(port)
            case PortStatus():
                self._note(message.port)
            case _:
                pass

    def _note(self, port: Port) -> None:
        queue = self._policy.queues.get(port.name)
        if queue is not None:
            self._queues[port.port_no] = queue

    def _forward(self, message: PacketIn, now: float) -> Iterator[Message]:
        """Send a packet on and, where its way is known, those that follow it."""
        if message.reason == OFPR_ACTION or len(message.packet) < ETH_HEADER_SIZE:
            return  # a flow sent it here, for some other purpose than ours
        flow = extract(message.packet, message.in_port)
        port = self._destination(flow, message.in_port, now)
        actions = self._actions(message.in_port, port)
        buffered = message.buffer_id != NO_BUFFER
        flooding = self._policy.learns and port == OFPP_FLOOD
        if self._policy.max_idle is not None and not flooding:
            yield self._flow_mod(flow, actions, message.buffer_id)
            if buffered or port is None:
                return
        elif not buffered and port is None:
            return
        packet = b"" if buffered else message.packet
        yield PacketOut(packet, actions, message.in_port, message.buffer_id)

    def _destination(self, flow: Flow, in_port: OfPort, now: float) -> OfPort | None:
        """Where a packet goes; None: nowhere."""
        source, destination = ETH_SRC.get(flow), ETH_DST.get(flow)
        if self._policy.learns and self._macs.may_learn(source, 0):
            self._macs.learn(source, 0, in_port, now)
        if is_reserved(destination):
            return None
        known = self._macs.lookup(destination, 0) if self._policy.learns else None
        if known is None:
            return OFPP_FLOOD
        if known == in_port:
            return None
        return OFPP_NORMAL if self._policy.normal else known

    def _actions(self, in_port: OfPort, port: OfPort | None) -> tuple[Action, ...]:
        if port is None:
            return ()
        queue = self._queues.get(in_port, self._policy.queue)
        if queue is None or port >= OFPP_MAX:
            return (Output(port),)
        if self._version == OF10:
            return (Enqueue(port, queue),)
        return (SetQueue(queue), Output(port), PopQueue())

    def _flow_mod(self, flow: Flow, actions: tuple[Action, ...], buffer_id: int) -> FlowMod:
        """The flow for packets like this one."""
        made = normalize(Match(Flow(flow & self._mask), self._mask))
        if self._version == OF10:
            made = decode_match10(encode_match10(made))  # without what it cannot say
        return FlowMod(
            match=made,
            actions=actions,
            priority=PRIORITY,
            table_id=0,
            idle_timeout=self._policy.max_idle or 0,
            buffer_id=buffer_id,
        )
