"""ovs-ctl beside the peer's: the same words, what they print, and what is in the database afterwards."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop
PEER = "/usr/share/openvswitch/scripts/ovs-ctl"
QUIET = ("--no-mlockall", "--no-force-corefiles", "--system-id=abc")
DUMMY = "--ovs-vswitchd-options=--enable-dummy --disable-system"
OPEN_VSWITCH = (
    "get Open_vSwitch . external_ids system_type system_version bridges manager_options other_config"
)


class Service:
    """ovs-ctl of one make, in directories of its own."""

    def __init__(self, make: Make, directory: Path) -> None:
        self.make, self.directory = make, directory
        names = {"OVS_RUNDIR": "run", "OVS_LOGDIR": "log", "OVS_DBDIR": "db", "OVS_SYSCONFDIR": "etc"}
        (directory / "etc" / "openvswitch").mkdir(parents=True)
        self.environment = os.environ | {key: f"{directory}/{name}" for key, name in names.items()}
        self.ctl_path = program("ours", "ovs-ctl") if make == "ours" else PEER

    def ctl(self, *words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.ctl_path, *words],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        return done.returncode, self.plain(done.stdout), self.plain(done.stderr)

    def plain(self, text: str) -> str:
        text = text.replace(str(self.directory), "DIR").replace(self.ctl_path, "ovs-ctl")
        lines = re.sub(r"\(\d+\)|pid \d+", "PID", text).splitlines()
        return "\n".join(
            line for line in lines if not line.startswith("Datapath is ") and "ulimit" not in line
        )

    def ask(self, tool: str, words: str) -> str:
        command = [program(self.make, tool), *words.split()]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=60, check=True
        )
        return self.plain(done.stdout)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[list[Service]]:
    services = [Service("peer", tmp_path / "peer"), Service("ours", tmp_path / "ours")]
    try:
        yield services
    finally:
        for service in services:
            service.ctl("stop")


def both(services: list[Service], *words: str) -> tuple[int, str, str]:
    """What both do, which is the same."""
    peer, ours = (service.ctl(*words) for service in services)
    assert ours == peer
    return ours


def test_a_life(services: list[Service]) -> None:
    assert both(services, "status")[0] == 1
    assert both(services, *QUIET, DUMMY, "start")[0] == 0
    assert both(services, "status") == (
        0,
        "ovsdb-server is running with PID\novs-vswitchd is running with PID",
        "",
    )
    peer, ours = (service.ask("ovs-vsctl", OPEN_VSWITCH) for service in services)
    assert ours == peer
    both(services, *QUIET, DUMMY, "start")  # again: what runs is left alone
    assert both(services, "stop")[0] == 0
    assert both(services, "stop")[0] == 0


def test_bridges_are_kept_or_deleted(services: list[Service]) -> None:
    both(services, *QUIET, "--no-ovs-vswitchd", "start")
    for service in services:
        service.ask(
            "ovs-vsctl", "--no-wait add-br br0 -- add-port br0 p1 -- set port p1 other_config:transient=true"
        )
        service.ask("ovs-vsctl", "--no-wait add-port br0 p2")
    both(services, "stop")
    both(services, *QUIET, "--no-ovs-vswitchd", "--delete-transient-ports", "start")
    assert [service.ask("ovs-vsctl", "list-ports br0") for service in services] == ["p2", "p2"]
    both(services, "stop")
    both(services, *QUIET, "--no-ovs-vswitchd", "--delete-bridges", "start")
    assert [service.ask("ovs-vsctl", "list-br") for service in services] == ["", ""]


def test_flows_outlive_a_restart(services: list[Service]) -> None:
    ours = services[1]
    assert ours.ctl(*QUIET, DUMMY, "start")[0] == 0
    ours.ask("ovs-vsctl", "add-br br0 -- set bridge br0 datapath_type=dummy")
    ours.ask("ovs-ofctl", "add-flow br0 table=3,priority=7,actions=drop")
    before = ours.ask("ovs-ofctl", "--no-stats dump-flows br0")
    status, output, errors = ours.ctl(*QUIET, DUMMY, "restart")
    assert (status, errors) == (0, "")
    assert "Restoring saved flows." in output
    assert ours.ask("ovs-ofctl", "--no-stats dump-flows br0") == before
    assert ours.ask("ovs-vsctl", "get Open_vSwitch . other_config") == "{}"


def test_random_system_id_stays(services: list[Service]) -> None:
    ours = services[1]
    ids = []
    for _ in range(2):
        ours.ctl("--no-mlockall", "--system-id=random", "--no-ovs-vswitchd", "start")
        ids.append(ours.ask("ovs-vsctl", "get Open_vSwitch . external_ids:system-id"))
        ours.ctl("stop")
    assert ids[0] == ids[1]
    assert len(ids[0].strip('"')) == 36


def test_an_old_database_is_upgraded_and_kept(services: list[Service]) -> None:
    peer, ours = services
    peer.ctl(*QUIET, "--no-ovs-vswitchd", "start")
    peer.ask("ovs-vsctl", "--no-wait add-br br0 -- set bridge br0 other_config:a=b")
    peer.ctl("stop")
    database = ours.directory / "db" / "conf.db"
    database.parent.mkdir()
    database.write_bytes((peer.directory / "db" / "conf.db").read_bytes())
    status, output, _ = ours.ctl(*QUIET, "--no-ovs-vswitchd", "start")
    assert status == 0
    assert "Converting DIR/db/conf.db from schema 8.3.1" in output
    assert ours.ask("ovs-vsctl", "get Bridge br0 other_config") == "{a=b}"
    assert [path.name[:21] for path in database.parent.glob("conf.db.backup*")] == ["conf.db.backup8.3.1-3"]


def test_a_damaged_database_is_kept_aside(services: list[Service]) -> None:
    ours = services[1]
    database = ours.directory / "db" / "conf.db"
    database.parent.mkdir()
    database.write_bytes(b"\0" * 1000)
    status, output, _ = ours.ctl(*QUIET, "--no-ovs-vswitchd", "start")
    assert status == 0
    assert "keeping it as DIR/db/conf.db.damaged1" in output
    assert (database.parent / "conf.db.damaged1").read_bytes() == b"\0" * 1000


@pytest.mark.parametrize("words", [["bogus"], [], ["start", "stop"], ["--bogus", "status"]])
def test_mistakes(services: list[Service], words: list[str]) -> None:
    both(services, *words)


def test_version_and_help(services: list[Service]) -> None:
    ours = services[1]
    assert ours.ctl("version")[1].splitlines()[0] == "ovsdb-server (Open vSwitch) 3.7.0"
    assert ours.ctl("--help")[0] == 0
    assert "force-reload-kmod" in ours.ctl("help")[1]


def test_a_port_that_cannot_be_listened_on_is_told(services: list[Service]) -> None:
    ours = services[1]
    (ours.directory / "run").write_text("a file where a directory is needed")
    status, _, errors = ours.ctl(*QUIET, "start")
    assert status == 1
    assert "the daemons must be able to write there" in errors
