from vswitch.ofproto.fairness import MAX_WAITING, FairQueue


def test_everybody_gets_a_turn() -> None:
    queue: FairQueue[str, int] = FairQueue()
    for number in range(5):
        queue.put("noisy", number)
    queue.put("quiet", 100)
    assert list(queue.take(3)) == [0, 100, 1]
    assert len(queue) == 3
    assert list(queue.take(10)) == [2, 3, 4]


def test_who_floods_loses_its_own() -> None:
    queue: FairQueue[str, int] = FairQueue()
    taken = [queue.put("noisy", number) for number in range(MAX_WAITING + 3)]
    assert taken == [True] * MAX_WAITING + [False] * 3
    assert queue.put("quiet", 100)
    assert len(queue) == MAX_WAITING + 1
    queue.clear()
    assert list(queue.take(5)) == []
