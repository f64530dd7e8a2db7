"""ovsdb-server beside the peer's: the same requests get the same answers, the same changes the same updates.

UUIDs that a server makes are random, so they are replaced by the order in which they appear; rows come in no order.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop
VECTORS = Path(__file__).parents[1] / "vectors" / "ovsdb"
SCHEMA = VECTORS / "test.ovsschema"
BOTH: tuple[Make, Make] = ("peer", "ours")


def create(make: Make, database: Path) -> None:
    subprocess.run([program(make, "ovsdb-tool"), "create", database, SCHEMA], check=True)


@contextmanager
def server(make: Make, database: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of one make on a file; its socket is beside the file."""
    if not database.exists():
        create(make, database)
    path = Path(f"{database}.sock")
    process = subprocess.Popen(
        [
            program(make, "ovsdb-server"),
            "-vconsole:off",
            "-vsyslog:off",
            f"--remote=punix:{path}",
            f"--unixctl={database}.ctl",
            *options,
            database,
        ],
        env={**os.environ, "OVS_RUNDIR": str(database.parent)},
    )
    deadline = time.monotonic() + 20
    while True:
        with suppress(OSError):
            Client(database).close()
            break
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        path.unlink(missing_ok=True)


class Client:
    """A JSON-RPC client in Python values."""

    def __init__(self, database: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        try:
            self.socket.connect(f"{database}.sock")
        except OSError:
            self.socket.close()
            raise
        self._rest = ""
        self._n = 0

    def close(self) -> None:
        self.socket.close()

    def send(self, method: str, *params: Any, id: Any = None) -> None:
        request = {"method": method, "params": list(params), "id": id}
        self.socket.sendall(json.dumps(request).encode())

    def receive(self) -> Any:
        while True:
            self._rest = self._rest.lstrip()
            with suppress(ValueError):
                value, end = json.JSONDecoder().raw_decode(self._rest)
                self._rest = self._rest[end:]
                return value
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError
            self._rest += data.decode()

    def ask(self, method: str, *params: Any) -> tuple[list[Any], Any]:
        """The updates that came before the answer, and the answer."""
        self._n += 1
        self.send(method, *params, id=self._n)
        updates = []
        while (message := self.receive()).get("id") != self._n:
            updates.append([message["method"], message["params"]])
        return updates, message.get("error") or message["result"]


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def normal(answer: Any) -> str:
    """`answer` with rows sorted and made-up UUIDs replaced."""
    text = json.dumps(_sorted(answer), sort_keys=True)
    text = UUID.sub(lambda found: found[0] if found[0].startswith("00000000") else "UUID", text)
    # Which of several offenders is named depends on hashing.
    text = re.sub(r"  First row, with .*?\.\"", '"', text)
    text = re.sub(
        r"Table \w column \w+ row [-0-9]{36} (references nonexistent row) .*? in table \w", r"\1", text
    )
    return re.sub(r"(cannot delete) \w row [-0-9]{36} because of \d", r"\1", text)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: sorted(each, key=lambda row: json.dumps(row, sort_keys=True))
            if name == "rows"
            else _sorted(each)
            for name, each in value.items()
            if name != "_version"
        }
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def telling(updates: list[Any]) -> list[Any]:
    """The updates without what tells nothing: that a column changed which only a condition looks at."""
    kept = []
    for method, (name, tables) in updates:
        told = {
            table: shown
            for table, rows in tables.items()
            if (shown := {uuid: row for uuid, row in rows.items() if row != {"modify": {}}})
        }
        if told:
            kept.append([method, name, told])
    return sorted(kept, key=lambda update: str(update[:2]))


