"""Flow monitors: who is told of which change to the rules, and in how many words.

Every change is reported here as it happens (`Switch.on_change`), and what is to be told is sent when the message that
caused it is done (`flush`): to each channel one reply with all of it, unless a bundle that fails takes it back.  A
channel hears of its own changes as a reference to its message, if it did not ask for more.

Who does not read is paused.  Rules remember when they were added and changed, in the order of all changes; so what
happened during the pause, but for rules that came and went, is told when it ends.

Sources: OpenFlow 1.5.1, 7.3.5.17; OVS nicira-ext.h (NXST_FLOW_MONITOR); answers compared with the peer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.flow.ports import OFPP_ANY
from vswitch.ofproto.actionlists import output_groups, output_ports
from vswitch.ofproto.channel import Channel
from vswitch.ofproto.command import Send
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import ALL_TABLES, INTERNAL_TABLE
from vswitch.openflow.actions.base import Action
from vswitch.openflow.errors import FlowMonitorFailed, OpenFlowError
from vswitch.openflow.message import Message
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.monitor import (
    OFPFMC_ADD,
    OFPFMC_DELETE,
    OFPFME_ABBREV,
    OFPFME_ADDED,
    OFPFME_INITIAL,
    OFPFME_MODIFIED,
    OFPFME_PAUSED,
    OFPFME_REMOVED,
    OFPFME_RESUMED,
    OFPFMF_ADD,
    OFPFMF_INITIAL,
    OFPFMF_INSTRUCTIONS,
    OFPFMF_MODIFY,
    OFPFMF_ONLY_OWN,
    OFPFMF_REMOVED,
    FlowMonitor,
    FlowMonitorCancel,
    FlowMonitorPaused,
    FlowMonitorReply,
    FlowMonitorRequest,
    FlowMonitorResumed,
    FlowUpdate,
)
from vswitch.openflow.names import OFPG_ANY
from vswitch.openflow.version import OF14

UPDATES_PER_REPLY = 400
_FLAG_OF = {OFPFME_ADDED: OFPFMF_ADD, OFPFME_REMOVED: OFPFMF_REMOVED, OFPFME_MODIFIED: OFPFMF_MODIFY}


@handles(FlowMonitorRequest)
def flow_monitor(request: Request[FlowMonitorRequest]) -> Iterable[Message]:
    """Watch flows, change what is watched, or end that; then tell the flows that there are, if that is asked."""
    channel = request.channel
    before = channel.monitors.copy()
    new: list[FlowMonitor] = []
    try:
        for monitor in request.message.monitors:
            _change(channel, monitor)
            request.switch.on_change = report  # from now on
            if monitor.command != OFPFMC_DELETE:
                new.append(monitor)
    except OpenFlowError:
        channel.monitors = before
        raise
    updates = list(_initial(request.switch, new))
    last = max(0, len(updates) - 1) // UPDATES_PER_REPLY * UPDATES_PER_REPLY
    for at in range(0, last + 1, UPDATES_PER_REPLY):
        yield FlowMonitorReply(tuple(updates[at : at + UPDATES_PER_REPLY]), more=at < last)


def _change(channel: Channel, monitor: FlowMonitor) -> None:
    exists = monitor.id in channel.monitors
    if monitor.command == OFPFMC_ADD:
        if exists:
            raise OpenFlowError(FlowMonitorFailed.MONITOR_EXISTS)
    elif not exists:
        raise OpenFlowError(FlowMonitorFailed.UNKNOWN_MONITOR)
    if monitor.command == OFPFMC_DELETE:
        del channel.monitors[monitor.id]
        return
    if monitor.table_id >= INTERNAL_TABLE and monitor.table_id != ALL_TABLES:
        raise OpenFlowError(FlowMonitorFailed.BAD_TABLE_ID)
    channel.monitors[monitor.id] = monitor


@handles(FlowMonitorCancel)
def cancel(request: Request[FlowMonitorCancel]) -> Iterable[Message]:
    """End a monitor."""
    if request.channel.monitors.pop(request.message.id, None) is None:
        raise OpenFlowError(FlowMonitorFailed.UNKNOWN_MONITOR)
    return ()


def _initial(switch: Switch, monitors: Iterable[FlowMonitor]) -> Iterator[FlowUpdate]:
    wanting = [monitor for monitor in monitors if monitor.flags & OFPFMF_INITIAL]
    for rule in _rules(switch) if wanting else ():
        flags = _flags(wanting, rule, OFPFMF_INITIAL)
        if flags:
            yield _update(OFPFME_INITIAL, rule, flags)


def _rules(switch: Switch) -> Iterator[Rule]:
    return (rule for table in switch.tables[:INTERNAL_TABLE] for rule in table if not rule.hidden)


def _flags(
    monitors: Iterable[FlowMonitor], rule: Rule, kinds: int, old_actions: tuple[Action, ...] = ()
) -> int:
    """What those of `monitors` that hear of changes of `kinds` and watch `rule` want to hear."""
    flags = 0
    for monitor in monitors:
        if (
            monitor.flags & kinds
            and monitor.table_id in (ALL_TABLES, rule.table_id)
            and monitor.match.covers(rule.match)
            and _sends_to(monitor, rule.actions, old_actions)
        ):
            flags |= monitor.flags
    return flags


def _sends_to(monitor: FlowMonitor, actions: tuple[Action, ...], old_actions: tuple[Action, ...]) -> bool:
    if monitor.out_port != OFPP_ANY and monitor.out_port not in (
        *output_ports(actions),
        *output_ports(old_actions),
    ):
        return False
    return monitor.out_group == OFPG_ANY or monitor.out_group in output_groups(actions)


def _update(event: int, rule: Rule, flags: int, reason: int = 0) -> FlowUpdate:
    return FlowUpdate(
        event,
        rule.match,
        rule.actions if flags & OFPFMF_INSTRUCTIONS else None,
        rule.priority,
        rule.table_id,
        rule.cookie,
        rule.idle_timeout,
        rule.hard_timeout,
        reason,
    )


# Changes.


def report(
    switch: Switch,
    event: int,
    rule: Rule,
    reason: RemovedReason = RemovedReason.IDLE_TIMEOUT,
    old_actions: tuple[Action, ...] = (),
) -> None:
    """`rule` was added, changed (what it did before: `old_actions`) or removed."""
    if rule.hidden:
        return
    for channel in switch.channels.values():
        if not channel.monitors or _passes_over(channel, event, rule):
            continue
        flags = _flags(channel.monitors.values(), rule, _FLAG_OF[event], old_actions)
        if not flags:
            continue
        updates = switch.updates.setdefault(channel.id, [])
        is_own = switch.actor is not None and switch.actor[0] == channel.id
        if not is_own or flags & OFPFMF_ONLY_OWN or channel.paused_at is not None:
            updates.append(_update(event, rule, flags, reason if event == OFPFME_REMOVED else 0))
        elif not any(update.event == OFPFME_ABBREV for update in updates):
            assert switch.actor is not None
            updates.append(FlowUpdate(OFPFME_ABBREV, xid=switch.actor[1]))


def _passes_over(channel: Channel, event: int, rule: Rule) -> bool:
    """During a pause only those rules are told to be gone that were there before."""
    return channel.paused_at is not None and (event != OFPFME_REMOVED or rule.added > channel.paused_at)


def flush(switch: Switch) -> None:
    """Send what there is to tell."""
    if not switch.updates:
        return
    told, switch.updates = switch.updates, {}
    for connection, updates in told.items():
        for at in range(0, len(updates), UPDATES_PER_REPLY):
            some = tuple(updates[at : at + UPDATES_PER_REPLY])
            switch.wiring.outbox.append(Send(connection, FlowMonitorReply(some), 0))


# Pauses.


def pause(switch: Switch, channel: Channel) -> None:
    """`channel` does not read: tell it later."""
    channel.paused_at = switch.serial
    _tell(switch, channel, FlowMonitorPaused(), OFPFME_PAUSED)


def resume(switch: Switch, channel: Channel) -> None:
    """Tell `channel` what it missed."""
    since, channel.paused_at = channel.paused_at, None
    assert since is not None
    updates = []
    for rule in _rules(switch):
        if rule.added > since:
            flags, event = _flags(channel.monitors.values(), rule, OFPFMF_ADD | OFPFMF_MODIFY), OFPFME_ADDED
        elif rule.changed > since:
            flags, event = _flags(channel.monitors.values(), rule, OFPFMF_MODIFY), OFPFME_MODIFIED
        else:
            continue
        if flags:
            updates.append(_update(event if flags & _FLAG_OF[event] else OFPFME_MODIFIED, rule, flags))
    if updates:
        switch.updates[channel.id] = updates
        flush(switch)
    _tell(switch, channel, FlowMonitorResumed(), OFPFME_RESUMED)


def _tell(switch: Switch, channel: Channel, message: Message, event: int) -> None:
    """A message of its own until OpenFlow 1.3, then an event."""
    if channel.version >= OF14:
        message = FlowMonitorReply((FlowUpdate(event),))
    switch.wiring.outbox.append(Send(channel.id, message, 0))
