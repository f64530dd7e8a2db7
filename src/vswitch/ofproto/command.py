"""Commands: what a switch wants done, as values.

ofproto decides and vswitchd performs, in order.  `Execute` is dpif's own value: a packet and the actions for it.
"""

from __future__ import annotations

from typing import NewType

from vswitch.base.dataclass import dataclass
from vswitch.dpif.megaflow import Execute, Megaflow, Ufid
from vswitch.openflow.message import Message

ConnectionId = NewType("ConnectionId", int)


@dataclass(frozen=True, slots=True)
class Install:
    """Put `megaflow` into the datapath, or change the one with its `ufid` in place."""

    megaflow: Megaflow


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Remove a megaflow, and tell `Backer.uninstalled` what it had carried."""

    ufid: Ufid


@dataclass(frozen=True, slots=True)
class Send:
    """Encode `message` for the version of this connection's session and send it."""

    connection: ConnectionId
    message: Message
    xid: int


@dataclass(frozen=True, slots=True)
class SetPortUp:
    """A controller changed OFPPC_PORT_DOWN: set the device of this name administratively up or down."""

    name: str
    up: bool


Command = Install | Uninstall | Execute | Send | SetPortUp