def requests() -> list[tuple[str, list[Any]]]:
    found = []
    for line in (VECTORS / "requests.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            request = json.loads(line)
            if isinstance(request, list):
                request = {"method": "transact", "params": ["T", *request]}
            found.append((request["method"], request["params"]))
    return found


# What the peer does and we do not: 2^63 as a double in an error message, the cksum and the order of _Server's rows.
DIFFERENT = ("9223372036854775808", "_Server")


def test_every_request_gets_the_peers_answer(tmp_path: Path) -> None:
    answers: dict[Make, list[str]] = {make: [] for make in BOTH}
    for make in BOTH:
        with server(make, tmp_path / make):
            client = Client(tmp_path / make)
            for method, params in requests():
                if not any(word in json.dumps(params) for word in DIFFERENT):
                    answers[make].append(
                        f"{method} {json.dumps(params)}\n{normal(client.ask(method, *params)[1])}"
                    )
            client.close()
    assert answers["ours"] == answers["peer"]


# A UUID serves in one table only: the peer takes a reference to a row of another table with a row's own UUID for one
# to itself, and so accepts it though there is no such row.
UUIDS = {
    table: [f"00000000-0000-0000-000{number}-00000000000{n}" for n in range(4)]
    for number, table in enumerate("ABIM")
}
U = UUIDS["B"]
refs = st.lists(st.sampled_from(U), max_size=3, unique=True).map(
    lambda us: ["set", [["uuid", u] for u in us]]
)
rows_of = {
    "A": st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["a", "b"]),
            "x": st.integers(-3, 3),
            "i": st.lists(st.integers(0, 11), max_size=4, unique=True).map(lambda atoms: ["set", atoms]),
            "m": st.dictionaries(st.sampled_from("kl"), st.integers(0, 2)).map(
                lambda d: ["map", list(map(list, d.items()))]
            ),
            "strong": refs,
            "weak": refs,
            "imin": st.integers(1, 3),
            "e": st.sampled_from(["x", "y"]),
        },
    ),
    "B": st.fixed_dictionaries(
        {}, optional={"name": st.sampled_from("pq"), "next": st.sampled_from(U).map(lambda u: ["uuid", u])}
    ),
    "I": st.fixed_dictionaries({}, optional={"a": st.sampled_from("12"), "b": st.integers(0, 1)}),
    "M": st.fixed_dictionaries({}, optional={"a": st.sampled_from("12")}),
}
conditions = {
    "A": st.sampled_from(
        [
            ["name", "==", "a"],
            ["x", "<", 1],
            ["i", "includes", 1],
            ["m", "excludes", ["map", [["k", 1]]]],
            ["imin", ">", 1],
            ["strong", "!=", ["set", []]],
        ]
    ),
    "B": st.sampled_from([["name", "==", "p"], ["next", "==", ["set", []]]]),
    "I": st.sampled_from([["a", "==", "1"], ["b", "!=", 0]]),
    "M": st.sampled_from([["a", "==", "1"]]),
}
mutations = {
    "A": st.sampled_from(
        [["x", "+=", 1], ["x", "*=", 1 << 40], ["x", "/=", 0], ["i", "insert", 5], ["i", "delete", ["set", [1, 2]]], ["i", "+=", 1],
         ["m", "insert", ["map", [["k", 1]]]], ["m", "delete", "k"], ["strong", "insert", ["uuid", U[0]]], ["weak", "insert", ["uuid", U[1]]], ["strong", "delete", ["uuid", U[0]]]]
    ),
    "B": st.sampled_from([["next", "delete", ["uuid", U[0]]]]),
    "I": st.sampled_from([["b", "+=", 1]]),
    "M": st.sampled_from([["a", "insert", "x"]]),
}  # fmt: skip


@st.composite
def operations(draw: st.DrawFn) -> Any:
    table = draw(st.sampled_from("AABBIM"))
    where = draw(
        st.lists(
            conditions[table] | st.sampled_from(UUIDS[table]).map(lambda u: ["_uuid", "==", ["uuid", u]]),
            max_size=2,
        )
    )
    match draw(st.sampled_from(["insert", "insert", "select", "update", "mutate", "delete"])):
        case "insert":
            return {
                "op": "insert",
                "table": table,
                "row": draw(rows_of[table]),
                "uuid": draw(st.sampled_from(UUIDS[table])),
            }
        case "select":
            return {"op": "select", "table": table, "where": where}
        case "update":
            return {"op": "update", "table": table, "where": where, "row": draw(rows_of[table])}
        case "mutate":
            return {
                "op": "mutate",
                "table": table,
                "where": where,
                "mutations": draw(st.lists(mutations[table], min_size=1, max_size=2)),
            }
        case _:
            return {"op": "delete", "table": table, "where": where}


