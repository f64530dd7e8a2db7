"""Daemons: pid files, detaching, monitoring, endings.  Each test runs a small daemon of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

DAEMON = textwrap.dedent(
    """
    import os, sys
    from vswitch.aio.daemon import run_daemon
    from vswitch.base.options import COMMON, DAEMON, REQUIRED, Option, parse_options

    async def main(service):
        if "fail" in rest:
            raise ValueError("a mistake")
        if "refuse" in rest:
            from vswitch.base.errors import TextError
            raise TextError("cannot start")
        if "clean" in rest:
            service.commands.add("exit", "[--cleanup]", 0, 1, lambda words: service.stop("--cleanup" in words))
        service.ready()
        await service.stopping.wait()
        print("cleanup" if service.cleanup else "bye", flush=True)

    given, rest = parse_options(sys.argv[1:], (*DAEMON, *COMMON, Option("unixctl", REQUIRED)))
    raise SystemExit(run_daemon("mini", given, main))
    """
)


def start(directory: Path, *words: str) -> subprocess.Popen[str]:
    (directory / "mini.py").write_text(DAEMON)
    return subprocess.Popen(
        [sys.executable, str(directory / "mini.py"), *words],
        env=os.environ | {"OVS_RUNDIR": str(directory), "OVS_LOGDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(directory: Path, *words: str) -> tuple[int, str]:
    process = start(directory, *words)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors


def ask(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    appctl = Path(sys.executable).parent / "ovs-appctl"
    return subprocess.run(
        [appctl, "-t", "mini", *words],
        env=os.environ | {"OVS_RUNDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_detaching_returns_when_the_daemon_answers(tmp_path: Path) -> None:
    status, _ = run(tmp_path, "--detach", "--no-chdir", "--pidfile", "--log-file")
    assert status == 0
    assert ask(tmp_path, "version").stdout.startswith("mini (Open vSwitch) ")
    assert "vlog/reopen" in ask(tmp_path, "list-commands").stdout
    pid = int((tmp_path / "mini.pid").read_text())
    assert (tmp_path / f"mini.{pid}.ctl").is_socket()
    assert ask(tmp_path, "exit").returncode == 0
    wait_until(lambda: gone(pid))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mini.log", "mini.py"]


def test_only_one_daemon_has_a_pid_file(tmp_path: Path) -> None:
    with start(tmp_path, "--pidfile") as first:
        wait_until((tmp_path / "mini.pid").exists)
        status, errors = run(tmp_path, "--pidfile")
        assert (status, errors.splitlines()[-1]) == (
            1,
            f"mini: {tmp_path}/mini.pid: already running as pid {first.pid}, aborting",
        )
        first.terminate()


def test_a_signal_tidies_up_and_ends_the_process_by_itself(tmp_path: Path) -> None:
    with start(tmp_path, "--pidfile") as process:
        wait_until((tmp_path / f"mini.{process.pid}.ctl").exists)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert "fatal_signal|WARN|terminating with signal 15 (Terminated)" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["mini.py"]


def test_exit_may_ask_for_cleaning_up(tmp_path: Path) -> None:
    with start(tmp_path, "--pidfile", "clean") as process:
        wait_until(lambda: ask(tmp_path, "version").returncode == 0)
        ask(tmp_path, "exit", "--cleanup")
        output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "cleanup\n")


def test_exit_takes_no_words_where_there_is_nothing_to_clean_up(tmp_path: Path) -> None:
    with start(tmp_path, "--pidfile") as process:
        wait_until(lambda: ask(tmp_path, "version").returncode == 0)
        refused = ask(tmp_path, "exit", "--cleanup")
        ask(tmp_path, "exit")
        output, _ = process.communicate(timeout=20)
    assert '"exit" command takes at most 0 arguments' in refused.stderr
    assert (process.returncode, output) == (0, "bye\n")


@pytest.mark.parametrize(
    ("word", "words"), [("refuse", "mini: cannot start"), ("fail", "ValueError: a mistake")]
)
def test_a_daemon_that_cannot_start_says_why(word: str, words: str, tmp_path: Path) -> None:
    for options in ((), ("--detach",)):
        status, errors = run(tmp_path, "--pidfile", *options, word)
        assert status == 1
        assert words in errors
        assert not (tmp_path / "mini.pid").exists()


def test_the_monitor_restarts_what_crashed_and_nothing_else(tmp_path: Path) -> None:
    assert run(tmp_path, "--detach", "--monitor", "--no-chdir", "--pidfile", "--log-file")[0] == 0
    first = int((tmp_path / "mini.pid").read_text())
    os.kill(first, signal.SIGSEGV)
    wait_until(lambda: (text := (tmp_path / "mini.pid").read_text()) != "" and int(text) != first)
    wait_until(lambda: ask(tmp_path, "version").returncode == 0)
    assert f"1 crashes: pid {first} died, killed (Segmentation fault" in (tmp_path / "mini.log").read_text()
    second = int((tmp_path / "mini.pid").read_text())
    os.kill(second, signal.SIGTERM)
    wait_until(
        lambda: f"pid {second} died, killed (Terminated), exiting" in (tmp_path / "mini.log").read_text()
    )


def test_the_log_file_can_be_rotated(tmp_path: Path) -> None:
    assert run(tmp_path, "--detach", "--no-chdir", "--pidfile", "--log-file")[0] == 0
    pid = int((tmp_path / "mini.pid").read_text())
    (tmp_path / "mini.log").rename(tmp_path / "old.log")
    ask(tmp_path, "vlog/reopen")
    assert "opened log file" in (tmp_path / "mini.log").read_text()
    ask(tmp_path, "vlog/close")
    ask(tmp_path, "exit")
    wait_until(lambda: gone(pid))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nope",), '"nope" is not a valid command (use "list-commands" to see a list of valid commands)'),
        (("version", "x"), '"version" command takes at most 0 arguments'),
        (("coverage/read-counter",), '"coverage/read-counter" command requires at least 1 arguments'),
        (("coverage/read-counter", "nope"), "No such counter"),
        (("vlog/set", "foo"), 'no destination, level, or module "foo"'),
    ],
)
def test_wrong_questions(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    with start(tmp_path, "--pidfile") as process:
        wait_until(lambda: ask(tmp_path, "version").returncode == 0)
        done = ask(tmp_path, *words)
        assert (done.returncode, done.stderr) == (
            2,
            f"{complaint}\novs-appctl: mini: server returned an error\n",
        )
        process.terminate()
