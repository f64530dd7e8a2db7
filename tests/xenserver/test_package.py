"""What installing, upgrading and erasing the package does to a host, on hosts of every kind."""

import errno
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vswitch.cli.dbtool import contents
from vswitch.xenserver import package
from vswitch.xenserver.host import Host
from vswitch.xenserver.package import (
    ARP_FILTER,
    HOST_SCRIPTS,
    RECONFIGURE,
    SAVED,
    SCRIPTS,
    VIF,
    blocks,
    main,
)

TEMPLATE = """# Settings.

# FIRST: what the first one is for,
# in two lines.
# FIRST=yes

# SECOND: what the second is for.
SECOND=2
"""


class Scratch(Host):
    """A host in a directory, with our package's files and stub commands that note their calls."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.put(f"{SCRIPTS}/sysconfig.template", TEMPLATE)
        for path in HOST_SCRIPTS:
            self.put(f"{SCRIPTS}/{path.rpartition('/')[2]}", "ours")

    def place(self, name: str) -> Path:
        """Where a file of the host is."""
        return Path(self.path(name))

    def put(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def command(self, name: str, script: str = "") -> None:
        self.put(name, f'#!/bin/sh\necho "${{0##*/}} $*" >> {self.root}/calls\n{script}\n', 0o755)

    def calls(self) -> list[str]:
        return self.read("/calls").splitlines()

    def give_scripts(self, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """The host's own scripts; `known` as those of a release."""
        for path in HOST_SCRIPTS:
            self.put(path, f"the host's {path}")
        if known:
            sums = tuple(hashlib.md5(f"the host's {path}".encode()).hexdigest() for path in HOST_SCRIPTS)
            monkeypatch.setitem(package.RELEASES, sums, "XenServer 0.0")

    def post(self, number: int = 1) -> None:
        assert main(["post", str(number), self.root]) == 0


