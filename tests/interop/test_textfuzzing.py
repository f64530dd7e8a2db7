"""What the peer's `ovs-ofctl` and ours make of random texts: the same; `python -m tests.interop.textfuzzing` tries more."""

from __future__ import annotations

from random import Random

import pytest

from tests.interop.textfuzzing import EXCEPTIONS, KINDS, Case, cases, differences, excepted, shown

pytestmark = pytest.mark.interop

# How many texts of each kind: 7 ms for one.
COUNTS = {
    "flow": 500,
    "flows": 120,
    "group": 200,
    "actions": 120,
    "entries": 120,
    "packet-out": 120,
    "query": 120,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_peer_and_we_say_the_same(kind: str) -> None:
    some = cases(Random(f"text {kind}"), COUNTS.get(kind, 60), [kind])
    assert not [shown(*difference) for difference in differences(some)]


def test_every_exception_is_of_use() -> None:
    rng, seen = Random(5), set()
    for kind, maker in KINDS.items():
        seen |= {excepted(maker(rng)) for _ in range(8000 if kind == "actions" else 1500)}
    assert {each.reason for each in EXCEPTIONS} <= seen


def test_a_difference_is_found_and_shown() -> None:
    case = Case(("parse-flow", "reg16=1,actions=drop"))  # newer than the peer
    ((found, they, we),) = differences(iter([case]))
    assert found == case
    assert "reg16" in shown(case, they, we)
    assert (they.status, we.status) == (1, 0)
