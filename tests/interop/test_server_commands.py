"""What ovsdb-server's control commands answer, to right and wrong words, beside the peer's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program
from tests.interop.dbservers import DatabaseServer

pytestmark = pytest.mark.interop
COLUMNS = {
    "flag": {"type": "boolean"},
    "level": {"type": {"key": "integer", "min": 0}},
    "names": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
    "numbers": {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}},
    "real": {"type": "real"},
    "text": {"type": "string"},
}
SCHEMA = {
    "name": "T",
    "tables": {
        "A": {"columns": COLUMNS, "isRoot": True},
        "B": {"columns": {"target": {"type": "string"}}, "isRoot": True},
    },
}
# One a line; D is the directory of the server.
COMMANDS = """
ovsdb-server/list-dbs
ovsdb-server/list-dbs x
ovsdb-server/add-db
ovsdb-server/add-db D/nope
ovsdb-server/add-db D/junk
ovsdb-server/add-db D/empty
ovsdb-server/add-db D/db
ovsdb-server/add-db D/other
ovsdb-server/add-db D/other
ovsdb-server/add-db relay:
ovsdb-server/add-db relay:x
ovsdb-server/list-dbs
ovsdb-server/get-db-storage-status
ovsdb-server/get-db-storage-status T
ovsdb-server/get-db-storage-status _Server
ovsdb-server/get-db-storage-status nope
ovsdb-server/compact
ovsdb-server/compact T
ovsdb-server/compact nope
ovsdb-server/compact _Server
ovsdb-server/compact T T
ovsdb-server/remove-db _Server
ovsdb-server/remove-db nope
ovsdb-server/remove-db Other
ovsdb-server/remove-db Other
ovsdb-server/memory-trim-on-compaction
ovsdb-server/memory-trim-on-compaction ON
ovsdb-server/memory-trim-on-compaction on
ovsdb-server/memory-trim-on-compaction off
ovsdb-server/tlog-set
ovsdb-server/tlog-set T on
ovsdb-server/tlog-set T:A
ovsdb-server/tlog-set nope:A on
ovsdb-server/tlog-set T:nope on
ovsdb-server/tlog-set T:A maybe
ovsdb-server/tlog-set :A on
ovsdb-server/tlog-set T: on
ovsdb-server/tlog-set T:A:B on
ovsdb-server/tlog-set _Server:Database on
ovsdb-server/tlog-set T:A on
ovsdb-server/tlog-list
ovsdb-server/tlog-set T:A off
ovsdb-server/tlog-list
ovsdb-server/tlog-list x
ovsdb-server/add-remote
ovsdb-server/add-remote bogus
ovsdb-server/add-remote bogus:x
ovsdb-server/add-remote punix:D/x
ovsdb-server/add-remote punix:D/x
ovsdb-server/add-remote punix:D/nope/x
ovsdb-server/add-remote ptcp:x
ovsdb-server/add-remote pssl:0
ovsdb-server/add-remote tcp:
ovsdb-server/add-remote db:
ovsdb-server/add-remote db:T
ovsdb-server/add-remote db:T,A
ovsdb-server/add-remote db:T,A,text
ovsdb-server/add-remote db:T,A,nope
ovsdb-server/add-remote db:T,nope,x
ovsdb-server/add-remote db:nope,A,x
ovsdb-server/list-remotes
ovsdb-server/remove-remote
ovsdb-server/remove-remote nope
ovsdb-server/remove-remote punix:D/x
ovsdb-server/remove-remote punix:D/x
ovsdb-server/list-remotes
ovsdb-server/reconnect
ovsdb-server/reconnect x
ovsdb-server/perf-counters-show
ovsdb-server/perf-counters-clear
ovsdb-server/sync-status
ovsdb-server/get-active-ovsdb-server
ovsdb-server/connect-active-ovsdb-server
ovsdb-server/disconnect-active-ovsdb-server
ovsdb-server/get-sync-exclude-tables
ovsdb-server/set-sync-exclude-tables T:B,T:A
ovsdb-server/get-sync-exclude-tables
ovsdb-server/set-sync-exclude-tables nope:x,T:A,T:A,
ovsdb-server/get-sync-exclude-tables
ovsdb-server/set-active-ovsdb-server
ovsdb-server/set-active-ovsdb-server unix:D/nope
ovsdb-server/get-active-ovsdb-server
ovsdb-server/set-active-ovsdb-server-probe-interval x
ovsdb-server/set-active-ovsdb-server-probe-interval 0x10
ovsdb-server/set-active-ovsdb-server-probe-interval 99999999999
ovsdb-server/set-active-ovsdb-server-probe-interval 5000
ovsdb-server/connect-active-ovsdb-server
ovsdb-server/sync-status
ovsdb-server/disconnect-active-ovsdb-server
ovsdb-server/sync-status
ovsdb-server/nope
coverage/read-counter nope
vlog/list-pattern
vlog/set nope
vlog/set ovsdb_server:nope
vlog/close
vlog/reopen
vlog/disable-rate-limit nope
exit x
ovsdb-server/disable-monitor-cond x
ovsdb-server/disable-monitor-cond
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[Make, DatabaseServer]]:
    schema = tmp_path / "schema"
    schema.write_text(json.dumps(SCHEMA))
    (tmp_path / "other").write_text(json.dumps(SCHEMA | {"name": "Other"}))
    with (
        DatabaseServer("peer", tmp_path / "peer", str(tmp_path / "peer" / "db"), schema=schema) as peer,
        DatabaseServer("ours", tmp_path / "ours", str(tmp_path / "ours" / "db"), schema=schema) as ours,
    ):
        for server in (peer, ours):
            (server.directory / "junk").write_text("hello\n")
            (server.directory / "empty").touch()
            server.run("ovsdb-tool", "create", str(server.directory / "other"), str(tmp_path / "other"))
        yield {"peer": peer, "ours": ours}