MONITORS = [
    ("monitor", "all", {table: {"columns": columns} for table, columns in {"A": ["i", "m", "name", "strong", "weak", "x"], "B": ["name", "next"], "I": ["a", "b"]}.items()}),
    ("monitor_cond", "cond", {"A": [{"columns": ["i", "m", "name", "strong", "weak"], "where": [["x", ">", 0]]}], "B": [{"columns": ["name", "next"]}]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Make, Path]]:
    """A server of each make, for the whole module."""
    folder = tmp_path_factory.mktemp("pair")
    databases = {make: folder / make for make in BOTH}
    with server("peer", databases["peer"]), server("ours", databases["ours"]):
        yield databases


def clear(client: Client) -> None:
    client.ask("transact", "T", *({"op": "delete", "table": table, "where": []} for table in "WAIMB"))


@settings(suppress_health_check=list(HealthCheck))
@given(transactions=st.lists(st.lists(operations(), min_size=1, max_size=4), min_size=1, max_size=8))
def test_any_transactions_come_to_the_same(pair: dict[Make, Path], transactions: list[list[Any]]) -> None:
    told: dict[Make, list[str]] = {make: [] for make in BOTH}
    for make in BOTH:
        client = Client(pair[make])
        clear(client)
        for method, name, monitored in MONITORS:
            told[make].append(normal(client.ask(method, "T", name, monitored)[1]))
        for transaction in transactions:
            updates, answer = client.ask("transact", "T", *transaction)
            told[make].append(json.dumps(transaction) + "\n" + normal(telling(updates)) + normal(answer))
        client.close()
    assert told["ours"] == told["peer"]


@pytest.mark.parametrize(("writer", "reader"), [("ours", "peer"), ("peer", "ours")])
def test_each_opens_the_others_file(tmp_path: Path, writer: Make, reader: Make) -> None:
    database = tmp_path / "db"
    with server(writer, database):
        client = Client(database)
        for method, params in requests():
            if method == "transact" and params[:1] == ["T"]:
                client.ask(method, *params)
        before = contents(client)
        client.close()
    for again in (reader, writer):
        with server(again, database):
            client = Client(database)
            assert contents(client) == before
            client.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": again}})
            before = contents(client)
            client.close()
        subprocess.run([program(reader, "ovsdb-tool"), "compact", database], check=True)


def contents(client: Client) -> str:
    """Everything that is to survive a restart."""
    tables = {}
    for table in "ABIMW":
        _, (answer,) = client.ask("transact", "T", {"op": "select", "table": table, "where": []})
        for row in answer["rows"]:
            row.pop("_version")
            row.pop("eph", None)
        tables[table] = answer
    return json.dumps(_sorted(tables), sort_keys=True)


def test_a_second_server_is_kept_off_the_file(tmp_path: Path) -> None:
    for holder in BOTH:
        database = tmp_path / f"db-{holder}"
        with server(holder, database):
            for other in BOTH:
                done = subprocess.run(
                    [
                        program(other, "ovsdb-server"),
                        "-vconsole:off",
                        f"--unixctl={tmp_path / 'ctl'}",
                        database,
                    ],
                    capture_output=True,
                    text=True,
                    timeout=20,
                )
                assert done.returncode == 1
                assert "failed to lock lockfile (Resource temporarily unavailable)" in done.stderr


def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path: Path) -> None:
    database = tmp_path / "db"
    acknowledged: set[str] = set()

    def work(number: int) -> None:
        client = Client(database)
        with suppress(EOFError, OSError):
            for n in range(10_000):
                name = f"{number}-{n}"
                two = [{"op": "insert", "table": "I", "row": {"a": f"{name}{half}"}} for half in "xy"]
                client.ask("transact", "T", *two, {"op": "commit", "durable": n % 2 == 0})
                acknowledged.add(name)
        client.close()

    for round in range(6):
        with server("ours", database) as process:
            workers = [threading.Thread(target=work, args=(round * 10 + n,)) for n in range(4)]
            for worker in workers:
                worker.start()
            time.sleep(0.15)
            process.send_signal(signal.SIGKILL)
            for worker in workers:
                worker.join()
    with server("ours", database):
        client = Client(database)
        _, (answer,) = client.ask(
            "transact", "T", {"op": "select", "table": "I", "where": [], "columns": ["a"]}
        )
        client.close()
    halves = {row["a"] for row in answer["rows"]}
    names = {half[:-1] for half in halves}
    assert acknowledged <= names
    assert halves == {name + half for name in names for half in "xy"}


