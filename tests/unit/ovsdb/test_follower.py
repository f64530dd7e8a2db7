from tests.unit.ovsdb.machine import SCHEMA, run, uuids
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.follower import updated

ID, UUID = uuids(31)(), uuids(32)()


def test_updates_become_a_commit():
    database = Database(SCHEMA)
    commit = updated(database, {"I": {UUID: {"insert": {"a": "x"}}}}, ID, is_everything=False)
    database.apply(commit)
    assert database.last_id == ID
    commit = updated(database, {"I": {UUID: {"modify": {"a": "y"}}}}, ID, is_everything=False)
    database.apply(commit)
    assert run(database, {"op": "select", "table": "I", "where": [], "columns": ["a"]}) == [
        {"rows": [{"a": "y"}]}
    ]


def test_everything_that_is_not_named_goes():
    database = Database(SCHEMA)
    run(database, {"op": "insert", "table": "I", "row": {"a": "old"}})
    same = next(iter(database.tables["I"].rows))
    assert updated(database, {"I": {same: {"insert": {"a": "old"}}}}, ID, is_everything=True) is None
    commit = updated(database, {}, ID, is_everything=True)
    assert commit.changes["I"][same][1] is None
