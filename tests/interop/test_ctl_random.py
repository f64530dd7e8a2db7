"""ovs-vsctl and vtep-ctl beside the peer's on random command lines: what they say, and what they leave behind."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.ctl_lines import VSCTL_LINES, VSCTL_WORDS, VTEP_LINES, VTEP_WORDS, Words, lines
from tests.interop.daemons import Daemons, Make
from tests.interop.test_vsctl import canonical, contents, dump, names_of
from vswitch.linux.jsonrpc_client import connect
from vswitch.linux.sockets import TlsOptions

pytestmark = pytest.mark.interop
SCHEMAS = Path("/usr/share/openvswitch")


@dataclass(frozen=True)
class Tool:
    """A program, the database that it is for, and the grammar of its command lines."""

    name: str
    schema: Path
    options: Sequence[str]
    templates: Sequence[str]
    words: Words
    beginning: str


VSCTL = Tool(
    "ovs-vsctl",
    SCHEMAS / "vswitch.ovsschema",
    ["--no-syslog", "--no-wait"],
    VSCTL_LINES,
    VSCTL_WORDS,
    "add-br br0 -- add-br br1 -- add-br vlan5 br0 5 -- add-port br0 p0 -- add-port vlan5 p1",
)
VTEP = Tool(
    "vtep-ctl",
    SCHEMAS / "vtep.ovsschema",
    ["--no-syslog"],
    VTEP_LINES,
    VTEP_WORDS,
    "add-ps ps0 -- add-port ps0 p0 -- add-ls ls0 -- add-ls ls1",
)


class Side:
    """A database of its own, on which the program of one make works."""

    def __init__(self, tool: Tool, make: Make, server: Make, directory: Path) -> None:
        directory.mkdir()
        self.tool, self.make = tool, make
        self.daemons = Daemons(directory, server, schema=tool.schema)
        self.database = connect(f"unix:{self.daemons.socket}", TlsOptions())

    def do(self, line: str) -> tuple[str, str, int, list[str]]:
        """What a command line prints, on stderr too, its status, and the rows that it leaves."""
        words = [*self.tool.options, *shlex.split(line)]
        done = self.daemons.run(self.make, self.tool.name, *words, check=False)
        rows = dump(self.database, self.tool.schema)
        names = names_of(rows)
        printed = canonical(done.stdout, names)
        if any(option in line for option in ("-f ", "-d json", "-d bare", "--bare")):
            printed = str(sorted(printed))  # rows come in the order of their UUIDs
        errors = canonical(done.stderr.replace(f"/usr/bin/{self.tool.name}", self.tool.name), names)
        return printed, errors, done.returncode, contents(rows, names)

    def close(self) -> None:
        self.database.close()
        self.daemons.__exit__()


@pytest.mark.parametrize(
    ("tool", "server", "seed"),
    [(VSCTL, "peer", 1), (VSCTL, "ours", 2), (VTEP, "peer", 3), (VTEP, "ours", 4)],
    ids=lambda value: value.name if isinstance(value, Tool) else str(value),
)
def test_random_lines_come_to_the_same(tool: Tool, server: Make, seed: int, tmp_path: Path) -> None:
    count = int(os.environ.get("CTL_LINES", "60"))
    seed = int(os.environ.get("CTL_SEED", seed))
    peer, ours = Side(tool, "peer", "peer", tmp_path / "peer"), Side(tool, "ours", server, tmp_path / "ours")
    differences = []
    try:
        for line in [tool.beginning, *lines(tool.templates, tool.words, seed, count)]:
            expected, found = peer.do(line), ours.do(line)
            if expected != found:
                differences.append(f"{line}\n  peer: {expected[:3]}\n  ours: {found[:3]}")
            if expected[-1] != found[-1]:
                differences.append(f"{line}\n  left: {set(expected[-1]) ^ set(found[-1])}")
                break  # what follows would differ, too
    except subprocess.TimeoutExpired as error:
        differences.append(str(error))
    finally:
        peer.close()
        ours.close()
    assert not differences, "\n".join(differences)
