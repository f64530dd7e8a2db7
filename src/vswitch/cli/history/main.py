"""`vswitch db`: what happened to a database, what it was, and how to undo it.

The file may be one that a server has open: it is only read.  `revert` goes through the server, or, if none has the file
open, writes it itself.

Sources: ovsdb(5), "Standalone format".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from vswitch.base.digits import parse_decimal
from vswitch.base.options import BOOTSTRAP, HELP, REQUIRED, SSL, CommandError, Given, Option
from vswitch.cli.command import CommandTable, Program
from vswitch.cli.dbtool.defaults import default_database, default_schema
from vswitch.cli.history.moments import HOW, format_date, parse_moment, parse_time
from vswitch.cli.history.sources import Piece, pieces
from vswitch.cli.history.text import Paint, change_lines, change_table, event_lines, event_table
from vswitch.cli.table import TABLE, Cell, Style, Table, print_tables
from vswitch.linux.dirs import default_database as default_server
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.history import Event, History, Labels, RowChange, Tables, differences
from vswitch.ovsdb.journal import JournalError, Torn
from vswitch.ovsdb.schema import Schema, TableSchema

PROGRAM = "vswitch db"
OPTIONS = (
    *HELP,
    Option("file", REQUIRED),
    Option("number", REQUIRED, "n"),
    Option("since", REQUIRED),
    Option("until", REQUIRED),
    Option("table", REQUIRED),
    Option("grep", REQUIRED),
    Option("patch"),
    Option("color", REQUIRED),
    Option("db", REQUIRED),
    Option("dry-run"),
    *TABLE,
    *SSL,
    *BOOTSTRAP,
)
commands = CommandTable()


def main(words: Sequence[str]) -> int:
    """Run the program with these words; return its exit status."""
    return Program(PROGRAM, commands, OPTIONS, help=help_text).main(words)


def help_text() -> str:
    """What --help prints."""
    return f"""{PROGRAM}: what happened to a database, what it was, and how to undo it
