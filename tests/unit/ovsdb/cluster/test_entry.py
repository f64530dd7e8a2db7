"""What entries and snapshots say."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.simulation import SCHEMA
from vswitch.ovsdb.cluster.entry import (
    Batch,
    Step,
    commit_of,
    decode_batch,
    decode_snapshot,
    difference,
    encode_batch,
    encode_snapshot,
    persistent,
    undone,
)
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.integrity import plan
from vswitch.ovsdb.journal import commit_to_json
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.transaction import Transaction

REFERENCES = Schema.from_json(
    {
        "name": "R",
        "tables": {
            "Root": {
                "columns": {
                    "name": {"type": "string"},
                    "parts": {
                        "type": {"key": {"type": "uuid", "refTable": "Part"}, "min": 0, "max": "unlimited"}
                    },
                    "friends": {
                        "type": {
                            "key": {"type": "uuid", "refTable": "Root", "refType": "weak"},
                            "min": 0,
                            "max": "unlimited",
                        }
                    },
                },
                "isRoot": True,
                "indexes": [["name"]],
            },
            "Part": {"columns": {"n": {"type": "integer"}, "e": {"type": "string", "ephemeral": True}}},
        },
    }
)


def uuids():
    number = 0
    while True:
        number += 1
        yield f"00000000-0000-4000-8000-{number:012x}"


NAMES = st.sampled_from("abcd")
OPERATIONS = st.one_of(
    st.builds(
        lambda name, n: [
            {"op": "insert", "table": "Part", "row": {"n": n}, "uuid-name": "p"},
            {"op": "insert", "table": "Root", "row": {"name": name, "parts": ["named-uuid", "p"]}},
        ],
        NAMES,
        st.integers(0, 3),
    ),
    st.builds(lambda name: [{"op": "delete", "table": "Root", "where": [["name", "==", name]]}], NAMES),
    st.builds(
        lambda name, n: [
            {"op": "insert", "table": "Root", "row": {"name": name}, "uuid-name": "r"},
            {
                "op": "mutate",
                "table": "Root",
                "where": [["name", "!=", name]],
                "mutations": [["friends", "insert", ["set", [["named-uuid", "r"]]]]],
            },
            {"op": "mutate", "table": "Part", "where": [], "mutations": [["n", "+=", n]]},
        ],
        NAMES,
        st.integers(0, 3),
    ),
)


def contents(database):
    return {
        name: (table.rows, table.n_strong, table.weak_holders, table.indexes)
        for name, table in database.tables.items()
    }


def copy_of(database):
    return decode_snapshot(encode_snapshot(database, 0))


def without_versions(database):
    return {
        name: (
            {uuid: row[2:] for uuid, row in table.rows.items()},
            table.n_strong,
            table.weak_holders,
            table.indexes,
        )
        for name, table in database.tables.items()
    }


@given(st.lists(OPERATIONS, max_size=12))
def test_a_follower_becomes_what_the_author_is(transactions):
    source = uuids()
    schema = persistent(REFERENCES)
    author, follower = Database(schema), Database(schema)
    for operations in transactions:
        transaction = Transaction(author, lambda: next(source))
        _, succeeded = transaction.execute(operations)
        try:
            commit = plan(transaction) if succeeded else None
        except OvsdbError:
            continue
        if commit is None:
            continue
        before = deepcopy(contents(author))
        author.change(commit)
        for back in undone([commit]):
            author.change(back)
        assert contents(author) == before
        step = Step(commit.id, commit_to_json(commit, schema, 0))
        author.apply(commit)
        [same] = decode_batch(encode_batch(Batch("s", (step,)))).steps
        followed = commit_of(follower, same)
        assert followed is not None
        follower.apply(followed)
        assert contents(follower) == contents(author)
        assert follower.last_id == author.last_id
    assert without_versions(copy_of(author)) == without_versions(author)
    assert difference(author, copy_of(author)) is None


@given(st.lists(OPERATIONS, max_size=6), st.lists(OPERATIONS, max_size=6))
def test_the_difference_makes_one_the_other(first, second):
    source = uuids()
    databases = []
    for transactions in (first, second):
        database = Database(persistent(REFERENCES))
        for operations in transactions:
            transaction = Transaction(database, lambda: next(source))
            _, succeeded = transaction.execute(operations)
            try:
                commit = plan(transaction) if succeeded else None
            except OvsdbError:
                continue
            if commit is not None:
                database.apply(commit)
        databases.append(database)
    before, after = databases
    if (commit := difference(before, after)) is not None:
        before.apply(commit)
    assert without_versions(before) == without_versions(after)


def test_what_is_done_and_undone_leaves_nothing():
    source = uuids()
    database = Database(SCHEMA)
    commits = []
    for name in "abc":
        transaction = Transaction(database, lambda: next(source))
        transaction.execute([{"op": "insert", "table": "T", "row": {"name": name}}])
        commits.append(plan(transaction))
        database.change(commits[-1])
    assert len(database.tables["T"].indexes[0]) == 3
    for commit in undone(commits):
        database.change(commit)
    assert contents(database) == contents(Database(SCHEMA))


def test_nothing_is_ephemeral_in_a_cluster():
    assert REFERENCES.tables["Part"].columns["e"].ephemeral
    assert not persistent(REFERENCES).tables["Part"].columns["e"].ephemeral


@pytest.mark.parametrize(
    "record",
    [{"X": {}}, {"T": {"x": {}}}, {"T": {"00000000-0000-4000-8000-000000000001": {"nope": 1}}}],
    ids=["table", "uuid", "column"],
)
def test_an_entry_that_does_not_fit_is_refused(record):
    with pytest.raises(OvsdbError):
        commit_of(Database(SCHEMA), Step("00000000-0000-4000-8000-000000000001", record))
