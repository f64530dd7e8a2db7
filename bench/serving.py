"""How long a daemon takes from its call until it serves, which is when `--detach` gives the terminal back.

A database server serves when its sockets answer; a switch, when it has done what its database says and written back that
it has.  `vswitch up` does not detach: it serves when it says so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Serving:
    """A daemon that is started, measured and stopped, again and again."""

    def __init__(self, words: Sequence[str], pidfile: Path, environment: Mapping[str, str]) -> None:
        self.words = [*words, "--detach", f"--pidfile={pidfile}", "-vconsole:off"]
        self.pidfile = pidfile
        self.environment = dict(environment)
        self.computed: list[float] = []  # milliseconds of a processor, each time

    def __call__(self) -> float:
        """Milliseconds from the call until it serves."""
        before = os.times()
        began = time.perf_counter()
        subprocess.run(self.words, env=self.environment, stdin=subprocess.DEVNULL, check=True)
        taken = time.perf_counter() - began
        after = os.times()
        pid = int(self.pidfile.read_text())
        launched = after.children_user + after.children_system - before.children_user - before.children_system
        ran_ns, _, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        self.computed.append(launched * 1000 + int(ran_ns) / 1e6)
        _end(pid)
        return taken * 1000


class Up:
    """`vswitch up`, likewise."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.words = list(words)
        self.environment = dict(environment)
        self.computed: list[float] = []

    def __call__(self) -> float:
        """Milliseconds from the call until it says that it is up."""
        began = time.perf_counter()
        with subprocess.Popen(
            self.words, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            while (line := process.stdout.readline()) and not line.startswith("Up."):
                pass
            taken = time.perf_counter() - began
            ran_ns, _, _ = Path(f"/proc/{process.pid}/schedstat").read_text().split()
            self.computed.append(int(ran_ns) / 1e6)
            process.terminate()
        return taken * 1000


def _end(pid: int) -> None:
    """End a process, and wait until it has; whose child it is takes note of it when it likes."""
    os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(FileNotFoundError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
            time.sleep(0.005)


@contextlib.contextmanager
def server(words: Sequence[str], pidfile: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A database server, for what is measured meanwhile."""
    subprocess.run([*words, "--detach", f"--pidfile={pidfile}", "-vconsole:off"], env=environment, check=True)
    try:
        yield
    finally:
        _end(int(pidfile.read_text()))
