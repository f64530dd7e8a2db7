"""Resumes: a packet that `controller(pause)` interrupted goes on where it was, as a controller has sent it back.

Sources: ovs-actions(7), controller: pause; OVS nicira-ext.h (NXT_RESUME).
"""

from __future__ import annotations

from _blake2 import blake2b  # `hashlib` imports all of OpenSSL with it
from collections.abc import Iterable

from vswitch.dpif.megaflow import Execute
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import ODPP_NONE
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT
from vswitch.flow.ports import OfPort
from vswitch.ofproto.check import check_performable
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.xlate.translate import go_on
from vswitch.openflow.errors import OpenFlowError, ResumeFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.packet import Resume


def bridge_id(name: str) -> bytes:
    """What a continuation calls the switch of this name."""
    return blake2b(name.encode(errors="surrogateescape"), digest_size=16).digest()


@handles(Resume)
def resume(request: Request[Resume]) -> Iterable[Message]:
    """Translate what is left, and have the datapath execute the result."""
    packet_in, now = request.message.packet_in, request.now
    rest = packet_in.continuation
    if rest is None:
        raise OpenFlowError(ResumeFailed.STALE)
    switch = _find(request.switch, rest.bridge)
    for frame in rest.frames:
        check_performable(frame.actions)
    check_performable(rest.action_set)
    packet = Packet(packet_in.packet)
    metadata = packet_in.match
    flow = Flow(extract(packet.data) & ~metadata.mask | metadata.value)
    xlate = go_on(switch.wiring, switch, flow, now, packet, rest)
    xlate.carried.count(1, len(packet.data), now)
    if xlate.actions:
        port = switch.ports.get(OfPort(IN_PORT.get(flow)))
        odp_port = ODPP_NONE if port is None or port.odp_port is None else port.odp_port
        switch.wiring.outbox.append(Execute(packet, IN_PORT.put(flow, odp_port), tuple(xlate.actions)))
    return ()


def _find(switch: Switch, wanted: bytes) -> Switch:
    """The switch in which the packet was."""
    for other in {switch, *(owner for owner, _ in switch.wiring)}:
        if bridge_id(other.name) == wanted:
            return other
    raise OpenFlowError(ResumeFailed.STALE)
