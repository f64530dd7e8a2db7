"""What the switches on one datapath share: who owns which datapath port, what changed, what is to be done.

Sources: ovs-vswitchd.conf.db(5), "Patch Options"; OVS Documentation/topics/design.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from vswitch.base.dataclass import dataclass, field
from vswitch.base.remains import Remains
from vswitch.dpif.datapath import Support
from vswitch.dpif.ports import OdpPort
from vswitch.flow.match import Match
from vswitch.ofproto.command import Command
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.recirculation import FrozenStates
from vswitch.ofproto.settings import BUNDLE_IDLE_TIMEOUT
from vswitch.ofproto.table import Table

S = TypeVar("S")  # what owns ports: a switch


@dataclass(slots=True)
class Changes:
    """What may have made megaflows wrong since they were last translated."""

    everything: bool = False
    rules: list[tuple[Table, Match]] = field(default_factory=list)


def same_number(queue: int) -> int:
    """The packet priority for a queue where the datapath does not care."""
    return queue


class Wiring(Generic[S]):
    """Ports of all switches by datapath number and by name, and three outboxes: changes, commands, and what is left over."""

    def __init__(self, support: Support) -> None:
        self.support = support
        self.queue_priority: Callable[[int], int] = same_number
        self.changes = Changes()
        self.frozen = FrozenStates()
        self.outbox: list[Command] = []
        self.remains = Remains()
        self.collection_timeout = BUNDLE_IDLE_TIMEOUT  # of OpenFlow's bundles, in seconds
        self.n_connections = 0  # so far
        self._by_odp: dict[OdpPort, tuple[S, SwitchPort]] = {}
        self._by_name: dict[str, tuple[S, SwitchPort]] = {}

    def attach(self, switch: S, port: SwitchPort) -> None:
        """`switch` has `port` now."""
        self._by_name[port.name] = switch, port
        if port.odp_port is not None:
            self._by_odp[port.odp_port] = switch, port
        self.changes.everything = True

    def detach(self, port: SwitchPort) -> None:
        """Nobody has `port` any more."""
        self._by_name.pop(port.name, None)
        if port.odp_port is not None:
            self._by_odp.pop(port.odp_port, None)
        self.changes.everything = True

    def owner(self, number: OdpPort) -> tuple[S, SwitchPort] | None:
        """The port with this datapath number, and the switch that it belongs to."""
        return self._by_odp.get(number)

    def peer_of(self, port: SwitchPort) -> tuple[S, SwitchPort] | None:
        """The other end of a patch port; None unless both ends name each other."""
        found = self._by_name.get(port.peer) if port.peer else None
        return found if found is not None and found[1].peer == port.name else None

    def __iter__(self) -> Iterator[tuple[S, SwitchPort]]:
        """All ports."""
        return iter(self._by_name.values())
