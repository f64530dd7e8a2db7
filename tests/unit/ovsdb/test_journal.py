import contextlib
import io
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ovsdb.machine import SCHEMA, Machine, uuids
from vswitch.ovsdb.journal import (
    ROWS_AT_ONCE,
    Damaged,
    JournalError,
    Torn,
    encode_record,
    load,
    read_records,
    record_pieces,
    snapshot,
)


def journal(machine):
    return b"".join([encode_record(SCHEMA.to_json()), *machine.storage.records])


def reload(data, name="db"):
    return load(read_records(io.BytesIO(data), name), name, uuids(9))


def rows(database):
    return {
        name: {uuid: row[2:] for uuid, row in table.rows.items()}
        for name, table in database.tables.items()
        if table.rows
    }


@pytest.fixture
def machine():
    machine = Machine()
    client = machine.client()
    client.transact(
        {"op": "insert", "table": "B", "row": {"name": "b"}, "uuid-name": "b"},
        {
            "op": "insert",
            "table": "A",
            "row": {"name": "x", "strong": ["named-uuid", "b"], "m": ["map", [["k", 1]]], "eph": 7},
        },
        {"op": "comment", "comment": "made"},
    )
    client.transact(
        {
            "op": "mutate",
            "table": "A",
            "where": [],
            "mutations": [["m", "insert", ["map", [["l", 2]]]], ["i", "insert", 5]],
        }
    )
    client.transact({"op": "insert", "table": "I", "row": {"a": "1"}})
    client.transact({"op": "delete", "table": "I", "where": []})
    return machine


def test_a_record_is_the_peers():
    body = b'{"_date":1795384655818,"Bridge":{"2f962165-567c-444c-b2dd-2709d1609be5":{"other_config":["map",[["c","d"]]]}},"_is_diff":true}\n'
    written_by_peer = b"OVSDB JSON 127 326da6aaec74c1bd5763c4916e1b56bebac8916a\n" + body
    (record,) = read_records(io.BytesIO(written_by_peer), "db")
    assert record.end == len(written_by_peer)
    assert encode_record(record.json).startswith(b"OVSDB JSON 127 ")


def test_replaying_gives_the_state_back_without_what_is_ephemeral(machine):
    machine.client().transact({"op": "update", "table": "A", "where": [], "row": {"eph": 0}})
    database = reload(journal(machine))
    assert rows(database) == rows(machine.host.database)
    for name, table in database.tables.items():
        assert table.n_strong == machine.host.database.tables[name].n_strong
        assert table.indexes == machine.host.database.tables[name].indexes


def test_a_snapshot_gives_the_state_back(machine):
    machine.client().transact({"op": "update", "table": "A", "where": [], "row": {"eph": 0}})
    data = b"".join(chain.from_iterable(map(record_pieces, snapshot(machine.host.database, 0, "compacted"))))
    assert rows(reload(data)) == rows(machine.host.database)


def test_a_snapshot_of_many_rows_is_in_pieces(machine):
    client = machine.client()
    client.transact({"op": "update", "table": "A", "where": [], "row": {"eph": 0}})
    for number in range(0, 3 * ROWS_AT_ONCE, 100):
        rows_to_come = [{"a": str(number + each), "b": each} for each in range(100)]
        client.transact(*({"op": "insert", "table": "I", "row": row} for row in rows_to_come))
    _, json = snapshot(machine.host.database, 5, "compacted")
    pieces = list(record_pieces(json))
    assert len(pieces) > 5
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2
    (record,) = read_records(io.BytesIO(b"".join(pieces)), "db")
    assert len(record.json["I"]) >= 3 * ROWS_AT_ONCE
    data = b"".join(chain.from_iterable(map(record_pieces, snapshot(machine.host.database, 5, ""))))
    assert rows(reload(data)) == rows(machine.host.database)


