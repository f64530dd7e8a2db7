"""Which switch has which port."""

from __future__ import annotations

import pytest

from vswitch.dpif.datapath import Support
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OfPort
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.wiring import Changes, Wiring


@pytest.fixture
def wiring() -> Wiring[str]:
    return Wiring(Support())


def port(name: str, odp: int | None = None, peer: str = "") -> SwitchPort:
    return SwitchPort(OfPort(1), name, 0, None if odp is None else OdpPort(odp), peer)


def test_a_port_is_found_by_its_number_until_it_is_detached(wiring: Wiring[str]) -> None:
    one = port("p1", 7)
    wiring.attach("br0", one)
    assert wiring.owner(OdpPort(7)) == ("br0", one)
    assert wiring.owner(OdpPort(8)) is None
    assert list(wiring) == [("br0", one)]
    wiring.detach(one)
    assert wiring.owner(OdpPort(7)) is None
    assert list(wiring) == []


@pytest.mark.parametrize("coming", [True, False])
def test_megaflows_may_be_wrong_when_a_port_comes_or_goes(wiring: Wiring[str], coming: bool) -> None:
    one = port("p1", 7)
    if not coming:
        wiring.attach("br0", one)
    wiring.changes = Changes()
    (wiring.attach("br0", one) if coming else wiring.detach(one))
    assert wiring.changes.everything


def test_detaching_what_is_not_attached_does_nothing(wiring: Wiring[str]) -> None:
    one = port("p1", 7)
    wiring.attach("br0", one)
    wiring.detach(port("p2", 8))
    wiring.detach(port("p3"))
    assert wiring.owner(OdpPort(7)) == ("br0", one)


def test_patch_ports_are_two_that_name_each_other(wiring: Wiring[str]) -> None:
    one, other = port("a", peer="b"), port("b", peer="a")
    wiring.attach("br0", one)
    assert wiring.peer_of(one) is None  # there is no other yet
    wiring.attach("br1", other)
    assert wiring.peer_of(one) == ("br1", other)
    assert wiring.peer_of(other) == ("br0", one)
    third = port("c", peer="a")
    wiring.attach("br2", third)
    assert wiring.peer_of(third) is None  # a has another peer
    assert wiring.peer_of(port("d")) is None  # no patch port at all
