"""Commands about packets and messages that pass by: packet-out, monitor, snoop.

Sources: ovs-ofctl(8): packet-out, monitor, snoop.
"""

from __future__ import annotations

from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.flows import check_formats
from vswitch.cli.ofctl.naming import accepted
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.flow.ports import parse_port
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.packettext import parse_packet, parse_plain_actions, read_packet_out

PACKET_IN_FORMATS = ("standard", "nxt_packet_in", "nxt_packet_in2")
EVERYTHING = 0xFFFF  # miss_send_len: whole packets


@command("packet-out", "SWITCH IN_PORT [ACTIONS PACKET...]")
def packet_out(given: Given, switch: str, first: str, *rest: str) -> None:
    """Put packets through actions: told in one argument, or port, actions and packets each for itself."""
    settings = Settings(given)
    names = accepted(switch, settings)
    if not rest:
        message, usable = read_packet_out(first, names)
        messages = [message]
    elif len(rest) == 1:
        raise CommandError("Too many arguments (4)")
    else:
        actions, *packets = rest
        parsed, usable = parse_plain_actions(actions, names)
        port = parse_port(first, names.ports)
        if port is None:
            raise CommandError(f"{switch}: unknown port `{first}'")
        messages = [PacketOut(parse_packet(packet), parsed, port) for packet in packets]
    check_formats(settings, usable)
    Channel(switch, settings).commit(*messages)
