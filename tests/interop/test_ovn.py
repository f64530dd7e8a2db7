"""OVN 23.03 on our databases: northd, the controller, and its tools, through server restarts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop
SCHEMAS = {
    "nb": "/usr/share/ovn/ovn-nb.ovsschema",
    "sb": "/usr/share/ovn/ovn-sb.ovsschema",
    "conf": "/usr/share/openvswitch/vswitch.ovsschema",
}


class Ovn:
    """Three databases on one server of ours; northd; a switch of the peer's, on dummy devices, with OVN's controller."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.remote = f"unix:{directory}/db.sock"
        self.environment = os.environ | {
            f"{project}_{what}DIR": str(directory)
            for project in ("OVS", "OVN")
            for what in ("RUN", "LOG", "DB")
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name, schema in SCHEMAS.items():
            self.run("ours", "ovsdb-tool", "create", str(directory / f"{name}.db"), schema)
        self.start_server()

    def start_server(self) -> None:
        files = [str(self.directory / f"{name}.db") for name in SCHEMAS]
        self.start("ours", "ovsdb-server", *files, f"--remote=p{self.remote}")
        self.wait(lambda: self.run("ours", "ovsdb-client", "list-dbs", check=False).returncode == 0)

    def start(self, make: Make, name: str, *words: str) -> None:
        command = [
            program(make, name), *words, "--pidfile", f"--log-file={self.directory / name}.log", "-vconsole:off"
        ]  # fmt: skip
        self.processes[name] = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def run(self, make: Make, name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program(make, name), *words], env=self.environment, capture_output=True, text=True, timeout=30
        )
        assert not check or not done.returncode, f"{name} {' '.join(words)}: {done.stderr}"
        return done

    def nbctl(self, *words: str) -> str:
        return self.run("peer", "ovn-nbctl", f"--db={self.remote}", "--timeout=20", *words).stdout

    def sbctl(self, *words: str) -> str:
        return self.run("peer", "ovn-sbctl", f"--db={self.remote}", "--timeout=20", *words).stdout

    def vsctl(self, *words: str) -> str:
        return self.run("ours", "ovs-vsctl", "--timeout=20", *words).stdout

    def wait(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def add_hypervisor(self) -> None:
        ids = {
            "system-id": "hv1",
            "ovn-remote": self.remote,
            "ovn-encap-type": "geneve",
            "ovn-encap-ip": "127.0.0.1",
        }
        settings = [f"external_ids:{key}={value}" for key, value in ids.items()]
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", *settings)
        self.start(
            "peer", "ovs-vswitchd", "--enable-dummy=override", "--disable-system", "--disable-system-route"
        )
        self.vsctl(
            "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=dummy", "fail_mode=secure"
        )
        self.start("peer", "ovn-controller", f"unix:{self.directory}/db.sock")

    def close(self) -> None:
        for name in list(self.processes)[::-1]:
            self.stop(name)


@pytest.fixture
def ovn(tmp_path: Path) -> Iterator[Ovn]:
    ovn = Ovn(tmp_path)
    try:
        ovn.start("peer", "ovn-northd", f"--ovnnb-db={ovn.remote}", f"--ovnsb-db={ovn.remote}")
        yield ovn
    finally:
        ovn.close()


def add_switch(ovn: Ovn, name: str, *ports: str) -> None:
    words = ["ls-add", name]
    for number, port in enumerate(ports, 1):
        words += ["--", "lsp-add", name, port]
        words += ["--", "lsp-set-addresses", port, f"00:00:00:00:00:{number:02x} 10.0.0.{number}"]
    ovn.nbctl(*words)


def test_a_logical_network_becomes_logical_flows(ovn: Ovn) -> None:
    add_switch(ovn, "sw0", "p1", "p2")
    ovn.nbctl("--wait=sb", "sync")
    assert ovn.sbctl("--bare", "--columns=logical_port", "list", "Port_Binding").split() in (
        ["p1", "p2"],
        ["p2", "p1"],
    )
    before = len(ovn.sbctl("lflow-list").splitlines())
    assert before > 50
    router = ["lr-add", "r0", "--", "lrp-add", "r0", "r0-sw0", "00:00:00:00:01:00", "10.0.0.254/24"]
    join = ["lsp-add", "sw0", "sw0-r0", "--", "set", "Logical_Switch_Port", "sw0-r0", "type=router"]
    ovn.nbctl(*router, "--", *join, "options:router-port=r0-sw0", "addresses=router")
    ovn.nbctl("acl-add", "sw0", "from-lport", "1000", "icmp4", "allow-related")
    ovn.nbctl("lb-add", "lb0", "30.0.0.1:80", "10.0.0.1:80,10.0.0.2:80", "--", "ls-lb-add", "sw0", "lb0")
    ovn.nbctl("--wait=sb", "sync")
    assert len(ovn.sbctl("lflow-list").splitlines()) > 2 * before
    ovn.nbctl("ls-del", "sw0", "--", "lr-del", "r0", "--", "lb-del", "lb0")
    ovn.nbctl("--wait=sb", "sync")
    assert ovn.sbctl("lflow-list") == ""


def test_ports_are_bound_and_the_hypervisor_follows(ovn: Ovn) -> None:
    add_switch(ovn, "sw0", "p1", "p2")
    ovn.add_hypervisor()
    ovn.vsctl(
        "add-port", "br-int", "p1", "--", "set", "interface", "p1", "type=dummy", "external_ids:iface-id=p1"
    )
    ovn.nbctl("--wait=hv", "sync")
    ovn.nbctl("wait-until", "Logical_Switch_Port", "p1", "up=true")
    assert "Port_Binding p1" in ovn.sbctl("show")
    assert 'ovn-installed="true"' in ovn.vsctl("get", "interface", "p1", "external_ids")
    flows = ovn.run("peer", "ovs-ofctl", "-O", "OpenFlow15", "dump-flows", "br-int").stdout
    assert len(flows.splitlines()) > 50


def test_nothing_is_lost_when_the_server_starts_again(ovn: Ovn) -> None:
    """Killed while there is work: northd and the controller come back by themselves, and the result is complete."""
    add_switch(ovn, "sw0", "p1")
    ovn.add_hypervisor()
    ovn.nbctl("--wait=hv", "sync")
    for number in range(2):
        add_switch(ovn, f"new{number}", f"port{number}")
        ovn.stop("ovsdb-server")
        ovn.start_server()
    ovn.nbctl("--wait=hv", "sync")
    bound = ovn.sbctl("--bare", "--columns=logical_port", "list", "Port_Binding").split()
    assert sorted(bound) == ["p1", "port0", "port1"]


def test_the_daemon_of_ovn_nbctl(ovn: Ovn) -> None:
    started = ovn.run(
        "peer", "ovn-nbctl", f"--db={ovn.remote}", "--detach", "--pidfile", "--log-file=/dev/null"
    )
    ovn.environment = ovn.environment | {"OVN_NB_DAEMON": started.stdout.strip()}
    try:
        for number in range(20):
            ovn.run("peer", "ovn-nbctl", "ls-add", f"s{number}")
        assert len(ovn.run("peer", "ovn-nbctl", "ls-list").stdout.splitlines()) == 20
        again = ovn.run("peer", "ovn-nbctl", "ls-add", "s0", check=False)
        assert "already exists" in again.stderr
    finally:
        ovn.run("peer", "ovn-appctl", "-t", started.stdout.strip(), "exit")
