"""What there is: bridges and their interfaces, as they came to be of what the database wants.

Sources: ovs-vswitchd.conf.db(5), Bridge, Interface.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass, field
from vswitch.dpif.datapath import Datapath, PortCounters
from vswitch.dpif.netdev import STATISTICS, Netdev, NetdevStats
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OfPort
from vswitch.ofproto.switch import Switch
from vswitch.vswitchd.bridge import BridgeConfig, InterfaceConfig
from vswitch.vswitchd.channels import Channels
from vswitch.vswitchd.forwarding import Forwarding


@dataclass(slots=True, eq=False)
class Interface:
    """An interface that works: a port of its switch, and of the datapath unless it is a patch port."""

    config: InterfaceConfig
    ofport: OfPort
    netdev: Netdev | None = None
    odp_port: OdpPort | None = None
    present: bool = True  # whether the device is still there

    @property
    def is_internal(self) -> bool:
        """Whether the host is at the other end, so that its address and MTU are ours to choose."""
        return self.config.type == "internal"

    def stats(self, datapath: Datapath) -> NetdevStats:
        """What the device has carried, and what its datapath moved past the device's counters."""
        assert self.netdev is not None
        return self.netdev.stats().plus(self._uncounted(datapath))

    def statistics(self, datapath: Datapath) -> dict[str, int]:
        """The same as Interface.statistics shows it: those counters that this kind of device has."""
        assert self.netdev is not None
        uncounted = self._uncounted(datapath)
        return {
            name: value + (getattr(uncounted, STATISTICS[name]) if name in STATISTICS else 0)
            for name, value in sorted(self.netdev.statistics().items())
        }

    def _uncounted(self, datapath: Datapath) -> NetdevStats:
        if isinstance(datapath, PortCounters) and self.odp_port is not None:
            return datapath.port_stats(self.odp_port)
        return NetdevStats()


@dataclass(slots=True, eq=False)
class Bridge:
    """A bridge that exists.  `errors` says why the interfaces that are missing are missing."""

    config: BridgeConfig
    switch: Switch
    forwarding: Forwarding
    channels: Channels
    interfaces: dict[str, Interface] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, OfPort] = field(default_factory=dict)  # of interfaces that went, should they come back
    announced_id: int | None = None  # the datapath id that the log has

    @property
    def name(self) -> str:
        """Its name, which is also its local port's."""
        return self.config.name
