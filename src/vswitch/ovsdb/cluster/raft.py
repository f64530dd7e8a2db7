"""Clustered database files of Open vSwitch: what a server of a Raft cluster writes down.

    OVSDB CLUSTER 540 fd50ce90a1a170b8c2c84898dea9705c1d214b79
    {"server_id":…,"cluster_id":…,"local_address":…,"name":…,"prev_data":[SCHEMA,RECORD],"prev_index":1,…}

The first record says who the server is and holds a snapshot of the database; or, in a file for a server that is to
join, whom to ask.  Every other is an entry of Raft's log, a step of its elections, or a note.  An entry with the number
of an earlier one takes the place of that one and of all after it: the leader that had sent those was not elected.

We read these files, and write first records; the servers of our clusters share a log in etcd instead.

Sources: ovsdb(5), "Clustered Format", "Joining a Cluster".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import ZERO_UUID, Uuid, is_uuid
from vswitch.ovsdb.database import Database, NewUuid
from vswitch.ovsdb.errors import OvsdbError, OvsdbSyntaxError
from vswitch.ovsdb.journal import CLUSTER_MAGIC, JournalError, encode_record, read_records, rebuild, replay
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.notation import Members
from vswitch.ovsdb.schema import Schema

ELECTION_TIMER = 1000  # ms, unless a file says otherwise


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a file."""

    server_id: Uuid
    name: str  # of the database
    local_address: str
    cluster_id: Uuid | None = None
    remote_addresses: tuple[str, ...] = ()  # of a server that is to join
    prev_term: int = 0
    prev_index: int = 0  # the log begins after that
    prev_servers: Mapping[Uuid, str] = field(default_factory=dict)
    prev_election_timer: int | None = None
    prev_eid: Uuid | None = None
    prev_data: Json = None  # [schema, record]

    @property
    def is_joining(self) -> bool:
        """Whether the server has not joined yet: nothing more is known of the cluster."""
        return bool(self.remote_addresses)

    @classmethod
    def from_json(cls, json: Json) -> Header:
        """Read it; raises OvsdbError."""
        members = Members(json, "raft header")
        server_id, name = _uuid(members, "server_id"), members.required("name", "id")
        local_address = members.required("local_address", str)
        remotes = members.optional("remote_addresses", list)
        cluster_id = _optional_uuid(members, "cluster_id")
        if remotes is not None:
            members.finish()
            return cls(server_id, name, local_address, cluster_id, tuple(remotes))
        header = cls(
            server_id,
            name,
            local_address,
            cluster_id,
            (),
            _uint64(members.required("prev_term", int)),
            _uint64(members.required("prev_index", int)),
            servers_from_json(members.required("prev_servers", dict)),
            members.optional("prev_election_timer", int),
            _optional_uuid(members, "prev_eid"),
            members.optional("prev_data", list),
        )
        members.finish()
        if cluster_id is None or cluster_id == ZERO_UUID:
            raise OvsdbSyntaxError("raft header: cluster_id is missing or all zeros", json)
        return header

    def to_json(self) -> Json:
        """Write it."""
        json: dict[str, Json] = {
            "server_id": self.server_id,
            "name": self.name,
            "local_address": self.local_address,
        }
        if self.cluster_id:
            json["cluster_id"] = self.cluster_id
        if self.is_joining:
            return json | {"remote_addresses": list(self.remote_addresses)}
        json |= {
            "prev_term": self.prev_term,
            "prev_index": self.prev_index,
            "prev_servers": dict(self.prev_servers),
            "prev_data": self.prev_data,
            "prev_eid": self.prev_eid,
        }
        if self.prev_election_timer is not None:
            json["prev_election_timer"] = self.prev_election_timer
        return json


