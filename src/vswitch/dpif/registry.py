"""Types by name: which implementation serves `Bridge.datapath_type` and `Interface.type`.

Implementations live in packages above this one; the daemon registers those that its machine can run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.netdev import Netdev

OpenDatapath = Callable[[str], Datapath]  # name -> open datapath
OpenNetdev = Callable[[str, Mapping[str, str]], Netdev]  # name, Interface.options -> open device


@dataclass(slots=True)
class Registry:
    """The datapath and device types that a daemon offers."""

    datapaths: dict[str, OpenDatapath] = field(default_factory=dict)
    netdevs: dict[str, OpenNetdev] = field(default_factory=dict)
