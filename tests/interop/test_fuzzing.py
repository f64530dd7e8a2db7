"""What the peer and we say of mutated messages; `python -m tests.interop.fuzzing` does the same for as long as one likes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.interop.exceptions import exempt, unsaid
from tests.interop.fuzzing import cases, differences, kind, our_logs, peer_logs

pytestmark = pytest.mark.interop

MESSAGES = 20_000
LOGGED = 400  # messages that are printed one by one
FOUND = Path(__file__).with_name(
    "fuzzed.txt"
)  # messages that fuzzing has found, and that were read differently once


def test_mutated_messages_mean_what_they_mean_to_the_peer() -> None:
    """No difference but those that tests/interop/exceptions.py names."""
    found = [case for case in differences(list(cases(random.Random(5), MESSAGES))) if exempt(*case) is None]
    kinds = {kind(theirs, ours): message.hex() for message, theirs, ours in found}
    assert not kinds, "\n\n".join(f"{message}\n{text}" for text, message in kinds.items())


@pytest.mark.parametrize("more", range(1, 5))
def test_verbose_texts_of_mutated_messages(more: int) -> None:
    """With -m, -mm and so on, too."""
    found = differences(list(cases(random.Random(more), MESSAGES // 5)), more)
    assert not [(case[0].hex(), *case[1:]) for case in found if exempt(*case) is None]


def test_mutated_messages_are_complained_of_as_the_peer_does() -> None:
    """Line for line, on stderr, but for those that tests/interop/exceptions.py names."""
    messages = list(cases(random.Random(6), LOGGED))
    other = {message for message, _, _ in differences(messages)}  # has other errors, or there is no error
    told = [(case.hex(), peer_logs(case), our_logs(case)) for case in messages if case not in other]
    assert sum(len(ours) for _, _, ours in told) > LOGGED / 3
    assert not [
        (message, theirs, ours)
        for message, theirs, ours in told
        if [line for line in theirs if not unsaid(line)] != [line for line in ours if not unsaid(line)]
    ]


def test_messages_that_fuzzing_has_found() -> None:
    """What was read differently once stays the same."""
    messages = [bytes.fromhex(line) for line in FOUND.read_text().split()]
    left = [(message.hex(), theirs, ours) for message, theirs, ours in differences(messages)]
    assert len(messages) > 50
    assert not left
