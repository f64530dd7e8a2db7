"""Packet-outs in text: `in_port=1,packet=0123…,actions=output:2`.

Sources: ovs-ofctl(8), "Packet-Out Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

import re

from vswitch.base.errors import TextError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.text import key_values
from vswitch.flow.fields import FIELDS
from vswitch.flow.match import Match, parse_value
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_LOCAL, OFPP_MAX, OFPP_NONE, OfPort, to_16
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import ETH_HEADER_LEN
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols, for_field, told_by_plain


def parse_packet(text: str) -> bytes:
    """The bytes of a packet in hexadecimal, with or without spaces."""
    data, rest = take_hex(text)
    if rest or "." in text:
        raise TextError("Trailing garbage in packet data", text)
    if len(data) < ETH_HEADER_LEN:
        raise TextError("Packet data too short for Ethernet", text)
    return data


class ReadPacketOut(NamedTuple):
    """A packet-out, and the flow formats that can tell its actions."""

    packet_out: PacketOut
    usable: Protocols


def parse_packet_out(text: str, names: Names = NO_NAMES) -> PacketOut:
    """The packet-out that `text` means.  Fields other than in_port are metadata, which OpenFlow 1.5 can say."""
    return read_packet_out(text, names).packet_out


def read_packet_out(text: str, names: Names = NO_NAMES) -> ReadPacketOut:
    """The same, and how it can be told."""
    before, _, after = text.partition("action")
    _, _, actions_text = after.partition("=")
    packet: bytes | None = None
    in_port, match, usable = OFPP_NONE, Match(), ALL_PROTOCOLS
    for name, value in key_values(before):
        if not value:
            raise TextError(f"field {name} missing value", name)
        if name == "in_port":
            in_port = input_port(value, names)
        elif name == "packet_type":
            _check_packet_type(value)  # what is sent is an Ethernet frame
        elif name == "packet":
            try:
                packet = parse_packet(value)
            except TextError as error:
                raise TextError(f"packet: {error}", value) from None
        else:
            match, more = _with_field(match, name, value, names)
            usable &= more
    if packet is None:
        raise TextError("must specify packet", text)
    actions, more = parse_plain_actions(actions_text, names)
    return ReadPacketOut(PacketOut(packet, actions, in_port, match=match), usable & more)


def input_port(text: str, names: Names) -> OfPort:
    """The port by which a packet is to come in: a real one, LOCAL, CONTROLLER, or none."""
    port = names.port(text, "{} is not a valid OpenFlow port")
    if to_16(port) > OFPP_MAX and port not in (OFPP_LOCAL, OFPP_NONE, OFPP_CONTROLLER):
        raise TextError(f"{text} is not a valid OpenFlow port for PACKET_OUT", text)
    return port


def parse_plain_actions(text: str, names: Names) -> tuple[tuple[Action, ...], Protocols]:
    """Actions without instructions among them, and how they can be told."""
    actions = parse_actions(text, names, plain=True)
    return actions, told_by_plain(actions)


def _check_packet_type(text: str) -> None:
    if not text.startswith("(") or "," not in text:  # as much as Open vSwitch looks at
        raise TextError(f"packet_type({text}) can't be interpreted", text)


def _with_field(match: Match, name: str, text: str, names: Names) -> tuple[Match, Protocols]:
    field = FIELDS.get(name)
    if field is None:
        raise TextError(f"unknown keyword {name}", name)
    value, mask = parse_value(field, text, names.ports)
    if not _PIPELINE.fullmatch(field.name):
        raise TextError(f"{name} is not a valid pipeline field for PACKET_OUT", name)
    return match.where(field, value, mask), for_field(field, mask)


# What a packet has beside its headers.
_PIPELINE = re.compile(
    r"tun_(id|src|dst|ipv6_src|ipv6_dst|flags|gbp_.*|erspan_.*|gtpu_.*|metadata\d+)|metadata|in_port(_oxm)?|x{0,2}reg\d+"
)
