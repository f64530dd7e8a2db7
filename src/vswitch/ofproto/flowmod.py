"""Flow-mods: plan a change of the tables, then apply it whole.

Planning checks everything that can be wrong and names the rules to add, change and remove; applying cannot fail.

Sources: OpenFlow 1.0, 4.6 and 5.3.3; OpenFlow 1.5.1, 6.4 and 7.3.4.2; ovs-ofctl(8), "Flow Syntax".
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.base.dataclass import dataclass, field
from vswitch.flow.fields import RECIRC_ID
from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_ANY
from vswitch.ofproto.check import checked_actions
from vswitch.ofproto.eviction import rule_to_evict
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.rule import Rule, RuleFlags
from vswitch.ofproto.selection import is_unlimited, selected, tables_of
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import ALL_TABLES, INTERNAL_TABLE, Table
from vswitch.ofproto.tunneloptions import check_options
from vswitch.openflow.actions.base import Action
from vswitch.openflow.errors import BadRequest, FlowModFailed, OpenFlowError
from vswitch.openflow.message import Message
from vswitch.openflow.messages.flow import (
    NO_BUFFER,
    OFPFC_ADD,
    OFPFC_DELETE,
    OFPFC_DELETE_STRICT,
    OFPFC_MODIFY,
    OFPFC_MODIFY_STRICT,
    OFPFF_EMERG,
    FlowMod,
    RemovedReason,
)
from vswitch.openflow.names import OFPG_ANY
from vswitch.openflow.version import OF10, Version

_CHECK_OVERLAP = int(RuleFlags.CHECK_OVERLAP)  # "&" with a member of an enum takes 1.5 us
_RESET_COUNTS = int(RuleFlags.RESET_COUNTS)


@dataclass(slots=True)
class Plan:
    """What a flow-mod does: rules to add (perhaps in the place of another), to give new actions, and to remove.

    Tables to empty are named, not their rules: there may be very many.
    """

    add: list[tuple[Rule, Rule | None]] = field(default_factory=list)
    modify: list[tuple[Rule, tuple[Action, ...]]] = field(default_factory=list)
    remove: list[Rule] = field(default_factory=list)
    empty: list[Table] = field(default_factory=list)
    evict: Rule | None = None  # has to go for what is added
    cookie: int | None = None  # for modified rules; None: theirs


@handles(FlowMod)
def handle_flow_mod(request: Request[FlowMod]) -> Iterable[Message]:
    """Perform a flow-mod that came over a channel."""
    change_flows(request.switch, request.message, request.now, request.channel.version)
    return ()


def change_flows(switch: Switch, message: FlowMod, now: float, version: Version) -> None:
    """Perform `message`, or raise OpenFlowError and change nothing."""
    apply(switch, plan(switch, message, now, version), message, now)


ANY_GROUP = range(1 << 32)


def check(message: FlowMod, version: Version) -> tuple[Action, ...]:
    """Refuse what is wrong with `message` whatever rules and groups there are; its actions, completed, if it has any."""
    if message.flags & OFPFF_EMERG:
        raise OpenFlowError(FlowModFailed.TABLE_FULL)  # OpenFlow 1.0's emergency flows, of which we have none
    if message.command == OFPFC_ADD:
        table_id = _table_to_add_to(message, version)
        if table_id == INTERNAL_TABLE or message.match.mask & RECIRC_ID.mask:
            raise OpenFlowError(BadRequest.EPERM)  # what the switch keeps for itself
    elif message.table_id == INTERNAL_TABLE:
        raise OpenFlowError(BadRequest.EPERM)
    else:
        table_id = 0 if message.table_id == ALL_TABLES else message.table_id
    if message.command in (OFPFC_ADD, OFPFC_MODIFY, OFPFC_MODIFY_STRICT):
        return checked_actions(message.actions, message.match, table_id, version, ANY_GROUP)
    return ()


def plan(switch: Switch, message: FlowMod, now: float, version: Version) -> Plan:
    """What `message` would do."""
    if message.buffer_id != NO_BUFFER and message.command not in (OFPFC_DELETE, OFPFC_DELETE_STRICT):
        raise OpenFlowError(BadRequest.BUFFER_UNKNOWN)  # no packet is ever buffered
    if message.command == OFPFC_ADD:
        return _plan_add(switch, message, now, version)
    check_options(switch, message.match, message.actions)
    if message.flags & OFPFF_EMERG:
        raise OpenFlowError(FlowModFailed.TABLE_FULL)  # OpenFlow 1.0's emergency flows, of which we have none
    if message.command in (OFPFC_MODIFY, OFPFC_MODIFY_STRICT):
        return _plan_modify(switch, message, now, version)
    if message.command == OFPFC_DELETE and is_unlimited(
        message.match, message.cookie_mask, message.out_port, message.out_group
    ):
        return Plan(empty=tables_of(switch, _named_table(message)))
    if message.command in (OFPFC_DELETE, OFPFC_DELETE_STRICT):
        return Plan(remove=_meant(switch, message, strict=message.command == OFPFC_DELETE_STRICT))
    raise OpenFlowError(FlowModFailed.BAD_COMMAND)


def _plan_add(switch: Switch, message: FlowMod, now: float, version: Version) -> Plan:
    table_id = _table_to_add_to(message, version)
    actions = checked_addition(switch, message, table_id, version)
    table = switch.tables[table_id]
    old = table.find(message.match, message.priority)
    if message.flags & _CHECK_OVERLAP and table.overlaps(message.match, message.priority):
        raise OpenFlowError(FlowModFailed.OVERLAP)
    evicted = rule_to_evict(table) if old is None and table.is_full else None
    if old is None and table.is_full and evicted is None:
        raise OpenFlowError(FlowModFailed.TABLE_FULL)
    cookie = message.new_cookie or 0
    rule = new_rule(message, table_id, message.match, message.priority, actions, cookie, now)
    if old is not None:
        rule.take_over(old)
    return Plan(add=[(rule, old)], evict=evicted)


def checked_addition(switch: Switch, message: FlowMod, table_id: int, version: Version) -> tuple[Action, ...]:
    """The actions of a rule that `message` adds, completed; OpenFlowError if `switch` cannot have such in the table.

    Of the match, only what its shape shows decides (openflow/wireshape.py).
    """
    check_options(switch, message.match, message.actions)
    if message.flags & OFPFF_EMERG:
        raise OpenFlowError(FlowModFailed.TABLE_FULL)  # OpenFlow 1.0's emergency flows, of which we have none
    if table_id == INTERNAL_TABLE or message.match.mask & RECIRC_ID.mask:
        raise OpenFlowError(BadRequest.EPERM)  # what the switch keeps for itself
    return checked_actions(message.actions, message.match, table_id, version, switch.groups)


def new_rule(
    message: FlowMod,
    table_id: int,
    match: Match,
    priority: int,
    actions: tuple[Action, ...],
    cookie: int,
    now: float,
) -> Rule:
    """The rule that `message` adds."""
    return Rule(  # by position, in two thirds of the time
        table_id,
        match,
        priority,
        actions,
        cookie,
        message.idle_timeout,
        message.hard_timeout,
        message.importance,
        message.flags,
        now,
        now,
        now,
    )


def _table_to_add_to(message: FlowMod, version: Version) -> int:
    """The table that the message names; OpenFlow 1.0 leaves the choice to the switch."""
    if message.table_id == ALL_TABLES:
        if version > OF10:
            raise OpenFlowError(FlowModFailed.BAD_TABLE_ID)
        return 0
    return message.table_id


def _plan_modify(switch: Switch, message: FlowMod, now: float, version: Version) -> Plan:
    """Change what rules do; until OpenFlow 1.1, and unless it selects by cookie, add a rule where there is none."""
    rules = _meant(switch, message, strict=message.command == OFPFC_MODIFY_STRICT)
    table_id = 0 if message.table_id == ALL_TABLES else message.table_id
    if not rules:
        if message.new_cookie is None or message.cookie_mask:
            checked_actions(message.actions, message.match, table_id, version, switch.groups)
            return Plan()
        return _plan_add(switch, message, now, version)
    changed = [
        (rule, checked_actions(message.actions, rule.match, rule.table_id, version, switch.groups))
        for rule in rules
    ]
    return Plan(modify=changed, cookie=message.new_cookie if version == OF10 else None)


def _meant(switch: Switch, message: FlowMod, *, strict: bool) -> list[Rule]:
    """The rules that are to be changed or removed."""
    deletes = message.command in (OFPFC_DELETE, OFPFC_DELETE_STRICT)
    return selected(
        switch,
        _named_table(message),
        message.match,
        priority=message.priority if strict else None,
        cookie=message.cookie,
        cookie_mask=message.cookie_mask,
        out_port=message.out_port if deletes else OFPP_ANY,
        out_group=message.out_group if deletes else OFPG_ANY,
    )


def _named_table(message: FlowMod) -> int:
    """The table whose rules are to be changed or removed; or ALL_TABLES."""
    if message.table_id == INTERNAL_TABLE:
        raise OpenFlowError(BadRequest.EPERM)
    return message.table_id


def apply(switch: Switch, plan: Plan, message: FlowMod, now: float) -> None:
    """Do what was planned."""
    if plan.evict is not None:
        switch.remove_rule(plan.evict, RemovedReason.EVICTION, now)
    switch.remove_rules(plan.remove, RemovedReason.DELETE, now)
    for table in plan.empty:
        switch.empty(table, RemovedReason.DELETE, now)
    for rule, actions in plan.modify:
        cookie = rule.cookie if plan.cookie is None else plan.cookie
        switch.modify_rule(rule, actions, cookie, now, reset=bool(message.flags & _RESET_COUNTS))
    for rule, old in plan.add:
        if old is None:
            switch.insert_rule(rule)
        else:
            switch.replace_rule(old, rule)
