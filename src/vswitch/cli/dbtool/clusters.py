"""Clustered databases: in etcd, and in files of Open vSwitch.

Where Open vSwitch takes the file of a clustered database, `etcd:HOST:PORT[,…]/NAME` names one that is in etcd.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vswitch.base.digits import parse_decimal
from vswitch.base.log import Logger
from vswitch.base.options import CommandError, Given
from vswitch.cli.dbtool.headers import CLUSTERED, kind_of, read_schema, starts_with
from vswitch.ovsdb.atom import Uuid, is_uuid
from vswitch.ovsdb.cluster import raftcheck
from vswitch.ovsdb.cluster.address import SCHEME, ClusterAddress
from vswitch.ovsdb.cluster.entry import everything, persistent
from vswitch.ovsdb.cluster.raft import (
    Header,
    History,
    RaftRecord,
    encode_header,
    entries_of,
    history_of,
    read_file,
    read_header,
)
from vswitch.ovsdb.convert import convert
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.journal import CLUSTER_MAGIC, MAGIC, JournalError, snapshot
from vswitch.ovsdb.notation import is_id
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdbserver import clustertool
from vswitch.ovsdbserver.etcd import Credentials
from vswitch.ovsdbserver.etcdlog import Identity
from vswitch.ovsdbserver.storage import create_journal, milliseconds_now, read_journal, uuid_source

log = Logger("ovsdb")
_ADDRESS = re.compile(r"(tcp|ssl):(\[[0-9a-fA-F:.%\w]+\]|[^:\[\]]*):(?P<port>[0-9]{1,5})")
TIMERS = range(100, 600_001)  # ms


def credentials_of(given: Given) -> Credentials:
    """The files for TLS to etcd."""
    return Credentials(
        given.get("private-key") or "", given.get("certificate") or "", given.get("ca-cert") or ""
    )


def create_cluster(given: Given, place: str, contents: str, local: str) -> None:
    """Make a cluster of what `contents`, a schema or a standalone database, holds."""
    database = _contents(contents)
    if place.startswith(SCHEME):
        if given.get("election-timer") is not None:
            raise CommandError("--election-timer: clusters in etcd hold no elections of their own")
        clustertool.create(ClusterAddress.parse(place), credentials_of(given), database)
        return
    timer = _timer(given.get("election-timer"))
    _check_address(local)
    new_uuid = uuid_source()
    sid = new_uuid()
    record = everything(database, milliseconds_now())
    has_rows = any(table.rows for table in database.tables.values())
    header = Header(
        sid,
        database.schema.name,
        local,
        new_uuid(),
        prev_term=1,
        prev_index=1,
        prev_servers={sid: local},
        prev_election_timer=timer,
        prev_eid=new_uuid(),
        prev_data=[database.schema.to_json(), record if has_rows else {}],
    )
    _write_new(place, encode_header(header))


def join_cluster(given: Given, place: str, name: str, addresses: Sequence[str]) -> None:
    """Make the file of a server that is to join; in etcd, see that there is something to join."""
    cid = given.get("cid")
    if cid is not None and not is_uuid(cid):
        raise CommandError(f"{cid}: not a valid UUID")
    if place.startswith(SCHEME):
        identity = _identity(given, place)
        if identity.name != name:
            raise CommandError(f"{place}: the cluster has database {identity.name}, and not {name}")
        if cid is not None and identity.cid != cid:
            raise CommandError(f"{place}: the cluster's ID is {identity.cid}, and not {cid}")
        return
    if len(addresses) < 2:
        raise CommandError("'join-cluster' command requires at least 4 arguments")
    if not is_id(name):
        raise CommandError(
            f'{name}: not a valid schema name (use "schema-name" command to find the correct name)'
        )
    for address in addresses:
        _check_address(address)
    local, *remotes = addresses
    if local in remotes:
        raise CommandError("ovsdb error: remote addresses cannot be the same as the local address")
    header = Header(uuid_source()(), name, local, Uuid(cid) if cid else None, tuple(remotes))
    _write_new(place, encode_header(header))


def to_standalone(given: Given, place: str, source: str) -> None:
    """Make a standalone database of a clustered one."""
    if source.startswith(SCHEME):
        database = clustertool.read(ClusterAddress.parse(source), credentials_of(given))
        create_journal(
            Path(place), snapshot(database, milliseconds_now(), "converted from a cluster by ovsdb-tool")
        )
        return
    if kind_of(source) is not CLUSTERED:
        raise CommandError("Database is not clustered db.\n")
    history = raft_history(source)
    history.database(uuid_source())  # to be sure that it fits
    create_journal(Path(place), [history.schema.to_json(), *history.records])


def facts(given: Given, place: str) -> tuple[Header | None, Identity | None]:
    """What is known of a clustered database: of one in a file, or of one in etcd."""
    if place.startswith(SCHEME):
        return None, _identity(given, place)
    if kind_of(place) is not CLUSTERED:
        raise CommandError(f"{place}: not a clustered database")
    with open(place, "rb") as file:  # noqa: PTH123 - as in showlog
        return read_header(file, place), None


def name_of(given: Given, place: str) -> str:
    """The database's name."""
    header, identity = facts(given, place)
    return header.name if header else identity.name if identity else ""


