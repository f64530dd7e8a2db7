"""ovs-vlan-test: client and server as programs, on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "ovs-vlan-test"
SIZES = (50, 500, 1000, 1500)


@pytest.fixture(scope="module")
def control() -> Iterator[str]:
    """Where a server is."""
    words = [PROGRAM, "--server", "127.0.0.1:0", "127.0.0.1:0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:")
        yield line.split()[2].rstrip(",")
        process.terminate()


def run(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def test_every_size_arrives_both_ways(control: str) -> None:
    lines = [f"{way} size {size} successful" for size in SIZES for way in ("Send", "Receive")]
    assert run(control, "127.0.0.1:0") == (0, "\n".join([*lines, "OK", ""]), "")


def test_several_clients_at_a_time(control: str) -> None:
    words = [PROGRAM, control, "127.0.0.1:0"]
    clients = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [each.wait(30) for each in clients] == [0, 0, 0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly 2 non-option arguments required (use --help for help)"),
        (("127.0.0.1",), "exactly 2 non-option arguments required (use --help for help)"),
        (("127.0.0.1:x", "127.0.0.1"), '"127.0.0.1:x" is not HOST[:PORT]'),
        (("127.0.0.1:1", "127.0.0.1:0"), "127.0.0.1:1: Connection refused"),
        (
            ("127.0.0.1:1", "192.0.2.1"),
            "cannot use 192.0.2.1:15213 for packets: Cannot assign requested address",
        ),
        (("-s", "192.0.2.1:0", "127.0.0.1:0"), "cannot listen on 192.0.2.1:0: "),
        (("--frobnicate",), "unrecognized option '--frobnicate'"),
    ],
)
def test_errors(words: tuple[str, ...], said: str) -> None:
    status, output, error = run(*words)
    assert (status, output) == (1, "")
    assert error.startswith(f"ovs-vlan-test: {said}")
    assert error.count("\n") == 1
