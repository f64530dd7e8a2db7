"""Commands about packets and messages that pass by: packet-out, monitor, snoop.

Sources: ovs-ofctl(8): packet-out, monitor, snoop.
"""

from __future__ import annotations

from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import accepted
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.packettext import parse_packet, parse_packet_out

PACKET_IN_FORMATS = ("standard", "nxt_packet_in", "nxt_packet_in2")
EVERYTHING = 0xFFFF  # miss_send_len: whole packets


@command("packet-out", "SWITCH IN_PORT [ACTIONS PACKET...]")
def packet_out(given: Given, switch: str, first: str, *rest: str) -> None:
    """Put packets through actions: told in one argument, or port, actions and packets each for itself."""
    settings = Settings(given)
    names = accepted(switch, settings)
    if not rest:
        messages = [parse_packet_out(first, names)]
    elif len(rest) == 1:
        raise CommandError("Too many arguments (4)")
    else:
        actions, *packets = rest
        port = names.port(first)
        parsed = parse_actions(actions, names)
        messages = [PacketOut(parse_packet(packet), parsed, port) for packet in packets]
    Channel(switch, settings).commit(*messages)
