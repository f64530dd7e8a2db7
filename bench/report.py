"""What a benchmark yields, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: ours beside the others', in the same unit and from the same run.

    `target` is the ratio ours/`against` that the row has to reach, at least where `more_is_better`, at most otherwise;
    or without `against`, what ours is to be itself.  `ratios` are ours/theirs where they were taken round by round;
    elsewhere, they are those of the values.
    """

    what: str
    unit: str
    ours: float
    others: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = True
    against: str = ""
    target: float | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """Ours/theirs; 0 if they do not work."""
        other = self.others.get(name)
        return self.ratios.get(name, self.ours / other) if other else 0.0

    def verdict(self) -> str:
        """`ok`, `MISSED` or nothing where no target was set."""
        ratio = self.ratio(self.against) if self.against else self.ours
        if self.target is None or not ratio:
            return ""
        return "ok" if (ratio >= self.target if self.more_is_better else ratio <= self.target) else "MISSED"


def show(rows: Iterable[Row]) -> Iterable[str]:
    """Lines for people, as the rows come: value, the others' values and the ratio ours/theirs in brackets."""
    for row in rows:
        others = "  ".join(
            f"{name} {value:,.4g} ({row.ratio(name):.2f}x)" if value else f"{name} none"
            for name, value in row.others.items()
        )
        wanted = f"{row.target:g}x {row.against}" if row.against else f"{row.target} {row.unit}"
        verdict = f"  [{row.verdict()}: target {wanted}]" if row.verdict() else ""
        yield f"  {row.what:<44} {row.ours:>12,.4g} {row.unit:<10} {others}{verdict}"


Round = Mapping[str, float]  # what each that took a turn was measured at, one soon after the other


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """The median of `rounds` measurements of each, taken A B C, A B C …, so that a drift of the machine hits all."""
    return medians(take_turns(contenders, rounds))


def take_turns(
    contenders: Mapping[str, Callable[[], float]],
    rounds: int,
    seldom: Collection[str] = (),
    visits: int = 1,
) -> list[Round]:
    """What each is measured at in each round.  Those in `seldom` are in `visits` of the rounds only."""
    taken: list[Round] = []
    for number in range(rounds):
        with_all = number * visits // rounds != (number - 1) * visits // rounds
        measures = {name: how for name, how in contenders.items() if with_all or name not in seldom}
        taken.append({name: measure() for name, measure in measures.items()})
    return taken


def medians(rounds: Sequence[Round]) -> dict[str, float]:
    """The median of what each was measured at."""
    names = dict.fromkeys(name for one in rounds for name in one)
    return {name: statistics.median(one[name] for one in rounds if name in one) for name in names}


def paired_ratios(rounds: Sequence[Round], ours: str) -> dict[str, float]:
    """The median of ours/theirs within a round, for all who work: what slows a whole round down is in no ratio."""
    found: dict[str, list[float]] = {}
    for one in rounds:
        for name, value in one.items():
            if name != ours and value:
                found.setdefault(name, []).append(one[ours] / value)
    return {name: statistics.median(values) for name, values in found.items()}


def ratio_missed(rows: Sequence[Row]) -> list[Row]:
    """The rows that miss their targets."""
    return [row for row in rows if row.verdict() == "MISSED"]
