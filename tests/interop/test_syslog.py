"""What the tools send to the system's log, beside what the peer's send: datagrams, byte for byte.

Time stamps and process ids aside.  The database is nobody's: commands fail, or fail to connect, and say so.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop


def init(*options: str) -> tuple[str, ...]:
    """A command that changes the database, with nobody there."""
    return ("ovs-vsctl", *options, "--db=unix:/nonexistent", "init")


def change(*options: str) -> tuple[str, ...]:
    """Another one, with words that need quoting."""
    words = ("--", "set", "bridge", "br0", 'external_ids:a="b c"')
    return ("ovs-vsctl", *options, "--db=unix:/nonexistent", "--no-wait", *words)


def wrong(*options: str) -> tuple[str, ...]:
    """A command that there is not."""
    return ("ovs-vsctl", *options, "no-such-command")


UNIX, UDP, TARGET = (
    "--syslog-method=unix:FILE",
    "--syslog-method=udp:127.0.0.1:PORT",
    "--syslog-target=127.0.0.1:PORT",
)
LINES: Sequence[tuple[str, ...]] = (
    # What is logged, and how gravely.
    init(UNIX),
    change(UNIX),
    change(UNIX, "--dry-run"),
    change(UNIX, "--no-syslog"),
    (*change(UNIX), "--", "list-br"),
    ("ovs-vsctl", UNIX, "--db=unix:/nonexistent", "list-br"),
    ("ovs-vsctl", UNIX, "--db=unix:/nonexistent", "get", "bridge", "br0", "name", "--", "comment", "hello"),
    ("ovs-vsctl", UNIX, "--db=unix:/nonexistent", "emer-reset"),
    ("ovs-vsctl", UNIX, "--db=unix:/nonexistent", "add-br", "é\nx\n\ny", "", "\\"),
    ("ovs-vsctl", UNIX, "--db=unix:/nonexistent", "add-br", "byte \udcff"),
    wrong(UNIX),
    wrong(UNIX, "--no-syslog"),
    ("ovs-vsctl", UNIX),
    ("ovs-vsctl", UNIX, "add-br"),
    ("ovs-vsctl", UNIX, "-t0", "init"),
    ("ovs-vsctl", UNIX, "--no-such-option", "init"),
    ("ovs-vsctl", UNIX, "--format=none", "init"),
    ("ovs-vsctl", UNIX, "-vnothing", "init"),
    ("vtep-ctl", UNIX, "--db=unix:/nonexistent", "add-ps", "ps0"),
    ("vtep-ctl", UNIX, "--db=unix:/nonexistent", "list-ps"),
    ("vtep-ctl", UNIX, "no-such-command"),
    ("ovs-ofctl", UNIX, "no-such-command"),
    ("ovs-ofctl", UNIX, "show"),
    ("ovs-ofctl", UNIX),
    ("ovs-ofctl", UNIX, "show", "no-such-bridge"),
    ("ovs-dpctl", UNIX, "no-such-command"),
    ("ovs-appctl", UNIX, "--target=/nonexistent", "version"),
    ("ovs-appctl", UNIX, "--target=nobody", "version"),
    ("ovsdb-client", UNIX, "no-such-command"),
    ("ovsdb-client", UNIX, "list-dbs", "unix:/nonexistent"),
    ("OVS_SYSLOG_METHOD=unix:FILE", "ovsdb-tool", "no-such-command"),
    # Levels, facilities, patterns.
    init(UNIX, "-vsyslog:warn"),
    wrong(UNIX, "-vsyslog:off"),
    init(UNIX, "-vvsctl:off"),
    init(UNIX, "--no-syslog", "-vvsctl:syslog:info"),
    init(UNIX, "-vvsctl:syslog:info", "--no-syslog"),
    wrong(UNIX, "-vdb_ctl_base:off"),
    wrong(UNIX, "-vconsole:dbg"),
    wrong(UNIX, "-vFACILITY:mail"),
    wrong(UNIX, "-vFACILITY:ftp"),
    wrong(UNIX, TARGET, "-vFACILITY:local7"),
    wrong(UNIX, "-vFACILITY:authpriv"),
    wrong(UNIX, TARGET, "-vPATTERN:syslog:%A %B %c%n%m"),
    # Ways there.
    init(UDP),
    init("--syslog-method=null"),
    init("--syslog-method=null", TARGET),
    wrong(TARGET, UNIX),
    wrong(UNIX, TARGET, TARGET),
    wrong(UNIX, TARGET, "-vsyslog:off"),
    wrong(UNIX, "--syslog-target=127.0.0.1"),
    wrong(UNIX, "--syslog-target="),
    wrong(UNIX, "--syslog-target=127.0.0.1:65536"),
    wrong("--syslog-method=udp:127.0.0.1:x"),
    wrong("--syslog-method=unix:/nonexistent/file"),
    wrong("--syslog-method=null", UNIX),
    wrong(UNIX, "--syslog-method=none"),
    ("OVS_SYSLOG_METHOD=unix:FILE", *init()),
    ("OVS_SYSLOG_METHOD=none", *wrong(UNIX)),
    ("OVS_SYSLOG_METHOD=", *init()),
    # What is no way.
    init("--syslog-method=none"),
    init("--syslog-method="),
    init("--syslog-method=unix"),
    init("--syslog-method=libc:x"),
    ("OVS_SYSLOG_METHOD=none", *init()),
    ("ovs-vsctl", "--syslog-method=none", "--version"),
    ("ovs-ofctl", "--syslog-method=none", "--version"),
    ("ovs-appctl", "--syslog-method=none", "version"),
    ("ovsdb-client", "--syslog-method=none", "list-dbs"),
)
CHANGING = re.compile(rb"\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<= ovs-vsctl )\d+")


class Syslog:
    """Sockets to which programs send their lines."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sockets = [
            socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_UNIX, socket.AF_INET)
        ]
        self.sockets[0].bind(str(directory / "log"))
        self.sockets[1].bind(("127.0.0.1", 0))
        self.port = str(self.sockets[1].getsockname()[1])

    def run(self, make: Make, words: Sequence[str]) -> tuple[int, bytes, list[bytes]]:
        """Run a command of one make: its status, what it says of itself, what it sends."""
        environment = {name: value for name, value in os.environ.items() if name != "OVS_SYSLOG_METHOD"}
        environment |= {f"OVS_{what}DIR": str(self.directory) for what in ("RUN", "LOG", "DB", "SYSCONF")}
        command = [
            word.replace("PORT", self.port).replace("FILE", str(self.directory / "log")) for word in words
        ]
        if "=" in command[0]:
            name, _, environment[name] = command.pop(0).partition("=")
        path = program(make, command[0])
        done = subprocess.run(
            command, executable=path, env=environment, capture_output=True, timeout=20, check=False
        )
        return (
            done.returncode,
            CHANGING.sub(b"*", done.stderr),
            [CHANGING.sub(b"*", line) for line in self.received()],
        )

    def received(self) -> Iterator[bytes]:
        """What has come since."""
        for endpoint in self.sockets:
            while True:
                try:
                    yield endpoint.recv(65536, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break


@pytest.fixture(scope="module")
def syslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Syslog]:
    syslog = Syslog(tmp_path_factory.mktemp("syslog"))
    yield syslog
    for endpoint in syslog.sockets:
        endpoint.close()


