"""Command tables and options: what every control program does before and after its own work.

A program is a table of commands, each a function from words to lines:

    commands: CommandTable[Given] = CommandTable()

    @commands("dump-ports", "SWITCH [PORT]")
    def dump_ports(given: Given, switch: str, port: str = "") -> Iterable[str]: ...

    def main() -> int:
        return Program("ovs-ofctl", commands, OPTIONS + COMMON, help=...).main()

`Given` holds the options as typed, in order.  Long options may be abbreviated to a unique prefix; options and
other words may be mixed, unless the program asks for options first (`permute=False`).  An error is raised as a
`CommandError`; `main` prints it as `PROGRAM: message` and returns 1.

Standard library only, and little of it: these programs start hundreds of times in a script.

Sources: getopt_long(3); Open vSwitch lib/command-line.c, lib/util.c, ovs-ofctl(8) and the other man pages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.version import OVS_VERSION, VERSION

NONE, REQUIRED, OPTIONAL = "", "=", "?"  # an option's argument


class CommandError(VswitchError):
    """The command cannot be done; `status` is the program's exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Option:
    """One option: `--name`, also `-short` where there is one; `argument` is NONE, REQUIRED or OPTIONAL."""

    __slots__ = ("argument", "name", "short")

    def __init__(self, name: str, argument: str = NONE, short: str = "") -> None:
        self.name = name
        self.argument = argument
        self.short = short


HELP = (Option("help", short="h"), Option("version", short="V"))
TIMEOUT = (Option("timeout", REQUIRED, "t"),)
LOGGING = (
    Option("verbose", OPTIONAL, "v"),
    Option("log-file", OPTIONAL),
    Option("syslog-method", REQUIRED),
    Option("syslog-target", REQUIRED),
)
SSL = (
    Option("private-key", REQUIRED, "p"),
    Option("certificate", REQUIRED, "c"),
    Option("ca-cert", REQUIRED, "C"),
    Option("ssl-protocols", REQUIRED),
    Option("ssl-ciphers", REQUIRED),
)
BOOTSTRAP = (Option("bootstrap-ca-cert", REQUIRED), Option("peer-ca-cert", REQUIRED))
DAEMON = (
    Option("detach"),
    Option("monitor"),
    Option("no-chdir"),
    Option("no-self-confinement"),
    Option("pidfile", OPTIONAL),
    Option("overwrite-pidfile"),
    Option("user", REQUIRED),
)
COMMON = HELP + LOGGING


