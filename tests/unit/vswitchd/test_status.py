"""What the switch tells the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.cli.vsctl_lines import Line
from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, with_rig
from tests.unit.vswitchd.rows import TABLES
from vswitch.base.jsontype import Json
from vswitch.openflow.message import encode
from vswitch.openflow.messages.hello import Hello
from vswitch.openflow.version import OF13
from vswitch.vswitchd.status import (
    ABSENT,
    statistics,
    write_configuration,
    write_statistics,
    write_status,
)

pytestmark = pytest.mark.usefixtures("rundir")

ONE = ["add-br br0", DUMMY, *dummy_port("p1"), "set interface p1 ofport_request=1"]
PATCH = ["add-port br0 a", "set interface a type=patch options:peer=b ofport_request=7"]
BROKEN = ["add-port br0 bad", "set interface bad type=nonsense"]


IDENTITY = {"uuid", "table"}


class Told:
    """What is written about a switch that wants what `commands` say."""

    def __init__(self, rig: Rig, *commands: str) -> None:
        self.rig = rig
        self.line = Line()
        for command in commands:
            self.line.run(*command.split())
        for table in TABLES:
            for row in self.line.transaction.rows(table):
                settled = {name: self.line.transaction.get(row, name) for name in vars(row).keys() - IDENTITY}
                vars(row).update(settled)  # as a replica has it when the server has agreed

    def interface(self, name: str, column: str) -> Json:
        transaction = self.line.transaction
        [row] = [row for row in transaction.rows("Interface") if transaction.get(row, "name") == name]
        return transaction.get(row, column)

    def only(self, table: str, column: str) -> Json:
        [row] = self.line.transaction.rows(table)
        return self.line.transaction.get(row, column)


async def told(rig: Rig, *commands: str) -> Told:
    await rig.want(*commands)
    return Told(rig, *commands)


def test_what_a_reconfiguration_came_to() -> None:
    async def test(rig: Rig) -> None:
        said = await told(rig, *ONE, *PATCH, *BROKEN, "set open_vswitch . next_cfg=5")
        write_configuration(said.line.transaction, rig.vswitch)
        assert said.only("Open_vSwitch", "cur_cfg") == 5
        assert "dummy" in said.only("Open_vSwitch", "datapath_types")
        assert "patch" in said.only("Open_vSwitch", "iface_types")
        assert said.only("Bridge", "datapath_id") == f"{rig.br0.switch.datapath_id:016x}"
        assert [said.interface(name, "ofport") for name in ("br0", "p1", "a", "bad")] == [65534, 1, 7, -1]
        assert [said.interface(name, "error") for name in ("br0", "p1")] == [None, None]
        assert said.interface("a", "error") == "No usable peer 'b' exists in 'dummy' datapath."
        assert said.interface("bad", "error").startswith("could not open network device bad (")

    with_rig(test)


def test_patch_ports_that_have_a_peer_have_no_error() -> None:
    async def test(rig: Rig) -> None:
        said = await told(rig, *ONE, *PATCH, "add-port br0 b", "set interface b type=patch options:peer=a")
        write_configuration(said.line.transaction, rig.vswitch)
        assert said.interface("a", "error") is None

    with_rig(test)


def test_what_devices_are_like() -> None:
    async def test(rig: Rig) -> None:
        before = "set interface bad mtu=9 link_state=up status:driver_name=x"  # when it worked
        said = await told(rig, *ONE, *PATCH, *BROKEN, before)
        rig.device("p1").set_up(False)
        write_status(said.line.transaction, rig.vswitch, asyncio.get_running_loop().time())
        state = rig.device("p1").state()
        mac = ":".join(f"{byte:02x}" for byte in state.mac.to_bytes(6, "big"))
        assert (said.interface("p1", "mac_in_use"), said.interface("p1", "mtu")) == (mac, 1500)
        assert said.interface("p1", "admin_state") == "down"
        assert said.interface("br0", "admin_state") == "up"
        assert said.interface("p1", "link_speed") is None  # nobody knows
        assert (said.interface("a", "link_state"), said.interface("a", "ifindex")) == ("up", 0)
        assert {name: said.interface("bad", name) for name in ABSENT} == ABSENT

    with_rig(test)


def test_controllers_that_are_there_and_have_gone(rundir: Path) -> None:
    async def test(rig: Rig) -> None:
        said = await told(rig, *ONE, f"set-controller br0 punix:{rundir}/listener")
        write_status(said.line.transaction, rig.vswitch, asyncio.get_running_loop().time())
        assert said.only("Controller", "is_connected") is False
        assert said.only("Controller", "role") is None
        reader, writer = await asyncio.open_unix_connection(f"{rundir}/listener")
        writer.write(encode(Hello(frozenset({OF13})), OF13))
        await reader.readexactly(8)
        while not said.only("Controller", "is_connected"):
            await asyncio.sleep(0)
            write_status(said.line.transaction, rig.vswitch, asyncio.get_running_loop().time())
        assert said.only("Controller", "role") == "other"
        assert said.only("Controller", "status")["state"] == "ACTIVE"
        writer.close()
        while said.only("Controller", "is_connected"):
            await asyncio.sleep(0)
            write_status(said.line.transaction, rig.vswitch, asyncio.get_running_loop().time())
        assert said.only("Controller", "role") is None
        assert "sec_since_disconnect" in said.only("Controller", "status")

    with_rig(test)


def test_what_interfaces_have_carried() -> None:
    async def test(rig: Rig) -> None:
        said = await told(rig, *ONE, *PATCH, *BROKEN)
        await rig.receive("p1", 5)
        write_statistics(said.line.transaction, rig.vswitch)
        carried = said.interface("p1", "statistics")
        assert (carried["rx_packets"], carried["rx_bytes"]) == (1, 60)
        assert said.interface("bad", "statistics") == {}
        assert said.only("Open_vSwitch", "statistics") == {}

    with_rig(test)


def test_patch_ports_have_carried_what_the_switch_has_seen() -> None:
    async def test(rig: Rig) -> None:
        second = ["add-br br1", "set bridge br1 datapath_type=dummy", *dummy_port("p2", "br1")]
        ends = ["add-port br1 b", "set interface b type=patch options:peer=a"]
        await rig.want(*ONE, *PATCH, *second, *ends)
        await rig.receive("p1", 5)
        assert statistics(rig.br0, rig.br0.interfaces["a"]) == {
            "rx_bytes": 0, "rx_packets": 0, "tx_bytes": 60, "tx_packets": 1
        }  # fmt: skip
        br1 = rig.vswitch.bridges["br1"]
        assert statistics(br1, br1.interfaces["b"])["rx_packets"] == 1

    with_rig(test)


def test_this_machine_is_told_of_if_that_is_asked_for() -> None:
    async def test(rig: Rig) -> None:
        said = await told(rig, *ONE, "set open_vswitch . other_config:enable-statistics=true")
        write_statistics(said.line.transaction, rig.vswitch)
        assert "cpu" in said.only("Open_vSwitch", "statistics")

    with_rig(test)
