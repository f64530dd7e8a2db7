import random

import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.host import TOLD_AT_ONCE
from vswitch.ovsdb.jsontext import encode

A1 = "00000000-0000-0000-0000-0000000000a1"


@pytest.fixture
def machine():
    machine = Machine()
    machine.client().transact({"op": "insert", "table": "A", "row": {"x": 3}, "uuid": A1})
    return machine


def watch(machine, id="m"):
    client = machine.client()
    client.ask("monitor_cond", "T", id, {"A": [{"columns": ["x"]}]})
    return client


def numbers(client):
    """What a watcher was told of x."""
    return [message["params"][1]["A"][A1]["modify"]["x"] for message in client.heard()]


def operation(**row):
    return {"op": "update", "table": "A", "where": [["_uuid", "==", ["uuid", A1]]], "row": row}


def update(machine, **row):
    machine.client().transact(operation(**row))


def only_execute(client, *operations):
    """A transaction after which the monitors are not told at once."""
    client.session.receive(encode({"method": "transact", "params": ["T", *operations], "id": "only"}), 0.0)


def stages(machine):
    """How many monitors stand where, from the oldest stage on."""
    (feed,) = machine.host.feeds.values()
    stage, found = feed.newest, []
    while stage is not None:
        found.insert(0, stage.n_monitors)
        stage = stage.older
    return found


def test_equal_monitors_are_encoded_once(machine):
    clients = [watch(machine) for _ in range(50)]
    assert len(machine.host.feeds) == 1
    update(machine, x=4)
    told = [client.session.take_output() for client in clients]
    assert len({id(piece) for pieces in told for piece in pieces}) == 1
    assert all(len(pieces) == 1 for pieces in told)
    for client in clients:
        machine.server.disconnect(client.session)
    assert not machine.host.feeds
    assert not machine.host.subscribers


def test_monitors_with_other_ids_are_told_of_theirs(machine):
    first, second = watch(machine, "first"), watch(machine, "second")
    update(machine, x=4)
    assert [client.heard()[0]["params"][0] for client in (first, second)] == ["first", "second"]


def test_those_who_do_not_read_are_told_what_they_missed_each_from_where_it_was(machine):
    readers = [watch(machine) for _ in range(4)]
    for x, client in enumerate(readers, 10):
        update(machine, x=x)
        client.session.is_slow = True
    update(machine, x=20)
    assert [numbers(client) for client in readers] == [[10], [10, 11], [10, 11, 12], [10, 11, 12, 13]]
    assert stages(machine) == [1, 1, 1, 1]
    for client in readers:
        client.session.is_slow = False
        client.session.catch_up()
        assert numbers(client) == [20]
    assert stages(machine) == [4]


def test_a_slow_client_does_not_hear_of_what_came_and_went(machine):
    client = watch(machine)
    client.session.is_slow = True
    machine.client().transact({"op": "insert", "table": "A", "row": {"name": "brief"}})
    machine.client().transact({"op": "delete", "table": "A", "where": [["name", "==", "brief"]]})
    client.session.is_slow = False
    client.session.catch_up()
    assert client.heard() == []


def test_what_a_slow_client_misses_is_kept_once_and_added_to_once(machine):
    readers = [watch(machine) for _ in range(10)]
    for client in readers[1:]:
        client.session.is_slow = True
    for x in range(100):
        update(machine, x=x)
    assert stages(machine) == [9, 1]
    machine.server.disconnect(readers[0].session)
    update(machine, x=200)
    for client in readers[1:]:
        client.session.is_slow = False
        client.session.catch_up()
        assert numbers(client) == [200]


def test_of_many_each_is_told_in_its_turn_and_of_all_that_happened_meanwhile(machine):
    readers = [watch(machine) for _ in range(3 * TOLD_AT_ONCE)]
    writer = machine.client()
    heard = {reader: [] for reader in readers}
    for x in range(10, 16):
        only_execute(writer, operation(x=x))
        machine.server.flush()
        told = [reader for reader in readers if (news := numbers(reader)) and not heard[reader].extend(news)]
        assert len(told) == TOLD_AT_ONCE
        assert all(heard[reader][-1] == x for reader in told)
    assert all(len(each) == 2 for each in heard.values())
    while machine.server.has_news:
        machine.server.flush()
    for reader in readers:
        heard[reader] += numbers(reader)
    assert all(each[-1] == 15 for each in heard.values())


def test_a_client_hears_its_own_changes_before_the_answer_even_while_it_does_not_read(machine):
    client = watch(machine)
    client.session.is_slow = True
    update(machine, x=4)
    client.send("transact", "T", operation(x=5), id="t")
    first, answer = client.heard()
    assert first["params"][1]["A"][A1] == {"modify": {"x": 5}}
    assert answer["id"] == "t"


def test_a_monitor_that_is_cancelled_before_its_turn_hears_nothing(machine):
    readers = [watch(machine) for _ in range(TOLD_AT_ONCE + 2)]
    only_execute(machine.client(), operation(x=4))
    machine.server.flush()
    readers[-1].ask("monitor_cancel", "m")
    readers[-2].session.take_output()
    assert readers[-1].heard() == []


def test_whatever_the_order_everybody_ends_with_what_there_is():
    rng = random.Random(5)
    machine = Machine()
    readers, copies = [], []
    for step in range(300):
        if step % 30 == 0:
            readers.append(machine.client())
            copies.append({})
            shown = readers[-1].ask("monitor_cond", "T", "m", {"A": [{"columns": ["x"]}]})
            apply(copies[-1], {} if shown is None else shown)
        name = str(rng.randrange(8))
        row = {"x": rng.randrange(5)}
        where = [["name", "==", name]]
        machine.client().transact(
            rng.choice(
                [
                    {"op": "insert", "table": "A", "row": {**row, "name": name}},
                    {"op": "update", "table": "A", "where": where, "row": row},
                    {"op": "delete", "table": "A", "where": where},
                ]
            )
        )
        reader = rng.choice(readers)
        if reader.session.is_slow:
            reader.session.is_slow = False
            reader.session.catch_up()
        else:
            reader.session.is_slow = True
    for reader, copy in zip(readers, copies, strict=True):
        reader.session.is_slow = False
        reader.session.catch_up()
        for message in reader.heard():
            apply(copy, message["params"][1])
        assert copy == {row["_uuid"][1]: row["x"] for row in machine.rows("A")}
    assert stages(machine) == [len(readers)]


def apply(copy, tables):
    for uuid, change in tables.get("A", {}).items():
        ((kind, cells),) = change.items()
        if kind == "delete":
            del copy[uuid]
        elif kind == "modify":
            copy[uuid] = cells["x"]
        else:
            assert uuid not in copy
            copy[uuid] = cells.get("x", 0)