@pytest.fixture
def host(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


@pytest.fixture
def xenserver(host: Scratch, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A classic host."""
    host.give_scripts(True, monkeypatch)
    host.put("/etc/xensource/network.conf", "bridge\n")
    host.command("/sbin/chkconfig", "case $1 in --list) exit 1;; esac")
    host.command("/opt/xensource/bin/xe-switch-network-backend", 'echo "You *MUST* now reboot your system"')
    return host


def test_replaces_scripts_that_it_knows(xenserver: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    xenserver.post()
    for path in HOST_SCRIPTS:
        name = path.rpartition("/")[2]
        assert str(xenserver.place(path).readlink()) == f"{SCRIPTS}/{name}"
        assert xenserver.read(f"{SAVED}/{name}") == f"the host's {path}"
    assert "Found the scripts of XenServer 0.0" in capsys.readouterr().out


def test_keeps_scripts_that_it_does_not_know(
    host: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host.give_scripts(False, monkeypatch)
    host.post()
    assert [host.read(path) for path in HOST_SCRIPTS] == [f"the host's {path}" for path in HOST_SCRIPTS]
    assert "stay as they are" in capsys.readouterr().out


def test_replaces_scripts_that_the_administrator_knows(
    host: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host.give_scripts(False, monkeypatch)
    sums = [f"{hashlib.md5(host.place(path).read_bytes()).hexdigest()}  {path}\n" for path in HOST_SCRIPTS]
    host.put(package.KNOWN_SCRIPTS, "".join(reversed(sums)))
    host.post()
    assert str(host.place(RECONFIGURE).readlink()) == f"{SCRIPTS}/interface-reconfigure"
    assert f"known from {package.KNOWN_SCRIPTS}" in capsys.readouterr().out
    host.put(f"{SAVED}/vif", "a hotfix came after that")
    host.post(2)
    assert host.read(RECONFIGURE) == f"the host's {RECONFIGURE}"


def test_a_current_host_keeps_its_own(host: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    host.put("/usr/sbin/xcp-networkd", "")
    host.put(VIF, "#!/bin/sh\n")
    host.post()
    assert not host.place(package.DATABASE).exists()  # there it is in memory
    assert host.read(VIF) == "#!/bin/sh\n"
    assert "xcp-networkd configures this host's network" in capsys.readouterr().out


def test_installing_twice_changes_nothing_more(xenserver: Scratch) -> None:
    xenserver.post(1)
    before = tree(xenserver)
    xenserver.post(2)
    assert tree(xenserver) == before


@pytest.mark.parametrize("broken", ["symlink_to", "replace"])
def test_a_host_is_never_without_its_scripts(
    xenserver: Scratch, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the power fails")

    with monkeypatch.context() as patched:
        patched.setattr(Path, broken, fail)
        xenserver.post()
    assert [xenserver.read(path) for path in HOST_SCRIPTS] == [f"the host's {path}" for path in HOST_SCRIPTS]
    xenserver.post(2)
    assert [xenserver.place(path).is_symlink() for path in HOST_SCRIPTS] == [True] * len(HOST_SCRIPTS)


def test_modules_stand_for_those_of_the_host(tmp_path: Path) -> None:
    libexec = Path(__file__).parents[2] / "packaging/xenserver/root/opt/xensource/libexec"
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/InterfaceReconfigure.py").write_text("def log(text): return 'host: ' + text\n")
    (tmp_path / "saved/InterfaceReconfigureVswitch.py").write_text(
        "from InterfaceReconfigure import *\nclass DatapathVswitch: said = log(__name__)\n"
    )
    for path in libexec.glob("*.py"):
        text = path.read_text().replace("/usr/lib/openvswitch/xs-saved", str(tmp_path / "saved"))
        (tmp_path / path.name).write_text(text)
    script = "import InterfaceReconfigureVswitch as module; print(module.DatapathVswitch.said)"
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "host: InterfaceReconfigureVswitch\n"
    words[-1] = "import InterfaceReconfigureBridge"
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "ImportError: there is no copy of the host's own in" in done.stderr


def test_takes_over_from_a_package_that_saved_elsewhere(xenserver: Scratch) -> None:
    old = xenserver.place("/usr/lib/openvswitch/xs-original")
    old.mkdir(parents=True)
    for path in HOST_SCRIPTS:
        xenserver.place(path).rename(old / path.rpartition("/")[2])
        xenserver.place(path).symlink_to("/usr/share/vswitch/old")
    xenserver.post(2)
    assert not old.exists()
    assert str(xenserver.place(VIF).readlink()) == f"{SCRIPTS}/vif"
    assert xenserver.read(f"{SAVED}/interface-reconfigure") == f"the host's {RECONFIGURE}"


def test_the_plugin_of_later_hosts_is_offered(xenserver: Scratch, host: Scratch) -> None:
    path = package.CONFIG_UPDATE
    xenserver.post()
    assert str(xenserver.place(path).readlink()) == f"{SCRIPTS}/openvswitch-config-update"
    xenserver.place(path).unlink()
    xenserver.put(path, "XAPI's own")
    xenserver.post(2)
    assert xenserver.read(path) == "XAPI's own"


def test_gives_back_what_it_no_longer_replaces(xenserver: Scratch) -> None:
    xenserver.put(f"{SAVED}/brctl", "the host's brctl")
    xenserver.place("/usr/sbin").mkdir(parents=True)
    xenserver.place("/usr/sbin/brctl").symlink_to("/usr/share/openvswitch/gone")
    xenserver.post(2)
    assert xenserver.read("/usr/sbin/brctl") == "the host's brctl"


def test_gives_back_across_file_systems(xenserver: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy must take the link's place, not write through it."""

    def elsewhere(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    xenserver.put(f"{SAVED}/vif", "the host's vif")
    xenserver.place(VIF).unlink()
    xenserver.place(VIF).symlink_to(xenserver.place(f"{SCRIPTS}/vif"))
    monkeypatch.setattr(package, "RELEASES", {})
    monkeypatch.setattr(os, "rename", elsewhere)
    xenserver.post(2)
    assert xenserver.read(VIF) == "the host's vif"
    assert xenserver.read(f"{SCRIPTS}/vif") == "ours"


@pytest.mark.usefixtures("capsys")  # what is printed has no limit
@pytest.mark.parametrize("path", [package.SYSCONFIG, package.SYSCTL])
def test_a_disk_that_is_full_costs_no_settings(
    xenserver: Scratch, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    xenserver.put(path, "FIRST=no\n")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with monkeypatch.context() as patched:
        patched.setattr(package, "schema_path", lambda name: "/nowhere")
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limit[1]))
        try:
            xenserver.post()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, before)
    assert xenserver.read(path) == "FIRST=no\n"
    assert [each.name for each in xenserver.place(path).parent.iterdir() if each.name.startswith(".")] == []
    xenserver.post(2)
    assert xenserver.read(path).startswith("FIRST=no\n")
    assert xenserver.read(path) != "FIRST=no\n"


def test_arp_filter_is_appended_once(xenserver: Scratch) -> None:
    xenserver.put(package.SYSCTL, "kernel.panic = 1")
    xenserver.post()
    xenserver.post(2)
    text = xenserver.read(package.SYSCTL)
    assert text.startswith("kernel.panic = 1\n# ")
    assert text.count(ARP_FILTER) == 1


def test_arp_filter_of_the_administrator_stays(xenserver: Scratch) -> None:
    xenserver.put(package.SYSCTL, f"#{ARP_FILTER} = 0\n")
    xenserver.post()
    assert xenserver.read(package.SYSCTL) == f"#{ARP_FILTER} = 0\n"


def test_database_has_one_row(xenserver: Scratch) -> None:
    xenserver.post()
    answer = contents.query(
        f"{xenserver.root}{package.DATABASE}",
        '["Open_vSwitch",{"op":"select","table":"Open_vSwitch","where":[]}]',
        "",
    )
    assert len(json.loads(answer)[0]["rows"]) == 1


def test_database_that_is_there_stays(xenserver: Scratch) -> None:
    xenserver.put(package.DATABASE, "somebody's")
    xenserver.post()
    assert xenserver.read(package.DATABASE) == "somebody's"


def test_sysconfig(xenserver: Scratch) -> None:
    xenserver.post()
    assert xenserver.read(package.SYSCONFIG) == TEMPLATE
    xenserver.put(package.SYSCONFIG, "# mine\nFIRST=no\n")
    xenserver.post(2)
    assert (
        xenserver.read(package.SYSCONFIG)
        == "# mine\nFIRST=no\n\n# SECOND: what the second is for.\nSECOND=2\n"
    )


def test_blocks() -> None:
    assert [name for name, _ in blocks(TEMPLATE)] == ["FIRST", "SECOND"]
    assert dict(blocks(TEMPLATE))["FIRST"].endswith("# FIRST=yes\n")


def test_our_own_template_has_what_the_init_script_reads() -> None:
    root = Path(__file__).parents[2] / "packaging/xenserver/root/usr/share/openvswitch/scripts"
    names = [name for name, _ in blocks((root / "sysconfig.template").read_text())]
    assert names == [
        "FORCE_COREFILES",
        "OVSDB_SERVER_PRIORITY",
        "VSWITCHD_PRIORITY",
        "VSWITCHD_MLOCKALL",
        "OVS_CTL_OPTS",
    ]
    library = (root / "ovs-lib").read_text()
    assert all(f"${name}" in library for name in names)


def test_services_of_a_classic_host(xenserver: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    xenserver.post()
    assert xenserver.calls() == [
        line
        for name in ("openvswitch", "openvswitch-xapi-update")
        for line in (f"chkconfig --list {name}", f"chkconfig --add {name}", f"chkconfig {name} on")
    ] + ["xe-switch-network-backend vswitch"]
    assert "You *MUST* now reboot" in capsys.readouterr().out


def test_services_of_a_host_with_systemd(host: Scratch) -> None:
    host.place("/run/systemd/system").mkdir(parents=True)
    host.command("/usr/bin/systemctl")
    host.post()
    main(["preun", "0", host.root])
    units = "openvswitch.service openvswitch-xapi-sync.service"
    assert host.calls() == [
        "systemctl daemon-reload",
        f"systemctl enable {units}",
        f"systemctl disable {units}",
    ]


@pytest.mark.parametrize(
    ("word", "said"),
    [("openvswitch\n", "Reboot this host"), ("vswitch", "Reboot this host"), ("bridge\n", "uses the bridge")],
)
def test_advice_after_an_upgrade(
    xenserver: Scratch, capsys: pytest.CaptureFixture[str], word: str, said: str
) -> None:
    xenserver.put("/etc/xensource/network.conf", word)
    xenserver.post(2)
    assert said in capsys.readouterr().out
    assert "xe-switch-network-backend vswitch" not in xenserver.calls()


def test_erasing_disables_and_upgrading_does_not(xenserver: Scratch) -> None:
    main(["preun", "1", xenserver.root])
    assert xenserver.calls() == []
    xenserver.command("/sbin/chkconfig")
    main(["preun", "0", xenserver.root])
    assert xenserver.calls()[0] == "xe-switch-network-backend bridge"
    assert "chkconfig --del openvswitch" in xenserver.calls()


def test_a_step_that_fails_does_not_stop_the_next(
    xenserver: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    xenserver.place("/etc/openvswitch").write_text("a file where a directory should be")
    xenserver.post()
    assert xenserver.read(package.SYSCONFIG) == TEMPLATE
    assert "openvswitch: " in capsys.readouterr().out


def tree(host: Scratch) -> dict[str, str]:
    """Every file, and where each link points, but for the database's time stamps and the calls."""
    root = Path(host.root)
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else path.read_text(errors="replace")
        for path in sorted(root.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.name != "calls"
    }