usage: {PROGRAM} [OPTIONS] COMMAND [ARG...]
  log                  print the transactions: who changed what, and when
  show TRANSACTION     print what a transaction did
  diff FROM [TO]       print what became different between two moments (TO: now)
  at MOMENT [TABLE]    print what the database held then
  revert TRANSACTION   undo a transaction by a new one, unless something was built on it
  classes [SCHEMA]     print a schema (default: Open vSwitch's) as classes for the Python library
A moment is {HOW}.

  --file=FILE          the database (default: {default_database()}),
                       or, of a cluster, etcd:HOST:PORT[,...]/NAME
  --table=TABLE        only what concerns this table
  --color=WHEN         "auto" (default), "always", "never"

Of log:
  -n, --number=N       only the last N
  --since=TIME, --until=TIME  only those from, or up to, a time
  --grep=TEXT          only those whose comment has this text
  --patch              and what they did

Of revert:
  --db=SERVER          the server of the database (default: {default_server()})
  --dry-run            print the operations, do nothing
  -p, --private-key=FILE, -c, --certificate=FILE, -C, --ca-cert=FILE  of ssl: servers

Tables instead of text, for programs:
  -f, --format=FORMAT  "table", "list", "html", "csv", "json"
  -d, --data=FORMAT    "string" (default), "bare", "json"
  --no-headings, --pretty, --bare, --max-column-width=N  as in ovs-vsctl(8)

  -h, --help           print this
  -V, --version        print the version"""


class Journal:
    """A database's history that has been read: its events, and the states that were asked for."""

    def __init__(self, path: str, given: Given) -> None:
        self.path = path
        self.events: list[Event] = []
        self.labels = Labels()
        self._history: History | None = None
        try:
            for piece in pieces(path, given):
                self._take(piece)
        except Torn:
            if self._history is None:
                raise  # not a database; else what the server is just writing
        if self._history is None:
            raise CommandError(f"{path}: not a database")

    def _take(self, piece: Piece) -> None:
        if isinstance(piece, Schema):
            self._history = History(piece)
            self.events.clear()
            return
        assert self._history is not None
        try:
            self.events.append(self._history.take(piece))
        except OvsdbError as error:
            raise JournalError(f"{self.path}: {error}") from None
        self.labels.learn(self.events[-1].changes)

    @property
    def schema(self) -> Schema:
        """The database's schema."""
        assert self._history is not None
        return self._history.schema

    def state(self, number: int) -> Tables:
        """The rows as they were after event `number`."""
        assert self._history is not None
        tables = self._history.copy()
        for event in reversed(self.events[number:]):
            for change in event.changes:
                rows = tables[change.schema.name]
                if change.old is None:
                    del rows[change.uuid]
                else:
                    rows[change.uuid] = change.old
        return tables

    def event(self, text: str) -> Event:
        """The event of that number."""
        number = parse_decimal(text)
        if number is None or not 1 <= number <= len(self.events):
            raise CommandError(f"there is no transaction {text}; the last one is {len(self.events)}")
        return self.events[number - 1]

    def table(self, name: str) -> TableSchema:
        """The table of that name."""
        if name not in self.schema.tables:
            raise CommandError(f"{self.schema.name} has no table {name}")
        return self.schema.tables[name]


def _journal(given: Given) -> Journal:
    return Journal(given.get("file") or default_database(), given)


def _paint(given: Given) -> Paint:
    when = given.get("color", "auto")
    if when not in ("auto", "always", "never"):
        raise CommandError(f'--color is "auto", "always" or "never", not "{when}"')
    is_wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return Paint(is_on=when == "always" or (when == "auto" and is_wanted))


def _has_format(given: Given) -> bool:
    return "format" in given or "bare" in given


def _concerning(given: Given, journal: Journal, changes: list[RowChange]) -> list[RowChange]:
    """Of `changes`, those of the table that --table names."""
    name = given.get("table")
    if name is None:
        return changes
    journal.table(name)
    return [change for change in changes if change.schema.name == name]


@commands("log")
def log(given: Given) -> Iterable[str]:
    """Print the transactions."""
    journal, paint = _journal(given), _paint(given)
    events = list(_selected(given, journal))
    if _has_format(given):
        yield from event_table(events).lines(Style.from_options(given))
        return
    for event in events:
        yield from event_lines(event, paint)
        if "patch" in given:
            changes = _concerning(given, journal, event.changes)
            yield from (f"  {line}" for line in change_lines(changes, journal.labels, paint))
            yield ""


def _selected(given: Given, journal: Journal) -> Iterator[Event]:
    """The events that the options ask for."""
    now = datetime.now(UTC)
    since, until = given.get("since"), given.get("until")
    low = parse_time(since, now) if since is not None else 0
    high = parse_time(until, now) if until is not None else float("inf")
    text = given.get("grep", "") or ""
    found = [
        event
        for event in journal.events
        if low <= (event.date or 0) <= high
        and text in event.comment
        and (_concerning(given, journal, event.changes) or "table" not in given)
    ]
    count = given.get("number")
    if count is None:
        yield from found
    elif (number := parse_decimal(count)) is None:
        raise CommandError(f"--number needs a number, not '{count}'")
    else:
        yield from found[max(0, len(found) - number) :]


@commands("show", "TRANSACTION")
def show(given: Given, number: str) -> Iterable[str]:
    """Print what a transaction did."""
    journal, paint = _journal(given), _paint(given)
    event = journal.event(number)
    if not _has_format(given):
        yield from event_lines(event, paint)
        yield ""
    yield from _print_changes(given, journal, event.changes, paint)


@commands("diff", "FROM [TO]")
def diff(given: Given, first: str, second: str = "now") -> Iterable[str]:
    """Print what became different."""
    journal, now = _journal(given), datetime.now(UTC)
    before, after = (journal.state(parse_moment(text, journal.events, now)) for text in (first, second))
    return _print_changes(given, journal, differences(journal.schema, before, after), _paint(given))


def _print_changes(given: Given, journal: Journal, changes: list[RowChange], paint: Paint) -> Iterable[str]:
    changes = _concerning(given, journal, changes)
    if _has_format(given):
        return change_table(changes, journal.labels).lines(Style.from_options(given))
    return change_lines(changes, journal.labels, paint)


@commands("at", "MOMENT [TABLE]")
def at(given: Given, moment: str, table: str = "") -> Iterable[str]:
    """Print what the database held."""
    journal = _journal(given)
    state = journal.state(parse_moment(moment, journal.events, datetime.now(UTC)))
    name = table or given.get("table")
    shown = (
        [journal.table(name)]
        if name
        else [each for each in journal.schema.tables.values() if state[each.name]]
    )
    tables = [_state_table(each, state) for each in shown]
    return print_tables(tables, Style.from_options(given))


def _state_table(schema: TableSchema, state: Tables) -> Table:
    """The rows of a table, with their UUIDs."""
    from vswitch.ovsdb.column import UUID_COLUMN, Column

    columns = [
        Column(name, column.to_json()) for name, column in schema.columns.items() if not column.ephemeral
    ]
    printed = Table(["_uuid", *(column.name for column in columns)], caption=f"{schema.name} table")
    for uuid, row in sorted(state[schema.name].items()):
        cells = [
            Cell(
                column.from_json(schema.columns[column.name].write(row[schema.columns[column.name].number])),
                column,
            )
            for column in columns
        ]
        printed.rows.append([Cell(str(uuid), UUID_COLUMN), *cells])
    return printed


@commands("revert", "TRANSACTION")
def revert(given: Given, number: str) -> Iterable[str]:
    """Undo a transaction."""
    from vswitch.cli.history.apply import apply
    from vswitch.ovsdb.jsontext import encode_text
    from vswitch.ovsdb.revert import revert as plan_revert

    journal = _journal(given)
    event = journal.event(number)
    words = f" ({event.comment.splitlines()[0]})" if event.comment else ""
    comment = f"vswitch db revert {number}: undo the transaction of {format_date(event.date)}{words}"
    operations = plan_revert(event, journal.state(len(journal.events)), journal.labels, comment)
    if "dry-run" in given:
        yield encode_text([journal.schema.name, *operations])
        return
    apply(given, journal.path, journal.schema.name, operations)
    yield f"transaction {number} is undone"


@commands("classes", "[SCHEMA]")
def classes(given: Given, schema: str = "") -> Iterable[str]:
    """Print a schema as classes."""
    from vswitch.cli.dbtool.headers import read_schema
    from vswitch.ovsdb.classtext import class_lines
    from vswitch.ovsdb.column import Layout

    return class_lines(Layout(read_schema(schema or default_schema()).to_json()))
