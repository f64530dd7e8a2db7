"""Where log lines end up: standard error, a file, the system's log.

Sources: ovs-vswitchd(8), "Logging Options"; RFC 5424.
"""

from __future__ import annotations

import _socket
import os
import sys
import syslog
import time
from collections.abc import Callable

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.log import LOG, Identity, Level, Logger
from vswitch.base.options import CommandError, Given, known_method, syslog_method
from vswitch.linux.dirs import logdir

Address = tuple[object, ...] | str

log = Logger("vlog")
complaints = Logger("socket_util")  # of addresses


def start_logging(program: str, given: Given, *, serial: int = 0) -> LogFile:
    """Begin logging as the options say: console and syslog always, a file with --log-file.  Raises CommandError;
    ends the program if that file cannot be opened.

    `serial` is how many lines the program has logged before.
    """
    LOG.start(time.time, Identity(program, _socket.gethostname(), os.getpid()))  # noqa: TID251 - the door to the clock
    LOG.serial = serial
    LOG.install("console", to_console)
    method = syslog_method(given) or known_method(os.environ.get("OVS_SYSLOG_METHOD") or "libc")
    LOG.install("syslog", syslog_sink(program, method))
    apply_verbosity(given)
    target = given.get("syslog-target")
    if target is not None:
        _add_target(target)
    file = LogFile()
    if "log-file" in given and file.open(given.get("log-file") or f"{logdir()}/{program}.log") is not None:
        raise SystemExit(1)  # the warning has said why
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
        case "libc":
            syslog.openlog(program, syslog.LOG_NDELAY, syslog.LOG_DAEMON)
            return lambda level, line: syslog.syslog(LOG.priority(level), for_libc(line))
        case "unix":
            send = _datagrams(_socket.AF_UNIX, where)
        case "udp" if address := _udp_address(where, "514"):
            send = _datagrams(*address)
        case _:
            LOG.syslog_prefix = ""
            return None
    LOG.syslog_prefix = "<%B>"
    return lambda level, line: send(f"<{LOG.priority(level)}>{line}")


def for_libc(line: str) -> str:
    """`line` as syslog.syslog() takes it: text in UTF-8, up to the first zero byte."""
    return line.partition("\0")[0].encode(errors="replace").decode()


def _add_target(target: str) -> None:
    """Log to a syslog server, too, as --syslog-target says."""
    address = _udp_address(target, "")
    if address is None:
        return
    send = _datagrams(*address)
    LOG.install("target", lambda level, line: send(line))
    if LOG.levels[log.name]["syslog"]:
        log.warn("--syslog-target flag is deprecated, use --syslog-method instead")


def _udp_address(text: str, default_port: str) -> tuple[int, Address] | None:
    """The family and the address of HOST:PORT; None if it is nowhere, with a word in the log if it cannot be."""
    host, colon, port = (text, "", "") if text.endswith("]") else text.rpartition(":")
    host, port = (host, port or default_port) if colon else (text, default_port)
    number = parse_decimal(port)
    if not port:
        complaints.err("%s: port must be specified", text)
    elif number is None or not 0 <= number <= 0xFFFF:
        complaints.err('%s: bad port number "%s"', text, port)
    else:
        try:  # now, and not with every line
            found = _socket.getaddrinfo(host.strip("[]").encode(), number, type=_socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return None
        return found[0][0], found[0][4]
    return None


def _datagrams(family: int, address: Address) -> Callable[[str], None]:
    """What sends a text as one datagram; nobody there, and the text is lost."""
    endpoint = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)

    def send(text: str) -> None:
        try:
            endpoint.sendto(text.encode("utf-8", "surrogateescape"), address)
        except OSError:
            return

    return send
