"""Every command of a control socket with words that make no sense: an answer, and a daemon that goes on."""

from __future__ import annotations

import json
import random
import socket
from itertools import product
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons

WORDS = (
    "", " ", "9" * 5000, "-1", "0", "1", "4294967296", "0x10", "²", "٣", "\x01", "\ud83d\ude00", "true", "{", "[]", "/", "a" * 3000,
    "br0", "p1", "br0,p1", "10", "00:00:00:00:00:01", "in_port=1", "in_port=1,tcp,nw_src=9.9.9.9", "-generate", "output:1",
    "dummy@ovs-dummy", "-m", "--names", "in_port(1),eth(),eth_type(0x800),ipv4()", "ffffffffffff0000000000010800", "ufid:1",
    "Open_vSwitch", "_Server", "tcp:1.2.3.4:5", "punix:/nonexistent/x", "db:Open_vSwitch,Open_vSwitch,manager_options", "db:x",
    "ANY:console:dbg", "PATTERN:console:x",
)  # fmt: skip
ENDING = frozenset(
    ("exit", "time/stop", "time/warp", "vlog/close")
)  # what would end the daemon, its time or its log
COUNTS = (0, 1, 1, 1, 2, 3)  # of words


@pytest.mark.interop
@pytest.mark.parametrize("name", ["ovs-vswitchd", "ovsdb-server"])
def test_words_that_make_no_sense(name: str, tmp_path: Path) -> None:
    rng = random.Random(7)
    with Daemons(tmp_path, "ours", "ours") as daemons:
        daemons.run("ours", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        daemons.run(
            "ours", "ovs-vsctl", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy"
        )
        path = next(tmp_path.glob(f"{name}.*.ctl"))
        listing = ask(path, "list-commands", [])["result"]
        commands = {line.split()[0] for line in listing.splitlines()[1:]} - ENDING
        assert len(commands) > 30
        for command, count in product(sorted(commands), COUNTS):
            words = [rng.choice(WORDS) for _ in range(count)]
            reply = ask(path, command, words)
            assert (reply["result"] is None) != (reply["error"] is None), (command, words)
        assert daemons.processes[name].poll() is None
    assert "Traceback" not in (tmp_path / f"{name}.log").read_text(errors="replace")


def ask(path: Path, command: str, words: list[str]) -> dict[str, str | None]:
    """The reply to one command."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(20)
        door.connect(str(path))
        door.sendall(json.dumps({"id": 0, "method": command, "params": words}).encode())
        received, decoder = "", json.JSONDecoder()
        while True:
            data = door.recv(1 << 20)
            assert data, f"no answer to {command} {words}"
            received += data.decode()
            try:
                return decoder.raw_decode(received)[0]
            except ValueError:
                continue
