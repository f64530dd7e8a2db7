"""The rules of ovs-xapi-sync, case by case."""

from __future__ import annotations

import pytest

from vswitch.xenserver.lookups import NetworkAnswer
from vswitch.xenserver.sync_rules import BridgeChange, bridge_id, bridge_settings, interface_ids

MODE, BAND = "vswitch-controller-fail-mode", "vswitch-disable-in-band"
SETTINGS = [
    # network, pool, classic, current
    (None, {MODE: "secure"}, BridgeChange(), BridgeChange()),
    ({}, {}, ("standalone", None), (None, None)),
    ({}, {MODE: "secure"}, ("secure", None), (None, None)),
    ({MODE: "secure"}, {}, ("secure", None), ("secure", None)),
    ({MODE: "standalone"}, {MODE: "secure"}, ("standalone", None), ("standalone", None)),
    ({MODE: "junk"}, {MODE: "secure"}, ("standalone", None), (None, None)),
    ({BAND: "true"}, {}, ("standalone", "true"), (None, "true")),
    ({BAND: "false"}, {}, ("standalone", "false"), (None, "false")),
]


@pytest.mark.parametrize(("network", "of_pool", "classic", "current"), SETTINGS)
def test_settings(network, of_pool, classic, current) -> None:
    for is_current, expected in ((False, classic), (True, current)):
        if isinstance(expected, tuple):
            expected = BridgeChange(expected[0], {"disable-in-band": expected[1]})
        answer = NetworkAnswer("U", network, of_pool)
        assert bridge_settings(answer, is_current=is_current, tell=pytest.fail) == expected


def test_an_in_band_setting_that_is_none() -> None:
    told: list[str] = []
    answer = NetworkAnswer("U", {BAND: "maybe"}, {})
    assert bridge_settings(answer, is_current=False, tell=told.append) == BridgeChange("standalone")
    assert told == [f"{BAND}=maybe is not valid: left as it is"]


IDS = [
    # network's UUID and options, xs-network-uuids, classic, current
    ("U", {"nicira-bridge-id": "X"}, "U;W", "X", "X"),
    ("U", {}, "U", "U", "U"),
    ("U", {}, "W;U", "U", "U"),
    ("U", {}, "W;V", "W", ""),
    ("", None, "W", "W", "W"),
    ("U", {}, "", None, None),
]


@pytest.mark.parametrize(("uuid", "options", "uuids", "classic", "current"), IDS)
def test_bridge_ids(uuid, options, uuids, classic, current) -> None:
    answer, ids = NetworkAnswer(uuid, options), {"xs-network-uuids": uuids} if uuids else {}
    assert bridge_id(answer, ids, is_current=False) == {"bridge-id": classic}
    assert bridge_id(answer, ids, is_current=True) == {"bridge-id": current}


@pytest.mark.parametrize("is_current", [False, True])
def test_the_bridge_id_of_somebody_elses_bridge_stays(is_current: bool) -> None:
    assert bridge_id(NetworkAnswer(), {"bridge-id": "theirs"}, is_current=is_current) == {}


def test_without_an_answer_a_bridge_id_stays() -> None:
    assert bridge_id(None, {"xs-network-uuids": "U"}, is_current=False) == {}


FOUR = {"attached-mac": "A", "xs-network-uuid": "W", "xs-vif-uuid": "V", "xs-vm-uuid": "M"}
VIFS, VMS = {"V": {"nicira-iface-id": "I"}, "P": {}}, {"M": {"nicira-vm-id": "MM"}, "N": {}}


def test_a_vif_alone() -> None:
    got = interface_ids({"vif1.0": FOUR}, VIFS, VMS, is_current=False)
    assert got == {"vif1.0": {"iface-id": "I", "vm-id": "MM", "iface-status": "active"}}


def test_ids_default_to_uuids() -> None:
    ids = {"xs-vif-uuid": "P", "xs-vm-uuid": "N"}
    got = interface_ids({"vif1.0": ids}, VIFS, VMS, is_current=False)
    assert got == {"vif1.0": {"iface-id": "P", "vm-id": "N", "iface-status": "active"}}


def test_a_vif_with_its_tap() -> None:
    got = interface_ids({"vif1.0": FOUR, "tap1.0": {}}, VIFS, VMS, is_current=False)
    assert got["vif1.0"]["iface-status"] == "inactive"
    assert got["tap1.0"] == FOUR | {"iface-id": "I", "vm-id": "MM", "iface-status": "active"}


def test_what_the_vif_lacks_the_tap_loses() -> None:
    got = interface_ids({"vif1.0": {}, "tap1.0": FOUR}, VIFS, VMS, is_current=False)
    assert got["tap1.0"] == dict.fromkeys([*FOUR, "iface-id", "vm-id"]) | {"iface-status": "active"}


def test_a_tap_alone_has_no_status() -> None:
    got = interface_ids({"tap1.0": FOUR, "vif11.0": {}}, VIFS, VMS, is_current=False)
    assert got["tap1.0"] == {"iface-id": "I", "vm-id": "MM", "iface-status": None}


def test_without_answers_ids_stay() -> None:
    got = interface_ids({"vif1.0": FOUR}, {}, {}, is_current=False)
    assert got == {"vif1.0": {"iface-status": "active"}}


def test_other_interfaces_are_left_alone() -> None:
    got = interface_ids(
        {"eth0": {"iface-id": "mine"}, "veth1": {"xs-vif-uuid": "Q"}}, VIFS, VMS, is_current=False
    )
    assert got == {"eth0": {}, "veth1": {"iface-id": "Q"}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"neutron-port-uuid": "N", "nicira-iface-id": "I"}, "N"),
        ({"nicira-iface-id": "I"}, "I"),
        ({}, None),
    ],
)
def test_a_current_host_has_neutron_ports_only(options: dict[str, str], expected: str | None) -> None:
    got = interface_ids({"vif1.0": FOUR, "tap1.0": FOUR}, {"V": options}, VMS, is_current=True)
    assert got == {"vif1.0": {"neutron-port-uuid": expected}}
