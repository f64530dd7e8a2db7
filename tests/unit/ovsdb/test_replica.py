"""A replica in conversation with a scripted server."""

from __future__ import annotations

import pytest

from vswitch.base.errors import WireError
from vswitch.ovsdb.replica import ZERO_ID, Replica, everything, references

A, B, C = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "abc")
SCHEMA = {
    "name": "D",
    "tables": {
        "T": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "numbers": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
                "other": {"type": {"key": {"type": "uuid", "refTable": "T", "refType": "weak"}, "min": 0}},
            },
        }
    },
}


class Server:
    """Answers a replica by script; `knows` are the monitor methods that it has."""

    def __init__(self, replica: Replica, *knows: str) -> None:
        self.replica = replica
        self.knows = knows or ("monitor", "monitor_cond", "monitor_cond_since")
        self.rows: dict[str, object] = {A: {"name": "a", "numbers": ["set", [1, 2]]}}
        self.asked: list[str] = []
        self.found = False
        self.last_id = B

    def serve(self) -> None:
        """Answer until the replica has nothing to say."""
        while messages := self.replica.outgoing():
            for message in messages:
                self.asked.append(message["method"])
                result, error = self.answer(message["method"], message["params"])
                self.replica.receive({"id": message["id"], "result": result, "error": error})

    def answer(self, method: str, params: list[object]) -> tuple[object, object]:
        if method == "get_schema":
            return SCHEMA, None
        if method == "lock":
            return {"locked": True}, None
        if method not in self.knows:
            return None, {"error": "unknown method"}
        self.request = params[2]
        if method == "monitor":
            full = {"name": "", "numbers": ["set", []], "other": ["set", []]}
            return {"T": {uuid: {"new": full | row} for uuid, row in self.rows.items()}}, None
        initial = {"T": {uuid: {"initial": row} for uuid, row in self.rows.items()}}
        if method == "monitor_cond":
            return initial, None
        self.asked_since = params[3]
        return [self.found, self.last_id, {} if self.found else initial], None


def synchronized(*knows: str, **more: object) -> tuple[Replica, Server]:
    replica = Replica("D", everything, **more)
    server = Server(replica, *knows)
    replica.connected()
    server.serve()
    assert replica.is_synchronized
    return replica, server


@pytest.mark.parametrize("knows", [("monitor",), ("monitor", "monitor_cond"), ()])
def test_falls_back_to_the_monitor_that_the_server_knows(knows):
    replica, server = synchronized(*knows)
    [change] = replica.changes()
    assert change.is_new
    assert (change.table, change.row.uuid) == ("T", A)
    assert (change.row.name, change.row["numbers"], change.row.other) == ("a", (1, 2), None)
    assert server.request == {"T": [{"columns": ["name", "numbers", "other"]}]}


def test_updates_of_every_form_change_rows_in_place():
    replica, _ = synchronized()
    row = replica.table("T")[A]
    replica.changes()
    notify(replica, "update3", [None, C, {"T": {A: {"modify": {"numbers": ["set", [2, 3]]}}}}])
    [change] = replica.changes()
    assert change.row is row
    assert row.numbers == (1, 3)
    assert change.old == {"numbers": (1, 2)}
    notify(
        replica,
        "update2",
        [None, {"T": {B: {"insert": {"name": "b", "other": ["uuid", A]}}, A: {"delete": None}}}],
    )
    new, gone = replica.changes()
    assert (new.is_new, new.row.other, new.row.numbers) == (True, A, ())
    assert (gone.gone, gone.row, gone.old) == (True, row, {"name": "a", "numbers": (1, 3), "other": None})
    full = {"name": "bb", "numbers": ["set", []], "other": ["set", []]}
    notify(replica, "update", [None, {"T": {B: {"old": {"name": "b"}, "new": full}}}])
    [change] = replica.changes()
    assert change.old == {"name": "b", "other": A}
    notify(replica, "update", [None, {"T": {B: {"old": full}}}])
    assert not replica.table("T")


def notify(replica, method, params):
    replica.receive({"id": None, "method": method, "params": params})


