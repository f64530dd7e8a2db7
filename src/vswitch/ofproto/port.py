"""Ports of a switch, and the bundles that give them VLANs.

A `SwitchPort` is what OpenFlow calls a port; the database calls it an Interface.  A `Bundle` is the database's Port:
one or more switch ports that are one logical link, with one VLAN configuration.  NORMAL learns and floods bundles.

Sources: ovs-vswitchd.conf.db(5), Port: vlan_mode, tag, trunks, other_config:priority-tags; OpenFlow 1.5.1, 7.2.1.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from vswitch.dpif.netdev import NetdevStats
from vswitch.dpif.ports import OdpPort
from vswitch.openflow.ports import OfPort


class VlanMode(enum.Enum):
    """Which VLANs a bundle carries, and with which tags; the values are the database's words."""

    ACCESS = "access"
    TRUNK = "trunk"
    NATIVE_TAGGED = "native-tagged"
    NATIVE_UNTAGGED = "native-untagged"
    DOT1Q_TUNNEL = "dot1q-tunnel"


class PriorityTags(enum.Enum):
    """Whether packets without a VLAN leave an access port with a tag for their priority."""

    NO = "no"
    IF_NONZERO = "if-nonzero"
    ALWAYS = "always"


@dataclass(slots=True)
class Traffic:
    """What ofproto itself has seen a port carry: the only counters that a patch port has."""

    packets: int = 0
    bytes: int = 0


def no_stats() -> NetdevStats:
    """The counters of a device that has none."""
    return NetdevStats()


@dataclass(slots=True, eq=False)
class SwitchPort:
    """A port of one switch.  `odp_port` is None for a patch port, whose other end is the port named `peer`."""

    number: OfPort
    name: str
    mac: int
    odp_port: OdpPort | None = None
    peer: str = ""
    config: int = 0  # OFPPC_* bits
    state: int = 0  # OFPPS_* bits
    may_enable: bool = True  # whether the link can be used: carrier
    mtu: int = 1500
    speed: int = 0  # bit/s; 0: unknown
    full_duplex: bool | None = None
    created: float = 0.0
    read_stats: Callable[[], NetdevStats] = no_stats
    bundle: Bundle | None = None
    received: Traffic = field(default_factory=Traffic)
    sent: Traffic = field(default_factory=Traffic)


@dataclass(slots=True, eq=False)
class Bundle:
    """One logical link of a switch.  `tag` is the access or native VLAN, `trunks` the VLANs carried; empty: all."""

    name: str
    ports: list[SwitchPort] = field(default_factory=list)
    vlan_mode: VlanMode = VlanMode.TRUNK
    tag: int = 0
    trunks: frozenset[int] = frozenset()
    priority_tags: PriorityTags = PriorityTags.NO
    protected: bool = False

    def carries(self, vlan: int) -> bool:
        """Whether packets of `vlan` (0: none) may come in and go out here."""
        match self.vlan_mode:
            case VlanMode.ACCESS:
                return vlan == self.tag
            case VlanMode.NATIVE_TAGGED | VlanMode.NATIVE_UNTAGGED if vlan == self.tag:
                return True
            case _:
                return not self.trunks or vlan in self.trunks
