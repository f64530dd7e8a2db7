"""The same devices, under the peer's switch and under ours: the database says the same of them."""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.topology import Topology, wait_until
from tests.interop.daemons import Daemons, Make

pytestmark = [pytest.mark.interop, pytest.mark.needs_root]
COLUMNS = ("name", "type", "admin_state", "link_state", "link_speed", "duplex", "mtu", "link_resets", "status",
           "ofport", "error")  # fmt: skip


def interfaces(daemons: Daemons) -> list[list[object]]:
    """What the database says of each interface, by name."""
    answer = daemons.run(
        "peer",
        "ovs-vsctl",
        "-f",
        "json",
        f"--columns={','.join((*COLUMNS, 'statistics'))}",
        "list",
        "interface",
    )
    rows: list[list[object]] = json.loads(answer.stdout)["data"]
    return sorted(rows, key=lambda row: str(row[0]))


def told(make: Make, directory: Path) -> tuple[list[list[object]], list[dict[str, int]], list[str]]:
    """Columns and statistics of a bridge's interfaces, when h1 has sent twice and nothing else moves; and what OpenFlow
    tells of them."""
    directory.mkdir()
    with Topology() as net, net.switch.entered(), Daemons(directory, "peer", make) as daemons:
        h1, _ = (net.add_host(name, silent=True) for name in ("h1", "h2"))
        net.switch.run("ip", "tuntap", "add", "mode", "tap", "tap0")
        net.switch.run("ip", "link", "set", "h2", "down")
        words = ["--", "set", "bridge", "br0", "datapath_type=netdev"]
        for number, (name, type) in enumerate(
            (("h1", ""), ("h2", ""), ("tap0", ""), ("tap1", "tap"), ("int0", "internal")), 1
        ):
            words += [
                "--",
                "add-port",
                "br0",
                name,
                "--",
                "set",
                "interface",
                name,
                f"ofport_request={number}",
            ]
            words += [f"type={type}"] if type else []
        daemons.run("peer", "ovs-vsctl", "set", "Open_vSwitch", ".", "other_config:stats-update-interval=100")
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", *words)
        door = h1.open_socket()
        frame = bytes(10) + b"\xff" * 6 + bytes.fromhex("020000000001 88b5") + bytes(86)
        door.send_frames([frame, frame])

        def rows() -> dict[str, dict[str, int]]:
            return {str(row[0]): dict(row[-1][1]) for row in interfaces(daemons)}

        wait_until(lambda: rows()["h1"].get("rx_packets") == 2, 15)
        last = interfaces(daemons)
        described = daemons.run("peer", "ovs-ofctl", "-OOpenFlow13", "dump-ports-desc", "br0").stdout
        ports = re.sub(r"addr:[0-9a-f:]*|xid=0x[0-9a-f]*", "", described).splitlines()
        return [row[:-1] for row in last], [dict(row[-1][1]) for row in last], ports


def test_the_database_says_the_same(tmp_path: Path):
    columns, statistics, ports = told("ours", tmp_path / "ours")
    expected, expected_statistics, expected_ports = told("peer", tmp_path / "peer")
    assert ports == expected_ports
    for ours, theirs in zip(columns, expected, strict=True):
        assert dict(zip(COLUMNS, ours, strict=True)) == dict(zip(COLUMNS, theirs, strict=True))
    for ours, theirs in zip(statistics, expected_statistics, strict=True):
        assert ours.keys() == theirs.keys()
        assert {name: value for name, value in ours.items() if name != "tx_dropped"} == {
            name: value for name, value in theirs.items() if name != "tx_dropped"
        }
