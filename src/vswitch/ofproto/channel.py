"""What a switch remembers about one OpenFlow channel: its role, its dialect, and what it wants to hear unasked.

Sources: OpenFlow 1.5.1, 6.3.6 (roles), 7.3.10 (asynchronous configuration); ovs-vswitchd(8), "service controllers";
the defaults of older versions are those of `ovs-ofctl monitor` against the peer.
"""

from __future__ import annotations

import enum

from vswitch.base.dataclass import dataclass, field
from vswitch.ofproto.collection import Collection
from vswitch.ofproto.command import ConnectionId
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.monitor import FlowMonitor
from vswitch.openflow.messages.role import (
    NXPIF_STANDARD,
    ROLE_EQUAL,
    ROLE_SECONDARY,
)
from vswitch.openflow.version import OF12, OF13, OF14, Version

DEFAULT_MISS_SEND_LEN = 128


class ChannelKind(enum.Enum):
    """Who is at the other end."""

    PRIMARY = "primary"  # a controller that the database configured
    SERVICE = "service"  # a tool on the management socket or a passive listener


class AsyncKind(enum.Enum):
    """Messages that a switch sends unasked; the values are their names in openflow.messages.role."""

    PACKET_IN = "packet_in"
    PORT_STATUS = "port_status"
    FLOW_REMOVED = "flow_removed"
    ROLE_STATUS = "role_status"
    TABLE_STATUS = "table_status"
    REQUESTFORWARD = "requestforward"


def _bits(*reasons: int) -> int:
    return sum(1 << reason for reason in reasons)


Masks = dict[
    AsyncKind, tuple[int, int]
]  # reasons as bits: for primary and equal controllers, for secondary ones


def default_masks(version: Version) -> Masks:
    """What a channel hears unless it asks for something else: not of invalid TTLs (2)."""
    later = version >= OF14
    return {
        AsyncKind.PACKET_IN: (_bits(0, 1, 3, 4, 5) if later else _bits(0, 1), 0),
        AsyncKind.PORT_STATUS: (_bits(0, 1, 2), _bits(0, 1, 2)),
        AsyncKind.FLOW_REMOVED: (_bits(0, 1, 2, 3, 4, 5) if later else _bits(0, 1, 2, 3), 0),
        AsyncKind.ROLE_STATUS: (0, 0),
        AsyncKind.TABLE_STATUS: (0, 0),
        AsyncKind.REQUESTFORWARD: (0, 0),
    }


INVALID_TTL = _bits(2)
_VERSIONS = {int(version): version for version in Version}  # an enum would take 0.3 us to ask


@dataclass(slots=True, eq=False)
class Channel:
    """One OpenFlow channel of a switch."""

    id: ConnectionId
    kind: ChannelKind
    dialect: Dialect
    role: int = ROLE_EQUAL
    controller_id: int = 0
    miss_send_len: int = 0
    packet_in_format: int = NXPIF_STANDARD
    masks: Masks = field(default_factory=dict)
    collections: dict[int, Collection] = field(default_factory=dict)  # OpenFlow's bundles, by id
    monitors: dict[int, FlowMonitor] = field(default_factory=dict)  # by id
    paused_at: int | None = None  # Switch.serial when it was too slow for its monitors

    def __post_init__(self) -> None:
        """Hear what the version prescribes."""
        self.masks = default_masks(self.version)

    def hears_unasked(self, wanted: bool) -> None:
        """Whether it hears anything before it has asked for it (Controller.enable_async_messages)."""
        if not wanted:
            self.masks = dict.fromkeys(AsyncKind, (0, 0))

    @property
    def version(self) -> Version:
        """The version that the session negotiated."""
        return _VERSIONS[self.dialect.version]

    @property
    def wants_misses(self) -> bool:
        """Whether packets without a rule are for it: before OpenFlow 1.3, which has table-miss rules."""
        return self.controller_id == 0 and self.version < OF13

    def mask(self, kind: AsyncKind, role: int) -> int:
        """The reasons for which messages of `kind` go to a channel in `role`."""
        return self.masks[kind][role == ROLE_SECONDARY]

    def wants(self, kind: AsyncKind, reason: int) -> bool:
        """Whether it wants messages of `kind` that are sent for `reason`."""
        if self.kind is ChannelKind.SERVICE and not self._service_wants(kind):
            return False
        return bool(self.mask(kind, self.role) >> reason & 1)

    def _service_wants(self, kind: AsyncKind) -> bool:
        """A tool hears nothing until it has shown that it listens for packets, by setting a length for them."""
        return self.miss_send_len > 0 or kind in (AsyncKind.ROLE_STATUS, AsyncKind.REQUESTFORWARD)


def default_miss_send_len(kind: ChannelKind) -> int:
    """How much of a packet a new channel gets: nothing for a tool, which then hears nothing at all."""
    return DEFAULT_MISS_SEND_LEN if kind is ChannelKind.PRIMARY else 0


def supports_role_status(version: Version) -> bool:
    """Whether a change of role can be told."""
    return version > OF12
