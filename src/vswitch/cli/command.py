"""Command tables and options: what every control program does before and after its own work.

A program is a table of commands, each a function from words to lines:

    commands: CommandTable[Given] = CommandTable()

    @commands("dump-ports", "SWITCH [PORT]")
    def dump_ports(given: Given, switch: str, port: str = "") -> Iterable[str]: ...

    def main() -> int:
        return Program("ovs-ofctl", commands, OPTIONS + COMMON, help=...).main()

Options are those of `base.options`.  An error is raised as a `CommandError`; `main` prints it as
`PROGRAM: message` and returns 1.

Standard library only, and little of it: these programs start hundreds of times in a script.

Sources: getopt_long(3); Open vSwitch lib/command-line.c, lib/util.c, ovs-ofctl(8) and the other man pages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import TextIOWrapper

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import VswitchError
from vswitch.base.options import (
    CommandError,
    Given,
    Option,
    listing,
    parse_options,
    syslog_method,
    version_text,
)

Handler = Callable[..., Iterable[str] | None]


class Command:
    """A command: its name, the usage of its words, how many words it takes, and the function that does it."""

    def __init__(self, name: str, usage: str, at_least: int, at_most: int, run: Handler) -> None:
        self.name = name
        self.usage = usage
        self.at_least = at_least
        self.at_most = at_most
        self.run = run


class CommandTable:
    """The commands of a program by name, in the order of their definition; used as a decorator to fill it."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}

    def __call__(
        self, name: str, usage: str = "", *, at_least: int = -1, at_most: int = -1
    ) -> Callable[[Handler], Handler]:
        """Declare a command.  How many words it takes follows from `usage`, unless the caller says it."""

        def declare(run: Handler) -> Handler:
            low, high = arity(usage)
            self.commands[name] = Command(
                name, usage, low if at_least < 0 else at_least, high if at_most < 0 else at_most, run
            )
            return run

        return declare

    def find(self, words: Sequence[str]) -> Command:
        """The command that `words` name, with a fitting number of further words; raises CommandError."""
        if not words:
            raise CommandError("missing command name; use --help for help")
        command = self.commands.get(words[0])
        if command is None:
            raise CommandError(f"unknown command '{words[0]}'; use --help for help")
        check_arity(command.name, len(words) - 1, command.at_least, command.at_most)
        return command

    def listing(self) -> Iterator[str]:
        """What `list-commands` prints."""
        yield "The available commands are:"
        for command in self.commands.values():
            yield f"  {command.name:<23} {command.usage}"


UNLIMITED = sys.maxsize


def arity(usage: str) -> tuple[int, int]:
    """How few and how many words `usage` describes: `[WORD]` may be left out, `WORD...` may be repeated.

    >>> arity("SWITCH FLOW [PORT]...")
    (2, 9223372036854775807)
    """
    words = usage.split()
    depth = required = 0
    for word in words:
        depth += word.count("[")
        required += depth == 0
        depth -= word.count("]")
    return required, UNLIMITED if "..." in usage else len(words)


def check_arity(name: str, count: int, at_least: int, at_most: int) -> None:
    """Raise CommandError unless `count` words suit the command `name`."""
    if count < at_least:
        raise CommandError(f"'{name}' command requires at least {at_least} arguments")
    if count > at_most:
        raise CommandError(f"'{name}' command takes at most {at_most} arguments")


