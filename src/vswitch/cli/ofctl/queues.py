"""Commands about the queues of ports.

Sources: ovs-ofctl(8): queue-get-config, queue-stats.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import Given
from vswitch.base.scan import c_atoi
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import port_argument, ports
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import dump, printed
from vswitch.cli.ofctl.table import command
from vswitch.flow.ports import OFPP_ANY, OFPP_MAX
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
    number = OFPP_ANY if port.upper() == "ALL" else port_argument(switch, port, settings)
    return dump(given, switch, QueueStatsRequest(number, _queue(queue)))


@command("queue-get-config", "SWITCH [PORT [QUEUE]]")
def queue_get_config(given: Given, switch: str, port: str = "ANY", queue: str = "ALL") -> Iterator[str]:
    """How the queues are configured."""
    settings = Settings(given)
    number, queue_id = port_argument(switch, port, settings), _queue(queue)
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


def _queue(text: str) -> int:
    return OFPQ_ALL if text.upper() == "ALL" else c_atoi(text)
