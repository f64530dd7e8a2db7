"""What pure functions have to say."""

from collections.abc import Iterator

import pytest

from vswitch.base.remarks import remark, remark_once, remarks_to


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


def test_without_a_program_they_go_to_the_log() -> None:
    remarks_to(None)
    remark("module", "nobody listens")
