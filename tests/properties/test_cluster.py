"""Servers that share a log are one database, whatever the network does."""

from __future__ import annotations

import random

import pytest

from tests.chaos.histories import explain_tokens
from tests.chaos.simulation import Simulation


@pytest.mark.parametrize("seed", range(20))
def test_histories_are_linearizable(seed):
    rng = random.Random(seed)
    sim = Simulation(rng, n_servers=rng.choice((2, 3, 5)), trouble=rng.choice((0.0, 0.05, 0.2)))
    sim.run(25)
    final = sim.settle()
    assert sum(len(each) for each in sim.history.values()) > 50
    for row, history in sim.history.items():
        assert explain_tokens(history, final[row]) == ""
    for server in sim.servers:
        assert len(server.applied) == len(set(server.applied))  # no transaction twice
