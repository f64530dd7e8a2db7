"""ovsdb-tool: databases in files, without a server.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from vswitch.base.options import COMMON, CommandError, Given, Option
from vswitch.cli.command import CommandTable, Program
from vswitch.linux.dirs import dbdir, logdir, pkgdatadir
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.datum import Datum, datum_from_json, datum_to_text
from vswitch.ovsdb.errors import OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.journal import (
    JournalError,
    commit_to_json,
    diff_from_json,
    encode_record,
    read_records,
    snapshot,
)
from vswitch.ovsdb.jsontext import Json, JsonError, decode, decode_argument, encode_text
from vswitch.ovsdb.schema import Schema, TableSchema, schema_path
from vswitch.ovsdbserver.storage import (
    CannotOpen,
    create_journal,
    milliseconds_now,
    open_journal,
    read_journal,
    uuid_source,
)

PROGRAM = "ovsdb-tool"
OPTIONS = (Option("more", short="m"), *COMMON)
commands = CommandTable()


def usage() -> str:
    """What --help prints."""
    return f"""{PROGRAM}: Open vSwitch database management utility
usage: {PROGRAM} [OPTIONS] COMMAND [ARG...]
  create [DB [SCHEMA]]         make an empty database
  compact [DB [DST]]           drop DB's history, in place or into DST
  convert [DB [SCHEMA [DST]]]  give DB another schema, in place or into DST
  needs-conversion [DB [SCHEMA]]  say whether DB has another schema than SCHEMA
  db-name [DB]                 print the name of DB's schema
  db-version [DB]              print the version of DB's schema
  db-cksum [DB]                print the checksum of DB's schema
  db-is-standalone DB          succeed if DB is a file of a standalone database
  db-is-clustered DB           succeed if DB is a file of a clustered database
  schema-name [SCHEMA]         print SCHEMA's name
  schema-version [SCHEMA]      print SCHEMA's version
  schema-cksum [SCHEMA]        print SCHEMA's checksum
  compare-versions A OP B      compare two schema versions; OP is <, <=, ==, >=, > or !=
  query [DB] TRNS              execute a transaction that only reads
  transact [DB] TRNS           execute a transaction
  [-m]... show-log [DB]        print DB's records
The default DB is {dbdir()}/conf.db.
The default SCHEMA is {default_schema()}.
Options:
  -m, --more               let show-log tell more
  -vSPEC, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]
  -v, --verbose            log everything
  --log-file[=FILE]        log to FILE (default: {logdir()}/{PROGRAM}.log)
  -h, --help               print this help
  -V, --version            print the version"""


def main() -> int:
    """Run ovsdb-tool; its exit status."""
    return Program(PROGRAM, commands, OPTIONS, help=usage).main()


def default_database() -> str:
    """Where the daemon looks for its database."""
    return f"{dbdir()}/conf.db"


def default_schema() -> str:
    """The schema file in $OVS_PKGDATADIR, or else the one that comes with us."""
    directory = pkgdatadir()
    return f"{directory}/vswitch.ovsschema" if directory else str(schema_path("vswitch"))


@commands("create", "[DB [SCHEMA]]")
def create(given: Given, database: str = "", schema: str = "") -> None:
    """Make an empty database."""
    parsed = _read_schema(schema or default_schema())
    create_journal(Path(database or default_database()), [parsed.to_json()])


@commands("compact", "[DB [DST]]")
def compact(given: Given, database: str = "", destination: str = "") -> None:
    """Write the present state only."""
    _rewrite(database or default_database(), destination, None, f"compacted by {PROGRAM}")


@commands("convert", "[DB [SCHEMA [DST]]]")
def convert(given: Given, database: str = "", schema: str = "", destination: str = "") -> None:
    """Write the present state under another schema."""
    parsed = _read_schema(schema or default_schema())
    _rewrite(database or default_database(), destination, parsed, f"converted by {PROGRAM}")


def _rewrite(path: str, destination: str, schema: Schema | None, comment: str) -> None:
    new_uuid = uuid_source()
    journal, database = open_journal(Path(path), new_uuid)
    try:
        if schema is not None:
            database = _converted(database, schema)
        records = list(snapshot(database, milliseconds_now(), comment))
        if destination:
            Path(destination).unlink(missing_ok=True)
            create_journal(Path(destination), records)
        else:
            journal.rewrite([encode_record(record) for record in records])
    finally:
        journal.close()


def _converted(database: Database, schema: Schema) -> Database:
    from vswitch.ovsdb.convert import convert as convert_database  # 25 ms that only two commands need

    try:
        return convert_database(database, schema, uuid_source())
    except OvsdbError as error:
        raise CommandError(str(error)) from None


@commands("needs-conversion", "[DB [SCHEMA]]")
def needs_conversion(given: Given, database: str = "", schema: str = "") -> Iterable[str]:
    """Whether the schemas differ."""
    ours = _schema_of(database or default_database()).to_json()
    wanted = _read_schema(schema or default_schema()).to_json()
    yield "no" if ours == wanted else "yes"


@commands("db-name", "[DB]")
def db_name(given: Given, database: str = "") -> Iterable[str]:
    """The name of a database."""
    yield _schema_of(database or default_database()).name


@commands("db-version", "[DB]")
def db_version(given: Given, database: str = "") -> Iterable[str]:
    """The version of a database's schema."""
    yield _schema_of(database or default_database()).version


