"""So many messages at once, then so many a minute."""

from vswitch.base.allowance import Allowance


def test_what_is_saved_is_no_more_than_the_burst() -> None:
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.take(now) for now in (1e9, 1e9, 1e9, 1e9)] == ["", "", "", None]
    assert [allowance.take(1e9 + now) is None for now in (29, 31, 59, 61)] == [True, False, True, False]
    assert [allowance.take(2e9) is None for _ in range(4)] == [False, False, False, True]


def test_what_was_not_allowed_is_told_once() -> None:
    allowance = Allowance(rate=1, burst=1)
    assert [allowance.take(now) for now in (100.0, 110.0, 120.0)] == ["", None, None]
    wanted = "Dropped 2 log messages in last 50 seconds (most recently, 40 seconds ago) due to excessive rate"
    assert (allowance.take(160.0), allowance.take(230.0)) == (wanted, "")
