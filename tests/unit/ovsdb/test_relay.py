import pytest

from tests.unit.ovsdb.machine import Client, Machine, uuids
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.relay import Relay
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.server import Server

INSERT = {"op": "insert", "table": "I", "row": {"a": "1"}}
SELECT = {"op": "select", "table": "I", "where": [], "columns": ["a"]}
ZERO = "00000000-0000-0000-0000-000000000000"


class Relayed:
    """A relay of a machine's database, and the connection between the two."""

    def __init__(self, source: Machine) -> None:
        self.source = source
        self.server = Server(uuids(12), lambda: 0)
        self.relay = Relay("T", self.server)
        self.host = Host(Database(Schema("T", "", {})), uuids(13), lambda: 0, self.relay)
        self.server.add(self.host)
        self.follower = None
        self.session = None

    def connect(self) -> None:
        self.session = self.source.server.connect("relay", 0.0)
        self.follower = self.relay.follow(lambda data: self.session.receive(data, 0.0))
        self.carry()

    def carry(self) -> None:
        """Bring everything that is under way to where it goes."""
        self.source.server.flush()
        while output := self.session.take_output():
            for piece in output:
                self.follower.receive(piece)
            self.source.server.flush()
        self.server.flush()

    def disconnect(self) -> None:
        self.source.server.disconnect(self.session)
        self.relay.lost()
        self.server.flush()

    def client(self):
        return Client(self)


@pytest.fixture
def relayed():
    source = Machine()
    source.client().transact({**INSERT, "row": {"a": "0"}})
    return Relayed(source)


def service(relayed):
    where = [["name", "==", "T"]]
    select = {**SELECT, "table": "Database", "where": where, "columns": ["connected", "leader", "model"]}
    return relayed.client().ask("transact", "_Server", select)[0]["rows"][0]


def test_there_is_nothing_to_see_before_there_is_a_source(relayed):
    assert relayed.client().transact(SELECT)["error"] == "database not available"
    assert service(relayed) == {"connected": False, "leader": False, "model": "relay"}


def test_a_relay_shows_what_the_source_has(relayed):
    relayed.connect()
    assert relayed.client().transact(SELECT)[0]["rows"] == [{"a": "0"}]
    assert service(relayed)["connected"] is True
    client = relayed.client()
    client.ask("monitor", "T", "m", {"I": {"columns": ["a"]}})
    relayed.source.client().transact(INSERT)
    relayed.carry()
    assert [message["method"] for message in client.heard()] == ["update"]


def test_what_changes_something_is_forwarded_and_its_answer_comes_after_the_change(relayed):
    relayed.connect()
    client = relayed.client()
    client.ask("monitor", "T", "m", {"I": {"columns": ["a"]}})
    client.send("transact", "T", INSERT, id="mine")
    relayed.carry()
    update, answer = client.heard()
    assert update["method"] == "update"
    assert answer["id"] == "mine"
    assert "uuid" in answer["result"][0]
    assert len(relayed.source.rows("I")) == 2


def test_what_is_under_way_when_the_source_goes_is_canceled_and_what_is_not_sent_waits(relayed):
    relayed.connect()
    client = relayed.client()
    relayed.source.service.storage.safe = False
    client.send("transact", "T", INSERT, {"op": "commit", "durable": True}, id=1)
    relayed.disconnect()
    client.send("transact", "T", {**INSERT, "row": {"a": "2"}}, id=2)
    assert [(each["id"], each["error"]) for each in client.heard()] == [(1, "canceled")]
    assert service(relayed)["connected"] is False
    relayed.connect()
    assert [each["id"] for each in client.heard()] == [2]


UNMET = {"op": "wait", "table": "I", "where": [], "columns": ["a"], "until": "==", "rows": []}


def test_what_waits_at_the_source_is_given_up_there(relayed):
    relayed.connect()
    client, other = relayed.client(), relayed.client()
    client.send("transact", "T", UNMET, INSERT, id=1)
    other.send("transact", "T", UNMET, INSERT, id=1)
    relayed.carry()
    assert client.heard() == []
    client.send("cancel", 1, id=None)
    relayed.carry()
    assert client.heard() == [{"id": 1, "result": None, "error": "canceled"}]
    assert other.heard() == []
    assert len(relayed.source.service.owner.waiting) == 1


def test_what_a_client_that_goes_has_waiting_at_the_source_does_not_happen(relayed):
    relayed.connect()
    client = relayed.client()
    client.send("transact", "T", UNMET, INSERT, id=1)
    relayed.carry()
    relayed.server.disconnect(client.session)
    relayed.carry()
    relayed.source.client().transact({"op": "delete", "table": "I", "where": []})
    assert not relayed.source.rows("I")


def test_what_waits_for_a_connection_is_given_up_here(relayed):
    relayed.connect()
    relayed.disconnect()
    client = relayed.client()
    client.send("transact", "T", INSERT, id=1)
    client.send("cancel", 1, id=None)
    assert client.heard() == [{"id": 1, "result": None, "error": "canceled"}]
    relayed.connect()
    assert len(relayed.source.rows("I")) == 1


def test_a_wish_for_another_schema_is_forwarded(relayed):
    schema = {"name": "T", "tables": {"N": {"columns": {"n": {"type": "string"}}}}}
    relayed.connect()
    relayed.disconnect()
    client = relayed.client()
    client.ask("set_db_change_aware", True)
    assert client.ask("convert", "T", schema)["error"] == "not connected"
    relayed.connect()
    client.send("convert", "T", schema | {"version": "bad"}, id=1)
    client.send("convert", "T", schema, id=2)
    relayed.carry()
    refused, done = client.heard()
    assert refused["error"]["error"] == "syntax error"
    assert (done["id"], done["result"]) == (2, {})
    relayed.disconnect()
    relayed.connect()
    assert list(client.ask("get_schema", "T")["tables"]) == ["N"]


def test_after_an_absence_only_what_was_missed_is_told(relayed):
    relayed.connect()
    client = relayed.client()
    client.ask("monitor_cond", "T", "m", {"I": [{"columns": ["a"]}]})
    relayed.disconnect()
    relayed.source.client().transact(INSERT)
    relayed.source.client().transact({"op": "delete", "table": "I", "where": [["a", "==", "0"]]})
    relayed.connect()
    (update,) = client.heard()
    assert sorted(next(iter(row)) for row in update["params"][1]["I"].values()) == ["delete", "insert"]


def test_a_new_schema_of_the_source_is_taken_over(relayed):
    relayed.connect()
    client = relayed.client()
    client.ask("set_db_change_aware", True)
    client.ask("monitor", "T", "m", {"I": {}})
    relayed.source.client().ask(
        "convert", "T", {"name": "T", "tables": {"N": {"columns": {"n": {"type": "string"}}}}}
    )
    assert relayed.session.closed
    relayed.disconnect()
    relayed.connect()
    assert list(client.ask("get_schema", "T")["tables"]) == ["N"]


def test_what_a_source_must_not_say_ends_the_connection(relayed):
    relayed.connect()
    bad = (
        b'{"id":null,"method":"update3","params":["rows","%s",{"I":{"nope":{"insert":{}}}}]}' % ZERO.encode()
    )
    relayed.follower.receive(bad)
    assert "not a valid UUID" in relayed.follower.problem


def test_a_source_that_lost_the_database_is_left(relayed):
    relayed.connect()
    relayed.source.server.remove("T")
    relayed.source.server.flush()
    for piece in relayed.session.take_output():
        relayed.follower.receive(piece)
    assert relayed.follower.problem == "server no longer has T database"
