import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.jsontext import encode
from vswitch.ovsdb.session import METHODS

WAIT = {"op": "wait", "table": "A", "where": [], "columns": ["name"], "until": "==", "rows": [{"name": "x"}]}


def test_small_questions():
    client = Machine().client()
    assert client.ask("echo", 1, [2]) == [1, [2]]
    assert client.ask("list_dbs") == ["T", "_Server"]
    assert client.ask("get_schema", "T")["name"] == "T"
    assert client.ask("get_server_id") == client.machine.server.id
    assert client.ask("set_db_change_aware", True) == {}
    assert client.ask("nope") == "unknown method"


def test_locks_between_clients():
    machine = Machine()
    a, b = machine.client(), machine.client()
    assert a.ask("lock", "L") == {"locked": True}
    assert b.ask("lock", "L") == {"locked": False}
    assert a.transact({"op": "assert", "lock": "L"}) == [{}]
    assert b.transact({"op": "assert", "lock": "L"})[0]["error"] == "not owner"
    assert a.ask("unlock", "L") == {}
    assert b.heard() == [{"id": None, "method": "locked", "params": ["L"]}]
    assert a.ask("steal", "L") == {"locked": True}
    assert b.heard() == [{"id": None, "method": "stolen", "params": ["L"]}]
    machine.server.disconnect(a.session)
    assert b.heard() == [{"id": None, "method": "locked", "params": ["L"]}]
    assert b.ask("lock", "L")["details"] == 'must issue "unlock" before new "lock"'


def test_cancelling():
    client = Machine().client()
    client.send("transact", "T", WAIT, id="w")
    assert client.ask("transact", "T") == []
    client.send("transact", "T", WAIT, id="w")
    assert client.heard()[0]["error"]["details"] == "transact: duplicate request ID"
    client.send("cancel", "w")
    assert client.heard() == [{"error": "canceled", "id": "w", "result": None}]


def test_monitors_are_cancelled_once():
    client = Machine().client()
    client.ask("monitor", "T", "m", {})
    assert client.ask("monitor", "T", "m", {})["details"] == "duplicate monitor ID"
    assert client.ask("monitor_cancel", "m") == {}
    assert client.ask("monitor_cancel", "m") == "unknown monitor"


def test_silence_is_probed_and_then_ended():
    machine = Machine()
    session = machine.server.connect("tcp:x", 0.0, probe_interval=5.0)
    session.expire(4.0)
    assert session.take_output() == []
    session.expire(5.0)
    assert session.take_output() == [b'{"id":"echo","method":"echo","params":[]}']
    session.receive(b'{"id":"echo","result":[],"error":null}', 6.0)
    assert session.deadline == 11.0
    session.expire(11.0)
    session.expire(16.0)
    assert session.closed


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b'{"id":1,"result":[],"error":null}',
        b'{"id":1,"method":"echo"}',
        b"[" * 3000,
        b'{"id":1,"method":"echo","params":["\xff"]}',
    ],
)
def test_what_is_not_json_rpc_ends_the_session(data):
    machine = Machine()
    session = machine.server.connect("unix#1", 0.0)
    session.receive(data, 0.0)
    assert session.closed
    assert session in machine.server.talkative
    assert session.take_output() == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["T", "A", "name", "==", "set", "map", "uuid", "insert", "select"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "op",
                    "table",
                    "where",
                    "row",
                    "columns",
                    "A",
                    "name",
                    "mutations",
                    "rows",
                    "until",
                    "uuid-name",
                    "uuid",
                    "timeout",
                    "select",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(
            ["insert", "select", "update", "mutate", "delete", "wait", "commit", "abort", "comment", "assert"]
        ),
        "table": st.sampled_from(["A", "I"]),
    },
    optional=dict.fromkeys(
        (
            "row",
            "where",
            "columns",
            "mutations",
            "rows",
            "until",
            "timeout",
            "uuid",
            "uuid-name",
            "durable",
            "comment",
            "lock",
        ),
        JSON,
    ),
)


@given(
    method=st.sampled_from(sorted(METHODS)),
    params=st.lists(JSON, max_size=4),
    operations=st.lists(OPERATIONS, max_size=3),
)
def test_no_request_does_harm(method, params, operations):
    """Whatever is asked, there is an answer (or a wait), and the session and the server go on."""
    client = Machine().client()
    for request in ((method, *params), (method, "T", *params), ("transact", "T", *operations)):
        client.session.receive(encode({"id": 1, "method": request[0], "params": list(request[1:])}), 0.0)
        client.machine.server.flush()
        assert not client.session.closed or method == "convert"
        if client.session.closed:
            return
        client.heard()
    assert client.ask("echo", 1) == [1]


def test_messages_without_an_end_are_kept_to_a_limit_for_all(monkeypatch):
    monkeypatch.setattr("vswitch.ovsdb.session.MUCH", 1000)
    monkeypatch.setattr("vswitch.ovsdb.session.MAX_INCOMPLETE", 5000)
    machine = Machine()
    first, second, other = machine.client(), machine.client(), machine.client()
    for client in (first, second):
        client.session.receive(b'{"id":1,"method":"echo","params":["', 0.0)
        client.session.receive(b"x" * 2400, 0.0)
    assert not first.session.closed
    second.session.receive(b"x" * 500, 0.0)
    assert second.session.closed == "message of more than 2935 bytes"
    machine.server.disconnect(second.session)
    first.session.receive(b'"]}', 0.0)
    assert first.heard()[0]["result"] == ["x" * 2400]
    assert other.ask("list_dbs") == ["T", "_Server"]
