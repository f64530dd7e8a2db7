"""Ports of a switch, and the bundles that give them VLANs.

A `SwitchPort` is what OpenFlow calls a port; the database calls it an Interface.  A `Bundle` is the database's Port:
one or more switch ports that are one logical link, with one VLAN configuration.  NORMAL learns and floods bundles.

Sources: ovs-vswitchd.conf.db(5), Port: vlan_mode, tag, trunks, other_config:priority-tags; OpenFlow 1.5.1, 7.2.1.
"""

from __future__ import annotations

from collections.abc import Callable

from vswitch.base.dataclass import dataclass, field
from vswitch.dpif.netdev import NetdevStats
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OfPort
from vswitch.ofproto.settings import PriorityTags, VlanMode
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPF_1GB_FD,
    OFPPF_1GB_HD,
    OFPPF_1TB_FD,
    OFPPF_10GB_FD,
    OFPPF_10MB_FD,
    OFPPF_10MB_HD,
    OFPPF_40GB_FD,
    OFPPF_100GB_FD,
    OFPPF_100MB_FD,
    OFPPF_100MB_HD,
    OFPPF_OTHER,
    OFPPS11_LIVE,
    Port,
    speed_of,
)


@dataclass(slots=True)
class Traffic:
    """What ofproto itself has seen a port carry: the only counters that a patch port has."""

    packets: int = 0
    bytes: int = 0


@dataclass(slots=True, eq=False)
class SwitchPort:
    """A port of one switch.  `odp_port` is None for a patch port, whose other end is the port named `peer`."""

    number: OfPort
    name: str
    mac: int
    odp_port: OdpPort | None = None
    peer: str = ""
    config: int = 0  # OFPPC_*
    state: int = OFPPS11_LIVE  # OFPPS_*
    mtu: int = 1500
    speed: int = 0  # bit/s; 0: unknown
    full_duplex: bool | None = None
    medium: int = 0  # OFPPF_* of the link beside its speed
    advertised: int = 0  # OFPPF_*
    supported: int = 0  # OFPPF_*
    created: float = 0.0
    read_stats: Callable[[], NetdevStats] | None = None
    read_custom: Callable[[], tuple[tuple[str, int], ...]] = tuple  # counters with names of their own
    bundle: Bundle | None = None
    received: Traffic = field(default_factory=Traffic)
    sent: Traffic = field(default_factory=Traffic)

    def describe(self) -> Port:
        """The port as controllers are told of it."""
        return Port(
            self.number,
            self.mac,
            self.name,
            self.config,
            self.state,
            curr=features_of(self.speed, self.full_duplex) | self.medium,
            advertised=self.advertised,
            supported=self.supported,
            curr_speed=self.speed // 1000,
            max_speed=speed_of(self.supported),
        )

    def stats(self) -> NetdevStats:
        """What the port has carried: its device's counters, or for a patch port our own."""
        if self.read_stats is not None:
            return self.read_stats()
        return NetdevStats.of_packets(
            rx_packets=self.received.packets,
            rx_bytes=self.received.bytes,
            tx_packets=self.sent.packets,
            tx_bytes=self.sent.bytes,
        )


_SPEEDS = {  # Mbit/s -> OFPPF_* for half and full duplex
    10: (OFPPF_10MB_HD, OFPPF_10MB_FD),
    100: (OFPPF_100MB_HD, OFPPF_100MB_FD),
    1000: (OFPPF_1GB_HD, OFPPF_1GB_FD),
    10_000: (OFPPF_OTHER, OFPPF_10GB_FD),
    40_000: (OFPPF_OTHER, OFPPF_40GB_FD),
    100_000: (OFPPF_OTHER, OFPPF_100GB_FD),
    1_000_000: (OFPPF_OTHER, OFPPF_1TB_FD),
}


def features_of(speed: int, full_duplex: bool | None) -> int:
    """The OFPPF_* bits for a link of `speed` bit/s."""
    if not speed:
        return 0
    return _SPEEDS.get(speed // 1_000_000, (OFPPF_OTHER, OFPPF_OTHER))[full_duplex is not False]


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

    @property
    def settings(self) -> tuple[object, ...]:
        """Everything that a user set."""
        return self.ports, self.vlan_mode, self.tag, self.trunks, self.priority_tags, self.protected

    def carries(self, vlan: int) -> bool:
        """Whether packets of `vlan` (0: none) may come in and go out here.

        Where untagged packets have a native VLAN, which is always carried, none is without a VLAN; a native VLAN of 0 is
        no more than a trunk's.
        """
        if self.vlan_mode is VlanMode.ACCESS:
            return vlan == self.tag
        if self.tag and self.vlan_mode in (VlanMode.NATIVE_TAGGED, VlanMode.NATIVE_UNTAGGED):
            return vlan == self.tag or (vlan != 0 and (not self.trunks or vlan in self.trunks))
        return not self.trunks or vlan in self.trunks

    @property
    def floods(self) -> bool:
        """Whether packets for everybody leave here: no member says NO_FLOOD."""
        return not any(port.config & OFPPC10_NO_FLOOD for port in self.ports)
