"""The boot scripts on a host that is a directory: what each command has ovs-ctl and the others do, and its exit status."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.xenserver.packages import INVENTORY, UUID

ROOT = Path(__file__).parents[2] / "packaging/xenserver/root"
SCRIPTS = "usr/share/openvswitch/scripts"
NOTE = 'echo "{} $*" >> {}/calls'
BASE = [
    f"--system-id={UUID}",
    "--system-type=XenServer",
    "--system-version=6.0.0-50762p",
    f"--external-id=xs-system-uuid={UUID}",
    "--daemon-cwd=/var/xen/openvswitch",
    "--db-fallback=/var/run/openvswitch/conf.db",
]
GRE = "ovs-ctl --protocol=gre enable-protocol"


class Boot:
    """A host with our scripts, and programs that note how they are called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("etc/xensource-inventory", INVENTORY)
        self.write("etc/xensource/network.conf", "openvswitch\n")
        for name in ("var/run/openvswitch", "var/lock/subsys", "bin"):
            (root / name).mkdir(parents=True)
        for name in (
            "etc/init.d/openvswitch",
            "etc/init.d/openvswitch-xapi-update",
            f"{SCRIPTS}/ovs-lib",
            f"{SCRIPTS}/ovs-start",
        ):
            text = (ROOT / name).read_text()
            # Their files are under our directory, but for those that they only name to others.
            text = re.sub(r"(?<![\w$.}/=:])/(etc|usr/share|usr/sbin|var)/", rf"{root}/\1/", text)
            text = re.sub(r"(marker|scripts|lock|sync_pidfile)=/", rf"\1={root}/", text)
            self.write(name, text)
        for name, body in (
            (f"{SCRIPTS}/ovs-ctl", "[ ! -e {}/fails ] || exit 1"),
            (f"{SCRIPTS}/ovs-xapi-sync", ""),
            ("bin/xe", ""),
            ("bin/ha_stop_daemon", ""),
            ("bin/ha_start_daemon", ""),
        ):
            self.program(name, body.format(root))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def program(self, name: str, body: str = "") -> None:
        self.write(name, f"#!/bin/sh\n{NOTE.format(name.rpartition('/')[2], self.root)}\n{body}\n")
        (self.root / name).chmod(0o755)

    def run(self, *words: str, script: str = "etc/init.d/openvswitch") -> subprocess.CompletedProcess[str]:
        """Run a script; what was called before is forgotten."""
        (self.root / "calls").unlink(missing_ok=True)
        environment = {"PATH": f"{self.root}/bin:/bin:/usr/bin"}
        return subprocess.run(
            ["/bin/sh", self.root / script, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def sync_runs(self) -> subprocess.Popen[bytes]:
        """A process that passes for ovs-xapi-sync."""
        # Whoever runs the tests may ignore SIGHUP, and children inherit that.
        process = subprocess.Popen(["env", "--default-signal=HUP", "sleep", "60"])
        self.write("var/run/openvswitch/ovs-xapi-sync.pid", f"{process.pid}\n")
        return process


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(tmp_path)


@pytest.fixture
def sync(boot: Boot):
    process = boot.sync_runs()
    yield process
    process.kill()
    process.wait()


def started(*more: str, command: str = "start") -> str:
    return " ".join(["ovs-ctl", *BASE, *more, command])


def test_start(boot: Boot) -> None:
    """Bridges are deleted by the first start of a boot, and by no other."""
    assert boot.run("start").returncode == 0
    sync_call = "ovs-xapi-sync --log-file -vconsole:emer --pidfile --detach --monitor "
    first, second, third = boot.calls()
    assert (first, third) == (started("--delete-bridges"), GRE)
    assert second.startswith(sync_call)
    assert second.endswith("unix:/var/run/openvswitch/db.sock")
    assert (boot.root / "var/run/openvswitch.booted").read_bytes() == b""
    assert (boot.root / "var/lock/subsys/openvswitch").exists()
    boot.run("start")
    assert boot.calls()[0] == started()


@pytest.mark.parametrize("script", ["etc/init.d/openvswitch", f"{SCRIPTS}/ovs-start"])
def test_a_run_directory_that_cannot_be_written_does_not_keep_the_switch_down(
    boot: Boot, script: str
) -> None:
    (boot.root / "var/run/openvswitch.booted").symlink_to("/nowhere/at/all")
    (boot.root / "var/lock/subsys/openvswitch").symlink_to("/nowhere/at/all")
    assert boot.run("start", script=script).returncode == 0
    assert boot.calls()[0] == started("--delete-bridges")


@pytest.mark.parametrize("mark", ["usr/sbin/xcp-networkd", "etc/xcp-networkd.conf"])
@pytest.mark.parametrize("script", ["etc/init.d/openvswitch", f"{SCRIPTS}/ovs-start"])
def test_the_database_of_a_host_of_today_is_gone_after_a_boot(boot: Boot, mark: str, script: str) -> None:
    boot.write("var/run/openvswitch.booted", "")
    boot.program(f"{SCRIPTS}/ovs-ctl", 'echo "OVS_DBDIR=$OVS_DBDIR"')
    assert "OVS_DBDIR=\n" in boot.run("start", script=script).stdout
    boot.write(mark, "")
    assert "OVS_DBDIR=/var/run/openvswitch\n" in boot.run("start", script=script).stdout
    without_fallback = [word for word in BASE if not word.startswith("--db-fallback")]
    assert boot.calls()[0] == " ".join(["ovs-ctl", *without_fallback, "start"])


@pytest.mark.parametrize(
    ("setting", "option"),
    [
        ("FORCE_COREFILES=yes", "--force-corefiles=yes"),
        ("OVSDB_SERVER_PRIORITY=-10", "--ovsdb-server-priority=-10"),
        ("VSWITCHD_PRIORITY=-5", "--ovs-vswitchd-priority=-5"),
        ("VSWITCHD_MLOCKALL=no", "--mlockall=no"),
        ("OVS_CTL_OPTS='--no-full-hostname --db-file=/x'", "--no-full-hostname --db-file=/x"),
    ],
)
@pytest.mark.parametrize("script", ["etc/init.d/openvswitch", f"{SCRIPTS}/ovs-start"])
def test_settings(boot: Boot, setting: str, option: str, script: str) -> None:
    boot.write("var/run/openvswitch.booted", "")
    boot.write("etc/sysconfig/openvswitch", f"{setting}\n")
    boot.run("start", script=script)
    assert boot.calls()[0] == started(option)


@pytest.mark.parametrize(
    ("word", "status", "said", "is_started"),
    [
        ("bridge\n", 0, "", False),
        ("junk\n", 0, "'junk' is neither openvswitch, vswitch nor bridge", False),
        ("vswitch\n", 0, "", True),
        ("openvswitch", 0, "", True),
        (None, 0, "", True),
    ],
)
def test_backends(boot: Boot, word: str | None, status: int, said: str, is_started: bool) -> None:
    conf = boot.root / "etc/xensource/network.conf"
    conf.unlink() if word is None else conf.write_text(word)
    done = boot.run("start")
    assert done.returncode == status
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)
    assert bool(boot.calls()) == is_started
    boot.run(script=f"{SCRIPTS}/ovs-start")  # systemd's business, not that file's
    assert boot.calls()[0].startswith("ovs-ctl ")


@pytest.mark.usefixtures("sync")
def test_a_daemon_that_runs_is_left_alone(boot: Boot) -> None:
    boot.run("start")
    assert not [call for call in boot.calls() if call.startswith("ovs-xapi-sync")]


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["restart"], ["ovs-ctl stop", started()]),
        (["restart", "--save-flows=yes"], [started(command="restart")]),
        (["force-reload-kmod"], [started(command="force-reload-kmod")]),
        (["version"], ["ovs-ctl version"]),
        (["stop"], ["ovs-ctl stop"]),
    ],
)
def test_commands(boot: Boot, words: list[str], calls: list[str]) -> None:
    boot.write("var/run/openvswitch.booted", "")
    boot.write("var/lock/subsys/openvswitch", "")
    assert boot.run(*words).returncode == 0
    assert [call for call in boot.calls() if call.startswith("ovs-ctl") and call != GRE] == calls
    assert (boot.root / "var/lock/subsys/openvswitch").exists() == (words != ["stop"])


