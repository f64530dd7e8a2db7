"""A program that starts and ends in a hurry says and does all that it has to."""

import gc
import os
import subprocess
import sys
from pathlib import Path

from vswitch.linux.program import loading

BODY = """
import atexit
import gc
import sys

def main():
    atexit.register(print, "at the end")
    print("garbage is looked for:", gc.isenabled(), "in what was imported:", not gc.get_freeze_count())
    print("to stderr", file=sys.stderr, end="")
    return 3

def nothing():
    print("no status")

def failing():
    raise ValueError("a mistake")

def stopping():
    raise SystemExit("enough")
"""


def run(tmp_path: Path, *words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    (tmp_path / "body.py").write_text(BODY)
    arguments = ", ".join(map(repr, ("body", *words)))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        f"from vswitch.linux.program import run; run({arguments})"
    )
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_output_and_what_waits_for_the_end_come_before_it(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (3, "to stderr")
    assert done.stdout == "garbage is looked for: True in what was imported: False\nat the end\n"


def test_no_status_is_success(tmp_path: Path) -> None:
    done = run(tmp_path, "nothing")
    assert (done.returncode, done.stdout) == (0, "no status\n")


def test_exceptions_end_it_as_they_always_do(tmp_path: Path) -> None:
    failed, stopped = run(tmp_path, "failing"), run(tmp_path, "stopping")
    assert failed.returncode == 1
    assert failed.stderr.endswith("ValueError: a mistake\n")
    assert (stopped.returncode, stopped.stderr) == (1, "enough\n")


def test_output_that_is_lost_is_not_lost_in_silence(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = run(tmp_path, "nothing", stdout=full)
    os.close(full)
    assert done.returncode == 120
    assert "No space left on device" in done.stderr


def test_while_loading_nobody_looks_for_garbage_and_afterwards_not_there() -> None:
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
