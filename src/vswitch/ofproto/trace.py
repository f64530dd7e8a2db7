"""ofproto/trace: what would become of a packet, told step by step.

    Flow: ip,in_port=1,…                    the packet
    bridge("br0")                           the story (narration.py)
    -------------
     0. priority 32768
        output:2
    Final flow: unchanged                   what header changes came to
    Megaflow: recirc_id=0,eth,ip,…          every bit that was looked at
    Datapath actions: 2                     what the datapath would do

A packet given as bytes has side effects, as if it had come in: addresses are learned.  A flow alone has none.

Sources: ovs-vswitchd(8), "OFPROTO COMMANDS".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vswitch.base.dataclass import dataclass
from vswitch.dpif.action import format_actions
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ACTSET_OUTPUT
from vswitch.flow.match import Match, format_match
from vswitch.ofproto.narration import Kind, Node, narrate
from vswitch.ofproto.packetfields import fields_of_packet
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.translate import translate
from vswitch.openflow.actions.base import Action
from vswitch.openflow.names import NO_NAMES

SLOW_REASONS: Mapping[str, str] = {
    "action": "Uses action(s) not supported by datapath.",
    "controller": 'Sends "packet-in" messages to the OpenFlow controller.',
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is traced: a packet with `flow` (input port: the switch's) in `switch`, with its bytes if there are any."""

    switch: Switch
    flow: Flow
    packet: Packet | None = None
    side_effects: bool = False
    names: Mapping[int, str] | None = None  # of datapath ports, if ports are to be told by name


def trace(subject: Subject, now: float, actions: Sequence[Action] | None = None) -> str:
    """The whole story, as ovs-appctl prints it, without the final newline."""
    switch = subject.switch
    story = Node(Kind.BRIDGE, "")
    xlate = translate(
        switch.wiring,
        switch,
        subject.flow,
        now,
        packet=subject.packet,
        side_effects=subject.side_effects,
        tracing=story,
        names=NO_NAMES if subject.names is None else switch.ports.names,
        actions=actions,
    )
    port_names = {} if subject.names is None else switch.ports.names.port_names
    return "\n".join(
        [
            f"Flow: {format_flow(subject.flow, port_names)}",
            *narrate(story.children),
            "",
            *_conclusion(xlate, subject, port_names),
        ]
    )


def _conclusion(xlate: Translation, subject: Subject, port_names: Mapping[int, str]) -> Iterator[str]:
    flow = subject.flow
    final = ACTSET_OUTPUT.put(xlate.flow, ACTSET_OUTPUT.get(flow))
    yield f"Final flow: {'unchanged' if final == flow else format_flow(final, port_names)}"
    megaflow = Match(Flow(flow & xlate.mask), Mask(xlate.mask))
    yield f"Megaflow: {format_match(megaflow, port_names)}"
    yield f"Datapath actions: {format_actions(xlate.actions, subject.names)}"
    if xlate.error:
        yield f"Translation failed ({xlate.error}), packet is dropped."
    elif xlate.slow:
        yield "This flow is handled by the userspace slow path because it:"
        yield f"  - {SLOW_REASONS[xlate.slow]}"


def format_flow(flow: Flow, port_names: Mapping[int, str]) -> str:
    """A packet's flow, as a match on all that it has."""
    mask = fields_of_packet(flow)
    return format_match(Match(Flow(flow & mask), mask), port_names)
