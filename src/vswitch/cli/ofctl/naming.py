"""Ports and tables of a switch by name, as ovs-ofctl accepts and shows them.

Each look-up is a connection of its own, as the peer's is: transaction ids in the output then are the same.

Sources: ovs-ofctl(8), --names and "Port names"; OpenFlow 1.5.1, 7.3.5.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from vswitch.base.options import CommandError
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.settings import Settings
from vswitch.flow.ports import OfPort, parse_port
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.messages.port import Port, PortDescReply, PortDescRequest
from vswitch.openflow.messages.switch import FeaturesReply, FeaturesRequest
from vswitch.openflow.messages.table import TableStatsReply, TableStatsRequest
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.session import Received
from vswitch.openflow.version import OF13


def ports(channel: Channel) -> Iterator[Port]:
    """The ports of a switch; from its features if it cannot list them."""
    for reply in channel.replies(PortDescRequest(), asking=False):
        if not isinstance(reply, Received) or not isinstance(reply.message, PortDescReply):
            break
        yield from reply.message.ports
    else:
        return
    features = channel.transact(FeaturesRequest())
    if isinstance(features, Received) and isinstance(features.message, FeaturesReply):
        yield from features.message.ports


@lru_cache
def port_numbers(switch: str, settings: Settings) -> dict[str, OfPort]:
    """The numbers of the ports by name.  A command asks once, for what it reads and what it prints."""
    return {port.name: port.port_no for port in ports(Channel(switch, settings)) if port.name}


@lru_cache
def table_numbers(switch: str, settings: Settings) -> Mapping[str, int]:
    """The numbers of the tables that have a name, by it; also asked once."""
    return TableNumbers(switch, settings)


class TableNumbers(Mapping[str, int]):
    """The numbers of tables, which are asked for when one is looked up.

    Since OpenFlow 1.3 names come with all that a table can do, a megabyte for 254 tables.  Before, they come with the
    statistics.
    """

    def __init__(self, switch: str, settings: Settings) -> None:
        self._channel = Channel(switch, settings)
        self._xid = self._channel.session.next_xid()
        self._numbers: dict[str, int] | None = None

    def _known(self) -> dict[str, int]:
        if self._numbers is None:
            tables = self._features() if self._channel.version >= OF13 else self._statistics()
            self._numbers = {name: table for table, name in tables if name and name != f"table{table}"}
        return self._numbers

    def _statistics(self) -> Iterator[tuple[int, str]]:
        for reply in self._channel.replies(TableStatsRequest(), self._xid):
            if isinstance(reply, Received) and isinstance(reply.message, TableStatsReply):
                yield from ((table.table_id, table.name) for table in reply.message.tables)

    def _features(self) -> Iterator[tuple[int, str]]:
        from vswitch.openflow.messages.tablefeatures import TableFeaturesRequest, names_of_tables

        try:
            for data in self._channel.reply_bytes(TableFeaturesRequest(), self._xid):
                yield from names_of_tables(data)
        except OpenFlowError:
            return

    def __getitem__(self, name: str) -> int:
        return self._known()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())


def accepted(switch: str, settings: Settings) -> Names:
    """The names that a user may type."""
    if not settings.accept_names:
        return NO_NAMES
    return Names(port_numbers(switch, settings), table_numbers(switch, settings))


@lru_cache
def shown(switch: str, settings: Settings) -> Names:
    """The names to print, which are asked for when the first reply has come."""
    if not settings.show_names:
        return NO_NAMES
    return Names(port_numbers(switch, settings), dict(table_numbers(switch, settings)))


def port_argument(switch: str, text: str, settings: Settings) -> OfPort:
    """The port that an argument means."""
    port = parse_port(text, {})
    if port is None and settings.accept_names:
        port = port_numbers(switch, settings).get(text)
    if port is None:
        raise CommandError(f"{switch}: unknown port `{text}'")
    return port
