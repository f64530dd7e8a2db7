"""Numbers of ports, what controllers hear of them, and which bundle has which port."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vswitch.dpif.datapath import Support
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OFPP_LOCAL, OFPP_MAX, OfPort
from vswitch.ofproto.port import Bundle, SwitchPort
from vswitch.ofproto.ports import MAX_AUTOMATIC_PORT, PORT_REUSE_DELAY, Bundles, Ports
from vswitch.ofproto.settings import VlanMode
from vswitch.ofproto.wiring import Changes, Wiring
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC_PORT_DOWN,
    OFPPR_ADD,
    OFPPR_DELETE,
    OFPPR_MODIFY,
    OFPPS_LINK_DOWN,
)
from vswitch.protocols.mac_learning import MacTable


class Rig:
    """Ports of a switch of which only the name exists."""

    def __init__(self) -> None:
        self.wiring: Wiring[str] = Wiring(Support())
        self.told: list[tuple[int, int]] = []
        self.undo: list[Callable[[], None]] = []
        self.ports = Ports("br0", self.wiring, self.tell, self.undo.append)
        self.macs: MacTable[Bundle] = MacTable()
        self.bundles = Bundles(self.ports, self.macs, self.wiring)

    def tell(self, port: SwitchPort, reason: int) -> None:
        self.told.append((port.number, reason))

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.ports.add(SwitchPort(OfPort(number), f"p{number}", number, OdpPort(100 + number)), 0.0)

    def is_changed(self) -> bool:
        """Whether megaflows may be wrong since the last call."""
        changes, self.wiring.changes = self.wiring.changes, Changes()
        return changes.everything


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.add(1, 2, 3)
    made.told.clear()
    made.is_changed()
    return made


def test_numbers_that_are_asked_for_are_given_if_they_are_free_and_make_sense(rig: Rig) -> None:
    assert rig.ports.choose_number(OfPort(40_000), 0.0) == 40_000
    for wish in (None, OfPort(1), OfPort(0), OFPP_MAX, OFPP_LOCAL):
        assert rig.ports.choose_number(wish, 0.0) == 4
        rig.ports._last_number = 0


def test_numbers_go_on_upwards_and_those_of_removed_ports_rest_for_an_hour() -> None:
    rig = Rig()
    chosen = []
    for now in range(3):
        number = rig.ports.choose_number(None, float(now))
        assert number is not None
        rig.add(number)
        chosen.append(number)
    assert chosen == [1, 2, 3]
    rig.ports.remove(OfPort(1), 10.0)
    assert rig.ports.choose_number(None, 11.0) == 4
    rig.ports._last_number = MAX_AUTOMATIC_PORT - 1  # all others were given out
    assert rig.ports.choose_number(None, 11.0) == 4
    rig.ports._last_number = MAX_AUTOMATIC_PORT - 1
    assert rig.ports.choose_number(None, 11.0 + PORT_REUSE_DELAY) == 1


def test_when_all_numbers_were_used_the_one_that_rests_longest_comes_first() -> None:
    rig = Rig()
    rig.add(*range(1, MAX_AUTOMATIC_PORT))
    assert rig.ports.choose_number(None, 0.0) is None
    for number, now in ((70, 1.0), (50, 2.0), (60, 3.0)):
        rig.ports.remove(OfPort(number), now)
    assert rig.ports.choose_number(None, 4.0) == 70


def test_a_port_comes_changes_and_goes(rig: Rig) -> None:
    rig.add(9)
    assert rig.wiring.owner(OdpPort(109)) == ("br0", rig.ports[OfPort(9)])
    assert rig.ports.names.ports["p9"] == 9
    rig.ports.change(OfPort(9), up=True, mtu=9000)  # nothing that OpenFlow tells
    rig.ports.change(OfPort(9), mac=5)
    rig.ports.remove(OfPort(9), 1.0)
    assert rig.told == [(9, OFPPR_ADD), (9, OFPPR_MODIFY), (9, OFPPR_DELETE)]
    assert rig.wiring.owner(OdpPort(109)) is None
    assert "p9" not in rig.ports.names.ports


def test_what_groups_may_watch_puts_all_megaflows_in_doubt_and_nothing_else_does(rig: Rig) -> None:
    rig.ports.change(OfPort(1), up=True, carrier=True, mtu=9000, mac=7, speed=10)
    assert not rig.is_changed()
    rig.ports.change(OfPort(1), carrier=False)
    assert rig.is_changed()
    assert rig.ports[OfPort(1)].state == OFPPS_LINK_DOWN
    rig.ports.change(OfPort(1), up=False)
    assert rig.is_changed()
    assert rig.ports[OfPort(1)].config == OFPPC_PORT_DOWN


def test_a_device_that_has_another_number_in_the_datapath_is_found_under_that(rig: Rig) -> None:
    rig.ports.change(OfPort(1), odp_port=OdpPort(500))
    assert rig.wiring.owner(OdpPort(101)) is None
    assert rig.wiring.owner(OdpPort(500)) == ("br0", rig.ports[OfPort(1)])


def test_a_port_that_becomes_a_patch_leaves_the_datapath(rig: Rig) -> None:
    rig.ports.change(OfPort(1), peer="elsewhere")
    assert rig.wiring.owner(OdpPort(101)) is None
    assert rig.ports[OfPort(1)].odp_port is None


def test_a_configuration_can_be_taken_back(rig: Rig) -> None:
    port = rig.ports[OfPort(2)]
    rig.ports.set_config(port, port.config)
    assert rig.told == rig.undo == []
    rig.ports.set_config(port, OFPPC10_NO_FLOOD)
    assert (port.config, rig.told, rig.is_changed()) == (OFPPC10_NO_FLOOD, [(2, OFPPR_MODIFY)], True)
    rig.undo.pop()()
    assert (port.config, rig.is_changed()) == (0, True)


def test_ports_are_listed_with_the_local_one_first() -> None:
    rig = Rig()
    rig.add(7, 3, OFPP_LOCAL, 5)
    assert [port.number for port in rig.ports.in_order()] == [OFPP_LOCAL, 3, 5, 7]


def test_a_port_is_in_one_bundle(rig: Rig) -> None:
    one, two, three = (rig.ports[OfPort(number)] for number in (1, 2, 3))
    bond = rig.bundles.make("bond", [OfPort(1), OfPort(2)])
    other = rig.bundles.make("other", [OfPort(2), OfPort(3)])
    assert (bond.ports, other.ports) == ([one], [two, three])
    assert (one.bundle, two.bundle, three.bundle) == (bond, other, other)
    rig.bundles.make("other", [OfPort(3)])
    assert two.bundle is None
    rig.bundles.dissolve("other")
    assert three.bundle is None
    assert set(rig.bundles) == {"bond"}


def test_a_bundle_that_changes_forgets_what_was_learned_on_it(rig: Rig) -> None:
    bundle = rig.bundles.make("p1", [OfPort(1)])
    rig.macs.learn(5, 0, bundle, 0.0)
    rig.is_changed()
    assert rig.bundles.make("p1", [OfPort(1)]) is bundle
    assert (rig.macs.lookup(5, 0), rig.is_changed()) == (bundle, False)
    rig.bundles.make("p1", [OfPort(1)], VlanMode.ACCESS, 7)
    assert (rig.macs.lookup(5, 0), rig.is_changed()) == (None, True)


def test_so_does_one_that_loses_its_last_port(rig: Rig) -> None:
    bundle = rig.bundles.make("bond", [OfPort(1), OfPort(2)])
    rig.macs.learn(5, 0, bundle, 0.0)
    rig.bundles.leave(rig.ports[OfPort(1)])
    assert rig.macs.lookup(5, 0) is bundle
    rig.bundles.leave(rig.ports[OfPort(2)])
    assert rig.macs.lookup(5, 0) is None
