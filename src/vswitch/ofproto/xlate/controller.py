"""To the controllers: the datapath hands the packet up, as it is at the action, with a number that names the rest.

What a packet-in says beside the packet (which switch, registers, metadata, input port) is no business of a datapath.
It is kept here under a number, the same for equal states, so that translating again gives the same actions.

Sources: ovs-actions(7), controller; OpenFlow 1.5.1, 7.4.1 (packet-in).
"""

from __future__ import annotations

from vswitch.dpif.action import ToController, Userspace
from vswitch.flow.field import Mask
from vswitch.flow.fields import IP_PROTO, IP_TTL
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.recirculation import Frozen
from vswitch.ofproto.xlate.commit import commit
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.fields import is_ip, write_ip
from vswitch.ofproto.xlate.pause import begin_pause
from vswitch.ofproto.xlate.registry import translates
from vswitch.openflow.actions.header import DecTtl
from vswitch.openflow.actions.output import (
    MAX_LEN,
    OFPR_ACTION,
    OFPR_ACTION_SET,
    OFPR_EXPLICIT_MISS,
    OFPR_GROUP,
    OFPR_INVALID_TTL,
    OFPR_PACKET_OUT,
    Controller,
)


def output_reason(xlate: Translation) -> int:
    """Why an output to CONTROLLER happens."""
    if xlate.in_packet_out:
        return OFPR_PACKET_OUT
    if xlate.in_group:
        return OFPR_GROUP
    return OFPR_ACTION_SET if xlate.in_action_set else OFPR_ACTION


@translates(Controller)
def controller(xlate: Translation, action: Controller) -> None:
    """Send the packet to the controllers that have a given id."""
    if action.pause:
        begin_pause(xlate, action)
        return
    send_to_controller(xlate, action.reason, action.max_len, action.controller_id, action.userdata)


def send_to_controller(
    xlate: Translation,
    reason: int,
    max_len: int = MAX_LEN,
    controller_id: int = 0,
    userdata: bytes = b"",
) -> None:
    """Hand the packet up for the controllers, as it is now."""
    commit(xlate)
    rule = xlate.rule
    if reason == OFPR_ACTION and rule is not None and rule.is_table_miss:
        reason = OFPR_EXPLICIT_MISS  # what OpenFlow 1.3 calls it; codecs of older versions say "action"
    frozen = Frozen.of(xlate.switch.name, xlate.flow, Mask(xlate.mask), xlate.table_id)
    number = xlate.wiring.frozen.number(frozen)
    xlate.recircs.append(number)
    cookie = ToController(
        reason=reason,
        max_len=max_len,
        controller_id=controller_id,
        rule_cookie=rule.cookie if rule is not None else UNKNOWN_COOKIE,
        table_id=xlate.table_id,
        dont_send=xlate.tracing and not xlate.side_effects,
        userdata=userdata,
        recirc_id=number,
    )
    xlate.actions.append(Userspace(cookie))


UNKNOWN_COOKIE = (1 << 64) - 1


@translates(DecTtl)
def dec_ttl(xlate: Translation, action: DecTtl) -> bool:
    """Decrement the TTL of an IP packet; one that would reach 0 goes to the controllers instead."""
    xlate.mask |= IP_TTL.mask | IP_PROTO.mask
    version = is_ip(xlate)
    if not version:
        return False
    ttl = IP_TTL.get(xlate.flow)
    if ttl > 1:
        write_ip(xlate, IP_TTL.mask, ttl - 1 << IP_TTL.offset)
        return False
    for controller_id in action.ids:
        send_to_controller(xlate, OFPR_INVALID_TTL, controller_id=controller_id)
    xlate.report(Kind.WARN, f"IPv{version} decrement TTL exception")
    return True
