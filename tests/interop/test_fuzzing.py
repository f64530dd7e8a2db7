"""What the peer and we say of mutated messages; `python -m tests.interop.fuzzing` does the same for as long as one likes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.interop.exceptions import exempt
from tests.interop.fuzzing import cases, differences, kind

pytestmark = pytest.mark.interop

MESSAGES = 20_000
FOUND = Path(__file__).with_name(
    "fuzzed.txt"
)  # messages that fuzzing has found, and that were read differently once


def test_mutated_messages_mean_what_they_mean_to_the_peer() -> None:
    """No difference but those that tests/interop/exceptions.py names."""
    found = [case for case in differences(list(cases(random.Random(5), MESSAGES))) if exempt(*case) is None]
    kinds = {kind(theirs, ours): message.hex() for message, theirs, ours in found}
    assert not kinds, "\n\n".join(f"{message}\n{text}" for text, message in kinds.items())


def test_messages_that_fuzzing_has_found() -> None:
    """What was read differently once stays the same."""
    messages = [bytes.fromhex(line) for line in FOUND.read_text().split()]
    left = [(message.hex(), theirs, ours) for message, theirs, ours in differences(messages)]
    assert len(messages) > 50
    assert not left
