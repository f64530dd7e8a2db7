from vswitch.ofproto.pace import DEFAULT_FLOW_LIMIT, INTERVAL, LEAST, LONGEST_INTERVAL, STEP, Pace


def test_quick_passes_come_as_often_as_may_be() -> None:
    pace = Pace()
    pace.passed(0.01)
    assert (pace.interval, pace.limit) == (INTERVAL, DEFAULT_FLOW_LIMIT)


def test_a_pass_takes_a_tenth_of_the_time() -> None:
    pace = Pace()
    pace.passed(0.2)
    assert pace.interval == 2.0
    pace.passed(0.9)
    assert pace.interval == LONGEST_INTERVAL


def test_slow_passes_lower_the_limit_and_quick_ones_raise_it_again() -> None:
    pace = Pace(100_000)
    pace.passed(1.5)
    assert pace.limit == 75_000
    pace.passed(2.5)
    assert pace.limit == 30_000
    pace.passed(1.1)
    assert pace.limit == 30_000
    pace.passed(0.1)
    assert pace.limit == 30_000 + STEP
    pace.passed(1000.0)
    assert pace.limit == LEAST
    for _ in range(200):
        pace.passed(0.1)
    assert pace.limit == 100_000


def test_what_is_asked_for_counts_at_once() -> None:
    pace = Pace()
    pace.passed(4.0)
    pace.ask(DEFAULT_FLOW_LIMIT)
    assert pace.limit == DEFAULT_FLOW_LIMIT // 4
    pace.ask(10)
    assert pace.limit == 10
    pace.passed(4.0)
    assert pace.limit == 10
