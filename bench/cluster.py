"""A cluster of three servers beside Open vSwitch's: durable transactions of clients that are spread over the servers.

Ours share a log in one etcd, with its data on the same disk; Open vSwitch's are a Raft cluster.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.clusters import OurCluster, PeerCluster

SCHEMA = {
    "name": "S",
    "version": "1.0.0",
    "tables": {"T": {"isRoot": True, "columns": {"name": {"type": "string"}}, "indexes": [["name"]]}},
}
SECONDS = 2.0
_names = itertools.count()


async def insert_for_a_while(socket: str, end: float, latencies: list[float]) -> None:
    """Insert rows, one after the other, and take down how long each takes."""
    reader, writer = await asyncio.open_unix_connection(socket)
    text = bytearray()
    while (began := time.perf_counter()) < end:
        insert = {"op": "insert", "table": "T", "row": {"name": f"{next(_names)}"}}
        params = ["S", insert, {"op": "commit", "durable": True}]
        writer.write(json.dumps({"method": "transact", "id": 0, "params": params}).encode())
        while True:
            text += await reader.read(65536)
            try:
                answer = json.loads(text)
            except ValueError:
                continue
            text.clear()
            if "result" in answer:
                break
        assert len(answer["result"]) == 2, answer
        latencies.append(time.perf_counter() - began)
    writer.close()


def transactions(sockets: Sequence[str], n_clients: int) -> list[float]:
    """The latencies of `n_clients` together."""
    latencies: list[float] = []

    async def run() -> None:
        end = time.perf_counter() + SECONDS
        clients = zip(range(n_clients), itertools.cycle(sockets))
        await asyncio.gather(*(insert_for_a_while(socket, end, latencies) for _, socket in clients))

    asyncio.run(run())
    return latencies


def run() -> Iterable[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        (directory / "ours").mkdir()
        (directory / "peer").mkdir()
        (schema := directory / "s.ovsschema").write_text(json.dumps(SCHEMA))
        with OurCluster(directory / "ours", schema) as ours, PeerCluster(directory / "peer", schema) as peer:
            sockets = {
                name: [server.socket.removeprefix("unix:") for server in cluster.servers]
                for name, cluster in (("ours", ours), ("Open vSwitch", peer))
            }
            for n_clients in (1, 10, 100):
                waits: dict[str, list[float]] = {name: [] for name in sockets}

                def measure(
                    name: str, n_clients: int = n_clients, waits: dict[str, list[float]] = waits
                ) -> float:
                    latencies = transactions(sockets[name], n_clients)
                    waits[name].append(statistics.median(latencies) * 1000)
                    return len(latencies) / SECONDS

                rates = in_turn({name: lambda name=name: measure(name) for name in sockets})
                ratio = 0.5 if n_clients == 1 else 1.0
                yield Row(
                    f"transactions of {n_clients} clients",
                    "1/s",
                    rates.pop("ours"),
                    rates,
                    against="Open vSwitch",
                    target=ratio,
                )
                medians = {name: statistics.median(values) for name, values in waits.items()}
                yield Row("  median wait", "ms", medians.pop("ours"), medians, more_is_better=False)
