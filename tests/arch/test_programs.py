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


SLOW = frozenset(  # each takes 5 ms and more of the 60 that a program has to start
    {
        "asyncio",
        "dataclasses",
        "hashlib",
        "inspect",
        "msgspec",
        "pathlib",
        "ssl",
        "typing",
        "vswitch.flow.fields",
    }
)


def imported_by(name: str, *words: str) -> set[str]:
    """The modules that a program imports to do what `words` ask."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", BIN / name, *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_help_and_version_import_nothing_slow(name: str, option: str) -> None:
    assert not imported_by(name, option) & SLOW


def test_to_read_a_header_is_not_to_load_the_database(tmp_path: Path) -> None:
    database = str(tmp_path / "conf.db")
    imported_by("ovsdb-tool", "create", database)
    modules = imported_by("ovsdb-tool", "db-version", database)
    assert not modules & {
        "asyncio",
        "pathlib",
        "ssl",
        "vswitch.ovsdb.transaction",
        "vswitch.ovsdbserver.storage",
    }
