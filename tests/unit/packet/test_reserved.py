"""Which groups bridges keep to themselves."""

import pytest

from vswitch.packet.reserved import is_reserved


@pytest.mark.parametrize(
    ("mac", "reserved"),
    [
        (0x0180C2000000, True),
        (0x0180C200000F, True),
        (0x0180C2000010, False),
        (0x0180C1FFFFFF, False),
        (0x01000CCCCCCC, True),
        (0x01000CCCCCCF, True),
        (0x01000CCCCCD0, False),
        (0x00E02B000005, False),
        (0xFFFFFFFFFFFF, False),
        (0x020000000001, False),
    ],
)
def test_the_groups_of_the_standard_and_of_some_makers_are(mac: int, reserved: bool) -> None:
    assert is_reserved(mac) is reserved
