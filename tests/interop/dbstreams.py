"""Random schemas, and random transactions and monitors on databases of such schemas: mostly valid, sometimes not.

Everything comes from a `random.Random`, so that a seed says it all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

Json = Any
STRINGS = ["", "a", "b", "ab", "x y", 'q"\\', "é", "\t\n", "𝄞", "true", "0", "a" * 40]
INTEGERS = [0, 1, -1, 2, 3, 5, 100, -100, 2**31, -(2**31), 2**63 - 1, -(2**63), 2**53 + 1]
REALS = [0.0, 1.0, -1.5, 0.1, 1e100, -1e-7, 123456789.125, 1e15, 1e16, 3.0e-300, 2.5]
MUTATORS = ["+=", "-=", "*=", "/=", "%=", "insert", "delete", "insert", "delete"]
FUNCTIONS = ["==", "!=", "includes", "excludes", "<", "<=", ">", ">=", "==", "=="]


def schema(rng: Random) -> Json:
    """A database schema called D."""
    names = [f"T{n}" for n in range(rng.randint(2, 3))]
    return {"name": "D", "version": "1.0.0", "tables": {name: _table(rng, name, names) for name in names}}


def _table(rng: Random, name: str, names: list[str]) -> Json:
    columns = {f"c{n}": _column(rng, names) for n in range(rng.randint(3, 7))}
    columns["k"] = {"type": "integer"}
    table: dict[str, Json] = {"columns": columns, "isRoot": name == "T0" or rng.random() < 0.5}
    if rng.random() < 0.15:
        table["maxRows"] = rng.randint(2, 6)
    plain = [name for name, column in columns.items() if not column.get("ephemeral")]
    if rng.random() < 0.4:
        table["indexes"] = [rng.sample(plain, min(len(plain), rng.randint(1, 2)))]
    return table


def _column(rng: Random, names: list[str]) -> Json:
    column: dict[str, Json] = {"type": _type(rng, names)}
    if rng.random() < 0.1:
        column["ephemeral"] = True
    if rng.random() < 0.1:
        column["mutable"] = False
    return column


def _type(rng: Random, names: list[str]) -> Json:
    key = _base(rng, names)
    if rng.random() < 0.35:
        return {"key": key}
    result = {
        "key": key,
        "min": rng.choice([0, 0, 0, 1]),
        "max": rng.choice([1, 2, 3, "unlimited", "unlimited"]),
    }
    if rng.random() < 0.3:
        result["value"] = _base(rng, names)
    return result


def _base(rng: Random, names: list[str]) -> Json:
    match rng.choice(["integer", "integer", "real", "boolean", "string", "string", "uuid", "ref", "ref"]):
        case "integer":
            if rng.random() < 0.3:
                return {
                    "type": "integer",
                    "minInteger": rng.choice([-5, 0]),
                    "maxInteger": rng.choice([3, 100]),
                }
            if rng.random() < 0.2:
                return {"type": "integer", "enum": ["set", [0, 1, 5]]}
            return {"type": "integer"}
        case "real":
            return (
                {"type": "real", "minReal": -2.5, "maxReal": 1e9} if rng.random() < 0.3 else {"type": "real"}
            )
        case "string":
            if rng.random() < 0.2:
                return {"type": "string", "enum": ["set", ["", "a", "b"]]}
            return {"type": "string", "maxLength": 3} if rng.random() < 0.2 else {"type": "string"}
        case "ref":
            kind = rng.choice(["strong", "weak"])
            return {"type": "uuid", "refTable": rng.choice(names), "refType": kind}
        case other:
            return {"type": other}


@dataclass(slots=True)
class Stream:
    """What is asked of one database."""

    rng: Random
    schema: Json
    # Of rows that were asked for, by table.  No two tables share one: the peer takes a reference to a row of another
    # table with the same UUID as the referring row's for one of the row to itself, and lets it dangle.
    uuids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def tables(self) -> list[str]:
        """The names of the tables."""
        return list(self.schema["tables"])

    def transaction(self) -> list[Json]:
        """Some operations."""
        names: list[str] = []
        return [self._operation(names) for _ in range(self.rng.choice([1, 1, 2, 3, 5]))]

    def _operation(self, names: list[str]) -> Json:
        rng = self.rng
        table = rng.choice(self.tables)
        op = rng.choices(
            [
                "insert",
                "update",
                "mutate",
                "delete",
                "select",
                "wait",
                "comment",
                "assert",
                "commit",
                "abort",
                "?",
            ],
            [30, 14, 16, 6, 14, 8, 2, 1, 3, 1, 1],
        )[0]
        match op:
            case "insert":
                return self._insert(table, names)
            case "update":
                return {"op": op, "table": table, "where": self.where(table), "row": self._row(table, names)}
            case "mutate":
                mutations = [self._mutation(table, names) for _ in range(rng.randint(1, 2))]
                return {"op": op, "table": table, "where": self.where(table), "mutations": mutations}
            case "delete":
                return {"op": op, "table": table, "where": self.where(table)}
            case "select":
                return {"op": op, "table": table, "where": self.where(table), "columns": self.columns(table)}
            case "wait":
                return self._wait(table, names)
            case "comment":
                return {"op": op, "comment": rng.choice(STRINGS)}
            case "assert":
                return {"op": op, "lock": "l"}
            case "commit":
                return {"op": op, "durable": rng.random() < 0.3}
            case "abort":
                return {"op": op}
            case _:
                return rng.choice(
                    [{"op": "nope"}, 3, {}, {"op": "select", "table": table}, {"op": "abort", "x": 1}]
                )

    def _insert(self, table: str, names: list[str]) -> Json:
        operation = {"op": "insert", "table": table, "row": self._row(table, names)}
        if self.rng.random() < 0.9:
            operation["uuid"] = self._uuid(table, 0.05)
            self.uuids[table].append(operation["uuid"])
        if self.rng.random() < 0.6:
            name = f"n{len(names)}" if self.rng.random() < 0.95 else "n0"
            names.append(name)
            operation["uuid-name"] = name
        return operation

    def _wait(self, table: str, names: list[str]) -> Json:
        columns = self.columns(table)
        rows = [self._row(table, names, columns) for _ in range(self.rng.randint(0, 2))]
        return {
            "op": "wait", "table": table, "where": self.where(table), "columns": columns, "rows": rows,
            "until": self.rng.choice(["==", "!=", "!="]), "timeout": 0,
        }  # fmt: skip

    def _uuid(self, table: str, known: float) -> str:
        """One of a row of `table`, with that probability, or a new one."""
        if self.uuids[table] and self.rng.random() < known:
            return self.rng.choice(self.uuids[table])
        return self._fresh()

    def _fresh(self) -> str:
        text = f"{self.rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def columns(self, table: str) -> list[str]:
        """Some columns of a table; `_version` is never the same twice."""
        names = [*self.schema["tables"][table]["columns"], "_uuid"]
        return self.rng.sample(names, self.rng.randint(1, len(names)))

    def _row(self, table: str, names: list[str], columns: list[str] | None = None) -> Json:
        every = self.schema["tables"][table]["columns"]
        chosen = list(columns or self.rng.sample(list(every), self.rng.randint(0, len(every))))
        return {name: self._value(every[name]["type"], names) for name in chosen if name in every}

    def where(self, table: str) -> list[Json]:
        """Conditions."""
        return [self.condition(table) for _ in range(self.rng.choice([0, 1, 1, 1, 2]))]

    def condition(self, table: str) -> Json:
        """One condition."""
        if self.rng.random() < 0.03:
            return self.rng.random() < 0.5
        if self.rng.random() < 0.3 and self.uuids[table]:
            return [
                "_uuid",
                self.rng.choice(["==", "==", "!=", "includes"]),
                ["uuid", self.rng.choice(self.uuids[table])],
            ]
        every = self.schema["tables"][table]["columns"]
        name = self.rng.choice(list(every))
        return [name, self.rng.choice(FUNCTIONS), self._value(every[name]["type"], [])]

    def _mutation(self, table: str, names: list[str]) -> Json:
        every = self.schema["tables"][table]["columns"]
        name = self.rng.choice(list(every))
        type = every[name]["type"]
        mutator = self.rng.choice(MUTATORS)
        if mutator == "delete" and isinstance(type, dict) and "value" in type and self.rng.random() < 0.5:
            return [name, mutator, self._set(type["key"], names)]
        if mutator in ("insert", "delete"):
            return [name, mutator, self._value(type, names)]
        return [name, mutator, self.rng.choice([1, 2, 0, -1, 2**62, 0.5, 3])]

    def _value(self, type: Json, names: list[str]) -> Json:
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice([None, 1.5, "s", ["set", 3], ["map", []], [], {}, ["uuid", "x"], True, 2**70])
        if isinstance(type, str):
            return self._atom({"type": type}, names)
        if "value" in type:
            n = rng.choice([0, 1, 1, 2, 3])
            return [
                "map",
                [[self._atom(type["key"], names), self._atom(type["value"], names)] for _ in range(n)],
            ]
        if type.get("max", 1) == 1 and (type.get("min", 1) == 1 or rng.random() < 0.6):
            return self._atom(type["key"], names)
        return self._set(type["key"], names)

    def _set(self, base: Json, names: list[str]) -> Json:
        return ["set", [self._atom(base, names) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3, 5]))]]

    def _atom(self, base: Json, names: list[str]) -> Json:
        rng = self.rng
        base = {"type": base} if isinstance(base, str) else base
        if "enum" in base and rng.random() < 0.9:
            return rng.choice(base["enum"][1])
        match base["type"]:
            case "integer":
                return rng.randint(0, 3) if rng.random() < 0.8 else rng.choice(INTEGERS)
            case "real":
                return rng.choice([0, 1, 2.5]) if rng.random() < 0.6 else rng.choice(REALS)
            case "boolean":
                return rng.random() < 0.5
            case "string":
                return rng.choice(["a", "b", ""]) if rng.random() < 0.6 else rng.choice(STRINGS)
            case _:
                if names and rng.random() < 0.5:
                    return ["named-uuid", rng.choice(names)]
                return [
                    "uuid",
                    self._uuid(base.get("refTable", self.tables[0]), 0.9),
                ]

    def monitor(self, *, with_conditions: bool) -> Json:
        """<monitor-requests>, or <monitor-cond-requests>."""
        chosen = self.rng.sample(self.tables, self.rng.randint(1, len(self.tables)))
        return {table: [self._monitored(table, with_conditions)] for table in chosen}

    def _monitored(self, table: str, with_conditions: bool) -> Json:
        request: dict[str, Json] = {"columns": self.columns(table)}
        if self.rng.random() < 0.3:
            events = ["initial", "insert", "delete", "modify"]
            request["select"] = dict.fromkeys(self.rng.sample(events, self.rng.randint(1, 2)), False)
        if with_conditions and self.rng.random() < 0.6:
            request["where"] = [self.condition(table) for _ in range(self.rng.randint(0, 2))]
        return request
