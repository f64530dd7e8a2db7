"""Flow-mods, flow-removed and flow statistics in text."""

from __future__ import annotations

from vswitch.flow.match import format_match
from vswitch.flow.normalize import tell_normal
from vswitch.flow.ports import OFPP_ANY
from vswitch.openflow.actions.check import check_actions
from vswitch.openflow.errors import FlowModFailed, OpenFlowError
from vswitch.openflow.flowtext import format_duration, format_flow_mod, format_flow_stats
from vswitch.openflow.match10 import as_given10, decode_match10, encode_match10
from vswitch.openflow.message import HEADER, OFPT_VENDOR, Dialect, Form
from vswitch.openflow.messages.flow import OFPFF_EMERG, FlowMod, FlowRemoved
from vswitch.openflow.messages.flowstats import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStatsReply,
    FlowStatsRequest,
)
from vswitch.openflow.printing.base import Style, prints, prints_bytes
from vswitch.openflow.statstext import flow_printer
from vswitch.openflow.version import OF10, OF12

VERY_VERBOSE = 3
REASONS = ("idle", "hard", "delete", "group_delete", "meter_delete", "eviction")
_UNKNOWN = 0xFF


@prints(FlowMod)
def flow_mod(message: FlowMod, dialect: Dialect, style: Style) -> str:
    """Command, match, settings, actions; the error if the actions make no sense."""
    data, raw = style.data, None
    is_nx = data[1] == OFPT_VENDOR
    if dialect.version == OF10 and not is_nx:
        tell_normal10(data[HEADER.size :])
    if style.verbosity >= VERY_VERBOSE and (dialect.version == OF10 or is_nx):
        from vswitch.openflow.printing.rawmatch import raw_match

        raw = raw_match(data, style.names)
    if message.flags & OFPFF_EMERG:  # there are none
        timed = message.idle_timeout or message.hard_timeout
        raise OpenFlowError(FlowModFailed.BAD_EMERG_TIMEOUT if timed else FlowModFailed.TABLE_FULL)
    check_actions(message.actions, message.match, message.table_id, dialect.version)
    return f" {format_flow_mod(message, style.names, dialect.version < OF12, raw)}\n"


def tell_normal10(data: bytes) -> None:
    """Tell people of what OpenFlow 1.0 can say of packets that do not have it."""
    match = decode_match10(data)
    if not data.startswith(encode_match10(match)):
        given = as_given10(data)
        if given != match:
            tell_normal(given, match)


@prints(FlowRemoved)
def flow_removed(message: FlowRemoved, dialect: Dialect, style: Style) -> str:
    """Match, reason, age, counters."""
    reason = REASONS[message.reason] if message.reason < len(REASONS) else str(message.reason)
    text = f" {format_match(message.match, style.names.port_names, message.priority)} reason={reason}"
    if message.table_id != _UNKNOWN:
        text += f" table_id={style.names.format_table(message.table_id)}"
    if message.cookie:
        text += f" cookie:{message.cookie:#x}"
    text += (
        f" duration{format_duration(message.duration_sec, message.duration_nsec)} idle{message.idle_timeout}"
    )
    if message.hard_timeout:
        text += f" hard{message.hard_timeout}"
    return f"{text} pkts{message.packet_count} bytes{message.byte_count}\n"


@prints(FlowStatsRequest, AggregateStatsRequest)
def query(message: FlowStatsRequest | AggregateStatsRequest, dialect: Dialect, style: Style) -> str:
    """Table and port, if one is meant, then the match."""
    text = f" table={style.names.format_table(message.table_id)}" if message.table_id != _UNKNOWN else ""
    if message.out_port != OFPP_ANY:
        text += f" out_port={style.names.format_port(message.out_port)}"
    match = format_match(message.match, style.names.port_names)
    return f"{text} {match}\n" if match else f"{text}\n"


@prints(FlowStatsReply)
def flow_stats(message: FlowStatsReply, dialect: Dialect, style: Style) -> str:
    """A line per flow."""
    lines = "".join(f"\n {format_flow_stats(flow, style.names, style.show_stats)}" for flow in message.flows)
    return lines + "\n"


@prints_bytes(FlowStatsReply)
def flow_stats_bytes(data: bytes, at: int, form: Form, dialect: Dialect, style: Style) -> str | None:
    """The same; where something is wrong, it is left to the other."""
    printer = flow_printer(form, dialect.version, style.names, style.show_stats)
    try:
        return "\n".join(["", *printer.lines(data, at), ""])
    except OpenFlowError:
        return None


@prints(AggregateStatsReply)
def aggregate(message: AggregateStatsReply, dialect: Dialect, style: Style) -> str:
    """Three counters."""
    counts = f"packet_count={message.packet_count} byte_count={message.byte_count}"
    return f" {counts} flow_count={message.flow_count}\n"
