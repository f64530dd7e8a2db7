"""What this machine offers: datapath types, device types, and which datapath is the default, and why.

Sources: ovs-vswitchd.conf.db(5), Open_vSwitch: datapath_types, iface_types; Bridge: datapath_type.
"""

from __future__ import annotations

from collections.abc import Callable

from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.registry import OpenNetdev, Registry
from vswitch.netdev.dummy import DummyDevices

log = Logger("ofproto")

# What a bridge's internal ports are on each datapath; elsewhere "internal".
INTERNAL_TYPES = {"dummy": "dummy-internal", "netdev": "tap"}


@dataclass(slots=True)
class Platform:
    """The types that a daemon can make.  `aliases` maps names of datapath types to those in the registry."""

    registry: Registry = field(default_factory=Registry)
    aliases: dict[str, str] = field(default_factory=dict)
    default_reason: str = ""  # why "system" means what it means
    dummies: DummyDevices | None = None
    close: Callable[[], None] = lambda: None
    choose_default: Callable[[], None] | None = None  # puts in what "system" is, when that is first asked

    @property
    def datapath_types(self) -> list[str]:
        """Open_vSwitch.datapath_types."""
        self._choose_default()
        return sorted({*self.registry.datapaths, *self.aliases} - {""})

    @property
    def default_datapath(self) -> str:
        """Which datapath a bridge gets that names none, and why."""
        name = self.aliases.get("system", "none") if "system" in self.datapath_types else "none"
        return f"{name}: {self.default_reason or '--disable-system leaves it to Bridge.datapath_type'}"

    @property
    def iface_types(self) -> list[str]:
        """Open_vSwitch.iface_types."""
        return sorted({*self.registry.netdevs, "patch"} - {""})

    def canonical(self, type: str) -> str:
        """The registered type that `type` stands for; raises when there is none."""
        self._choose_default()
        name = self.aliases.get(type, type)
        if name not in self.registry.datapaths:
            log.warn("unknown datapath type %s", type)
            raise VswitchError("Address family not supported by protocol")
        return name

    def _choose_default(self) -> None:
        if self.choose_default is not None:
            choose, self.choose_default = self.choose_default, None
            choose()

    def open_datapath(self, type: str) -> Datapath:
        """The one datapath of its type."""
        return self.registry.datapaths[type](f"ovs-{type}")

    def netdev(self, type: str, datapath_type: str) -> OpenNetdev | None:
        """What opens devices of `type` for a datapath."""
        if type == "internal":
            type = INTERNAL_TYPES.get(datapath_type, type)
        return self.registry.netdevs.get(type)
