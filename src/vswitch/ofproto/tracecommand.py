"""The commands ofproto/trace and ofproto/trace-packet-out: from their words to what is traced.

A packet is said as the flow of a datapath, `in_port(1),eth(…)`, or as a switch and a flow in the syntax of ovs-ofctl,
`br0 in_port=1,tcp`; or, after either, by its bytes.

Sources: ovs-vswitchd(8), "ofproto/trace"; what is wrong is said in the peer's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from vswitch.base.errors import TextError
from vswitch.dpif.key import parse_key
from vswitch.dpif.notation import CT_STATE_NAMES
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import ETH_HEADER_SIZE, extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import FIELDS, IN_PORT, LAYOUT, VLAN_PRESENT, VLAN_TCI, VLAN_TPID, XXREG
from vswitch.flow.match import Match
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.check import checked_actions
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import ALL_TABLES
from vswitch.ofproto.trace import Subject, trace
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.exacttext import parse_exact_flow
from vswitch.openflow.version import OF10, OF11
from vswitch.packet.numbers import ETH_VLAN

Backers: TypeAlias = Mapping[str, Backer]  # by the names of their datapaths, of which one may have several
NO_ODP_PORT = 0xFFFFFFFF


def trace_command(backers: Backers, args: Sequence[str], now: float) -> str:
    """`ofproto/trace {[DP_NAME] ODP_FLOW | BRIDGE BR_FLOW} [OPTIONS…] [-generate | PACKET]`.

    TextError says what is wrong with `args`.
    """
    return trace(parse_subject(backers, args), now)


def trace_actions_command(backers: Backers, args: Sequence[str], now: float) -> str:
    """`ofproto/trace-packet-out [-consistent] {…as of ofproto/trace…} ACTIONS`: as if a controller sent a packet out.

    `-consistent` refuses actions that make no sense for the packet, as OpenFlow 1.1 and later do.
    """
    *words, text = args
    try:
        actions = parse_actions(text, outer="trace")
        consistent = words[:1] == ["-consistent"]
        subject = parse_subject(backers, words[consistent:])
        version = OF11 if consistent else OF10
        match = Match(subject.flow, Mask((1 << LAYOUT.bits) - 1))
        checked = checked_actions(actions, match, ALL_TABLES, version, subject.switch.groups)
    except OpenFlowError as error:
        raise TextError(f"Bad actions: {error.code.name}", text) from error
    return trace(subject, now, checked)


def parse_subject(backers: Backers, args: Sequence[str]) -> Subject:
    """What the arguments of ofproto/trace mean."""
    words, options = _split_options(args)
    if len(words) > 3:
        raise TextError("too many arguments")
    packet = _take_packet(words)
    if not words:
        raise TextError("Must specify bridge name")
    if packet is not None and "-generate" in options:
        raise TextError("Syntax error")
    try:
        key = parse_key(words[-1], {name: number for number, name in _device_names(backers).items()})
    except TextError as error:
        switch, flow = _parse_bridge_flow(backers, words, error)
    else:
        switch, flow = _find_owner(backers, words, *key)
    if packet is not None:
        flow = _with_headers(flow, packet)
    side_effects = packet is not None or "-generate" in options
    names = _device_names(backers) if "--names" in options else None
    return Subject(switch, flow, packet, side_effects, names)


def _device_names(backers: Backers) -> dict[int, str]:
    """The names of datapath ports, by number."""
    return {
        port.odp_port: port.name
        for backer in backers.values()
        for _, port in backer.wiring
        if port.odp_port is not None
    }


_GENERATE = {"-generate": "-generate", "--generate": "-generate"}


def _split_options(args: Sequence[str]) -> tuple[list[str], set[str]]:
    """The arguments, and which options stand among them."""
    words, options, left = [], set(), iter(args)
    for arg in left:
        if arg in _CHECKED:
            value = next(left, None)
            if value is None:
                raise TextError(f"Missing argument for option {arg}")
            _CHECKED[arg](value)
        elif arg in _GENERATE or arg == "--names":
            options.add(_GENERATE.get(arg, arg))
        elif arg.startswith("-"):
            raise TextError(f"{arg}: unknown option", arg)
        else:
            words.append(arg)
    return words, options


def _check_state(text: str) -> None:
    """A connection's state for `--ct-next`."""
    for name in re.split(r"[|,]", text):
        if name not in CT_STATE_NAMES:
            raise TextError(f"{name}: unknown connection tracking state flag", text)


def _check_payload(text: str) -> None:
    """What a packet carries, for `--l7`."""
    try:
        bytes.fromhex(text)
    except ValueError:
        raise TextError("Trailing garbage in packet data", text) from None


# Options about what no datapath tracks and no headers tell: read, so that mistakes are told, and of no effect.
_CHECKED: Mapping[str, Callable[[str], None]] = {
    "--ct-next": _check_state,
    "--l7": _check_payload,
    "--l7-len": lambda text: None,
}


def _take_packet(words: list[str]) -> Packet | None:
    """The packet in hexadecimal that the last of `words` is; after a bridge and a flow, it must be one."""
    if len(words) < 2 or not words[-1]:
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


def _parse_bridge_flow(backers: Backers, words: Sequence[str], problem: TextError) -> tuple[Switch, Flow]:
    """A switch by its name, and a flow in the syntax of ovs-ofctl; `problem` is why it is no datapath's flow."""
    if len(words) < 2:
        raise TextError(f"{problem} (or the bridge name was omitted)", words[-1]) from problem
    name, text = words
    for backer in backers.values():
        if name in backer.switches:
            switch = backer.switches[name]
            try:
                return switch, with_tpid(parse_exact_flow(text, switch.ports.names.ports))
            except TextError as error:
                raise TextError(f"Bad openflow flow syntax: {error}", text) from error
    raise TextError(f"{name}: unknown bridge", name)


def _find_owner(backers: Backers, words: Sequence[str], flow: Flow, mask: Mask) -> tuple[Switch, Flow]:
    """The switch that a datapath's flow comes in at, and the flow as it sees it: its input port says so."""
    searched: Iterable[Backer] = backers.values()
    if len(words) > 1:
        if words[0] not in backers:
            raise TextError("Cannot find the datapath", words[0])
        searched = [backers[words[0]]]
    number = OdpPort(IN_PORT.get(flow) if IN_PORT.get(mask) else NO_ODP_PORT)
    for backer in searched:
        owner = backer.wiring.owner(number)
        if owner is not None:
            switch, port = owner
            return switch, IN_PORT.put(flow, port.number)
    raise TextError(f"no OpenFlow port for datapath port {number}", words[-1])


def with_tpid(flow: Flow) -> Flow:
    """`flow` with a type for its VLAN tag, of which text only says the rest."""
    if VLAN_TCI.get(flow) & VLAN_PRESENT and not VLAN_TPID.get(flow):
        return VLAN_TPID.put(flow, ETH_VLAN)
    return flow


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
