from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.backup import Backup
from vswitch.ovsdb.follower import Follower
from vswitch.ovsdb.schema import Schema

INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}


def follow(backup: Machine, active: Machine, exclude=()):
    """Make one machine the other's backup; what carries the bytes."""
    model = Backup(backup.service, exclude)
    backup.host.become(model)
    session = active.server.connect("backup", 0.0)
    follower = Follower("T", model, lambda data: session.receive(data, 0.0), exclude=exclude)
    follower.start()

    def carry():
        active.server.flush()
        while output := session.take_output():
            for piece in output:
                follower.receive(piece)
        return follower

    carry()
    return carry


def names(machine):
    return sorted(row["a"] for row in machine.rows("I"))


def test_a_backup_becomes_what_the_active_server_has_and_journals_it():
    active, backup = Machine(), Machine()
    active.client().transact(INSERT)
    backup.client().transact({**INSERT, "row": {"a": "stale"}})
    carry = follow(backup, active)
    assert names(backup) == ["1"]
    active.client().transact({**INSERT, "row": {"a": "2"}})
    carry()
    assert names(backup) == ["1", "2"]
    assert len(backup.storage.records) == 3
    refused = backup.client().transact(INSERT)
    assert refused[0]["details"] == "insert operation not allowed when database server is in read only mode"
    backup.host.become(backup.service)
    assert "uuid" in backup.client().transact({**INSERT, "row": {"a": "3"}})[0]


def test_excluded_tables_keep_what_they_have():
    active, backup = Machine(), Machine()
    active.client().transact(INSERT)
    backup.client().transact({**INSERT, "row": {"a": "own"}})
    follow(backup, active, exclude={"I"})
    assert names(backup) == ["own"]


def test_another_schema_is_not_replicated():
    active = Machine(Schema.from_json({"name": "T", "tables": {"I": {"columns": {"a": {"type": "string"}}}}}))
    backup = Machine()
    carry = follow(backup, active)
    assert carry().problem == "schema of T differs from the active server's, not replicated"
