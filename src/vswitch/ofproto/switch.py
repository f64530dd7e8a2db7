"""A switch: ports, bundles, tables, learned addresses and channels, under one OpenFlow datapath id."""

from __future__ import annotations

import enum

from vswitch.dpif.ports import OdpPort
from vswitch.ofproto.channel import Channel
from vswitch.ofproto.command import ConnectionId
from vswitch.ofproto.port import Bundle, SwitchPort, VlanMode
from vswitch.openflow.ports import OfPort
from vswitch.protocols.mac_learning import MacTable


class FailMode(enum.Enum):
    """What a switch does without a controller (ovs-vswitchd.conf.db(5), Bridge: fail_mode)."""

    STANDALONE = "standalone"
    SECURE = "secure"


class Switch:
    """One OpenFlow switch; Open vSwitch calls it a bridge or an ofproto.  Its `Backer` makes it."""

    name: str
    datapath_id: int
    ports: dict[OfPort, SwitchPort]
    bundles: dict[str, Bundle]
    macs: MacTable[Bundle]
    channels: dict[ConnectionId, Channel]
    fail_mode: FailMode
    forward_bpdu: bool

    def choose_port_number(self, name: str, requested: OfPort | None, now: float) -> OfPort | None:
        """The OpenFlow number for a port called `name`; None: all are taken."""

    def add_port(self, port: SwitchPort, now: float) -> None:
        """Attach `port`; the controllers hear of it."""

    def remove_port(self, number: OfPort, now: float) -> None:
        """Detach a port; it leaves its bundle too."""

    def update_port(
        self,
        number: OfPort,
        now: float,
        *,
        odp_port: OdpPort | None = None,
        mac: int | None = None,
        up: bool | None = None,
        carrier: bool | None = None,
        mtu: int | None = None,
        speed: int | None = None,
        full_duplex: bool | None = None,
        peer: str | None = None,
    ) -> None:
        """The device under a port has changed; the controllers hear what concerns them."""

    def set_bundle(
        self,
        name: str,
        ports: list[OfPort],
        vlan_mode: VlanMode = VlanMode.TRUNK,
        tag: int = 0,
        trunks: frozenset[int] = frozenset(),
    ) -> Bundle:
        """Make or change the bundle `name`."""

    def remove_bundle(self, name: str) -> None:
        """Dissolve a bundle; what was learned on it is forgotten."""

    def configure(self, *, fail_mode: FailMode, has_controllers: bool, now: float) -> None:
        """Set what happens without controllers.  Coming to have controllers, or ceasing to, removes all rules."""