@pytest.mark.parametrize("words", [["stop"], ["restart", "--save-flows=yes"]])
def test_the_daemon_is_stopped(boot: Boot, words: list[str]) -> None:
    process = boot.sync_runs()
    reaping = threading.Thread(target=process.wait)  # as init would
    reaping.start()
    boot.run(*words)
    reaping.join(5)
    assert process.returncode == -signal.SIGTERM
    assert not (boot.root / "var/run/openvswitch/ovs-xapi-sync.pid").exists()


@pytest.mark.parametrize("command", ["reload", "force-reload"])
def test_reload_asks_xapi_anew(boot: Boot, sync: subprocess.Popen[bytes], command: str) -> None:
    assert boot.run(command).returncode == 0
    assert sync.wait(5) == -signal.SIGHUP
    (boot.root / "var/run/openvswitch/ovs-xapi-sync.pid").unlink()
    assert boot.run(command).returncode == 0


def test_status(boot: Boot) -> None:
    done = boot.run("status")
    assert (done.returncode, done.stdout) == (1, "ovs-xapi-sync is not running\n")
    process = boot.sync_runs()
    try:
        done = boot.run("status")
        assert (done.returncode, done.stdout) == (0, f"ovs-xapi-sync is running with pid {process.pid}\n")
        boot.write("fails", "")
        done = boot.run("status")
        assert (done.returncode, done.stdout) == (1, "")  # the switch's own status counts first
    finally:
        process.kill()
        process.wait()


