"""What has to happen so that reality becomes what the database wants: desired against actual, as a list of steps.

`plan` is a pure function; `Vswitch` (vswitch.py) performs its steps.  Removals come before additions, so that names and
numbers are free when they are wanted again; interfaces that ask for an OpenFlow port number come before those that
take what is left.

Sources: ovs-vswitchd.conf.db(5), Interface: ofport_request, type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from vswitch.base.dataclass import dataclass
from vswitch.flow.ports import OfPort
from vswitch.vswitchd.bridge import BridgeConfig, Config, InterfaceConfig
from vswitch.vswitchd.order import in_table_order


@dataclass(frozen=True, slots=True)
class RemoveBridge:
    """Take a bridge down with everything on it."""

    bridge: str


@dataclass(frozen=True, slots=True)
class RemoveInterface:
    """Take one interface out of its bridge."""

    bridge: str
    interface: str


@dataclass(frozen=True, slots=True)
class AddBridge:
    """Make a bridge, as yet without ports."""

    config: BridgeConfig


@dataclass(frozen=True, slots=True)
class AddInterface:
    """Open a device and make it a port; that may fail, and then the interface says why."""

    bridge: str
    config: InterfaceConfig


@dataclass(frozen=True, slots=True)
class Configure:
    """Give a bridge that has its ports all other settings: VLANs, addresses, controllers."""

    config: BridgeConfig


Step = RemoveBridge | RemoveInterface | AddBridge | AddInterface | Configure


class ActualInterface(Protocol):
    """What the plan asks of an interface that exists."""

    @property
    def config(self) -> InterfaceConfig:
        """What it was made from."""

    @property
    def ofport(self) -> OfPort:
        """Its OpenFlow port number."""

    @property
    def present(self) -> bool:
        """Whether its device is still there."""


class ActualBridge(Protocol):
    """What the plan asks of a bridge that exists."""

    @property
    def config(self) -> BridgeConfig:
        """What it was made from."""

    @property
    def interfaces(self) -> Mapping[str, ActualInterface]:
        """Its interfaces that work, by name."""


def plan(desired: Config, actual: Mapping[str, ActualBridge]) -> list[Step]:
    """The steps from `actual` to `desired`."""
    steps: list[Step] = []
    kept: dict[str, ActualBridge] = {}
    for name, bridge in actual.items():
        wanted = desired.bridges.get(name)
        if wanted is None or wanted.datapath_type != bridge.config.datapath_type:
            steps.append(RemoveBridge(name))
        else:
            kept[name] = bridge
    removed = {
        name: set(_obsolete(desired.bridges[name], bridge.interfaces)) for name, bridge in kept.items()
    }
    steps += [RemoveInterface(name, interface) for name in kept for interface in sorted(removed[name])]
    added = in_table_order(desired.bridges)
    steps += [AddBridge(desired.bridges[name]) for name in added if name not in kept]
    for name in added:
        present = kept[name].interfaces.keys() - removed[name] if name in kept else set()
        steps += (AddInterface(name, config) for config in _missing(desired.bridges[name], present))
    steps += (Configure(desired.bridges[name]) for name in added)
    return steps


def _obsolete(wanted: BridgeConfig, interfaces: Mapping[str, ActualInterface]) -> Iterator[str]:
    """The interfaces that cannot stay as they are: unwanted, gone, of another type, or with a wrong number.

    A number belongs to the interface that has it and asked for it; one that only happens to have it gives way.
    """
    configs = {interface.name: interface for _, interface in wanted.interfaces()}
    owned = {
        interface.ofport
        for name, interface in interfaces.items()
        if name in configs and configs[name].ofport_request == interface.ofport
    }
    requests = {config.ofport_request for config in configs.values()} - owned - {None}
    for name, interface in interfaces.items():
        config = configs.get(name)
        if config is None or not interface.present or config.type != interface.config.type:
            yield name
        elif interface.ofport in requests:
            yield name  # somebody else has asked for its number
        elif config.ofport_request in requests:
            yield name  # it wants another number, and can have it


def _missing(wanted: BridgeConfig, present: set[str]) -> list[InterfaceConfig]:
    """The interfaces to add, those with a claim to a number first."""
    configs = {interface.name: interface for _, interface in wanted.interfaces()}
    ports = {port.name: port for port in wanted.ports}
    ordered = [interface.name for port in in_table_order(ports) for interface in ports[port].interfaces]
    missing = [configs[name] for name in dict.fromkeys(ordered) if name not in present]
    return sorted(missing, key=lambda config: config.ofport_request is None and config.ofport_before is None)
