import pytest

from vswitch.base.digits import parse_decimal


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), ("65535", 65535), ("9" * 64, int("9" * 64))]
)
def test_numbers(text, number):
    assert parse_decimal(text) == number


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "-1", "1_0", "0x1", "²", "٣", "9" * 65, "9" * 5000])
def test_what_is_none(text):
    assert parse_decimal(text) is None
