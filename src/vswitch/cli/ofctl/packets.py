"""Commands about packets and messages that pass by: packet-out, monitor, snoop.

Sources: ovs-ofctl(8): packet-out, monitor, snoop.
"""

from __future__ import annotations

import datetime as dt
import sys

from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import accepted, shown
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.messages.role import SetPacketInFormat
from vswitch.openflow.messages.switch import OFPC_INVALID_TTL_TO_CONTROLLER, SetConfig
from vswitch.openflow.names import Names
from vswitch.openflow.packettext import parse_packet, parse_packet_out
from vswitch.openflow.session import Received
from vswitch.openflow.text import print_message

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


@command("monitor", "SWITCH [MISSLEN] [invalid_ttl]...")
def monitor(given: Given, switch: str, *words: str) -> None:
    """Print what the switch sends to its controllers until the end."""
    settings = Settings(given)
    names = shown(switch, settings)
    channel = Channel(switch, settings)
    _set_packet_in_format(channel, settings)
    for word in words:
        if word.isdecimal():
            channel.commit(SetConfig(0, int(word)))
        elif word == "invalid_ttl":
            channel.commit(SetConfig(OFPC_INVALID_TTL_TO_CONTROLLER, EVERYTHING))
        else:
            raise CommandError(f'{word}: unsupported "monitor" argument')
    _print_for_ever(channel, settings.timestamps, settings.verbosity + 2, names)


def _set_packet_in_format(channel: Channel, settings: Settings) -> None:
    """Ask for the format of -P, or else for the one that tells the most, of those that the switch has."""
    wanted = settings.packet_in_format
    if wanted is not None:
        if wanted.replace("-", "_") not in PACKET_IN_FORMATS:
            raise CommandError(f"{wanted}: unknown packet-in format")
        channel.commit(SetPacketInFormat(PACKET_IN_FORMATS.index(wanted.replace("-", "_"))))
        return
    for name in reversed(PACKET_IN_FORMATS):
        channel.send(SetPacketInFormat(PACKET_IN_FORMATS.index(name)))
        refused = [
            reply
            for reply in channel.barrier()
            if isinstance(reply, Received) and isinstance(reply.message, Error)
        ]
        if not refused:
            return


@command("snoop", "SWITCH")
def snoop(given: Given, switch: str) -> None:
    """Print what a switch and its controllers say to each other, until the end."""
    settings = Settings(given)
    names = shown(switch, settings)
    _print_for_ever(Channel(switch, settings, "snoop"), settings.timestamps, settings.verbosity + 2, names)


def _print_for_ever(channel: Channel, timestamps: bool, verbosity: int, names: Names) -> None:
    while True:
        message = channel.receive()
        if timestamps:
            now = dt.datetime.now()
            sys.stderr.write(f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}: ")
        sys.stderr.write(print_message(message.data, verbosity, names))
