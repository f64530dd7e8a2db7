"""Packet-outs: a controller puts a packet through actions.

Sources: OpenFlow 1.0, 5.3.6; OpenFlow 1.5.1, 7.3.6; ovs-ofctl(8), packet-out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vswitch.dpif.megaflow import Execute
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import ODPP_NONE
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT, LAYOUT
from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_LOCAL, OFPP_MAX, OFPP_NONE
from vswitch.ofproto.check import checked_actions
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.table import ALL_TABLES
from vswitch.ofproto.xlate.translate import translate
from vswitch.openflow.errors import BadRequest, OpenFlowError
from vswitch.openflow.message import Message
from vswitch.openflow.messages.packet import NO_BUFFER, PacketOut

ALL = Mask((1 << LAYOUT.bits) - 1)


@handles(PacketOut)
def packet_out(request: Request[PacketOut]) -> Iterable[Message]:
    """Translate the packet's actions and have the datapath execute the result."""
    prepare(request)()
    return ()


def prepare(request: Request[PacketOut]) -> Callable[[], None]:
    """Translate the packet's actions by the rules as they are; the result is executed by calling what is returned."""
    switch, message, now = request.switch, request.message, request.now
    if message.buffer_id != NO_BUFFER:
        raise OpenFlowError(BadRequest.BUFFER_UNKNOWN)  # we keep no packets
    in_port = message.in_port
    if in_port >= OFPP_MAX and in_port not in (OFPP_LOCAL, OFPP_NONE, OFPP_CONTROLLER):
        raise OpenFlowError(BadRequest.BAD_PORT)
    packet = Packet(message.packet)
    metadata = message.metadata
    flow = Flow(extract(packet.data) & ~metadata.mask | metadata.value)
    actions = checked_actions(
        message.actions, Match(flow, ALL), ALL_TABLES, request.channel.version, switch.groups
    )
    xlate = translate(switch.wiring, switch, flow, now, packet=packet, side_effects=True, actions=actions)

    def execute() -> None:
        xlate.carried.count(1, len(packet.data), now)
        if xlate.actions:
            port = switch.ports.get(in_port)
            odp_port = ODPP_NONE if port is None or port.odp_port is None else port.odp_port
            switch.wiring.outbox.append(Execute(packet, IN_PORT.put(flow, odp_port), tuple(xlate.actions)))

    return execute
