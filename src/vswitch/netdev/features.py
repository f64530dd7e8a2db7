"""What a link can do, as OpenFlow tells it: bits of ethtool as bits of OFPPF.

Sources: linux/ethtool.h, SUPPORTED_*; OpenFlow 1.5.1, 7.2.1.2 (ofp_port_features).
"""

from __future__ import annotations

from vswitch.linux.ethtool import COPPER, FIBER, LinkSettings
from vswitch.openflow.messages.port import (
    OFPPF_1GB_FD,
    OFPPF_1GB_HD,
    OFPPF_10GB_FD,
    OFPPF_10MB_FD,
    OFPPF_10MB_HD,
    OFPPF_100MB_FD,
    OFPPF_100MB_HD,
    OFPPF_AUTONEG,
    OFPPF_COPPER,
    OFPPF_FIBER,
    OFPPF_PAUSE,
    OFPPF_PAUSE_ASYM,
)

_FEATURES = {  # bit of SUPPORTED_* -> OFPPF_*
    0: OFPPF_10MB_HD,
    1: OFPPF_10MB_FD,
    2: OFPPF_100MB_HD,
    3: OFPPF_100MB_FD,
    4: OFPPF_1GB_HD,
    5: OFPPF_1GB_FD,
    6: OFPPF_AUTONEG,
    7: OFPPF_COPPER,  # twisted pair
    10: OFPPF_FIBER,
    12: OFPPF_10GB_FD,
    13: OFPPF_PAUSE,
    14: OFPPF_PAUSE_ASYM,
    17: OFPPF_1GB_FD,  # 1000BASE-KX
    18: OFPPF_10GB_FD,  # 10GBASE-KX4
    19: OFPPF_10GB_FD,  # 10GBASE-KR
    20: OFPPF_10GB_FD,  # 10GBASE-R with error correction
}
_CONNECTORS = {COPPER: OFPPF_COPPER, FIBER: OFPPF_FIBER}


def features_of_modes(modes: int) -> int:
    """The OFPPF_* of SUPPORTED_* or ADVERTISED_*."""
    features = 0
    for bit, feature in _FEATURES.items():
        if modes >> bit & 1:
            features |= feature
    return features


def medium_of(settings: LinkSettings) -> int:
    """The OFPPF_* of a link as it is, beside its speed."""
    autonegotiation = OFPPF_AUTONEG if settings.autonegotiates else 0
    return _CONNECTORS.get(settings.connector, 0) | autonegotiation
