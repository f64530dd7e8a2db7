"""The commands of ovs-dpctl on a datapath in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from vswitch.datapath.dummy import DummyDatapath
from vswitch.dpif.netdev import NetdevStats
from vswitch.dpif.ports import OdpPort
from vswitch.netdev.dummy import DummyDevices
from vswitch.vswitchd.dpctl import DatapathView, Dpctl, human
from vswitch.vswitchd.dpctlwords import USAGES, DpctlError

KEY = "in_port(1),eth_type(0x0800),ipv4(frag=no)"


def view(name: str = "ovs-dummy") -> DatapathView:
    devices = DummyDevices(lambda: 0.0)
    datapath = DummyDatapath(name, lambda: 0.0)
    datapath.port_add(devices.open("p1", {}, "dummy"), OdpPort(1))
    return DatapathView(datapath, lambda port: NetdevStats.of_packets(rx_packets=3, rx_bytes=2048))


class Program:
    """`ovs-dpctl` with these datapaths."""

    def __init__(self, *views: DatapathView) -> None:
        self.commands = Dpctl("ovs-dpctl", lambda: views, lambda: 5.0).commands()

    def __call__(self, name: str, *words: str) -> list[str]:
        return list(self.commands[name](words))


@pytest.fixture
def dpctl() -> Program:
    return Program(view())


def test_there_is_a_command_for_each_usage(dpctl: Program) -> None:
    assert set(dpctl.commands) == set(USAGES)
    listed = dpctl("list-commands")
    assert [line.split()[0] for line in listed[1:]] == list(USAGES)


def test_flows_are_put_shown_changed_and_deleted(dpctl: Program) -> None:
    dpctl("add-flow", KEY, "1")
    [head, line] = dpctl("dump-flows")
    assert head == "flow-dump from the main thread:"
    assert "in_port(1)" in line
    assert line.endswith("actions:1")
    dpctl("mod-flow", KEY, "drop")
    assert dpctl("dump-flows")[1].endswith("actions:drop")
    dpctl("del-flow", KEY)
    assert dpctl("dump-flows") == []


def test_a_flow_by_its_ufid(dpctl: Program) -> None:
    dpctl("add-flow", KEY, "p1")
    ufid = dpctl("dump-flows", "-m")[1].split(",")[0]
    [found] = dpctl("get-flow", ufid)
    assert found.endswith("actions:p1")
    with pytest.raises(DpctlError, match=r"getting flow .No such file or directory"):
        dpctl("get-flow", "ufid:00000000-0000-0000-0000-000000000000")
    with pytest.raises(DpctlError, match=r"parsing flow ufid .Invalid argument"):
        dpctl("get-flow", "nonsense")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("mod-flow", KEY, "1"), "ovs-dpctl: updating flow table (No such file or directory)"),
        (
            ("del-flow", KEY),
            "ovs-dpctl: deleting flow (No such file or directory)\nPerhaps you need to specify a UFID?",
        ),
        (("add-flow", KEY, "nonsense"), "ovs-dpctl: parsing actions (Invalid argument)"),
        (("dump-flows", "nope"), "ovs-dpctl: datapath not found (Invalid argument)"),
        (("show", "nope"), "ovs-dpctl: opening datapath nope failed (No such device)"),
        (("parse-actions", "nonsense"), "ovs-dpctl: odp_actions_from_string (Invalid argument)"),
        (("add-flows", "/nowhere"), "ovs-dpctl: /nowhere: open failed (No such file or directory)"),
        (("add-dp", "x"), "ovs-dpctl: add_dp (Address family not supported by protocol)"),
    ],
)
def test_complaints(dpctl: Program, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(DpctlError) as caught:
        dpctl(*words)
    assert str(caught.value) == complaint


def test_a_flow_is_added_once(dpctl: Program) -> None:
    dpctl("add-flow", KEY, "1")
    with pytest.raises(DpctlError, match=r"updating flow table .File exists"):
        dpctl("add-flow", KEY, "1")


def test_files_of_flows(dpctl: Program, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_text(f"# comment\n{KEY} 1\nin_port(1),eth_type(0x0806) drop # more\n\n")
    dpctl("add-flows", str(path))
    assert len(dpctl("dump-flows")) == 3
    dpctl("del-flows", "dummy@ovs-dummy", str(path))
    assert dpctl("dump-flows") == []
    dpctl("add-flows", str(path))
    dpctl("del-flows")
    assert dpctl("dump-flows") == []


def test_a_datapath_need_not_be_named_if_there_is_one() -> None:
    assert Program(view())("dump-dps") == ["dummy@ovs-dummy"]
    with pytest.raises(DpctlError, match="no datapaths exist"):
        Program()("dump-flows")
    two = Program(view("a"), view("b"))
    with pytest.raises(DpctlError, match="multiple datapaths, specify one"):
        two("dump-flows")
    assert two("dump-flows", "a") == two("dump-flows", "dummy@b") == []


def test_show_counts_what_a_port_has_carried(dpctl: Program) -> None:
    lines = dpctl("show", "-s")
    assert lines[:3] == ["dummy@ovs-dummy:", "  lookups: hit:0 missed:0 lost:0", "  flows: 0"]
    at = lines.index("  port 1: p1 (dummy)")
    assert lines[at + 1] == "    RX packets:3 errors:? dropped:? overruns:? frame:?"
    assert lines[at + 4] == "    RX bytes:2048 (2.0 KiB)  TX bytes:0"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1024 (1.0 KiB)"),
        (3 << 19, "1572864 (1.5 MiB)"),
        (1 << 40, "1099511627776 (1.0 TiB)"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert human(size) == text
