from vswitch.protocols.packet_schedule import LEAST_BURST, LEAST_RATE, PacketSchedule


def schedule(rate: int = 100, burst: int = 25) -> PacketSchedule[str]:
    return PacketSchedule(rate, burst, now=0.0)


def test_limits_have_a_least_value_and_the_burst_a_default() -> None:
    assert (schedule(1, 1).rate, schedule(1, 1).burst) == (LEAST_RATE, LEAST_BURST)
    assert schedule(1000, 0).burst == 250


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    queue = schedule()
    for number in range(30):
        queue.put(1, str(number))
        if number < 25:
            assert queue.take(0.0) == [str(number)]
    assert queue.take(0.0) == []
    assert queue.deadline == 0.01
    assert queue.take(queue.deadline) == ["25"]
    assert queue.take(0.021) == ["26"]
    assert queue.take(1.0) == ["27", "28", "29"]
    assert queue.deadline == float("inf")


def test_a_port_that_floods_drops_its_own() -> None:
    queue = schedule()
    for _ in range(25):
        queue.put(1, "spent")
    queue.take(0.0)
    for number in range(40):
        queue.put(1, f"flood {number}")
    queue.put(2, "rare")
    assert (len(queue), queue.dropped) == (25, 16)
    assert queue.take(0.021)[-1] == "rare"
