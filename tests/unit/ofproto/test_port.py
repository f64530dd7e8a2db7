"""One port, and one bundle."""

from __future__ import annotations

import pytest

from vswitch.dpif.netdev import NetdevStats
from vswitch.flow.ports import OfPort
from vswitch.ofproto.port import Bundle, SwitchPort, features_of
from vswitch.ofproto.settings import VlanMode
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC_NO_FWD,
    OFPPF_1GB_FD,
    OFPPF_1TB_FD,
    OFPPF_10GB_FD,
    OFPPF_10MB_FD,
    OFPPF_10MB_HD,
    OFPPF_40GB_FD,
    OFPPF_100GB_FD,
    OFPPF_100MB_HD,
    OFPPF_COPPER,
    OFPPF_OTHER,
)

MBIT = 1_000_000


@pytest.mark.parametrize(
    ("mbit", "full_duplex", "features"),
    [
        (0, None, 0),
        (0, True, 0),
        (10, True, OFPPF_10MB_FD),
        (10, False, OFPPF_10MB_HD),
        (100, False, OFPPF_100MB_HD),
        (1000, None, OFPPF_1GB_FD),  # nobody knows: it will not be half
        (10_000, True, OFPPF_10GB_FD),
        (10_000, False, OFPPF_OTHER),  # there is no bit for that
        (40_000, True, OFPPF_40GB_FD),
        (100_000, True, OFPPF_100GB_FD),
        (1_000_000, True, OFPPF_1TB_FD),
        (25_000, True, OFPPF_OTHER),
    ],
)
def test_speeds_as_bits(mbit: int, full_duplex: bool | None, features: int) -> None:
    assert features_of(mbit * MBIT, full_duplex) == features


def test_controllers_are_told_of_a_port_in_kbits() -> None:
    port = SwitchPort(OfPort(3), "p3", 0xAA, config=OFPPC_NO_FWD, state=1, speed=10_000 * MBIT)
    port.supported, port.medium = OFPPF_10GB_FD | OFPPF_1GB_FD, OFPPF_COPPER
    told = port.describe()
    assert (told.port_no, told.hw_addr, told.name) == (3, 0xAA, "p3")
    assert (told.config, told.state, told.curr) == (OFPPC_NO_FWD, 1, OFPPF_10GB_FD | OFPPF_COPPER)
    assert (told.curr_speed, told.max_speed) == (10_000_000, 10_000_000)


def test_a_port_has_carried_what_its_device_has_and_a_patch_what_we_saw() -> None:
    port = SwitchPort(OfPort(1), "p", 0)
    port.received.packets, port.received.bytes, port.sent.packets, port.sent.bytes = 1, 60, 2, 160
    stats = port.stats()
    assert (stats.rx_packets, stats.rx_bytes, stats.tx_packets, stats.tx_bytes) == (1, 60, 2, 160)
    port.read_stats = lambda: NetdevStats(rx_packets=7, rx_dropped=1)
    assert port.stats() == NetdevStats(rx_packets=7, rx_dropped=1)


@pytest.mark.parametrize(
    ("mode", "tag", "trunks", "carried"),
    [
        (VlanMode.TRUNK, 0, (), {0, 5, 7}),
        (VlanMode.TRUNK, 0, (5,), {5}),  # and nothing without a tag
        (VlanMode.TRUNK, 0, (0, 5), {0, 5}),
        (VlanMode.ACCESS, 5, (), {5}),
        (VlanMode.ACCESS, 5, (7,), {5}),
        (VlanMode.NATIVE_TAGGED, 5, (), {5, 7}),
        (VlanMode.NATIVE_TAGGED, 5, (7,), {5, 7}),
        (VlanMode.NATIVE_UNTAGGED, 5, (9,), {5}),
        (VlanMode.NATIVE_UNTAGGED, 0, (), {0, 5, 7}),
        (VlanMode.NATIVE_UNTAGGED, 0, (7,), {7}),
        (VlanMode.NATIVE_TAGGED, 0, (0, 7), {0, 7}),
    ],
)
def test_vlans_that_a_bundle_carries(
    mode: VlanMode, tag: int, trunks: tuple[int, ...], carried: set[int]
) -> None:
    bundle = Bundle("b", vlan_mode=mode, tag=tag, trunks=frozenset(trunks))
    assert {vlan for vlan in (0, 5, 7) if bundle.carries(vlan)} == carried


def test_one_member_that_does_not_flood_keeps_the_bundle_from_it() -> None:
    members = [SwitchPort(OfPort(number), f"p{number}", 0) for number in (1, 2)]
    bundle = Bundle("b", members)
    assert bundle.floods
    members[1].config = OFPPC10_NO_FLOOD
    assert not bundle.floods


def test_settings_are_all_that_a_user_sets() -> None:
    bundle = Bundle("b")
    seen = {repr(bundle.settings)}
    for change in (
        lambda: setattr(bundle, "vlan_mode", VlanMode.ACCESS),
        lambda: setattr(bundle, "tag", 5),
        lambda: setattr(bundle, "trunks", frozenset({5})),
        lambda: setattr(bundle, "protected", True),
        lambda: bundle.ports.append(SwitchPort(OfPort(1), "p", 0)),
    ):
        change()
        seen.add(repr(bundle.settings))
    assert len(seen) == 6
