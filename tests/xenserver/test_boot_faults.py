"""What goes wrong while a host boots: each with its message and exit status, and the management network up all the same.

The host is installed, was up once, and is booted anew for each fault.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.xenserver import pool
from tests.xenserver.certificates import Authority
from tests.xenserver.live import LiveHost
from tests.xenserver.packages import Packages
from vswitch.xenserver.dbcache import write_cache

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

RECONFIGURE = "/usr/share/openvswitch/scripts/interface-reconfigure"
START = "/etc/init.d/openvswitch start"
MANAGEMENT = f"{RECONFIGURE} --management --force-interface xenbr2 up"
ADDRESS = "10.0.2.2"
MANAGER = "ssl:10.0.2.1:6632"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
DATABASE = "/etc/openvswitch/conf.db"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, packages: Packages) -> Iterator[LiveHost]:
    with LiveHost(tmp_path_factory.mktemp("faults") / "root") as host:
        tables = pool.tables()
        static = {"ip_configuration_mode": "Static", "IP": ADDRESS, "netmask": "255.255.255.0"}
        tables["PIF"]["OpaqueRef:eth2"] |= static
        host.disk.write("/var/xapi/network.dbcache", write_cache(pool.records(tables)))
        host.disk.rpm("-U", "--nodeps", str(packages.main), str(packages.modules))
        power_on(host)
        host.run(f"{START}; {MANAGEMENT}; ovs-vsctl set-manager {MANAGER}")
        yield host


@pytest.fixture
def host(installed: LiveHost) -> LiveHost:
    """The host, right after the power came back."""
    installed.power_off()
    power_on(installed)
    return installed


def power_on(host: LiveHost) -> None:
    host.boot()
    device = f"ip link add eth2 address {pool.mac(2)} type veth peer name cable"
    host.run(f"{device} && ip link set cable up", is_inside=False)


def comes_up(host: LiveHost) -> str:
    """What start-up says; the management network is up afterwards."""
    said = host.run(START)
    host.run(MANAGEMENT)
    assert ADDRESS in host.run("ip addr show xenbr2")
    assert host.run("ovs-vsctl get-manager") == f"{MANAGER}\n"
    return said


@pytest.mark.parametrize(
    ("fault", "message", "repair"),
    [
        (
            "mount -o bind /etc /etc && mount -o remount,ro,bind /etc",
            "Read-only file system",
            "mount -o remount,rw,bind /etc",
        ),
        (
            "cp -a /etc /var/run/etc && mount -t tmpfs -o size=1m full /etc && cp -a /var/run/etc/. /etc"
            " && cat /dev/urandom >/etc/fill 2>/dev/null; test -s /etc/fill",
            "No space left on device",
            "rm /etc/fill",
        ),
    ],
    ids=["read-only", "full"],
)
def test_a_disk_that_cannot_be_written(host: LiveHost, fault: str, message: str, repair: str) -> None:
    before = (host.root / DATABASE[1:]).read_bytes()
    host.run(fault)
    said = comes_up(host)
    assert f"Copying database {DATABASE} to /var/run/openvswitch/conf.db." in said
    assert f"{message}: {DATABASE} stays as it is, and what changes now is lost at the next boot" in said
    assert (host.root / DATABASE[1:]).read_bytes() == before
    change = host.attempt(
        f"{RECONFIGURE} --force xenbr3 up"
    )  # a file that is not there yet cannot be written
    assert change.returncode == 1
    assert (
        f"interface-reconfigure: cannot write /etc/sysconfig/network-scripts/.ifcfg-xenbr3.xapi-new: {message}"
        in change.stdout
    )
    again = host.run("/etc/init.d/openvswitch restart --save-flows=yes; ovs-vsctl list-br")
    assert again.endswith("\nxenbr2\n")
    assert "Copying" not in again
    repaired = host.run(f"{repair} && /etc/init.d/openvswitch restart --save-flows=yes; ovs-vsctl list-br")
    assert f"Moving database /var/run/openvswitch/conf.db back to {DATABASE}." in repaired
    assert repaired.endswith("\nxenbr2\n")


@pytest.mark.parametrize(
    "fault",
    [
        "mount -t tmpfs -o size=4k full /var/log/openvswitch; echo x > /var/log/openvswitch/fill",
        "mount -t tmpfs -o size=4k,nr_inodes=1 full /var/log/openvswitch",
        "mount -t tmpfs -o ro full /var/log/openvswitch",
    ],
    ids=["no room in files", "no room for files", "read-only"],
)
def test_no_room_for_logs(host: LiveHost, fault: str) -> None:
    host.run(fault)
    said = comes_up(host)
    assert ("runs without a log file ... (warning)." in said) == ("fill" not in fault)
    assert "ovs-xapi-sync is running" in host.run("/etc/init.d/openvswitch status")


STEPS = [
    "Starting ovsdb-server.",
    "Configuring Open vSwitch system IDs.",
    "Starting ovs-vswitchd.",
    "Datapath is",
]


@pytest.mark.parametrize("step", ["", *STEPS])
def test_a_start_that_is_killed_between_two_steps(host: LiveHost, step: str) -> None:
    """Whatever the moment, the next start, and the next boot, go on from there."""
    program = "/usr/share/openvswitch/scripts/ovs-ctl --delete-bridges --db-fallback=/var/run/openvswitch/conf.db start"
    killing = (
        f'while read -r line; do case "$line" in "{step}"*) kill -9 $pid; break; esac; done </var/run/said'
    )
    host.run(": > /var/run/openvswitch.booted; mkfifo /var/run/said")
    if step:
        host.run(f"{program} >/var/run/said 2>&1 & pid=$!; {killing}")
    else:
        host.run(f"{program} >/dev/null 2>&1 & kill -9 $!")
    comes_up(host)
    host.power_off()
    power_on(host)
    assert "Starting ovs-vswitchd." in comes_up(host)


def test_a_cache_that_is_damaged(host: LiveHost) -> None:
    cache = host.root / "var/xapi/network.dbcache"
    text = cache.read_text()
    try:
        cache.write_text(text[: len(text) // 2])
        host.run(START)
        failed = host.attempt(MANAGEMENT)
        assert failed.returncode == 1
        assert "network.dbcache" in failed.stdout
        assert "--force BRIDGE rewrite --device DEVICE --mac MAC --mode dhcp" in failed.stdout
        address = f"--mode=static --ip={ADDRESS} --netmask=255.255.255.0"
        host.run(f"{RECONFIGURE} --force xenbr2 rewrite --device=eth2 --mac={pool.mac(2)} {address}")
        host.run(MANAGEMENT)
        assert ADDRESS in host.run("ip addr show xenbr2")
    finally:
        cache.write_text(text)


def test_a_database_of_a_newer_release(host: LiveHost) -> None:
    schema = json.loads((host.root / SCHEMA[1:]).read_text())
    schema["version"] = "99.0.0"
    schema["tables"]["Manager"]["columns"]["from_the_future"] = {"type": "string"}
    host.disk.write("/tmp/newer", json.dumps(schema))
    host.run(f"ovsdb-tool convert {DATABASE} /tmp/newer; ovsdb-tool db-version {DATABASE}")
    said = comes_up(host)
    assert f"Backing up database to {DATABASE}.backup99.0.0-" in said
    assert f"Converting {DATABASE} from schema 99.0.0 to " in said


def test_a_database_that_is_damaged(host: LiveHost) -> None:
    (host.root / DATABASE[1:]).write_text("this is no database\n")
    said = host.run(START)
    assert f"keeping it as {DATABASE}.damaged1 and starting with an empty database" in said
    host.run(MANAGEMENT)
    assert ADDRESS in host.run("ip addr show xenbr2")
    host.run(f"ovs-vsctl set-manager {MANAGER}")


def test_a_switch_that_does_not_start(host: LiveHost) -> None:
    host.run("mkdir -p /var/run/openvswitch/ovs-vswitchd.pid")
    failed = host.attempt(START)
    assert failed.returncode == 1
    assert "Starting ovs-vswitchd ... failed!" in failed.stdout
    assert "xe-switch-network-backend bridge, then reboot" in failed.stdout
    failed = host.attempt(MANAGEMENT)
    assert failed.returncode == 1
    assert "eth2 itself is the management interface" in failed.stdout
    assert ADDRESS in host.run("ip addr show eth2")
    host.run("rmdir /var/run/openvswitch/ovs-vswitchd.pid")
    comes_up(host)
    assert ADDRESS not in host.run("ip addr show eth2")


# --- certificates ---

KEY, CACERT = "/etc/xensource/xapi-ssl.pem", "/etc/openvswitch/vswitchd.cacert"
LOG = "/var/log/openvswitch/ovsdb-server.log"
TLS = f"ovs-vsctl -- --bootstrap set-ssl {KEY} {KEY} {CACERT} -- set-manager ssl:127.0.0.1:6632"


def manage(host: LiveHost, authority: Authority, timeout: int = 20) -> subprocess.CompletedProcess[str]:
    """What a manager of the host, the peer's program, is told when it asks for the bridges."""
    own = authority.certificate("manager")
    trust = f"-p {own} -c {own} --ca-cert={authority.path} --peer-ca-cert={authority.path}"
    call = f"ovs-vsctl --db=pssl:6632:127.0.0.1 --timeout={timeout} --no-wait {trust} list-br"
    return host.attempt(call, is_inside=False)


