"""One rule."""

from __future__ import annotations

import pytest

from vswitch.flow.match import parse_match
from vswitch.ofproto.rule import MAX_PRIORITY, Rule, RuleFlags

FOREVER = float("inf")


def rule(match: str = "", priority: int = 5, **others: float) -> Rule:
    return Rule(0, parse_match(match), priority, (), **others)  # type: ignore[arg-type]


def test_rules_above_what_controllers_can_say_are_the_switchs_own() -> None:
    assert not rule(priority=MAX_PRIORITY).hidden
    assert rule(priority=MAX_PRIORITY + 1).hidden


@pytest.mark.parametrize(("match", "priority", "is_miss"), [("", 0, True), ("", 1, False), ("ip", 0, False)])
def test_a_table_miss_entry_matches_everything_last(match: str, priority: int, is_miss: bool) -> None:
    assert rule(match, priority).is_table_miss is is_miss


def test_packets_are_counted_and_the_last_use_is_the_latest_of_all() -> None:
    one = rule(used=5.0)
    one.credit(2, 120, 9.0)
    one.credit(1, 60, 7.0)  # told later
    assert (one.packets, one.bytes, one.used) == (3, 180, 9.0)


def test_when_a_rule_expires() -> None:
    one = rule(idle_timeout=10, hard_timeout=30, modified=100.0, used=105.0)
    assert (one.idle_deadline, one.hard_deadline) == (115.0, 130.0)
    never = rule(modified=100.0, used=105.0)
    assert (never.idle_deadline, never.hard_deadline) == (FOREVER, FOREVER)


def test_a_rule_in_the_place_of_another_counts_on_unless_it_is_to_begin_anew() -> None:
    old = rule(packets=3, bytes=180, used=7.0)
    on, anew = rule(used=9.0), rule(used=9.0, flags=int(RuleFlags.RESET_COUNTS))
    on.take_over(old)
    anew.take_over(old)
    assert (on.packets, on.bytes, on.used) == (3, 180, 7.0)
    assert (anew.packets, anew.bytes, anew.used) == (0, 0, 9.0)
