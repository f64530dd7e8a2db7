"""What a benchmark yields, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: ours beside the others', in the same unit and from the same run.

    `target` is the ratio ours/`against` that the row has to reach, at least where `more_is_better`, at most otherwise;
    or without `against`, what ours is to be itself.
    """

    what: str
    unit: str
    ours: float
    others: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = True
    against: str = ""
    target: float | None = None

    def verdict(self) -> str:
        """`ok`, `MISSED` or nothing where no target was set."""
        other = self.others.get(self.against) if self.against else 1.0
        if self.target is None or not other:
            return ""
        ratio = self.ours / other
        return "ok" if (ratio >= self.target if self.more_is_better else ratio <= self.target) else "MISSED"


def show(rows: Iterable[Row]) -> Iterable[str]:
    """Lines for people, as the rows come: value, the others' values and the ratio ours/theirs in brackets."""
    for row in rows:
        others = "  ".join(
            f"{name} {value:,.4g} ({row.ours / value:.2f}x)" if value else f"{name} none"
            for name, value in row.others.items()
        )
        wanted = f"{row.target:g}x {row.against}" if row.against else f"{row.target} {row.unit}"
        verdict = f"  [{row.verdict()}: target {wanted}]" if row.verdict() else ""
        yield f"  {row.what:<44} {row.ours:>12,.4g} {row.unit:<10} {others}{verdict}"


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """The median of `rounds` measurements of each, taken A B C, A B C …, so that a drift of the machine hits all."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def ratio_missed(rows: Sequence[Row]) -> list[Row]:
    """The rows that miss their targets."""
    return [row for row in rows if row.verdict() == "MISSED"]