def test_a_reconnection_reports_only_what_is_different():
    replica, server = synchronized()
    row = replica.table("T")[A]
    replica.changes()
    replica.disconnected()
    assert not replica.is_synchronized
    server.rows = {A: {"name": "z", "numbers": ["set", [1, 2]]}, B: {"name": "b"}}
    replica.connected()
    server.serve()
    assert server.asked_since == B
    changed, new = replica.changes()
    assert (changed.row, changed.old) == (row, {"name": "a"})
    assert (new.row.uuid, new.is_new) == (B, True)
    server.found, server.last_id = True, C
    replica.connected()
    server.serve()
    assert replica.changes() == []
    assert len(replica.table("T")) == 2


def test_rows_are_found_by_value():
    replica, _ = synchronized()
    assert replica.find("T", name="a") == [replica.table("T")[A]]
    notify(replica, "update2", [None, {"T": {A: {"modify": {"name": "b"}}}}])
    assert replica.find("T", name="a") == []
    assert [row.uuid for row in replica.find("T", name="b")] == [A]
    assert replica.find("nope", name="b") == []


def test_references_lead_to_rows():
    replica, _ = synchronized()
    notify(replica, "update2", [None, {"T": {B: {"insert": {"other": ["uuid", A]}}}}])
    assert list(references(replica.table("T")[B], "other", replica, "T")) == [replica.table("T")[A]]
    assert list(references(replica.table("T")[A], "other", replica, "T")) == []


def test_locks_come_and_go():
    replica, _ = synchronized(lock="x")
    assert replica.has_lock
    notify(replica, "stolen", ["x"])
    assert not replica.has_lock
    notify(replica, "locked", ["y"])
    assert not replica.has_lock
    notify(replica, "locked", ["x"])
    assert replica.has_lock


def test_an_echo_is_answered():
    replica, _ = synchronized()
    replica.receive({"id": "e", "method": "echo", "params": [1]})
    assert replica.outgoing() == [{"id": "e", "result": [1], "error": None}]


def test_a_cancelled_monitor_is_set_up_again():
    replica, server = synchronized()
    server.asked.clear()
    notify(replica, "monitor_canceled", [None])
    assert not replica.is_synchronized
    server.serve()
    assert server.asked == ["get_schema", "monitor_cond_since"]
    assert server.asked_since == ZERO_ID
    assert replica.is_synchronized


def test_a_transaction_in_flight_fails_with_the_connection():
    replica, _ = synchronized()
    number = replica.transact([{"op": "comment", "comment": "x"}])
    replica.disconnected()
    assert replica.outcomes.pop(number) == [{"error": "disconnected"}]


def test_only_known_tables_and_columns_are_asked_for():
    replica = Replica("D", {"T": ["name", "newer"], "Newer": ["x"]})
    server = Server(replica)
    replica.connected()
    server.serve()
    assert server.request == {"T": [{"columns": ["name"]}]}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"id": None, "method": "update2", "params": [None, {"Nope": {A: {"insert": {}}}}]},
    ],
)
def test_nonsense_is_an_error(message):
    replica, _ = synchronized()
    with pytest.raises(WireError):
        replica.receive(message)


def test_an_unknown_database_is_an_error():
    replica = Replica("D", everything)
    replica.connected()
    [message] = replica.outgoing()
    with pytest.raises(WireError, match="no such database"):
        replica.receive(
            {
                "id": message["id"],
                "result": None,
                "error": {"error": "unknown database", "details": "no such database"},
            }
        )


def conditional(**options):
    replica = Replica("D", everything, conditions={"T": [["name", "==", "a"]]}, **options)
    server = Server(replica)
    replica.connected()
    server.serve()
    return replica, server


def test_conditions_are_sent_and_changed():
    replica, server = conditional()
    assert server.request["T"][0]["where"] == [["name", "==", "a"]]
    replica.set_condition("T", [["name", "==", "b"]])
    assert not replica.is_settled
    [message] = replica.outgoing()
    assert message["method"] == "monitor_cond_change"
    assert message["params"] == [["D"], ["D"], {"T": [{"where": [["name", "==", "b"]]}]}]
    replica.receive({"id": message["id"], "result": {}, "error": None})
    assert replica.is_settled
    replica.set_condition("T", [["name", "==", "b"]])
    assert replica.outgoing() == []


