"""The clustered service model: what clients of one server see, with a log that answers when told to."""

from __future__ import annotations

import json

import pytest

from tests.chaos.simulation import SCHEMA, MemoryStore
from tests.unit.ovsdb.machine import uuids
from vswitch.ovsdb.cluster import clustered as module
from vswitch.ovsdb.cluster.clustered import Clustered, Growth
from vswitch.ovsdb.cluster.entry import Batch, Step, encode_batch, encode_snapshot
from vswitch.ovsdb.cluster.member import Lost, Member
from vswitch.ovsdb.cluster.store import Append, Entry, Failed, Fetch, Position, Snapshot
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.server import Server

DURABLE = {"op": "commit", "durable": True}
SELECT = {"op": "select", "table": "T", "where": [], "columns": ["name", "n"]}


def insert(name, n=0):
    return {"op": "insert", "table": "T", "row": {"name": name, "n": n}}


class Client:
    def __init__(self, machine):
        self.machine = machine
        self.session = machine.server.connect("client", 0.0)

    def send(self, method, *params, id=0):
        self.session.receive(
            json.dumps({"method": method, "params": params, "id": id}).encode(), self.machine.now
        )

    def transact(self, *operations, id=0):
        self.send("transact", "S", *operations, id=id)

    def heard(self):
        text, decoder, messages = b"".join(self.session.take_output()).decode(), json.JSONDecoder(), []
        while text:
            message, end = decoder.raw_decode(text)
            messages.append(message)
            text = text[end:]
        return messages

    def results(self):
        return [message["result"] for message in self.heard() if message.get("result") is not None]


class Machine:
    """A server with database S in a cluster."""

    def __init__(self):
        self.now = 0.0
        new_uuid = uuids(5)
        self.server = Server(new_uuid, lambda: 0)
        database = Database(SCHEMA)
        database.last_id = new_uuid()
        self.store = MemoryStore(Snapshot(Position(1, new_uuid()), encode_snapshot(database, 0)))
        self.member = Member()
        self.service = Clustered(self.member, new_uuid(), new_uuid)
        self.host = Host(Database(SCHEMA), new_uuid, lambda: 0, self.service)
        self.service.on_replace = lambda database: self.server.replace("S", database)
        self.server.add(self.host)
        self.new_uuid = new_uuid
        self.member.online()
        self.go()
        self.service.is_connected = True

    def client(self):
        return Client(self)

    def begin(self):
        """Try what waits; the requests that come of it."""
        self.service.begin(self.now)
        return self.member.take_requests()

    def answer(self, request):
        for effect in self.member.receive(request, self.store.perform(request)):
            self.service.bring_about(effect, self.now)

    def go(self):
        """Let everything happen that can."""
        while requests := self.begin():
            for request in requests:
                self.answer(request)
        self.server.flush()

    def other(self, *steps):
        """Another server's entry."""
        head = self.store.head
        body = encode_batch(Batch("other", tuple(steps)))
        entry = Entry(Position(head.index + 1, self.new_uuid()), head.id, body)
        self.store.perform(Append(entry))
        return entry

    def names(self):
        return {row[3][0] for row in self.host.database.tables["T"].rows.values()}


@pytest.fixture
def machine():
    return Machine()


def row(machine, name, n=0):
    return Step(machine.new_uuid(), {"T": {machine.new_uuid(): {"name": name, "n": n}}, "_is_diff": True})


def test_nothing_is_to_be_seen_before_it_is_certain(machine):
    writer, reader = machine.client(), machine.client()
    reader.send("monitor", "S", "m", {"T": [{"columns": ["name"]}]})
    reader.heard()
    writer.transact(insert("a"))
    [append] = machine.begin()
    reader.transact(SELECT)
    machine.server.flush()
    assert reader.results() == [[{"rows": []}]]
    assert writer.heard() == []
    machine.answer(append)
    machine.server.flush()
    assert len(writer.results()) == 1
    assert [message["method"] for message in reader.heard()] == ["update"]
    assert machine.host.last_id == json.loads(append.entry.body)["transactions"][0][0]


def test_transactions_that_wait_together_share_an_entry_and_see_each_other(machine):
    clients = [machine.client() for _ in range(3)]
    for client in clients:
        client.transact(insert("a" if client is clients[0] else "b"), SELECT)
    [append] = machine.begin()
    assert len(json.loads(append.entry.body)["transactions"]) == 2
    assert machine.names() == set()
    machine.go()
    machine.answer(append)
    first, second, third = (client.results()[0] for client in clients)
    assert len(first[1]["rows"]) == 1
    assert len(second[1]["rows"]) == 2
    assert third[2]["error"] == "constraint violation"
    assert machine.names() == {"a", "b"}


