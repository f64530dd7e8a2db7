"""Sockets that a switch opens are the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def rundir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the switch has its sockets."""
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    return tmp_path