@pytest.fixture
def authority(tmp_path: Path, host: LiveHost) -> Iterator[Authority]:
    """Who vouches for the host and its manager; the manager of the other tests is back afterwards."""
    authority = Authority(tmp_path, "first")
    host.disk.write(KEY, authority.certificate("host").read_text())
    yield authority
    host.run(f"rm -f {CACERT}; ovs-vsctl del-ssl -- set-manager {MANAGER}; : > {LOG}")


def test_a_manager_with_another_certificate(host: LiveHost, authority: Authority, tmp_path: Path) -> None:
    """Who was trusted first is trusted; another is refused, told of, and trusted when the first is forgotten."""
    comes_up(host)
    host.run(TLS)
    assert manage(host, authority).stdout.split() == ["xenbr2"]
    cacert = host.root / CACERT[1:]
    assert cacert.read_bytes() == authority.path.read_bytes()

    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    host.disk.write(KEY, other.certificate("host").read_text())  # the host is what that manager expects
    refused = manage(host, other, timeout=4)
    assert refused.returncode != 0
    assert "certificate verify failed" in (host.root / LOG[1:]).read_text()
    assert cacert.read_bytes() == authority.path.read_bytes()
    assert "is_connected" not in host.run("ovs-vsctl show")
    assert ADDRESS in host.run("ip addr show xenbr2")

    cacert.unlink()
    assert manage(host, other, timeout=30).stdout.split() == ["xenbr2"]
    assert cacert.read_bytes() == other.path.read_bytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (f"rm {KEY}", f"{KEY}: No such file or directory"),
        (f"echo junk > {KEY}", f"{KEY}: "),
        (f"sed -i '/BEGIN CERT/,$d' {KEY}", f"{KEY}: "),
        (f"echo junk > {CACERT}", f"{CACERT}: "),
    ],
    ids=["no key", "junk", "no certificate", "junk for the authority"],
)
def test_certificates_of_the_host_that_are_no_use(
    host: LiveHost, authority: Authority, damage: str, message: str
) -> None:
    """The manager is not reached, and the log says why; everything else goes on, over a boot, too."""
    host.run(damage)
    assert host.run(START)
    host.run(f"{MANAGEMENT}; {TLS}; : > {LOG}")
    assert manage(host, authority, timeout=4).returncode != 0
    assert re.search(message, (host.root / LOG[1:]).read_text())
    host.power_off()
    power_on(host)
    host.run(f"{START}; {MANAGEMENT}")
    assert ADDRESS in host.run("ip addr show xenbr2")
    host.disk.write(KEY, authority.certificate("host").read_text())
    host.run(f"rm -f {CACERT}")
    assert manage(host, authority, timeout=30).stdout.split() == ["xenbr2"]
