"""Where log lines end up: standard error, a file, the system's log.

Sources: ovs-vswitchd(8), "Logging Options"; RFC 5424.
"""

from __future__ import annotations

import os
import socket
import sys
import syslog
import time
from collections.abc import Callable
from pathlib import Path

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.log import LOG, SYSLOG_PREFIX, SYSLOG_SEVERITY, Identity, Level, Logger
from vswitch.base.options import CommandError, Given
from vswitch.linux.dirs import logdir

log = Logger("vlog")


def start_logging(program: str, given: Given, *, default_file: bool = False) -> LogFile:
    """Begin logging as the options say: console and syslog always, a file with --log-file."""
    LOG.start(time.time, Identity(program, socket.gethostname(), os.getpid()))  # noqa: TID251 - the door to the clock
    LOG.install("console", to_console)
    method = given.get("syslog-method") or os.environ.get("OVS_SYSLOG_METHOD") or "libc"
    LOG.install("syslog", syslog_sink(program, method))
    apply_verbosity(given)
    file = LogFile()
    if "log-file" in given or default_file:
        file.open(given.get("log-file") or f"{logdir()}/{program}.log")
    return file


def apply_verbosity(given: Given) -> None:
    """Do what -v and --verbose say, in order."""
    for spec in given.all("verbose"):
        try:
            if spec is None:
                LOG.set_level(Level.DBG)
            else:
                LOG.set(spec)
        except TextError as error:
            raise CommandError(f'processing "{spec}": {error}') from error


def to_console(level: Level, line: str) -> None:
    """Write to standard error; a console that has gone away loses the line."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        LOG.install("console", None)


class LogFile:
    """The file behind the destination `file`; a disk that is full loses lines, not the daemon."""

    def __init__(self) -> None:
        self.path: str | None = None
        self._fd = -1

    def open(self, path: str) -> str | None:
        """Write to `path` from now on; returns why not, where that failed."""
        self.close()
        self.path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o660)
        except OSError as error:
            log.warn("failed to open %s for logging: %s", path, error.strerror)
            return error.strerror
        LOG.install("file", self._write)
        log.info("opened log file %s", path)
        return None

    def reopen(self) -> str | None:
        """Close and open again: a new file, if somebody moved the old one away."""
        if self.path is None:
            return None
        if self._fd >= 0:
            log.info("closing log file")
        return self.open(self.path)

    def close(self) -> None:
        """Write no more, until reopened."""
        LOG.install("file", None)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, level: Level, line: str) -> None:
        try:
            os.write(self._fd, (line + "\n").encode("utf-8", "surrogateescape"))
        except OSError:
            return


Sink = Callable[[Level, str], None]


def syslog_sink(program: str, method: str) -> Sink | None:
    """What writes to the system's log by `method`: libc, null, unix:FILE or udp:IP:PORT."""
    kind, _, where = method.partition(":")
    match kind:
        case "libc" if Path("/dev/log").exists():
            syslog.openlog(program, syslog.LOG_NDELAY, syslog.LOG_DAEMON)
            return lambda level, line: syslog.syslog(LOG.facility | SYSLOG_SEVERITY[level], line)
        case "unix":
            return _datagrams(socket.AF_UNIX, where)
        case "udp":
            host, _, port = where.rpartition(":")
            address = (host.strip("[]"), 514 if (number := parse_decimal(port)) is None else number)
            return _datagrams(socket.AF_INET6 if ":" in host else socket.AF_INET, address)
        case _:
            return None


def _datagrams(family: socket.AddressFamily, address: str | tuple[str, int]) -> Sink:
    """A sink that sends each line as one datagram, with the header that libc would have put before it."""
    endpoint = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    LOG.patterns["syslog"] = SYSLOG_PREFIX + LOG.patterns["syslog"]

    def send(level: Level, line: str) -> None:
        try:
            endpoint.sendto(line.encode("utf-8", "surrogateescape"), address)
        except OSError:
            return

    return send
