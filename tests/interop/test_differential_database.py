"""The peer's database server and ours, asked the same: answers, updates of monitors and files must agree.

The machine makes a random schema, serves it with both, and does random things to both.  It ends by loading the file
that either left with the other.  `VSWITCH_DIFFERENTIAL=N` runs N examples, of a hundred steps each, with fresh seeds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.interop.daemons import Make, program
from tests.interop.dbservers import Client, DatabaseServer, Json
from tests.interop.dbstreams import Stream, schema

pytestmark = pytest.mark.interop
MAKES: tuple[Make, Make] = ("ours", "peer")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EXAMPLES = int(os.environ.get("VSWITCH_DIFFERENTIAL", "0"))
SEEDS = st.integers(0, 2**32 - 1)
ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Make, DatabaseServer]]:
    path = tmp_path_factory.mktemp("servers")
    (path / "schema").write_text(json.dumps({"name": "Idle", "tables": {}}))
    both = {make: DatabaseServer(make, path / make, "db", schema=path / "schema") for make in MAKES}
    yield both
    for server in both.values():
        server.__exit__()


class Side:
    """One of the two: its server, its clients, and the names that its rows have here."""

    def __init__(self, server: DatabaseServer, schema_path: Path) -> None:
        self.server = server
        self.file = server.directory / "d.db"
        self.file.unlink(missing_ok=True)
        server.run("ovsdb-tool", "create", str(self.file), str(schema_path))
        assert server.control("add-db", str(self.file)) in ("", "None")
        self.writer, self.watcher = server.client(), server.client()
        for client in (self.writer, self.watcher):
            client.ask("set_db_change_aware", True)
        self.named: dict[str, str] = {}

    def name_rows(self, results: Json) -> None:
        """Rows that were inserted have the same names on both sides."""
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict) and "uuid" in result:
                self.named.setdefault(result["uuid"][1], f"row {len(self.named)}")

    def plain(self, value: Json) -> Json:
        """`value` without what may differ: names of rows, and the order of what has none."""
        match value:
            case ["set", list(elements)]:
                return ["set", sorted((self.plain(each) for each in elements), key=json.dumps)]
            case ["map", list(pairs)]:
                return ["map", sorted((self.plain(each) for each in pairs), key=json.dumps)]
            case list():
                return [self.plain(each) for each in value]
            case dict():
                plain = {UUID.sub(self._name, key): self.plain(each) for key, each in value.items()}
                if isinstance(plain.get("rows"), list):
                    plain["rows"].sort(key=lambda row: json.dumps(row, sort_keys=True))
                return plain
            case str():
                return UUID.sub(self._name, value)
            case _:
                return value

    def _name(self, match: re.Match[str]) -> str:
        return self.named.get(match[0], match[0])

    def updates(self) -> Json:
        """What the watcher has been told, transactions' ids left out, in the order of the monitors' ids."""
        self.watcher.ask("echo")
        heard, self.watcher.heard = self.watcher.heard, []
        told = [
            [each["method"], each["params"][0], _with_changes(self.plain(each["params"][-1]))]
            for each in heard
        ]
        return sorted((each for each in told if each[-1]), key=lambda each: json.dumps(each, sort_keys=True))

    def close(self) -> None:
        self.writer.__exit__()
        self.watcher.__exit__()
        self.server.control("remove-db", "D")


def _with_changes(updates: Json) -> Json:
    """<table-updates> without rows that were modified in nothing: the peer tells them now and then."""
    tables = {
        name: {row: update for row, update in rows.items() if update != {"modify": {}}}
        for name, rows in updates.items()
    }
    return {name: rows for name, rows in tables.items() if rows}


def contents(make: Make, path: Path, schema: Json) -> Json:
    """What a tool of one make finds in a file."""
    found = {}
    for name, table in schema["tables"].items():
        columns = [name for name, column in table["columns"].items() if not column.get("ephemeral")]
        select = ["D", {"op": "select", "table": name, "where": [], "columns": [*columns, "_uuid"]}]
        done = subprocess.run(
            [program(make, "ovsdb-tool"), "query", str(path), json.dumps(select)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)[0]["rows"]
        found[name] = sorted(
            (_in_order(row) for row in rows), key=lambda row: json.dumps(row, sort_keys=True)
        )
    return found


def _in_order(row: Json) -> Json:
    return {
        name: [value[0], sorted(value[1], key=json.dumps)]
        if value.__class__ is list and value[0] != "uuid"
        else value
        for name, value in row.items()
    }


def _without_choices(operations: tuple[Json, ...], results: Json) -> Json:
    """`results`, where of several mistakes in a row, or in several rows, any may be told: they have no order."""
    if not isinstance(results, list):
        return results
    results = list(results)
    for number, (operation, result) in enumerate(zip(operations, results, strict=False)):
        rows = _rows(operation)
        several = any(len(row) > 1 for row in rows) or _n_mutations(operation) > 1
        if isinstance(result, dict) and "error" in result and several:
            results[number] = "some error"
    if len(results) > len(operations) and isinstance(results[-1], dict):
        results[-1] = results[-1][
            "error"
        ]  # of several columns or rows that are wrong together, any may be told
    return results


def _n_mutations(operation: Json) -> int:
    return len(operation.get("mutations", ())) if isinstance(operation, dict) else 0


def _rows(operation: Json) -> list[Json]:
    if not isinstance(operation, dict):
        return []
    return [row for row in [operation.get("row"), *operation.get("rows", [])] if isinstance(row, dict)]


class Databases(RuleBasedStateMachine):
    """Both servers, with one database each."""

    servers: dict[Make, DatabaseServer]
    loads_files = True

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        rng = Random(seed)
        self.schema = schema(rng)
        path = self.servers["peer"].directory / "d.schema"
        path.write_text(json.dumps(self.schema))
        self.sides = [Side(self.servers[make], path) for make in MAKES]
        self.stream = Stream(rng, self.schema)
        self.monitors: list[int] = []
        self.n_monitors = 0

    def both(self, ask: str, *params: Json, watching: bool = False) -> Json:
        """Ask both the same; the answer, if it is one."""
        answers = []
        for side in self.sides:
            client: Client = side.watcher if watching else side.writer
            answer = client.ask(ask, *params)
            if ask == "transact":
                side.name_rows(answer)
            answers.append(side.plain(answer))
        if ask == "monitor_cond_since" and isinstance(answers[0], list):
            answers = [[each[0], each[2]] for each in answers]
        if ask in ("monitor_cond", "monitor_cond_since"):  # several tables may each have a mistake
            answers = ["error" if isinstance(each, dict) and "error" in each else each for each in answers]
        if ask == "transact":
            answers = [_without_choices(params[1:], answer) for answer in answers]
        assert answers[0] == answers[1], (ask, json.dumps(params))
        return answers[0]

    def check_updates(self) -> None:
        ours, peers = (side.updates() for side in self.sides)
        assert ours == peers

    @rule(seed=SEEDS)
    def transact(self, seed: int) -> None:
        self.stream.rng.seed(seed)
        self.both("transact", "D", *self.stream.transaction())
        self.check_updates()

    @rule(seed=SEEDS, version=st.sampled_from([1, 2, 3]))
    @precondition(lambda self: len(self.monitors) < 4)
    def monitor(self, seed: int, version: int) -> None:
        self.stream.rng.seed(seed)
        self.n_monitors += 1
        requests = self.stream.monitor(with_conditions=version > 1)
        if version == 3:
            answer = self.both("monitor_cond_since", "D", self.n_monitors, requests, ZERO, watching=True)
        else:
            method = "monitor" if version == 1 else "monitor_cond"
            answer = self.both(method, "D", self.n_monitors, requests, watching=True)
        if answer != "error" and not (isinstance(answer, dict) and "error" in answer):
            self.monitors.append(self.n_monitors)

    @rule(seed=SEEDS)
    @precondition(lambda self: self.monitors)
    def change_conditions(self, seed: int) -> None:
        rng = self.stream.rng
        rng.seed(seed)
        old, self.n_monitors = rng.choice(self.monitors), self.n_monitors + 1
        table = rng.choice(self.stream.tables)
        where = {table: [{"where": [self.stream.condition(table) for _ in range(rng.randint(0, 2))]}]}
        answer = self.both("monitor_cond_change", old, self.n_monitors, where, watching=True)
        if answer == {}:
            self.monitors[self.monitors.index(old)] = self.n_monitors
        self.check_updates()

    @rule(seed=SEEDS)
    @precondition(lambda self: self.monitors)
    def cancel_monitor(self, seed: int) -> None:
        monitor = self.monitors.pop(seed % len(self.monitors))
        self.both("monitor_cancel", monitor, watching=True)

    @rule()
    def compact(self) -> None:
        for side in self.sides:
            side.server.control("compact", "D")

    def teardown(self) -> None:
        if not hasattr(self, "sides"):
            return
        columns = {name: [*table["columns"], "_uuid"] for name, table in self.schema["tables"].items()}
        selects = [
            {"op": "select", "table": name, "where": [], "columns": columns[name]}
            for name in self.stream.tables
        ]
        try:
            self.both("transact", "D", *selects)
        finally:
            for side in self.sides:
                side.close()
        if self.loads_files:
            for side in self.sides:
                assert contents("ours", side.file, self.schema) == contents("peer", side.file, self.schema)


def test_random_databases(servers: dict[Make, DatabaseServer]) -> None:
    Databases.servers = servers
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Databases,
        settings=settings(
            max_examples=EXAMPLES or 8,
            stateful_step_count=100 if EXAMPLES else 40,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
