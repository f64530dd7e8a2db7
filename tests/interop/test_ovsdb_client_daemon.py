"""ovsdb-client in the background beside the peer's: the commands that it takes, and every form of what it prints."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make, program
from tests.interop.dbservers import until

pytestmark = pytest.mark.interop
MAKES: tuple[Make, ...] = ("peer", "ours")


class Background(AbstractContextManager["Background"]):
    """An ovsdb-client of one make, as a daemon."""

    def __init__(self, daemons: Daemons, make: Make, directory: Path, *words: str) -> None:
        self._daemons = daemons
        self._name = f"{make}{len([*directory.iterdir()])}"
        self._out = directory / self._name
        pid = directory / f"{self._name}.pid"
        options = ["--detach", "--no-chdir", f"--pidfile={pid}", "-vconsole:off"]
        command = [program(make, "ovsdb-client"), *options, *words]
        with self._out.open("w") as out, (directory / f"{self._name}.err").open("w") as errors:
            done = subprocess.run(
                command, env=daemons.environment, stdout=out, stderr=errors, timeout=30, check=False
            )
        assert (done.returncode, (directory / f"{self._name}.err").read_text()) == (0, "")
        self._pid = int(pid.read_text())
        self._pid_file = pid

    @property
    def text(self) -> str:
        """What it has printed."""
        return self._out.read_text()

    @property
    def is_alive(self) -> bool:
        """Whether its pid file is there."""
        return self._pid_file.exists()

    def say(self, *words: str) -> tuple[str, str, int]:
        """What it answers to a command."""
        control = f"{self._daemons.directory}/ovsdb-client.{self._pid}.ctl"
        done = self._daemons.run("peer", "ovs-appctl", "-t", control, *words, check=False)
        return done.stdout, done.stderr.replace(control, "CONTROL"), done.returncode

    def __exit__(self, *exc: object) -> None:
        if self.is_alive:
            self.say("exit")
            until(lambda: not self.is_alive)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("client-daemon"), "peer") as daemons:
        yield daemons


@pytest.fixture(autouse=True)
def bridges(database: Daemons) -> None:
    change(
        database, "emer-reset -- --if-exists del-br br0 -- --if-exists del-br br1 -- --if-exists del-br br2"
    )
    change(database, "init -- add-br br0 -- set bridge br0 external_ids:a=b flood_vlans=1,2 -- add-br br1")


def change(database: Daemons, line: str) -> None:
    database.run("peer", "ovs-vsctl", "--no-wait", *line.split())


def both(database: Daemons, tmp_path: Path, stack: ExitStack, line: str) -> list[Background]:
    """A client of each make."""
    words = shlex.split(line)
    return [stack.enter_context(Background(database, make, tmp_path, *words)) for make in MAKES]


def plain(text: str) -> str:
    """`text` without what differs from moment to moment, the rows of a table in a fixed order."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME", text)
    text = re.sub(r"last_id: [-0-9a-f]{36}", "last_id", text)
    text = re.sub(r"\b([xy])_(peer|ours)", r"\1", text)
    return "\n\n".join("\n".join(sorted(table.splitlines())) for table in text.split("\n\n"))


def settle(clients: list[Background]) -> None:
    """Wait until all have printed the same; fail with both texts if they never do."""
    deadline = time.monotonic() + 5
    while True:
        peer, ours = (plain(client.text) for client in clients)
        if ours == peer or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    assert ours == peer


BLOCKING = """
ovsdb-client/unblock
CHANGE set bridge br0 stp_enable=true
ovsdb-client/block
ovsdb-client/block
CHANGE set bridge br0 stp_enable=false
CHANGE set bridge br0 fail_mode=secure
ovsdb-client/unblock
ovsdb-client/unblock
CHANGE set bridge br0 fail_mode=[]
ovsdb-client/block x
nope
ovsdb-client/cond_change
ovsdb-client/cond_change Bridge
ovsdb-client/cond_change Bridge [] x
unlock
unlock x
version x
list-commands x
CHANGE del-br br1
""".strip().splitlines()

CONDITIONS = """
CHANGE set bridge br1 stp_enable=true
ovsdb-client/cond_change Bridge '[["name","==","br0"]]'
CHANGE set bridge br1 stp_enable=false
CHANGE set bridge br0 stp_enable=true
ovsdb-client/cond_change Bridge '[["name","==","br1"]]'
ovsdb-client/cond_change Bridge [true]
ovsdb-client/cond_change Bridge '[["name","==","br0"],["name","==","br1"]]'
ovsdb-client/cond_change Bridge []
CHANGE set bridge br0 flood_vlans=7
ovsdb-client/block
ovsdb-client/cond_change Bridge '[["stp_enable","==",true]]'
ovsdb-client/unblock
CHANGE del-br br0
""".strip().splitlines()