def answer(server: DatabaseServer, line: str) -> str:
    """What a person sees."""
    directory = str(server.directory)
    done = subprocess.run(
        [program("peer", "ovs-appctl"), "-t", f"{directory}/ctl", *re.sub(r"\bD\b", directory, line).split()],
        env=server.environment, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return f"{line}: {done.returncode} {done.stdout}{done.stderr}".replace(directory, "D")


def test_commands_answer_alike(servers: dict[Make, DatabaseServer]) -> None:
    for line in COMMANDS.split("\n")[1:-1]:
        assert answer(servers["ours"], line) == answer(servers["peer"], line)


def logged(server: DatabaseServer) -> list[tuple[str, str, set[str]]]:
    """The level, the table with what happened, and the columns of each line about a transaction."""
    uuid = "[0-9a-f]{8}-[0-9a-f-]{27}"
    lines = re.findall(r"\|transaction\|(\w+)\|(table:\w+,op:\w+),(.*)", re.sub(uuid, "UUID", server.log))
    return [(level, what, set(re.split(r",(?=\w+:)", columns))) for level, what, columns in lines]


def test_tables_are_logged_alike(servers: dict[Make, DatabaseServer]) -> None:
    row = {
        "flag": True, "level": 3, "names": ["set", ["a", "b c", "true"]], "real": 0.5, "text": 'y z,"q',
        "numbers": ["map", [["k", 1], ["l m", 2]]],
    }  # fmt: skip
    for server in servers.values():
        server.control("tlog-set", "T:A", "on")
        for operation in (
            {"op": "insert", "table": "A", "row": {}},
            {"op": "insert", "table": "B", "row": {"target": "not logged"}},
            {"op": "update", "table": "A", "where": [], "row": row},
            {"op": "mutate", "table": "A", "where": [], "mutations": [["level", "+=", 1]]},
            {"op": "delete", "table": "A", "where": []},
        ):
            assert "error" not in json.dumps(server.ask("transact", "T", operation))
        server.control("tlog-set", "T:A", "off")
        server.ask("transact", "T", {"op": "insert", "table": "A", "row": {}})
    assert logged(servers["ours"]) == logged(servers["peer"])
    assert len(logged(servers["ours"])) == 4


@pytest.mark.parametrize(
    "words",
    [
        ("--run=false",),
        ("--run=exit 5",),
        ("--run=kill -9 $$",),
        ("--run=true",),
        ("--run=true", "db"),
        ("--run=true", "--private-key=db:nope,A,text"),
        ("--run=true", "--private-key=db:T,nope,text"),
        ("--run=true", "--certificate=db:T,A,nope"),
        ("--run=true", "--ca-cert=db:T,A,level"),
        ("--run=true", "--certificate=db:T"),
        ("--run=true", "--private-key=db:T,A,text"),
        ("--run=true", "--remote=db:nope,A,text"),
    ],
)
def test_a_server_that_does_one_thing_ends_alike(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "schema").write_text(json.dumps(SCHEMA))
    makes: tuple[Make, Make] = ("peer", "ours")
    told = []
    for make in makes:
        directory = tmp_path / make
        directory.mkdir()
        subprocess.run(
            [program(make, "ovsdb-tool"), "create", str(directory / "db"), str(tmp_path / "schema")],
            check=True,
        )
        done = subprocess.run(
            [program(make, "ovsdb-server"), "--no-chdir", "-vsyslog:off", f"--unixctl={directory}/ctl", *words, "db"],
            cwd=directory, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        said = [line for line in done.stderr.splitlines() if line and "|" not in line]
        told.append((done.returncode, done.stdout, said))
    assert told[1] == told[0]
