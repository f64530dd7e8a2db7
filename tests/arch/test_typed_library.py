"""What a type checker makes of declared tables: a right program passes, each mistake of a wrong one is found."""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parents[2]

DECLARATIONS = """
from __future__ import annotations

from typing import Literal

from vswitch.aio.database import Database
from vswitch.linux.database import BlockingDatabase
from vswitch.ovsdb.change import Outcome
from vswitch.ovsdb.classes import Classes
from vswitch.ovsdb.record import EMPTY, Record, column
from vswitch.ovsdb.replica import Replica
from vswitch.ovsdb.rows import Changes


class Port(Record):
    name: str
    tag: int | None = None
    trunks: set[int] = EMPTY


class Bridge(Record):
    name: str
    ports: set[Port] = EMPTY
    fail_mode: Literal["secure", "standalone"] | None = None
    other_config: dict[str, str] = EMPTY
    class_: str = column(name="class", default="")


TABLES = Classes(Bridge, Port)
REPLICA = Replica("Open_vSwitch", TABLES, conditions={"Bridge": [["name", "==", "br0"]]})
"""

RIGHT = """
def change_it(change: Changes) -> None:
    bridge = change.one(Bridge, name="br0")
    bridge.fail_mode = "secure"
    bridge.other_config |= {"a": "b"}
    bridge.ports.add(Port(name="p", tag=1))
    new: Bridge = change.insert(Bridge(name="br1", ports={*bridge.ports}))
    tags: list[int] = [port.tag + 1 for port in new.ports if port.tag is not None]
    maybe = change.get(Port, name="p")
    if maybe is not None:
        maybe.trunks = {1, 2, *tags}
    change.one("Controller", target="x").whatever = 1


async def follow() -> set[str]:
    async with Database("unix:x", REPLICA) as database:
        outcome: Outcome = await database.commit(change_it)
        async for changes in database.changes():
            for each in changes:
                match database.contents.record(each.row):
                    case Port(name=name):
                        print(name.upper(), outcome.status)
        await database.restrict(Bridge, True)
        return {port.name for bridge in database.contents.rows(Bridge) for port in bridge.ports}


def script() -> list[str]:
    with BlockingDatabase("unix:x", REPLICA) as database:
        return [bridge.name for bridge in database.contents.find(Bridge, name="br0")]
"""

WRONG = """
def change_it(change: Changes) -> None:
    bridge = change.one(Bridge, name="br0")
    bridge.named = "x"  # attr-defined
    bridge.name = 1  # assignment
    bridge.fail_mode = "open"  # assignment
    bridge.ports.add("p")  # arg-type
    bridge.other_config["a"] = 1  # assignment
    Bridge(ports=set())  # call-arg
    Bridge(name="b", named="b")  # call-arg
    Port(name="p", tag="1")  # arg-type
    for port in bridge.ports:
        print(port.tag + 1)  # operator
    change.get(Port, name="p").tag = 1  # union-attr
    text: str = change.insert(Port(name="p"))  # assignment
"""


@pytest.mark.slow
def test_a_type_checker_refuses_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    right = (DECLARATIONS + RIGHT).splitlines()
    wrong = WRONG.replace("def change_it", "def wrong").splitlines()
    program.write_text("\n".join([*right, *wrong, ""]))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    environment = {"MYPYPATH": str(ROOT / "src"), "PATH": sysconfig.get_path("scripts")}
    done = run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    found = {int(line): code for line, code in re.findall(r":(\d+): error: .*\[([a-z-]+)\]", done.stdout)}
    expected = {
        number: line.rpartition("# ")[2]
        for number, line in enumerate([*right, *wrong], 1)
        if number > len(right) and "# " in line
    }
    assert found == expected, done.stdout
    assert len(expected) == 11
