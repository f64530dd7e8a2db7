"""What a switch remembers about one OpenFlow channel: its role, and which messages it wants to hear unasked.

Sources: OpenFlow 1.5.1, 6.3.6 (roles), 7.3.10 (asynchronous configuration); ovs-vswitchd(8), service controllers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from vswitch.ofproto.command import ConnectionId
from vswitch.openflow.version import Version


class ChannelKind(enum.Enum):
    """Who is at the other end."""

    PRIMARY = "primary"  # a controller that the database configured
    SERVICE = "service"  # a tool on the management socket or a passive listener


class Role(enum.IntEnum):
    """What a controller may do and hears, numbered as on the wire (OFPCR_ROLE_*)."""

    EQUAL = 1
    PRIMARY = 2
    SECONDARY = 3


@dataclass(slots=True, eq=False)
class Channel:
    """One OpenFlow channel of a switch."""

    id: ConnectionId
    kind: ChannelKind
    version: Version
    role: Role = Role.EQUAL
    controller_id: int = 0
    miss_send_len: int = 0
    asynchronous: dict[str, tuple[int, int]] = field(default_factory=dict)
