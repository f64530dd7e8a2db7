"""What a classifier must forget; the rest is in tests/properties."""

from __future__ import annotations

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
