"""The packages: built, looked at, installed on a host that has no Python, booted, upgraded and erased."""

import subprocess
from pathlib import Path

import pytest

from tests.xenserver.packages import KERNEL, UUID, VERSION, Packages, ScratchHost, run

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, packages: Packages) -> ScratchHost:
    """A host with the packages installed, for tests that leave it so."""
    host = ScratchHost(tmp_path_factory.mktemp("host") / "root")
    host.rpm("-U", "--nodeps", str(packages.main), str(packages.modules))
    return host


def query(package: Path, *what: str) -> list[str]:
    return run(["rpm", "-qp", *what, str(package)]).splitlines()


def test_names_and_dependencies(packages: Packages) -> None:
    assert query(packages.main, "--queryformat", "%{Name} %{Version}-%{Release}\n") == [
        f"openvswitch {VERSION}-1"
    ]
    assert "openvswitch_mod.ko.0" in query(packages.main, "--requires")
    provides = query(packages.modules, "--provides")
    assert "openvswitch_mod.ko.0" in provides
    assert f"openvswitch-modules-xen = {KERNEL}" in provides
    assert f"kernel-NAME-xen = {KERNEL}" in query(packages.modules, "--requires")


def test_nothing_of_the_host_is_required(packages: Packages) -> None:
    wanted = query(packages.main, "--requires")
    assert not [line for line in wanted if "python" in line.lower() or ".so" in line]


def test_files(packages: Packages) -> None:
    files = set(query(packages.main, "--list"))
    assert files >= {
        "/etc/init.d/openvswitch",
        "/etc/init.d/openvswitch-xapi-update",
        "/etc/logrotate.d/openvswitch",
        "/etc/profile.d/openvswitch.sh",
        "/etc/xapi.d/plugins/openvswitch-cfg-update",
        "/usr/bin/ovs-vsctl",
        "/usr/bin/ovs-ofctl",
        "/usr/sbin/ovs-vswitchd",
        "/usr/sbin/ovsdb-server",
        "/usr/share/openvswitch/scripts/interface-reconfigure",
        "/usr/share/openvswitch/scripts/ovs-ctl",
        "/usr/share/openvswitch/scripts/ovs-xapi-sync",
        "/usr/share/openvswitch/scripts/vif",
        "/usr/share/openvswitch/vswitch.ovsschema",
        "/var/lib/openvswitch",
    }
    assert not {name for name in files if name.startswith(("/opt/xensource", "/etc/xensource/scripts"))}
    assert f"/lib/modules/{KERNEL}xen/extra/openvswitch/modules.conf" in query(packages.modules, "--list")


def test_debuginfo_has_symbols_sources_and_programs(packages: Packages) -> None:
    files = query(packages.debuginfo, "--list")
    assert any(name.endswith(".debug") for name in files)
    assert f"/usr/src/debug/openvswitch-{VERSION}/src/vswitch/vswitchd/main.py" in files
    assert not {
        name for name in query(packages.main, "--list") if name.startswith(("/usr/src", "/usr/lib/debug"))
    }
    programs = [name for name in files if name.startswith(f"/usr/lib/debug/openvswitch-{VERSION}/bpf/main-")]
    assert len(programs) == 4
    cpio = subprocess.run(["rpm2cpio", packages.debuginfo], capture_output=True, check=True).stdout
    text = run(["busybox", "cpio", "-i", "--to-stdout", f".{programs[0]}"], stdin=cpio)
    assert "exit" in text.splitlines()[-2]  # cpio has the last word
    assert "; map " in text


def test_a_host_needs_its_kernel_and_nothing_else(host: ScratchHost) -> None:
    assert not list(host.root.glob("usr/bin/python*"))
    output = host.boot(
        "ovs-vsctl --version; env -i PYTHONPATH=/nowhere PYTHONHOME=/nowhere /usr/bin/ovs-ofctl --version"
    )
    assert output.splitlines()[0] == f"ovs-vsctl (Open vSwitch) {VERSION}"
    assert f"ovs-ofctl (Open vSwitch) {VERSION}" in output


