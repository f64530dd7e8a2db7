"""ovsdb-client beside the peer's, on one database: what they print must be the same."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.interop.daemons import PEER_SCHEMA, Daemons, Make, program

pytestmark = pytest.mark.interop
SELECT = '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name","ports"]}]'
ANY_ORDER = ("list-tables", "list-columns")  # the peer prints these as its hash tables have them
LINES = f"""
list-dbs
list-dbs SERVER
list-dbs unix:/nope
list-dbs nope
get-schema
get-schema SERVER Open_vSwitch
get-schema _Server
get-schema nope
--pretty get-schema _Server
get-schema-version
get-schema-version SERVER _Server
get-schema-cksum
get-schema-cksum _Server
list-tables
list-tables _Server
-f csv list-tables
list-columns
list-columns Open_vSwitch SSL
list-columns SERVER Open_vSwitch Bridge
list-columns Open_vSwitch nope
transact
transact '{SELECT}'
transact SERVER '{SELECT}'
--pretty transact '{SELECT}'
transact '{{}}'
transact '[]'
transact '["nope"]'
transact '["Open_vSwitch",{{"op":"x"}}]'
transact '["Open_vSwitch",{{"op":"comment","comment":"é\\"\\n"}},{{"op":"abort"}}]'
query '{SELECT}'
query '["Open_vSwitch",{{"op":"x"}}]'
query '["Open_vSwitch",{{"op":"delete","table":"Bridge","where":[]}}]'
query '["Open_vSwitch"]'
dump
dump SERVER
dump Open_vSwitch Bridge
dump Open_vSwitch Bridge ports name _uuid
dump Open_vSwitch nope
dump Open_vSwitch Bridge nope
dump _Server Database name model connected
-f list dump Open_vSwitch Bridge
-f json dump Open_vSwitch Bridge
-f csv dump Open_vSwitch Port name tag other_config
-f html dump Open_vSwitch Port name interfaces
-f json dump
--no-headings dump Open_vSwitch Bridge name
-d bare dump Open_vSwitch Port name tag other_config
-d json dump Open_vSwitch Port name tag other_config
--bare dump Open_vSwitch Port name tag other_config
--max-column-width=4 dump Open_vSwitch Port name tag other_config
needs-conversion {PEER_SCHEMA}
wait nope removed
wait Open_vSwitch nope
wait Open_vSwitch added
wait Open_vSwitch connected
monitor Open_vSwitch nope
monitor Open_vSwitch Bridge nope
monitor Open_vSwitch Bridge name name
monitor
monitor-cond Open_vSwitch '[]'
monitor Open_vSwitch Bridge name '!foo'
monitor-cond Open_vSwitch '[["nope","==","x"]]' Bridge name
monitor-cond Open_vSwitch bad Bridge name
list-dbs a b
list-dbs SERVER,unix:/nope
list-dbs unix:/nope,SERVER
list-dbs unix:/nope,unix:/neither
dump SERVER,unix:/nope Open_vSwitch Bridge name
--no-leader-only dump SERVER Open_vSwitch Bridge name
transact nojson
transact '["Open_vSwitch",'
transact a b c
query '["a'
needs-conversion /nope
needs-conversion
convert /nope
lock
wait a
-t 1 wait Open_vSwitch removed
-t 1 wait nope added
query 5
transact 5
transact '"x"'
backup a b c
list-dbs ssl:127.0.0.1:1
nope
-f nope dump
--nope
-t 0 dump
""".strip().splitlines()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with Daemons(tmp_path_factory.mktemp("ovsdb-client"), "peer") as daemons:
        command = "--no-wait -- add-br br0 -- add-port br0 p1 tag=3 other_config:a=b -- add-br br1"
        daemons.run("peer", "ovs-vsctl", *command.split())
        yield daemons


def printed(daemons: Daemons, make: Make, line: str) -> tuple[str, str, int]:
    words = [word.replace("SERVER", f"unix:{daemons.socket}") for word in shlex.split(line)]
    done = daemons.run(make, "ovsdb-client", *words, check=False)
    out = done.stdout
    if any(word in line for word in ANY_ORDER):
        out = "\n".join(sorted(out.replace('["standalone","clustered"]', "").splitlines()))
    errors = [
        re.sub(r"^\S+Z\|\d+\|", "", text.removeprefix("/usr/bin/"))
        for text in done.stderr.splitlines()
        if "|INFO|" not in text and "|stream_ssl|" not in text  # the peer says when `wait` connects
    ]
    return sets_sorted(out), "\n".join(errors), done.returncode


def sets_sorted(text: str) -> str:
    """`text` with the members of enumerations, which the peer prints as they come, in order."""

    def sort(found: re.Match[str]) -> str:
        return '["set",' + json.dumps(sorted(json.loads(found[1])), separators=(",", ":")) + "]"

    return re.sub(r'\["set",(\["[^\[\]]*"\])\]', sort, text)


@pytest.mark.parametrize("line", LINES)
def test_the_same_command_line_prints_the_same(database, line):
    assert printed(database, "ours", line) == printed(database, "peer", line)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{x",
        "5",
        "{}",
        '{"name": "Open_vSwitch"}',
        '{"name": "Open_vSwitch", "tables": {"T": {"columns": {"c": {"type": "nope"}}}}}',
        '{"name": "Open_vSwitch", "tables": {}} x',
    ],
)
def test_files_that_are_no_schema(database, content, tmp_path):
    path = tmp_path / "schema"
    path.write_text(content)
    for command in ("needs-conversion", "convert"):
        line = f"{command} {path}"
        assert printed(database, "ours", line) == printed(database, "peer", line)


WATCHED = {
    "monitor": "monitor Open_vSwitch Bridge name,stp_enable,flood_vlans",
    "two groups": "monitor Open_vSwitch Bridge name !initial,!modify,stp_enable",
    "all": "monitor Open_vSwitch ALL",
    "csv": "-f csv monitor Open_vSwitch Port name tag",
    "no headings": "--no-headings monitor Bridge name,flood_vlans",
    "json": "-f json monitor Bridge name,flood_vlans",
    "cond": """monitor-cond Open_vSwitch '[["name","==","br8"]]' Bridge name,stp_enable,flood_vlans""",
    "since": """monitor-cond-since Open_vSwitch '[["name","!=","br9"]]' Bridge name,stp_enable,flood_vlans""",
}
CHANGES = [
    "add-br br8",
    "set bridge br8 stp_enable=true",
    "set bridge br8 flood_vlans=1,2",
    "set bridge br8 flood_vlans=2,3 stp_enable=false",
    "add-br br9 -- set bridge br8 stp_enable=true",
    "del-br br8 -- del-br br9",
]


def wait_for(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_monitors_print_the_same(database, tmp_path):
    """Every kind of monitor, of both makes, as daemons beside each other, while the database changes."""
    pids = {}
    for number, line in enumerate(WATCHED.values()):
        for make in ("peer", "ours"):
            name = f"{make}{number}"
            with (tmp_path / name).open("w") as out, (tmp_path / f"{name}.err").open("w") as errors:
                done = subprocess.run(
                    [
                        program(make, "ovsdb-client"),
                        "--detach",
                        "--no-chdir",
                        f"--pidfile={tmp_path / name}.pid",
                        "-vconsole:off",
                        *shlex.split(line),
                    ],
                    env=database.environment,
                    stdout=out,
                    stderr=errors,  # not a pipe: a daemon keeps it open
                    timeout=30,
                    check=False,
                )
            assert (done.returncode, (tmp_path / f"{name}.err").read_text()) == (0, "")
            pids[name] = int((tmp_path / f"{name}.pid").read_text())
    for change in CHANGES:
        database.run("peer", "ovs-vsctl", "--no-wait", *change.split())
    for number in range(len(WATCHED)):
        peer, ours = tmp_path / f"peer{number}", tmp_path / f"ours{number}"
        wait_for(lambda: sizes(peer) == sizes(ours), f"{peer.read_text()}\nours:\n{ours.read_text()}")  # noqa: B023
    for name, pid in pids.items():
        control = database.directory / f"ovsdb-client.{pid}.ctl"
        database.run("peer", "ovs-appctl", "-t", str(control), "exit")
        wait_for(lambda: not (tmp_path / f"{name}.pid").exists(), "the pid file goes")  # noqa: B023
    for number, line in enumerate(WATCHED.values()):
        peer, ours = (in_order((tmp_path / f"{make}{number}").read_text()) for make in ("peer", "ours"))
        assert ours == peer, line


def sizes(path: Path) -> int:
    return len(path.read_text())


def in_order(text: str) -> list[str]:
    """The tables' lines; the rows of one update come in any order."""
    if text.startswith("{"):
        return [str(sorted(map(str, json.loads(line)["data"]))) for line in text.splitlines()]
    tables = re.sub(r"last_id: [-0-9a-f]{36}", "last_id", text).split("\n\n")
    return ["\n".join(sorted(table.replace("\n   ", " ").splitlines())) for table in tables]


