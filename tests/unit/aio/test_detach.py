"""A program leaves its terminal before it is loaded, once, and what becomes of it reaches the terminal."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = textwrap.dedent(
    """
    import os, sys, time
    from vswitch.aio.detach import detach
    from vswitch.base.options import COMMON, DAEMON, Option, parse_options

    given, [what] = parse_options(sys.argv[1:], (*DAEMON, *COMMON))
    first = os.getpid()
    if what == "refuse":
        def refuse():
            raise BlockingIOError(11, "Resource temporarily unavailable")
        os.fork = refuse
    pipe = detach("mini", given)
    if what == "facts":
        again = os.getpid()
        assert detach("mini", given) == pipe
        print(os.getpid() == again, again == first, pipe >= 0, os.getsid(0) == os.getpid(),
              "asyncio" in sys.modules, "logging" in sys.modules, flush=True)
    elif what == "die":
        os.kill(os.getpid(), 9)
    elif what == "fail":
        os._exit(3)
    if pipe >= 0:
        time.sleep(0.2)
        os.write(pipe, b"\\0")
        time.sleep(0.5)
        print("later", flush=True)
    """
)


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env=os.environ | {"OVS_RUNDIR": str(directory), "OVS_LOGDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ((), "True True False False False False"),
        (("--detach",), "True False True True False False"),
    ],
)
def test_it_forks_if_it_is_to_and_once(options: tuple[str, ...], facts: str, tmp_path: Path) -> None:
    done = run(tmp_path, *options, "facts")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == facts


def test_the_terminal_is_back_when_the_daemon_says_so(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--detach", "wait"], stdout=subprocess.PIPE
    ) as process:
        assert process.wait(timeout=20) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b"later\n"  # after that


def test_an_exit_status_is_passed_on(tmp_path: Path) -> None:
    done = run(tmp_path, "--detach", "fail")
    assert (done.returncode, done.stderr) == (3, "")


def test_a_death_is_told_and_logged(tmp_path: Path) -> None:
    done = run(tmp_path, "--detach", "--log-file", "die")
    text = "daemon_unix|EMER|fork child died before signaling startup (killed (Killed))"
    assert done.returncode == 1
    assert text in done.stderr
    assert text in (tmp_path / "mini.log").read_text()


def test_when_it_cannot_fork_it_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "--detach", "refuse")
    assert (done.returncode, done.stderr) == (1, "mini: could not fork (Resource temporarily unavailable)\n")
