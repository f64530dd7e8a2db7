"""Queues in text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from vswitch.openflow.flowtext import format_duration
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.queue import (
    OFPQ_ALL,
    Queue,
    QueueDescReply,
    QueueDescRequest,
    QueueGetConfigReply,
    QueueGetConfigRequest,
    QueueStats,
    QueueStatsReply,
    QueueStatsRequest,
)
from vswitch.openflow.names import Names
from vswitch.openflow.printing.base import Style, counters, prints


@prints(QueueGetConfigRequest, QueueDescRequest)
def config_request(message: QueueGetConfigRequest | QueueDescRequest, dialect: Dialect, style: Style) -> str:
    """Which port, and which queue, if one is meant."""
    text = f" port={style.names.format_port(message.port_no)}"
    if isinstance(message, QueueDescRequest) and message.queue_id != OFPQ_ALL:
        text += f" queue={message.queue_id}"
    return f"{text}\n"


@prints(QueueGetConfigReply, QueueDescReply)
def config(message: QueueGetConfigReply | QueueDescReply, dialect: Dialect, style: Style) -> str:
    """A line per port, if it is not port 0, then one for each of its queues."""
    return f" {_ports(message.queues, style.names)}" if message.queues else "\n"


def _ports(queues: Iterable[Queue], names: Names) -> str:
    ordered = sorted(queues, key=lambda queue: (queue.port_no, queue.queue_id))
    text = ""
    for port, found in groupby(ordered, key=lambda queue: queue.port_no):
        text += f"port={names.format_port(port)}\n" if port else ""
        text += "".join(f"queue {queue.queue_id}:{_rates(queue)}\n" for queue in found)
    return text


def _rates(queue: Queue) -> str:
    text = ""
    for name, rate in (("min_rate", queue.min_rate), ("max_rate", queue.max_rate)):
        if rate is not None and rate != 0xFFFF:
            text += f" {name}:{rate // 10}.{rate % 10}%" if rate <= 1000 else f" {name}:(disabled)"
    return text


@prints(QueueStatsRequest)
def stats_request(message: QueueStatsRequest, dialect: Dialect, style: Style) -> str:
    """Which port and which queue."""
    return f" port={style.names.format_port(message.port_no)} queue={_number(message.queue_id)}\n"


def _number(queue: int) -> str:
    return "ALL" if queue == OFPQ_ALL else str(queue)


@prints(QueueStatsReply)
def stats(message: QueueStatsReply, dialect: Dialect, style: Style) -> str:
    """How many queues; with more verbosity, a line for each."""
    text = f" {len(message.stats)} queues\n"
    if style.verbosity < 1:
        return text
    return text + "".join(_stats(item, style.names) for item in message.stats)


def _stats(item: QueueStats, names: Names) -> str:
    told = counters(("bytes", item.tx_bytes), ("pkts", item.tx_packets), ("errors", item.tx_errors))
    age = "?" if item.duration_sec is None else format_duration(item.duration_sec, item.duration_nsec)
    return (
        f"  port {names.format_port(item.port_no)} queue {_number(item.queue_id)}: {told}, duration={age}\n"
    )
