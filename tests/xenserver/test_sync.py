"""ovs-xapi-sync against a fake XAPI and a real database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot
from vswitch.xenserver.switchdb import SwitchDatabase

COOKIE = "/var/run/xapi_init_complete.cookie"
PROGRAM = Path(__file__).parents[2] / "packaging/xenserver/root/usr/share/openvswitch/scripts/ovs-xapi-sync"


class Rig:
    """A host, its XAPI, a database and the daemon."""

    def __init__(self, daemons: Daemons, host: HostRoot, fake: FakeXapi) -> None:
        self.daemons, self.host, self.fake = daemons, host, fake
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the daemon; return when its control socket answers."""
        words = [
            sys.executable,
            PROGRAM,
            f"--root-prefix={self.host.root}",
            "--pidfile",
            "-vconsole:off",
            "--log-file",
        ]
        self.process = subprocess.Popen(
            [*words, f"unix:{self.daemons.socket}"], env=self.daemons.environment, stderr=subprocess.DEVNULL
        )
        self.until(lambda: self.appctl("version").startswith("ovs-xapi-sync"))

    def stop(self) -> None:
        """End the daemon."""
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def appctl(self, *words: str) -> str:
        """Talk to the daemon."""
        return self.daemons.run("peer", "ovs-appctl", "-t", "ovs-xapi-sync", *words, check=False).stdout

    def vsctl(self, *words: str) -> str:
        """ovs-vsctl in this process."""
        return "\n".join(
            SwitchDatabase(f"unix:{self.daemons.socket}", "test", is_waiting=False).run(words, 10)
        ).strip()

    def get(self, table: str, name: str, column: str, key: str = "") -> str:
        """A column's, or a key's, value."""
        where = f"{column}:{key}" if key else column
        return self.vsctl("--if-exists", "get", table, name, where).strip('[]"')

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        deadline = time.monotonic() + 15
        while not is_so():
            assert time.monotonic() < deadline, self.daemons.log("ovs-xapi-sync")
            time.sleep(0.02)

    def becomes(self, table: str, name: str, column: str, key: str, value: str) -> None:
        """Wait for a value."""
        self.until(lambda: self.get(table, name, column, key) == value)


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory):
    with Daemons(tmp_path_factory.mktemp("db"), "ours") as daemons:
        yield daemons


@pytest.fixture
def rig(daemons: Daemons):
    tables = pool.secure()
    pool.options(tables, "net-xenbr0", vswitch_controller_fail_mode="secure", nicira_bridge_id="X")
    pool.options(tables, "net-xenbr1", vswitch_disable_in_band="true")
    tables["VIF"]["OpaqueRef:vif"] = {
        "uuid": "V",
        "other_config": {"nicira-iface-id": "I", "neutron-port-uuid": "N"},
    }
    tables["VM"]["OpaqueRef:vm"] = {"uuid": "M", "other_config": {"nicira-vm-id": "MM"}}
    with HostRoot(tables) as host, FakeXapi(tables) as fake:
        fake.listen_unix(host.path("/var/lib/xcp/xapi"))
        rig = Rig(daemons, host, fake)
        for bridge in rig.vsctl("--real", "list-br").split():
            rig.vsctl("del-br", bridge)
        yield rig
        rig.stop()


def four_ids(name: str) -> list[str]:
    ids = {"xs-vif-uuid": "V", "xs-vm-uuid": "M", "xs-network-uuid": "W", "attached-mac": "00:01:02:03:04:05"}
    return ["--", "set", "Interface", name, *(f'external_ids:{key}="{value}"' for key, value in ids.items())]


