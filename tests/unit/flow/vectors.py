"""The vectors of match text."""

from __future__ import annotations

from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors" / "matches.txt"


def matches() -> list[tuple[str, str]]:
    """(text as users write it, text as it is printed or, after `! `, the error)."""
    lines = [line for line in VECTORS.read_text().splitlines() if line and not line.startswith("#")]
    results = ("" if line.strip() == "-" else line.strip() for line in lines[1::2])
    return list(zip(lines[::2], results, strict=True))
