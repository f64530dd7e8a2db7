"""The installed programs: isolated from the caller's Python, and named what they are called."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_a_foreign_pythonpath_does_not_matter(name: str, tmp_path: Path) -> None:
    (tmp_path / "vswitch.py").write_text("raise SystemExit('hijacked')")
    (tmp_path / "struct.py").write_text("raise SystemExit('hijacked')")
    done = subprocess.run(
        [BIN / name, "--version"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(name)


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_the_first_line_names_an_interpreter(name: str) -> None:
    first = (BIN / name).read_text().splitlines()[0]
    assert first.startswith("#!/")
    assert "/env" not in first.split()[0]
