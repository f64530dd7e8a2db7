"""The output actions: ports real and reserved, queues, and ports that a field names.

Sources: ovs-actions(7), "Output Actions"; OpenFlow 1.5.1, 4.5 (reserved ports).
"""

from __future__ import annotations

from vswitch.flow.fields import IN_PORT, SKB_PRIORITY
from vswitch.flow.ports import (
    OFPP_ALL,
    OFPP_CONTROLLER,
    OFPP_FLOOD,
    OFPP_IN_PORT,
    OFPP_NONE,
    OFPP_NORMAL,
    OFPP_TABLE,
    OfPort,
    from_16,
)
from vswitch.flow.texts import hexadecimal
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.controller import output_reason, send_to_controller
from vswitch.ofproto.xlate.normal import normal
from vswitch.ofproto.xlate.ports import send_out
from vswitch.ofproto.xlate.registry import translates
from vswitch.ofproto.xlate.resubmit import enter_table
from vswitch.openflow.actions.output import Enqueue, Output, OutputTrunc, PopQueue, SetQueue
from vswitch.openflow.actions.register import OutputReg
from vswitch.openflow.messages.port import OFPPC10_NO_FLOOD


@translates(Output)
def output(xlate: Translation, action: Output) -> None:
    """Send the packet to a port."""
    output_to(xlate, action.port, action.max_len)


def output_to(xlate: Translation, port: OfPort, max_len: int) -> None:
    """Send the packet to `port`; `max_len` is how much of it a controller gets."""
    in_port = OfPort(IN_PORT.get(xlate.flow))
    if port == OFPP_IN_PORT:
        send_out(xlate, in_port)
    elif port == OFPP_TABLE:
        enter_table(xlate, 0, packet_in=not xlate.in_packet_out, honor_miss=True)
    elif port == OFPP_NORMAL:
        normal(xlate)
    elif port in (OFPP_FLOOD, OFPP_ALL):
        _flood(xlate, everywhere=port == OFPP_ALL)
    elif port == OFPP_CONTROLLER:
        send_to_controller(xlate, output_reason(xlate), max_len)
    elif port == in_port:
        xlate.report(Kind.WARN, "skipping output to input port")
    elif port != OFPP_NONE:
        send_out(xlate, port)


def _flood(xlate: Translation, *, everywhere: bool) -> None:
    """Send the packet to all ports but its own; those that say NO_FLOOD only if `everywhere`."""
    in_port = IN_PORT.get(xlate.flow)
    for number, port in list(xlate.switch.ports.items()):
        if number != in_port and (everywhere or not port.config & OFPPC10_NO_FLOOD):
            send_out(xlate, number)


@translates(OutputTrunc)
def output_trunc(xlate: Translation, action: OutputTrunc) -> None:
    """Send the beginning of the packet to a port."""
    port = OfPort(IN_PORT.get(xlate.flow)) if action.port == OFPP_IN_PORT else action.port
    if port == IN_PORT.get(xlate.flow) and action.port != OFPP_IN_PORT:
        xlate.report(Kind.WARN, "skipping output to input port")
        return
    send_out(xlate, port, action.max_len)


@translates(OutputReg)
def output_reg(xlate: Translation, action: OutputReg) -> None:
    """Send the packet to the port whose number is in a field."""
    xlate.mask |= action.src.mask
    port = action.src.get(xlate.flow)
    if port > 0xFFFF and port < 0xFFFFFF00:
        xlate.report(Kind.WARN, f"output port {port} is out of range")
        return
    if xlate.trace is not None:
        xlate.report(Kind.DETAIL, f"output port is {port}")
    output_to(xlate, from_16(port) if port <= 0xFFFF else OfPort(port), action.max_len)


@translates(SetQueue)
def set_queue(xlate: Translation, action: SetQueue) -> None:
    """Put later outputs in a queue."""
    _set_priority(xlate, xlate.wiring.queue_priority(action.queue))


@translates(PopQueue)
def pop_queue(xlate: Translation, action: PopQueue) -> None:
    """Go back to the queue that the packet had at first."""
    before, first = xlate.flow, SKB_PRIORITY.get(xlate.original)
    _set_priority(xlate, first)
    if xlate.flow != before:
        xlate.report(Kind.DETAIL, f"queue = {hexadecimal(first)}")


def _set_priority(xlate: Translation, priority: int) -> None:
    xlate.mask |= SKB_PRIORITY.mask
    xlate.flow = SKB_PRIORITY.put(xlate.flow, priority)


@translates(Enqueue)
def enqueue(xlate: Translation, action: Enqueue) -> None:
    """Send the packet to a port through one of its queues."""
    in_port = OfPort(IN_PORT.get(xlate.flow))
    if action.port == in_port:
        return
    before = SKB_PRIORITY.get(xlate.flow)
    _set_priority(xlate, xlate.wiring.queue_priority(action.queue))
    send_out(xlate, in_port if action.port == OFPP_IN_PORT else action.port)
    _set_priority(xlate, before)
