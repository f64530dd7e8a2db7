"""ovsdb-tool beside the peer's on random command lines: what it says, and what it does to files."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.ctl_lines import Words, lines
from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop

COLUMNS = {
    "name": {"type": "string"},
    "n": {"type": {"key": {"type": "integer", "maxInteger": 9}}},
    "m": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
    "e": {"type": "string", "ephemeral": True},
}
SCHEMA = {
    "name": "D",
    "version": "1.0.0",
    "cksum": "1 2",
    "tables": {"T": {"columns": COLUMNS, "isRoot": True}},
}
NEWER = SCHEMA | {
    "version": "1.1.0",
    "tables": {
        "T": {"columns": COLUMNS | {"x": {"type": "real"}}, "indexes": [["name"]]},
        "U": {"columns": {}},
    },
}
OTHER = {"name": "E", "tables": {"V": {"columns": {"v": {"type": {"key": "uuid", "min": 0}}}}}}
WORDS: Words = {
    "db": ["db", "db", "db2", "new", "fresh", "none", "torn", "garbage", "empty", "raft", "dir", "damaged"],
    "schema": ["schema", "newer", "other", "none", "bad", "wrong", "db", "empty"],
    "copy": ["copy", "copy2", "db", "dir/copy"],
    "name": ["a", "b", "c"],
    "number": ["0", "3", "9", "10", '"x"'],
    "m": ["-m", "-mm", "-mmm", "--more", "--more --more", "-m --more"],
    "where": ["[]", '[["name","==","{name}"]]', '[["n","<",{number}]]', '[["nope","==",1]]', '[["name","==",1]]', "{}"],
    "op": [
        '{"op":"insert","table":"T","row":{"name":"{name}","n":{number}}}',
        '{"op":"insert","table":"T","row":{"name":"{name}","m":["map",[["k","v"],["a","{name}"]]],"e":"gone"}}',
        '{"op":"insert","table":"{table}","row":{"nope":1}}',
        '{"op":"update","table":"T","where":{where},"row":{"n":{number}}}',
        '{"op":"mutate","table":"T","where":{where},"mutations":[["n","+=",{number}]]}',
        '{"op":"mutate","table":"T","where":{where},"mutations":[["m","delete",["set",["k"]]]]}',
        '{"op":"delete","table":"{table}","where":{where}}',
        '{"op":"select","table":"{table}","where":{where},"columns":["name","n"]}',
        '{"op":"comment","comment":"two words é"}', '{"op":"abort"}', '{"op":"commit","durable":true}', '{"op":"x"}', "{}",
        '{"op":"wait","table":"T","where":[],"columns":["name"],"until":"!=","rows":[],"timeout":0}',
        '{"op":"assert","lock":"l"}',
    ],
    "table": ["T", "T", "T", "U", "nope"],
    "name-of": ["D", "D", "E", "nope"],
}  # fmt: skip
LINES = [
    "create {db} {schema}", "create {db}", "create", "compact {db}", "compact {db} {copy}", "convert {db} {schema}",
    "convert {db} {schema} {copy}", "needs-conversion {db} {schema}", "db-name {db}", "db-version {db}", "db-cksum {db}",
    "schema-name {schema}", "schema-version {schema}", "schema-cksum {schema}", "db-is-standalone {db}",
    "db-is-clustered {db}", "db-cid {db}", "db-sid {db}", "db-local-address {db}", "check-cluster {db}",
    "check-cluster raft raft", "cluster-to-standalone {copy} raft", "cluster-to-standalone {copy} none", "show-log {db}", "{m} show-log {db}", "{m} show-log {db}",
    "query {db} '[\"{name-of}\",{op}]'", "transact {db} '[\"{name-of}\",{op}]'", "transact db '[\"D\",{op}]'",
    "transact db '[\"D\",{op},{op}]'", "transact db '[\"D\",{op}]'", "query {db} '{where}'",
    "transact {db} nonsense", "transact {db}", "query db '[\"D\"]'", "--role=r transact db '[\"D\",{op}]'", "nope",
    "compact {db} {copy} more", "-m", "show-log {db} {db}", "convert db newer", "convert db schema", "compact db",
]  # fmt: skip


def beginning(directory: Path) -> None:
    """The files that there are at first, as the peer makes them."""
    for name, schema in {"schema": SCHEMA, "newer": NEWER, "other": OTHER, "wrong": {"name": 1}}.items():
        (directory / name).write_text(json.dumps(schema))
    (directory / "bad").write_text("{")
    (directory / "empty").touch()
    (directory / "garbage").write_text("hello\n" * 30)
    (directory / "dir").mkdir()
    insert = json.dumps(["D", {"op": "insert", "table": "T", "row": {"name": "first"}}])
    for words in (
        ["create", "db", "schema"],
        ["transact", "db", insert],
        ["create", "db2", "other"],
        ["create-cluster", "raft", "db", "tcp:127.0.0.1:1"],
    ):
        subprocess.run(
            [program("peer", "ovsdb-tool"), *words], cwd=directory, check=True, capture_output=True
        )
    whole = (directory / "db").read_bytes()
    (directory / "torn").write_bytes(whole[:-5])
    (directory / "damaged").write_bytes(whole.replace(b'"first"', b'"worst"'))


class Side:
    """A directory in which the program of one make works."""

    def __init__(self, make: Make, directory: Path) -> None:
        self.make, self.directory = make, directory
        self.known: dict[bytes, str] = {}  # what the peer sees in files, by their bytes

    def do(self, line: str) -> tuple[str, str, int, dict[str, str]]:
        """What a command line prints, on stderr too, its status, and what is in the files then."""
        done = self.run(self.make, *shlex.split(line))
        out = self.plain(done.stdout)
        if '"select"' in line:
            out = str(sorted(out))  # rows come in the order of their UUIDs
        if "show-log" in line:
            out = "\n".join(sorted(out.splitlines()))  # the peer's columns come in any order
        return out, self.plain(done.stderr), done.returncode, self.contents()

    def run(self, make: Make, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
        environment |= {
            f"OVS_{what}DIR": str(self.directory) for what in ("RUN", "LOG", "DB", "SYSCONF", "PKGDATA")
        }
        return subprocess.run(
            [program(make, "ovsdb-tool"), *words],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def contents(self) -> dict[str, str]:
        """What the peer sees in each file."""
        return {
            str(path.relative_to(self.directory)): self.log(path)
            for path in sorted(self.directory.rglob("*"))
            if path.is_file() and not path.name.endswith(".~lock~")
        }

    def log(self, path: Path) -> str:
        data = path.read_bytes()
        if not data.startswith(b"OVSDB JSON"):
            return data.decode(errors="replace")
        if data not in self.known:
            self.known[data] = self.show(path)
        return self.known[data]

    def show(self, path: Path) -> str:
        return "\n".join(
            sorted(self.plain(self.run("peer", "-mm", "show-log", str(path)).stdout).splitlines())
        )

    def plain(self, text: str) -> str:
        text = text.replace(str(self.directory), "DIR").replace("/usr/bin/", "")
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?(\|\d+\|)?", "<time>", text)
        text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>", text)
        text = re.sub(r"(\(|\brow )[0-9a-f]{8}\b", r"\1<uuid>", text)
        text = re.sub(r"(by ovsdb-tool) [\d.]+", r"\1", text)
        text = re.sub(r"(SHA-1 hash|hash) [0-9a-f]{40}", r"\1 <hash>", text)
        return text.strip()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_lines_come_to_the_same(seed: int, tmp_path: Path) -> None:
    count = int(os.environ.get("TOOL_LINES", "40"))
    seed = int(os.environ.get("TOOL_SEED", seed))
    (tmp_path / "peer").mkdir()
    beginning(tmp_path / "peer")
    shutil.copytree(tmp_path / "peer", tmp_path / "ours")
    peer, ours = Side("peer", tmp_path / "peer"), Side("ours", tmp_path / "ours")
    differences = []
    for line in lines(LINES, WORDS, seed, count):
        expected, found = peer.do(line), ours.do(line)
        if expected[:3] != found[:3]:
            differences.append(f"{line}\n  peer: {expected[:3]}\n  ours: {found[:3]}")
        if expected[3] != found[3]:
            wrong = [name for name in expected[3] | found[3] if expected[3].get(name) != found[3].get(name)]
            differences.append(
                f"{line}\n  files: "
                + "".join(f"{name}: {expected[3].get(name)}\n ours: {found[3].get(name)}\n" for name in wrong)
            )
            break
    assert not differences, "\n".join(differences)
