"""ovsdb-client: asks a database server.

Sources: ovsdb-client(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from time import sleep

from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json
from vswitch.base.lightjson import decode, encode, encode_pretty
from vswitch.base.options import (
    BOOTSTRAP,
    COMMON,
    DAEMON,
    REPLAY,
    REQUIRED,
    SSL,
    TIMEOUT,
    CommandError,
    Given,
    Option,
    refuse_replay,
)
from vswitch.cli.command import CommandTable, Program
from vswitch.cli.dbclient.server import (
    Server,
    ServerError,
    check_count,
    invalid,
    open_database,
    open_server,
)
from vswitch.cli.table import TABLE, Cell, Style, Table, print_tables
from vswitch.linux.dirs import default_database, logdir, rundir
from vswitch.linux.usage import CLIENT_KEYS_HELP
from vswitch.ovsdb.column import UNLIMITED, UUID_COLUMN, Column, Layout
from vswitch.ovsdb.valuetext import is_uuid

NAME = "ovsdb-client"
OPTIONS = (
    *COMMON,
    *TIMEOUT,
    Option("timestamp"),
    Option("force"),
    Option("db-change-aware"),
    Option("no-db-change-aware"),
    Option("leader-only"),
    Option("no-leader-only"),
    Option("unixctl", REQUIRED),
    *REPLAY,
    *DAEMON,
    *TABLE,
    *SSL,
    *BOOTSTRAP,
)
ZERO_ID = "00000000-0000-0000-0000-000000000000"
commands = CommandTable()
# Which words may be left out depends on what the others are: the commands count them themselves.
declare = partial(commands, at_least=0, at_most=UNLIMITED)


def main() -> int:
    """Run the program; return its exit status."""
    return Program(
        NAME, commands, OPTIONS, help=help_text, prepare=refuse_replay, usage_module="ovsdb_client"
    ).main()


def _parse(text: str) -> Json:
    """The JSON that a word of the command line is, or that the file which it names holds."""
    try:
        if isinstance(value := decode(text), (dict, list)):
            return value
    except TextError:
        pass
    from vswitch.ovsdb.jsontext import JsonError, decode_argument  # which says what is wrong, and where

    try:
        return decode_argument(text)
    except JsonError as error:
        raise CommandError(f'"{text}": {error}') from None


def _json_lines(value: Json, given: Given) -> Iterator[str]:
    yield encode_pretty(value) if "pretty" in given else encode(value)


# --- the server and its schemas ---


@declare("list-dbs", "[SERVER]")
def list_dbs(given: Given, *words: str) -> Iterable[str]:
    """Print the names of the server's databases."""
    server, rest = open_server(words, given)
    check_count("list-dbs", rest, 0, 0)
    return server.databases()


@declare("get-schema", "[SERVER] [DATABASE]")
def get_schema(given: Given, *words: str) -> Iterable[str]:
    """Print a schema."""
    return _json_lines(_schema("get-schema", words, given), given)


def _schema(command: str, words: Sequence[str], given: Given) -> Json:
    server, database, _ = open_database(command, words, given, 0, 0)
    return server.request("get_schema", database)


@declare("get-schema-version", "[SERVER] [DATABASE]")
def get_schema_version(given: Given, *words: str) -> Iterable[str]:
    """Print a schema's version."""
    yield _schema("get-schema-version", words, given).get("version", "")


@declare("get-schema-cksum", "[SERVER] [DATABASE]")
def get_schema_cksum(given: Given, *words: str) -> Iterable[str]:
    """Print a schema's checksum."""
    yield _schema("get-schema-cksum", words, given).get("cksum", "")


@declare("list-tables", "[SERVER] [DATABASE]")
def list_tables(given: Given, *words: str) -> Iterable[str]:
    """Print the names of a database's tables."""
    layout = Layout(_schema("list-tables", words, given))
    table = Table(["Table"])
    table.rows = [[Cell(name)] for name in layout.tables]
    return table.lines(Style.from_options(given))


