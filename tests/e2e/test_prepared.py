"""A switch that forwards with programs that were prepared, and one that finds them damaged."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest

from tests.e2e.topology import Host, Topology
from tests.interop.daemons import Daemons
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.prepared import ABOUT, WHERE, About, generator, program_file
from vswitch.datapath.ebpf.probe import find_features
from vswitch.datapath.ebpf.usual import programs

pytestmark = pytest.mark.needs_root


def prepare(directory: Path, features: Features) -> Path:
    """What a package brings for a kernel."""
    directory.mkdir()
    for _, digest, program in programs(features):
        (directory / digest).write_bytes(program_file(digest, program))
    (directory / ABOUT).write_text(str(About(os.uname().release, generator(), features.names)))
    return directory


class Switch:
    """A switch with br0 and two hosts, and what it says of its programs."""

    def __init__(self, net: Topology, daemons: Daemons) -> None:
        self.daemons = daemons
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.run("ours", "ovs-vsctl", "--no-wait", "init")
        daemons.start("ovs-vswitchd")
        self.hosts = [net.add_host(f"h{i}", f"10.0.0.{i}/24", silent=True) for i in (1, 2)]
        ports = [word for host in self.hosts for word in ("--", "add-port", "br0", host.port)]
        daemons.run(
            "ours", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=ebpf", *ports
        )

    def count(self, what: str) -> int:
        shown = self.daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "coverage/show").stdout
        found = re.search(rf"^ebpf_program_{what} .* total: (\d+)$", shown, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def log(self) -> str:
        return self.daemons.log("ovs-vswitchd")

    def stop(self) -> None:
        self.daemons.run("ours", "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")
        self.daemons.processes["ovs-vswitchd"].wait(10)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a switch that looks for prepared programs in a directory."""
    with Topology() as net, net.switch.entered():
        started: list[Switch] = []

        def start(directory: Path) -> Switch:
            monkeypatch.setenv(WHERE, str(directory))
            daemons = context.enter_context(Daemons(tmp_path / "run", "ours"))
            started.append(Switch(net, daemons))
            return started[-1]

        with contextlib.ExitStack() as context:
            yield start
            for switch in started:
                switch.stop()


def reach(hosts: list[Host]) -> bool:
    return hosts[0].can_reach("10.0.0.2") and hosts[1].can_reach("10.0.0.1")


def test_it_forwards_with_prepared_programs_alone(start, tmp_path):
    directory = prepare(tmp_path / "bpf", find_features())
    switch = start(directory)
    assert reach(switch.hosts)
    assert f"programs prepared for {os.uname().release} in {directory}" in switch.log
    assert switch.count("prepared") >= 4
    assert switch.count("generated") == 0


@pytest.mark.parametrize("damage", ["truncated", "swapped", "other features"])
def test_it_forwards_without_those_that_are_damaged_or_foreign(start, tmp_path, damage):
    features = Features(tcx=False) if damage == "other features" else find_features()
    directory = prepare(tmp_path / "bpf", features)
    files = sorted(path for path in directory.iterdir() if path.name != ABOUT)
    contents = [path.read_bytes() for path in files]
    for path, content, next in zip(files, contents, contents[1:] + contents[:1], strict=True):
        if damage != "other features":
            path.write_bytes(content[:-8] if damage == "truncated" else next)
    switch = start(directory)
    assert reach(switch.hosts)
    said = {
        "truncated": "the file is damaged: generating the program",
        "swapped": "the file is another program's: generating the program",
        "other features": f"programs generated: those in {directory} are for a kernel with other features",
    }
    assert said[damage] in switch.log
    assert switch.count("prepared") == 0
    assert switch.count("generated") >= 4
