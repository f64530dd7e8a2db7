"""Counters and their averages."""

from vswitch.base.counters import Counter, Counters, format_memory


def test_averages_are_over_whole_periods() -> None:
    counters = Counters()
    counter = Counter("hits", counters)
    Counter("misses", counters)
    counters.tick(0.0)
    counter.hit(10)
    counters.tick(5.0)
    title, line, rest = counters.show().splitlines()
    assert title.startswith("Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=")
    assert line == "hits                       2.0/sec     0.167/sec        0.0028/sec   total: 10"
    assert rest == "1 events never hit"


def test_a_minute_later_only_the_hour_remembers() -> None:
    counters = Counters()
    counter = Counter("hits", counters)
    counters.tick(0.0)
    counter.hit(36)
    counters.tick(5.0)
    counters.tick(125.0)
    assert counters.show().splitlines()[1].split() == [
        "hits",
        "0.0/sec",
        "0.000/sec",
        "0.0100/sec",
        "total:",
        "36",
    ]


def test_memory_adds_up_by_name() -> None:
    assert format_memory([{"ports": 2, "rules": 1}, {"rules": 4}]) == "ports:2 rules:5"