@declare("list-columns", "[SERVER] [DATABASE] [TABLE]")
def list_columns(given: Given, *words: str) -> Iterable[str]:
    """Print the columns of one table, or of all, with their types."""
    server, database, rest = open_database("list-columns", words, given, 0, 1)
    layout = server.layout(database)
    wanted = [name for name in layout.tables if not rest or name == rest[0]]
    table = Table((["Table"] if not rest else []) + ["Column", "Type"])
    for name in wanted:
        types = {column: json["type"] for column, json in layout.json["tables"][name]["columns"].items()}
        for column, type in sorted((types | {"_uuid": "uuid", "_version": "uuid"}).items()):
            table.rows.append([Cell(name)] * (not rest) + [Cell(column), Cell(type, is_json=True)])
    return table.lines(Style.from_options(given))


@declare("convert", "[SERVER] SCHEMA")
def convert(given: Given, *words: str) -> None:
    """Give a database another schema."""
    server, schema = _server_and_schema("convert", words, given)
    server.request("convert", schema["name"], schema)


@declare("needs-conversion", "[SERVER] SCHEMA")
def needs_conversion(given: Given, *words: str) -> Iterable[str]:
    """Say whether a database has another schema than that of a file."""
    from vswitch.ovsdb.schema import Schema

    server, schema = _server_and_schema("needs-conversion", words, given)
    theirs = server.request("get_schema", schema["name"])
    yield "no" if Schema.from_json(theirs).to_json() == schema else "yes"


def _server_and_schema(command: str, words: Sequence[str], given: Given) -> tuple[Server, Json]:
    from vswitch.cli.dbtool.headers import read_schema

    server, rest = open_server(words, given)
    check_count(command, rest, 1, 1)
    return server, read_schema(rest[0]).to_json()


# --- transactions ---


@declare("transact", "[SERVER] TRANSACTION")
def transact(given: Given, *words: str) -> Iterable[str]:
    """Run a transaction and print its results."""
    server, transaction = _server_and_transaction("transact", words, given)
    return _json_lines(server.request("transact", *transaction), given)


@declare("query", "[SERVER] TRANSACTION")
def query(given: Given, *words: str) -> Iterable[str]:
    """Run a transaction that changes nothing, because it ends in `abort`, and print its results."""
    server, transaction = _server_and_transaction("query", words, given)
    results = server.request("transact", *transaction, {"op": "abort"})
    if results and isinstance(results[-1], dict) and results[-1].get("error") == "aborted":
        results.pop()
    return _json_lines(results, given)


def _server_and_transaction(command: str, words: Sequence[str], given: Given) -> tuple[Server, list[Json]]:
    check_count(command, words, 1, 2)
    transaction = _parse(words[-1])
    if not isinstance(transaction, list) or not transaction or not isinstance(transaction[0], str):
        raise CommandError("not a valid OVSDB query")
    server, rest = open_server(words, given)
    check_count(command, rest, 1, 1)
    server.settle(transaction[0])
    return server, transaction


@declare("dump", "[SERVER] [DATABASE] [TABLE [COLUMN]...]")
def dump(given: Given, *words: str) -> Iterable[str]:
    """Print the content of a database, of a table, or of some columns."""
    server, database, rest = open_database("dump", words, given, 0, UNLIMITED)
    layout = server.layout(database)
    columns = _dumped(layout, rest)
    selects = [
        {"op": "select", "table": name, "where": [], "columns": [column.name for column in wanted]}
        for name, wanted in columns.items()
    ]
    results = server.request("transact", database, *selects)
    tables = []
    for (name, wanted), result in zip(columns.items(), results, strict=False):
        if "rows" not in result:
            raise CommandError(
                f'{name} table reply is not an object with a "rows" member array: {encode(result)}'
            )
        tables.append(_dump_table(name, wanted, result["rows"]))
    return print_tables(tables, Style.from_options(given))


def _dumped(layout: Layout, words: Sequence[str]) -> dict[str, list[Column]]:
    """The columns to print, by table."""
    if not words:
        return {name: [UUID_COLUMN, *table.columns()] for name, table in layout.tables.items()}
    name, *columns = words
    if name not in layout.tables:
        raise CommandError(f'No table "{name}" found.')
    table = layout.tables[name]
    for column in columns:
        if column not in table and column != "_uuid":
            raise CommandError(f'Table "{name}" has no column {column}.')
    return {
        name: [table[column] for column in sorted(columns)] if columns else [UUID_COLUMN, *table.columns()]
    }


