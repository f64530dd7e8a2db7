"""The installed programs: isolated from the caller's Python, and named what they are called."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
VTEP_SCHEMA = Path(__file__).parents[2] / "src/vswitch/ovsdb/schemas/vtep.ovsschema"
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


HEAVY = frozenset({"asyncio", "dataclasses", "inspect", "logging", "msgspec", "socket", "ssl"})
MORE = frozenset({"hashlib", "pathlib", "random", "subprocess", "urllib.parse", "vswitch.base.log"})
SELECT = '["hardware_vtep",{"op":"select","table":"Global","where":[]}]'


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with nothing in it."""
    path = tmp_path_factory.mktemp("database") / "vtep.db"
    subprocess.run([BIN / "ovsdb-tool", "create", path, VTEP_SCHEMA], check=True)
    return str(path)


@pytest.mark.parametrize(
    ("words", "unwanted", "at_most"),  # modules, Python's own that every program has among them
    [
        (("ovs-ofctl", "parse-flow", "tcp,actions=1"), HEAVY | {"pathlib", "vswitch.base.log"}, 152),
        (("ovs-ofctl", "parse-flows", os.devnull), HEAVY | {"pathlib", "vswitch.base.log"}, 152),
        (("ovs-ofctl", "ofp-parse", os.devnull), HEAVY | {"pathlib", "vswitch.base.log"}, 110),
        (("ovsdb-tool", "db-version", "DATABASE"), HEAVY | {"pathlib", "vswitch.base.log"}, 90),
        (("ovsdb-tool", "show-log", "-m", "DATABASE"), HEAVY | {"pathlib", "vswitch.base.log"}, 95),
        (("ovsdb-tool", "query", "DATABASE", SELECT), HEAVY, 125),
        (("ovsdb-tool", "transact", "DATABASE", SELECT), HEAVY, 125),
        (("ovsdb-tool", "compact", "DATABASE"), HEAVY, 125),
        (("vswitch", "db", "--file=DATABASE", "log"), HEAVY, 110),
        (("ovs-pcap", "CAPTURE"), HEAVY | MORE, 74),
        (("ovs-tcpundump",), HEAVY | MORE, 66),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_command_imports_what_it_does_and_no_more(
    words: tuple[str, ...], unwanted: frozenset[str], at_most: int, database: str, tmp_path: Path
) -> None:
    capture = tmp_path / "capture"
    capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    places = {"DATABASE": database, "CAPTURE": str(capture)}
    modules = imported_by(words[0], *(_placed(word, places) for word in words[1:]))
    assert not modules & unwanted
    assert len(modules) <= at_most, sorted(modules)


def _placed(word: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(name, place)
    return word


def test_records_are_defined_cheaply() -> None:
    """The standard library takes 0.5 ms for a data class and 0.2 ms for a named tuple, ours 0.05."""
    expensive = re.compile(
        r"^from dataclasses import|^import dataclasses|^from typing import .*NamedTuple", re.MULTILINE
    )
    assert not [
        path
        for path in (SCRIPTS.parent / "src").rglob("*.py")
        if expensive.search(path.read_text()) and path.parent.name != "base"
    ]


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
