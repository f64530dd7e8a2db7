"""A switch that becomes what the database wants, step by step, and what it does about devices that are not as wished."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, settled, with_rig
from vswitch.base.errors import VswitchError
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OFPP_LOCAL
from vswitch.ofproto.command import SetPortUp
from vswitch.ofproto.settings import VlanMode
from vswitch.openflow.messages.port import OFPPC_PORT_DOWN, OFPPS_LINK_DOWN
from vswitch.vswitchd.bridge import InterfaceConfig
from vswitch.vswitchd.vswitch import patch_peer

pytestmark = pytest.mark.usefixtures("rundir")

BRIDGE = ["add-br br0", DUMMY]
ONE = [*BRIDGE, *dummy_port("p1")]
TWO = [*ONE, *dummy_port("p2")]


def numbers(rig: Rig) -> dict[str, int]:
    """The OpenFlow ports of br0's interfaces."""
    return {name: interface.ofport for name, interface in rig.br0.interfaces.items()}


def names_in(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def test_bridges_and_ports_come_and_go(rundir: Path) -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO)
        assert numbers(rig) == {"br0": OFPP_LOCAL, "p1": 2, "p2": 1}  # in what order: order.py
        assert {port.name for port in rig.br0.forwarding.datapath.ports().values()} >= {"br0", "p1", "p2"}
        assert names_in(rundir) == ["br0.mgmt", "br0.snoop"]
        assert set(rig.br0.switch.bundles) == {"br0", "p1", "p2"}
        await rig.want(*ONE)
        assert numbers(rig) == {"br0": OFPP_LOCAL, "p1": 2}
        assert set(rig.br0.switch.bundles) == {"br0", "p1"}
        assert rig.platform.dummies is not None
        assert rig.platform.dummies.get("p2") is None
        await rig.want()
        assert (rig.vswitch.bridges, rig.vswitch.forwardings, rig.vswitch.n_removed) == ({}, {}, 1)
        assert names_in(rundir) == []

    with_rig(test)


def test_packets_are_switched() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, *dummy_port("p3"))
        await rig.receive("p1", 5)
        assert rig.sent("p1", "p2", "p3") == [0, 1, 1]
        await rig.receive("p2", 6, (5).to_bytes(6, "big"))
        assert rig.sent("p1", "p2", "p3") == [1, 1, 1]

    with_rig(test)


def test_vlans_are_those_of_the_database() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, *dummy_port("p3"), "set port p1 tag=5", "set port p2 tag=6", "set port p3 tag=5")
        assert rig.br0.switch.bundles["p1"].vlan_mode is VlanMode.ACCESS
        await rig.receive("p1", 5)
        assert rig.sent("p2", "p3") == [0, 1]

    with_rig(test)


def test_a_port_has_the_number_that_is_asked_for_and_leaves_it_for_a_while() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, "set interface p1 ofport_request=9")
        assert numbers(rig)["p1"] == 9
        await rig.want(*TWO, "set interface p1 ofport_request=7")
        assert numbers(rig)["p1"] == 7
        await rig.want(*BRIDGE, *dummy_port("p2"))
        await rig.want(*BRIDGE, *dummy_port("p2"), *dummy_port("p3"))
        assert numbers(rig)["p3"] not in (7, 9, numbers(rig)["p2"])

    with_rig(test)


def test_a_port_that_gets_another_device_keeps_its_number() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, "set interface p1 ofport_request=9")
        await rig.want(*TWO, "set interface p1 type=dummy-internal")
        assert rig.device("p1").type == "dummy-internal"
        assert numbers(rig)["p1"] == 9

    with_rig(test)


