"""The device types that this machine offers, for dpif's registry."""

from __future__ import annotations

from vswitch.dpif.registry import Registry
from vswitch.netdev import internal, tap
from vswitch.netdev.dummy import DummyDevices
from vswitch.netdev.linux import Kernel, LinuxDevice


def register_linux(registry: Registry) -> Kernel:
    """Offer the kernel's devices, those of the network namespace that this thread is in."""
    kernel = Kernel()
    registry.netdevs["system"] = registry.netdevs[""] = lambda name, options: LinuxDevice(name, kernel)
    registry.netdevs["internal"] = lambda name, options: internal.InternalDevice(name, kernel)
    registry.netdevs["tap"] = lambda name, options: tap.TapDevice(name, kernel)
    return kernel


def register_dummies(registry: Registry, dummies: DummyDevices) -> None:
    """Offer devices in memory."""
    registry.netdevs["dummy"] = lambda name, options: dummies.open(name, options)
    registry.netdevs["dummy-internal"] = lambda name, options: dummies.open(name, options, "dummy-internal")
