"""`vswitch db`: a journal as history, and transactions undone, on a file and through its server."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from vswitch.cli.vswitch import main


def vswitch_db(path: Path, *words: str, status: int = 0) -> str:
    """What it prints; on stderr, if it is to fail."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        found = main(["db", f"--file={path}", *words])
    assert found == status, errors.getvalue()
    return errors.getvalue() if status else out.getvalue()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1: init, 2: br0, 3: p1 with a tag, 4: other tag, 5: an id, 6: p1 gone."""
    directory = tmp_path_factory.mktemp("history")
    with Daemons(directory, "ours") as daemons:
        for line in (
            "init",
            "add-br br0",
            "add-port br0 p1 tag=5",
            "set port p1 tag=6",
            "set bridge br0 external_ids:a=b",
            "del-port p1",
        ):
            daemons.run("ours", "ovs-vsctl", "--no-wait", *line.split())
    return directory / "conf.db"


@pytest.fixture
def file(journal: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    copy = tmp_path / "conf.db"
    copy.write_bytes(journal.read_bytes())
    return copy


def test_log(journal: Path) -> None:
    lines = vswitch_db(journal, "log").splitlines()
    assert [line.split()[0] for line in lines[::2]] == ["1", "2", "3", "4", "5", "6"]
    assert lines[5].endswith("): ovs-vsctl --no-wait add-port br0 p1 tag=5")
    assert lines[4].endswith("~1 Bridge, +1 Interface, +1 Port")


def test_log_selects(journal: Path) -> None:
    def numbers(*words: str) -> list[int]:
        return [row[0] for row in json.loads(vswitch_db(journal, "log", "-f", "json", *words))["data"]]

    assert numbers("-n", "2") == [5, 6]
    assert numbers("--table=Port") == [2, 3, 4, 6]
    assert numbers("--grep=tag=") == [3, 4]
    assert numbers("--until=2020-01-01") == []
    assert numbers("--since=1 day ago", "--grep=init") == [1]


def test_show(journal: Path) -> None:
    lines = vswitch_db(journal, "show", "4").splitlines()
    assert lines[3].startswith("~ Port p1 (")
    assert lines[4:] == ["    tag: 5 -> 6"]
    assert "ports: -p1" in vswitch_db(journal, "show", "6", "--table=Bridge")
    assert "\x1b[32m+ Port p1" in vswitch_db(journal, "show", "3", "--color=always")
    assert "\x1b" not in vswitch_db(journal, "show", "3")


def test_diff(journal: Path) -> None:
    assert vswitch_db(journal, "diff", "6") == ""
    assert "external_ids: {} -> {a=b}" in vswitch_db(journal, "diff", "3", "5")
    rows = json.loads(vswitch_db(journal, "diff", "3", "4", "-f", "json"))["data"]
    assert [(row[0], *row[2:]) for row in rows] == [("Port", "modify", "tag", "5", "6")]


def test_at(journal: Path) -> None:
    columns = vswitch_db(journal, "at", "3", "Port", "-f", "csv").splitlines()
    assert "Port table" in columns[0]
    assert any(",p1," in line and ",5," in line for line in columns)
    assert "p1" not in vswitch_db(journal, "at", "now")
    assert vswitch_db(journal, "at", "0") == ""
    assert vswitch_db(journal, "at", "2020-01-01") == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "7"], "there is no transaction 7; the last one is 6"),
        (["show", "x"], "there is no transaction x; the last one is 6"),
        (["at", "soon"], "'soon' is not a moment"),
        (["log", "--table=Nope"], "Open_vSwitch has no table Nope"),
        (["log", "-n", "x"], "--number needs a number, not 'x'"),
        (["log", "--color=maybe"], '--color is "auto", "always" or "never", not "maybe"'),
        (["nope"], "unknown command 'nope'"),
    ],
)
def test_what_is_wrong(journal: Path, words: list[str], message: str) -> None:
    assert message in vswitch_db(journal, *words, status=1)


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "No such file" in vswitch_db(tmp_path / "none", "log", status=1)
    (tmp_path / "other").write_text("hello\n")
    assert "unexpected file format" in vswitch_db(tmp_path / "other", "log", status=1)
    (tmp_path / "empty").touch()
    assert "cannot identify file type" in vswitch_db(tmp_path / "empty", "log", status=1)


def test_a_record_that_is_just_being_written_does_not_matter(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])
    assert "there is no transaction 6; the last one is 5" in vswitch_db(file, "show", "6", status=1)


def test_revert_on_a_file(file: Path) -> None:
    assert vswitch_db(file, "revert", "6") == "transaction 6 is undone\n"
    assert vswitch_db(file, "diff", "5", "7") == ""
    assert "undo the transaction of" in vswitch_db(file, "log", "-n", "1")
    assert vswitch_db(file, "revert", "5") == "transaction 5 is undone\n"
    assert "external_ids: {a=b} -> {}" in vswitch_db(file, "show", "8")
    assert vswitch_db(file, "revert", "8") == "transaction 8 is undone\n"
    assert vswitch_db(file, "diff", "5", "9") == ""


def test_revert_refuses_to_undo_what_others_built_on(file: Path) -> None:
    error = vswitch_db(file, "revert", "4", status=1)
    assert error.startswith("vswitch db: cannot undo transaction 4:\n  Port p1 (")
    assert error.endswith("): has been deleted since\n")
    vswitch_db(file, "revert", "6")
    assert "Port p1" in vswitch_db(file, "revert", "3", status=1)
    assert "has been changed since (tag)" in vswitch_db(file, "revert", "3", status=1)


def test_revert_of_a_part_of_a_set_leaves_the_rest(file: Path, tmp_path: Path) -> None:
    with Daemons(tmp_path / "d", "ours", journal=file) as daemons:
        daemons.run("ours", "ovs-vsctl", "--no-wait", "set", "bridge", "br0", "external_ids:c=d")
    file.write_bytes((tmp_path / "d" / "conf.db").read_bytes())
    vswitch_db(file, "revert", "5")
    assert "{c=d}" in vswitch_db(file, "at", "now", "Bridge", "-f", "list")


def test_dry_run(file: Path) -> None:
    before = file.read_bytes()
    operations = json.loads(vswitch_db(file, "revert", "5", "--dry-run"))
    assert [each["op"] for each in operations[1:]] == ["wait", "update", "comment"]
    assert file.read_bytes() == before


@pytest.fixture
def served(file: Path, tmp_path: Path) -> Iterator[Daemons]:
    with Daemons(tmp_path / "served", "ours", journal=file) as daemons:
        yield daemons


def test_revert_through_the_server(served: Daemons) -> None:
    file, server = served.directory / "conf.db", f"--db=unix:{served.socket}"
    assert vswitch_db(file, "revert", "6", server) == "transaction 6 is undone\n"
    assert served.run("ours", "ovs-vsctl", "--no-wait", "list-ports", "br0").stdout == "p1\n"
    assert "cannot undo" in vswitch_db(file, "revert", "6", server, status=1)
    assert "a server has the database" in vswitch_db(file, "revert", "7", status=1)


def test_classes(tmp_path: Path) -> None:
    lines = vswitch_db(tmp_path / "none", "classes").splitlines()
    assert "class Open_vSwitch(Record):" in lines
    assert "    ports: set[Port] = EMPTY" in lines
    schema = tmp_path / "s.ovsschema"
    schema.write_text(
        '{"name": "S", "version": "1.0.0", "tables": {"T": {"columns": {"a": {"type": "real"}}}}}'
    )
    assert "    a: float = 0.0" in vswitch_db(tmp_path / "none", "classes", str(schema)).splitlines()
    assert "No such file" in vswitch_db(tmp_path / "none", "classes", str(tmp_path / "x"), status=1)


def test_what_was_compacted_is_no_change(served: Daemons) -> None:
    served.run("ours", "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/compact")
    file = served.directory / "conf.db"
    error = vswitch_db(file, "revert", "1", f"--db=unix:{served.socket}", status=1)
    assert "transaction 1 is what the database held when it was compacted" in error


def test_what_others_wrote_does_not_steer_the_terminal(served: Daemons) -> None:
    insert = {"op": "insert", "table": "QoS", "uuid-name": "q", "row": {"type": "\x1b[31mred"}}
    port = {
        "op": "update",
        "table": "Interface",
        "where": [],
        "row": {"external_ids": ["map", [["a", "\x07"]]]},
    }
    transaction = json.dumps(
        ["Open_vSwitch", insert, port, {"op": "comment", "comment": "\x1b]0;owned\x07\nmore"}]
    )
    served.run("ours", "ovsdb-client", "transact", transaction)
    text = vswitch_db(served.directory / "conf.db", "log", "-n", "1", "--patch")
    assert "\\x1b]0;owned\\x07\n    more\n" in text
    assert text.replace("\n", "").isprintable()
