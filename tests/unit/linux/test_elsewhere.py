"""What another process finds is what would have been found here, whatever becomes of that process.

Each test has an interpreter of its own, as a daemon has that begins: other libraries in this one warn of forks.
"""

import subprocess
import sys
import textwrap

import pytest

START = """
import os, signal, sys, time
from pathlib import Path
from vswitch.linux.elsewhere import found_elsewhere

here = os.getpid()

def own_pid():
    return str(os.getpid())

def failing():
    raise ValueError("no")

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert not done.returncode, done.stderr
    return done


def test_it_is_found_in_another_process_and_the_next_time_here() -> None:
    program = "answer = found_elsewhere(own_pid); print(int(answer()) != here, int(answer()) == here)"
    assert run(program).stdout == "True True\n"


def test_whoever_asks_waits() -> None:
    program = """
    before = time.monotonic()
    answer = found_elsewhere(lambda: time.sleep(0.5) or "found")
    print(time.monotonic() - before < 0.4, answer(), time.monotonic() - before >= 0.5)
    """
    assert run(program).stdout == "True found True\n"


@pytest.mark.parametrize("text", ["", "a\nb", "\xe4" * 100_000])
def test_any_text_can_be_found(text: str) -> None:
    program = f"""
    text = {text[:10]!r} * {max(len(text) // 10, 1)}
    print(found_elsewhere(lambda: own_pid() + text)() not in (text, own_pid() + text))
    print(found_elsewhere(lambda: text)() == text)
    """
    assert run(program).stdout == "True\nTrue\n"


@pytest.mark.parametrize("fate", ["failing", "killed"])
def test_what_fails_there_is_found_here(fate: str) -> None:
    program = f"print(found_elsewhere(lambda: 'here' if os.getpid() == here else {fate}())())"
    assert run(program).stdout == "here\n"


def test_no_process_and_no_descriptor_is_left() -> None:
    program = """
    before = descriptors()
    there = found_elsewhere(own_pid)()
    print(descriptors() == before)
    print(there in Path(f"/proc/self/task/{here}/children").read_text().split())
    """
    assert run(program).stdout == "True\nFalse\n"


def test_nothing_is_printed_for_it() -> None:
    program = """
    print("once", end="")  # which is in a buffer when the process forks
    print(found_elsewhere(lambda: "twice" if os.getpid() == here else failing())())
    """
    done = run(program)
    assert (done.stdout, done.stderr) == ("oncetwice\n", "")


def test_where_there_can_be_no_other_process_it_is_found_here() -> None:
    program = """
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before, os.fork = descriptors(), refuse
    print(int(found_elsewhere(own_pid)()) == here, descriptors() == before)
    """
    assert run(program).stdout == "True True\n"
