"""What check-cluster finds."""

from dataclasses import replace

import pytest

from tests.unit.ovsdb.cluster.test_raft import EID, HEADER, JOINING, A, B, entry, put
from vswitch.ovsdb.cluster.raft import RaftRecord
from vswitch.ovsdb.cluster.raftcheck import Account, compare, follow, warnings

GOOD = [
    RaftRecord(term=1),
    RaftRecord(term=1, vote=A),
    RaftRecord(term=1, leader=A),
    entry(2, put(A, "a")),
    RaftRecord(commit_index=2),
    entry(3, put(B, "b")),
    RaftRecord(term=2, vote=B),
    entry(3, put(B, "c"), term=2),
    RaftRecord(commit_index=3),
]


def account(records, name="one", header=HEADER):
    account = Account(name, header)
    return account, list(follow(account, iter(records)))


def test_nothing_is_found_in_what_is_right():
    one, errors = account(GOOD)
    assert errors == []
    other, _ = account(GOOD[:6], "two", replace(HEADER, server_id=B))
    assert list(compare([one, other])) == []
    assert list(warnings([one])) == []
    assert list(warnings([Account("new", JOINING)])) == ["new: the server has not joined its cluster"]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (RaftRecord(term=1), "goes back from term 2 to 1"),
        (RaftRecord(term=2, vote=A), "votes for"),
        (RaftRecord(commit_index=2), "takes the commit index back"),
        (RaftRecord(commit_index=9), "beyond the end of the log"),
        (entry(5, {}), "skips from index 3 to 5"),
        (entry(3, {}, term=2), "replaces index 3, which is committed"),
        (entry(4, {}, term=1), "and the entry before it 2"),
        (RaftRecord(index=4, data=[None, {}], eid=EID), "has an index and no term"),
    ],
)
def test_what_one_file_says_wrong(record, found):
    _, errors = account([*GOOD, record])
    assert any(found in error for error in errors), errors


def test_two_leaders_of_a_term_in_a_file():
    _, errors = account([*GOOD, RaftRecord(term=2, leader=A), RaftRecord(term=2, leader=B)])
    assert len(errors) == 1
    assert "as the leader of term 2" in errors[0]


@pytest.mark.parametrize(
    ("header", "records", "found"),
    [
        (replace(HEADER, server_id=B, name="X"), GOOD, "has name X"),
        (replace(HEADER, server_id=B, cluster_id=EID), GOOD, "has cluster_id"),
        (HEADER, GOOD, "Duplicate server ID"),
        (replace(HEADER, server_id=B), [*GOOD[:2], RaftRecord(term=1, leader=B)], "as the leader of term 1"),
        (replace(HEADER, server_id=B), [entry(2, put(A, "x"))], "different entries 2 of term 1"),
        (
            replace(HEADER, server_id=B),
            [*GOOD[:6], RaftRecord(commit_index=3)],
            "committed different entries 3",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_two_files_say_differently(header, records, found):
    one, _ = account(GOOD)
    other, _ = account(records, "two", header)
    errors = list(compare([one, other]))
    assert any(found in error for error in errors), errors


def test_servers_that_are_missing():
    joined = replace(
        entry(4, None, term=2), servers={A: "tcp:1.2.3.4:1", B: "tcp:1.2.3.4:2"}, data=None, eid=None
    )
    one, _ = account([*GOOD, joined])
    assert list(warnings([one])) == [f"no file of server {B} (tcp:1.2.3.4:2)"]
