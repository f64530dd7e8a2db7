"""Numbers read as C reads them."""

import pytest

from vswitch.cli.ctl.numbers import leading_integer


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), (" -7x", -7), ("+3", 3), ("12ab34", 12), ("", 0), ("x", 0), ("-", 0), ("--5", 0), ("٣", 0)],
)
def test_as_far_as_there_are_digits(text: str, number: int) -> None:
    assert leading_integer(text) == number
