"""The checkers find what is wrong, and only that."""

from __future__ import annotations

import random

import pytest

from tests.chaos.histories import NEVER, Access, Add, explain_register, explain_tokens


def add(call, end, token, *saw):
    return Add(call, end, token, frozenset(saw))


GOOD = [
    add(0, 2, "a"),
    add(1, 3, "b", "a"),
    add(4, 5, "", "a", "b"),
    add(4, NEVER, "c"),
    add(6, 7, "d", "a", "b", "c"),
]


def test_a_good_history_is_explained():
    assert explain_tokens(GOOD, frozenset("abcd")) == ""
    assert explain_tokens(GOOD[:4], frozenset("ab")) == ""  # nobody knows whether c was added
    assert explain_tokens(GOOD[:4], frozenset("abc")) == ""


@pytest.mark.parametrize(
    ("history", "final", "why"),
    [
        ([add(0, 1, "a")], "", "acknowledged and gone"),
        ([add(0, 1, "a"), add(2, 3, "b")], "ab", "does not see"),  # stale
        ([add(0, 1, "a"), add(2, 3, "", *"")], "a", "did not see"),
        ([add(0, 1, "a"), add(0, 1, "b")], "ab", "does not see"),  # both first
        ([add(0, 1, "a", "b"), add(2, 3, "b")], "ab", "added later"),
        ([add(0, 1, "a", "b"), add(0, 3, "b", "a")], "ab", "too early"),
        ([add(0, 1, "", "b"), add(2, NEVER, "b")], "b", "added later"),
        ([add(0, 1, "a", "a")], "a", "done twice"),
        ([add(0, 1, "", "x")], "", "nobody added"),
        ([], "x", "nobody added"),
        ([add(0, NEVER, "a"), add(1, 2, "", "a")], "", "seen and gone"),
        ([add(0, NEVER, "a"), add(1, 2, "", "a"), add(3, 4, "")], "a", "did not see"),
    ],
)
def test_a_bad_history_of_tokens_is_found(history, final, why):
    found = explain_tokens(history, frozenset(final))
    assert why in found


def test_a_good_history_of_a_register_is_explained():
    history = [
        Access(0, 3, ("write", 1)),
        Access(1, 2, ("read",), 0),
        Access(1, 4, ("read",), 1),
        Access(5, 6, ("cas", 1, 2), True),
        Access(5, NEVER, ("write", 7)),
        Access(7, 8, ("read",), 7),
        Access(7, 9, ("cas", 2, 3), False),
    ]
    assert explain_register(history, 0) == ""


@pytest.mark.parametrize(
    "history",
    [
        [Access(0, 1, ("write", 1)), Access(2, 3, ("read",), 0)],
        [Access(0, 1, ("cas", 0, 1), True), Access(0, 1, ("cas", 0, 2), True)],
        [Access(0, 1, ("read",), 1), Access(2, NEVER, ("write", 1))],
        [Access(0, 9, ("write", 1)), Access(1, 2, ("read",), 1), Access(3, 4, ("read",), 0)],
    ],
    ids=["stale read", "two winners", "future", "back again"],
)
def test_a_bad_history_of_a_register_is_found(history):
    assert "no order explains" in explain_register(history, 0)


@pytest.mark.parametrize("seed", range(20))
def test_what_an_atomic_set_does_is_explained_and_a_forged_answer_is_not(seed):
    rng = random.Random(seed)
    tokens: list[str] = []
    history = []
    for number in range(60):
        at = rng.random() + number
        token = str(number) if rng.random() < 0.7 else ""
        known = rng.random() < 0.8
        call, end = at - rng.random() * 3, at + rng.random() * 3
        if known or rng.random() < 0.5:
            history.append(add(call, end if known else NEVER, token, *(tokens if known else ())))
            tokens += [token] if token else []
        else:
            history.append(add(call, NEVER, token))
    final = frozenset(tokens)
    assert explain_tokens(history, final) == ""
    acknowledged = [each for each in history if each.end != NEVER and each.token]
    victim = rng.choice(acknowledged)
    assert explain_tokens(history, final - {victim.token})
    later = [each for each in acknowledged if each.call > victim.end]
    for each in later[:3]:
        forged = [add(o.call, o.end, o.token, *(o.saw - {victim.token})) if o is each else o for o in history]
        assert explain_tokens(forged, final)
