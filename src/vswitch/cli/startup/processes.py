"""A daemon as a process: whether it runs, starting it, and ending it whatever state it is in.

Sources: ovs-ctl(8); ovs-appctl(8), exit.
"""

from __future__ import annotations

import os
import resource
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import VswitchError
from vswitch.base.options import CommandError
from vswitch.cli.appctl import ask, socket_of
from vswitch.cli.startup.host import Host, StartupError, action, check, program, say
from vswitch.linux.dirs import in_rundir, logdir

# How to end a daemon: ask it, tell it, kill it; and after each how long to wait, a little more each time.
LADDER: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("exit", (0.1, 0.25, 0.65, 1)),
    ("term", (0.1, 0.25, 0.65, 1, 1, 1, 1)),
    ("kill", (1, 1, 1, 1)),
)
SIGNALS = {"term": signal.SIGTERM, "kill": signal.SIGKILL}
VERBS = {"exit": "Exiting", "term": "Terminating", "kill": "Killing"}
POLL = 0.01  # seconds
LEFT_BEHIND = 10  # seconds that a daemon may take whose start nobody waits for any more
CORE_SIZE = 67_108_864 * 1024  # bytes
OPEN_FILES = 65_535
WRAPPERS = {
    "valgrind": "valgrind -q --leak-check=full --time-stamp=yes --log-file={log}/{name}.valgrind.log.%p",
    "strace": "strace -tt -T -s 256 -ff -o {log}/{name}.strace.log",
}
COMM = 15  # bytes of a name that the kernel keeps


class Daemon:
    """One of Open vSwitch's daemons."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self._host = host

    def pid(self) -> int | None:
        """Its process, if the pid file names one that is it."""
        pid = self._noted()
        if pid is None:
            return None
        comm = self._host.text(f"/proc/{pid}/comm").strip()
        return pid if comm == self.name[:COMM] else None

    def _noted(self) -> int | None:
        """The process that the pid file names, whatever that is now."""
        try:
            text = Path(in_rundir(f"{self.name}.pid")).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return None
        return parse_decimal(text)

    def status(self) -> str:
        """A line that says whether it runs."""
        if pid := self.pid():
            return f"{self.name} is running with pid {pid}"
        if self._noted() is not None:
            return f"Pidfile for {self.name} ({in_rundir(f'{self.name}.pid')}) is stale"
        return f"{self.name} is not running"

    def tell(self, command: str, *arguments: str) -> str:
        """The answer of the running daemon to a command of its control socket; raises VswitchError."""
        result, error = ask(socket_of(self.name), command, arguments)
        if error is not None:
            raise StartupError(str(error).strip())
        return str(result or "")

    def start(
        self,
        arguments: Sequence[str],
        *,
        priority: str = "",
        wrapper: str = "",
        cwd: str = "/",
        core_files: bool = False,
    ) -> None:
        """Start it and wait until it is of use; raises StartupError."""
        argv = [program(self.name), *arguments]
        if wrapper:
            argv = [*_wrapping(wrapper, self.name), *argv]
        else:
            argv += ["--detach"]
        with action(f"Starting {self.name}"), _as_the_daemon_shall_be(priority, core_files):
            if wrapper:
                self._start_wrapped(argv, cwd)
            else:
                self._start_detached(argv, cwd)

    def _start_detached(self, argv: Sequence[str], cwd: str) -> None:
        """Start it; one that a start which was killed has left behind, and that is of use soon, will do."""
        try:
            check(_run(argv, cwd))
        except StartupError:
            deadline = monotonic() + LEFT_BEHIND
            while not self._answers():
                if self.pid() is None or monotonic() > deadline:
                    raise
                sleep(POLL)

    def _answers(self) -> bool:
        try:
            self.tell("version")
        except (VswitchError, OSError):
            return False
        return True

    def _start_wrapped(self, argv: Sequence[str], cwd: str) -> None:
        """Start it in the background under another program, which would not follow it if it detached."""
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = monotonic() + 60
        while monotonic() < deadline and process.poll() is None:
            if self._noted() is not None:
                return
            sleep(POLL)
        raise StartupError(
            f"{argv[0]} has ended with status {process.poll()}: see {logdir()}/{self.name}.log"
        )

    def stop(self) -> None:
        """End it, if it runs.  Raises StartupError if it survives everything."""
        pid = self.pid()
        if pid is None:
            say(f"{self.name} is not running")
            return
        for how, waits in LADDER:
            if not any(_gone(pid, wait) for wait in self._waits(how, pid, waits)):
                continue
            say(f"{VERBS[how]} {self.name} ({pid})")
            return
        raise StartupError(f"{self.name} ({pid}) cannot be killed: something in the kernel holds it")

    def _waits(self, how: str, pid: int, waits: Sequence[float]) -> Iterator[float]:
        """Do what `how` says; then the times to wait."""
        if how == "exit":
            try:
                self.tell("exit")
            except (VswitchError, OSError):
                return
        else:
            try:
                os.kill(pid, SIGNALS[how])
            except ProcessLookupError:
                yield 0
        yield from waits


def _gone(pid: int, wait: float) -> bool:
    """Whether the process ends within `wait` seconds."""
    deadline = monotonic() + wait
    while _is_alive(pid):
        if monotonic() >= deadline:
            return False
        sleep(POLL)
    return True


def _is_alive(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
    except OSError:
        return False
    return fields.split()[0] != "Z"


def _wrapping(wrapper: str, name: str) -> list[str]:
    """The command line before a daemon's own that `wrapper` means."""
    if wrapper not in WRAPPERS:
        raise CommandError(f'unknown wrapper "{wrapper}" for {name}: there are {", ".join(WRAPPERS)}')
    return shlex.split(WRAPPERS[wrapper].format(log=logdir(), name=name))


@contextmanager
def _as_the_daemon_shall_be(priority: str, core_files: bool) -> Iterator[None]:
    """Have the limits and the priority that a daemon started inside inherits.  What we may not change stays."""
    wanted = {resource.RLIMIT_NOFILE: OPEN_FILES} | ({resource.RLIMIT_CORE: CORE_SIZE} if core_files else {})
    limits = {kind: resource.getrlimit(kind) for kind in wanted}
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        for kind, value in wanted.items():
            _raise_limit(kind, value)
        if priority:
            with suppress(OSError, ValueError):
                os.setpriority(os.PRIO_PROCESS, 0, int(priority))
        yield
    finally:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
        for kind, before in limits.items():
            with suppress(OSError, ValueError):
                resource.setrlimit(kind, before)


def _raise_limit(kind: int, wanted: int) -> None:
    """Raise a limit to `wanted`, or as far as we may."""
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    for new in ((wanted, wanted if hard != resource.RLIM_INFINITY and hard < wanted else hard), (hard, hard)):
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, new)
            return


def _run(argv: Sequence[str], cwd: str) -> subprocess.CompletedProcess[str]:
    try:
        # To a file, not a pipe: a daemon that keeps our stderr open would keep us waiting for its end.
        import tempfile

        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            status = subprocess.run(
                argv,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            ).returncode
            said.seek(0)
            return subprocess.CompletedProcess(list(argv), status, "", said.read())
    except OSError as error:
        return subprocess.CompletedProcess(list(argv), 127, "", f"{argv[0]}: {error.strerror}")
