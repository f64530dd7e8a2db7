"""Command-line options as getopt_long(3) takes them: what daemons and control programs have in common.

`Given` holds the options as typed, in order.  Long options may be abbreviated to a unique prefix; options and
other words may be mixed, unless the program asks for options first (`permute=False`).

Sources: getopt_long(3); ovs-vswitchd(8) and the other man pages for the groups of options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.version import BUILD, OVS_VERSION, VERSION

NONE, REQUIRED, OPTIONAL = "", "=", "?"  # an option's argument


class CommandError(VswitchError):
    """The command cannot be done; `status` is the program's exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class OptionError(CommandError):
    """`word` of the command line is no option, or not as it has to be; `lacks`: the option that an argument is missing to."""

    def __init__(self, message: str, word: str, lacks: str = "") -> None:
        super().__init__(message)
        self.word = word
        self.lacks = lacks


class Option:
    """One option: `--name`, also `-short` where there is one; `argument` is NONE, REQUIRED or OPTIONAL."""

    __slots__ = ("argument", "name", "short")

    def __init__(self, name: str, argument: str = NONE, short: str = "") -> None:
        self.name = name
        self.argument = argument
        self.short = short


HELP = (Option("help", short="h"), Option("version", short="V"))
LISTING = (Option("option", short="o"),)
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
    Option("no-self-confinement"),
    Option("no-chdir"),
    Option("pidfile", OPTIONAL),
    Option("overwrite-pidfile"),
    Option("monitor"),
    Option("user", REQUIRED),
)
COMMON = HELP + LOGGING
REPLAY = (Option("record", OPTIONAL), Option("replay", OPTIONAL))  # of Open vSwitch's own developers


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
    """Split `words` into options and the rest, as getopt_long(3) does; raises CommandError.

    Nothing is read after what asks for the help or its like: whatever is wrong there, that is answered.
    """
    given: list[tuple[str, str | None]] = []
    rest: list[str] = []
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        if word == "--":
            rest += reversed(queue)
            break
        if len(word) > 1 and word[0] == "-":
            pairs = [_long(word, options, queue)] if word[1] == "-" else _short(word, options, queue)
            for pair in pairs:
                given.append(pair)
                if pair[0] in _ANSWERED:
                    return Given(given), rest
        elif permute:
            rest.append(word)
        else:
            rest += [word, *reversed(queue)]
            break
    return Given(given), rest


_ANSWERED = frozenset({"commands", "help", "option", "options", "version"})


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
        raise OptionError(f"unrecognized option '{word}'", word)
    if option.argument == REQUIRED and not equals:
        if not queue:
            raise OptionError(f"option '--{option.name}' requires an argument", word, option.name)
        return option.name, queue.pop()
    if option.argument == NONE and equals:
        raise OptionError(f"option '--{option.name}' doesn't allow an argument", word)
    return option.name, argument if equals else None


def _short(word: str, options: Sequence[Option], queue: list[str]) -> Iterator[tuple[str, str | None]]:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = next((option for option in options if option.short == letter), None)
        if option is None:
            raise OptionError(f"invalid option -- '{letter}'", word)
        if option.argument == NONE:
            yield option.name, None
            continue
        if option.argument == REQUIRED and not letters:
            if not queue:
                raise OptionError(f"option requires an argument -- '{letter}'", word, option.name)
            letters = queue.pop()
        yield option.name, letters or None
        return


def listing(options: Iterable[Option]) -> str:
    """What --option prints: every option, long and short, and whether it takes an argument; a blank after short ones."""
    lines: list[str] = []
    for option in options:
        argument = {NONE: "", REQUIRED: "ARG", OPTIONAL: "[ARG]"}[option.argument]
        lines.append(f"--{option.name}={argument}" if argument else f"--{option.name}")
        if option.short:
            lines.append(f"-{option.short} {argument}")
    return "\n".join(lines)


def syslog_method(given: Given) -> str | None:
    """The way to the system's log, if an option says it: the first does, and has to exist."""
    method = next((value for name, value in given.pairs if name == "syslog-method"), None)
    return None if method is None else known_method(method)


def known_method(method: str) -> str:
    """Return `method` if it is a way to the system's log; raises CommandError."""
    if method in ("libc", "null") or method.startswith(("unix:", "udp:")):
        return method
    raise CommandError(f"unsupported syslog method '{method}'")


def refuse_replay(given: Given) -> None:
    """Say that streams are not recorded: a program that is asked to and does not must not go on as if it did."""
    for name in ("record", "replay"):
        if name in given:
            raise CommandError(f"--{name} is not supported: streams are neither recorded nor replayed")


def version_line(program: str) -> str:
    """The line by which a program names itself.  Scripts take its last word, or the first N.N of it."""
    return f"{program} (Open vSwitch) {OVS_VERSION}{BUILD}"


def version_text(program: str, more: str = "") -> str:
    """What --version prints."""
    return "\n".join([version_line(program), *filter(None, [more]), f"vswitch {VERSION}"])