def test_what_a_port_had_under_an_earlier_daemon_it_has_again() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE, "set interface p1 ofport=40")
        assert numbers(rig)["p1"] == 40

    with_rig(test)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("type=nonsense", "could not open network device p9 (Address family not supported by protocol)"),
        ("type=patch", "p9: patch type requires valid 'peer' argument"),
        ("type=patch options:peer=p9", "p9: patch peer must not be self"),
    ],
)
def test_an_interface_that_cannot_be_had_says_why_until_it_can(settings: str, error: str) -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE, "add-port br0 p9", f"set interface p9 {settings}")
        assert rig.br0.errors == {"p9": error}
        assert "p1" in rig.br0.interfaces
        assert rig.vswitch.device_changed("p9")  # it may work now
        await rig.want(*ONE, *dummy_port("p9"))
        assert rig.br0.errors == {}
        assert "p9" in rig.br0.interfaces

    with_rig(test)


def test_errors_of_interfaces_that_nobody_wants_any_more_are_forgotten() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE, "add-port br0 p9", "set interface p9 type=nonsense")
        await rig.want(*ONE)
        assert rig.br0.errors == {}
        assert not rig.vswitch.device_changed("p9")

    with_rig(test)


def test_a_bridge_on_a_datapath_that_there_is_not_does_not_keep_the_others_back() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE, "add-br br1", "set bridge br1 datapath_type=nonsense")
        assert list(rig.vswitch.bridges) == ["br0"]

    with_rig(test)


def test_patch_ports_join_bridges() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(
            *ONE,
            "add-br br1",
            "set bridge br1 datapath_type=dummy",
            *dummy_port("p2", "br1"),
            "add-port br0 a",
            "set interface a type=patch options:peer=b",
            "add-port br1 b",
            "set interface b type=patch options:peer=a",
        )
        await rig.receive("p1", 5)
        assert rig.sent("p2") == [1]
        assert rig.vswitch.find_interface("b") == (
            rig.vswitch.bridges["br1"],
            rig.vswitch.bridges["br1"].interfaces["b"],
        )
        assert len(rig.vswitch.forwardings) == 1  # one datapath for both

    with_rig(test)


def test_the_peer_of_a_patch_port_is_another_port() -> None:
    assert patch_peer(InterfaceConfig("a", "patch", options={"peer": "b"})) == "b"
    with pytest.raises(VswitchError):
        patch_peer(InterfaceConfig("a", "patch", options={"peer": ""}))


def test_the_host_sends_no_more_at_once_than_every_other_port_takes() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, "set interface p2 mtu_request=1400")
        ports = {name: rig.br0.switch.ports[number].mtu for name, number in numbers(rig).items()}  # type: ignore[index]
        assert ports == {"br0": 1400, "p1": 1500, "p2": 1400}
        await rig.want(*TWO, "set interface p2 mtu_request=1400", "set interface br0 mtu_request=1300")
        assert rig.device("br0").state().mtu == 1300

    with_rig(test)


def test_addresses_of_ports_and_of_the_bridge() -> None:
    async def test(rig: Rig) -> None:
        hwaddr, datapath_id = r"other_config:hwaddr=\"02:00:00:00:00:09\"", "other_config:datapath-id=0xff"
        mac = r"set interface p1 mac=\"02:00:00:00:00:07\""
        await rig.want(*ONE, mac, f"set bridge br0 {hwaddr} {datapath_id}")
        assert rig.device("p1").state().mac == 0x020000000007
        assert rig.device("br0").state().mac == rig.br0.switch.ports[OFPP_LOCAL].mac == 0x020000000009
        assert rig.br0.switch.datapath_id == 0xFF
        await rig.want(*ONE, mac, f"set bridge br0 {hwaddr}")
        assert rig.br0.switch.datapath_id == 0x020000000009

    with_rig(test)


def test_settings_reach_the_switch_and_its_datapath() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(
            *ONE,
            "set bridge br0 other_config:mac-aging-time=20 other_config:mac-table-size=99 flood_vlans=7",
            "set bridge br0 other_config:forward-bpdu=true other_config:dp-desc=mine fail_mode=secure",
            "set open_vswitch . other_config:max-idle=700 other_config:flow-limit=55",
            "set open_vswitch . other_config:bundle-idle-timeout=3",
        )
        switch, backer = rig.br0.switch, rig.br0.forwarding.backer
        assert (switch.macs.ageing, switch.macs.size, switch.macs.flood_vlans) == (20, 99, {7})
        assert (switch.forward_bpdu, switch.description, switch.fail_mode.value) == (True, "mine", "secure")
        assert (backer.max_idle, backer.pace.limit, backer.wiring.collection_timeout) == (0.7, 55, 3.0)

    with_rig(test)


def test_a_device_that_changes_is_told_to_the_switch() -> None:
    async def test(rig: Rig) -> None:
        changes = []
        rig.vswitch.on_change = lambda: changes.append(1)
        await rig.want(*ONE)
        port = rig.br0.switch.ports[rig.br0.interfaces["p1"].ofport]
        device = rig.device("p1")
        device.set_up(False)
        assert not rig.vswitch.device_changed("p1")
        assert port.config & OFPPC_PORT_DOWN
        assert changes
        device.set_up(True)
        rig.vswitch.device_changed("p1")
        assert not port.config & (OFPPC_PORT_DOWN | OFPPS_LINK_DOWN)
        assert not rig.vswitch.device_changed("nobody")

    with_rig(test)


def test_controllers_may_take_a_port_down() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE)
        rig.br0.forwarding.perform([SetPortUp("p1", False), SetPortUp("nobody", False)])
        assert not rig.device("p1").state().up
        assert rig.br0.switch.ports[rig.br0.interfaces["p1"].ofport].config & OFPPC_PORT_DOWN

    with_rig(test)


def test_ports_that_an_earlier_daemon_left_in_the_datapath_go() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE)
        datapath = rig.br0.forwarding.datapath
        assert rig.platform.dummies is not None
        stranger = datapath.port_add(rig.platform.dummies.open("stranger", {}))
        assert stranger in datapath.ports()
        await rig.want(*ONE)
        assert stranger not in datapath.ports()
        assert OdpPort(0) in datapath.ports()  # the datapath's own

    with_rig(test)


def test_while_rules_are_restored_packets_wait() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*TWO, "set open_vswitch . other_config:flow-restore-wait=true")
        assert rig.vswitch.restoring
        await rig.receive("p1", 5)
        assert rig.sent("p2") == [0]
        await rig.want(*TWO)
        assert not rig.vswitch.restoring
        await rig.receive("p1", 5)
        assert rig.sent("p2") == [1]
        await rig.want(*TWO, "set open_vswitch . other_config:flow-restore-wait=true")
        assert not rig.vswitch.restoring  # only at the start

    with_rig(test)


def test_members_of_a_bond_that_packets_go_through() -> None:
    async def test(rig: Rig) -> None:
        bond = ["add-bond br0 bond0 p8 p9", "set interface p8 type=dummy", "set interface p9 type=dummy"]
        await rig.want(*ONE, *bond)
        bundle = rig.br0.switch.bundles["bond0"]
        rig.vswitch.choose_members({"bond0": "p9"})
        assert [port.name for port in bundle.ports] == ["p9", "p8"]
        await settled()
        await rig.receive("p1", 5)
        assert rig.sent("p8", "p9") == [0, 1]
        rig.vswitch.choose_members({"bond0": ""})
        assert "bond0" not in rig.br0.switch.bundles  # none works

    with_rig(test)


def test_what_the_bridges_hold() -> None:
    async def test(rig: Rig) -> None:
        assert rig.vswitch.memory() == {}
        await rig.want(*TWO)
        held = rig.vswitch.memory()
        assert held["ports"] == 3
        assert held["rules"] == sum(len(table) for table in rig.br0.switch.tables)

    with_rig(test)


def test_ending_leaves_devices_to_a_successor_unless_it_is_to_clean_up() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(*ONE)
        await rig.vswitch.close(cleanup=False)
        assert rig.vswitch.forwardings == {}
        assert set(rig.vswitch.bridges) == {"br0"}
        rig.vswitch.bridges.clear()

    with_rig(test)
