"""The host as a directory: what is read from it, and how its programs are run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.xenserver import pool
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.host import NOT_FOUND, Host, assignments
from vswitch.xenserver.records import ReconfigureError


@pytest.fixture
def root():
    with HostRoot() as root:
        yield root


def test_devices(root: HostRoot) -> None:
    devices = Host(str(root.root)).devices()
    assert sorted(devices) == ["eth0", "eth1", "eth2", "eth3", "eth4", "lo"]
    eth1 = devices["eth1"]
    assert (eth1.mac, eth1.queue_length, eth1.features, eth1.driver) == (pool.mac(1), 1000, 0x829, "e1000")
    assert devices["lo"].queue_length == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("vswitch\n", "openvswitch"),
        ("openvswitch", "openvswitch"),
        ("bridge\n", "bridge"),
        ("", "openvswitch"),
    ],
)
def test_backends(root: HostRoot, word: str, expected: str) -> None:
    root.write("/etc/xensource/network.conf", word)
    assert Host(str(root.root)).backend() == expected


def test_no_backend_file_means_the_switch(tmp_path: Path) -> None:
    assert Host(str(tmp_path)).backend() == "openvswitch"


def test_an_unknown_backend(root: HostRoot) -> None:
    root.write("/etc/xensource/network.conf", "magic")
    with pytest.raises(ReconfigureError, match="'magic' is neither"):
        Host(str(root.root)).backend()


def test_no_inventory(tmp_path: Path) -> None:
    with pytest.raises(ReconfigureError, match="is this a XenServer host"):
        Host(str(tmp_path)).host_uuid()


def test_an_inventory_without_a_uuid(root: HostRoot) -> None:
    root.write("/etc/xensource-inventory", "PRODUCT_BRAND='XenServer'\n")
    with pytest.raises(ReconfigureError, match="has no INSTALLATION_UUID"):
        Host(str(root.root)).host_uuid()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A='b c'\nD=e\n", {"A": "b c", "D": "e"}),
        ('A="b"\n# C=d\n\nE=\n', {"A": "b", "E": ""}),
        ("A='open\nB=c\n", {"B": "c"}),
        ("not a line\nA=b # why\n", {"A": "b"}),
    ],
)
def test_assignments(text: str, expected: dict[str, str]) -> None:
    assert assignments(text) == expected


def test_what_a_command_prints(root: HostRoot) -> None:
    root.program("/bin/say", "echo out; echo err >&2; exit 3")
    done = Host(str(root.root)).run(["/bin/say", "x"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert root.calls() == ["/bin/say x"]


def test_a_command_that_is_not_there(root: HostRoot) -> None:
    assert Host(str(root.root)).run(["/bin/nothing"]).returncode == NOT_FOUND


def test_a_command_that_leaves_somebody_behind(root: HostRoot) -> None:
    root.program("/sbin/ifup", f"sleep 20 & echo $! >{root.root}/pid")
    started = time.monotonic()
    assert Host(str(root.root)).run(["/sbin/ifup", "eth0"]).returncode == 0
    assert time.monotonic() - started < 10
    Host().run(["/bin/kill", root.read("/pid").strip()])


@pytest.mark.parametrize(
    ("name", "expected"), [("/usr/sbin/xcp-networkd", True), ("/etc/xcp-networkd.conf", True), ("/x", False)]
)
def test_generations(root: HostRoot, name: str, expected: bool) -> None:
    root.write(name, "")
    assert Host(str(root.root)).is_current() == expected
