"""The commands about bridges: what they say, and what they change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, settled, with_rig
from vswitch.base.errors import TextError
from vswitch.vswitchd.commands import Questions

pytestmark = pytest.mark.usefixtures("rundir")

TWO = ["add-br br0", DUMMY, *dummy_port("p1"), *dummy_port("p2")]
NUMBERED = [*TWO, "set interface p1 ofport_request=1", "set interface p2 ofport_request=2"]


async def asked(rig: Rig) -> Questions:
    """The commands of a switch that has heard of one address."""
    await rig.want(*NUMBERED)
    await rig.receive("p1", 0x0A)
    return Questions(rig.vswitch)


def test_learned_addresses_are_shown_and_flushed() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        assert ask.fdb_show(["br0"]) == (
            " port  VLAN  MAC                Age\n    1     0  00:00:00:00:00:0a    0\n"
        )
        assert ask.fdb_flush([]) == "table successfully flushed\n"
        assert ask.fdb_show(["br0"]).count("\n") == 1

    with_rig(test)


def test_static_addresses_come_go_and_stay() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        mac = "00:00:00:00:00:0b"
        assert ask.fdb_add(["br0", "p2", "5", mac]) is None
        assert ask.fdb_add(["br0", "p2", "5", mac]) is None  # it is
        assert ask.fdb_add(["br0", "br0", "5", mac]) == "Overriding already existing static entry on 2\n"
        overridden = ask.fdb_add(["br0", "p2", "0", "00:00:00:00:00:0a"])
        assert overridden == "Overriding already existing dynamic entry on 1\n"
        ask.fdb_flush(["br0"])
        shown = ask.fdb_show(["br0"])
        assert f"LOCAL     5  {mac}  static\n" in shown
        ask.fdb_del(["br0", "5", mac])
        assert mac not in ask.fdb_show(["br0"])
        await rig.receive("p1", 0x0C, (0x0A).to_bytes(6, "big"))
        assert rig.sent("p2") == [2]  # the first packet, to everybody, and this

    with_rig(test)


@pytest.mark.parametrize(
    ("run", "words", "error"),
    [
        (Questions.fdb_show, ["br9"], "no such bridge"),
        (Questions.fdb_flush, ["br9"], "no such bridge"),
        (
            Questions.fdb_add,
            ["br0", "p9", "0", "0:0:0:0:0:1"],
            "software error, odp port is present but no ofp port",
        ),
        (Questions.fdb_add, ["br0", "p1", "0", "nonsense"], "bad MAC address"),
        (Questions.fdb_del, ["br0", "0", "00:00:00:00:00:0a"], "could not find static mac entry"),
        (Questions.bridge_reconnect, ["br9"], "Unknown bridge"),
    ],
)
def test_what_is_wrong_is_said(
    run: Callable[[Questions, list[str]], object], words: list[str], error: str
) -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        with pytest.raises(TextError) as caught:
            run(ask, words)
        assert str(caught.value) == error

    with_rig(test)


def test_statistics_of_learning() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        ask.fdb_add(["br0", "p2", "5", "00:00:00:00:00:0b"])
        await rig.receive("p2", 0x0A)
        shown = ask.fdb_stats_show(["br0"])
        for line in ("table: 2/8192", "static MAC entries in the table : 1", "learned MAC entries     : 1"):
            assert line in shown
        assert "port moved MAC entries  : 1" in shown
        assert ask.fdb_stats_clear([]) == "statistics successfully cleared\n"
        cleared = ask.fdb_stats_show(["br0"])
        assert cleared.count(" 0\n") == 4  # learned, expired, evicted and moved

    with_rig(test)


def test_bridges_by_datapath() -> None:
    async def test(rig: Rig) -> None:
        await rig.want(
            *NUMBERED, "add-port br0 a", "set interface a type=patch options:peer=b ofport_request=7"
        )
        ask = Questions(rig.vswitch)
        assert ask.dpif_show([]) == (
            "dummy@ovs-dummy: hit:0 missed:0\n"
            "  br0:\n"
            "    a 7/none: (patch: peer=b)\n"
            "    br0 65534/100: (dummy-internal)\n"
            "    p1 1/1: (dummy)\n"
            "    p2 2/2: (dummy)\n"
        )
        assert ask.dpif_dump_dps([]) == "dummy@br0\n"

    with_rig(test)


def test_megaflows_of_one_bridge() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        second = ["add-br br1", "set bridge br1 datapath_type=dummy", *dummy_port("p3", "br1")]
        await rig.want(*NUMBERED, *second)
        await rig.receive("p3", 0x0B)
        [line] = ask.dpif_dump_flows(["br1"]).splitlines()
        assert "in_port(3)" in line
        [named] = ask.dpif_dump_flows(["-m", "br1"]).splitlines()
        assert "in_port(p3)" in named
        [plain] = ask.dpif_dump_flows(["-m", "--no-names", "br1"]).splitlines()
        assert "in_port(3)" in plain
        ask.revalidator_purge([])
        assert ask.dpif_dump_flows(["br1"]) == ask.dpif_dump_flows(["br0"]) == ""

    with_rig(test)


def test_how_full_the_datapaths_are_and_may_be() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        assert ask.set_flow_limit(["77"]) == "set flow_limit to 77\n"
        assert ask.set_flow_limit(["77x"]) == "set flow_limit to 77\n"
        shown = ask.upcall_show([])
        assert shown.startswith("dummy@ovs-dummy:\n  flows         : (current 1)")
        assert "(limit 77)" in shown
        assert "(keys 1)" in shown

    with_rig(test)


def test_all_rules_of_a_bridge_with_what_they_have_carried() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        await rig.receive("p1", 0x0A)
        shown = await ask.bridge_dump_flows(["br0"])
        assert "duration=0s, n_packets=2, n_bytes=120, priority=0,actions=NORMAL\n" in shown
        assert "table_id=254, " in shown  # the switch's own
        offloaded = await ask.bridge_dump_flows(["--offload-stats", "br0"])
        assert "n_packets=2, n_bytes=120, n_offload_packets=0, n_offload_bytes=0, " in offloaded
        await ask.revalidator_wait([])

    with_rig(test)


def test_a_megaflow_to_a_flushed_address_is_translated_again() -> None:
    async def test(rig: Rig) -> None:
        ask = await asked(rig)
        await rig.receive("p2", 0x0B, (0x0A).to_bytes(6, "big"))
        assert rig.sent("p1", "p2", "br0") == [1, 1, 1]
        ask.fdb_flush(["br0"])
        await settled()
        await rig.receive("p2", 0x0B, (0x0A).to_bytes(6, "big"))
        assert rig.sent("p1", "br0") == [2, 2]  # to everybody again

    with_rig(test)
