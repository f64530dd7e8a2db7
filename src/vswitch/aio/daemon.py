"""Starting, detaching, watching and ending a daemon.

`run_daemon` reads the options that all daemons have, forks where --detach and --monitor ask for it, and runs the
daemon's coroutine in the process that stays.  Forking comes before the event loop.  The daemon calls
`service.ready()` once it is of use; until then the process that the user started waits at the other end of a pipe.

Sources: ovs-vswitchd(8), "Daemon Options".
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import pwd
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from vswitch.aio import unixctl
from vswitch.aio.detach import await_ready, describe_status, detach, fork_with_pipe
from vswitch.aio.signals import Signals
from vswitch.aio.sinks import LogFile, start_logging
from vswitch.aio.streams import Listener
from vswitch.base.counters import COUNTERS
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import VswitchError
from vswitch.base.log import LOG, Level, Logger
from vswitch.base.options import CommandError, Given
from vswitch.linux.dirs import in_rundir
from vswitch.linux.notify import notify_ready

log = Logger("daemon_unix")
limited = log.limited(rate=10, burst=10)
FAULTS = {
    signal.SIGABRT, signal.SIGALRM, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGPIPE, signal.SIGSEGV,
    signal.SIGXCPU, signal.SIGXFSZ,
}  # fmt: skip
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)
RESTART_INTERVAL = 10.0  # seconds between two restarts by the monitor


@dataclass(slots=True)
class Service:
    """What a running daemon has of its surroundings."""

    program: str
    given: Given
    log_file: LogFile
    commands: unixctl.Commands = field(default_factory=unixctl.Commands)
    memory: list[Callable[[], Mapping[str, int]]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)  # nobody waits for us any more
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    cleanup: bool = False  # exit was told to leave nothing behind
    signal: int = 0  # the signal that ended us
    on_signal: dict[int, Callable[[], None]] = field(default_factory=dict)  # what those do that do not end us
    on_ready: Callable[[], None] = lambda: None

    def ready(self) -> None:
        """The daemon is up: let the process that started it return.  Calling it again does nothing."""
        self.on_ready()
        notify_ready()

    def stop(self, cleanup: bool = False) -> None:
        """End the daemon soon, as `exit` does."""
        self.cleanup |= cleanup
        self.stopping.set()

    def memory_usage(self) -> Sequence[Mapping[str, int]]:
        """The figures of memory/show."""
        return [part() for part in self.memory]


Main = Callable[[Service], Coroutine[object, object, None]]


def run_daemon(
    program: str,
    given: Given,
    main: Main,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Run `main` as a daemon; return the exit status.

    `main` starts its work, calls `service.ready()`, returns when `service.stopping` is set, and tidies up.
    """
    try:
        launch = _Launch(program, given)
        log_file = start_logging(program, given)
        _become_user(given.get("user"))
        launch.fork()
        pidfile = PidFile.from_options(program, given)
        if pidfile:
            pidfile.create("overwrite-pidfile" in given)
    except CommandError as error:
        _give_up(program, error)
        return error.status
    LOG.identity.pid = os.getpid()
    try:
        with Signals(ENDING) as signals, asyncio.Runner(loop_factory=loop_factory) as runner:
            ended_by = runner.run(_serve(program, given, log_file, main, launch.report, signals))
    except VswitchError as error:
        _give_up(program, error)
        return 1
    except Exception:  # a mistake of ours: say which; die as from a crash where a monitor waits for that
        log.emer("%s", traceback.format_exc().rstrip())
        if pidfile:
            pidfile.remove()
        if "monitor" in given:
            os.abort()
        return 1
    finally:
        if pidfile:
            pidfile.remove()
    if ended_by:
        signal.signal(ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)
    return 0


def _give_up(program: str, error: VswitchError) -> None:
    """Say why there will be no daemon: once on standard error, and in the log."""
    text = str(error).rstrip()
    LOG.install("console", None)
    log.emer("%s", text)
    with suppress(OSError, AttributeError):  # it may be closed
        sys.stderr.write(f"{program}: {text}\n")


async def _serve(
    program: str,
    given: Given,
    log_file: LogFile,
    main: Main,
    report: Callable[[], None],
    signals: Signals,
) -> int:
    """Run `main` beside the control socket; the signal that ended us, or 0."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report_mistake)
    service = Service(program, given, log_file)

    def started() -> None:
        report()
        service.started.set()

    service.on_ready = started
    service.commands = unixctl.common_commands(program, log_file, service.stop, service.memory_usage)
    signals.deliver(loop, lambda number: _signalled(service, number))
    listener: Listener | None = None
    try:
        listener = await unixctl.serve(service.commands, program, given.get("unixctl"))
    except OSError as error:
        path = in_rundir(given.get("unixctl") or f"{program}.{os.getpid()}.ctl")
        raise CommandError(f"{path}: could not initialize control socket ({error.strerror})") from error
    _tick(loop)
    try:
        await main(service)
    finally:
        if listener:
            listener.close()
    return service.signal


def _signalled(service: Service, number: int) -> None:
    if (call := service.on_signal.get(number)) is not None:
        call()
        return
    log_signal.warn("terminating with signal %d (%s)", number, signal.strsignal(number))
    service.signal = number
    service.stop()


log_signal = Logger("fatal_signal")


def _report_mistake(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Something of ours failed beside the main line: the daemon goes on, and the log says what it was."""
    error = context.get("exception")
    if isinstance(error, asyncio.CancelledError):
        return  # asyncio's streams report so the conversations that an exit cuts short
    if isinstance(error, OSError) and error.errno in (
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    ):
        limited.err("accept: %s", error.strerror)  # nobody's mistake; asyncio tries again in a second
        return
    details = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
    limited.err("%s\n%s", context.get("message"), details.rstrip())