@commands("db-cksum", "[DB]")
def db_cksum(given: Given, database: str = "") -> Iterable[str]:
    """The checksum of a database's schema."""
    yield _schema_of(database or default_database()).cksum


@commands("db-is-standalone", "DB")
def db_is_standalone(given: Given, database: str) -> None:
    """Succeed if it is."""
    if not _starts_with(database, b"OVSDB JSON "):
        raise CommandError("", 2)


@commands("db-is-clustered", "DB")
def db_is_clustered(given: Given, database: str) -> None:
    """Succeed if it is."""
    if not _starts_with(database, b"OVSDB CLUSTER "):
        raise CommandError("", 2)


@commands("schema-name", "[SCHEMA]")
def schema_name(given: Given, schema: str = "") -> Iterable[str]:
    """The name of a schema."""
    yield _read_schema(schema or default_schema()).name


@commands("schema-version", "[SCHEMA]")
def schema_version(given: Given, schema: str = "") -> Iterable[str]:
    """The version of a schema."""
    yield _read_schema(schema or default_schema()).version


@commands("schema-cksum", "[SCHEMA]")
def schema_cksum(given: Given, schema: str = "") -> Iterable[str]:
    """The checksum of a schema."""
    yield _read_schema(schema or default_schema()).cksum


@commands("compare-versions", "A OP B")
def compare_versions(given: Given, a: str, relation: str, b: str) -> None:
    """Succeed if the relation holds."""
    left, right = _version(a), _version(b)
    relations = {
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        ">=": left >= right,
        ">": left > right,
        "!=": left != right,
    }
    if relation not in relations:
        raise CommandError(f"{relation}: not a relational operator")
    if not relations[relation]:
        raise CommandError("", 2)


@commands("list-commands")
def list_commands(given: Given) -> Iterable[str]:
    """Every command."""
    return commands.listing()


@commands("query", "[DB] TRNS")
def query(given: Given, *words: str) -> Iterable[str]:
    """Read."""
    path, transaction = (default_database(), words[0]) if len(words) == 1 else words
    params = _parse_transaction(transaction)
    database = read_journal(Path(path), uuid_source()).database
    yield encode_text(
        _execute(database, params, why_forbidden="when database server is in read only mode")[0]
    )


@commands("transact", "[DB] TRNS")
def transact(given: Given, *words: str) -> Iterable[str]:
    """Read and write."""
    path, text = (default_database(), words[0]) if len(words) == 1 else words
    params = _parse_transaction(text)
    journal, database = open_journal(Path(path), uuid_source())
    try:
        results, record = _execute(database, params)
        if record is not None:
            journal.append(encode_record(record))
    finally:
        journal.close()
    yield encode_text(results)


def _execute(database: Database, params: Json, why_forbidden: str = "") -> tuple[Json, Json]:
    """The results of a transaction, and the record that it makes."""
    from vswitch.ovsdb.integrity import plan  # as above
    from vswitch.ovsdb.transaction import MustWait, Transaction

    try:
        if not isinstance(params, list):
            raise OvsdbSyntaxError("array expected", params)
        if not params or params[0] != database.schema.name:
            raise OvsdbSyntaxError("database name expected as first parameter", params)
    except OvsdbError as error:
        return error.to_json(), None
    transaction = Transaction(database, uuid_source(), forbidden=why_forbidden)
    try:
        results, succeeded = transaction.execute(params[1:])
    except MustWait:
        return [OvsdbError("triggers not supported", tag="not supported").to_json()], None
    try:
        commit = plan(transaction) if succeeded else None
    except OvsdbError as error:
        return [*results, error.to_json()], None
    return results, commit and commit_to_json(commit, database.schema, milliseconds_now())