def test_the_expected_results(rig: Rig) -> None:
    rig.host.write(COOKIE, "")
    rig.start()
    rig.vsctl("add-br", "xenbr0", "--", "add-br", "xenbr1")
    rig.becomes("Bridge", "xenbr0", "external_ids", "bridge-id", "X")
    rig.becomes("Bridge", "xenbr0", "fail_mode", "", "secure")
    rig.becomes("Bridge", "xenbr1", "fail_mode", "", "secure")
    rig.becomes("Bridge", "xenbr1", "other_config", "disable-in-band", "true")
    assert rig.get("Bridge", "xenbr1", "external_ids", "bridge-id") == ""
    rig.vsctl("add-port", "xenbr0", "vif1.0", *four_ids("vif1.0"))
    rig.becomes("Interface", "vif1.0", "external_ids", "iface-id", "I")
    rig.becomes("Interface", "vif1.0", "external_ids", "iface-status", "active")
    rig.becomes("Interface", "vif1.0", "external_ids", "vm-id", "MM")
    rig.vsctl("add-port", "xenbr0", "tap1.0")
    rig.becomes("Interface", "tap1.0", "external_ids", "iface-status", "active")
    rig.becomes("Interface", "vif1.0", "external_ids", "iface-status", "inactive")
    for key, value in (("iface-id", "I"), ("xs-vif-uuid", "V"), ("attached-mac", "00:01:02:03:04:05")):
        rig.becomes("Interface", "tap1.0", "external_ids", key, value)
    rig.vsctl("del-port", "tap1.0")
    rig.becomes("Interface", "vif1.0", "external_ids", "iface-status", "active")


def test_a_flush_asks_anew(rig: Rig) -> None:
    rig.host.write(COOKIE, "")
    rig.start()
    rig.vsctl("add-br", "xenbr0")
    rig.becomes("Bridge", "xenbr0", "external_ids", "bridge-id", "X")
    for how, value in (("flush-cache", "Y"), ("SIGHUP", "Z")):
        rig.fake.tables["network"]["OpaqueRef:net-xenbr0"]["other_config"]["nicira-bridge-id"] = value
        if how == "SIGHUP":
            assert rig.process
            os.kill(rig.process.pid, signal.SIGHUP)
        else:
            rig.appctl(how)
        rig.becomes("Bridge", "xenbr0", "external_ids", "bridge-id", value)


def test_nobody_asks_before_xapi_has_started(rig: Rig) -> None:
    rig.start()
    rig.vsctl("add-br", "xenbr0")
    time.sleep(0.1)
    assert rig.fake.calls == []
    rig.host.write(COOKIE, "")
    rig.becomes("Bridge", "xenbr0", "external_ids", "bridge-id", "X")


def test_xapi_goes_and_comes_back(rig: Rig) -> None:
    rig.host.write(COOKIE, "")
    rig.fake.failures["session.login_with_password"] = ["HOST_STILL_BOOTING"]
    rig.start()
    rig.vsctl("add-br", "xenbr0", "--", "br-set-external-id", "xenbr0", "bridge-id", "kept")
    rig.until(lambda: len(rig.fake.calls) >= 1)
    assert rig.get("Bridge", "xenbr0", "external_ids", "bridge-id") == "kept"
    del rig.fake.failures["session.login_with_password"]
    rig.becomes("Bridge", "xenbr0", "external_ids", "bridge-id", "X")
    rig.fake.sessions.clear()  # XAPI has started anew
    rig.vsctl("add-br", "xenbr1")
    rig.becomes("Bridge", "xenbr1", "other_config", "disable-in-band", "true")


def test_a_current_host(rig: Rig) -> None:
    rig.host.write(COOKIE, "")
    rig.host.write("/etc/xcp-networkd.conf", "")
    rig.start()
    rig.vsctl("add-br", "xenbr1", "--", "add-port", "xenbr1", "vif1.0", *four_ids("vif1.0"))
    rig.becomes("Interface", "vif1.0", "external_ids", "neutron-port-uuid", "N")
    assert rig.get("Interface", "vif1.0", "external_ids", "iface-id") == ""
    assert rig.get("Bridge", "xenbr1", "fail_mode") == ""  # the pool's word is networkd's business


@pytest.mark.parametrize(
    ("words", "message"), [([], "exactly one DATABASE"), (["a", "b"], "exactly one DATABASE")]
)
def test_usage(words: list[str], message: str) -> None:
    done = subprocess.run([sys.executable, PROGRAM, *words], env={}, capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr
