"""Run benchmarks by name, or all of them: each is a module here with a `run() -> Iterable[Row]`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.report import Row, ratio_missed, show

NOT_BENCHMARKS = {"__init__", "__main__", "report"}


def names() -> list[str]:
    """The benchmarks that there are: modules of this folder with a `run` function."""
    return sorted(
        path.stem
        for path in Path(__file__).parent.glob("*.py")
        if path.stem not in NOT_BENCHMARKS and "\ndef run(" in path.read_text()
    )


def main(wanted: list[str]) -> int:
    """Run and print; 1 if a row misses its target, 2 for an unknown name."""
    if unknown := set(wanted) - set(names()):
        print(
            f"bench: no benchmark named {', '.join(sorted(unknown))}; there are: {' '.join(names())}",
            file=sys.stderr,
        )
        return 2
    missed = 0
    for name in wanted or names():
        module = importlib.import_module(f"bench.{name}")
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        rows: list[Row] = []
        for row in module.run():
            rows.append(row)
            print(*show([row]), sep="\n", flush=True)
        missed += len(ratio_missed(rows))
    if missed:
        print(f"{missed} missed their targets", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
