"""The whole life of a host with our packages: installed, booted, used, managed, rebooted, upgraded and rid of them again.

The host has no Python but ours; XAPI and the world outside are this test's.  The tests are in the order of that life, and
each takes the host as the one before has left it.

    eth2  management, xenbr2     the world has 10.0.2.1, XAPI's controller, and an OpenFlow controller
    eth3  xenbr3, VLAN 123 on xapi3    two domains, 10.123.0.11 and .12; the world has 10.123.0.1 behind the peer's
                                       switch, which takes the tags off
    eth0 + eth1  bond0 on xapi1
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xmlrpc.client import dumps, loads

import pytest

from tests.e2e.topology import Host, Namespace, wait_until
from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.certificates import Authority
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.live import LiveHost
from tests.xenserver.packages import KERNEL, Packages
from vswitch.xenserver.dbcache import write_cache
from vswitch.xenserver.package import HOST_SCRIPTS, KNOWN_SCRIPTS

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, pytest.mark.interop]

RECONFIGURE = "/opt/xensource/libexec/interface-reconfigure"
PLUGIN = "/etc/xapi.d/plugins/openvswitch-cfg-update"
VIF = "/etc/xensource/scripts/vif"
SESSION = "OpaqueRef:xapi-itself"
ATTACHED = ("eth3", "eth3.123", "bond0", "bond0.4")
ADDRESS, CONTROLLER = "10.0.2.2", "10.0.2.1"
WORLD, DOMAINS = "10.123.0.1", {1: "10.123.0.11", 2: "10.123.0.12"}
COLUMNS = {
    "Bridge": "name,fail_mode,other_config,external_ids",
    "Port": "name,tag,bond_mode,lacp,bond_updelay,bond_downdelay,bond_fake_iface,fake_bridge,other_config,external_ids",
    "Interface": "name,type,mac,external_ids",
}


class Pool:
    """The pool's one host and all that it deals with."""

    def __init__(
        self,
        directory: Path,
        packages: Packages,
        xapi: FakeXapi,
        stack: contextlib.ExitStack,
        datapath: str,
    ) -> None:
        self.packages = packages
        self.datapath = datapath
        self.built: dict[str, list[str]] = {}  # the configuration of the first boot
        self.before: dict[str, str] = {}  # the files before the installation
        self.xapi = xapi
        self.xapi.sessions.add(SESSION)
        self.xapi.plugins["openvswitch-cfg-update"] = self.call_plugin
        self.host = stack.enter_context(LiveHost(directory / "root", has_bpf=datapath == "ebpf"))
        self.authority = Authority(directory)
        name = f"vs{os.getpid()}-life"
        self.world = Namespace(f"{name}-world")
        stack.callback(self.world.close)
        self.rack = stack.enter_context(self._switch_of_rack(directory / "rack"))
        self.domains: dict[int, Host] = {}
        for number, address in DOMAINS.items():
            namespace = Namespace(f"{name}-dom{number}")
            stack.callback(namespace.close)
            self.domains[number] = Host(
                f"dom{number}", namespace, f"vif{number}.0", _card(number), [f"{address}/24"]
            )
        self._stack = stack

    def power_on(self) -> None:
        """Boot, as far as the kernel and its devices."""
        # A connection of the last boot that could not be closed any more keeps its network for a minute.
        wait_until(
            lambda: not {"w0", "w4"} & {*self.world.devices()},
            timeout=100,
            what="the cables of the last boot to go",
        )
        self.host.boot()
        for number in range(5):
            self.host.add_card(f"eth{number}", pool.mac(number), self.world, f"w{number}")
        self.world.run("ip", "address", "add", f"{CONTROLLER}/24", "dev", "w2")
        for change in (
            ("--if-exists", "del-port", "w3"),
            ("add-port", "rack", "w3"),
        ):  # it is another device now
            self.rack.run("peer", "ovs-vsctl", *change)

    def _switch_of_rack(self, directory: Path) -> Daemons:
        """The peer's switch, which takes the tags of VLAN 123 off for the device `outside`."""
        with self.world.entered():
            rack = Daemons(directory, "peer", "peer")
            rack.run(
                "peer", "ovs-vsctl", "add-br", "rack", "--", "set", "Bridge", "rack", "datapath_type=netdev", "--",
                "add-port", "rack", "outside", "tag=123", "--", "set", "Interface", "outside", "type=internal",
            )  # fmt: skip
        self.world.run("ip", "address", "add", f"{WORLD}/24", "dev", "outside")
        self.world.run("ip", "link", "set", "outside", "up")
        return rack

    def start_services(self) -> str:
        """The rest of a boot: services in their order, XAPI last; what they print."""
        said = self.host.run("/etc/init.d/openvswitch start")
        self.host.run(f"{RECONFIGURE} --management --force-interface xenbr2 up")
        for name in ATTACHED:
            self.plug(name)
        self.host.run(": > /var/run/xapi_init_complete.cookie; /etc/init.d/openvswitch-xapi-update start")
        self.update()
        return said

    def plug(self, name: str) -> None:
        """Plug a PIF as XAPI does."""
        self.host.run(f"{RECONFIGURE} --session {SESSION} --pif OpaqueRef:{name} up")
        self.xapi.tables["PIF"][f"OpaqueRef:{name}"]["currently_attached"] = True

    def update(self) -> str:
        """What the plugin says to XAPI."""
        words = (SESSION, "OpaqueRef:host", "openvswitch-cfg-update", "update", {})
        answer = self.xapi.answer("host.call_plugin", words)
        assert answer["Status"] == "Success", answer
        return str(answer["Value"])

    def call_plugin(self, session: str, function: str, arguments: dict[str, str]) -> str:
        """Call the program as XAPI does."""
        document = dumps((session, arguments), function)
        (answer,), _ = loads(self.host.run(f"{PLUGIN} {shlex.quote(document)}"))
        assert isinstance(answer, dict)
        assert answer["Status"] == "Success", answer
        return str(answer["Value"])

    def start_domain(self, number: int) -> None:
        """Give a domain its card, and let Xen tell udev."""
        domain = self.domains[number]
        self.host.add_card(domain.port, "fe:ff:ff:ff:ff:ff", domain.ns, "eth0")
        domain.run("ip", "link", "set", "eth0", "address", domain.mac)
        domain.add_address(domain.addresses[0])
        private = f"/xapi/{number}/private/vif/0"
        keys = {
            f"{private}/bridge": "xapi3",
            f"{private}/bridge-MAC": "fe:ff:ff:ff:ff:ff",
            f"{private}/MTU": "1500",
            f"{private}/vif-uuid": pool.uuid(f"vif{number}"),
            f"{private}/network-uuid": pool.uuid("nxapi3"),
            f"/local/domain/{number}/vm": f"/vm/{pool.uuid(f'vm{number}')}",
            f"/vm/{pool.uuid(f'vm{number}')}/uuid": pool.uuid(f"vm{number}"),
            f"/local/domain/{number}/device/vif/0/mac": domain.mac,
        }
        for path, value in keys.items():
            self.host.disk.write(f"/xenstore{path}", f"{value}\n")
        self.host.run(f"{VIF} online vif", env={"XENBUS_PATH": f"backend/vif/{number}/0"})

    def listing(self) -> dict[str, list[str]]:
        """The configuration, as far as it is made anew at each boot."""
        return {table: self.table(table, columns) for table, columns in COLUMNS.items()}

    def table(self, table: str, columns: str) -> list[str]:
        """The rows of a table, sorted."""
        text = self.host.run(f"ovs-vsctl --format=json --columns={columns} list {table}")
        return sorted(json.dumps(row) for row in json.loads(text)["data"])

    def manage(self, *words: str) -> str:
        """What the peer's ovs-vsctl gets from the switch, as a manager that waits for it outside, over TLS."""
        credentials = (
            "-p",
            self.authority.certificate("manager"),
            "-c",
            self.authority.certificate("manager"),
        )
        trust = (f"--ca-cert={self.authority.path}", f"--peer-ca-cert={self.authority.path}")
        call = ("ovs-vsctl", "--db=pssl:6632", "--timeout=20", "--no-wait", *map(str, credentials), *trust)
        return self.world.run(*call, *words).stdout

    def start_controller(self) -> subprocess.Popen[str]:
        """An OpenFlow controller outside, the peer's, that has bridges forward as they know by themselves."""
        flows = self.rack.directory / "flows"
        flows.write_text("priority=10 actions=NORMAL\n")
        options = (f"--with-flows={flows}", f"--unixctl={self.rack.directory}/controller.ctl")
        controller = self.world.start("ovs-testcontroller", *options, f"ptcp:6653:{CONTROLLER}")
        self._stack.callback(_end, controller)
        return controller

    def knows_cards(self) -> bool:
        """Whether controllers can tell whose the cards of both domains are."""
        return str(self.table("Interface", "external_ids")).count("iface-id") == len(DOMAINS)

    def is_reachable(self) -> bool:
        """Whether the world reaches the host's management address."""
        return _pings(self.world, ADDRESS)