def test_a_condition_that_was_not_confirmed_makes_the_replica_begin_anew():
    replica, server = conditional()
    replica.set_condition("T", [["name", "==", "b"]])
    replica.disconnected()
    replica.connected()
    server.serve()
    assert server.asked_since == ZERO_ID
    assert server.request["T"][0]["where"] == [["name", "==", "b"]]


def test_a_condition_set_while_the_first_rows_are_awaited_is_not_forgotten():
    replica = Replica("D", everything)
    server = Server(replica)
    replica.connected()
    [schema] = replica.outgoing()
    replica.receive({"id": schema["id"], "result": SCHEMA, "error": None})
    [monitor] = replica.outgoing()
    replica.set_condition("T", False)
    replica.receive({"id": monitor["id"], "result": server.answer(monitor["method"], monitor["params"])[0]})
    assert [message["method"] for message in replica.outgoing()] == ["monitor_cond_change"]


def test_old_servers_are_not_sent_conditions():
    replica = Replica("D", everything, conditions={"T": False})
    server = Server(replica, "monitor")
    replica.connected()
    server.serve()
    assert server.request == {"T": [{"columns": ["name", "numbers", "other"]}]}
    assert replica.is_settled


def test_finds_by_several_columns_follow_changes():
    replica, _ = conditional()
    [row] = replica.find("T", name="a", numbers=(1, 2))
    replica.receive(
        {"id": None, "method": "update2", "params": [["D"], {"T": {A: {"modify": {"name": "z"}}}}]}
    )
    assert replica.find("T", name="a", numbers=(1, 2)) == []
    assert replica.find("T", name="z", numbers=(1, 2)) == [row]
    replica.receive({"id": None, "method": "update2", "params": [["D"], {"T": {A: {"delete": None}}}]})
    assert replica.find("T", name="z", numbers=(1, 2)) == []


def test_a_member_of_a_cluster_that_will_not_do_is_asked_for_nothing():
    replica = Replica("D", everything, leader_only=True)
    replica.connected()
    [message] = replica.outgoing()
    assert (message["method"], message["params"][0]) == ("monitor_cond", "_Server")
    row = {"name": "D", "model": "clustered", "connected": True, "leader": False, "index": 1}
    replica.receive({"id": message["id"], "result": {"Database": {A: {"initial": row}}}, "error": None})
    assert "leader" in replica.objection
    assert replica.outgoing() == []


def test_a_server_that_knows_nothing_of_clusters_will_do():
    replica = Replica("D", everything, leader_only=True)
    replica.connected()
    [message] = replica.outgoing()
    replica.receive({"id": message["id"], "result": None, "error": {"error": "unknown database"}})
    assert [message["method"] for message in replica.outgoing()] == ["get_schema"]


def test_a_leader_that_steps_down():
    replica = Replica("D", everything, leader_only=True)
    replica.connected()
    [message] = replica.outgoing()
    row = {"name": "D", "model": "clustered", "connected": True, "leader": True, "index": 1}
    replica.receive({"id": message["id"], "result": {"Database": {A: {"initial": row}}}, "error": None})
    assert not replica.objection
    change = {"Database": {A: {"modify": {"leader": False}}}}
    replica.receive({"id": None, "method": "update2", "params": [["_Server"], change]})
    assert "leader" in replica.objection


@pytest.mark.parametrize("n_replies", [0, 1])
def test_a_connection_lost_while_the_conversation_begins_changes_nothing(n_replies: int):
    """Neither an error, nor a reason to speak to the next server as to an old one."""
    replica = Replica("D", everything, lock="l")
    replica.connected()
    for _ in range(n_replies):
        schema, _ = replica.outgoing()
        replica.receive({"id": schema["id"], "result": SCHEMA, "error": None})
    replica.disconnected()
    replica.connected()
    server = Server(replica)
    server.serve()
    assert "monitor_cond_since" in server.asked
    assert "monitor_cond" not in server.asked
    assert replica.is_synchronized
