"""Log lines as vlog writes them: modules, levels, destinations, patterns, rate limits.

A module makes one `Logger` and calls `log.info("%s: …", x)`.  The process-wide `LOG` decides which destinations
want the line, lays it out by each one's pattern, and gives it to the sinks.  It is pure: a program installs the
clock and the sinks (console, file, syslog) at start-up; until then, and in tests, nothing is written.

Sources: ovs-appctl(8), "Logging Commands"; ovs-vswitchd(8), "Logging Options"; RFC 5424 6.2.1 (priorities).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from vswitch.base.allowance import Allowance
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern


class Level(IntEnum):
    """How grave a message is.  A destination set to a level takes the messages of that level and graver ones."""

    OFF = 0
    EMER = 1
    ERR = 2
    WARN = 3
    INFO = 4
    DBG = 5


SYSLOG_SEVERITY = {Level.EMER: 1, Level.ERR: 3, Level.WARN: 4, Level.INFO: 5, Level.DBG: 7, Level.OFF: 6}
FACILITIES = (  # by their numbers; 10 has no name here
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "clock", "", "ftp", "ntp", "audit",
    "alert", "clock2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
DESTINATIONS = ("console", "syslog", "file")
LEVELS = {level.name.lower(): level for level in Level}

DEFAULT_PATTERNS = {
    "console": "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
    "syslog": "ovs|%05N|%c%T|%p|%m",
    "file": "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
}
TARGET_PATTERN = (
    "<%B>1 %D{%Y-%m-%dT%H:%M:%S.###Z} %E %A %P %c - \ufeff%m"  # of --syslog-target, as in RFC 5424
)
DAEMON, LOCAL0 = FACILITIES.index("daemon") << 3, FACILITIES.index("local0") << 3
LEVEL_OF = {**{name: name for name in DESTINATIONS}, "target": "syslog"}  # whose level a sink takes


@dataclass(slots=True)
class Identity:
    """Who is writing: what `%A %E %P %t` expand to."""

    program: str = ""
    hostname: str = ""
    pid: int = 0
    subprogram: str = ""  # "" for the main process, "monitor" …


@dataclass(frozen=True, slots=True)
class Record:
    """One message with its circumstances."""

    at: float  # seconds since the epoch
    elapsed: float  # seconds since the program started
    serial: int
    module: str
    level: Level
    message: str


Sink = Callable[[Level, str], None]  # takes one laid-out line, without the newline


@dataclass(slots=True)
class Log:
    """The state of logging in one process: who may write where, in which form, and through what."""

    levels: dict[str, dict[str, Level]] = field(default_factory=dict)  # module -> destination -> level
    defaults: dict[str, Level] = field(default_factory=lambda: dict.fromkeys(DESTINATIONS, Level.INFO))
    patterns: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_PATTERNS))
    sinks: dict[str, Sink] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)
    facility: int = 0  # shifted as in a priority; 0: nobody chose one
    syslog_prefix: str = "<%B> %D{%h %e %T} %E %A: "  # what the way to the system's log puts before a line
    unlimited: set[str] = field(default_factory=set)  # modules whose rate limits are lifted
    clock: Callable[[], float] = lambda: 0.0
    started: float = 0.0
    serial: int = 0
    threshold: dict[str, Level] = field(
        default_factory=dict
    )  # module -> gravest level that nobody wants, less 1

    def module(self, name: str) -> str:
        """Make `name` known to vlog/list and vlog/set."""
        if name not in self.levels:
            self.levels[name] = dict(self.defaults)
            self._refresh()
        return name

    def install(self, destination: str, sink: Sink | None) -> None:
        """From now on, lines for `destination` (or for "target", a syslog server) go to `sink`; None: nowhere."""
        if sink is None:
            self.sinks.pop(destination, None)
        else:
            self.sinks[destination] = sink
        self._refresh()

    def start(self, clock: Callable[[], float], identity: Identity) -> None:
        """Begin a run of a program: serial numbers and elapsed time count from here."""
        self.clock, self.identity = clock, identity
        self.started, self.serial = clock(), 0

    def wants(self, module: str, level: Level) -> bool:
        """Whether a message would reach any sink: what keeps unwanted messages cheap."""
        return level <= self.threshold[module]

    def write(self, module: str, level: Level, message: str) -> None:
        """Hand a message to every destination that wants it."""
        if not self.wants(module, level):
            return
        self.serial += 1
        now = self.clock()
        record = Record(now, now - self.started, self.serial, module, level, message)
        for destination, sink in list(self.sinks.items()):
            if level <= self.levels[module][LEVEL_OF[destination]]:
                pattern = TARGET_PATTERN if destination == "target" else self.patterns[destination]
                text = layout(pattern, record, self.identity, self.facility)
                for line in text.split("\n") if destination == "syslog" else [text]:
                    if line or destination != "syslog":
                        sink(level, line)

    def priority(self, level: Level) -> int:
        """What the system's log is told of a message's origin and gravity."""
        return (self.facility or DAEMON) | SYSLOG_SEVERITY[level]

    def set_level(self, level: Level, module: str | None = None, destination: str | None = None) -> None:
        """Set what one module or all of them (also those yet to come) may write to one destination or to all."""
        for each in DESTINATIONS if destination is None else (destination,):
            if module is None:
                self.defaults[each] = level
            for name in self.levels if module is None else (module,):
                self.levels[name][each] = level
        self._refresh()

    def set(self, spec: str) -> None:
        """Do what `-vSPEC` and `vlog/set SPEC` say; raises `TextError` in the peer's words."""
        first, _, rest = spec.partition(":")
        match first.upper():
            case "PATTERN":
                self._set_pattern(rest)
            case "FACILITY":
                if not rest or rest not in FACILITIES:
                    raise TextError("invalid facility", spec)
                self.facility = FACILITIES.index(rest) << 3
            case _:
                self._set_words([word for word in re.split(r"[ ,:\n\t]+", spec) if word])

    def _set_pattern(self, text: str) -> None:
        name, _, pattern = text.partition(":")
        if not name:
            raise TextError("missing destination", text)
        if name.lower() not in DESTINATIONS:
            raise TextError(f'unknown destination "{name}"', text)
        self.patterns[name.lower()] = pattern

    def _set_words(self, words: Iterable[str]) -> None:
        known = {name.lower().replace("-", "_"): name for name in self.levels}
        chosen: dict[str, str] = {}
        for word in words:
            lower = word.lower()
            kind = (
                "destination" if lower in DESTINATIONS
                else "level" if lower in LEVELS
                else "module" if lower.replace("-", "_") in known
                else ""
            )  # fmt: skip
            if not kind and lower != "any":
                raise TextError(f'no destination, level, or module "{word}"', word)
            if kind in chosen:
                raise TextError(f"cannot specify multiple {kind}s", word)
            if kind:
                chosen[kind] = known.get(lower.replace("-", "_"), lower) if kind == "module" else lower
        level = LEVELS[chosen.get("level", "dbg")]
        self.set_level(level, chosen.get("module"), chosen.get("destination"))

    def list_levels(self) -> str:
        """The text of vlog/list."""
        rows = [
            f"{name:<16}  {by['console'].name:>4}       {by['syslog'].name:>4}       {by['file'].name:>4}\n"
            for name, by in sorted(self.levels.items())
        ]
        head = "                 console    syslog    file\n                 -------    ------    ------\n"
        return head + "".join(rows)

    def list_patterns(self) -> str:
        """The text of vlog/list-pattern."""
        prefixes: Mapping[str, str] = {"syslog": self.syslog_prefix}
        rows = [
            f"{name.upper():<7}  {prefixes.get(name, 'none'):<32}  {self.patterns[name]}\n"
            for name in ("syslog", "console", "file")
        ]
        return (
            "         prefix                            format\n         ------                            ------\n"
            + "".join(rows)
        )

    def set_rate_limits(self, modules: Iterable[str], honored: bool) -> None:
        """Honor or lift the rate limits of `modules`; of all, where there are none.  Raises `TextError`."""
        known = {name.lower(): name for name in self.levels}
        chosen = []
        for module in modules:
            if module.lower() not in known:
                raise TextError("unknown module", module)
            chosen.append(known[module.lower()])
        change = self.unlimited.difference_update if honored else self.unlimited.update
        change(chosen or list(self.levels))

    def _refresh(self) -> None:
        for name, by in self.levels.items():
            self.threshold[name] = max((by[LEVEL_OF[sink]] for sink in self.sinks), default=Level.OFF)


