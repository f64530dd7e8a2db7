"""What a controller has put into one of OpenFlow's bundles so far.

A Bundle, in this package, is ports that are one link; so what OpenFlow calls a bundle is a `Collection` here.

Sources: OpenFlow 1.5.1, 6.8; ovs-vswitchd.conf.db(5), other_config:bundle-idle-timeout.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass, field
from vswitch.openflow.additions import Addition
from vswitch.openflow.message import Message

DEFAULT_IDLE_TIMEOUT = 10.0  # seconds

Pending = tuple[Message, bytes] | Addition  # either has the bytes of the message last


@dataclass(slots=True)
class Collection:
    """A bundle that is open, or closed and not yet committed."""

    flags: int
    opened_by: bytes  # the message: what an error about all of it refers to
    used: float
    is_closed: bool = False
    messages: list[Pending] = field(default_factory=list)
