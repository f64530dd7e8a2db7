"""What a command of ovs-vsctl and its like is given, and what it is.

A command is a function `run(context, *words)` that reads and changes the database through `context.transaction` and
yields the lines that it prints, or returns a `Table`.  Beside it stands `needs(wanting, *words)`, which says what
the replica must hold for that; it runs before there is any data.

Sources: ovs-vsctl(8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from vswitch.base.options import CommandError
from vswitch.cli.command import UNLIMITED, warn
from vswitch.cli.ctl.names import RowIds
from vswitch.cli.table import Table
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.column import Layout
from vswitch.ovsdb.replica import Row

Output = Iterable[str] | Table | None


class Wanting:
    """Gathers the columns that the commands of a line need, by table."""

    def __init__(self, layout: Layout, row_ids: RowIds, options: dict[str, str | None]) -> None:
        self.layout = layout
        self.row_ids = row_ids
        self.options = options  # of the present command
        self.columns: dict[str, set[str]] = {}

    def want(self, table: str, *columns: str) -> None:
        """The commands read these columns of `table`, or at least its rows."""
        self.columns.setdefault(table, set()).update(columns)

    def want_rows(self, table: str) -> None:
        """The commands name rows of `table`."""
        self.want(table)
        row_id = self.row_ids.get(table)
        if row_id and row_id.table in self.layout.tables:
            self.want(row_id.table, *filter(None, [row_id.name, row_id.reference]))


Needs = Callable[..., None]
Run = Callable[..., Output]


def no_needs(wanting: Wanting, *words: str) -> None:
    """For commands that need nothing but what every command line gets."""


class Syntax:
    """A command as it may be typed."""

    __slots__ = ("at_least", "at_most", "changes", "name", "needs", "options", "run", "usage")

    def __init__(
        self,
        name: str,
        usage: str,
        run: Run,
        needs: Needs,
        options: str = "",
        *,
        at_least: int,
        at_most: int,
        changes: bool,
    ) -> None:
        self.name = name
        self.usage = usage  # as --commands prints it
        self.run = run
        self.needs = needs
        self.options = options.split()  # "--id=" takes an argument, "--all" does not
        self.at_least = at_least
        self.at_most = at_most
        self.changes = changes  # whether the command may change the database


class Commands:
    """The commands of one program by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Syntax] = {}

    def __call__(
        self,
        name: str,
        usage: str = "",
        options: str = "",
        *,
        needs: Needs = no_needs,
        changes: bool = False,
        at_least: int = -1,
    ) -> Callable[[Run], Run]:
        """Declare a command, of which `usage` says the words: `!` one, `?` perhaps one, `*` any number, `+` some.

        `at_least` says how many words there must be, if that does not follow from `usage`.
        """
        signs = [word[0] for word in usage.split()]
        low = sum(sign in "!+" for sign in signs) if at_least < 0 else at_least
        at_most = UNLIMITED if any(sign in "*+" for sign in signs) else len(signs)

        def declare(run: Run) -> Run:
            self.by_name[name] = Syntax(
                name, usage, run, needs, options, at_least=low, at_most=at_most, changes=changes
            )
            return run

        return declare

    def include(self, other: Commands) -> None:
        """Take over all commands of another table."""
        self.by_name |= other.by_name


class Invocation:
    """One command of a command line, with its options and words."""

    __slots__ = ("options", "output", "syntax", "words")

    def __init__(self, syntax: Syntax, options: dict[str, str | None], words: Sequence[str]) -> None:
        self.syntax = syntax
        self.options = options
        self.words = words
        self.output: list[str] | Table = []

    def __str__(self) -> str:
        """The command as messages quote it."""
        options = [name if value is None else f"{name}={value}" for name, value in self.options.items()]
        return " ".join([*options, self.syntax.name, *self.words])


class Symbol:
    """An `@name`: the UUID of the row that it stands for, and who has made and used it."""

    __slots__ = ("is_created", "strong", "uuid", "weak")

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self.is_created = False
        self.strong = False  # whether a strong reference to it was made
        self.weak = False


class Context:
    """One attempt at a command line: the transaction, the `@names`, the present command."""

    def __init__(self, transaction: Transaction, row_ids: RowIds, invocation: Invocation) -> None:
        self.transaction = transaction
        self.row_ids = row_ids
        self.invocation = invocation
        self.symbols: dict[str, Symbol] = {}
        self.new_rows: list[tuple[Invocation, Row]] = []  # whose UUIDs a command prints after the commit
        self.expected: list[Row] = []  # new interfaces, which the switch may fail to set up
        self.derived: object = None  # what a program computes from the rows; database commands reset it
        self.derived_from: frozenset[tuple[str, str]] = (
            frozenset()
        )  # if they touch these, as Transaction.touched

    @property
    def options(self) -> dict[str, str | None]:
        """The options of the present command."""
        return self.invocation.options

    def symbol(self, name: str, *, weak: bool = False, strong: bool = False) -> str:
        """The UUID that `@name` stands for, known or yet to be."""
        symbol = self.symbols.get(name)
        if symbol is None:
            symbol = self.symbols[name] = Symbol(self.transaction.new_uuid())
        symbol.weak |= weak
        symbol.strong |= strong
        return symbol.uuid

    def create_symbol(self, name: str) -> Symbol:
        """Let a command give `@name` its meaning."""
        if not name.startswith("@"):
            raise CommandError(f'row id "{name}" does not begin with "@"')
        self.symbol(name)
        symbol = self.symbols[name]
        if symbol.is_created:
            raise CommandError(f'row id "{name}" may only be specified on one --id option')
        symbol.is_created = True
        return symbol

    def check_symbols(self, module: str) -> None:
        """Complain of `@names` that nobody has made, or nobody used."""
        for name, symbol in self.symbols.items():
            if not symbol.is_created:
                raise CommandError(
                    f'row id "{name}" is referenced but never created (e.g. with "-- --id={name} create ...")'
                )
            if not symbol.strong:
                only = "only a weak reference" if symbol.weak else "no reference"
                warn(
                    module,
                    f'row id "{name}" was created but {only} to it was inserted, '
                    "so it will not actually appear in the database",
                )