def test_what_was_outrun_is_computed_again(machine):
    client = machine.client()
    client.transact({"op": "mutate", "table": "T", "where": [], "mutations": [["n", "+=", 1]]}, SELECT)
    client.transact(insert("x"), id=1)
    [append] = machine.begin()
    machine.other(row(machine, "theirs", 5))
    machine.answer(append)
    assert client.heard() == []
    machine.go()
    [mutated, _] = client.results()
    assert mutated == [{"count": 1}, {"rows": [{"name": "theirs", "n": 6}]}]
    assert machine.member.n_outrun == 1


def test_a_client_reads_its_own_writes(machine):
    client = machine.client()
    client.transact(insert("a"))
    client.transact(SELECT, id=1)
    assert client.heard() == []
    machine.go()
    assert [message["id"] for message in client.heard()] == [0, 1]


def test_a_read_waits_for_its_clients_own_writes_in_the_queue_and_on_the_way_only(machine):
    writer, other = machine.client(), machine.client()
    writer.transact(insert("a"), id=1)
    [append] = machine.begin()
    writer.transact(SELECT, id=2)
    other.transact(SELECT, id=3)
    assert [message["id"] for message in other.heard()] == [3]
    assert writer.heard() == []
    machine.answer(append)
    machine.go()
    assert [message["id"] for message in writer.heard()] == [1, 2]
    writer.transact(SELECT, id=4)
    assert [message["id"] for message in writer.heard()] == [4]


def test_a_durable_read_is_up_to_date_and_another_may_not_be(machine):
    client = machine.client()
    machine.other(row(machine, "new"))
    client.transact(SELECT)
    assert client.results() == [[{"rows": []}]]
    client.transact(DURABLE, SELECT)
    machine.go()
    assert client.results() == [[{}, {"rows": [{"name": "new", "n": 0}]}]]


def test_a_durable_failure_is_not_of_yesterday(machine):
    client = machine.client()
    wait = {
        "op": "wait",
        "timeout": 0,
        "table": "T",
        "where": [],
        "columns": ["name"],
        "until": "==",
        "rows": [{"name": "new"}],
    }
    machine.other(row(machine, "new"))
    client.transact(wait)
    machine.go()
    assert client.results()[0][0]["error"] == "timed out"
    machine.other(row(machine, "newer"))
    client.transact(DURABLE, wait | {"until": "!="})
    machine.go()
    assert client.results() == [[{}, {}]]


def test_a_wait_goes_on_with_what_others_write_and_gives_up_in_time(machine):
    client = machine.client()
    wait = {
        "op": "wait",
        "timeout": 5000,
        "table": "T",
        "where": [],
        "columns": ["name"],
        "until": "==",
        "rows": [{"name": "new"}],
    }
    client.transact(wait, insert("seen"))
    machine.go()
    assert client.heard() == []
    entry = machine.other(row(machine, "new"))
    for effect in machine.member.news([entry]):
        machine.service.bring_about(effect, machine.now)
    machine.go()
    assert len(client.results()[0]) == 2
    assert machine.names() == {"new", "seen"}
    client.transact(wait)
    machine.go()
    machine.now = 6.0
    machine.server.expire(6.0)
    machine.go()
    assert client.results()[0][0]["error"] == "timed out"


def test_clients_that_leave_are_not_waited_for(machine):
    client, other = machine.client(), machine.client()
    client.transact(insert("a"))
    [append] = machine.begin()
    client.transact(insert("b"), id=1)
    machine.server.disconnect(client.session)
    machine.other(row(machine, "theirs"))
    machine.answer(append)
    machine.go()
    other.transact(insert("c"))
    machine.go()
    assert machine.names() == {"theirs", "c"}


def test_what_is_queued_can_be_given_up_and_what_is_under_way_cannot(machine):
    client, other = machine.client(), machine.client()
    client.transact(insert("a"), id=1)
    [append] = machine.begin()
    client.transact(insert("b"), id=2)
    other.transact(insert("c"), id=2)
    for id in (1, 2, 3):
        client.send("cancel", id, id=None)
    assert [(each["id"], each["error"]) for each in client.heard()] == [(2, "canceled")]
    machine.answer(append)
    machine.go()
    assert machine.names() == {"a", "c"}
    assert [each["id"] for each in client.heard()] == [1]


def test_who_cannot_be_told_is_cut_off(machine):
    client = machine.client()
    client.transact(insert("a"))
    machine.begin()
    machine.service.bring_about(Lost(), 0.0)
    assert client.session.closed


