"""A command line carried out: parsed, run on a replica, committed in one transaction, tried again if it lost a race.

Sources: ovs-vsctl(8); OVS utilities/ovs-vsctl.c for what is printed when.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from vswitch.base.lightjson import encode
from vswitch.base.options import CommandError
from vswitch.cli.command import UNLIMITED, check_arity, warn
from vswitch.cli.ctl.context import Commands, Context, Invocation, Syntax, Wanting
from vswitch.cli.ctl.names import RowIds
from vswitch.cli.table import Style, Table
from vswitch.linux.exchange import Exchange
from vswitch.linux.sockets import TlsOptions
from vswitch.linux.uuids import new_uuid
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.column import Layout
from vswitch.ovsdb.commit import Refused, attempts
from vswitch.ovsdb.replica import Replica


def parse_commands(words: Sequence[str], commands: Commands) -> list[Invocation]:
    """The commands that `words`, with `--` between them, ask for; raises CommandError."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            lines.append([])
        else:
            lines[-1].append(word)
    # `--` may come first, last, or twice.
    return [parse_command(line, commands) for line in lines if line] or [parse_command([], commands)]


def parse_command(words: Sequence[str], commands: Commands) -> Invocation:
    """One command with its options and words."""
    given: dict[str, str | None] = {}
    at = 0
    while at < len(words) and words[at].startswith("-"):
        name, equals, value = words[at].partition("=")
        if name in given:
            raise CommandError(f"'{words[at]}' option specified multiple times")
        given[name] = value if equals else None
        at += 1
    if at == len(words):
        raise CommandError("missing command name (use --help for help)")
    syntax = commands.by_name.get(words[at])
    if syntax is None:
        raise CommandError(f"unknown command '{words[at]}'; use --help for help")
    _check_options(syntax, given)
    _check_count(syntax, words[at + 1 :])
    return Invocation(syntax, given, words[at + 1 :])


def _check_options(syntax: Syntax, given: dict[str, str | None]) -> None:
    for name, value in sorted(given.items()):
        if f"{name}=" in syntax.options:
            if value is None:
                raise CommandError(f"missing argument to '{name}' option on '{syntax.name}' command")
        elif name not in syntax.options:
            raise CommandError(f"'{syntax.name}' command has no '{name}' option")
        elif value is not None:
            raise CommandError(f"'{name}' option on '{syntax.name}' does not accept an argument")


def _check_count(syntax: Syntax, words: Sequence[str]) -> None:
    at_most = syntax.at_most
    try:
        check_arity(syntax.name, len(words), syntax.at_least, at_most)
    except CommandError as error:
        extra = next((word for word in words if word.startswith("--")), None)
        if len(words) > at_most and extra is not None and at_most != UNLIMITED:
            raise CommandError(
                f'{error} (note that options must precede command names and follow a "--" argument)'
            ) from None
        raise


class Settings:
    """What the options of the program say about the whole run."""

    def __init__(self, *, program: str, database: str, server: str, tls: TlsOptions, row_ids: RowIds) -> None:
        self.program = program
        self.database = database
        self.server = server
        self.tls = tls
        self.row_ids = row_ids
        self.module = "vsctl"  # as log lines name it
        self.comment = ""
        self.style = Style("list")
        self.is_one_line = False
        self.is_dry_run = False
        self.is_waiting = True  # for the switch to have seen a change
        self.retries = False  # connecting to the server
        self.leader_only = True  # refuse the followers of a cluster
        self.shuffles = True  # try several servers in any order


class Hooks:
    """What a program does around its commands; this does nothing."""

    def needs(self, wanting: Wanting) -> None:
        """What must be in the replica whatever the commands are."""

    def begin(self, context: Context) -> None:
        """Before the first command."""

    def finished(self, context: Context, target: int) -> bool:
        """Whether the switch has taken over the change that made its counter `target`."""
        return True

    def complaints(self, context: Context) -> Iterator[str]:
        """What the switch has to say against the change."""
        yield from ()


