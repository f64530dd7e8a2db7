"""What another process finds is what would have been found here, whatever becomes of that process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vswitch.linux.elsewhere import found_elsewhere


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def own_pid() -> str:
    return str(os.getpid())


def test_it_is_found_in_another_process_and_the_next_time_here() -> None:
    answer = found_elsewhere(own_pid)
    there = int(answer())
    assert there != os.getpid()
    assert int(answer()) == os.getpid()


def test_whoever_asks_waits() -> None:
    def slowly() -> str:
        time.sleep(0.3)
        return "found"

    before = time.monotonic()
    answer = found_elsewhere(slowly)
    assert time.monotonic() - before < 0.25
    assert answer() == "found"
    assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize("text", ["", "a\nb", "ä" * 100_000])
def test_any_text_can_be_found(text: str) -> None:
    assert found_elsewhere(lambda: f"{os.getpid()} {text}")() != f"{os.getpid()} {text}"
    assert found_elsewhere(lambda: text)() == text


def failing() -> str:
    raise ValueError("no")


def killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@pytest.mark.parametrize("fate", [failing, killed])
def test_what_fails_there_is_found_here(fate: Callable[[], str]) -> None:
    here = os.getpid()
    assert found_elsewhere(lambda: "here" if os.getpid() == here else fate())() == "here"


def test_no_process_and_no_descriptor_is_left() -> None:
    descriptors = open_descriptors()
    answer = found_elsewhere(own_pid)
    there = Path(f"/proc/{answer()}")
    assert open_descriptors() == descriptors
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert there.name not in children.read_text().split()


def test_nothing_is_printed_for_it() -> None:
    program = """
import sys
from vswitch.linux.elsewhere import found_elsewhere
print("once", end="")  # which is in a buffer when the process forks
found_elsewhere(lambda: sys.stderr.write("hidden?") and 1 / 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "once"
    assert "Traceback" not in done.stderr
