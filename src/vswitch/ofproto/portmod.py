"""Port-mods: a controller changes what a port may do.

Sources: OpenFlow 1.0, 5.3.3; OpenFlow 1.5.1, 7.3.4.3; ovs-ofctl(8), mod-port.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.command import SetPortUp
from vswitch.ofproto.handlers import Request, handles
from vswitch.openflow.errors import OpenFlowError, PortModFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC10_NO_RECV_STP,
    OFPPC_NO_FWD,
    OFPPC_NO_PACKET_IN,
    OFPPC_NO_RECV,
    OFPPC_PORT_DOWN,
    PortMod,
)

CHANGEABLE = (
    OFPPC_PORT_DOWN
    | OFPPC_NO_RECV
    | OFPPC10_NO_RECV_STP
    | OFPPC10_NO_FLOOD
    | OFPPC_NO_FWD
    | OFPPC_NO_PACKET_IN
)


@handles(PortMod)
def port_mod(request: Request[PortMod]) -> Iterable[Message]:
    """Change a port's configuration; its device goes up or down accordingly."""
    switch, message = request.switch, request.message
    port = switch.ports.get(message.port_no)
    if port is None:
        raise OpenFlowError(PortModFailed.BAD_PORT)
    if message.hw_addr != port.mac:
        raise OpenFlowError(PortModFailed.BAD_HW_ADDR)
    mask = message.mask & CHANGEABLE
    config = port.config & ~mask | message.config & mask
    if (config ^ port.config) & OFPPC_PORT_DOWN:
        switch.wiring.outbox.append(SetPortUp(port.name, not config & OFPPC_PORT_DOWN))
    switch.ports.set_config(port, config)
    return ()