class Session:
    """One run: a database, and the commands."""

    def __init__(self, settings: Settings, invocations: list[Invocation], hooks: Hooks) -> None:
        self._settings = settings
        self._invocations = invocations
        self._hooks = hooks
        self._replica = Replica(settings.database, self._wanted, leader_only=settings.leader_only)
        self._exchange = Exchange(
            settings.server, self._replica, settings.tls, retry=settings.retries, shuffle=settings.shuffles
        )
        self._context: Context

    def run(self) -> None:
        """Carry out the commands and print what they say; raises CommandError."""
        self._carry_out()
        self._print()
        sys.stdout.flush()
        for line in self._settle():
            print(f"{self._settings.program}: {line}", file=sys.stderr)

    def answer(self) -> list[str]:
        """For programs that go on: what the commands print, then what the switch says against the change."""
        try:
            self._carry_out()
            said = [line for each in self._invocations for line in self._lines(each.output)]
            return [*said, *self._settle()]
        finally:
            self._exchange.close()

    def _carry_out(self) -> None:
        """Have the commands committed."""
        self._exchange.until(lambda: self._replica.is_synchronized)
        try:
            self._exchange.follow(attempts(self._replica, self._attempt, new_uuid))
        except Refused as error:
            message = f"transaction error: {encode(error.error)}"
            warn("ovsdb_idl", message)
            raise CommandError(message) from None
        context = self._context
        for invocation, row in context.new_rows:
            invocation.output = [context.transaction.uuids.get(row.uuid, row.uuid)]

    def _settle(self) -> list[str]:
        """Wait, if that is wanted, until the switch has taken over the change; what it has to say against it."""
        context = self._context
        if not self._settings.is_waiting or not context.transaction.increments:
            return []
        target = context.transaction.increments[0]
        self._exchange.until(lambda: self._hooks.finished(context, target))
        return list(self._hooks.complaints(context))

    def _wanted(self, layout: Layout) -> dict[str, list[str]]:
        wanting = Wanting(layout, self._settings.row_ids, {})
        self._hooks.needs(wanting)
        for invocation in self._invocations:
            wanting.options = invocation.options
            invocation.syntax.needs(wanting, *invocation.words)
        return {table: sorted(columns) for table, columns in wanting.columns.items()}

    def _attempt(self, transaction: Transaction) -> None:
        """Run the commands on `transaction`."""
        self._context = context = Context(transaction, self._settings.row_ids, self._invocations[0])
        transaction.comment(self._settings.comment)
        self._hooks.begin(context)
        for invocation in self._invocations:
            self._run(context, invocation)
        context.check_symbols(self._settings.module)
        transaction.is_dry = self._settings.is_dry_run

    def _run(self, context: Context, invocation: Invocation) -> None:
        context.invocation = invocation
        context.transaction.touched.clear()
        output = invocation.syntax.run(context, *invocation.words)
        invocation.output = output if isinstance(output, Table) else list(output or ())
        is_general = invocation.syntax.name in ("set", "add", "remove", "clear", "create", "destroy")
        if is_general and not context.transaction.touched.isdisjoint(context.derived_from):
            context.derived = None

    def _lines(self, output: list[str] | Table) -> Iterator[str]:
        return output.lines(self._settings.style) if isinstance(output, Table) else iter(output)

    def _print(self) -> None:
        n_tables = 0
        for invocation in self._invocations:
            output = invocation.output
            if isinstance(output, Table):
                if n_tables and self._settings.style.format not in ("json", "html"):
                    print()
                n_tables += 1
                for line in self._lines(output):
                    print(line)
            elif self._settings.is_one_line:
                print("\\n".join(line.replace("\\", "\\\\").replace("\n", "\\n") for line in output))
            else:
                for line in output:
                    print(line)