class Given:
    """The options of one command line, in the order typed, under their full long names."""

    def __init__(self, pairs: Iterable[tuple[str, str | None]] = ()) -> None:
        self.pairs = list(pairs)

    def __contains__(self, name: object) -> bool:
        return any(given == name for given, _ in self.pairs)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.pairs)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The last argument given to `name`."""
        values = self.all(name)
        return values[-1] if values else default

    def all(self, name: str) -> list[str | None]:
        """Every argument given to `name`, in order."""
        return [value for given, value in self.pairs if given == name]


def parse_options(
    words: Sequence[str], options: Sequence[Option], *, permute: bool = True
) -> tuple[Given, list[str]]:
    """Split `words` into options and the rest, as getopt_long(3) does; raises CommandError."""
    given: list[tuple[str, str | None]] = []
    rest: list[str] = []
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        if word == "--":
            rest += reversed(queue)
            break
        if word.startswith("--"):
            given.append(_long(word, options, queue))
        elif len(word) > 1 and word[0] == "-":
            given += _short(word[1:], options, queue)
        elif permute:
            rest.append(word)
        else:
            rest += [word, *reversed(queue)]
            break
    return Given(given), rest


def find_option(name: str, options: Sequence[Option]) -> Option | None:
    """The option that `name` is or uniquely abbreviates; None if there is none; raises when ambiguous."""
    candidates = [option for option in options if option.name.startswith(name)]
    for option in candidates:
        if option.name == name:
            return option
    if len(candidates) > 1:
        possibilities = " ".join(f"'--{option.name}'" for option in candidates)
        raise CommandError(f"option '--{name}' is ambiguous; possibilities: {possibilities}")
    return candidates[0] if candidates else None


def _long(word: str, options: Sequence[Option], queue: list[str]) -> tuple[str, str | None]:
    name, equals, argument = word[2:].partition("=")
    option = find_option(name, options)
    if option is None:
        raise CommandError(f"unrecognized option '--{name}'")
    if option.argument == REQUIRED and not equals:
        if not queue:
            raise CommandError(f"option '--{option.name}' requires an argument")
        return option.name, queue.pop()
    if option.argument == NONE and equals:
        raise CommandError(f"option '--{option.name}' doesn't allow an argument")
    return option.name, argument if equals else None


def _short(letters: str, options: Sequence[Option], queue: list[str]) -> Iterator[tuple[str, str | None]]:
    while letters:
        letter, letters = letters[0], letters[1:]
        option = next((option for option in options if option.short == letter), None)
        if option is None:
            raise CommandError(f"invalid option -- '{letter}'")
        if option.argument == NONE:
            yield option.name, None
            continue
        if option.argument == REQUIRED and not letters:
            if not queue:
                raise CommandError(f"option requires an argument -- '{letter}'")
            letters = queue.pop()
        yield option.name, letters or None
        return


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
    ) -> None:
        self.name = name
        self.commands = commands
        self.options = options
        self.help = help
        self.version = version  # further lines of --version
        self.permute = permute
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
        set_up_logging(self.name, given)
        set_timeout(given.get("timeout"))
        self.prepare(given)
        command = self.commands.find(rest)
        for line in command.run(given, *rest[1:]) or ():
            print(line)
        return 0

    def _answer(self, given: Given) -> str:
        """What --help or --version, whichever comes first, prints; nothing if neither was given."""
        for name, _ in given:
            if name == "help":
                return self.help if isinstance(self.help, str) else self.help()
            if name == "version":
                return version_text(self.name, self.version)
        return ""


def version_text(program: str, more: str = "") -> str:
    """What --version prints.  Scripts take the last word of the first line, or the first N.N of it."""
    return "\n".join([f"{program} (Open vSwitch) {OVS_VERSION}", *filter(None, [more]), f"vswitch {VERSION}"])


def guarded(name: str, run: Callable[[], int]) -> int:
    """Run a program's body; print errors as `NAME: message`; return the exit status."""
    try:
        status = run()
        sys.stdout.flush()
    except CommandError as error:
        status = _fail(name, str(error), error.status)
    except VswitchError as error:
        status = _fail(name, str(error), 1)
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _fail(name: str, message: str, status: int) -> int:
    sys.stdout.flush()
    print(f"{name}: {message}", file=sys.stderr)
    return status


def set_timeout(text: str | None) -> None:
    """Let SIGALRM end the process after `text` seconds, or after $OVS_CTL_TIMEOUT's if `text` is None."""
    if text is None:
        text = os.environ.get("OVS_CTL_TIMEOUT", "")
        seconds = int(text) if text.isdecimal() else 0
    else:
        seconds = int(text) if text.isascii() and text.isdecimal() else 0
        if not 0 < seconds < 1 << 32:
            raise CommandError(f"value {text} on -t or --timeout is invalid")
    if seconds:
        from signal import SIGALRM, alarm, signal  # noqa: PLC0415 - only when a time-out is wanted

        signal(SIGALRM, _alarm)
        alarm(seconds)


def _alarm(number: int, frame: object) -> None:
    """Say why, then die from the signal itself, so that the shell sees status 142."""
    from signal import SIG_DFL, signal  # noqa: PLC0415

    from vswitch.base.log import Logger  # noqa: PLC0415

    Logger("fatal_signal").warn("terminating with signal 14 (Alarm clock)")
    sys.stdout.flush()
    signal(number, SIG_DFL)
    os.kill(os.getpid(), number)


def set_up_logging(program: str, given: Given) -> None:
    """Apply --verbose and --log-file and let log lines go to stderr."""
