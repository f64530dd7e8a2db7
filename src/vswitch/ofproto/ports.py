"""The ports of a switch by number, and the bundles that they make by name.

Numbers of ports that went are avoided for an hour: somebody may still have rules for them.

Sources: ovs-vswitchd.conf.db(5), Interface: ofport_request; OpenFlow 1.5.1, 4 (ports), 7.2.1 and 7.4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OFPP_LOCAL, OFPP_MAX, OfPort
from vswitch.ofproto.port import Bundle, SwitchPort
from vswitch.ofproto.settings import PriorityTags, VlanMode
from vswitch.ofproto.wiring import Wiring
from vswitch.openflow.messages.port import (
    OFPPC_PORT_DOWN,
    OFPPR_ADD,
    OFPPR_DELETE,
    OFPPR_MODIFY,
    OFPPS11_LIVE,
    OFPPS_LINK_DOWN,
)
from vswitch.openflow.names import Names
from vswitch.protocols.mac_learning import MacTable

MAX_AUTOMATIC_PORT = 32768  # the upper half of the numbers is for those who ask for one
PORT_REUSE_DELAY = 3600.0  # seconds in which the number of a removed port is avoided

S = TypeVar("S")  # what has ports: a switch


class Ports(dict[OfPort, SwitchPort], Generic[S]):
    """The ports of `owner`; controllers hear of changes by `tell`, with an OFPPR_*, and `note` knows how to undo them."""

    def __init__(
        self,
        owner: S,
        wiring: Wiring[S],
        tell: Callable[[SwitchPort, int], None],
        note: Callable[[Callable[[], None]], None],
    ) -> None:
        super().__init__()
        self._owner = owner
        self._wiring = wiring
        self._tell = tell
        self._note = note
        self._names: Names | None = None
        self._left: dict[OfPort, float] = {}  # numbers of removed ports, and when they went
        self._last_number = 0

    def choose_number(self, requested: OfPort | None, now: float) -> OfPort | None:
        """A free OpenFlow number for a new port: `requested` if it can be had.  None: all are taken."""
        if requested is not None and 0 < requested < OFPP_MAX and requested not in self:
            return requested
        oldest: OfPort | None = None
        for step in range(1, MAX_AUTOMATIC_PORT):
            number = OfPort((self._last_number + step - 1) % (MAX_AUTOMATIC_PORT - 1) + 1)
            if number in self:
                continue
            left = self._left.get(number)
            if left is None or left < now - PORT_REUSE_DELAY:
                self._last_number = number
                return number
            if oldest is None or left < self._left[oldest]:
                oldest = number
        return oldest

    def add(self, port: SwitchPort, now: float) -> None:
        """Attach `port`, whose number is free."""
        assert port.number not in self
        port.created = now
        self[port.number] = port
        self._names = None
        self._wiring.attach(self._owner, port)
        self._tell(port, OFPPR_ADD)

    def remove(self, number: OfPort, now: float) -> None:
        """Detach a port, which is in no bundle any more."""
        port = self.pop(number)
        self._names = None
        self._wiring.detach(port)
        if number != OFPP_LOCAL:
            self._left[number] = now
        self._tell(port, OFPPR_DELETE)

    def change(
        self,
        number: OfPort,
        *,
        odp_port: OdpPort | None = None,
        mac: int | None = None,
        up: bool | None = None,
        carrier: bool | None = None,
        mtu: int | None = None,
        speed: int | None = None,
        full_duplex: bool | None = None,
        medium: int | None = None,
        advertised: int | None = None,
        supported: int | None = None,
        peer: str | None = None,
    ) -> None:
        """The device under a port is different in what is given; controllers hear of what concerns them."""
        port = self[number]
        before = port.describe()
        if odp_port is not None and odp_port != port.odp_port:
            self._rewire(port, odp_port, port.peer)
        if peer is not None and peer != port.peer:
            self._rewire(port, None if peer else port.odp_port, peer)
        if mac is not None:
            port.mac = mac
        if up is not None:
            port.config = port.config & ~OFPPC_PORT_DOWN | (0 if up else OFPPC_PORT_DOWN)
        if carrier is not None:
            live = OFPPS11_LIVE if carrier else OFPPS_LINK_DOWN
            port.state = port.state & ~(OFPPS_LINK_DOWN | OFPPS11_LIVE) | live
        port.mtu = port.mtu if mtu is None else mtu
        port.speed = port.speed if speed is None else speed
        port.full_duplex = port.full_duplex if full_duplex is None else full_duplex
        port.medium = port.medium if medium is None else medium
        port.advertised = port.advertised if advertised is None else advertised
        port.supported = port.supported if supported is None else supported
        after = port.describe()
        if (after.config, after.state) != (before.config, before.state):
            self._wiring.changes.everything = True  # groups may watch it
        if after != before:
            self._tell(port, OFPPR_MODIFY)

    def set_config(self, port: SwitchPort, config: int) -> None:
        """Change a port's OFPPC_* bits, as a controller asked."""
        if config == port.config:
            return
        self._note(partial(self._restore_config, port, port.config))
        self._restore_config(port, config)
        self._tell(port, OFPPR_MODIFY)

    def _restore_config(self, port: SwitchPort, config: int) -> None:
        port.config = config
        self._wiring.changes.everything = True

    def _rewire(self, port: SwitchPort, odp_port: OdpPort | None, peer: str) -> None:
        self._wiring.detach(port)
        port.odp_port, port.peer = odp_port, peer
        self._wiring.attach(self._owner, port)

    def in_order(self) -> list[SwitchPort]:
        """All ports, the local one first, the others by number."""
        return sorted(self.values(), key=lambda port: -1 if port.number == OFPP_LOCAL else port.number)

    @property
    def names(self) -> Names:
        """The ports' names, with which actions read."""
        if self._names is None:
            self._names = Names({port.name: port.number for port in self.values()})
        return self._names


