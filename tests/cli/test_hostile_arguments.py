"""Command lines that make no sense, and output that goes nowhere: one clear line, and an exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
NAMES = [
    "ovs-appctl",
    "ovs-dpctl",
    "ovs-ofctl",
    "ovs-vsctl",
    "ovs-vswitchd",
    "ovsdb-client",
    "ovsdb-server",
    "ovsdb-tool",
    "vswitch",
]
NONSENSE = (
    (b"--no-such-option",),
    (b"-vno:such:module",),
    (b"no-such-command",),
    (b"no-such-command", b"\xff\xfe"),
    (b"",),
    (b"x" * 100_000,),
)
NOT_UTF8 = {
    "ovs-vsctl": (b"--no-wait", b"add-br", b"\xff\xfe"),
    "ovs-ofctl": (b"add-flow", b"br0", b"\xff\xfe"),
    "ovs-appctl": (b"-t", b"\xff\xfe", b"version"),
    "ovsdb-client": (b"transact", b"unix:/nonexistent", b"\xff\xfe"),
    "ovsdb-server": (b"\xff\xfe",),
    "ovsdb-tool": (b"query", b"/nonexistent", b"\xff\xfe"),
}
HOSTS = (
    b"tcp:a..b:1",
    b"tcp:" + b"a" * 100 + b":1",
    b"tcp:\xc3\xa9..x:1",
    b"tcp:[::1:1",
    b"tcp:h:x",
    b"tcp:h:99999",
)


def run(
    tmp_path: Path, name: str, *words: bytes, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {f"OVS_{what}DIR": str(tmp_path) for what in ("RUN", "LOG", "DB", "SYSCONF")}
    return subprocess.run(
        [PROGRAMS / name, *words],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=20,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[bytes], name: str) -> None:
    """One line that names the program, perhaps after others that give advice or a log's view, and status 1."""
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith(name.encode() + b": ")]


@pytest.mark.parametrize("name", NAMES)
def test_nonsense(tmp_path, name):
    for words in NONSENSE:
        if name == "ovs-vswitchd" and not words[0].startswith(b"-"):
            continue  # a name of a database, for which it would wait
        refused(run(tmp_path, name, *words), name)


@pytest.mark.parametrize("name", NOT_UTF8)
def test_arguments_that_are_not_utf8(tmp_path, name):
    refused(run(tmp_path, name, *NOT_UTF8[name]), name)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ovs-vsctl", (b"--db=HOST", b"show")),
        ("ovs-ofctl", (b"show", b"HOST")),
        ("ovsdb-client", (b"list-dbs", b"HOST")),
    ],
)
def test_hosts_that_cannot_be(tmp_path, name, words, host):
    refused(run(tmp_path, name, *(word.replace(b"HOST", host) for word in words)), name)


@pytest.mark.parametrize("name", NAMES)
def test_output_that_nobody_takes(tmp_path, name):
    """A pipe whose reader has gone, a full disk: status 1; standard output closed from the beginning: nothing lost."""
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("wb") as full:
        for output in (writer, full.fileno()):
            done = run(tmp_path, name, b"--help", stdout=output)
            assert b"Traceback" not in done.stderr
            assert b"Exception" not in done.stderr
            assert done.returncode == 1
    os.close(writer)
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" --help >&-', PROGRAMS / name], stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
