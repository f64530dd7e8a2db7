"""Ports and tables of a switch by name, as ovs-ofctl accepts and shows them.

Each look-up is a connection of its own, as the peer's is: transaction ids in the output then are the same.

Sources: ovs-ofctl(8), --names and "Port names"; OpenFlow 1.5.1, 7.3.5.7.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.settings import Settings
from vswitch.flow.ports import OfPort, parse_port
from vswitch.openflow.messages.port import Port, PortDescReply, PortDescRequest
from vswitch.openflow.messages.switch import FeaturesReply, FeaturesRequest
from vswitch.openflow.messages.table import TableStatsReply, TableStatsRequest
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.session import Received
from vswitch.openflow.version import OF13


def ports(channel: Channel) -> Iterator[Port]:
    """The ports of a switch; from its features if it cannot list them."""
    for reply in channel.replies(PortDescRequest()):
        if not isinstance(reply, Received) or not isinstance(reply.message, PortDescReply):
            break
        yield from reply.message.ports
    else:
        return
    features = channel.transact(FeaturesRequest())
    if isinstance(features, Received) and isinstance(features.message, FeaturesReply):
        yield from features.message.ports


def port_numbers(switch: str, settings: Settings) -> dict[str, OfPort]:
    """The numbers of the ports by name."""
    return {port.name: port.port_no for port in ports(Channel(switch, settings)) if port.name}


def table_numbers(switch: str, settings: Settings) -> dict[str, int]:
    """The numbers of the tables that have a name, by it.  Only OpenFlow before 1.3 says names with the statistics."""
    channel = Channel(switch, settings)
    if channel.version >= OF13:
        return {}
    return {
        table.name: table.table_id
        for reply in channel.replies(TableStatsRequest())
        if isinstance(reply, Received) and isinstance(reply.message, TableStatsReply)
        for table in reply.message.tables
        if table.name and table.name != f"table{table.table_id}"
    }


def accepted(switch: str, settings: Settings) -> Names:
    """The names that a user may type."""
    if not settings.accept_names:
        return NO_NAMES
    return Names(port_numbers(switch, settings), table_numbers(switch, settings))


def shown(switch: str, settings: Settings) -> Names:
    """The names to print."""
    if not settings.show_names:
        return NO_NAMES
    return Names(port_numbers(switch, settings), table_numbers(switch, settings))


def port_argument(switch: str, text: str, settings: Settings) -> OfPort:
    """The port that an argument means."""
    port = parse_port(text, {})
    if port is None:
        port = port_numbers(switch, settings).get(text)
    if port is None:
        raise CommandError(f"{switch}: unknown port `{text}'")
    return port