class Bundles(dict[str, Bundle], Generic[S]):
    """The bundles that `ports` make.  What was learned on one is forgotten when it changes."""

    def __init__(self, ports: Ports[S], macs: MacTable[Bundle], wiring: Wiring[S]) -> None:
        super().__init__()
        self._ports = ports
        self._macs = macs
        self._wiring = wiring

    def make(
        self,
        name: str,
        ports: list[OfPort],
        vlan_mode: VlanMode = VlanMode.TRUNK,
        tag: int = 0,
        trunks: frozenset[int] = frozenset(),
        priority_tags: PriorityTags = PriorityTags.NO,
        protected: bool = False,
    ) -> Bundle:
        """Make the bundle `name`, or change it into this."""
        bundle = self.get(name)
        if bundle is None:
            bundle = self[name] = Bundle(name)
            self._wiring.changes.everything = True
        members = [self._ports[number] for number in ports]
        for port in bundle.ports:
            if port not in members:
                port.bundle = None
        for port in members:
            if port.bundle is not bundle:
                self.leave(port)
            port.bundle = bundle
        before = bundle.settings
        bundle.ports, bundle.vlan_mode, bundle.tag, bundle.trunks = members, vlan_mode, tag, trunks
        bundle.priority_tags, bundle.protected = priority_tags, protected
        if bundle.settings != before:
            self._changed(bundle)
        return bundle

    def dissolve(self, name: str) -> None:
        """Remove a bundle; its ports stay."""
        bundle = self.pop(name)
        for port in bundle.ports:
            port.bundle = None
        self._changed(bundle)

    def leave(self, port: SwitchPort) -> None:
        """Take `port` out of its bundle, if it is in one."""
        bundle = port.bundle
        if bundle is None:
            return
        bundle.ports.remove(port)
        port.bundle = None
        self._wiring.changes.everything = True
        if not bundle.ports:
            self._changed(bundle)

    def _changed(self, bundle: Bundle) -> None:
        self._macs.forget_port(bundle)
        self._wiring.changes.everything = True
