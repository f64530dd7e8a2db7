import json

import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.monitor import merge

A1 = "00000000-0000-0000-0000-0000000000a1"


@pytest.fixture
def machine():
    machine = Machine()
    machine.client().transact(
        {
            "op": "insert",
            "table": "A",
            "row": {"name": "a", "x": 3, "i": ["set", [1, 2]], "m": ["map", [["k", 1]]]},
            "uuid": A1,
        }
    )
    return machine


def updates(client):
    return [(message["method"], message["params"][-1]) for message in client.heard()]


def update(machine, **row):
    machine.client().transact({"op": "update", "table": "A", "where": [], "row": row})


def test_monitor_tells_whole_rows(machine):
    client = machine.client()
    assert client.ask("monitor", "T", "m", {"A": {"columns": ["name", "x"]}}) == {
        "A": {A1: {"new": {"name": "a", "x": 3}}}
    }
    update(machine, x=4)
    update(machine, y=4)
    machine.client().transact({"op": "delete", "table": "A", "where": []})
    assert updates(client) == [
        ("update", {"A": {A1: {"old": {"x": 3}, "new": {"name": "a", "x": 4}}}}),
        ("update", {"A": {A1: {"old": {"name": "a", "x": 4}}}}),
    ]


def test_monitor_cond_tells_differences(machine):
    client = machine.client()
    assert client.ask("monitor_cond", "T", "m", {"A": [{"columns": ["name", "i", "m", "imin"]}]}) == {
        "A": {A1: {"initial": {"name": "a", "i": ["set", [1, 2]], "m": ["map", [["k", 1]]]}}}
    }
    update(machine, i=["set", [2, 3]], m=["map", [["l", 5]]], imin=4)
    assert updates(client) == [
        (
            "update2",
            {"A": {A1: {"modify": {"i": ["set", [1, 3]], "m": ["map", [["k", 1], ["l", 5]]], "imin": 4}}}},
        )
    ]


def test_rows_come_into_view_and_go_out_of_it(machine):
    client = machine.client()
    assert (
        client.ask("monitor_cond", "T", "m", {"A": [{"columns": ["name"], "where": [["x", "==", 9]]}]}) == {}
    )
    update(machine, x=9)
    update(machine, x=8)
    assert updates(client) == [
        ("update2", {"A": {A1: {"insert": {"name": "a"}}}}),
        ("update2", {"A": {A1: {"delete": None}}}),
    ]
    client.send("monitor_cond_change", "m", "m2", {"A": [{"where": [["x", "==", 8]]}]}, id=7)
    first, answer = client.heard()
    assert first["params"] == ["m2", {"A": {A1: {"insert": {"name": "a"}}}}]
    assert answer == {"error": None, "id": 7, "result": {}}


def test_monitor_cond_since_goes_on_where_the_client_was(machine):
    client = machine.client()
    requests = {"A": [{"columns": ["x"]}]}
    found, last, rows = client.ask(
        "monitor_cond_since", "T", "m", requests, "00000000-0000-0000-0000-000000000000"
    )
    assert (found, rows) == (False, {"A": {A1: {"initial": {"x": 3}}}})
    update(machine, x=4)
    update(machine, x=5)
    again = machine.client().ask("monitor_cond_since", "T", "m", requests, last)
    assert again[0] is True
    assert again[2] == {"A": {A1: {"modify": {"x": 5}}}}
    assert machine.client().ask("monitor_cond_since", "T", "m", requests, again[1]) == [True, again[1], {}]
    (_, told) = client.heard()
    assert told["method"] == "update3"
    assert told["params"][1] == again[1]


@pytest.mark.parametrize("select", ["initial", "insert", "delete", "modify"])
def test_events_that_are_not_selected(machine, select):
    client = machine.client()
    shown = client.ask("monitor", "T", "m", {"A": {"columns": ["x"], "select": {select: False}}})
    update(machine, x=4)
    machine.client().transact({"op": "delete", "table": "A", "where": []})
    machine.client().transact({"op": "insert", "table": "A", "row": {}, "uuid": A1})
    events = ["initial"] if shown else []
    kinds = {("new",): "insert", ("old",): "delete", ("new", "old"): "modify"}
    events += [kinds[tuple(sorted(tables["A"][A1]))] for _, tables in updates(client)]
    assert events == [event for event in ("initial", "modify", "delete", "insert") if event != select]


def test_a_client_hears_its_own_changes_before_the_answer(machine):
    client = machine.client()
    client.ask("monitor", "T", "m", {"A": {"columns": ["x"]}})
    client.send("transact", "T", {"op": "update", "table": "A", "where": [], "row": {"x": 1}}, id="t")
    assert [message["id"] for message in client.heard()] == [None, "t"]


def test_a_slow_client_is_told_the_sum_of_what_it_missed(machine):
    client = machine.client()
    client.ask("monitor_cond", "T", "m", {"A": [{"columns": ["x"]}]})
    client.session.is_slow = True
    for x in range(10, 20):
        update(machine, x=x)
    machine.client().transact({"op": "insert", "table": "A", "row": {"name": "brief"}, "uuid-name": "b"})
    machine.client().transact({"op": "delete", "table": "A", "where": [["name", "==", "brief"]]})
    assert client.heard() == []
    client.session.is_slow = False
    client.session.catch_up()
    assert updates(client) == [("update2", {"A": {A1: {"modify": {"x": 19}}}})]
    update(machine, x=30)
    assert updates(client) == [("update2", {"A": {A1: {"modify": {"x": 30}}}})]


def test_merging():
    row = [(("u",), ("v",), (n,)) for n in range(3)]
    merged = merge(
        [
            {"A": {"x": (None, row[0]), "y": (row[0], row[1])}},
            {"A": {"x": (row[0], None), "y": (row[1], row[2])}},
        ]
    )
    assert merged == {"A": {"y": (row[0], row[2])}}


def test_a_large_dump_is_one_valid_text():
    machine = Machine()
    client = machine.client()
    client.transact(
        *(
            {"op": "insert", "table": "W", "row": {"a": str(n), "mustweak": ["named-uuid", "a"]}}
            for n in range(1200)
        ),
        {"op": "insert", "table": "A", "row": {}, "uuid-name": "a"},
    )
    client.send("monitor", "T", "m", {"W": {"columns": ["a"]}}, id=1)
    answer = json.loads(b"".join(client.session.take_output()))
    assert len(answer["result"]["W"]) == 1200
