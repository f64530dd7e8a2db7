"""`kill -9` under load: what was acknowledged as durable is there, and no transaction is there in part.

Three clients insert pairs of rows, one transaction after the other, each durable, until the server is killed at a random
moment; some of the moments fall into a compaction.  Then the server starts again on the file, and the file is looked
at, too, by the peer's tool.  `slow` does it a thousand times.
"""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.interop.daemons import program
from tests.interop.dbservers import DatabaseServer, Json

pytestmark = pytest.mark.interop
SCHEMA = {
    "name": "D",
    "tables": {"P": {"isRoot": True, "columns": {"pair": {"type": "integer"}, "half": {"type": "string"}}}},
}
N_WRITERS = 3


def pair(number: int) -> list[Json]:
    rows = [{"pair": number, "half": half} for half in ("left", "right")]
    return [{"op": "insert", "table": "P", "row": row} for row in rows] + [{"op": "commit", "durable": True}]


def write(server: DatabaseServer, first: int, acknowledged: set[int]) -> None:
    """Insert pairs until the server goes away."""
    number = first
    try:
        with server.client() as client:
            while True:
                results = client.ask("transact", "D", *pair(number))
                assert all("error" not in result for result in results), results
                acknowledged.add(number)
                number += N_WRITERS
    except (OSError, EOFError):
        return


def run_and_kill(
    server: DatabaseServer, seconds: float, first: int, acknowledged: set[int], *, compact: bool
) -> None:
    """Load the server for a while, and kill it."""
    writers = [
        threading.Thread(target=write, args=(server, first + each, acknowledged)) for each in range(N_WRITERS)
    ]
    for writer in writers:
        writer.start()
    if compact:
        compaction = threading.Thread(target=lambda: _ignore_end(lambda: server.control("compact")))
        compaction.start()
        writers.append(compaction)
    time.sleep(seconds)  # the moment is what is varied here
    server.kill()
    for writer in writers:
        writer.join()


def _ignore_end(ask: object) -> None:
    try:
        ask()  # type: ignore[operator]
    except (OSError, EOFError):
        return


def whole_pairs(rows: list[Json]) -> set[int]:
    """The pairs that are there; each must be whole."""
    left, right = ({row["pair"] for row in rows if row["half"] == half} for half in ("left", "right"))
    assert left == right
    assert len(rows) == 2 * len(left)
    return left


def crash(directory: Path, times: int, seed: int) -> None:
    """Kill a server many times."""
    rng = random.Random(seed)
    (directory / "schema").write_text(json.dumps(SCHEMA))
    acknowledged: set[int] = set()
    server = DatabaseServer("ours", directory / "server", "db", schema=directory / "schema")
    for turn in range(times):
        first = 1_000_000 * (turn + 1)
        run_and_kill(server, rng.uniform(0.0, 0.15), first, acknowledged, compact=turn % 4 == 3)
        server.start()
        found = whole_pairs(server.rows("D", "P", "pair", "half"))
        assert acknowledged <= found, f"lost {sorted(acknowledged - found)[:5]}"
        if turn % 25 == 24:
            server.kill()
            assert whole_pairs(by_peer(server.file)) >= acknowledged
            server.start()
            delete = {"op": "delete", "table": "P", "where": []}
            server.ask("transact", "D", delete, {"op": "commit", "durable": True})
            acknowledged.clear()
    server.__exit__()


def by_peer(path: Path) -> list[Json]:
    """The rows that the peer's tool finds in a file."""
    select = ["D", {"op": "select", "table": "P", "where": [], "columns": ["pair", "half"]}]
    done = subprocess.run(
        [program("peer", "ovsdb-tool"), "query", str(path), json.dumps(select)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    rows: list[Json] = json.loads(done.stdout)[0]["rows"]
    return rows


def test_killed_25_times(tmp_path: Path) -> None:
    crash(tmp_path, 25, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_killed_a_thousand_times(tmp_path: Path, seed: int) -> None:
    crash(tmp_path, 100, seed)
