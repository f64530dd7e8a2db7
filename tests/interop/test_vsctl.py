"""ovs-vsctl beside the peer's: the same command lines, each on a database of its own, must come to the same.

UUIDs are random, so they are replaced by what they stand for, and what is printed in their order is sorted.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.daemons import PEER_SCHEMA, Daemons, Make
from vswitch.linux.jsonrpc_client import Connection, connect
from vswitch.linux.sockets import TlsOptions

pytestmark = pytest.mark.interop
Rows = dict[str, dict[str, object]]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHOWN = ("Bridge ", "Port ", "Interface ", "Manager ", "Controller ", "Physical_Switch ", "Physical_Port ")
ON_PURPOSE = "12345678-1234-1234-1234-12345678901"  # typed by the scenarios themselves


def scenarios(path: Path) -> dict[str, list[str]]:
    """The command lines of each scenario by its title."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("= "):
            lines = found[line[2:]] = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return found


SCENARIOS = scenarios(Path(__file__).parents[1] / "vectors" / "vsctl.txt")


def dump(database: Connection, schema_file: Path = PEER_SCHEMA) -> Rows:
    """Every row of the database by UUID, with its table as `_table`."""
    schema = json.loads(schema_file.read_text())
    tables = sorted(schema["tables"])
    selects = [{"op": "select", "table": table, "where": []} for table in tables]
    database.send({"id": 0, "method": "transact", "params": [schema["name"], *selects]})
    rows = {}
    for table, result in zip(tables, database.receive()["result"], strict=True):
        for row in result["rows"]:
            del row["_version"]
            uuid = row.pop("_uuid")[1]
            rows[uuid] = row | {"_table": table}
    return rows


def in_order(text: str, name: Callable[[str], str]) -> str:
    """JSON text with the members of sets of UUIDs in the order of their names."""
    return re.sub(
        r'\["set", \[(\["uuid", "[-0-9a-f]+"\](, \["uuid", "[-0-9a-f]+"\])+)\]\]',
        lambda found: str(sorted(UUID.findall(found[0]), key=name)),
        text,
    )


def names_of(rows: Rows) -> dict[str, str]:
    """A name for each UUID that says what row it is of."""

    def describe(uuid: str, depth: int) -> str:
        row = rows.get(uuid)
        if row is None:
            return "<gone>"
        if "name" in row and row["name"] != ["set", []]:
            return f"<{row['_table']} {row['name']}>"
        text = in_order(json.dumps(row, sort_keys=True), lambda each: describe(each, 0))
        return "<" + UUID.sub(lambda found: describe(found[0], depth - 1) if depth else "…", text) + ">"

    return {uuid: describe(uuid, 2) for uuid in rows}


def canonical(text: str, names: dict[str, str]) -> str:
    """`text` with its UUIDs named, and what stands in the order of UUIDs put into the order of names."""
    text = text.replace("/usr/bin/ovs-vsctl: ", "ovs-vsctl: ")  # getopt prints what was typed
    text = re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text, flags=re.MULTILINE)
    text = re.sub(r'"(#?)([0-9a-f]{8})-[-0-9a-f]{27}">\2<', r'"\1<uuid>"><uuid><', text)
    # The rows of a set are printed in the order of their UUIDs.
    text = re.sub(
        rf"\[({UUID.pattern}(?:, {UUID.pattern})+)\]",
        lambda found: "[" + ", ".join(sorted(found[1].split(", "), key=lambda u: names.get(u, ""))) + "]",
        text,
    )
    text = UUID.sub(
        lambda found: found[0] if found[0].startswith(ON_PURPOSE) else names.get(found[0], "<new>"), text
    )
    blocks = text.split("\n\n")
    if len(blocks) > 1:
        return "\n\n".join(sorted(block.strip("\n") for block in blocks))
    return "\n".join(sort_tree(text.splitlines()))


def sort_tree(lines: list[str]) -> list[str]:
    """Lines with those that are indented under the same line sorted, each with what is under it."""
    groups: list[list[str]] = []
    for line in lines:
        deeper = groups and len(line) - len(line.lstrip(" ")) > len(groups[0][0]) - len(
            groups[0][0].lstrip(" ")
        )
        if deeper:
            groups[-1].append(line)
        else:
            groups.append([line])
    sortable = any(line.lstrip().startswith(SHOWN) for line in lines)
    groups = [[group[0], *sort_tree(group[1:])] for group in groups]
    return [line for group in (sorted(groups) if sortable else groups) for line in group]


def contents(rows: Rows, names: dict[str, str]) -> list[str]:
    """The rows, without their UUIDs."""
    lines = []
    for uuid, row in rows.items():
        text = in_order(json.dumps(row, sort_keys=True), lambda each: names.get(each, ""))
        lines.append(f"{names[uuid]} {UUID.sub(lambda found: names.get(found[0], '<gone>'), text)}")
    return sorted(lines)


class Side:
    """One of the two: a database with its server, and the make of the ovs-vsctl that works on it."""

    def __init__(self, daemons: Daemons, make: Make) -> None:
        self.daemons = daemons
        self.make = make
        self.database = connect(f"unix:{daemons.socket}", TlsOptions())

    def do(self, line: str) -> tuple[str, str, int, list[str]]:
        """What a command line prints, what it prints on stderr, its status, and the rows that it leaves."""
        words = shlex.split(line)
        done = self.daemons.run(self.make, "ovs-vsctl", "--no-wait", "--no-syslog", *words, check=False)
        rows = dump(self.database)
        names = names_of(rows)
        printed = canonical(done.stdout, names)
        if "-f table" in line or "-f csv" in line:
            printed = "\n".join(sorted(printed.splitlines()))  # rows come in the order of their UUIDs
        return printed, canonical(done.stderr, names), done.returncode, contents(rows, names)


@pytest.mark.parametrize(
    ("title", "server"), [(title, ("peer", "ours")[at % 2]) for at, title in enumerate(SCENARIOS)]
)
def test_the_same_command_lines_come_to_the_same(title: str, server: Make, tmp_path: Path) -> None:
    """The peer's program with the peer's server, ours with a server of either make, in turn."""
    (tmp_path / "peer").mkdir()
    (tmp_path / "ours").mkdir()
    with Daemons(tmp_path / "peer", "peer") as its, Daemons(tmp_path / "ours", server) as our:
        peer, ours = Side(its, "peer"), Side(our, "ours")
        differences = []
        for line in SCENARIOS[title]:
            expected, found = peer.do(line), ours.do(line)
            if expected != found:
                differences.append(f"{line}\n  peer: {expected}\n  ours: {found}")
            if expected[-1] != found[-1]:
                break  # what follows would differ, too
        peer.database.close()
        ours.database.close()
    assert not differences, "\n".join(differences)