LOG = Log()


class Logger:
    """One module's pen.  Messages take %-arguments and are laid out only where somebody wants them."""

    __slots__ = ("_log", "name")

    def __init__(self, name: str, log: Log = LOG) -> None:
        self.name = log.module(name)
        self._log = log

    def emer(self, message: str, *arguments: object) -> None:
        """A process has to stop."""
        self.log(Level.EMER, message, *arguments)

    def err(self, message: str, *arguments: object) -> None:
        """A high-level operation failed."""
        self.log(Level.ERR, message, *arguments)

    def warn(self, message: str, *arguments: object) -> None:
        """A low-level operation failed; others may recover."""
        self.log(Level.WARN, message, *arguments)

    def info(self, message: str, *arguments: object) -> None:
        """Worth knowing later."""
        self.log(Level.INFO, message, *arguments)

    def dbg(self, message: str, *arguments: object) -> None:
        """For those who look closely."""
        self.log(Level.DBG, message, *arguments)

    def wants(self, level: Level) -> bool:
        """Whether a message of `level` would be written: ask before computing costly arguments."""
        return self._log.wants(self.name, level)

    def log(self, level: Level, message: str, *arguments: object) -> None:
        """Write at `level`."""
        if self._log.wants(self.name, level):
            self._log.write(self.name, level, message % arguments if arguments else message)

    def limited(self, rate: int = 5, burst: int = 5) -> LimitedLogger:
        """A logger that writes at most `rate` messages a minute, after a `burst`; make it once, at module level."""
        return LimitedLogger(self, self._log, rate, burst)


