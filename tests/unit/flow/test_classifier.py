"""What a classifier must forget; the rest is in tests/properties."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from vswitch.flow.classifier import Classifier
from vswitch.flow.fields import IP_DST
from vswitch.flow.match import Match, parse_match


@dataclass(frozen=True, eq=False)
class Rule:
    match: Match
    priority: int = 1


def test_prefixes_of_cleared_rules_no_longer_make_masks_longer() -> None:
    near = Rule(parse_match("ip,nw_dst=138.0.0.3"))
    classifier: Classifier[Rule] = Classifier()
    classifier.insert(near)
    flow = parse_match("ip,nw_dst=138.0.0.1").value
    assert classifier.lookup(flow)[0] is None
    classifier.clear()
    classifier.insert(Rule(parse_match("ip,nw_dst=10.1.0.0/16")))
    found, mask = classifier.lookup(flow)
    assert found is None
    assert IP_DST.get(mask) == 0x80000000  # the first bit tells


def test_a_rule_is_not_added_beside_its_equal():
    rule = Rule(parse_match("ip,nw_dst=10.0.0.1"))
    higher, equal = Rule(rule.match, 2), Rule(rule.match)
    classifier: Classifier[Rule] = Classifier()
    assert classifier.insert(rule) is None
    assert classifier.insert(higher) is None
    assert classifier.insert(equal) is rule
    assert classifier.insert(Rule(rule.match, 2)) is higher
    assert len(classifier) == 2
    assert set(classifier) == {rule, higher}


def test_of_rules_with_one_match_the_next_best_comes_after_the_best():
    rules = [Rule(parse_match("ip,nw_dst=10.0.0.1"), priority) for priority in (3, 9, 5, 1)]
    classifier: Classifier[Rule] = Classifier()
    for rule in rules:
        classifier.insert(rule)
    found = []
    while len(classifier):
        best, _ = classifier.lookup(rules[0].match.value)
        assert best is not None
        found.append(best.priority)
        classifier.remove(best)
    assert found == [9, 5, 3, 1]
    assert classifier.lookup(rules[0].match.value)[0] is None


def test_the_highest_priority_is_known_after_removals_and_insertions():
    low, high = Rule(parse_match("ip,nw_dst=10.0.0.1"), 1), Rule(parse_match("ip,nw_dst=10.0.0.2"), 7)
    other = Rule(parse_match("tcp"), 4)
    classifier: Classifier[Rule] = Classifier()
    for rule in (low, high, other):
        classifier.insert(rule)
    classifier.remove(high)
    again = Rule(parse_match("ip,nw_dst=10.0.0.3"), 7)
    classifier.insert(again)
    flow = parse_match("tcp,nw_dst=10.0.0.3").value
    assert classifier.lookup(flow)[0] is again
    classifier.remove(again)
    assert classifier.lookup(flow)[0] is other
    assert classifier.lookup(parse_match("ip,nw_dst=10.0.0.1").value)[0] is low


def test_all_that_was_taken_out_can_be_emptied_container_by_container():
    matches = [parse_match(f"tcp,nw_dst=10.0.{i}.0/24,tp_dst={i},in_port={i % 3}") for i in range(20)]
    rules = [Rule(match, priority) for match in matches for priority in (1, 2)]
    alive = weakref.WeakSet(rules)
    classifier: Classifier[Rule] = Classifier()
    for rule in rules:
        classifier.insert(rule)
    classifier.lookup(rules[0].match.value)
    del rule, rules
    contents = classifier.take_all()
    for container in contents.containers():
        container.clear()
    assert len(alive) == 0


def test_whether_there_is_a_higher_priority():
    classifier: Classifier[Rule] = Classifier()
    assert not classifier.has_above(-1)
    classifier.insert(Rule(parse_match("tcp"), 4))
    classifier.insert(Rule(parse_match("udp,nw_dst=10.0.0.1"), 7))
    assert classifier.has_above(6)
    assert not classifier.has_above(7)
