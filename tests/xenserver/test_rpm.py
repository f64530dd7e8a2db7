"""The packages: built, looked at, installed on a host that has no Python, booted, upgraded and erased."""

import hashlib
import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest

from tests.xenserver.packages import KERNEL, RUNNING, TOP, UUID, VERSION, Packages, ScratchHost, run
from vswitch.xenserver.package import HOST_SCRIPTS, KNOWN_SCRIPTS, SAVED

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
    assert query(packages.main, "--queryformat", "%{Name} %{Version}-%{Release} %{License}\n") == [
        f"openvswitch {VERSION}-1 ASL 2.0"
    ]
    assert query(packages.modules, "--queryformat", "%{Name} %{Version}-%{Release}\n") == [
        f"openvswitch-modules-xen-{KERNEL} {VERSION}-1"
    ]
    assert query(packages.debuginfo, "--queryformat", "%{Name} %{Version}-%{Release}\n") == [
        f"openvswitch-debuginfo {VERSION}-1"
    ]
    assert our(query(packages.main, "--requires")) == {"openvswitch_mod.ko.0"}
    assert our(query(packages.main, "--provides")) == {
        f"openvswitch = {VERSION}-1",
        f"openvswitch(x86-64) = {VERSION}-1",
    }
    assert our(query(packages.modules, "--requires")) == {f"kernel-NAME-xen = {KERNEL}"}
    assert our(query(packages.modules, "--provides")) == {
        f"openvswitch-modules-xen = {KERNEL}",
        "openvswitch_mod.ko.0",
        "openvswitch.ko.0",
        f"openvswitch-modules-xen-{KERNEL} = {VERSION}-1",
        f"openvswitch-modules-xen-{KERNEL}(x86-64) = {VERSION}-1",
    }


def our(lines: list[str]) -> set[str]:
    """Without what rpm adds for itself: nothing of the host is required, no Python and no library."""
    return {line for line in lines if line != "/bin/sh" and not line.startswith("rpmlib(")}


def test_a_kernel_without_a_flavor_goes_by_its_uname(newer_packages: Packages) -> None:
    version = RUNNING.replace("-", "_").replace("_", "-", 1)  # rpm takes one hyphen
    assert our(query(newer_packages.modules, "--requires")) == {f"kernel-uname-r = {version}"}
    assert f"openvswitch-modules-xen = {version}" in query(newer_packages.modules, "--provides")
    assert newer_packages.modules.name == f"openvswitch-modules-xen-{RUNNING}-3.7.1-1.x86_64.rpm"


SCRIPTLETS = {
    "main": {"postinstall": 'post "$1"', "preuninstall": 'preun "$1"', "postuninstall": "xs-saved"},
    "modules": {"posttrans": f"depmod {KERNEL}xen"},
    "debuginfo": {},
}