def _tick(loop: asyncio.AbstractEventLoop) -> None:
    """Let the averages of the counters move on, for as long as the loop runs."""
    COUNTERS.tick(loop.time())
    loop.call_later(1, _tick, loop)


@dataclass(slots=True)
class PidFile:
    """A file with our process id, locked for as long as we live."""

    path: str
    _fd: int = -1

    @classmethod
    def from_options(cls, program: str, given: Given) -> PidFile | None:
        """What --pidfile says."""
        if "pidfile" not in given:
            return None
        return cls(in_rundir(given.get("pidfile") or f"{program}.pid"))

    def create(self, overwrite: bool) -> None:
        """Write and lock the file; raises CommandError when a running process has it."""
        holder = pid_holder(self.path)
        if holder and not overwrite:
            raise CommandError(f"{self.path}: already running as pid {holder}, aborting")
        temporary = f"{self.path}.tmp{os.getpid()}"
        try:
            self._fd = os.open(temporary, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(self._fd, f"{os.getpid()}\n".encode())
            os.rename(temporary, self.path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise CommandError(f"{temporary}: create failed ({error.strerror})") from error

    def remove(self) -> None:
        """Remove the file, unless somebody has put another in its place."""
        with suppress(OSError):
            if os.stat(self.path).st_ino == os.fstat(self._fd).st_ino:
                os.unlink(self.path)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def pid_holder(path: str) -> int:
    """The process that holds the lock on the pid file `path`; 0: nobody."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, request))
        return 0 if kind == fcntl.F_UNLCK else int(pid)
    except OSError:
        return 0
    finally:
        os.close(fd)


class _Launch:
    """The fork that --monitor asks for, after that of --detach, and the pipe on which readiness travels back."""

    def __init__(self, program: str, given: Given) -> None:
        self._pipe = detach(program, given)
        self.detach = "detach" in given
        self.monitor = "monitor" in given
        self.chdir = "no-chdir" not in given

    def fork(self) -> None:
        """Return in the process that is to be the daemon; the monitor watches, and exits here."""
        if self.monitor:
            self._watch()

    def report(self) -> None:
        """Tell whoever started us that we are ready; from now on, we have no terminal."""
        if self._pipe >= 0:
            with suppress(OSError):
                os.write(self._pipe, b"\0")
            os.close(self._pipe)
            self._pipe = -1
        if self.detach:
            self.detach = False
            _let_go_of_terminal(self.chdir)

    def _watch(self) -> None:
        """Be the monitor: start the daemon, and again whenever it died from a fault.  Returns in the daemon."""
        crashes, status = 0, ""
        last_restart = -RESTART_INTERVAL
        while True:
            pid, pipe = fork_with_pipe()
            if pid == 0:
                if self._pipe >= 0:
                    os.close(self._pipe)
                self._pipe = pipe
                LOG.identity.subprogram = ""
                return
            LOG.identity.subprogram = "monitor"
            _monitor_title(pid, crashes, status)
            failure = await_ready(pid, pipe, log.emer, reap=crashes == 0)
            if crashes == 0 and failure:
                os._exit(failure)
            self.report()
            _, code = os.waitpid(pid, 0)
            status = f"pid {pid} died, {describe_status(code)}"
            if not (os.WIFSIGNALED(code) and os.WTERMSIG(code) in FAULTS):
                log.info("%s, exiting", status)
                os._exit(0)
            crashes += 1
            log.err("%d crashes: %s, restarting", crashes, status)
            wait = last_restart + RESTART_INTERVAL - monotonic()
            if wait > 0:
                log.warn("waiting until %d seconds since last restart", RESTART_INTERVAL)
                sleep(wait)
            last_restart = monotonic()


def _monitor_title(pid: int, crashes: int, status: str) -> None:
    health = f"{crashes} crashes: {status}" if crashes else "healthy"
    log.dbg("monitoring pid %d (%s)", pid, health)


def _let_go_of_terminal(chdir: bool) -> None:
    LOG.install("console", None)
    LOG.set_level(Level.OFF, destination="console")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    if chdir:
        os.chdir("/")


def _become_user(user: str | None) -> None:
    """Do what --user=USER:GROUP says."""
    if user is None:
        return
    if os.geteuid() != 0:
        raise CommandError("only root can use --user option")
    from grp import getgrnam

    name, _, group = user.partition(":")
    try:
        account = pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())
        gid = getgrnam(group).gr_gid if group else account.pw_gid
    except KeyError as error:
        raise CommandError(f"invalid --user option {user} (cannot find user or group)") from error
    os.setgroups(os.getgrouplist(account.pw_name, gid))
    os.setgid(gid)
    os.setuid(account.pw_uid)
