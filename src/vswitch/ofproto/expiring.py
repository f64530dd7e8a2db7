"""The rules of a switch that have a timeout, the next to expire first.

A packet, or a change, puts a rule's end off; that is looked at only when the end that was known comes.  So neither costs
anything here, and to ask what has expired costs as much as has: of 100,000 rules that wait, nothing.

Sources: OpenFlow 1.5.1, 5.5 and 6.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from operator import attrgetter

from vswitch.ofproto.rule import Rule

SPARE = 1000  # entries of rules that are gone which may stay, besides as many as there are rules
FOREVER = float("inf")

_idle_deadline: Callable[[Rule], float] = attrgetter("idle_deadline")
_hard_deadline: Callable[[Rule], float] = attrgetter("hard_deadline")


class Expiring:
    """Rules with timeouts, in the order in which they came; by when they can expire, for either kind of timeout."""

    def __init__(self) -> None:
        self._rules: dict[Rule, None] = {}
        self._idle = _Ends(_idle_deadline)
        self._hard = _Ends(_hard_deadline)

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __contains__(self, rule: object) -> bool:
        return rule in self._rules

    def add(self, rule: Rule) -> None:
        """Wait for `rule` to expire, if it has a timeout; once more, when that has become shorter."""
        if rule.idle_timeout or rule.hard_timeout:
            self._rules[rule] = None
            self._idle.put(rule, self._rules)
            self._hard.put(rule, self._rules)

    def discard(self, rule: Rule) -> None:
        """`rule` is gone."""
        self._rules.pop(rule, None)

    def idle(self, heard: float) -> Iterator[Rule]:
        """The rules that no packet has used for as long as they wait, of all until `heard`; the caller removes each."""
        return self._idle.until(heard, self._rules)

    def hard(self, now: float) -> Iterator[Rule]:
        """The rules that have lived as long as they may; the caller removes each."""
        return self._hard.until(now, self._rules)


class _Ends:
    """A heap of rules by the earliest time at which each can expire."""

    def __init__(self, deadline: Callable[[Rule], float]) -> None:
        self._deadline = deadline
        self._heap: list[tuple[float, int, Rule]] = []
        self._serial = 0  # so that of those that expire together the first that came goes first

    def put(self, rule: Rule, rules: dict[Rule, None]) -> None:
        deadline = self._deadline(rule)
        if deadline == FOREVER:
            return
        if len(self._heap) > 2 * len(rules) + SPARE:
            self._clean(rules)
        self._serial += 1
        heappush(self._heap, (deadline, self._serial, rule))

    def _clean(self, rules: dict[Rule, None]) -> None:
        """Forget rules that are gone, and that some are here twice."""
        known = {rule: entry for entry in sorted(self._heap, reverse=True) if (rule := entry[2]) in rules}
        self._heap = list(known.values())
        heapify(self._heap)

    def until(self, time: float, rules: dict[Rule, None]) -> Iterator[Rule]:
        """The rules of `rules` that expire until then."""
        heap = self._heap
        while heap and heap[0][0] <= time:
            _, serial, rule = heappop(heap)
            if rule not in rules:
                continue
            deadline = self._deadline(rule)
            if deadline > time:
                heappush(heap, (deadline, serial, rule))
                continue
            yield rule
            heap = self._heap  # meanwhile, others may have come
