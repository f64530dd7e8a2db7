"""What the peer and we say of mutated messages; `python -m tests.interop.fuzzing` does the same for as long as one likes."""

from __future__ import annotations

import random

import pytest

from tests.interop import textfuzzing
from tests.interop.fuzzing import cases, differences, kind

pytestmark = pytest.mark.interop

MESSAGES = 3000
FLOWS = 80
TOLERATED_TEXTS = 0.05  # of damaged flows: mistakes that are found in another order
TOLERATED = 0.01  # of them: several errors in one message, of which the peer finds another one first


def test_mutated_messages_mean_what_they_mean_to_the_peer() -> None:
    found = list(differences(list(cases(random.Random(5), MESSAGES))))
    kinds = "\n\n".join(sorted({kind(theirs, ours) for _, theirs, ours in found}))
    assert len(found) <= TOLERATED * MESSAGES, f"{len(found)} of {MESSAGES}:\n{kinds}"


def test_damaged_flows_read_as_the_peer_reads_them() -> None:
    flows = [line for line in textfuzzing.lines(random.Random(5), FLOWS) if line and not line.startswith("#")]
    found = [f"--- {flow}\n{theirs}\n+++ {ours}" for flow, theirs, ours in textfuzzing.differences(flows)]
    assert len(found) <= TOLERATED_TEXTS * FLOWS, "\n".join(found)