@commands("show-log", "[DB]")
def show_log(given: Given, database: str = "") -> Iterator[str]:
    """Print the records: what they say with -m, and the columns with -mm."""
    path = Path(database or default_database())
    more = len(given.all("more"))
    try:
        with path.open("rb") as file:
            log: LogPrinter | None = None
            for number, record in enumerate(read_records(file, str(path))):
                if log is None:
                    schema = Schema.from_json(record.json)
                    log = LogPrinter(schema, more)
                    yield f'record 0: "{schema.name}" schema, version="{schema.version}", cksum="{schema.cksum}"\n'
                else:
                    yield from log.lines(number, record.json)
        if log is None:
            raise CommandError(f"ovsdb error: {path}: cannot identify file type")
    except OSError as error:
        raise CommandError(f"I/O error: {path}: open failed ({error.strerror})") from None


class LogPrinter:
    """Prints transactions; it follows the names of rows, so as to call them what people call them."""

    def __init__(self, schema: Schema, more: int) -> None:
        self._schema = schema
        self._more = more
        self._names: dict[str, str] = {}  # by UUID

    def lines(self, number: int, json: dict[str, Json]) -> Iterator[str]:
        """One record."""
        line = f"record {number}:"
        if isinstance(date := json.get("_date"), int):
            second, millisecond = divmod(date, 1000)
            line += time.strftime(" %Y-%m-%d %H:%M:%S", time.gmtime(second)) + f".{millisecond:03}"
        if isinstance(comment := json.get("_comment"), str):
            line += f' "{comment}"'
        yield line
        if self._more:
            for table, rows in json.items():
                if not table.startswith("_"):
                    for uuid, row in rows.items():
                        yield from self._row(
                            self._schema.tables[table], uuid, row, json.get("_is_diff") is True
                        )
            yield ""

    def _row(
        self, table: TableSchema, uuid: str, row: dict[str, Json] | None, is_diff: bool
    ) -> Iterator[str]:
        is_new = uuid not in self._names
        if row is not None and isinstance(name := row.get("name"), str):
            self._names[uuid], label = name, self._names.get(uuid) or name
        else:
            label = self._names.setdefault(uuid, "")
        shown = f'"{label}" ({uuid[:8]})' if label else uuid[:8]
        if row is None:
            yield f"  table {table.name} row {shown}{' diff' if is_diff else ''}:"
            yield "    delete row"
            del self._names[uuid]
            return
        if is_new:
            yield f"  table {table.name} insert row {shown}:"
        else:
            yield f"  table {table.name} row {shown}{' diff' if is_diff else ''}:"
        if self._more > 1:
            for name, value in row.items():
                yield f"    {name}={self._value(table, name, value, is_diff and not is_new)}"

    def _value(self, table: TableSchema, name: str, json: Json, is_diff: bool) -> str:
        column = table.columns[name]
        datum: Datum
        datum = diff_from_json(json, column) if is_diff else datum_from_json(json, column.type)
        return datum_to_text(datum, column.type)


def _starts_with(path: str, magic: bytes) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise CommandError(f"I/O error: {path}: open failed ({error.strerror})") from None


def _schema_of(path: str) -> Schema:
    """The schema of a database, from the first record of its file."""
    try:
        with Path(path).open("rb") as file:
            record = next(read_records(file, path), None)
        if record is None:
            raise CannotOpen(f"ovsdb error: {path}: cannot identify file type")
        return Schema.from_json(record.json)
    except OSError as error:
        raise CommandError(f"I/O error: {path}: open failed ({error.strerror})") from None
    except (OvsdbError, JournalError) as error:
        raise CommandError(str(error)) from None


def _read_schema(path: str) -> Schema:
    """The schema in a file."""
    try:
        json = decode(Path(path).read_bytes())
    except OSError as error:
        raise CommandError(
            f'failed to read schema: "{path}" could not be read as JSON (error opening "{path}": {error.strerror})'
        ) from None
    except JsonError as error:
        raise CommandError(f'failed to read schema: "{path}" could not be read as JSON ({error})') from None
    try:
        return Schema.from_json(json)
    except OvsdbError as error:
        details = f'failed to parse "{path}" as ovsdb schema: {error.details}'
        raise CommandError(
            str(error).replace(error.details, details) if error.details else str(error)
        ) from None


def _parse_transaction(text: str) -> Json:
    try:
        return decode_argument(text)
    except JsonError as error:
        raise CommandError(f'"{text}": {error}') from None


def _version(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split("."))
    except ValueError:
        numbers = ()
    if len(numbers) != 3:
        raise CommandError(f"{text}: not an OVSDB version number in format x.y.z")
    return numbers