def _dump_table(name: str, columns: list[Column], rows: list[Json]) -> Table:
    table = Table((column.name for column in columns), caption=f"{name} table")
    values = [[column.from_json(row[column.name]) for column in columns] for row in rows]
    telling = [at for at, column in enumerate(columns) if column.key.kind != "uuid"]  # UUIDs are random
    values.sort(key=lambda row: [_rank(columns[at], row[at]) for at in telling])
    table.rows = [[Cell(value, column) for column, value in zip(columns, row, strict=True)] for row in values]
    return table


def _rank(column: Column, value: Json) -> tuple[int, list[Json]]:
    """How values compare: by size first."""
    items = column.items(value)
    return len(items), items


@declare("backup", "[SERVER] [DATABASE]")
def backup(given: Given, *words: str) -> None:
    """Write a database to standard output, in the format of its files."""
    from vswitch.cli.dbclient import snapshot

    server, database, _ = open_database("backup", words, given, 0, 0)
    snapshot.backup(server, database)


@declare("restore", "[SERVER] [DATABASE]")
def restore(given: Given, *words: str) -> None:
    """Replace a database's content by what standard input, a backup, holds."""
    from vswitch.cli.dbclient import snapshot

    server, database, _ = open_database("restore", words, given, 0, 0)
    snapshot.restore(server, database, force="force" in given)


# --- waiting and watching ---


@declare("wait", "[SERVER] DATABASE STATE")
def wait(given: Given, *words: str) -> None:
    """Wait until a database is `added`, `connected` or `removed`."""
    check_count("wait", words, 2, 3)
    name, state = words[-2:]
    if state not in ("added", "connected", "removed"):
        raise CommandError(f"{state}: unknown state")
    while True:
        try:
            server, _ = open_server(words[:-2], given)
            _wait(server, name, state)
        except CommandError:  # the server is not there yet, or goes
            sleep(0.2)
        else:
            return


def _wait(server: Server, name: str, state: str) -> None:
    columns = ["name", "model", "connected"]
    rows: dict[str, Json] = {}
    updates = server.request("monitor", "_Server", None, {"Database": [{"columns": columns}]})
    while True:
        for uuid, update in updates.get("Database", {}).items():
            rows[uuid] = update.get("new")
        known = {row["name"]: row for row in rows.values() if row}
        row = known.get(name)
        if {"added": row is not None, "removed": row is None, "connected": row and row["connected"]}[state]:
            return
        server.handle(server.connection.receive())
        updates = {}
        for message in server.notifications:
            updates |= message["params"][1]
        server.notifications.clear()


def _watch(given: Given, command: str, words: Sequence[str], n_before: int) -> None:
    """Do one of the three commands that monitor; `n_before` words stand before the table."""
    server, database, rest = open_database(command, words, given, n_before + 1, UNLIMITED - 1)
    last_id = rest.pop(0) if command == "monitor-cond-since" and is_uuid(rest[0]) else ZERO_ID
    if len(rest) <= n_before:
        invalid(command)
    text = rest.pop(0) if n_before else ""
    from vswitch.cli.dbclient.daemon import MonitorFollower
    from vswitch.cli.dbclient.monitor import NOTIFICATIONS, Watch, watched_tables

    layout = server.layout(database)
    tables = watched_tables(layout, server.name, rest, (lambda: _parse(text)) if n_before else None)
    watch = Watch(tables, Style.from_options(given))

    def begin() -> Iterator[str]:
        if "db-change-aware" in given:
            server.request("set_db_change_aware", True)
        more = [last_id] if command == "monitor-cond-since" else []
        try:
            result = server.request(command.replace("-", "_"), database, None, watch.requests(), *more)
        except ServerError as error:
            raise CommandError(error.as_text()) from None
        heading = ""
        if more:
            found, last, result = result
            heading = f"found: {str(found).lower()}, last_id: {last}"
        yield from watch.lines(result, _timestamp(given), heading, initial=True)

    def react(method: str, params: list[Json]) -> Iterator[str]:
        if method == NOTIFICATIONS[command]:
            heading = f"last_id: {params[1]}" if method == "update3" else ""
            yield from watch.lines(params[-1], _timestamp(given), heading, initial=False)
        elif method == "monitor_canceled":
            raise CommandError(f"{database} database was removed")

    _finish(MonitorFollower(server, begin, react).run(given))


def _timestamp(given: Given) -> str:
    if "timestamp" not in given:
        return ""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(" ", "milliseconds")[:23]


