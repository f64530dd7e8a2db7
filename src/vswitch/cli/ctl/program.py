"""A program like ovs-vsctl: what it does from its arguments to its exit status, whatever database it is for.

Sources: ovs-vsctl(8), vtep-ctl(8); OVS utilities/ovs-vsctl.c for what is logged.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.options import (
    NONE,
    REQUIRED,
    Given,
    Option,
    find_option,
    parse_options,
    syslog_method,
    version_text,
)
from vswitch.cli.command import guarded, log_failure, set_timeout, set_up_logging, tell_syslog
from vswitch.cli.ctl.context import Commands
from vswitch.cli.ctl.names import RowIds
from vswitch.cli.ctl.session import Hooks, Session, Settings, parse_commands
from vswitch.cli.table import Style
from vswitch.linux.dirs import default_database
from vswitch.linux.sockets import TlsOptions

MODULES = (
    "db_ctl_base",
    "fatal_signal",
    "jsonrpc",
    "ovsdb_cs",
    "ovsdb_idl",
    "reconnect",
    "stream_ssl",
    "stream_tcp",
)


class ControlProgram:
    """A program, its options and commands, and the database that they are for."""

    def __init__(
        self,
        name: str,
        database: str,
        schema_version: str,
        *,
        commands: Commands,
        options: Sequence[Option],
        row_ids: RowIds,
        help: Callable[[], str],
        hooks: Callable[[Settings], Hooks],
        module: str,
        names_invoker: bool = False,
    ) -> None:
        self.name = name
        self.database = database
        self.schema_version = schema_version
        self.commands = commands
        self.options = options
        self.row_ids = row_ids
        self.help = help
        self.hooks = hooks
        self.module = module  # as log lines name it
        self.names_invoker = names_invoker  # whether the database's log tells who has started the program

    def main(self) -> int:
        """Run the program; return its exit status."""
        return guarded(self.name, lambda: self._run(sys.argv[1:]))

    def _run(self, words: Sequence[str]) -> int:
        given, rest = self._split(words)
        if self._answer(given):
            return 0
        set_up_logging(self.name, given, (self.module, *MODULES), is_quiet=True)
        settings = self._settings(given, words)
        try:
            set_timeout(given.get("timeout"))
            invocations = parse_commands(rest, self.commands)
            if any(invocation.syntax.changes for invocation in invocations):
                self._log_call(given, command_line([self.name, *words]))
            Session(settings, invocations, self.hooks(settings)).run()
        except VswitchError as error:
            if message := str(error):
                log_failure("db_ctl_base", "ERR", message)
            raise
        return 0

    def _split(self, words: Sequence[str]) -> tuple[Given, list[str]]:
        """The program's options and the rest.  Options of the first command may stand among the program's."""
        syntaxes = self.commands.by_name.values()
        local = {name.rstrip("="): name[-1] for syntax in syntaxes for name in syntax.options}
        theirs = [Option(name[2:], REQUIRED if end == "=" else NONE) for name, end in local.items()]
        given, after = parse_options(list(words), [*self.options, *theirs], permute=False)
        mine = [
            (name, value)
            for name, value in given
            if find_option(name, self.options) is not None and f"--{name}" not in local
        ]
        others = [(name, value) for name, value in given if (name, value) not in mine]
        rest = [f"--{name}" if value is None else f"--{name}={value}" for name, value in others]
        return Given(mine), rest + after

    def _answer(self, given: Given) -> bool:
        """Print what --help, --version, --commands or --options, whichever comes first, asks for."""
        for name, _ in given:
            match name:
                case "syslog-method":
                    syslog_method(given)
                    continue
                case "help":
                    print(self.help())
                case "version":
                    print(version_text(self.name, f"DB Schema {self.schema_version}"))
                case "commands":
                    for syntax in self.commands.by_name.values():
                        options = "".join(f"[{option}] " for option in syntax.options)
                        print(f"{options},{syntax.name},{syntax.usage}")
                case "options":
                    for option in self.options:
                        argument = "" if option.argument == NONE else "=ARG"
                        print(f"--{option.name}{argument}")
                        if option.short:
                            print(f"-{option.short}{argument.replace('=', ' ')}")
                case _:
                    continue
            return True
        return False

    def _settings(self, given: Given, words: Sequence[str]) -> Settings:
        result = Settings(
            program=self.name,
            database=self.database,
            server=given.get("db", default_database()) or "",
            tls=TlsOptions.from_options(given),
            row_ids=self.row_ids,
        )
        result.module = self.module
        invoker = _invoker() if self.names_invoker else ""
        result.comment = f"{self.name}{invoker}: {command_line([self.name, *words])}"
        result.style = Style.from_options(given, "list")
        result.is_one_line = "oneline" in given
        result.is_dry_run = "dry-run" in given
        result.is_waiting = "no-wait" not in given
        result.retries = "retry" in given
        for name, _ in given:  # the last one counts
            result.leader_only = name == "leader-only" if name.endswith("leader-only") else result.leader_only
            result.shuffles = name == "shuffle-remotes" if name.endswith("remotes") else result.shuffles
        return result

    def _log_call(self, given: Given, line: str) -> None:
        """Say in the system's log who changes the configuration."""
        if "no-syslog" not in given or "verbose" in given or "log-file" in given:
            tell_syslog(self.module, "INFO", f"Called as {line}")


def command_line(words: Sequence[str]) -> str:
    """Words as one would type them, nearly: what logs show."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if not any(letter in word for letter in " \t\n\v\f\r\\\"'"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _invoker() -> str:
    """Which program has started us, for the database's log."""
    try:
        with open(f"/proc/{os.getppid()}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib costs 10 ms here
            return f" (invoked by {file.read().strip()})"
    except OSError:
        return ""
