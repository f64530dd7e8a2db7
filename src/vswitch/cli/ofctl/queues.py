"""Commands about the queues of ports.

Sources: ovs-ofctl(8): queue-get-config, queue-stats.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import Given
from vswitch.base.text import parse_u32
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import port_argument, ports
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import dump, printed
from vswitch.cli.ofctl.table import command
from vswitch.flow.ports import OFPP_ANY, OFPP_MAX, OfPort
from vswitch.openflow.messages.queue import (
    OFPQ_ALL,
    QueueDescRequest,
    QueueGetConfigRequest,
    QueueStatsRequest,
)
from vswitch.openflow.version import OF10, OF14


@command("queue-stats", "SWITCH [PORT [QUEUE]]")
def queue_stats(given: Given, switch: str, port: str = "ALL", queue: str = "ALL") -> Iterator[str]:
    """What the queues have carried."""
    settings = Settings(given)
    return dump(given, switch, QueueStatsRequest(_port(switch, port, settings), _queue(queue)))


@command("queue-get-config", "SWITCH [PORT [QUEUE]]")
def queue_get_config(given: Given, switch: str, port: str = "ANY", queue: str = "ALL") -> Iterator[str]:
    """How the queues are configured."""
    settings = Settings(given)
    number, queue_id = _port(switch, port, settings), _queue(queue)
    channel = Channel(switch, settings)
    if channel.version >= OF14:
        yield from printed(channel.replies(QueueDescRequest(number, queue_id)), settings, switch)
        return
    wanted = [number]
    if number == OFPP_ANY and channel.version == OF10:  # which has no word for all
        other = Channel(switch, settings)
        wanted = [port.port_no for port in ports(other) if port.port_no < OFPP_MAX]
    for port_no in wanted:
        yield from printed(iter([channel.transact(QueueGetConfigRequest(port_no))]), settings, switch)


def _port(switch: str, text: str, settings: Settings) -> OfPort:
    return OFPP_ANY if text.upper() in ("ALL", "ANY") else port_argument(switch, text, settings)


def _queue(text: str) -> int:
    return OFPQ_ALL if text.upper() == "ALL" else parse_u32(text)