def _finish(status: int) -> None:
    """End the process with a daemon's status; what it had to say has been said."""
    if status:
        raise CommandError("", status)


@declare("monitor", "[SERVER] [DATABASE] TABLE [COLUMN,...]...")
def monitor(given: Given, *words: str) -> None:
    """Print what a table, or ALL, holds, and each change."""
    _watch(given, "monitor", words, 0)


@declare("monitor-cond", "[SERVER] [DATABASE] CONDITION TABLE [COLUMN,...]...")
def monitor_cond(given: Given, *words: str) -> None:
    """As monitor, of the rows that meet a condition."""
    _watch(given, "monitor-cond", words, 1)


@declare("monitor-cond-since", "[SERVER] [DATABASE] [LAST-ID] CONDITION TABLE [COLUMN,...]...")
def monitor_cond_since(given: Given, *words: str) -> None:
    """As monitor-cond, from what was the state after a transaction."""
    _watch(given, "monitor-cond-since", words, 1)


@declare("lock", "[SERVER] LOCK")
def lock(given: Given, *words: str) -> None:
    """Take a lock, or wait for it; print when it comes and goes."""
    _lock(given, "lock", words)


@declare("steal", "[SERVER] LOCK")
def steal(given: Given, *words: str) -> None:
    """Take a lock, whoever has it."""
    _lock(given, "steal", words)


@declare("unlock", "[SERVER] LOCK")
def unlock(given: Given, *words: str) -> None:
    """Give a lock back, which never was taken on this connection: for tests of servers."""
    _lock(given, "unlock", words)


def _lock(given: Given, method: str, words: Sequence[str]) -> None:
    from vswitch.cli.dbclient.daemon import LockFollower

    server, rest = open_server(words, given)
    check_count(method, rest, 1, 1)

    def begin() -> Iterator[str]:
        if method == "unlock":
            server.send("unlock", rest[0])  # whatever the server thinks of it
        else:
            yield encode(server.request(method, rest[0]))

    def react(method: str, params: list[Json]) -> Iterator[str]:
        if method in ("locked", "stolen"):
            yield method
            yield encode(params)

    _finish(LockFollower(server, begin, react).run(given))


# --- help ---


@commands("help", "")
def help_(given: Given) -> Iterator[str]:
    """Print the help."""
    yield help_text()


def help_text() -> str:
    """What --help prints."""
    lines = "".join(f"  {command.name} {command.usage}\n" for command in commands.commands.values())
    return f"""{NAME}: asks a database server
usage: {NAME} [OPTIONS] COMMAND [ARG...]

{lines}
SERVER is unix:FILE, tcp:HOST[:PORT], ssl:HOST[:PORT], or punix:, ptcp:, pssl: to wait for it to connect.
The default SERVER is {default_database()}, the default DATABASE Open_vSwitch.
A COLUMN of `monitor` may be !initial, !insert, !delete or !modify: such changes are not printed.

Output:
  -f, --format=FORMAT         "table" (default), "list", "html", "csv", "json"
  -d, --data=FORMAT           "string" (default), "bare", "json"
  --no-headings               without headings
  --pretty                    JSON on many lines
  --bare                      as --format=list --data=bare --no-headings
  --max-column-width=N        of "table": cut wider cells
  --timestamp                 with `monitor`: when
  -t, --timeout=SECS          die after SECS seconds

Databases:
  --force                     `restore`: even into another schema
  --db-change-aware, --no-db-change-aware  whether the server may tell of databases that come and go
  --leader-only, --no-leader-only  taken for the sake of scripts; no effect

As a daemon (`monitor`, `lock`):
  --detach                    go on in the background
  --monitor                   restart after a crash
  --pidfile[=FILE]            write a pid file (default: {rundir()}/{NAME}.pid)
  --overwrite-pidfile         even if there is one
  --no-chdir                  stay in the current directory
  --unixctl=SOCKET            where to take commands
  --no-self-confinement       taken for the sake of scripts; no effect
  --user=USER[:GROUP]         become this user

Logging:
  -vSPEC, --verbose=SPEC      set logging levels
  --log-file[=FILE]           log to FILE (default: {logdir()}/{NAME}.log)
  --syslog-method=METHOD      how to reach syslog
  --syslog-target=HOST:PORT   log to this UDP port, too

{CLIENT_KEYS_HELP}
  -h, --help                  print this
  -V, --version               print the version"""
