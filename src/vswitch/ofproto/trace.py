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

from collections.abc import Iterable, Iterator, Mapping, Sequence

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import TextError
from vswitch.dpif.action import format_actions
from vswitch.dpif.key import parse_key
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import ETH_HEADER_SIZE, extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ACTSET_OUTPUT,
    FIELDS,
    IN_PORT,
    LAYOUT,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
    XXREG,
)
from vswitch.flow.match import Match, format_match, parse_match
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.check import checked_actions
from vswitch.ofproto.narration import Kind, Node, narrate
from vswitch.ofproto.packetfields import fields_of_packet
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import ALL_TABLES
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.translate import translate
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.version import OF10, OF11
from vswitch.packet.numbers import ETH_VLAN

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
    names: bool = False


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
        names=switch.ports.names if subject.names else NO_NAMES,
        actions=actions,
    )
    port_names = switch.ports.names.port_names if subject.names else {}
    return "\n".join(
        [
            f"Flow: {format_flow(subject.flow, port_names)}",
            *narrate(story.children),
            "",
            *_conclusion(xlate, subject.flow, port_names),
        ]
    )


def _conclusion(xlate: Translation, flow: Flow, port_names: Mapping[int, str]) -> Iterator[str]:
    final = ACTSET_OUTPUT.put(xlate.flow, ACTSET_OUTPUT.get(flow))
    yield f"Final flow: {'unchanged' if final == flow else format_flow(final, port_names)}"
    megaflow = Match(Flow(flow & xlate.mask), Mask(xlate.mask))
    yield f"Megaflow: {format_match(megaflow, port_names)}"
    yield f"Datapath actions: {format_actions(xlate.actions)}"
    if xlate.error:
        yield f"Translation failed ({xlate.error}), packet is dropped."
    elif xlate.slow:
        yield "This flow is handled by the userspace slow path because it:"
        yield f"  - {SLOW_REASONS[xlate.slow]}"


def format_flow(flow: Flow, port_names: Mapping[int, str]) -> str:
    """A packet's flow, as a match on all that it has."""
    mask = fields_of_packet(flow)
    return format_match(Match(Flow(flow & mask), mask), port_names)


# The command.


def trace_command(backers: Iterable[Backer], args: Sequence[str], now: float) -> str:
    """`ofproto/trace {[DP_NAME] ODP_FLOW | BRIDGE BR_FLOW} [OPTIONS…] [-generate | PACKET]`.

    TextError says what is wrong with `args`.
    """
    return trace(parse_subject(list(backers), args), now)


def trace_actions_command(backers: Iterable[Backer], args: Sequence[str], now: float) -> str:
    """`ofproto/trace-packet-out [-consistent] {…as of ofproto/trace…} ACTIONS`: as if a controller sent a packet out.

    `-consistent` refuses actions that make no sense for the packet, as OpenFlow 1.1 and later do.
    """
    *words, text = args
    try:
        actions = parse_actions(text, outer="trace")
        consistent = words[:1] == ["-consistent"]
        subject = parse_subject(list(backers), words[consistent:])
        version = OF11 if consistent else OF10
        match = Match(subject.flow, Mask((1 << LAYOUT.bits) - 1))
        checked = checked_actions(actions, match, ALL_TABLES, version, subject.switch.groups)
    except OpenFlowError as error:
        raise TextError(f"Bad actions: {error.code.name}", text) from error
    return trace(subject, now, checked)


def parse_subject(backers: Sequence[Backer], args: Sequence[str]) -> Subject:
    """What the arguments of ofproto/trace mean."""
    words, options = _split_options(args)
    packet = _take_packet(words)
    if not words:
        raise TextError("Must specify bridge name")
    side_effects = packet is not None or "-generate" in options
    bridges = {name: switch for backer in backers for name, switch in backer.switches.items()}
    if len(words) > 1 and words[0] in bridges:
        switch, flow = bridges[words[0]], _parse_flow(bridges[words[0]], words[1])
    else:
        switch, flow = _parse_odp_flow(backers, words)
    if packet is not None:
        flow = _with_headers(flow, packet)
    return Subject(switch, flow, packet, side_effects, "--names" in options)


_WITH_ARGUMENT = frozenset({"--ct-next", "--l7", "--l7-len"})
_OPTIONS = frozenset({"-generate", "--generate", "--names", "--no-names", "-consistent", "--consistent"})


def _split_options(args: Sequence[str]) -> tuple[list[str], set[str]]:
    words, options, left = [], set(), iter(args)
    for arg in left:
        if arg in _WITH_ARGUMENT:
            if next(left, None) is None:
                raise TextError(f"Missing argument for option {arg}")
        elif arg in _OPTIONS:
            options.add("-" + arg.lstrip("-") if "names" not in arg else arg)
        else:
            words.append(arg)
    return words, options


def _take_packet(words: list[str]) -> Packet | None:
    """The packet in hexadecimal that the last of `words` is; after a bridge and a flow, it must be one."""
    if len(words) < 2:
        return None
    try:
        data = bytes.fromhex(words[-1])
    except ValueError as error:
        if len(words) > 2:
            raise TextError("Trailing garbage in packet data", words[-1]) from error
        return None
    if len(data) < ETH_HEADER_SIZE:
        raise TextError("Packet data too short for Ethernet", words[-1])
    del words[-1]
    return Packet(data)


def _parse_flow(switch: Switch, text: str) -> Flow:
    """The flow that `text`, in the syntax of ovs-ofctl, describes; what it does not say is 0."""
    try:
        return with_tpid(parse_match(text, switch.ports.names.ports).value)
    except TextError as error:
        why = str(error).replace("unknown keyword", "unknown field")
        raise TextError(f"Bad openflow flow syntax: {text}: {why}", text) from error


def with_tpid(flow: Flow) -> Flow:
    """`flow` with a type for its VLAN tag, of which text only says the rest."""
    if VLAN_TCI.get(flow) & VLAN_PRESENT and not VLAN_TPID.get(flow):
        return VLAN_TPID.put(flow, ETH_VLAN)
    return flow


def _parse_odp_flow(backers: Sequence[Backer], words: Sequence[str]) -> tuple[Switch, Flow]:
    """A datapath's flow; its input port says which switch."""
    text = words[-1]
    try:
        flow, _ = parse_key(text)
    except TextError as error:
        if len(words) > 1:
            raise TextError(f"{words[0]}: unknown bridge") from error
        raise TextError(f"syntax error at {text} (or the bridge name was omitted)", text) from error
    number = OdpPort(IN_PORT.get(flow))
    for backer in backers:
        owner = backer.wiring.owner(number)
        if owner is not None:
            switch, port = owner
            return switch, IN_PORT.put(flow, port.number)
    raise TextError(f"no OpenFlow port for datapath port {number}")


def _with_headers(flow: Flow, packet: Packet) -> Flow:
    """The headers of `packet`, with the metadata of `flow`."""
    return Flow(extract(packet.data, IN_PORT.get(flow)) | flow & METADATA_MASK)


METADATA_MASK = Mask(
    sum(
        {
            FIELDS[name].mask
            for name in ("metadata", "tun_id", "tun_src", "tun_dst", "pkt_mark", "skb_priority")
        }
        | {xxreg.mask for xxreg in XXREG}
    )
)