def _card(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _pings(namespace: Namespace, address: str) -> bool:
    words = ("ping", "-n", "-q", "-c1", "-W1", address)
    return any(namespace.run(*words, check=False).returncode == 0 for _ in range(8))


@pytest.fixture(scope="module", params=["ebpf", "netdev"])  # on kernels that run eBPF, and on older ones
def datapath(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tables(datapath: str) -> pool.Tables:
    tables = pool.tables()
    static = {"ip_configuration_mode": "Static", "IP": ADDRESS, "netmask": "255.255.255.0"}
    tables["PIF"]["OpaqueRef:eth2"] |= static | {"currently_attached": True}
    return tables


@pytest.fixture(scope="module")
def life(
    tmp_path_factory: pytest.TempPathFactory, packages: Packages, tables: pool.Tables, datapath: str
) -> Iterator[Pool]:
    directory = tmp_path_factory.mktemp("life")
    with contextlib.ExitStack() as stack:
        xapi = stack.enter_context(FakeXapi(tables))
        life = Pool(directory, packages, xapi, stack, datapath)
        disk = life.host.disk
        for path in HOST_SCRIPTS:
            disk.program(path, f"echo the host's own {path}")
        disk.write("/var/xapi/network.dbcache", write_cache(pool.records(tables)))
        disk.write("/etc/xensource/xapi-ssl.pem", life.authority.certificate("host").read_text())
        disk.write("/etc/sysconfig/network", "NETWORKING=yes\n")
        sums = {path: hashlib.md5((disk.root / path[1:]).read_bytes()).hexdigest() for path in HOST_SCRIPTS}
        disk.write(KNOWN_SCRIPTS, "".join(f"{sums[path]}  {path}\n" for path in HOST_SCRIPTS))
        xapi.listen_unix(disk.root / "var/xapi/xapi")
        life.before = _files(disk.root)
        yield life


def _files(root: Path) -> dict[str, str]:
    """What the host's files hold, but for what belongs to the package manager, to XAPI, or to the test."""
    passed = (
        "var/lib/rpm",
        "root/.rpmdb",
        "calls",
        "usr/lib/sysimage",
        "xenstore",
        "boot.sh",
        "var/xapi",
        "dev/",
    )
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if name.startswith(passed) or not (path.is_symlink() or path.is_file()):
            continue
        found[name] = (
            str(path.readlink()) if path.is_symlink() else hashlib.md5(path.read_bytes()).hexdigest()
        )
    return found


def test_installation_takes_over_the_scripts_of_the_host(life: Pool) -> None:
    said = life.host.disk.rpm("-U", "--nodeps", str(life.packages.main), str(life.packages.modules))
    assert f"known from {KNOWN_SCRIPTS}: replacing interface-reconfigure, its modules and vif" in said
    assert "You *MUST* now reboot your system" in said
    assert (life.host.root / RECONFIGURE[1:]).is_symlink()


def test_boot_brings_the_management_interface_and_the_others(life: Pool) -> None:
    life.power_on()
    said = life.host.run("/etc/init.d/openvswitch start")
    assert f"Datapath is {life.datapath}: " in said
    life.host.run(f"{RECONFIGURE} --management --force-interface xenbr2 up")
    assert life.is_reachable()  # with no XAPI: a slave of the pool finds its master over this
    for name in ATTACHED:
        life.plug(name)
    life.host.run(": > /var/run/xapi_init_complete.cookie; /etc/init.d/openvswitch-xapi-update start")
    assert "plugin=openvswitch-cfg-update fn=update" in (life.host.root / "calls").read_text()
    assert life.update() == "nothing to change"
    assert life.host.run("ovs-vsctl list-br").split() == ["xapi1", "xapi2", "xapi3", "xenbr2", "xenbr3"]


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/ovs-vsctl list-br",
        "/usr/bin/ovs-ofctl dump-flows xenbr2",
        "/usr/bin/ovs-appctl version",
        "/usr/share/openvswitch/scripts/interface-reconfigure --force xenbr2 --dry-run up",
        "/usr/share/openvswitch/scripts/vif change vif 1 0",
    ],
)
def test_a_command_starts_with_what_it_needs(life: Pool, command: str) -> None:
    """What takes long to import is what would keep a command from starting in 100 ms."""
    said = life.host.run(f"/usr/lib/openvswitch/runtime/bin/python3 -IS -X importtime {command} 2>&1")
    modules = {
        line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")
    }
    assert 20 < len(modules) < 170
    assert not modules & {"asyncio", "msgspec", "ssl", "xmlrpc.client", "vswitch.ovsdbserver.storage"}