WRONG_CONDITIONS = """
ovsdb-client/cond_change Bridge '{}'
ovsdb-client/cond_change Bridge '"x"'
ovsdb-client/cond_change Bridge '[["nope","==",1]]'
ovsdb-client/cond_change Nope '[]'
CHANGE set bridge br0 stp_enable=true
""".strip().splitlines()


def converse(database: Daemons, clients: list[Background], lines: list[str]) -> None:
    """Say each line to both, and let the database change; what they answer and print is the same."""
    for line in lines:
        if line.startswith("CHANGE "):
            change(database, line.removeprefix("CHANGE "))
        else:
            peer, ours = (client.say(*shlex.split(line)) for client in clients)
            assert ours == peer, line
        settle(clients)
        assert len({client.is_alive for client in clients}) == 1, line


@pytest.mark.parametrize("command", ["monitor Open_vSwitch", "monitor-cond Open_vSwitch []"])
def test_blocking(database: Daemons, tmp_path: Path, command: str) -> None:
    with ExitStack() as stack:
        line = f"{command} Bridge name,stp_enable,fail_mode"
        converse(database, both(database, tmp_path, stack, line), BLOCKING)


@pytest.mark.parametrize("command", ["monitor-cond", "monitor-cond-since"])
@pytest.mark.parametrize("lines", [CONDITIONS, WRONG_CONDITIONS], ids=["right", "wrong"])
def test_conditions(database: Daemons, tmp_path: Path, command: str, lines: list[str]) -> None:
    with ExitStack() as stack:
        line = f"{command} Open_vSwitch [] Bridge name,stp_enable,flood_vlans"
        converse(database, both(database, tmp_path, stack, line), lines)


LOCKING = [
    (0, "lock", 1),
    (0, "lock", 1),  # an error: it has asked already
    (1, "lock", 1),
    (0, "unlock", 1),
    (0, "unlock", 1),
    (1, "steal", 0),  # an error, too
    (0, "unlock", 0),
    (0, "steal", 1),
    (1, "unlock", 1),
    (0, "lock", None),
    (0, "unlock", None),
    (0, "ovsdb-client/block", None),
]


def test_locks(database: Daemons, tmp_path: Path) -> None:
    """Two clients of each make, about two locks of their own."""
    with ExitStack() as stack:
        names = {make: (f"x_{make}", f"y_{make}") for make in MAKES}
        pairs = [
            [
                stack.enter_context(Background(database, make, tmp_path, "lock", names[make][0]))
                for make in MAKES
            ]
            for _ in range(2)
        ]
        for who, method, what in LOCKING:
            answers = [
                client.say(method, *([names[make][what]] if what is not None else []))
                for make, client in zip(MAKES, pairs[who], strict=True)
            ]
            assert answers[1] == answers[0], (who, method, what)
            for clients in pairs:
                settle(clients)


OPTIONS = [
    "",
    "--timestamp",
    "--data=bare",
    "--data=json --no-headings",
    "--pretty",
    "--bare",
    "--max-column-width=6",
]
FORMS = [(format, options) for format in ("table", "list", "html", "csv", "json") for options in OPTIONS]
FORMS.remove(("json", "--timestamp"))  # with which the peer's crashes


@pytest.mark.parametrize(("format", "options"), FORMS)
def test_forms(database: Daemons, tmp_path: Path, format: str, options: str) -> None:
    with ExitStack() as stack:
        change(database, "del-br br1")  # rows come in any order
        line = f"-f {format} {options} monitor Open_vSwitch Bridge name,flood_vlans,external_ids,stp_enable"
        clients = both(database, tmp_path, stack, line)
        converse(
            database, clients, ["CHANGE set bridge br0 flood_vlans=3 stp_enable=true", "CHANGE del-br br0"]
        )


def test_json_with_times(database: Daemons, tmp_path: Path) -> None:
    with Background(
        database, "ours", tmp_path, "-f", "json", "--timestamp", "monitor", "Bridge", "name"
    ) as ours:
        change(database, "del-br br1")
        until(lambda: ours.text.count("\n") == 2)
        times = [json.loads(line)["time"] for line in ours.text.splitlines()]
        assert times == sorted(times)
