"""The collector rests while flows are read."""

from __future__ import annotations

import gc

import pytest

from vswitch.cli.ofctl.garbage import uncollected


def test_the_collector_rests_within_and_works_again_after_an_error() -> None:
    def fail() -> None:
        with uncollected():
            assert not gc.isenabled()
            raise ValueError

    assert gc.isenabled()
    with pytest.raises(ValueError):
        fail()
    assert gc.isenabled()


def test_what_was_made_within_is_not_looked_at_later() -> None:
    before = gc.get_freeze_count()
    with uncollected():
        made = [[] for _ in range(1000)]  # type: ignore[var-annotated]
    assert gc.get_freeze_count() >= before + len(made)
    gc.unfreeze()
