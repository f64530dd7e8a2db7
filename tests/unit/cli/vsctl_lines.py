"""ovs-vsctl's commands on a database in memory, one after the other in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from vswitch.cli.ctl.context import Context, Invocation
from vswitch.cli.vsctl import ROW_IDS, commands
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.replica import Replica, everything
from vswitch.ovsdb.schemafiles import schema_path

ROOT = "00000000-0000-0000-0000-00000000000a"


def begin() -> Transaction:
    """A transaction on a database with nothing but the row of Open_vSwitch."""
    replica = Replica("Open_vSwitch", everything)
    replica.connected()
    schema = json.loads(Path(schema_path("vswitch")).read_text())
    for result in (schema, [False, ROOT, {"Open_vSwitch": {ROOT: {"initial": {}}}}]):
        [message] = replica.outgoing()
        replica.receive({"id": message["id"], "result": result, "error": None})
    numbers = count(1)
    return Transaction(replica, lambda: f"10000000-0000-0000-0000-{next(numbers):012}")


class Line:
    """One command line."""

    def __init__(self) -> None:
        self.transaction = begin()
        self.context: Context | None = None

    def run(self, *words: str) -> list[str]:
        """What one command prints; options come before its name."""
        at = next(i for i, word in enumerate(words) if not word.startswith("--"))
        options = {name: value or None for name, _, value in (word.partition("=") for word in words[:at])}
        syntax = commands.by_name[words[at]]
        invocation = Invocation(syntax, options, words[at + 1 :])
        if self.context is None:
            self.context = Context(self.transaction, ROW_IDS, invocation)
        self.context.invocation = invocation
        printed: Iterable[str] | None = syntax.run(self.context, *invocation.words)
        return list(printed or [])
