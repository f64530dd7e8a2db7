"""Rules that rules make: what the learn action adds to a table, keeps alive, and takes along.

A rule that packets learn again and again stays: each time its hard timeout begins anew.  If the learn action says so,
the rules that it made go when the last rule that has such an action goes.

Sources: ovs-actions(7), learn; answers compared with the peer's.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass
from vswitch.flow.match import Match
from vswitch.ofproto.eviction import rule_to_evict
from vswitch.ofproto.rule import Rule, RuleFlags
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.openflow.actions import learn as learn_action
from vswitch.openflow.actions.base import Action
from vswitch.openflow.messages.flow import RemovedReason


@dataclass(frozen=True, slots=True)
class Learned:
    """A rule that a packet teaches `switch`, by the action `learn`."""

    switch: Switch
    learn: learn_action.Learn
    match: Match
    actions: tuple[Action, ...]

    def existing(self) -> Rule | None:
        """The rule in its place."""
        return self.switch.tables[self.learn.table].find(self.match, self.learn.priority)

    @property
    def may_be_added(self) -> bool:
        """Whether there is room, or it is there already."""
        learn = self.learn
        if learn.table >= INTERNAL_TABLE:
            return False
        table = self.switch.tables[learn.table]
        if self.existing() is not None:
            return True
        if table.is_full and rule_to_evict(table) is None:
            return False
        if not learn.limit:
            return True
        return sum(rule.cookie == learn.cookie for rule in table) < learn.limit

    def apply(self, now: float) -> bool:
        """Add the rule, or refresh it; whether that could be."""
        if not self.may_be_added:
            return False
        rule = self.existing()
        table = self.switch.tables[self.learn.table]
        if rule is None:
            if table.is_full:
                evicted = rule_to_evict(table)
                if evicted is None:
                    return False
                self.switch.remove_rule(evicted, RemovedReason.EVICTION, now)
            self.switch.insert_rule(self._rule(now))
        elif (rule.actions, rule.cookie) != (self.actions, self.learn.cookie):
            self.switch.modify_rule(rule, self.actions, self.learn.cookie, now, reset=False)
        else:
            rule.modified = max(rule.modified, now)
        return True

    def _rule(self, now: float) -> Rule:
        learn = self.learn
        return Rule(
            learn.table,
            self.match,
            learn.priority,
            self.actions,
            cookie=learn.cookie,
            idle_timeout=learn.idle_timeout,
            hard_timeout=learn.hard_timeout,
            flags=int(RuleFlags.SEND_FLOW_REM) if learn.send_flow_rem else 0,
            created=now,
            modified=now,
            used=now,
        )


def forget_learned(switch: Switch, now: float) -> None:
    """Remove the rules whose teachers are gone."""
    while switch.unlearned:
        table, cookie = switch.unlearned.pop()
        if switch.teachers[table, cookie] or table >= INTERNAL_TABLE:
            continue
        for rule in [rule for rule in switch.tables[table] if rule.cookie == cookie and not rule.hidden]:
            switch.remove_rule(rule, RemovedReason.DELETE, now)
