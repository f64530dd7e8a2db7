"""python -m tests.chaos [SECONDS [SEED]]: trouble for a cluster, for ten minutes unless told otherwise."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.cluster import run

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
with tempfile.TemporaryDirectory() as directory:
    problem, summary = run(Path(directory), seed, seconds)
sys.stdout.write(f"seed {seed}, {seconds:g} s: {summary}\n")
sys.stdout.write(f"{problem or 'linearizable'}\n")
sys.exit(bool(problem))
