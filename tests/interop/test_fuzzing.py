"""What the peer and we say of mutated messages; `python -m tests.interop.fuzzing` does the same for as long as one likes."""

from __future__ import annotations

import random

import pytest

from tests.interop import textfuzzing
from tests.interop.exceptions import exempt
from tests.interop.fuzzing import cases, differences, kind

pytestmark = pytest.mark.interop

MESSAGES = 20_000
FLOWS = 80
TOLERATED_TEXTS = 0.05  # of damaged flows: mistakes that are found in another order


def test_mutated_messages_mean_what_they_mean_to_the_peer() -> None:
    """No difference but those that tests/interop/exceptions.py names."""
    found = [case for case in differences(list(cases(random.Random(5), MESSAGES))) if exempt(*case) is None]
    kinds = {kind(theirs, ours): message.hex() for message, theirs, ours in found}
    assert not kinds, "\n\n".join(f"{message}\n{text}" for text, message in kinds.items())


def test_damaged_flows_read_as_the_peer_reads_them() -> None:
    flows = [line for line in textfuzzing.lines(random.Random(5), FLOWS) if line and not line.startswith("#")]
    found = [f"--- {flow}\n{theirs}\n+++ {ours}" for flow, theirs, ours in textfuzzing.differences(flows)]
    assert len(found) <= TOLERATED_TEXTS * FLOWS, "\n".join(found)