def test_a_torn_record_is_cut_off_and_other_damage_reported(tmp_path: Path) -> None:
    database = tmp_path / "db"
    with server("ours", database):
        client = Client(database)
        for name in ("first", "second", "third"):
            client.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": name}})
        client.close()
    whole = database.read_bytes()
    database.write_bytes(whole[:-5])
    with server("ours", database):
        client = Client(database)
        assert "second" in contents(client)
        assert "third" not in contents(client)
        client.close()
    # The last record is a whole one, too, whose transaction was acknowledged: not for us to drop.
    for word in (b"first", b"third"):
        damaged = whole.replace(word, word.swapcase())
        database.write_bytes(damaged)
        done = subprocess.run(
            [program("ours", "ovsdb-server"), f"--unixctl={tmp_path / 'ctl'}", database],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert "SHA-1" in done.stderr
        assert database.read_bytes() == damaged


@pytest.mark.parametrize("make", BOTH)
def test_both_makes_say_nothing_to_those_who_do_not_speak_json_rpc(
    pair: dict[Make, Path], make: Make
) -> None:
    for nonsense in (
        b"hello ",
        b"[]",
        b'{"id":1,"method":"echo"}',
        b'{"a":1,}',
        b'{"id":1,"method":"echo","params":["\\ud800"]}',
    ):
        client = Client(pair[make])
        client.socket.sendall(nonsense)
        with pytest.raises(EOFError):
            client.receive()
        client.close()
    client = Client(pair[make])
    assert client.ask("echo", 1)[1] == [1]
    client.close()


def test_the_peers_tools_on_our_server(tmp_path: Path) -> None:
    database = tmp_path / "db"
    remote = f"unix:{database}.sock"
    with server("ours", database):
        client = Client(database)
        client.ask("transact", "T", {"op": "insert", "table": "I", "row": {"a": "x", "b": 3}})
        client.close()

        def ask(*words: str) -> str:
            command = [program("peer", "ovsdb-client"), *words]
            return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

        assert ask("list-dbs", remote) == "T\n_Server\n"
        assert ask("-f", "csv", "dump", remote, "T", "I", "a", "b") == "I table\na,b\nx,3\n"
        assert ask("get-schema-version", remote, "T") == "1.2.3\n"
        assert json.loads(ask("backup", remote, "T").splitlines()[1])["name"] == "T"
        assert (
            ask(
                "-f",
                "csv",
                "query",
                remote,
                json.dumps(["T", {"op": "select", "table": "I", "where": [], "columns": ["a"]}]),
            )
            == '[{"rows":[{"a":"x"}]}]\n'
        )
        control = [program("peer", "ovs-appctl"), "-t", f"{database}.ctl"]
        assert (
            subprocess.run([*control, "ovsdb-server/list-dbs"], capture_output=True, text=True).stdout
            == "T\n_Server\n"
        )
        subprocess.run([*control, "ovsdb-server/compact"], check=True)
    assert database.read_bytes().count(b"OVSDB JSON") == 2