def test_too_much_is_refused(machine, monkeypatch):
    monkeypatch.setattr(module, "N_QUEUE", 2)
    machine.member.offline()
    client = machine.client()
    for number in range(3):
        client.transact(insert(f"{number}"), id=number)
    [refused] = client.heard()
    assert refused["id"] == 2
    assert refused["error"]["error"] == "resources exhausted"


def test_a_change_of_schema_goes_through_the_log(machine):
    client, other = machine.client(), machine.client()
    for each in (client, other):
        each.send("set_db_change_aware", True)
    other.send("monitor", "S", "m", {"T": [{"columns": ["name"]}]})
    schema = SCHEMA.to_json()
    schema["tables"]["T"]["columns"]["more"] = {"type": "integer", "ephemeral": True}
    client.transact(insert("a"))
    client.send("convert", "S", schema, id=1)
    client.transact({"op": "update", "table": "T", "where": [], "row": {"more": 2}}, id=2)
    client.heard(), other.heard()
    machine.go()
    assert [message["id"] for message in client.heard() if "id" in message] == [0, 1, 2]
    assert "monitor_canceled" in [message.get("method") for message in other.heard()]
    assert not machine.host.database.schema.tables["T"].columns["more"].ephemeral
    follower = Machine()
    follower.store = machine.store
    follower.member.start_over()
    follower.member.online()
    follower.go()
    assert follower.host.database.schema == machine.host.database.schema
    assert follower.host.last_id == machine.host.last_id
    client.send("convert", "S", schema | {"name": "X"}, id=3)
    bad = json.loads(json.dumps(schema))
    bad["tables"]["T"]["columns"]["name"] = {"type": "integer"}
    client.send("convert", "S", bad, id=4)
    machine.go()
    assert [message["error"] is not None for message in client.heard()] == [True, True]


def test_a_restored_server_tells_monitors_the_difference(machine):
    client = machine.client()
    client.transact(insert("stays"), insert("goes"))
    machine.go()
    client.send("monitor", "S", "m", {"T": [{"columns": ["name"]}]})
    client.heard()
    database = Database(SCHEMA)
    rows = {uuid: row for uuid, row in machine.host.database.tables["T"].rows.items() if row[3] == ("stays",)}
    uuid = machine.new_uuid()
    database.tables["T"].rows = {**rows, uuid: ((uuid,), (uuid,), (0,), ("comes",), ())}
    database.last_id = machine.new_uuid()
    machine.store = MemoryStore(Snapshot(Position(50, machine.new_uuid()), encode_snapshot(database, 0)))
    machine.member.offline()
    machine.member.online()
    machine.go()
    [update] = client.heard()
    assert sorted(str(each) for each in update["params"][1]["T"].values()) == [
        "{'new': {'name': 'comes'}}",
        "{'old': {'name': 'goes'}}",
    ]
    assert machine.names() == {"stays", "comes"}
    assert machine.host.last_id == database.last_id


def test_only_the_leader_writes_for_itself_and_only_when_idle(machine):
    client = machine.client()
    assert not machine.service.is_writable
    machine.service.leader = machine.service.sid
    assert machine.service.is_writable
    uuid = machine.new_uuid()
    machine.host.overwrite("T", uuid, {"name": ("own",)})
    assert not machine.service.is_writable
    for request in machine.member.take_requests():
        machine.answer(request)
    assert machine.names() == {"own"}
    client.transact(insert("a"))
    [append] = machine.begin()
    machine.host.overwrite("T", uuid, {"name": ("other",)})
    machine.answer(append)
    assert machine.names() == {"own", "a"}


def test_status(machine):
    status = machine.service.status()
    assert status["index"] == (1,)
    assert status["connected"] == (True,)
    assert status["leader"] == (False,)
    assert status["cid"] == ()
    machine.service.is_connected = False
    machine.service.leader = machine.service.sid
    assert machine.service.status()["leader"] == (False,)


def test_when_a_snapshot_is_worth_it():
    growth = Growth(10, 100)
    growth.n_bytes = module.MIN_GROWTH + 1
    assert not growth.is_worth_a_snapshot(20)
    assert growth.is_worth_a_snapshot(11 + module.N_KEPT)
    assert not Growth(10, 100).is_worth_a_snapshot(11 + module.N_KEPT)
    assert Growth(10, 100).is_worth_a_snapshot(11 + module.MAX_ENTRIES)


def test_a_request_that_failed_is_asked_again(machine):
    client = machine.client()
    client.transact(insert("a"))
    [append] = machine.begin()
    for effect in machine.member.receive(append, Failed("no answer")):
        machine.service.bring_about(effect, 0.0)
    machine.member.offline()
    machine.member.online()
    assert isinstance(machine.member.take_requests()[0], Fetch)
    machine.member.online()
    machine.go()
    assert len(client.results()) == 1