def test_old_files_have_values_instead_of_differences():
    a1 = "00000000-0000-0000-0000-0000000000a1"
    records = [
        SCHEMA.to_json(),
        {"A": {a1: {"i": ["set", [1, 2]]}}},
        {"A": {a1: {"i": ["set", [2, 3]]}}},
    ]
    (row,) = reload(b"".join(map(encode_record, records))).tables["A"].rows.values()
    assert row[SCHEMA.tables["A"].columns["i"].number] == (2, 3)


def test_a_file_cut_anywhere_loses_its_last_record_and_no_more(machine):
    data = journal(machine)
    ends = [record.end for record in read_records(io.BytesIO(data), "db")]
    assert ends[-1] == len(data)
    for size in range(ends[0], len(data)):
        found = []
        with contextlib.suppress(Torn):
            for record in read_records(io.BytesIO(data[:size]), "db"):
                found.append(record.end)  # noqa: PERF401 - what came before the error counts
        assert found == [end for end in ends if end <= size]


@given(st.data())
def test_damage_in_the_middle_is_reported(data):
    machine = Machine()
    for number in range(3):
        machine.client().transact({"op": "insert", "table": "I", "row": {"a": str(number)}})
    whole = bytearray(journal(machine))
    ends = [record.end for record in read_records(io.BytesIO(bytes(whole)), "db")]
    at = data.draw(st.integers(ends[0], ends[2] - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Damaged):
        list(read_records(io.BytesIO(bytes(whole)), "db"))


@given(st.data())
def test_damage_at_the_end_is_not_taken_for_a_record_that_was_never_finished(data):
    """Its transaction may have been acknowledged.  Of a bit that fell, nothing says whether it was: the length counts."""
    machine = Machine()
    machine.client().transact({"op": "insert", "table": "I", "row": {"a": "x"}})
    whole = bytearray(journal(machine))
    *_, before, _ = (record.end for record in read_records(io.BytesIO(bytes(whole)), "db"))
    at = data.draw(st.integers(whole.index(b"\n", before) + 1, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255).filter(lambda bits: whole[at] ^ bits))
    with pytest.raises(Damaged):
        list(read_records(io.BytesIO(bytes(whole)), "db"))
    with pytest.raises(Damaged):
        list(read_records(io.BytesIO(journal(machine) + b"garbage\n"), "db"))


def test_sectors_that_were_never_written_are_of_an_unfinished_record(machine):
    data = journal(machine)
    *_, before, end = (record.end for record in read_records(io.BytesIO(data), "db"))
    for first, last in (
        (before, end),
        (before, before + 20),
        (before + 20, end),
        (end - 9, end),
        (end - 9, end - 4),
    ):
        piece = data[:first] + bytes(last - first) + data[last:]
        with pytest.raises(Torn) as caught:
            list(read_records(io.BytesIO(piece), "db"))
        assert caught.value.offset == before
    with pytest.raises(Torn):
        list(read_records(io.BytesIO(data + bytes(4096)), "db"))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"Nope": {}}], "No table named Nope"),
        ([{"A": {"x": {}}}], "not a valid UUID"),
        ([{"A": {"00000000-0000-0000-0000-0000000000a1": None}}], "No row"),
        ([{"A": {"00000000-0000-0000-0000-0000000000a1": {"nope": 1}}}], "No column nope"),
        (
            [
                {
                    "A": {
                        "00000000-0000-0000-0000-0000000000a1": {
                            "strong": ["uuid", "00000000-0000-0000-0000-00000000dead"]
                        }
                    }
                }
            ],
            "nonexistent",
        ),
    ],
)
def test_records_that_do_not_fit(records, message):
    with pytest.raises(JournalError, match=message):
        reload(b"".join(encode_record(json) for json in [SCHEMA.to_json(), *records]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot identify file type"),
        (b"garbage\n", "unexpected file format"),
        (encode_record({"x": 1}), "Required 'name'"),
    ],
)
def test_files_that_are_no_journals(data, message):
    with pytest.raises(JournalError, match=message):
        reload(data)