class LimitedLogger(Logger):
    """A logger with an allowance of its own; what it swallows it counts, and says so when it speaks again."""

    __slots__ = ("_allowance",)

    def __init__(self, parent: Logger, log: Log, rate: int, burst: int) -> None:
        super().__init__(parent.name, log)
        self._allowance = Allowance(rate, burst)

    def log(self, level: Level, message: str, *arguments: object) -> None:
        """Write at `level`, if that is allowed now."""
        if not self._log.wants(self.name, level):
            return
        if self.name not in self._log.unlimited:
            before = self._allowance.take(self._log.clock())
            if before is None:
                return
            if before:
                self._log.write(self.name, level, before)
        super().log(level, message, *arguments)


def layout(pattern: str, record: Record, identity: Identity, facility: int = 0) -> str:
    """`record` as `pattern` wants it."""

    def expand(found: re.Match[str]) -> str:
        left, zero, width, letter, braces = found.groups()
        text = _escape(letter, braces, record, identity, facility)
        if text is None:
            return found.group()
        if left:
            return text.ljust(int(width or 0))
        return text.rjust(int(width or 0), "0" if zero else " ")

    return ESCAPE.sub(expand, pattern)


ESCAPE = pattern(r"%(-?)(0?)(\d*)([A-Za-z%])(?:(?<=[dD])\{([^}]*)\})?")


def _escape(letter: str, braces: str | None, record: Record, identity: Identity, facility: int) -> str | None:
    match letter:
        case "A":
            return identity.program
        case "B":
            return str((facility or LOCAL0) | SYSLOG_SEVERITY[record.level])
        case "c":
            return record.module
        case "d":
            return _when(record.at, braces, is_utc=False)
        case "D":
            return _when(record.at, braces, is_utc=True)
        case "E":
            return identity.hostname
        case "m":
            return record.message
        case "N":
            return str(record.serial)
        case "n":
            return "\n"
        case "p":
            return record.level.name
        case "P":
            return str(identity.pid)
        case "r":
            return str(int(record.elapsed * 1000))
        case "t":
            return identity.subprogram or "main"
        case "T":
            return f"({identity.subprogram})" if identity.subprogram else ""
        case "%":
            return "%"
        case _:
            return None


def _when(at: float, form: str | None, *, is_utc: bool) -> str:
    from datetime import UTC, datetime  # for who logs something: few commands do

    moment = datetime.fromtimestamp(at, UTC if is_utc else None)
    text = moment.strftime(form or "%Y-%m-%d %H:%M:%S")
    digits = iter(f"{moment.microsecond // 1000:03}")
    return re.sub("#", lambda _: next(digits, "0"), text)
