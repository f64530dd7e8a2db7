"""Leaving the terminal: the process that the user started waits until the daemon is of use, and ends.

A program forks before it imports what it is made of: a small process is soon copied, and what the daemon writes to
afterwards is its own (3 ms of a switch's start).

Sources: ovs-vswitchd(8), "Daemon Options".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from vswitch.base.options import Given


class _Detached:
    """Whether this process has left the terminal, and where to say that it is of use."""

    pipe = -1
    done = False


def detach(program: str, given: Given) -> int:
    """Leave the terminal if --detach says so; the descriptor to say b"\\0" to when the daemon is of use, or -1.

    Returns in the daemon.  To ask again changes nothing.
    """
    if "detach" in given and not _Detached.done:
        try:
            pid, pipe = fork_with_pipe()
        except OSError as error:
            raise SystemExit(f"{program}: could not fork ({error.strerror})") from None
        if pid:
            os._exit(await_ready(pid, pipe, lambda *words: _complain(program, given, *words)))
        os.setsid()
        _Detached.pipe, _Detached.done = pipe, True
    return _Detached.pipe


def fork_with_pipe() -> tuple[int, int]:
    """Fork; the parent gets (pid, end to read), the child (0, end to write)."""
    reading, writing = os.pipe()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    return 0, writing


def await_ready(pid: int, pipe: int, complain: Callable[..., None], reap: bool = True) -> int:
    """Wait until the child `pid` says that it is of use; the exit status to end with, 0 when it does."""
    while True:
        try:
            data = os.read(pipe, 1)
            break
        except InterruptedError:
            continue
    os.close(pipe)
    if data:
        return 0
    if not reap:
        return 1
    _, code = os.waitpid(pid, 0)
    if os.WIFEXITED(code) and os.WEXITSTATUS(code):
        return os.WEXITSTATUS(code)
    complain("fork child died before signaling startup (%s)", describe_status(code))
    return 1


def describe_status(code: int) -> str:
    """What waitpid(2) says, for people."""
    if os.WIFEXITED(code):
        return f"exit status {os.WEXITSTATUS(code)}"
    from signal import strsignal

    core = ", core dumped" if os.WCOREDUMP(code) else ""
    number = os.WTERMSIG(code)
    return f"killed ({strsignal(number) or f'signal {number}'}){core}"


def _complain(program: str, given: Given, text: str, *words: str) -> None:
    """Log what went wrong: who only waits has no log until then."""
    from vswitch.aio.sinks import start_logging
    from vswitch.base.log import Logger

    start_logging(program, given)
    Logger("daemon_unix").emer(text, *words)