def test_the_bond_is_configured(life: Pool) -> None:
    columns = "bond_mode,lacp,bond_updelay,bond_downdelay,bond_fake_iface,mac,other_config"
    [row] = json.loads(life.host.run(f"ovs-vsctl --format=json --columns={columns} list Port bond0"))["data"]
    options = [["bond-detect-mode", "carrier"], ["bond-miimon-interval", "100"]]
    assert row == ["balance-slb", "off", 31000, 200, True, pool.mac(0), ["map", options]]
    assert life.host.run("ovs-vsctl list-ifaces xapi1").split() == ["eth0", "eth1"]
    assert "UP" in life.host.run("ip link show bond0")  # the device that stands for the bond


def test_domains_reach_each_other_and_the_world(life: Pool) -> None:
    for number in DOMAINS:
        life.start_domain(number)
    assert life.domains[1].can_reach(DOMAINS[2])
    assert life.domains[2].can_reach(WORLD)
    assert life.host.run("xenstore-read /local/domain/0/backend/vif/1/0/hotplug-status") == "connected\n"
    wait_until(life.knows_cards, what="ovs-xapi-sync to tell of both")
    life.built = life.listing()


def test_a_manager_of_the_pool_sets_a_controller(life: Pool) -> None:
    life.xapi.tables["pool"]["OpaqueRef:pool"]["vswitch_controller"] = CONTROLLER
    life.xapi.tables["pool"]["OpaqueRef:pool"]["other_config"] = {"vswitch-controller-fail-mode": "secure"}
    said = life.update()
    assert f"controller set to {CONTROLLER}" in said
    assert "xenbr2: fail_mode=secure; xenbr2: eth2 stays reachable" in said
    assert life.is_reachable()  # by the protective flows alone: nobody controls the switch
    assert life.domains[1].cannot_reach(WORLD)
    assert life.manage("list-br").split() == ["xapi1", "xapi2", "xapi3", "xenbr2", "xenbr3"]
    life.start_controller()
    life.manage("set-controller", "xenbr3", f"tcp:{CONTROLLER}:6653")
    assert life.domains[1].can_reach(WORLD, timeout=20)
    assert (
        life.host.root / "etc/openvswitch/vswitchd.cacert"
    ).read_bytes() == life.authority.path.read_bytes()
    assert "is_connected: true" in life.host.run("ovs-vsctl show")