class Program:
    """A command-line program: its name, its commands, the options that it takes, its help text."""

    def __init__(
        self,
        name: str,
        commands: CommandTable,
        options: Sequence[Option],
        *,
        help: str | Callable[[], str] = "",
        version: str = "",
        permute: bool = True,
        prepare: Callable[[Given], None] = lambda given: None,
        modules: Sequence[str] = (),
        usage_module: str = "command_line",
    ) -> None:
        self.name = name
        self.commands = commands
        self.options = options
        self.help = help
        self.version = version  # further lines of --version
        self.permute = permute
        self.modules = modules  # that log, besides those that are imported
        self.usage_module = usage_module  # that logs what is no command
        self.prepare = prepare  # looks at the options before the command runs; may raise CommandError

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run the command that `argv` (default: the process's) asks for; return the exit status."""
        words = sys.argv[1:] if argv is None else argv
        return guarded(self.name, lambda: self._run(words))

    def _run(self, words: Sequence[str]) -> int:
        given, rest = parse_options(words, self.options, permute=self.permute)
        if answer := self._answer(given):
            print(answer)
            return 0
        return self.perform(given, rest)

    def perform(self, given: Given, rest: Sequence[str]) -> int:
        """Run the command that `rest` names; its exit status."""
        set_up_logging(self.name, given, self.modules)
        set_timeout(given.get("timeout"))
        self.prepare(given)
        command = self._find(rest)
        for line in command.run(given, *rest[1:]) or ():
            print(line)
        return 0

    def _find(self, rest: Sequence[str]) -> Command:
        try:
            return self.commands.find(rest)
        except CommandError as error:
            if rest:
                log_failure(self.usage_module, "EMER", str(error))
            raise

    def _answer(self, given: Given) -> str:
        """What --help, --version or --option, whichever comes first, prints; nothing if none was given."""
        for name, _ in given:
            if name == "syslog-method":
                syslog_method(given)
            if name == "help":
                return self.help if isinstance(self.help, str) else self.help()
            if name == "version":
                return version_text(self.name, self.version)
            if name == "option":
                return listing(self.options)
        return ""


def guarded(name: str, run: Callable[[], int]) -> int:
    """Run a program's body; print errors as `NAME: message`; return the exit status."""
    if sys.stdout is None:  # started with it closed: as good as nobody reading
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end; pathlib costs 10 ms here
    for stream in (sys.stdout, sys.stderr):  # bytes that are not UTF-8 go out as they came in
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    try:
        status = run()
        sys.stdout.flush()
    except CommandError as error:
        status = _fail(name, str(error), error.status)
    except VswitchError as error:
        status = _fail(name, str(error), 1)
    except UnicodeEncodeError:  # a byte of an argument that is not UTF-8 was to go to the other side
        status = _fail(name, "arguments must be in UTF-8", 1)
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        _discard_output()
        return 1
    except OSError as error:  # the disk that takes our output is full
        _discard_output()
        status = _fail(name, error.strerror or str(error), 1)
    except KeyboardInterrupt:
        return 130
    return status


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(name: str, message: str, status: int) -> int:
    sys.stdout.flush()
    if message:
        print(f"{name}: {message}", file=sys.stderr)
    return status


def set_timeout(text: str | None, short: str = "-t") -> None:
    """Let SIGALRM end the process after `text` seconds, or after $OVS_CTL_TIMEOUT's if `text` is None."""
    if text is None:
        text = os.environ.get("OVS_CTL_TIMEOUT", "")
        seconds = parse_decimal(text) or 0
    else:
        seconds = parse_decimal(text) or 0
        if not 0 < seconds < 1 << 32:
            raise CommandError(f"value {text} on {short} or --timeout is invalid")
    if seconds:
        from signal import SIGALRM, alarm, signal

        signal(SIGALRM, _alarm)
        alarm(seconds)


def _alarm(number: int, frame: object) -> None:
    """Say why, then die from the signal itself, so that the shell sees status 142."""
    from signal import SIG_DFL, signal

    warn("fatal_signal", "terminating with signal 14 (Alarm clock)")
    sys.stdout.flush()
    signal(number, SIG_DFL)
    os.kill(os.getpid(), number)


class _Speaker:
    """Who logs, and how; until something is to be logged that needs it, nothing of that is set up."""

    program = ""
    given = Given()
    modules: Sequence[str] = ()
    is_quiet = False
    is_set_up = False
    told = 0  # lines that went to the system's log before


def set_up_logging(
    program: str, given: Given, modules: Sequence[str] = (), *, is_quiet: bool = False
) -> None:
    """Log as the options say.  Where they say nothing, nothing is set up until there is something to log.

    `modules` are names that options may have, of modules that are not imported yet.  `is_quiet`: stderr takes
    warnings and worse only, until options say otherwise; --no-syslog is about the first of `modules`.
    Options that leave connections unprotected are warned of, whether there will be connections or not.
    """
    _Speaker.program, _Speaker.given, _Speaker.modules, _Speaker.is_quiet = program, given, modules, is_quiet
    syslog_method(given)
    if "verbose" in given or "log-file" in given:
        _speak_up()
    if "none" in (*given.all("ca-cert"), *given.all("bootstrap-ca-cert")):
        warn("stream_ssl", "Peer certificate validation disabled (this is a security risk)")


def tell_syslog(module: str, level: str, message: str) -> None:
    """Log what stderr is not to have.  Where no option is about logging, syslog(3) will do: that costs little."""
    if not _is_plain():
        say(module, level, message)
        return
    import syslog

    syslog.openlog(_Speaker.program, 0, syslog.LOG_DAEMON)
    _Speaker.told += 1
    text = f"ovs|{_Speaker.told:05}|{module}|{level}|{message}"
    for line in filter(None, text.partition("\0")[0].encode(errors="replace").decode().split("\n")):
        syslog.syslog(_PRIORITIES[level], line)


_LOGGING = {"verbose", "log-file", "syslog-method", "syslog-target"}
_PRIORITIES = {"EMER": 1, "ERR": 3, "INFO": 5}


def _is_plain() -> bool:
    if _Speaker.is_set_up or os.environ.get("OVS_SYSLOG_METHOD"):
        return False
    return not any(name in _LOGGING for name, _ in _Speaker.given)


def log_failure(module: str, level: str, message: str) -> None:
    """Log what stderr is told by itself: why the program fails."""
    if not _is_plain():
        from vswitch.base.log import LOG, Level

        _speak_up()
        LOG.set_level(Level.OFF, LOG.module(module), "console")
    tell_syslog(module, level, message)


def warn(module: str, message: str) -> None:
    """Log a warning, by default to stderr."""
    say(module, "WARN", message)


def log_error(module: str, message: str) -> None:
    """Log an error, by default to stderr."""
    say(module, "ERR", message)


def wants_debugging(module: str) -> bool:
    """Whether -v asks for all that a module has to say."""
    if "verbose" not in _Speaker.given:
        return False
    from vswitch.base.log import Level, Logger

    return Logger(module).wants(Level.DBG)


def say(module: str, level: str, message: str) -> None:
    """Log a message at a level; logging is set up now, if nobody did before."""
    from vswitch.base.log import Level, Logger

    _speak_up()
    Logger(module).log(Level[level], "%s", message)


def _speak_up() -> None:
    """Set up logging as the options said, or by default."""
    from vswitch.aio.sinks import start_logging
    from vswitch.base.log import LOG, Level

    if LOG.sinks:
        return
    _Speaker.is_set_up = True
    for module in _Speaker.modules:
        LOG.module(module)
    if _Speaker.is_quiet:
        LOG.set_level(Level.WARN, destination="console")
    own = f"{_Speaker.modules[0]}:syslog:warn" if _Speaker.modules else ""
    given = [("verbose", own) if name == "no-syslog" else (name, value) for name, value in _Speaker.given]
    start_logging(_Speaker.program, Given(given), serial=_Speaker.told)
