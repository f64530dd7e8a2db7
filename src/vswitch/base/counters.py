"""Event counters and memory figures: what coverage/show and memory/show print.

A module counts an event with `RECONFIGURED = Counter("bridge_reconfigure")` and `RECONFIGURED.hit()`.  The program
calls `COUNTERS.tick(now)` every now and then, and the rates are averages over whole periods of 5 seconds and of a
minute.

Sources: ovs-appctl coverage/show and memory/show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from vswitch.base.dataclass import dataclass, field

PERIOD = 5.0  # seconds
PERIODS_PER_MINUTE = 12
MINUTES_PER_HOUR = 60


class Counter:
    """How often one event happened since the program started."""

    __slots__ = ("minutes", "name", "periods", "sampled", "total")

    def __init__(self, name: str, counters: Counters | None = None) -> None:
        self.name = name
        self.total = 0
        self.sampled = 0  # `total` when the last period ended
        self.periods: deque[int] = deque([0] * PERIODS_PER_MINUTE, PERIODS_PER_MINUTE)
        self.minutes: deque[int] = deque([0] * MINUTES_PER_HOUR, MINUTES_PER_HOUR)
        (COUNTERS if counters is None else counters).by_name[name] = self

    def hit(self, times: int = 1) -> None:
        """The event happened."""
        self.total += times


@dataclass(slots=True)
class Counters:
    """All counters of a process, and the clock of their averages."""

    by_name: dict[str, Counter] = field(default_factory=dict)
    next_period: float | None = None
    periods: int = 0

    def tick(self, now: float) -> None:
        """Close the periods that have passed; more than an hour of them makes no difference to an hour's."""
        if self.next_period is None:
            self.next_period = now + PERIOD
        behind = int((now - self.next_period) // PERIOD) + 1
        if behind <= 0:
            return
        self.next_period += behind * PERIOD
        for _ in range(min(behind, PERIODS_PER_MINUTE * MINUTES_PER_HOUR)):
            self._close_period()

    def _close_period(self) -> None:
        self.periods += 1
        for counter in self.by_name.values():
            counter.periods.append(counter.total - counter.sampled)
            counter.sampled = counter.total
            if self.periods % PERIODS_PER_MINUTE == 0:
                counter.minutes.append(sum(counter.periods))

    def show(self) -> str:
        """The text of coverage/show: every event that happened, and how often of late."""
        from zlib import crc32  # 0.7 ms of a start

        hit = [counter for counter in self.by_name.values() if counter.total]
        digest = crc32(" ".join(sorted(counter.name for counter in hit)).encode())
        return "".join(
            [
                "Event coverage, avg rate over last: 5 seconds, last minute, last hour,  "
                f"hash={digest:08x}:\n",
                *(self._line(counter) for counter in hit),
                f"{len(self.by_name) - len(hit)} events never hit\n",
            ]
        )

    def _line(self, counter: Counter) -> str:
        open_minute = list(counter.periods)[PERIODS_PER_MINUTE - self.periods % PERIODS_PER_MINUTE :]
        hour = sum(counter.minutes) + sum(open_minute)
        return (
            f"{counter.name:<24} {counter.periods[-1] / PERIOD:5.1f}/sec {sum(counter.periods) / 60:9.3f}/sec "
            f"{hour / 3600:13.4f}/sec   total: {counter.total}\n"
        )


COUNTERS = Counters()


def format_memory(usage: Iterable[Mapping[str, int]]) -> str:
    """The text of memory/show: the figures of all parts of a program, sorted, those of one name added up."""
    total: dict[str, int] = {}
    for part in usage:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return " ".join(f"{name}:{count}" for name, count in sorted(total.items()))
