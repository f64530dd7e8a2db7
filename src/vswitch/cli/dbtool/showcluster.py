"""ovsdb-tool show-log of a file of a Raft cluster, and of a cluster's log in etcd.

Sources: ovsdb-tool(1), show-log; ovsdb(5), "Clustered Format".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.errors import VswitchError
from vswitch.base.options import CommandError
from vswitch.cli.dbtool.showlog import LogPrinter, heading
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.address import ClusterAddress
from vswitch.ovsdb.cluster.entry import decode_batch
from vswitch.ovsdb.cluster.raft import Header, RaftRecord, read_file
from vswitch.ovsdb.jsontext import Json, decode
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdbserver import clustertool
from vswitch.ovsdbserver.etcd import Credentials


def show_file(path: str, more: int) -> Iterator[str]:
    """The records of a file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as in showlog
            printer = ClusterPrinter(more)
            for number, record in enumerate(read_file(file, path)):
                yield f"record {number}:"
                if isinstance(record, Header):
                    yield from printer.header(record)
                else:
                    yield from printer.record(record)
    except OSError as error:
        raise CommandError(f"I/O error: {path}: open failed ({error.strerror})") from None
    except VswitchError as error:
        raise CommandError(str(error)) from None


def show_etcd(place: str, credentials: Credentials, more: int) -> Iterator[str]:
    """The snapshot and the entries of a log."""
    snapshot, entries = clustertool.fetch(ClusterAddress.parse(place), credentials)
    printer = ClusterPrinter(more)
    state = decode(snapshot.body)
    yield f"snapshot {snapshot.position.index}:"
    yield from printer.data([state["schema"], state["record"]], "")
    yield ""
    for entry in entries:
        batch = decode_batch(entry.body)
        yield f"entry {entry.position.index}:"
        yield f" id: {entry.position.id[:4]}"
        yield f" server: {batch.server[:4]}"
        for step in batch.steps:
            yield f" transaction: {step.id[:4]}"
            yield from printer.data([step.schema and step.schema.to_json(), step.record], "")
        yield ""


class ClusterPrinter:
    """Prints records; it follows the schema."""

    def __init__(self, more: int) -> None:
        self._more = more
        self._transactions: LogPrinter | None = None

    def header(self, header: Header) -> Iterator[str]:
        """The first record."""
        yield f" name: \"{header.name}'"  # the peer's own mismatch of quotes
        yield f' local address: "{header.local_address}"'
        yield f" server_id: {_short(header.server_id)}"
        if header.cluster_id:
            yield f" cluster_id: {_short(header.cluster_id)}"
        if header.is_joining:
            yield f" remote_addresses: {' '.join(header.remote_addresses)}"
        else:
            yield f" prev_index: {header.prev_index}"
            yield f" prev_term: {header.prev_term}"
            yield f" prev_servers: {_servers(header.prev_servers)}"
            if header.prev_eid:
                yield f" prev_eid: {_short(header.prev_eid)}"
            yield from self.data(header.prev_data, "prev_")
        if not _has_transaction(header.prev_data):
            yield ""

    def record(self, record: RaftRecord) -> Iterator[str]:
        """Any other record."""
        for name in ("comment", "term", "index", "servers"):
            value = getattr(record, name)
            if value is not None:
                shown = _servers(value) if name == "servers" else f'"{value}"' if name == "comment" else value
                yield f" {name}: {shown}"
        if record.eid:
            yield f" eid: {_short(record.eid)}"
        if record.data is not None:
            yield from self.data(record.data, "")
        for name in ("vote", "leader"):
            if (sid := getattr(record, name)) is not None:
                yield f" {name}: {_short(sid)}"
        if record.commit_index is not None:
            yield f" commit_index: {record.commit_index}"
        if record.note is not None:
            yield f' note: "{record.note}"'
        if not _has_transaction(record.data):
            yield ""

    def data(self, data: Json, prefix: str) -> Iterator[str]:
        """A schema and a transaction."""
        if data is None:
            return
        schema_json, record = data
        if schema_json is not None:
            schema = Schema.from_json(schema_json)
            if self._transactions is None:
                self._transactions = LogPrinter(schema, self._more)
            self._transactions.schema = schema
            yield f' {prefix}schema: "{schema.name}", version="{schema.version}", cksum="{schema.cksum}"'
        if record and self._transactions is not None:
            if line := heading(record):
                yield line
            yield from self._transactions.rows(record)


def _has_transaction(data: Json) -> bool:
    return data is not None and bool(data[1])


def _servers(servers: Mapping[Uuid, str]) -> str:
    return ", ".join(f'{_short(sid)}("{address}")' for sid, address in sorted(servers.items()))


def _short(uuid: Uuid) -> str:
    return uuid[:4]
