"""Members of a bond come and go."""

from __future__ import annotations

from random import Random

import pytest

from vswitch.protocols.bonding import Bond, BondConfig, BondMode, Link

DELAYS = BondConfig(updelay=2.0, downdelay=1.0)


def links(*up: bool) -> dict[str, Link]:
    return {f"eth{number}": Link(0x020000000000 + number, is_up) for number, is_up in enumerate(up)}


def enabled(bond: Bond) -> list[str]:
    return sorted(name for name, member in bond.members.items() if member.is_enabled)


def test_members_begin_as_their_links_are():
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(False, True), 0.0)
    assert (enabled(bond), bond.active) == (["eth1"], "eth1")


def test_a_link_that_goes_down_counts_after_its_delay():
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(True, True), 0.0)
    bond.look(links(False, True), 5.0)
    assert bond.active == "eth0"
    bond.look(links(False, True), 5.99)
    assert enabled(bond) == ["eth0", "eth1"]
    bond.look(links(False, True), 6.0)
    assert (enabled(bond), bond.active) == (["eth1"], "eth1")


def test_a_link_that_only_blinks_does_not_count():
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(True, True), 0.0)
    bond.look(links(False, True), 5.0)
    bond.look(links(True, True), 5.5)
    bond.look(links(True, True), 9.0)
    assert (enabled(bond), bond.active) == (["eth0", "eth1"], "eth0")


def test_what_was_due_before_somebody_looked_has_happened():
    """Nobody looks between the end of the delay and the link's return: it was disabled meanwhile."""
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(True, True), 0.0)
    bond.look(links(False, True), 5.0)
    bond.look(links(True, True), 7.0)
    assert (enabled(bond), bond.active) == (["eth1"], "eth1")
    bond.look(links(True, True), 9.0)
    assert (enabled(bond), bond.active) == (["eth0", "eth1"], "eth1")


def test_the_first_to_come_back_needs_no_delay():
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(True), 0.0)
    bond.look(links(False), 1.0)
    bond.look(links(False), 2.0)
    assert bond.active == ""
    bond.look(links(True), 3.0)
    assert bond.active == "eth0"


@pytest.mark.parametrize(
    ("mode", "active"), [(BondMode.ACTIVE_BACKUP, "eth1"), (BondMode.BALANCE_SLB, "eth0")]
)
def test_the_primary_member_is_active_whenever_it_works(mode, active):
    bond = Bond(BondConfig(mode, primary="eth1"), 1, 0.0)
    bond.look(links(True, False), 0.0)
    assert bond.active == "eth0"
    bond.look(links(True, True), 1.0)
    assert bond.active == active


@pytest.mark.parametrize("fallback", [False, True])
def test_a_bond_with_lacp_works_with_one_member(fallback):
    bond = Bond(BondConfig(BondMode.BALANCE_TCP, uses_lacp=True, fallback=fallback, primary="eth1"), 1, 0.0)
    bond.look(links(True, True), 0.0)
    assert (enabled(bond), bond.active) == (["eth0", "eth1"], "eth1")
    text = "\n".join(bond.show("bond0", 0.0))
    assert "bond_mode: balance-tcp" in text
    assert "lacp_status: configured" in text
    assert f"lacp_fallback_ab: {str(fallback).lower()}" in text
    assert "active-backup primary: eth1" in text
    assert "Recirc-ID : -1" in text


def test_a_member_that_leaves():
    bond = Bond(DELAYS, 1, 0.0)
    bond.look(links(True, True), 0.0)
    bond.look({"eth1": Link(1, True)}, 1.0)
    assert (list(bond.members), bond.active) == (["eth1"], "eth1")


def test_text():
    bond = Bond(BondConfig(BondMode.BALANCE_SLB, 31.0, 0.2, 1800.0, primary="eth7"), 3, 10.0)
    bond.look(links(True, True), 10.0)
    bond.look(links(True, False), 11.0)
    assert list(bond.show("bond0", 11.0)) == [
        "---- bond0 ----",
        "bond_mode: balance-slb",
        "bond may use recirculation: no, Recirc-ID : -1",
        "bond-hash-basis: 0",
        "lb_output action: disabled, bond-id: -1",
        "all members active: false",
        "updelay: 31000 ms",
        "downdelay: 200 ms",
        "next rebalance: 1799000 ms",
        "lacp_status: off",
        "lacp_fallback_ab: false",
        "active-backup primary: <none>",
        "active member mac: 02:00:00:00:00:00(eth0)",
        "",
        "member eth0: enabled",
        "  active member",
        "  may_enable: true",
        "",
        "member eth1: enabled",
        "  downdelay expires in 200 ms",
        "  may_enable: false",
        "",
    ]


def test_a_working_bond_always_has_an_active_member():
    rng, bond, now = Random(7), Bond(DELAYS, 1, 0.0), 0.0
    for _ in range(2000):
        now += rng.random()
        bond.look(links(*(rng.random() < 0.6 for _ in range(rng.randrange(4)))), now)
        assert bool(bond.active) == bool(enabled(bond))
        assert not bond.active or bond.members[bond.active].is_enabled
