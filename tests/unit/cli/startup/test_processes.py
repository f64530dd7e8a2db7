"""Daemons as processes: stale pid files, and the ladder by which one is ended."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vswitch.base.options import CommandError
from vswitch.cli.startup.host import Host, StartupError
from vswitch.cli.startup.processes import Daemon

NAME = "ovs-vswitchd"


@pytest.fixture(autouse=True)
def rundir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    monkeypatch.setenv("OVS_LOGDIR", str(tmp_path))
    return tmp_path


def named(tmp_path: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A process called NAME that says when it is ready."""
    script = tmp_path / NAME
    script.write_text(f"#!{sys.executable} -IS\n{body}\n")
    script.chmod(0o755)
    process = subprocess.Popen([script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    (tmp_path / f"{NAME}.pid").write_text(f"{process.pid}\n")
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def obedient(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    yield from named(tmp_path, "import time; print(flush=True); time.sleep(60)")


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    body = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    yield from named(tmp_path, body)


def test_not_running(rundir: Path) -> None:
    daemon = Daemon(NAME, Host())
    assert daemon.status() == f"{NAME} is not running"
    (rundir / f"{NAME}.pid").write_text("999999999\n")
    assert daemon.status() == f"Pidfile for {NAME} ({rundir}/{NAME}.pid) is stale"
    daemon.stop()


def test_another_process_with_the_pid_is_left_alone(rundir: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        (rundir / f"{NAME}.pid").write_text(str(process.pid))
        daemon = Daemon(NAME, Host())
        assert daemon.pid() is None
        daemon.stop()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_told_to_end(obedient: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon(NAME, Host())
    assert daemon.status() == f"{NAME} is running with pid {obedient.pid}"
    daemon.stop()
    assert obedient.wait(5) == -signal.SIGTERM
    assert capsys.readouterr().out == f"Terminating {NAME} ({obedient.pid}).\n"


def test_killed(
    stubborn: subprocess.Popen[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = (("exit", (0.01,)), ("term", (0.05, 0.05)), ("kill", (1, 1)))
    monkeypatch.setattr("vswitch.cli.startup.processes.LADDER", short)
    Daemon(NAME, Host()).stop()
    assert stubborn.wait(5) == -signal.SIGKILL
    assert "Killing" in capsys.readouterr().out


def test_start_tells_what_the_daemon_said(rundir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVS_SBINDIR", str(rundir))
    script = rundir / NAME
    script.write_text("#!/bin/sh\necho cannot open /dev/null/x >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(StartupError, match="cannot open /dev/null/x"):
        Daemon(NAME, Host()).start([])


def test_start_without_the_program(rundir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVS_SBINDIR", str(rundir))
    with pytest.raises(StartupError, match="No such file"):
        Daemon(NAME, Host()).start([])


def test_start_does_not_wait_for_what_the_daemon_leaves_open(
    rundir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVS_SBINDIR", str(rundir))
    script = rundir / NAME
    script.write_text("#!/bin/sh\nsleep 5 &\n")
    script.chmod(0o755)
    before = time.monotonic()
    Daemon(NAME, Host()).start([])
    assert time.monotonic() - before < 4


def test_unknown_wrapper() -> None:
    with pytest.raises(CommandError, match="there are valgrind, strace"):
        Daemon(NAME, Host()).start([], wrapper="gdb")


def test_a_daemon_inherits_its_limits_and_we_keep_ours(rundir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVS_SBINDIR", str(rundir))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        script = rundir / NAME
        script.write_text(f"#!/bin/sh\nulimit -n > {rundir}/files\nnice > {rundir}/nice\n")
        script.chmod(0o755)
        Daemon(NAME, Host()).start([], priority="5")
        assert int((rundir / "files").read_text()) in (
            65535,
            before[1],
        )  # not everybody may raise the hard limit
        assert int((rundir / "nice").read_text()) == 5
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, before[1])
        assert os.getpriority(os.PRIO_PROCESS, 0) == priority
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
