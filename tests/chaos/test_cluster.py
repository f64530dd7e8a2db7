"""Twenty seconds of trouble for a cluster; python -m tests.chaos makes it ten minutes."""

from __future__ import annotations

import pytest

from tests.chaos.cluster import run


@pytest.mark.interop
@pytest.mark.slow
def test_servers_killed_and_cut_off_lose_and_double_nothing(tmp_path):
    problem, summary = run(tmp_path, seed=3, seconds=12)
    assert problem == "", summary
    assert "0 servers killed" not in summary
    assert " 0 cut off" not in summary