@dataclass(frozen=True, slots=True)
class RaftRecord:
    """Any other record; what it does not say is None."""

    comment: str | None = None
    term: int | None = None
    index: int | None = None
    servers: Mapping[Uuid, str] | None = None
    election_timer: int | None = None
    data: Json = None  # [schema or null, record or null]
    eid: Uuid | None = None
    vote: Uuid | None = None
    leader: Uuid | None = None
    commit_index: int | None = None
    note: str | None = None

    @classmethod
    def from_json(cls, json: Json) -> RaftRecord:
        """Read it; raises OvsdbError."""
        members = Members(json, "raft record")
        servers = members.optional("servers", dict)
        record = cls(
            members.optional("comment", str),
            _optional_uint64(members, "term"),
            _optional_uint64(members, "index"),
            None if servers is None else servers_from_json(servers),
            _optional_uint64(members, "election_timer"),
            members.optional("data", list),
            _optional_uuid(members, "eid"),
            _optional_uuid(members, "vote"),
            _optional_uuid(members, "leader"),
            _optional_uint64(members, "commit_index"),
            members.optional("note", str),
        )
        members.finish()
        if (record.data is None) != (record.eid is None):
            raise OvsdbSyntaxError("raft record: data and eid go together", json)
        return record


def read_header(file: BinaryIO, name: str) -> Header:
    """The first record of a file; raises JournalError, OvsdbError."""
    record = next(read_records(file, name, CLUSTER_MAGIC), None)
    if record is None:
        raise JournalError(f"ovsdb error: {name}: cannot identify file type")
    return Header.from_json(record.json)


def read_file(file: BinaryIO, name: str) -> Iterator[Header | RaftRecord]:
    """The records of a file; raises JournalError, OvsdbError."""
    is_first = True
    for record in read_records(file, name, CLUSTER_MAGIC):
        yield Header.from_json(record.json) if is_first else RaftRecord.from_json(record.json)
        is_first = False


def encode_header(header: Header) -> bytes:
    """The file of a server that has not run yet."""
    return encode_record(header.to_json(), CLUSTER_MAGIC)


def entries_of(records: Iterable[RaftRecord]) -> dict[int, RaftRecord]:
    """The log's entries by number, without those that others took the place of."""
    entries: dict[int, RaftRecord] = {}
    for record in records:
        if record.index is not None:
            for index in [index for index in entries if index >= record.index]:
                del entries[index]
            entries[record.index] = record
    return entries


@dataclass(frozen=True, slots=True)
class History:
    """A schema, and the records of transactions under it."""

    schema: Schema
    records: tuple[Json, ...]

    def database(self, new_uuid: NewUuid) -> Database:
        """What it amounts to; raises OvsdbError, JournalError."""
        database = Database(self.schema)
        for record in self.records:
            replay(database, record, new_uuid())
        rebuild(database)
        return database


def history_of(header: Header, entries: Mapping[int, RaftRecord]) -> History:
    """What a file says of the database, from the last change of schema on; raises OvsdbError.

    Entries at the end may not have been committed: they are taken, as there may be nobody left who knows.
    """
    if header.prev_data is None:
        raise OvsdbError("the server has not joined its cluster yet: the file has no database")
    schema, records = None, list[Json]()
    for data in [header.prev_data, *(entries[index].data for index in sorted(entries))]:
        if data is None:
            continue
        new_schema, record = data
        if new_schema is not None:
            schema, records = Schema.from_json(new_schema), []
        if record is not None and record != {}:
            records.append(record)
    assert schema is not None
    return History(schema, tuple(records))


def servers_from_json(json: Json) -> dict[Uuid, str]:
    """A <servers>."""
    servers = {}
    for sid, address in json.items():
        if not is_uuid(sid) or not isinstance(address, str):
            raise OvsdbSyntaxError("servers: names must be UUIDs, and values addresses", json)
        servers[Uuid(sid.lower())] = address
    return servers


def _uint64(number: int) -> int:
    """JSON's integers end at 2**63: what is above is written as negative."""
    return number % (1 << 64)


def _optional_uint64(members: Members, name: str) -> int | None:
    number = members.optional(name, int)
    return None if number is None else _uint64(number)


def _uuid(members: Members, name: str) -> Uuid:
    text = members.required(name, str)
    if not is_uuid(text):
        raise OvsdbSyntaxError(f"{name}: not a UUID", text)
    return Uuid(text.lower())


def _optional_uuid(members: Members, name: str) -> Uuid | None:
    text = members.optional(name, str)
    if text is None:
        return None
    if not is_uuid(text):
        raise OvsdbSyntaxError(f"{name}: not a UUID", text)
    return Uuid(text.lower())
