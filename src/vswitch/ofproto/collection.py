"""What a controller has put into one of OpenFlow's bundles so far.

A Bundle, in this package, is ports that are one link; so what OpenFlow calls a bundle is a `Collection` here.

Sources: OpenFlow 1.5.1, 6.8; ovs-vswitchd.conf.db(5), other_config:bundle-idle-timeout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from vswitch.base.dataclass import dataclass, field
from vswitch.base.remains import Container
from vswitch.openflow.message import Message


class Pending(Protocol):
    """One or more messages that wait for the commit (bundling.py)."""

    def containers(self) -> Iterable[Container]:
        """What is left when the bundle is gone."""
        ...


@dataclass(slots=True)
class Single:
    """One message, and its bytes."""

    message: Message
    data: bytes

    def containers(self) -> Iterable[Container]:
        """Nothing that is large."""
        return ()


@dataclass(slots=True)
class Collection:
    """A bundle that is open, or closed and not yet committed."""

    flags: int
    opened_by: bytes  # the message: what an error about all of it refers to
    used: float
    is_closed: bool = False
    messages: list[Pending] = field(default_factory=list)

    def containers(self) -> Iterator[Container]:
        """What is left when it is gone."""
        for pending in self.messages:
            yield from pending.containers()
        yield self.messages
