"""What pure functions have to say."""

from collections.abc import Iterator

import pytest

from vswitch.base.log import LOG
from vswitch.base.remarks import remark, remark_once, remark_some, remarks_to


@pytest.fixture
def said() -> Iterator[list[tuple[str, str, str]]]:
    made: list[tuple[str, str, str]] = []
    remarks_to(lambda *words: made.append(words))
    yield made
    remarks_to(None)


def test_remarks_go_where_they_are_told(said: list[tuple[str, str, str]]) -> None:
    remark("module", "odd")
    remark("module", "worth knowing", "INFO")
    assert said == [("module", "WARN", "odd"), ("module", "INFO", "worth knowing")]


def test_some_are_made_once_in_a_run(said: list[tuple[str, str, str]]) -> None:
    for text in ("first", "second"):
        remark_once("module", "subject", text)
    assert [text for _, _, text in said] == ["first"]


def test_of_many_five_are_made_and_one_more_in_each_minute(
    said: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1e9]
    monkeypatch.setattr(LOG, "clock", lambda: now[0])
    for seconds in (*[0.0] * 8, 30.0, 30.0, 1.0, 59.0):
        now[0] += seconds
        remark_some("module", f"{now[0] - 1e9:g}")
    remark_some("another", "first")
    dropped = (
        "Dropped 4 log messages in last 60 seconds (most recently, 30 seconds ago) due to excessive rate"
    )
    later = "Dropped 1 log messages in last 59 seconds (most recently, 59 seconds ago) due to excessive rate"
    assert [text for _, _, text in said] == [*["0"] * 5, dropped, "60", later, "120", "first"]


def test_all_are_made_if_rate_limits_are_lifted(
    said: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOG, "unlimited", {"module"})
    for _ in range(9):
        remark_some("module", "text")
    assert len(said) == 9


def test_without_a_program_they_go_to_the_log() -> None:
    remarks_to(None)
    remark("module", "nobody listens")