def test_boot_and_reboot(host: ScratchHost) -> None:
    first = host.boot(
        "/etc/init.d/openvswitch start; echo status $?; /etc/init.d/openvswitch status; echo status $?\n"
        "ovs-vsctl add-br xapi0; ovs-vsctl get Open_vSwitch . external_ids system_type system_version\n"
        "ovs-vsctl get bridge xapi0 datapath_id; ls -a /var/run/openvswitch.booted /var/lock/subsys\n"
        "/etc/init.d/openvswitch restart; ovs-vsctl list-br\n"
        "/etc/init.d/openvswitch stop; /etc/init.d/openvswitch status; echo status $?"
    )
    assert "Starting ovs-vswitchd.\nDatapath is " in first
    assert first.count("status 0") == 2
    assert "ovs-xapi-sync is running with pid" in first
    assert f'system-id="{UUID}", xs-system-uuid="{UUID}"' in first
    assert 'XenServer\n"6.0.0-50762p"' in first
    assert '"0000ee944580eea0"' in first  # follows from the host's UUID and the bridge's name
    assert first.splitlines()[-3:] == [
        "ovsdb-server is not running",
        "ovs-vswitchd is not running",
        "status 1",
    ]
    assert "\nxapi0\n" in first  # a restart is no boot: bridges stay
    second = host.boot(
        "/etc/init.d/openvswitch start; echo bridges: $(ovs-vsctl list-br); /etc/init.d/openvswitch stop"
    )
    assert "bridges:\n" in second  # a boot is one: whoever owns them makes them anew


def test_the_bridge_backend_keeps_the_switch_off(host: ScratchHost) -> None:
    for word, said in (("bridge", ""), ("junk", "'junk' is neither openvswitch, vswitch nor bridge")):
        output = host.boot(
            f"echo {word} > /etc/xensource/network.conf; /etc/init.d/openvswitch start; echo status $?"
        )
        host.write("/etc/xensource/network.conf", "openvswitch\n")
        assert said in output
        assert output.endswith("status 0\n")


def test_a_failure_tells_what_to_do(host: ScratchHost) -> None:
    output = host.boot(
        "mkdir /var/run/openvswitch; mount -t tmpfs -o size=4k full /var/run/openvswitch\n"
        "echo x > /var/run/openvswitch/fill 2>/dev/null; mkdir /var/run/openvswitch/ovsdb-server.pid\n"
        "/etc/init.d/openvswitch start; echo status $?"
    )
    assert "Starting ovsdb-server ... failed!" in output
    assert "xe-switch-network-backend bridge, then reboot" in output
    assert output.endswith("status 1\n")


def test_install_upgrade_and_erase_leave_the_host_as_it_was(
    tmp_path: Path, packages: Packages, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = ScratchHost(tmp_path / "root")
    host.write("/opt/xensource/libexec/interface-reconfigure", "the host's own")
    before = host.files()
    output = host.rpm("-U", "--nodeps", str(packages.main), str(packages.modules))
    assert "You *MUST* now reboot your system" in output
    assert (host.root / "etc/xensource/network.conf").read_text() == "openvswitch\n"
    assert (host.root / "opt/xensource/libexec/interface-reconfigure").read_text() == "the host's own"
    host.write("/etc/sysconfig/openvswitch", "FORCE_COREFILES=no\n")

    upgrade = host.rpm("-U", "--force", "--nodeps", str(packages.main))
    assert "Reboot this host to have all of it in use." in upgrade
    text = (host.root / "etc/sysconfig/openvswitch").read_text()
    assert text.startswith("FORCE_COREFILES=no\n")
    assert "# VSWITCHD_PRIORITY:" in text

    host.rpm("-e", "--nodeps", "openvswitch", f"openvswitch-modules-xen-{KERNEL}")
    calls = (host.root / "calls").read_text()
    assert "xe-switch-network-backend bridge\n" in calls
    assert "chkconfig --del openvswitch\n" in calls
    assert host.files() - before == {"etc/sysctl.conf"}
