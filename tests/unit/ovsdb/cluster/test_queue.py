"""The queue of a cluster against a list that is searched."""

from __future__ import annotations

import random

from vswitch.ovsdb.cluster.queue import Conversion, Queue, trigger_of
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Trigger


class Client:
    """Somebody."""


def wish(rng: random.Random, client: Client) -> Trigger | Conversion:
    trigger = Trigger(client, rng.randrange(3), [], 0.0)
    return trigger if rng.random() < 0.8 else Conversion(trigger, Schema("S", "", {}))


def test_it_holds_what_a_list_would_and_knows_whose_it_is() -> None:
    rng = random.Random(1)
    clients = [Client() for _ in range(5)]
    queue, expected, taken = Queue(), list[Trigger | Conversion](), list[Trigger | Conversion]()
    for _ in range(5000):
        client = rng.choice(clients)
        match rng.randrange(10):
            case 0 | 1 | 2 | 3:
                expected.append(new := wish(rng, client))
                queue.append(new)
            case 4 | 5 | 6 if expected:
                assert queue.first is expected[0]
                taken.append(queue.take())
                assert taken[-1] is expected.pop(0)
            case 7:
                queue.put_back(iter(taken))
                expected[:0] = taken
                taken.clear()
            case 8:
                gone = [
                    each
                    for each in expected
                    if trigger_of(each).client is client and trigger_of(each).id == 1
                ]
                assert queue.cancel(client, 1) == gone
                expected = [each for each in expected if each not in gone]
            case _:
                queue.forget(client)
                expected = [each for each in expected if trigger_of(each).client is not client]
        assert len(queue) == len(expected)
        for each in clients:
            has_any = any(trigger_of(one).client is each for one in expected)
            assert (each in queue) is has_any


def test_to_ask_whose_it_is_does_not_search() -> None:
    class Counting(Client):
        n_compared = 0

        def __eq__(self, other: object) -> bool:
            Counting.n_compared += 1
            return self is other

        __hash__ = object.__hash__

    rng = random.Random(2)
    queue = Queue()
    for _ in range(1000):
        queue.append(wish(rng, Counting()))
    assert Counting() not in queue
    assert Counting.n_compared < 10
