"""Bonds of the database: which member packets go through, and what is told of them."""

from __future__ import annotations

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, with_rig
from vswitch.base.errors import TextError
from vswitch.vswitchd.bonds import Bonds

pytestmark = pytest.mark.usefixtures("rundir")

BOND = [
    "add-br br0",
    DUMMY,
    *dummy_port("p1"),
    "add-bond br0 bond0 p8 p9",
    "set interface p8 type=dummy",
    "set interface p9 type=dummy",
]


def active(rig: Rig) -> str | None:
    """The member that packets to the bond leave by."""
    bundle = rig.br0.switch.bundles.get("bond0")
    return bundle.ports[0].name if bundle else None


def test_packets_go_through_a_member_whose_link_is_up() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        await rig.want(*BOND)
        bonds.look()
        first = active(rig)
        assert first in ("p8", "p9")
        other = "p9" if first == "p8" else "p8"
        rig.device(str(first)).set_up(False)
        bonds.look()
        assert active(rig) == other
        rig.device(other).set_up(False)
        bonds.look()
        assert active(rig) is None  # nothing leaves by the bond
        await rig.receive("p1", 5)
        assert rig.sent("p8", "p9") == [0, 0]
        rig.device(str(first)).set_up(True)
        bonds.look()
        assert active(rig) == first

    with_rig(test)


def test_the_address_of_the_active_member_is_told_when_it_is_another() -> None:
    async def test(rig: Rig) -> None:
        changes: list[int] = []
        bonds = Bonds(rig.vswitch, lambda: changes.append(1))
        await rig.want(*BOND)
        for _ in range(2):
            bonds.look()
            assert bonds.active_macs() == {"bond0": rig.device(str(active(rig))).state().mac}
            assert len(changes) == 1
        for name in ("p8", "p9"):
            rig.device(name).set_up(False)
        bonds.look()
        assert (bonds.active_macs(), len(changes)) == ({"bond0": 0}, 2)

    with_rig(test)


def test_a_primary_member_is_preferred() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        for primary in ("p9", "p8"):
            await rig.want(*BOND, f"set port bond0 other_config:bond-primary={primary}")
            bonds.look()
            assert active(rig) == primary

    with_rig(test)


def test_bonds_are_listed_and_shown() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        head = "bond\ttype\trecircID\tmembers\n"
        assert bonds.list([]) == head
        await rig.want(*BOND)
        assert bonds.list([]) == f"{head}bond0\tactive-backup\t0\tp8, p9\n"
        assert bonds.show([]) == bonds.show(["bond0"])
        assert bonds.show(["bond0"]).startswith("---- bond0 ----\nbond_mode: active-backup\n")
        assert "member p8: enabled" in bonds.show([])
        with pytest.raises(TextError, match="no such bond"):
            bonds.show(["p1"])
        await rig.want(*BOND[:4])
        assert bonds.list([]) == head

    with_rig(test)


def test_bonds_that_share_load_have_numbers_of_their_own() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        second = [each.replace("bond0", "bond1").replace("p8", "p6").replace("p9", "p7") for each in BOND[4:]]
        both = [
            *BOND,
            *second,
            "set port bond0 bond_mode=balance-slb",
            "set port bond1 bond_mode=balance-slb",
        ]
        await rig.want(*both)
        shown = bonds.list([])
        assert sorted(line.split("\t")[2] for line in shown.splitlines()[1:]) == ["1", "2"]
        assert bonds.list([]) == shown  # and keep them
        await rig.want(*both, "set port bond0 bond_mode=active-backup")
        assert "bond0\tactive-backup\t0\t" in bonds.list([])

    with_rig(test)


def test_a_member_that_does_not_work_is_none() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        await rig.want(*BOND, "set interface p9 type=nonsense")
        assert bonds.list([]).endswith("\tp8\n")
        assert active(rig) == "p8"

    with_rig(test)


def test_a_link_is_trusted_after_a_while_if_that_is_asked_for() -> None:
    async def test(rig: Rig) -> None:
        bonds = Bonds(rig.vswitch, lambda: None)
        await rig.want(
            *BOND, "set port bond0 bond_updelay=60000", "set port bond0 other_config:bond-primary=p8"
        )
        bonds.look()
        first = str(active(rig))
        other = "p9" if first == "p8" else "p8"
        rig.device(first).set_up(False)
        bonds.look()
        assert active(rig) == other
        rig.device(first).set_up(True)
        bonds.look()
        assert active(rig) == other  # not yet
        assert bonds._timer is not None
        bonds._timer.cancel()

    with_rig(test)
