"""A command line carried out: parsed, run on a replica, committed in one transaction, tried again if it lost a race.

Sources: ovs-vsctl(8); OVS utilities/ovs-vsctl.c for what is printed when.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence

from vswitch.base.errors import WireError
from vswitch.base.lightjson import encode
from vswitch.base.options import CommandError
from vswitch.cli.command import UNLIMITED, check_arity, warn
from vswitch.cli.ctl.context import Commands, Context, Invocation, NotYet, Syntax, Wanting
from vswitch.cli.ctl.names import RowIds
from vswitch.cli.table import Style, Table
from vswitch.linux.jsonrpc_client import Connection, connect
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.change import COMMITTED, FAILED, TRY_AGAIN, Transaction
from vswitch.ovsdb.column import Layout
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
    """One run: a connection, a replica, and the commands."""

    def __init__(self, settings: Settings, invocations: list[Invocation], hooks: Hooks) -> None:
        self._settings = settings
        self._invocations = invocations
        self._hooks = hooks
        self._replica = Replica(settings.database, self._wanted)
        self._connection: Connection

    def run(self) -> None:
        """Carry out the commands and print what they say; raises CommandError."""
        self._connection = self._connect()
        self._replica.connected()
        self._exchange(lambda: self._replica.is_synchronized)
        while True:
            context = self._attempt()
            if context is not None:
                break
            self._await_change()
        self._print()
        if self._settings.is_waiting and context.transaction.increments:
            target = context.transaction.increments[0]
            sys.stdout.flush()
            self._exchange(lambda: self._hooks.finished(context, target))
            for line in self._hooks.complaints(context):
                print(f"{self._settings.program}: {line}", file=sys.stderr)

    def _connect(self) -> Connection:
        settings, reason = self._settings, ""
        while True:
            for server in settings.server.split(","):  # any member of a cluster will do
                try:
                    return connect(server, settings.tls)
                except OSError as error:
                    reason = error.strerror or str(error)
            if not settings.retries:
                raise CommandError(f"{settings.server}: database connection failed ({reason})")
            from time import sleep

            sleep(1)

    def _exchange(self, is_done: Callable[[], bool]) -> None:
        """Talk with the server until `is_done`."""
        while True:
            for message in self._replica.outgoing():
                self._connection.send(message)
            if is_done():
                return
            try:
                for message in self._connection.received():
                    self._replica.receive(message)
            except OSError as error:
                reason = error.strerror or str(error)
                raise CommandError(
                    f"{self._settings.server}: database connection failed ({reason})"
                ) from None
            except WireError as error:
                raise CommandError(f"{self._settings.server}: {error}") from None

    def _await_change(self) -> None:
        changes = self._replica.changes
        self._exchange(lambda: bool(changes()))

    def _wanted(self, layout: Layout) -> dict[str, list[str]]:
        wanting = Wanting(layout, self._settings.row_ids, {})
        self._hooks.needs(wanting)
        for invocation in self._invocations:
            wanting.options = invocation.options
            invocation.syntax.needs(wanting, *invocation.words)
        return {table: sorted(columns) for table, columns in wanting.columns.items()}

    def _attempt(self) -> Context | None:
        """Run the commands and commit; None if the database must change first, or has changed meanwhile."""
        self._replica.changes()
        transaction = Transaction(self._replica, new_uuid)
        context = Context(transaction, self._settings.row_ids, self._invocations[0])
        transaction.comment(self._settings.comment)
        self._hooks.begin(context)
        try:
            for invocation in self._invocations:
                self._run(context, invocation)
        except NotYet:
            return None
        context.check_symbols(self._settings.module)
        if not self._commit(transaction):
            return None
        for invocation, row in context.new_rows:
            invocation.output = [transaction.uuids.get(row.uuid, row.uuid)]
        return context

    def _run(self, context: Context, invocation: Invocation) -> None:
        context.invocation = invocation
        context.transaction.touched.clear()
        output = invocation.syntax.run(context, *invocation.words)
        invocation.output = output if isinstance(output, Table) else list(output or ())
        is_general = invocation.syntax.name in ("set", "add", "remove", "clear", "create", "destroy")
        if is_general and not context.transaction.touched.isdisjoint(context.derived_from):
            context.derived = None

    def _commit(self, transaction: Transaction) -> bool:
        """Commit; False if the transaction must be computed anew."""
        operations = transaction.operations()
        if self._settings.is_dry_run or not operations:
            return True
        number = self._replica.transact(operations)
        self._exchange(lambda: number in self._replica.outcomes)
        outcome = transaction.finish(self._replica.outcomes.pop(number))
        if outcome.status == FAILED:
            message = f"transaction error: {encode(outcome.error)}"
            warn("ovsdb_idl", message)
            raise CommandError(message)
        assert outcome.status in (COMMITTED, TRY_AGAIN)
        return outcome.status == COMMITTED

    def _print(self) -> None:
        n_tables = 0
        for invocation in self._invocations:
            output = invocation.output
            if isinstance(output, Table):
                if n_tables and self._settings.style.format not in ("json", "html"):
                    print()
                n_tables += 1
                for line in output.lines(self._settings.style):
                    print(line)
            elif self._settings.is_one_line:
                print("\\n".join(line.replace("\\", "\\\\").replace("\n", "\\n") for line in output))
            else:
                for line in output:
                    print(line)


def new_uuid() -> str:
    """A random UUID."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
