from vswitch.ovsdb.locks import Locks


def test_first_come_first_served():
    locks: Locks[str] = Locks()
    assert locks.lock("x", "a")
    assert not locks.lock("x", "b")
    assert locks.owner("x") == "a"
    assert locks.unlock("x", "a") == "b"
    assert locks.unlock("x", "b") is None
    assert locks.owner("x") is None


def test_a_victim_waits_at_the_head_of_the_queue():
    locks: Locks[str] = Locks()
    locks.lock("x", "a")
    locks.lock("x", "b")
    assert locks.steal("x", "thief") == "a"
    assert locks.unlock("x", "thief") == "a"
    assert locks.unlock("x", "b") is None
