"""Group addresses that are for the next switch alone.

Sources: IEEE 802.1Q-2018, table 8-1; ovs-vswitchd.conf.db(5), Bridge: other_config:forward-bpdu.
"""

from __future__ import annotations

_RESERVED_GROUP = 0x0180C2000000 >> 4  # 01:80:c2:00:00:00 to 0f
_RESERVED = frozenset(
    {
        0x00E02B000000,  # Extreme Discovery Protocol
        0x00E02B000004,  # Ethernet Automatic Protection Switching
        0x00E02B000006,
        0x01000C000000,  # Inter-Switch Link
        0x01000CCCCCCC,  # Cisco Discovery Protocol, VTP, DTP, PAgP, UDLD
        0x01000CCCCCCD,  # Cisco shared spanning tree
        0x01000CCDCDCD,  # Cisco STP uplink fast
        *range(0x01000CCCCCC0, 0x01000CCCCCD0),  # connectivity fault management
    }
)


def is_reserved(mac: int) -> bool:
    """Whether `mac` is a group that bridges do not forward (ovs-vswitchd.conf.db(5), forward-bpdu)."""
    return mac >> 4 == _RESERVED_GROUP or mac in _RESERVED
