"""Records of the files of Raft clusters."""

import io

import pytest

from tests.chaos.simulation import SCHEMA
from vswitch.ovsdb.cluster.raft import (
    Header,
    RaftRecord,
    encode_header,
    entries_of,
    history_of,
    read_file,
    read_header,
)
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.journal import CLUSTER_MAGIC, JournalError, encode_record, read_records

A, B, CID, EID = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcd")
HEADER = Header(
    A, "S", "tcp:1.2.3.4:1", CID, (), 1, 1, {A: "tcp:1.2.3.4:1"}, 1500, EID, [SCHEMA.to_json(), {}]
)
JOINING = Header(B, "S", "tcp:1.2.3.4:2", None, ("tcp:1.2.3.4:1",))


def put(uuid, name):
    return {"T": {uuid: {"name": name}}, "_is_diff": True}


def entry(index, record, term=1, schema=None):
    return RaftRecord(term=term, index=index, data=[schema, record], eid=EID)


@pytest.mark.parametrize("header", [HEADER, JOINING], ids=["member", "joining"])
def test_headers_round_trip(header):
    file = io.BytesIO(encode_header(header))
    assert read_header(file, "f") == header


def test_records_of_every_type():
    records = [
        {
            "term": 2,
            "index": 3,
            "data": [None, {}],
            "eid": EID,
            "servers": {A: "tcp:h:1"},
            "election_timer": 5,
        },
        {"term": 2},
        {"term": 2, "vote": A},
        {"term": 2, "leader": B, "comment": "why"},
        {"commit_index": -1},  # 2**64 - 1
        {"note": "left"},
    ]
    data = encode_header(HEADER) + b"".join(encode_record(each, CLUSTER_MAGIC) for each in records)
    header, *read = read_file(io.BytesIO(data), "f")
    assert header == HEADER
    assert read == [
        RaftRecord(None, 2, 3, {A: "tcp:h:1"}, 5, [None, {}], EID),
        RaftRecord(term=2),
        RaftRecord(term=2, vote=A),
        RaftRecord(term=2, leader=B, comment="why"),
        RaftRecord(commit_index=(1 << 64) - 1),
        RaftRecord(note="left"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"server_id": "x"},
        {"cluster_id": None},
        {"prev_servers": {"x": "y"}},
        {"prev_servers": {A: 1}},
        {"more": 1},
    ],
    ids=str,
)
def test_headers_that_are_wrong(change):
    json = {name: value for name, value in {**HEADER.to_json(), **change}.items() if value is not None}
    with pytest.raises(OvsdbError):
        Header.from_json(json)


@pytest.mark.parametrize("json", [{"data": [None, {}]}, {"eid": EID}, {"vote": "x"}, {"nope": 1}], ids=str)
def test_records_that_are_wrong(json):
    with pytest.raises(OvsdbError):
        RaftRecord.from_json(json)


def test_an_entry_replaces_what_was_there():
    entries = entries_of([entry(2, 1), entry(3, 2), entry(4, 3), RaftRecord(term=2), entry(3, 4, term=2)])
    assert {index: each.data[1] for index, each in entries.items()} == {2: 1, 3: 4}


def test_the_history_begins_with_the_last_schema():
    newer = {**SCHEMA.to_json(), "version": "2.0.0"}
    entries = entries_of(
        [
            entry(2, put(A, "old")),
            entry(3, put(A, "kept"), schema=newer),
            entry(4, None),
            entry(5, put(B, "new")),
        ]
    )
    history = history_of(HEADER, entries)
    assert history.schema.version == "2.0.0"
    database = history.database(lambda: EID)
    assert {row[3] for row in database.tables["T"].rows.values()} == {("kept",), ("new",)}
    with pytest.raises(OvsdbError, match="has not joined"):
        history_of(JOINING, {})


def test_the_two_kinds_of_files_are_told_apart():
    with pytest.raises(JournalError, match="cannot apply this operation to clustered database file"):
        next(read_records(io.BytesIO(encode_header(HEADER)), "f"))
    with pytest.raises(JournalError, match="unexpected file format"):
        read_header(io.BytesIO(encode_record({})), "f")
    with pytest.raises(JournalError, match="cannot identify"):
        read_header(io.BytesIO(b""), "f")
