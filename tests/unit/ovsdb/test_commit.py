"""Attempts at a change: sent, refused, lost to a race, put off."""

from __future__ import annotations

import pytest

from tests.unit.ovsdb.test_change import begin
from vswitch.ovsdb.change import COMMITTED, UNCHANGED, Transaction
from vswitch.ovsdb.commit import NotYet, Refused, attempts

UUID = "20000000-0000-0000-0000-000000000000"


@pytest.fixture
def replica():
    replica = begin().replica
    replica.outgoing()
    return replica


def begun(replica, compute):
    """The attempts at a change, and their first condition after the one that the replica is synchronized."""
    conditions = attempts(replica, compute, lambda: UUID)
    assert next(conditions)()
    return conditions, next(conditions)


def reply(replica, *results: object) -> None:
    [message] = replica.outgoing()
    replica.receive({"id": message["id"], "result": list(results), "error": None})


def bump(transaction: Transaction) -> None:
    transaction.set(next(transaction.rows("Root")), "count", 1)


def test_a_change_is_committed(replica):
    conditions, is_answered = begun(replica, bump)
    assert not is_answered()
    reply(replica, {"count": 1})
    assert is_answered()
    with pytest.raises(StopIteration) as end:
        next(conditions)
    assert end.value.value.status == COMMITTED


def test_what_changes_nothing_is_not_sent(replica):
    with pytest.raises(StopIteration) as end:
        begun(replica, lambda transaction: None)
    assert end.value.value.status == UNCHANGED
    assert replica.outgoing() == []


def test_what_the_server_refuses(replica):
    conditions, _ = begun(replica, bump)
    reply(replica, None, {"error": "constraint violation", "details": "too much"})
    with pytest.raises(Refused, match="constraint violation: too much"):
        next(conditions)


@pytest.mark.parametrize("error", ["timed out", "not owner", "aborted"])
def test_what_lost_a_race_is_tried_again_on_newer_data(replica, error):
    conditions, _ = begun(replica, bump)
    reply(replica, {"error": error})
    is_newer = next(conditions)
    assert not is_newer()
    replica.receive({"id": None, "method": "update3", "params": [["D"], UUID, {}]})
    assert is_newer()
    assert next(conditions)()  # still synchronized
    next(conditions)
    assert replica.outgoing()


def test_news_that_came_before_the_reply_are_newer_data(replica):
    conditions, _ = begun(replica, bump)
    replica.receive({"id": None, "method": "update3", "params": [["D"], UUID, {}]})
    reply(replica, {"error": "timed out"})
    assert next(conditions)()


def test_a_change_can_be_put_off(replica):
    def wait(transaction: Transaction) -> None:
        raise NotYet

    _, is_newer = begun(replica, wait)
    assert not is_newer()
    assert replica.outgoing() == []


def test_what_was_under_way_when_the_connection_went_is_tried_again(replica):
    conditions, is_answered = begun(replica, bump)
    replica.disconnected()
    assert is_answered()
    assert not next(conditions)()


def test_nothing_is_computed_before_the_replica_is_synchronized(replica):
    replica.disconnected()
    assert not next(attempts(replica, bump, lambda: UUID))()


def test_what_was_sent_while_there_was_no_connection_is_tried_again(replica):
    conditions, is_answered = begun(replica, bump)
    replica.connected()
    assert is_answered()
    assert not next(conditions)()