@pytest.mark.parametrize("words", LINES, ids=[ascii(" ".join(words)) for words in LINES])
def test_the_lines_are_the_peers(syslog: Syslog, words: Sequence[str]) -> None:
    assert syslog.run("ours", words) == syslog.run("peer", words)


def test_a_change_is_logged_as_a_notice_of_a_daemon(syslog: Syslog) -> None:
    _, _, lines = syslog.run("ours", init(UNIX))
    called = f"Called as ovs-vsctl --syslog-method=unix:{syslog.directory}/log --db=unix:/nonexistent init"
    assert lines[0].decode() == f"<29>ovs|00001|vsctl|INFO|{called}"


ON_DEV_LOG = """
mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && exec "$0" -c '
import socket, subprocess, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
subprocess.run(sys.argv[2:], executable=sys.argv[1], stderr=subprocess.DEVNULL)
log.setblocking(False)
try:
    while True:
        sys.stdout.buffer.write(log.recv(65536) + b"\\n")
except BlockingIOError:
    pass
' "$@"
"""


@pytest.mark.needs_root
@pytest.mark.parametrize(
    "words",
    [
        init(),
        wrong(),
        change("-vFACILITY:mail"),
        init("--no-syslog"),
        ("ovs-vsctl", "add-br", "a\nb"),
        ("ovs-vsctl", "--db=unix:/nonexistent", "-vsyslog:err", "add-br", "a\nb"),
        ("ovs-ofctl", "no-such-command"),
        ("ovsdb-client", "no-such-command"),
    ],
    ids=" ".join,
)
def test_through_the_c_library(tmp_path: Path, words: Sequence[str]) -> None:
    found = {}
    environment = os.environ | {"OVS_RUNDIR": str(tmp_path)}
    for make in ("ours", "peer"):
        path = program(make, words[0])
        command = ["unshare", "-m", "sh", "-c", ON_DEV_LOG, program("ours", "python"), path, *words]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=20, check=True)
        found[make] = CHANGING.sub(b"*", done.stdout)
    assert found["ours"] == found["peer"]