def test_a_reboot_rebuilds_the_same(life: Pool) -> None:
    life.host.power_off()
    life.power_on()
    life.start_services()
    for number in DOMAINS:
        life.start_domain(number)
    wait_until(life.knows_cards, what="ovs-xapi-sync to tell of both")
    secure = {
        table: [row.replace('"standalone"', '"secure"') for row in rows] for table, rows in life.built.items()
    }
    assert life.listing() == secure
    assert life.host.run("ovs-vsctl get-manager") == f"ssl:{CONTROLLER}:6632\n"
    assert life.host.run("ovs-vsctl get-controller xenbr3") == ""  # the manager's to set again
    assert life.is_reachable()
    life.manage("set-controller", "xenbr3", f"tcp:{CONTROLLER}:6653")
    assert life.domains[1].can_reach(WORLD, timeout=20)


def test_an_upgrade_goes_on_with_traffic(life: Pool) -> None:
    pinging = life.domains[1].start("ping", "-n", "-q", "-i", "0.05", "-c", "2000", WORLD)
    try:
        said = life.host.rpm("-U", "--force", "--nodeps", str(life.packages.main))
        assert "has been upgraded" in said
        restarted = life.host.run("/etc/init.d/openvswitch restart --save-flows=yes")
        assert "Restoring saved flows." in restarted
        assert life.domains[1].can_reach(WORLD, timeout=20)
    finally:
        pinging.send_signal(2)
        output, _ = pinging.communicate(timeout=20)
    found = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    assert found, output
    lost = int(found[1]) - int(found[2])
    assert int(found[2]) > 10
    if life.datapath == "ebpf":  # elsewhere nothing is forwarded while the daemon restarts
        assert lost <= 5, f"lost {lost} of {found[1]} pings, one every 50 ms"


def test_erasing_leaves_the_host_as_it_was(life: Pool) -> None:
    life.host.rpm("-e", "--nodeps", "openvswitch", f"openvswitch-modules-xen-{KERNEL}")
    life.host.power_off()
    after = _files(life.host.root)
    changed = {name for name in life.before.keys() | after if life.before.get(name) != after.get(name)}
    # What stays: logs, as evidence; how to answer ARP; and what the host's own network scripts read and XAPI rewrites.
    kept = ("var/log/openvswitch/", "etc/sysctl.conf", "etc/sysconfig/network")
    assert [name for name in sorted(changed) if not name.startswith(kept)] == []
