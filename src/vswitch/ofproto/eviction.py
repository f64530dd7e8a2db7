"""Which rule has to go when a full table is to take another, if the table may evict any.

Only rules with a timeout can go.  Rules with the same values in the fields that the table's configuration names are a
group; the biggest group gives up the rule that matters least and would expire first.

Sources: OpenFlow 1.5.1, 6.4 (eviction) and 7.3.4.1; ovs-vswitchd.conf.db(5), Flow_Table: overflow_policy, groups.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.rule import Rule
from vswitch.ofproto.table import Table


def rule_to_evict(table: Table) -> Rule | None:
    """The rule to remove for another; None: none can go, or the table may not evict."""
    if not table.evicts:
        return None
    groups: dict[int, list[Rule]] = {}
    for rule in table:
        if rule.idle_timeout or rule.hard_timeout:
            groups.setdefault(rule.match.value & rule.match.mask & table.group_mask, []).append(rule)
    candidates = [(-len(rules), _weight(rule), rule) for rules in groups.values() for rule in rules]
    return min(candidates, key=lambda candidate: candidate[:2])[2] if candidates else None


def rules_to_evict(table: Table) -> Iterable[Rule]:
    """The rules to remove, one after the other, until the table holds no more than it may."""
    while table.max_rules is not None and len(table) > table.max_rules:
        rule = rule_to_evict(table)
        if rule is None:
            return
        yield rule


def _weight(rule: Rule) -> tuple[int, float]:
    return rule.importance, min(rule.idle_deadline, rule.hard_deadline)
