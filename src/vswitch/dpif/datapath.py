"""What a datapath promises: ports, megaflows and upcalls, and nothing that thinks.

The methods are synchronous: bpf(2), netlink requests and memory answer at once, and a switch that never yields
between two steps needs no locks.  Only waiting for packets is asynchronous.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.netdev import Netdev, NetdevStats
from vswitch.dpif.ports import DatapathPort, OdpPort


class DatapathError(KernelError):
    """A datapath refused: `errno` says why, in the kernel's numbers."""


@dataclass(frozen=True, slots=True)
class Support:
    """What a datapath can do; a probe fills it in once, at open."""

    max_vlan_headers: int = 2
    masked_set: bool = True
    trunc: bool = True
    ufid: bool = True


@dataclass(frozen=True, slots=True)
class DatapathStats:
    """Counters of a datapath since it exists."""

    hit: int = 0
    missed: int = 0
    lost: int = 0  # upcalls that did not fit the queue
    flows: int = 0
    mask_hits: int = 0
    masks: int = 0


class Datapath(ABC):
    """A flow-based packet forwarder with no intelligence of its own; Open vSwitch calls it a dpif.

    Every datapath has ports, a table of megaflows, of which those that overlap do the same, and a queue of upcalls
    for packets that no megaflow matches.  Methods raise `DatapathError` on failure.
    """

    type: str
    name: str
    support: Support

    @abstractmethod
    def port_add(self, netdev: Netdev, number: OdpPort | None = None) -> OdpPort:
        """Attach `netdev`; without `number` the datapath chooses one.  EBUSY: the number is taken; EEXIST: attached."""

    @abstractmethod
    def port_del(self, number: OdpPort) -> None:
        """Detach a port.  Megaflows that name it stay until they are removed; they drop what would go there."""

    @abstractmethod
    def ports(self) -> Mapping[OdpPort, DatapathPort]:
        """All ports by number."""

    @abstractmethod
    def flow_put(self, flows: Sequence[Megaflow]) -> None:
        """Install `flows`; one with a `ufid` that is there is changed in place, and its counters go on.

        Packets meet a new one at once, or a moment later, and before a megaflow is removed after it: until then, they
        are handed up as before.  A datapath that cannot wildcard some bit matches it exactly instead.
        """

    @abstractmethod
    def flow_del(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Remove megaflows and return what each had carried, in the order asked for; None: there was none."""

    @abstractmethod
    def flow_dump(self) -> Iterator[tuple[Megaflow, FlowStats]]:
        """All megaflows, in no order.  Between two of them others may come, change and go; what went is left out."""

    @abstractmethod
    def flow_flush(self) -> None:
        """Remove all megaflows."""

    @abstractmethod
    def execute(self, executes: Sequence[Execute]) -> None:
        """Put packets through actions."""

    @abstractmethod
    def upcalls(self) -> AsyncIterator[list[Upcall]]:
        """Packets for the switch, in batches, as they come, until `close`."""

    @abstractmethod
    def stats(self) -> DatapathStats:
        """Counters."""

    @abstractmethod
    def close(self, keep: bool = False) -> None:
        """Let go.  With `keep`, a datapath that lives in the kernel goes on forwarding its megaflows."""


class PortCounters(ABC):
    """The optional family of datapaths that move packets past the counters of their ports' devices."""

    @abstractmethod
    def port_stats(self, number: OdpPort) -> NetdevStats:
        """What is to be added to what the port's device counts."""