def test_help_and_nonsense(boot: Boot) -> None:
    text = boot.run("help").stdout
    for command in (
        "start",
        "stop",
        "restart",
        "reload",
        "force-reload",
        "status",
        "version",
        "force-reload-kmod",
    ):
        assert command in text
    done = boot.run("bogus")
    assert (done.returncode, "unknown command 'bogus'" in done.stderr) == (1, True)
    assert boot.calls() == []


@pytest.mark.parametrize("script", ["etc/init.d/openvswitch", f"{SCRIPTS}/ovs-start"])
def test_a_switch_that_does_not_start(boot: Boot, script: str) -> None:
    boot.write("fails", "")
    done = boot.run("start", script=script)
    assert done.returncode == 1
    assert "xe-switch-network-backend bridge, then reboot" in done.stderr
    assert not (boot.root / "var/lock/subsys/openvswitch").exists()
    assert len(boot.calls()) == 1


@pytest.mark.parametrize("has_ha", [True, False])
def test_high_availability_waits_for_the_module(boot: Boot, has_ha: bool) -> None:
    boot.program("bin/pidof", f"exit {int(not has_ha)}")
    boot.write("etc/xensource/xhad.conf", "")
    boot.run("force-reload-kmod")
    called = [call.split()[0] for call in boot.calls() if call != GRE]
    order = ["ha_stop_daemon", "ovs-ctl", "ha_start_daemon"]
    assert [name for name in called if name in order] == (order if has_ha else ["ovs-ctl"])


UPDATE = "etc/init.d/openvswitch-xapi-update"
XE = f"xe host-call-plugin host-uuid={UUID} plugin=openvswitch-cfg-update fn=update"


@pytest.mark.parametrize(
    ("command", "backend", "status", "said", "calls"),
    [
        ("start", "openvswitch", 0, "", [XE]),
        ("restart", "vswitch", 0, "", [XE]),
        ("start", None, 0, "", [XE]),
        ("start", "bridge", 0, "", []),
        ("start", "junk", 0, "'junk' is neither", []),
        ("stop", "openvswitch", 0, "", []),
    ],
)
def test_the_trigger_of_the_plugin(
    boot: Boot, command: str, backend: str | None, status: int, said: str, calls: list[str]
) -> None:
    conf = boot.root / "etc/xensource/network.conf"
    conf.unlink() if backend is None else conf.write_text(f"{backend}\n")
    done = boot.run(command, script=UPDATE)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert boot.calls() == calls


def test_the_trigger_needs_an_inventory(boot: Boot) -> None:
    (boot.root / "etc/xensource-inventory").unlink()
    done = boot.run("start", script=UPDATE)
    assert (done.returncode, boot.calls()) == (1, [])
    assert "xensource-inventory is missing" in done.stderr
