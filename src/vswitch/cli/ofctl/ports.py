"""Commands about ports and their queues.

Sources: ovs-ofctl(8): dump-ports, dump-ports-desc, mod-port.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import port_argument, ports
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import dump, printed
from vswitch.cli.ofctl.table import command
from vswitch.flow.ports import OFPP_ANY
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC10_NO_RECV_STP,
    OFPPC10_NO_STP,
    OFPPC_NO_FWD,
    OFPPC_NO_PACKET_IN,
    OFPPC_NO_RECV,
    OFPPC_PORT_DOWN,
    PortDescRequest,
    PortMod,
    PortStatsRequest,
)

# What mod-port can do: the bit of the configuration, and whether the word sets it.
PORT_ACTIONS = {
    "up": (OFPPC_PORT_DOWN, False),
    "down": (OFPPC_PORT_DOWN, True),
    "stp": (OFPPC10_NO_STP, False),
    "receive": (OFPPC_NO_RECV, False),
    "receive-stp": (OFPPC10_NO_RECV_STP, False),
    "flood": (OFPPC10_NO_FLOOD, False),
    "forward": (OFPPC_NO_FWD, False),
    "packet-in": (OFPPC_NO_PACKET_IN, False),
}


@command("dump-ports", "SWITCH [PORT]")
def dump_ports(given: Given, switch: str, port: str = "") -> Iterator[str]:
    """What the ports have carried."""
    settings = Settings(given)
    number = port_argument(switch, port, settings) if port else OFPP_ANY
    return printed(Channel(switch, settings).replies(PortStatsRequest(number)), settings, switch)


@command("dump-ports-desc", "SWITCH [PORT]")
def dump_ports_desc(given: Given, switch: str, port: str = "") -> Iterator[str]:
    """What the ports are."""
    number = port_argument(switch, port, Settings(given)) if port else OFPP_ANY
    return dump(given, switch, PortDescRequest(number))


@command("mod-port", "SWITCH IFACE ACT")
def mod_port(given: Given, switch: str, interface: str, action: str) -> None:
    """Change one bit of a port's configuration."""
    channel = Channel(switch, Settings(given))
    number = parse_decimal(interface)
    found = next((port for port in ports(channel) if port.name == interface or port.port_no == number), None)
    if found is None:
        raise CommandError(f"{switch}: couldn't find port `{interface}'")
    word = action.removeprefix("no").removeprefix("-") if action.startswith("no") else action
    if word not in PORT_ACTIONS or (word != action and word in ("up", "down")):
        raise CommandError(f"unknown mod-port command '{action}'")
    bit, value = PORT_ACTIONS[word]
    if word != action:
        value = not value
    channel.commit(PortMod(found.port_no, found.hw_addr, bit if value else 0, bit))
