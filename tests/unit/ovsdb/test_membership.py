"""Which servers of a cluster will do."""

from __future__ import annotations

import pytest

from vswitch.ovsdb.membership import Membership


def described(**columns: object) -> dict[str, object]:
    row = {"name": "D", "model": "clustered", "connected": True, "leader": True, "index": 5}
    return {
        "Database": {"1": {"initial": row | columns}, "2": {"initial": {"name": "E", "model": "standalone"}}}
    }


@pytest.mark.parametrize(
    ("columns", "leader_only", "objection"),
    [
        ({}, True, ""),
        ({"model": "standalone", "leader": False, "connected": False}, True, ""),
        ({"leader": False}, False, ""),
        ({"leader": False}, True, "not cluster leader"),
        ({"connected": False}, False, "disconnected from cluster"),
        ({"name": "X"}, False, "does not have D database"),
    ],
)
def test_objections(columns: dict[str, object], leader_only: bool, objection: str) -> None:
    membership = Membership("D", leader_only=leader_only)
    membership.begin(described(**columns))
    found = membership.objection()
    assert objection in found
    assert bool(found) == bool(objection)


def test_a_server_that_is_behind_another_one_will_not_do() -> None:
    membership = Membership("D", leader_only=False)
    membership.begin(described(index=["set", [7]]))
    assert not membership.objection()
    membership.begin(described(index=6))
    assert "stale" in membership.objection()


def test_news_of_the_same_server() -> None:
    membership = Membership("D", leader_only=True)
    membership.begin(described())
    membership.update({"Database": {"1": {"modify": {"leader": False}}}})
    assert "leader" in membership.objection()
    membership.update({"Database": {"1": {"delete": None}}})
    assert "does not have" in membership.objection()
