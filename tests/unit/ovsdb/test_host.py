from tests.unit.ovsdb.machine import Machine

INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}
DURABLE = {"op": "commit", "durable": True}


def test_what_cannot_be_written_does_not_happen():
    machine = Machine()
    machine.storage.fail = "db: write failed (No space left on device)"
    results = machine.client().transact(INSERT)
    assert results[1] == {"error": "I/O error", "details": "db: write failed (No space left on device)"}
    assert machine.rows("I") == []
    machine.storage.fail = ""
    assert len(machine.client().transact(INSERT)) == 1


def test_a_durable_answer_waits_for_the_disk_and_nothing_else_does():
    machine = Machine(safe=False)
    first, second, third = (machine.client() for _ in range(3))
    first.send("transact", "T", INSERT, DURABLE, id=1)
    second.send("transact", "T", {**INSERT, "row": {"a": "2"}}, DURABLE, id=1)
    assert len(third.transact({**INSERT, "row": {"a": "3"}})) == 1
    assert first.heard() == second.heard() == []
    machine.storage.n_safe = machine.storage.size
    machine.service.made_safe()
    assert len(first.heard()) == len(second.heard()) == 1


def test_those_who_asked_for_durability_are_told_if_there_is_none():
    machine = Machine(safe=False)
    client = machine.client()
    client.send("transact", "T", INSERT, DURABLE, id=1)
    machine.service.made_safe("fsync failed")
    assert client.heard()[0]["result"][-1] == {"error": "I/O error", "details": "fsync failed"}


def wait(a, **more):
    return {
        "op": "wait",
        "table": "I",
        "where": [],
        "columns": ["a"],
        "until": "==",
        "rows": [{"a": a}],
    } | more


def test_a_wait_goes_on_when_its_time_has_come():
    machine = Machine()
    waiting, late = machine.client(), machine.client()
    waiting.send(
        "transact", "T", wait("1"), {"op": "update", "table": "I", "where": [], "row": {"a": "2"}}, id="w"
    )
    late.send("transact", "T", wait("2"), id="l")
    assert waiting.heard() == late.heard() == []
    machine.client().transact(INSERT)
    assert waiting.heard()[0]["result"] == [{}, {"count": 1}]
    assert late.heard()[0]["result"] == [{}]


def test_a_wait_gives_up():
    machine = Machine()
    client = machine.client()
    client.send("transact", "T", wait("1", timeout=500), id="w", now=10.0)
    assert machine.server.deadline == 10.5
    machine.server.expire(10.4)
    assert client.heard() == []
    machine.server.expire(10.5)
    assert client.heard()[0]["result"] == [{"error": "timed out", "details": '"wait" timed out after 500 ms'}]
    assert machine.server.deadline == float("inf")


def test_a_client_that_goes_leaves_nothing_behind():
    machine = Machine(safe=False)
    client = machine.client()
    client.send("transact", "T", wait("1"), id="w")
    client.send("transact", "T", INSERT, DURABLE, id=1)
    machine.server.disconnect(client.session)
    assert not machine.host.waiting
    assert not machine.service.is_busy
