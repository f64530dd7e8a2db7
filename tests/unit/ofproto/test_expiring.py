"""What waits to expire: whatever happens to rules meanwhile, those are found that have expired."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vswitch.flow.match import Match
from vswitch.ofproto.expiring import SPARE, Expiring
from vswitch.ofproto.rule import Rule


def rule(idle: int = 0, hard: int = 0) -> Rule:
    return Rule(0, Match(), 1, (), idle_timeout=idle, hard_timeout=hard)


steps = st.lists(
    st.tuples(
        st.sampled_from(("add", "use", "change", "shorten", "remove", "pass")),
        st.integers(0, 4),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(steps)
def test_those_are_found_whose_time_has_come(taken: list[tuple[str, int, int]]) -> None:
    expiring, rules, now = Expiring(), [rule() for _ in range(5)], 0.0
    waiting: set[Rule] = set()
    for what, which, number in taken:
        each = rules[which]
        if what == "add" and each not in waiting:
            each.idle_timeout, each.hard_timeout, each.used, each.modified = number % 4, number // 2, now, now
            expiring.add(each)
            if each.idle_timeout or each.hard_timeout:
                waiting.add(each)
        elif what == "use":
            each.used = now
        elif what == "change":
            each.modified = now
        elif what == "shorten" and each in waiting and each.idle_timeout > 1:
            each.idle_timeout -= 1
            expiring.add(each)
        elif what == "remove":
            expiring.discard(each)
            waiting.discard(each)
        elif what == "pass":
            now += number / 2
            for found, deadline in ((expiring.hard, "hard_deadline"), (expiring.idle, "idle_deadline")):
                gone = set()
                for expired in found(now):
                    expiring.discard(expired)
                    gone.add(expired)
                assert gone == {each for each in waiting if getattr(each, deadline) <= now}
                waiting -= gone
    assert set(expiring) == waiting
    assert len(expiring) == len(waiting)


def test_rules_that_went_early_are_not_kept_for_their_timeouts() -> None:
    expiring = Expiring()
    kept = rule(idle=5)
    expiring.add(kept)
    for _ in range(10 * SPARE):
        each = rule(idle=3600, hard=3600)
        expiring.add(each)
        expiring.discard(each)
    assert len(expiring._idle._heap) < 2 * SPARE
    assert len(expiring._hard._heap) < 2 * SPARE
    for _ in range(10 * SPARE):
        expiring.add(kept)  # as often as its timeout becomes shorter
    assert len(expiring._idle._heap) < 2 * SPARE
    found = []
    for each in expiring.idle(5.0):
        expiring.discard(each)
        found.append(each)
    assert found == [kept]


def test_what_has_no_timeout_does_not_wait() -> None:
    expiring = Expiring()
    expiring.add(rule())
    assert len(expiring) == 0
    assert list(expiring.hard(1e9)) == []