def test_backup_and_restore(database, tmp_path):
    for make, other in (("ours", "peer"), ("peer", "ours")):
        before = contents(database)
        backup = database.run(make, "ovsdb-client", "backup").stdout
        (tmp_path / make).write_text(backup)
        database.run("peer", "ovs-vsctl", "--no-wait", "del-br", "br0")
        with (tmp_path / make).open() as source:
            done = subprocess.run(
                [program(other, "ovsdb-client"), "restore"],
                env=database.environment,
                stdin=source,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert contents(database) == before
        served = tmp_path / f"{make}.db"
        served.write_text(backup)
        database.run("peer", "ovsdb-tool", "query", str(served), SELECT)


def contents(daemons: Daemons) -> list[str]:
    listed = daemons.run("peer", "ovs-vsctl", "--no-wait", "-f", "csv", "--columns=name,tag", "list", "port")
    return sorted(listed.stdout.splitlines())


def test_locks(database, tmp_path):
    with (tmp_path / "first").open("w") as out:
        first = subprocess.Popen(
            [program("ours", "ovsdb-client"), "lock", "x"], env=database.environment, stdout=out
        )
    wait_for(lambda: (tmp_path / "first").read_text() == '{"locked":true}\n', "our lock")
    second = subprocess.Popen(
        [program("peer", "ovsdb-client"), "steal", "x"], env=database.environment, stdout=subprocess.DEVNULL
    )
    wait_for(lambda: (tmp_path / "first").read_text().endswith('stolen\n["x"]\n'), "the lock is stolen")
    second.terminate()
    second.wait(10)
    wait_for(lambda: (tmp_path / "first").read_text().endswith('locked\n["x"]\n'), "the lock comes back")
    first.terminate()
    assert first.wait(10)


def test_needs_conversion_and_convert(tmp_path):
    schema = json.loads(PEER_SCHEMA.read_text())
    schema["version"] = "9.9.9"
    schema["tables"]["Bridge"]["columns"]["more"] = {"type": "string"}
    (tmp_path / "new").write_text(json.dumps(schema))
    (tmp_path / "run").mkdir()
    with Daemons(tmp_path / "run", "peer") as daemons:
        assert (
            daemons.run("ours", "ovsdb-client", "needs-conversion", str(tmp_path / "new")).stdout == "yes\n"
        )
        daemons.run("ours", "ovsdb-client", "convert", str(tmp_path / "new"))
        assert daemons.run("ours", "ovsdb-client", "get-schema-version").stdout == "9.9.9\n"
        assert daemons.run("ours", "ovsdb-client", "needs-conversion", str(tmp_path / "new")).stdout == "no\n"