@pytest.mark.parametrize("which", SCRIPTLETS)
def test_scriptlets(packages: Packages, which: str) -> None:
    text = "\n".join(query(getattr(packages, which), "--scripts"))
    parts = re.split(r"^(\w+) scriptlet \(using /bin/sh\):$", text, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    assert found.keys() == SCRIPTLETS[which].keys()
    assert all(part in found[name] for name, part in SCRIPTLETS[which].items())


def test_a_kernel_that_is_too_old_is_told_of(tmp_path: Path, packages: Packages) -> None:
    """The C library of a new system refuses an old kernel: the host must stay as it is, and say why."""
    host = ScratchHost(tmp_path / "root")
    host.program("/usr/lib/openvswitch/runtime/bin/python3", "echo FATAL: kernel too old >&2; exit 127")
    text = "\n".join(query(packages.main, "--scripts"))
    host.write("/post.sh", text.partition("(using /bin/sh):\n")[2].partition("preuninstall scriptlet")[0])
    before = host.files()
    said = run(["chroot", str(host.root), "/bin/sh", "/post.sh", "1"])
    assert "FATAL: kernel too old" in said
    assert f"its programs do not run here, on Linux {RUNNING}: this host stays as it is" in said
    assert host.files() == before


@pytest.mark.parametrize(
    ("kernel", "is_too_old"),
    [(f"{KERNEL}xen", True), ("3.1.10", True), ("3.10.0+2", False), ("4.19.0+1", False), ("junk", False)],
)
def test_who_builds_for_a_kernel_that_is_too_old_is_told(kernel: str, is_too_old: bool) -> None:
    install = runpy.run_path(str(TOP / "packaging/xenserver/install.py"))
    assert install["needed_kernel"](next(Path("/lib").rglob("libc.so.6"))) >= (2,)
    assert install["needed_kernel"](Path("/nowhere")) == ()
    assert bool(install["too_old"](kernel, (3, 2, 0))) == is_too_old


SHARE = "/usr/share/openvswitch"
# The specification's list, but for what has no counterpart here (docs/compat.md): ovs-parse-leaks, and Open vSwitch's
# library for the host's Python.
FILES = {
    0o755: [
        "/etc/init.d/openvswitch",
        "/etc/init.d/openvswitch-xapi-update",
        "/etc/profile.d/openvswitch.sh",
        "/etc/xapi.d/plugins/openvswitch-cfg-update",
        *(
            f"{SHARE}/scripts/{name}"
            for name in (
                "ovs-xapi-sync",
                "interface-reconfigure",
                "vif",
                "sysconfig.template",
                "openvswitch-config-update",
                "ovs-ctl",
                "ovs-save",
                "ovs-bugtool-tc-class-show",
                "ovs-bugtool-ovsdb-dump",
            )
        ),
        *(f"/usr/sbin/{name}" for name in ("ovs-vlan-bug-workaround", "ovs-vswitchd", "ovsdb-server")),
        *(
            f"/usr/bin/{name}"
            for name in (
                "ovs-appctl",
                "ovs-dpctl",
                "ovs-ofctl",
                "ovs-pcap",
                "ovs-tcpundump",
                "ovs-vlan-test",
                "ovs-vsctl",
                "ovsdb-client",
                "ovsdb-tool",
                "vtep-ctl",
            )
        ),
        "/var/lib/openvswitch",
        "/var/log/openvswitch",
    ],
    0o644: [
        "/etc/logrotate.d/openvswitch",
        *(
            f"/etc/xensource/bugtool/{name}"
            for name in (
                "kernel-info/openvswitch.xml",
                "network-status/openvswitch.xml",
                "system-configuration.xml",
                "system-configuration/openvswitch.xml",
                "system-logs/openvswitch.xml",
            )
        ),
        *(f"{SHARE}/scripts/InterfaceReconfigure{name}.py" for name in ("", "Bridge", "Vswitch")),
        f"{SHARE}/scripts/ovs-lib",
        f"{SHARE}/vswitch.ovsschema",
        f"{SHARE}/vtep.ovsschema",
        "/usr/lib/xsconsole/plugins-base/XSFeatureVSwitch.py",
        *(
            f"/usr/share/man/man1/{name}.1"
            for name in ("ovsdb-client", "ovsdb-server", "ovsdb-tool", "ovs-pcap", "ovs-tcpundump")
        ),
        "/usr/share/man/man5/ovs-vswitchd.conf.db.5",
        *(
            f"/usr/share/man/man8/{name}.8"
            for name in (
                "ovs-appctl",
                "ovs-ctl",
                "ovs-dpctl",
                "ovs-ofctl",
                "ovs-vlan-bug-workaround",
                "ovs-vlan-test",
                "ovs-vsctl",
                "ovs-vswitchd",
                "vif",
            )
        ),
    ],
}


@pytest.mark.parametrize("mode", FILES)
def test_files(packages: Packages, mode: int) -> None:
    rows = query(packages.main, "--queryformat", "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}\n]")
    files = {name: (int(bits, 8) & 0o7777, user) for name, bits, user in (row.split() for row in rows)}
    assert {name: files.get(name) for name in FILES[mode]} == dict.fromkeys(FILES[mode], (mode, "root"))


def test_no_other_files(packages: Packages) -> None:
    """What the specification takes out, and what the scriptlets make."""
    files = query(packages.main, "--list")
    assert not [name for name in files if name.startswith(("/opt/xensource", "/etc/xensource/scripts"))]
    assert not {"/etc/openvswitch/conf.db", "/etc/sysconfig/openvswitch"} & set(files)
    assert "/etc/xapi.d/plugins/openvswitch-config-update" not in files  # XAPI's, on later hosts
    left_out = (
        "ovs-benchmark",
        "ovs-controller",
        "ovs-testcontroller",
        "ovs-pki",
        "ovs-test",
        "ovs-brcompatd",
    )
    assert not [name for name in files if Path(name).name.split(".")[0] in left_out]
    outside = [name for name in files if not name.startswith("/usr/lib/openvswitch/runtime/")]
    assert not [name for name in outside if name.endswith((".pyc", ".pyo"))]


def test_programs_are_prepared_for_kernels_that_can_run_them(
    packages: Packages, newer_packages: Packages
) -> None:
    directory = "/lib/modules/{}/extra/openvswitch"
    assert [name for name in query(packages.modules, "--list") if "/extra/openvswitch/" in name] == [
        f"{directory.format(KERNEL + 'xen')}/modules.conf"
    ]
    files = query(newer_packages.modules, "--list")
    there = [Path(name) for name in files if name.startswith(f"{directory.format(RUNNING)}/bpf/")]
    digests = {path.name for path in there if re.fullmatch("[0-9a-f]{40}", path.name)}
    assert {path.name for path in there} - digests == {"prepared"}
    listings = [
        name
        for name in query(newer_packages.debuginfo, "--list")
        if name.startswith("/usr/lib/debug/") and "/bpf/" in name
    ]
    assert len(listings) == len(digests) > 400
    text = unpack(newer_packages.debuginfo, listings[-1])
    assert text.splitlines()[0] in digests
    assert f"inputs {text.splitlines()[0]}" in unpack(
        newer_packages.modules, f"{directory.format(RUNNING)}/bpf/{text.splitlines()[0]}"
    )


def unpack(package: Path, name: str) -> str:
    """A file of a package, as text."""
    cpio = subprocess.run(["rpm2cpio", package], capture_output=True, check=True).stdout
    return run(["busybox", "cpio", "-i", "--to-stdout", f".{name}"], stdin=cpio)


def test_debuginfo_has_symbols_sources_and_programs(packages: Packages) -> None:
    files = query(packages.debuginfo, "--list")
    assert any(name.endswith(".debug") for name in files)
    assert f"/usr/src/debug/openvswitch-{VERSION}/src/vswitch/vswitchd/main.py" in files
    assert not {
        name for name in query(packages.main, "--list") if name.startswith(("/usr/src", "/usr/lib/debug"))
    }
    programs = [name for name in files if name.startswith(f"/usr/lib/debug/openvswitch-{VERSION}/bpf/masks-")]
    assert len(programs) > 300
    text = unpack(packages.debuginfo, programs[0])
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


def test_a_host_of_today_has_its_database_in_memory(tmp_path: Path, packages: Packages) -> None:
    host = ScratchHost(tmp_path / "root")
    host.write("/etc/xcp-networkd.conf", "network-conf=/etc/xensource/network.conf\n")
    host.rpm("-U", "--nodeps", str(packages.main), str(packages.modules))
    start = "/usr/share/openvswitch/scripts/ovs-start; echo status $?"
    first = host.boot(
        f"{start}\novs-vsctl add-br xapi0 -- set-manager ssl:192.0.2.1:6640\n"
        "/etc/init.d/openvswitch restart >/dev/null; ovs-vsctl list-br; ovs-vsctl get-manager\n"
        "ls /var/run/openvswitch/conf.db /etc/openvswitch"
    )
    assert first.endswith("xapi0\nssl:192.0.2.1:6640\n/var/run/openvswitch/conf.db\n\n/etc/openvswitch:\n")
    second = host.boot(f"{start}\necho bridges: $(ovs-vsctl list-br) managers: $(ovs-vsctl get-manager)")
    assert "status 0\nbridges: managers:\n" in second
    host.rpm("-e", "--nodeps", "openvswitch")


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


STUB = """
Name: {name}
Version: {version}
Release: 1
License: none
Summary: What a host of today has of its own
BuildArch: noarch
%description
%install
{script}
%files
{files}
"""


def stub(directory: Path, name: str, version: str, *files: str) -> str:
    """A package with these files."""
    script = "\n".join(
        f'mkdir -p "%{{buildroot}}{file.rpartition("/")[0]}"; echo "the host\'s own" > "%{{buildroot}}{file}"'
        for file in files
    )
    spec = directory / f"{name}.spec"
    spec.write_text(STUB.format(name=name, version=version, script=script, files="\n".join(files)))
    run(["rpmbuild", "-D", f"_topdir {directory}", "-bb", str(spec)], cwd=directory)
    return str(next(directory.rglob(f"{name}-{version}-1.noarch.rpm")))


def test_it_takes_the_place_of_the_package_of_a_host_of_today(tmp_path: Path, packages: Packages) -> None:
    """Without a conflict with what else the host has; and the host's own can come back."""
    host = ScratchHost(tmp_path / "root")
    host.write("/etc/xcp-networkd.conf", "")
    host.write("/etc/xensource/network.conf", "openvswitch\n")
    plugin = "/etc/xapi.d/plugins/openvswitch-config-update"
    own = ("/usr/bin/ovs-vsctl", "/usr/sbin/ovs-vswitchd", "/usr/lib/systemd/system/openvswitch.service")
    theirs = stub(tmp_path, "openvswitch", "2.17.7", *own)
    host.rpm("-U", "--nodeps", theirs, stub(tmp_path, "xapi-core", "26.1.0", plugin))
    before = host.files()
    assert "has been upgraded" in host.rpm("-U", "--nodeps", str(packages.main), str(packages.modules))
    assert (host.root / plugin[1:]).read_text() == "the host's own\n"
    assert (host.root / "usr/sbin/ovs-vswitchd").read_text().startswith("#!/usr/lib/openvswitch/runtime")
    host.rpm("-U", "--oldpackage", "--nodeps", theirs)
    host.rpm("-e", "--nodeps", f"openvswitch-modules-xen-{KERNEL}")
    assert {(host.root / path[1:]).read_text() for path in (*own, plugin)} == {"the host's own\n"}
    assert host.files() - before == {"etc/sysconfig/openvswitch", "etc/sysctl.conf"}


def test_downgrade(tmp_path: Path, packages: Packages, newer_packages: Packages) -> None:
    """To an older release: its programs run, what its schema lacks is gone but kept, and the host's scripts are safe."""
    host = ScratchHost(tmp_path / "root")
    for path in HOST_SCRIPTS:
        host.write(path, f"the host's {path}")
    sums = [hashlib.md5(f"the host's {path}".encode()).hexdigest() for path in HOST_SCRIPTS]
    lines = (f"{sum}  {path}\n" for sum, path in zip(sums, HOST_SCRIPTS, strict=True))
    host.write(KNOWN_SCRIPTS, "".join(lines))
    host.rpm("-U", "--nodeps", str(newer_packages.main), str(newer_packages.modules))
    schema = json.loads((host.root / "usr/share/openvswitch/vswitch.ovsschema").read_text())
    schema["version"] = "99.0.0"
    schema["tables"]["Bridge"]["columns"]["of_tomorrow"] = {"type": {"key": "string", "min": 0, "max": 1}}
    host.write("/tomorrow.ovsschema", json.dumps(schema))
    newer = host.boot(
        "ovsdb-tool convert /etc/openvswitch/conf.db /tomorrow.ovsschema\n"
        "/usr/share/openvswitch/scripts/ovs-ctl --db-schema=/tomorrow.ovsschema --system-id=random start >/dev/null\n"
        "ovs-vsctl set-manager ssl:192.0.2.1:6640 -- add-br xapi0 -- set bridge xapi0 of_tomorrow=yes\n"
        "grep -o 'programs .*' /var/log/openvswitch/ovs-vswitchd.log; ovs-vsctl get bridge xapi0 of_tomorrow\n"
        "ovs-appctl coverage/show | grep ebpf_program; ovs-vswitchd --version; ovs-appctl version\n"
        "/usr/share/openvswitch/scripts/ovs-ctl stop >/dev/null"
    )
    assert "\nyes\n" in newer
    assert newer.count("ovs-vswitchd (Open vSwitch) 3.7.0+build123\n") == 2
    if "programs " in newer:  # this machine runs the datapath, with what the modules package has brought
        assert f"programs prepared for {RUNNING} in /lib/modules/{RUNNING}/extra/openvswitch/bpf" in newer
        assert re.search(r"ebpf_program_prepared .* total: [1-9]", newer)

    said = host.rpm("-U", "--oldpackage", "--nodeps", str(packages.main), str(packages.modules))
    assert "Reboot this host to have all of it in use." in said
    assert host.rpm("-q", "openvswitch").strip() == f"openvswitch-{VERSION}-1.x86_64"
    older = host.boot(
        "/etc/init.d/openvswitch start; echo status $?\n"
        "ovs-vsctl get-manager; ovs-vsctl get Open_vSwitch . db_version; ovs-vsctl list-br\n"
        "grep -c of_tomorrow /etc/openvswitch/conf.db.backup99.0.0-*; /etc/init.d/openvswitch stop"
    )
    assert "from schema 99.0.0 to " in older
    assert "status 0\n" in older
    assert "\nssl:192.0.2.1:6640\n" in older
    for path in HOST_SCRIPTS:
        name = path.rpartition("/")[2]
        assert (host.root / path[1:]).readlink() == Path(f"/usr/share/openvswitch/scripts/{name}")
        assert (host.root / SAVED[1:] / name).read_text() == f"the host's {path}"
    host.rpm("-e", "--nodeps", "openvswitch")
    assert [(host.root / path[1:]).read_text() for path in HOST_SCRIPTS] == [
        f"the host's {path}" for path in HOST_SCRIPTS
    ]
