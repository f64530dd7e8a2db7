"""The whole translation: a packet's flow in, a megaflow's mask and actions out.

    xlate = translate(wiring, switch, flow, now)        # flow.in_port is a port of `switch`
    xlate.mask, xlate.actions                           # xlate.carried, xlate.dependencies for later

The mask keeps what a datapath can match: registers and metadata are functions of the packet, and ports of later
fragments do not exist.  Input port, Ethernet type, whether there is a VLAN tag and which fragment it is are always
matched, because a datapath's key has its shape by them.

Sources: linux/openvswitch.h (enum ovs_key_attr); OVS Documentation/topics/datapath.rst.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ACTSET_OUTPUT,
    CONJ_ID,
    ETH_TYPE,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    LAYOUT,
    PACKET_TYPE,
    RECIRC_ID,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN2_TPID,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
    XXREG,
)
from vswitch.flow.ports import OFPP_UNSET, OfPort
from vswitch.ofproto.narration import Kind, Node
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.wiring import Wiring
from vswitch.ofproto.xlate import control, fields, groups, learn, output  # noqa: F401 - they register their actions
from vswitch.ofproto.xlate.actionset import run_action_set
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.pause import end_pause
from vswitch.ofproto.xlate.ports import may_receive
from vswitch.ofproto.xlate.registry import run_actions
from vswitch.ofproto.xlate.resubmit import look_up, run_rule
from vswitch.openflow.actions.base import Action
from vswitch.openflow.messages.continuation import Continuation
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.packet.numbers import ETH_IP, ETH_IPV6, ICMP, ICMPV6

_ALWAYS = IN_PORT.mask | ETH_TYPE.mask | PACKET_TYPE.mask | RECIRC_ID.mask
_NOT_IN_PACKETS = (
    LAYOUT.mask("metadata", *(xxreg.name for xxreg in XXREG)) | ACTSET_OUTPUT.mask | CONJ_ID.mask
)
_IN_PACKETS = ~_NOT_IN_PACKETS
_OUTER = VLAN_TCI.mask | VLAN_TPID.mask
_INNER = VLAN2_TCI.mask | VLAN2_TPID.mask
_TAG = VLAN_PRESENT << VLAN_TCI.offset
_TAG2 = VLAN_PRESENT << VLAN2_TCI.offset
_LATER = 2 << IP_FRAG.offset
_PORTS = TP_SRC.mask | TP_DST.mask
_TYPE_AND_CODE = 0xFF << TP_SRC.offset | 0xFF << TP_DST.offset  # which have 8 bits where ports have 16


def translate(
    wiring: Wiring[Switch],
    switch: Switch,
    flow: Flow,
    now: float,
    *,
    packet: Packet | None = None,
    side_effects: bool = False,
    tracing: Node | None = None,
    names: Names = NO_NAMES,
    actions: Sequence[Action] | None = None,
) -> Translation:
    """What `switch` does with a packet that has `flow`.

    With `actions` the packet goes through these, as if a rule had them, and not through the tables (packet-out).
    """
    flow = ACTSET_OUTPUT.put(flow, OFPP_UNSET)
    xlate = Translation(wiring, switch, flow, now, packet=packet, side_effects=side_effects)
    xlate.mask = _ALWAYS
    if ETH_TYPE.get(flow) in (ETH_IP, ETH_IPV6):
        xlate.mask |= IP_FRAG.mask
    if tracing is not None:
        xlate.tracing, xlate.names = True, names
        xlate.trace = tracing.add(Kind.BRIDGE, f'bridge("{switch.name}")')
    _run_pipeline(xlate, actions)
    end_pause(xlate)
    if xlate.error:
        xlate.actions = []
    xlate.mask = finished_mask(xlate.mask, flow)
    return xlate


def go_on(
    wiring: Wiring[Switch], switch: Switch, flow: Flow, now: float, packet: Packet, rest: Continuation
) -> Translation:
    """What `switch` does with a packet that was paused, from there."""
    xlate = Translation(wiring, switch, flow, now, packet=packet, side_effects=True)
    xlate.stack = [(int.from_bytes(item, "big"), len(item)) for item in reversed(rest.stack)]
    xlate.stack_bytes = sum(size + 1 for _, size in xlate.stack)
    xlate.action_set = list(rest.action_set)
    for at, frame in enumerate(rest.frames, 1):
        xlate.table_id = frame.table_id
        run_actions(xlate, frame.actions)
        if xlate.frames is not None:
            xlate.frames += rest.frames[at:]
            break
    run_action_set(xlate)
    end_pause(xlate)
    if xlate.error:
        xlate.actions = []
    return xlate


def _run_pipeline(xlate: Translation, actions: Sequence[Action] | None) -> None:
    number = OfPort(IN_PORT.get(xlate.flow))
    if actions is None:
        look_up(xlate, 0, None, packet_in=True, honor_miss=True)
    port = xlate.switch.ports.get(number)
    if port is not None and not may_receive(port):
        return
    if actions is None:
        run_rule(xlate)
    else:
        xlate.in_packet_out = True
        run_actions(xlate, actions)
    run_action_set(xlate)


def finished_mask(mask: int, flow: Flow) -> Mask:
    """`mask` without what no datapath matches, for a packet that came in with `flow`."""
    mask &= _IN_PACKETS
    if not flow & _TAG:
        mask &= ~(_OUTER | _INNER)
    elif mask & _OUTER:
        mask |= _TAG
        if not flow & _TAG2:
            mask &= ~_INNER
    if flow & _LATER:
        mask &= ~_PORTS
    elif mask & _PORTS and IP_PROTO.get(flow) in (ICMP, ICMPV6):
        mask &= ~_PORTS | _TYPE_AND_CODE
    return Mask(mask)
