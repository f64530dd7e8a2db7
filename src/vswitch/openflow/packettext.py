"""Packet-outs in text: `in_port=1,packet=0123…,actions=output:2`.

Sources: ovs-ofctl(8), "Packet-Out Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

from vswitch.base.errors import TextError
from vswitch.base.text import key_values
from vswitch.flow.match import Match, parse_match_word
from vswitch.flow.ports import OFPP_NONE
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.names import NO_NAMES, Names


def parse_packet(text: str) -> bytes:
    """The bytes of a packet in hexadecimal, with or without spaces."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise TextError("Trailing garbage in packet data", text) from None


def parse_packet_out(text: str, names: Names = NO_NAMES) -> PacketOut:
    """The packet-out that `text` means.  Fields other than in_port are metadata, which OpenFlow 1.5 can say."""
    before, found, after = text.partition("action")
    _, equals, actions_text = after.partition("=")
    packet: bytes | None = None
    in_port, match = OFPP_NONE, Match()
    for name, value in key_values(before):
        if not value:
            raise TextError(f"field {name} missing value", name)
        if name == "in_port":
            in_port = names.port(value, "unknown port")
        elif name in ("packet_type", "pkt_type"):
            continue  # what is sent is an Ethernet frame
        elif name == "packet":
            try:
                packet = parse_packet(value)
            except TextError as error:
                raise TextError(f"packet: {error}", value) from None
        else:
            changed = parse_match_word(match, name, value, names.ports)
            if changed is None:
                raise TextError(f"unknown keyword {name}", name)
            match = changed
    if not found or not equals:
        raise TextError("must specify an action", text)
    if packet is None:
        raise TextError("must specify packet", text)
    return PacketOut(packet, parse_actions(actions_text, names), in_port, match=match)
