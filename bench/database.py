"""The database server beside Open vSwitch's: transactions, dumps, fan-out, compaction, memory.

Every measurement starts a server of one make on a fresh file, talks JSON-RPC to it over a Unix socket from other
processes, and is taken in turn with the other make's.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench.report import Row, medians, paired_ratios, take_turns

SCHEMA = {
    "name": "Bench",
    "version": "1.0.0",
    "tables": {
        "Thing": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "number": {"type": "integer"},
                "ids": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
                "tags": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
            },
        },
        "Other": {"isRoot": True, "columns": {"name": {"type": "string"}}},
    },
}
N_DUMP = int(os.environ.get("BENCH_ROWS", "100000"))
N_MONITORS = 100
N_IDLE = 1000
N_UPDATES = (
    1500  # fewer fit into what the kernel keeps for who does not read, and are over before anything shows
)
MEGABYTES = int(os.environ.get("BENCH_MEGABYTES", "1000"))  # of the large file; 0: without
ROUNDS = 3  # of what takes long
PAIRS = 5  # of what is short, and so depends on what else goes on
GROWTH = 20  # times as long, at most, for ten times the work


def program(make: str, name: str) -> str:
    """The path of a program of one make."""
    where = str(Path(sys.executable).parent) if make == "ours" else "/usr/bin:/usr/sbin"
    found = shutil.which(name, path=where)
    assert found, f"{name} of {make} is not installed"
    return found


class Server:
    """A running ovsdb-server of one make, with a database of its own."""

    def __init__(self, make: str, directory: Path) -> None:
        self.make = make
        self.directory = directory
        self.socket = str(directory / "db.sock")
        self.database = directory / "db"
        schema = directory / "schema"
        schema.write_text(json.dumps(SCHEMA))
        subprocess.run([program(make, "ovsdb-tool"), "create", str(self.database), str(schema)], check=True)
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Run the daemon until its socket answers."""
        process = subprocess.Popen(
            [
                program(self.make, "ovsdb-server"),
                "-vconsole:off",
                "-vsyslog:off",
                f"--remote=punix:{self.socket}",
                f"--unixctl={self.directory / 'ctl'}",
                str(self.database),
            ],
            env={**os.environ, "OVS_RUNDIR": str(self.directory)},
        )
        while True:
            with contextlib.suppress(OSError):
                Client(self.socket).close()
                return process
            time.sleep(0.01)

    def restart(self) -> None:
        """Start again after stop()."""
        self.process = self.start()

    def control(self, *words: str) -> str:
        """Ask its control socket."""
        command = [program("peer", "ovs-appctl"), "-t", str(self.directory / "ctl"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


class Client:
    """A JSON-RPC client that waits for each answer; it reads by lines of brackets only as far as it must."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._decoder = json.JSONDecoder()
        self._rest = ""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, method: str, *params: object, id: object = 0) -> None:
        """Ask."""
        self._socket.sendall(json.dumps({"method": method, "params": params, "id": id}).encode())

    def receive(self) -> dict[str, object]:
        """The next small message."""
        while True:
            with contextlib.suppress(ValueError):
                value, end = self._decoder.raw_decode(self._rest)
                self._rest = self._rest[end:].lstrip()
                assert isinstance(value, dict)
                return value
            self._rest += self._socket.recv(1 << 20).decode()

    def ask(self, method: str, *params: object) -> object:
        """Ask, and wait for the answer."""
        self.send(method, *params)
        return self.receive()["result"]

    def swallow(self, end: bytes) -> int:
        """Read until the stream ends in `end`; how many bytes that were."""
        size, tail = 0, b""
        while not tail.endswith(end):
            data = self._socket.recv(1 << 20)
            size += len(data)
            tail = (tail + data)[-64:]
        return size


@contextlib.contextmanager
def running(make: str) -> Iterator[Server]:
    """A server for one measurement."""
    with tempfile.TemporaryDirectory(prefix="vswitch-bench-") as directory:
        server = Server(make, Path(directory))
        try:
            yield server
        finally:
            server.stop()


def insert(number: int) -> dict[str, object]:
    """An operation that adds a row."""
    return {
        "op": "insert",
        "table": "Thing",
        "row": {
            "name": f"thing{number}",
            "number": number,
            "ids": ["map", [["owner", f"o{number % 100}"], ["zone", "z"]]],
            "tags": ["set", [number % 7, 10 + number % 5]],
        },
    }


def fill(path: str, n_rows: int) -> None:
    """Add many rows."""
    client = Client(path)
    for start in range(0, n_rows, 2000):
        client.ask("transact", "Bench", *[insert(n) for n in range(start, min(start + 2000, n_rows))])
    client.close()


def _insert_for_a_while(path: str, seconds: float, durable: bool, results: object) -> None:
    client, n, end = Client(path), 0, time.monotonic() + seconds
    extra = [{"op": "commit", "durable": True}] if durable else []
    while time.monotonic() < end:
        client.ask("transact", "Bench", insert(n), *extra)
        n += 1
    results.put(n / seconds)  # type: ignore[attr-defined]


def transactions(make: str, n_clients: int, *, durable: bool, seconds: float = 2.0) -> float:
    """Transactions a second of some clients, each of which waits for the answer to its last one."""
    with running(make) as server:
        context = get_context("fork")
        results = context.SimpleQueue()
        work = [
            context.Process(target=_insert_for_a_while, args=(server.socket, seconds, durable, results))
            for _ in range(n_clients)
        ]
        for process in work:
            process.start()
        total = sum(float(results.get()) for _ in work)
        for process in work:
            process.join()
        return total


def large_transaction(make: str) -> float:
    """Seconds for one transaction of 10,000 inserts."""
    with running(make) as server:
        client = Client(server.socket)
        client.ask("list_dbs")
        start = time.monotonic()
        client.ask("transact", "Bench", *[insert(n) for n in range(10_000)])
        return time.monotonic() - start


def large(sizes: Sequence[int]) -> dict[str, dict[tuple[str, int], float]]:
    """What databases of so many rows cost, by make and size: of all at once, measured in turn."""
    found: dict[str, dict[tuple[str, int], list[float]]] = {}
    with contextlib.ExitStack() as stack:
        servers = [
            ((make, n_rows), stack.enter_context(running(make)))
            for n_rows in sizes
            for make in ("ours", "peer")
        ]

        def note(what: str, measure: Callable[[Server, int], float]) -> None:
            for key, server in servers:
                found.setdefault(what, {}).setdefault(key, []).append(measure(server, key[1]))

        note("fill", lambda server, n_rows: timed(lambda: fill(server.socket, n_rows)))
        note("memory", lambda server, _: server.memory())
        for method in ("monitor", "monitor_cond") * ROUNDS:
            note(method, lambda server, _: dump(server, method))  # noqa: B023
        note("memory after dumps", lambda server, _: server.memory())
        for _ in range(ROUNDS):
            note("select", select)
            note("compact", lambda server, _: timed(lambda: server.control("ovsdb-server/compact")))
        for _ in range(ROUNDS):
            for _, server in servers:
                server.stop()
            note("restart", lambda server, _: timed(server.restart))
    return {
        what: {key: statistics.median(values) for key, values in each.items()} for what, each in found.items()
    }


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def dump(server: Server, method: str) -> float:
    """Seconds until a new monitor of everything has its first answer."""
    client = Client(server.socket)
    start = time.monotonic()
    client.send(method, "Bench", method, {"Thing": {}}, id=method)
    client.swallow(b"}}}}}" if server.make == "ours" else b"null}")
    seconds = time.monotonic() - start
    client.close()
    return seconds


def select(server: Server, n_rows: int) -> float:
    """Milliseconds to find a row by a column without an index."""
    client = Client(server.socket)
    where = [["number", "==", n_rows * 3 // 4]]
    operation = {"op": "select", "table": "Thing", "where": where, "columns": ["name"]}
    start = time.monotonic()
    for _ in range(5):
        client.ask("transact", "Bench", operation)
    client.close()
    return (time.monotonic() - start) / 5 * 1000


def fan_out(make: str, n_updates: int = N_UPDATES) -> float:
    """Updates a second that reach those who watch what one client changes, until all have got the last.

    A notification may hold several: both makes merge what a watcher has not taken yet.
    """
    with running(make) as server:
        watchers = [Client(server.socket) for _ in range(N_MONITORS)]
        for watcher in watchers:
            watcher.ask("monitor_cond", "Bench", "m", {"Thing": {}})
        reader = get_context("fork").Process(target=_read_all, args=(watchers,))
        reader.start()
        client = Client(server.socket)
        start = time.monotonic()
        for number in range(n_updates):
            client.ask("transact", "Bench", insert(number))
        client.ask("transact", "Bench", {**insert(0), "row": {"name": "last"}})
        reader.join()
        return n_updates * N_MONITORS / (time.monotonic() - start)


def _read_all(watchers: list[Client]) -> None:
    """Read what comes to any of them, and do nothing with it, until each has got the last update."""
    tails = dict.fromkeys(watchers, b"")
    with selectors.DefaultSelector() as selector:
        for watcher in watchers:
            selector.register(watcher._socket, selectors.EVENT_READ, watcher)
        while tails:
            for key, _ in selector.select():
                data = key.data._socket.recv(1 << 16)
                assert data, "the server has hung up"
                tail = tails[key.data] + data
                tails[key.data] = tail[-8:]
                if b'"last"' in tail:
                    selector.unregister(key.fileobj)
                    del tails[key.data]


def unread(make: str) -> float:
    """Transactions a second while many clients watch what changes, and none of them reads."""
    with running(make) as server:
        watchers = [Client(server.socket) for _ in range(N_MONITORS)]
        for watcher in watchers:
            watcher.ask("monitor_cond", "Bench", "m", {"Thing": {}})
        client, start = Client(server.socket), time.monotonic()
        for number in range(N_UPDATES):
            client.ask("transact", "Bench", insert(number))
        return N_UPDATES / (time.monotonic() - start)


def idle_monitors(make: str) -> float:
    """Transactions a second while many clients watch a table that nobody changes."""
    with running(make) as server:
        watchers = [Client(server.socket) for _ in range(N_IDLE)]
        for watcher in watchers:
            watcher.ask("monitor_cond", "Bench", "m", {"Other": {}})
        client, n, start = Client(server.socket), 0, time.monotonic()
        while time.monotonic() < start + 2.0:
            client.ask("transact", "Bench", insert(n))
            n += 1
        return n / (time.monotonic() - start)


def churn(make: str, n_rounds: int = 1000) -> float:
    """Transactions a second as OVN's: several inserts, changes to rows found by UUID, deletions, and ten watchers."""
    with running(make) as server:
        fill(server.socket, 5000)
        watchers = [Client(server.socket) for _ in range(10)]
        for number, watcher in enumerate(watchers):
            where = [["number", ">", 500 * number]]
            watcher.ask("monitor_cond", "Bench", "m", {"Thing": [{"where": where}]})
        reader = get_context("fork").Process(target=_read_all, args=(watchers,))
        reader.start()
        client, start = Client(server.socket), time.monotonic()
        rows = [result["uuid"] for result in client.ask("transact", "Bench", insert(0), insert(1))]  # type: ignore[attr-defined]
        for number in range(10_000, 10_000 + n_rounds):
            changed, gone = rows[-1], rows.pop(0)
            named = [["_uuid", "==", changed]]
            zone = ["ids", "insert", ["map", [["chassis", f"c{number}"]]]]
            results = client.ask(
                "transact",
                "Bench",
                *[insert(10 * number + each) for each in range(5)],
                {"op": "mutate", "table": "Thing", "where": named, "mutations": [zone]},
                {"op": "update", "table": "Thing", "where": named, "row": {"number": number}},
                {"op": "delete", "table": "Thing", "where": [["_uuid", "==", gone]]},
            )
            rows += [result["uuid"] for result in results[:5]]  # type: ignore[index]
        client.ask("transact", "Bench", {**insert(999_999), "row": {"name": "last", "number": 999_999}})
        reader.join()
        return n_rounds / (time.monotonic() - start)


def gigabyte(make: str) -> dict[str, float]:
    """Seconds to write a journal of MEGABYTES and to start on it, and the memory that it then takes; and the longest that a
    durable transaction takes while the journal is compacted, in ms."""
    with running(make) as server:
        client = Client(server.socket)
        start = time.monotonic()
        for number in range(MEGABYTES):
            rows = [{"name": f"{number}.{each} " + "x" * 980, "number": each} for each in range(1000)]
            operations = [{"op": "insert", "table": "Thing", "row": row} for row in rows]
            client.ask("transact", "Bench", *operations)
        measured = {"fill": time.monotonic() - start, "size": server.database.stat().st_size / 1e6}
        client.close()
        measured["wait"] = 1000 * longest_wait(server)
        server.stop()
        return measured | {"restart": timed(server.restart), "memory": server.memory()}


def longest_wait(server: Server) -> float:
    """Seconds of the slowest of many small transactions, one after the other, beside a compaction."""
    compaction = threading.Thread(target=lambda: server.control("ovsdb-server/compact"))
    client = Client(server.socket)
    longest, is_last = 0.0, False
    compaction.start()
    while not is_last:
        is_last = not compaction.is_alive()
        start = time.monotonic()
        client.ask("transact", "Bench", insert(0), {"op": "commit", "durable": True})
        longest = max(longest, time.monotonic() - start)
    compaction.join()
    client.close()
    return longest


def compare(
    what: str, unit: str, measure: Callable[[str], float], target: float, *, more_is_better: bool = True
) -> Row:
    """Measure both makes in turn, in some rounds; the ratio is the median of the rounds' own."""
    rounds = take_turns({make: partial(measure, make) for make in ("ours", "peer")}, PAIRS)
    found, ratios = medians(rounds), paired_ratios(rounds, "ours")
    return Row(what, unit, found["ours"], {"peer": found["peer"]}, more_is_better, "peer", target, ratios)


def run() -> Iterable[Row]:
    """The table "Database" of what Open vSwitch does, and we beside it."""
    for durable in (True, False):
        kind = "durable" if durable else "not durable"
        for n_clients in (1, 10, 100) if durable else (1, 10):
            target = 1.0 if durable and n_clients > 1 else 0.5
            yield compare(
                f"transactions, {n_clients} client{'s' if n_clients > 1 else ''}, {kind}",
                "/s",
                lambda make, n=n_clients, d=durable: transactions(make, n, durable=d),  # type: ignore[misc]
                target,
            )
    yield compare("one transaction of 10,000 inserts", "s", large_transaction, 2.0, more_is_better=False)
    yield compare(f"one update to {N_MONITORS} monitors", "/s", fan_out, 1.0)
    yield compare(f"transactions beside {N_MONITORS} that do not read", "/s", unread, 0.5)
    yield compare(f"transactions beside {N_IDLE} idle monitors", "/s", idle_monitors, 0.5)
    yield compare("churn as OVN's, 10 watchers", "transactions/s", churn, 0.5)
    yield from rows_of_large()
    if MEGABYTES:
        yield from rows_of_gigabyte()


def rows_of_large() -> Iterable[Row]:
    """What many rows cost, and that a tenth of them costs about a tenth."""
    measured = large([N_DUMP // 10, N_DUMP])
    for what, unit, target in (
        ("memory", "MB", 1.5),
        ("monitor", "s", 1.0),
        ("monitor_cond", "s", 1.0),
        ("memory after dumps", "MB", 1.5),
        ("select", "ms", 2.0),
        ("compact", "s", 2.0),
        ("restart", "s", 1.0),
    ):
        ours, peer = (measured[what][make, N_DUMP] for make in ("ours", "peer"))
        yield Row(f"{what}, {N_DUMP:,} rows", unit, ours, {"peer": peer}, False, "peer", target)
    for what in ("fill", "monitor", "monitor_cond", "select", "compact", "restart"):
        ours, peer = (
            measured[what][make, N_DUMP] / measured[what][make, N_DUMP // 10] for make in ("ours", "peer")
        )
        yield Row(f"{what}, for ten times the rows", "times", ours, {"peer": peer}, False, target=GROWTH)


def rows_of_gigabyte() -> Iterable[Row]:
    """What a file of a gigabyte costs."""
    ours, peer = gigabyte("ours"), gigabyte("peer")
    for what, unit, target in (
        ("fill", "s", 2.0),
        ("wait", "ms", 0.5),
        ("restart", "s", 1.0),
        ("memory", "MB", 1.5),
    ):
        what_for = "longest wait beside a compaction" if what == "wait" else what
        text = f"{what_for}, {ours['size']:,.0f} MB"
        yield Row(text, unit, ours[what], {"peer": peer[what]}, False, "peer", target)
