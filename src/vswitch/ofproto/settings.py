"""What a switch and its ports are told by those who run them.

The words are those of the database, which are read before there is any switch.

Sources: ovs-vswitchd.conf.db(5), Bridge: fail_mode; Port: vlan_mode, other_config:priority-tags; Open_vSwitch:
other_config:bundle-idle-timeout.
"""

from __future__ import annotations

import enum

BUNDLE_IDLE_TIMEOUT = 10.0  # seconds, unless told otherwise


class FailMode(enum.Enum):
    """What a switch does without a controller (ovs-vswitchd.conf.db(5), Bridge: fail_mode)."""

    STANDALONE = "standalone"
    SECURE = "secure"


class VlanMode(enum.Enum):
    """Which VLANs a bundle carries, and with which tags; the values are the database's words."""

    ACCESS = "access"
    TRUNK = "trunk"
    NATIVE_TAGGED = "native-tagged"
    NATIVE_UNTAGGED = "native-untagged"
    DOT1Q_TUNNEL = "dot1q-tunnel"


class PriorityTags(enum.Enum):
    """Whether packets without a VLAN leave an access port with a tag for their priority."""

    NO = "no"
    IF_NONZERO = "if-nonzero"
    ALWAYS = "always"
