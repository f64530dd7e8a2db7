"""Connections: one controller or tool, talking OpenFlow to one switch.

vswitchd owns the bytes and the session (hello, echo); a `Connection` says what each message does.
"""

from __future__ import annotations

from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Command, ConnectionId
from vswitch.ofproto.switch import Switch
from vswitch.openflow.message import Message
from vswitch.openflow.version import Version


class Connection:
    """One channel to `switch`, of which vswitchd has negotiated the version."""

    def __init__(self, switch: Switch, version: Version, kind: ChannelKind, now: float) -> None:
        """Join `switch`: from now on the channel hears what the switch has to say unasked."""

    id: ConnectionId

    def handle(self, message: Message, xid: int, now: float) -> list[Command]:
        """Perform `message`; replies, errors, and what else there is to do come back in order."""

    def close(self, now: float) -> list[Command]:
        """Leave the switch."""
