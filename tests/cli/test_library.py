"""The examples of docs/library.md and of the page on databases, run against a switch in memory."""

import doctest
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def rundir(tmp_path: Path) -> Iterator[str]:
    words = [PROGRAMS / "vswitch", "up", "--dir", tmp_path, "--enable-dummy", "--disable-system"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = time.monotonic() + 20
        while not process.stdout.readline().startswith("Up."):
            assert process.poll() is None
            assert time.monotonic() < deadline
        command = ["--timeout=20", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy"]
        environment = os.environ | {"OVS_RUNDIR": str(tmp_path)}
        subprocess.run([PROGRAMS / "ovs-vsctl", *command], env=environment, check=True)
        yield str(tmp_path)
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("name", ["library.md", "topics/database-library.md"])
def test_the_examples(rundir: str, name: str) -> None:
    text = (DOCS / name).read_text().replace("\n```\n", "\n\n")  # the end of a block is no output
    examples = doctest.DocTestParser().get_doctest(text, {"rundir": rundir}, name, str(DOCS / name), 0)
    said: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=said.append)
    assert results.attempted > 30
    assert results.failed == 0, "".join(said)
