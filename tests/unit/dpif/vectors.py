"""The vectors of datapath flow text."""

from __future__ import annotations

from pathlib import Path

_VECTORS = Path(__file__).parents[2] / "vectors"
PORTS = {"foo": 1, "p2": 2, "br0": 100}
NAMES = {number: name for name, number in PORTS.items()}


def flow_keys() -> list[tuple[str, list[str]]]:
    """(key as given, what becomes of it: the text and the verbose text, or an error)."""
    blocks = _VECTORS.joinpath("datapath-keys.txt").read_text().split("\n\n")[1:]
    lines = [block.strip("\n").split("\n") for block in blocks]
    return [(given, [line.strip() for line in rest]) for given, *rest in lines if given]


def actions() -> list[str]:
    """Lists of actions as text."""
    lines = _VECTORS.joinpath("datapath-actions.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]
