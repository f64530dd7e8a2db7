"""Flow monitors and their updates in text."""

from __future__ import annotations

from vswitch.flow.match import format_match
from vswitch.flow.ports import OFPP_ANY
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.monitor import (
    OFPFMC_DELETE,
    OFPFME_ABBREV,
    OFPFME_PAUSED,
    OFPFME_REMOVED,
    OFPFME_RESUMED,
    FlowMonitor,
    FlowMonitorCancel,
    FlowMonitorPaused,
    FlowMonitorReply,
    FlowMonitorRequest,
    FlowMonitorResumed,
    FlowUpdate,
)
from vswitch.openflow.names import OFPG_ANY, OFPTT_ALL, Names
from vswitch.openflow.printing.base import Style, bit_names, prints
from vswitch.openflow.printing.flows import REASONS

_FLAGS = (
    *((1, "initial"), (2, "add"), (4, "delete"), (8, "modify")),
    *((16, "actions"), (32, "no-abbrev"), (64, "own")),
)
_EVENTS = ("INITIAL", "ADDED", "DELETED", "MODIFIED", "ABBREV", "PAUSED", "RESUMED")


@prints(FlowMonitorRequest)
def request(message: FlowMonitorRequest, dialect: Dialect, style: Style) -> str:
    """A line per monitor."""
    return "".join(f"\n {_monitor(monitor, style.names)}" for monitor in message.monitors) + "\n"


def _monitor(monitor: FlowMonitor, names: Names) -> str:
    if monitor.command == OFPFMC_DELETE:
        return f"id={monitor.id} command=delete"
    text = f"id={monitor.id} flags={bit_names(monitor.flags, _FLAGS, ',')}"
    if monitor.out_port != OFPP_ANY:
        text += f" out_port={names.format_port(monitor.out_port)}"
    if monitor.out_group not in (0, OFPG_ANY):
        text += f" out_group={monitor.out_group - (monitor.out_group >> 31 << 32)}"
    if monitor.table_id != OFPTT_ALL:
        text += f" table={names.format_table(monitor.table_id)}"
    match = format_match(monitor.match, names.port_names)
    return f"{text} {match}" if match else text


@prints(FlowMonitorReply)
def reply(message: FlowMonitorReply, dialect: Dialect, style: Style) -> str:
    """A line per update."""
    return "".join(f"\n {_update(update, style.names)}" for update in message.updates).rstrip(" ") + "\n"


def _update(update: FlowUpdate, names: Names) -> str:
    text = f"event={_EVENTS[update.event]}"
    if update.event == OFPFME_ABBREV:
        return f"{text} xid={update.xid:#x}"
    if update.event in (OFPFME_PAUSED, OFPFME_RESUMED):
        return text
    if update.event == OFPFME_REMOVED:
        text += f" reason={REASONS[update.reason] if update.reason < len(REASONS) else update.reason}"
    text += f" table={names.format_table(update.table_id)}"
    if update.idle_timeout:
        text += f" idle_timeout={update.idle_timeout}"
    if update.hard_timeout:
        text += f" hard_timeout={update.hard_timeout}"
    text += f" cookie={f'{update.cookie:#x}' if update.cookie else '0'}"
    match = format_match(update.match, names.port_names)  # without the priority, as in Open vSwitch
    text += f" {match}"
    if update.actions is not None:
        text += f"{' ' if match else ''}actions={format_actions(update.actions, names)}"
    return text


@prints(FlowMonitorCancel)
def cancel(message: FlowMonitorCancel, dialect: Dialect, style: Style) -> str:
    """Which monitor."""
    return f" id={message.id}\n"


@prints(FlowMonitorPaused, FlowMonitorResumed)
def nothing(message: FlowMonitorPaused | FlowMonitorResumed, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"
