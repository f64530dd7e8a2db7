"""What the peer and we say of mutated messages; `python -m tests.interop.fuzzing` does the same for as long as one likes."""

from __future__ import annotations

import random

import pytest

from tests.interop.exceptions import exempt
from tests.interop.fuzzing import cases, differences, kind

pytestmark = pytest.mark.interop

MESSAGES = 20_000


def test_mutated_messages_mean_what_they_mean_to_the_peer() -> None:
    """No difference but those that tests/interop/exceptions.py names."""
    found = [case for case in differences(list(cases(random.Random(5), MESSAGES))) if exempt(*case) is None]
    kinds = {kind(theirs, ours): message.hex() for message, theirs, ours in found}
    assert not kinds, "\n\n".join(f"{message}\n{text}" for text, message in kinds.items())