def cid_of(given: Given, place: str) -> str:
    """The cluster's id."""
    header, identity = facts(given, place)
    cid = header.cluster_id if header else identity.cid if identity else None
    if cid is None:
        sys.stderr.write(f"{place}: cluster ID not yet known\n")
        raise CommandError("", 2)
    return cid


def server_fact(given: Given, place: str, what: str) -> str:
    """The server's id or address."""
    header, _ = facts(given, place)
    if header is None:
        raise CommandError(f"{place}: servers keep nothing there; ask one with ovs-appctl cluster/status")
    return str(getattr(header, what))


def check(given: Given, paths: Sequence[str]) -> Iterator[str]:
    """Print what is unusual; fail if anything is wrong."""
    accounts, errors = [], []
    for path in paths:
        if path.startswith(SCHEME):
            clustertool.read(ClusterAddress.parse(path), credentials_of(given))
            continue
        header, records = _records(path)
        account = raftcheck.Account(path, header)
        errors += list(raftcheck.follow(account, iter(records)))
        if not header.is_joining:
            history_of(header, account.entries).database(uuid_source())
        accounts.append(account)
    if accounts:
        errors += raftcheck.compare(accounts)
        if not errors and not any(account.entries or account.header.is_joining for account in accounts):
            errors.append("all logs are empty")
        yield from (f"warning: {each}" for each in raftcheck.warnings(accounts))
    if errors:
        raise CommandError("\n".join(errors))


def _records(path: str) -> tuple[Header, list[RaftRecord]]:
    if kind_of(path) is not CLUSTERED:
        raise CommandError(f"ovsdb error: {path}: cannot identify file type")
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        try:
            header, *records = read_file(file, path)
        except JournalError as error:
            raise CommandError(str(error)) from None
    assert isinstance(header, Header)
    return header, [record for record in records if isinstance(record, RaftRecord)]


def raft_history(path: str) -> History:
    """What a file of Open vSwitch's clusters says of the database."""
    header, records = _records(path)
    return history_of(header, entries_of(records))


def _contents(path: str) -> Database:
    """The database in a file, or an empty one of the schema in it, with nothing ephemeral."""
    new_uuid = uuid_source()
    if path.startswith(SCHEME) or starts_with(path, CLUSTER_MAGIC):
        if path.startswith(SCHEME):
            raise CommandError(f"{path}: use cluster-to-standalone first")
        return raft_history(path).database(new_uuid)
    if not starts_with(path, MAGIC):
        schema = read_schema(path)
        return Database(_without_ephemeral(path, schema))
    database = read_journal(Path(path), new_uuid).database
    return convert(database, _without_ephemeral(path, database.schema), new_uuid)


def _without_ephemeral(path: str, schema: Schema) -> Schema:
    ephemeral = [
        (table.name, column.name)
        for table in schema.tables.values()
        for column in table.columns.values()
        if column.ephemeral
    ]
    if ephemeral:
        table, column = ephemeral[0]
        log.warn(
            "%s: changed %d columns in '%s' database from ephemeral to persistent, including '%s' column in '%s' "
            "table, because clusters do not support ephemeral columns",
            path,
            len(ephemeral),
            schema.name,
            column,
            table,
        )
    return persistent(schema)


def _identity(given: Given, place: str) -> Identity:
    return clustertool.identity(ClusterAddress.parse(place), credentials_of(given))


def _check_address(address: str) -> None:
    if address.startswith("unix:"):
        return
    if not address.startswith(("tcp:", "ssl:")):
        raise CommandError(f'ovsdb error: {address}: expected "tcp" or "ssl" address')
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65535:
        raise CommandError(f"ovsdb error: {address}: syntax error in address")


def _timer(text: str | None) -> int | None:
    if text is None:
        return None
    number = parse_decimal(text)
    if number not in TIMERS:
        raise CommandError("ovsdb error: election timer must be between 100 and 600000, in msec.")
    return number


def _write_new(path: str, data: bytes) -> None:
    try:
        with open(path, "xb") as file:  # noqa: PTH123 - as above
            file.write(data)
    except OSError as error:
        raise CommandError(f"I/O error: {path}: create failed ({error.strerror})") from None
