import pytest

from vswitch.linux.ethtool import COPPER, FIBER, LinkSettings
from vswitch.netdev.features import features_of_modes, medium_of
from vswitch.openflow.messages.port import (
    OFPPF_1GB_FD,
    OFPPF_10GB_FD,
    OFPPF_10MB_HD,
    OFPPF_100MB_FD,
    OFPPF_AUTONEG,
    OFPPF_COPPER,
    OFPPF_FIBER,
    OFPPF_PAUSE,
)


@pytest.mark.parametrize(
    ("modes", "features"),
    [
        (0, 0),
        (0x1, OFPPF_10MB_HD),
        (0x20C8, OFPPF_100MB_FD | OFPPF_AUTONEG | OFPPF_COPPER | OFPPF_PAUSE),  # as an old card says
        (0x20000, OFPPF_1GB_FD),
        (0x81400, OFPPF_10GB_FD | OFPPF_FIBER),
        (1 << 11, 0),  # BNC
    ],
)
def test_modes(modes: int, features: int) -> None:
    assert features_of_modes(modes) == features


def test_media() -> None:
    assert medium_of(LinkSettings(0, None, COPPER)) == OFPPF_COPPER
    assert medium_of(LinkSettings(0, None, FIBER, True)) == OFPPF_FIBER | OFPPF_AUTONEG
    assert medium_of(LinkSettings(0, None, 0xEF)) == 0
