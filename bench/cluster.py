"""A cluster of three servers beside Open vSwitch's: durable transactions, at the leader and at all servers.

Ours share a log in one etcd, with its data on the same disk; Open vSwitch's are a Raft cluster.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.clusters import OurCluster, PeerCluster, Server, until

SCHEMA = {
    "name": "S",
    "version": "1.0.0",
    "tables": {"T": {"isRoot": True, "columns": {"name": {"type": "string"}}, "indexes": [["name"]]}},
}
SECONDS = 2.0
_names = itertools.count()


async def insert_for_a_while(port: int, end: float, latencies: list[float]) -> None:
    """Insert rows, one after the other, and take down how long each takes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
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


def transactions(ports: Sequence[int], n_clients: int) -> list[float]:
    """The latencies of `n_clients` together."""
    latencies: list[float] = []

    async def run() -> None:
        end = time.perf_counter() + SECONDS
        clients = zip(range(n_clients), itertools.cycle(ports))
        await asyncio.gather(*(insert_for_a_while(port, end, latencies) for _, port in clients))

    asyncio.run(run())
    return latencies


def leader_first(servers: Sequence[Server]) -> list[int]:
    """The ports of a cluster's servers, that of the leader first."""
    found = until(
        lambda: [each for each in servers if "Role: leader" in each.appctl("cluster/status", "S").stdout],
        "no leader",
    )
    return [each.port for each in sorted(servers, key=lambda each: each not in found)]


def compare(ports: Mapping[str, Sequence[int]], n_clients: int, where: str, target: float) -> Iterable[Row]:
    """How many transactions clients get done, and how long one waits."""
    waits: dict[str, list[float]] = {name: [] for name in ports}

    def measure(name: str) -> float:
        latencies = transactions(ports[name], n_clients)
        waits[name].append(statistics.median(latencies) * 1000)
        return len(latencies) / SECONDS

    rates = in_turn({name: partial(measure, name) for name in ports})
    what = f"transactions of {n_clients} client{'s' if n_clients > 1 else ''} {where}"
    yield Row(what, "1/s", rates.pop("ours"), rates, against="Open vSwitch", target=target)
    medians = {name: statistics.median(values) for name, values in waits.items()}
    yield Row("  median wait", "ms", medians.pop("ours"), medians, more_is_better=False)


def run() -> Iterable[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        (directory / "ours").mkdir()
        (directory / "peer").mkdir()
        (schema := directory / "s.ovsschema").write_text(json.dumps(SCHEMA))
        with OurCluster(directory / "ours", schema) as ours, PeerCluster(directory / "peer", schema) as peer:
            everywhere = {"ours": leader_first(ours.servers), "Open vSwitch": leader_first(peer.servers)}
            at_leader = {name: ports[:1] for name, ports in everywhere.items()}
            for n_clients, target in ((1, 0.5), (10, 0.5), (100, 1.0)):
                yield from compare(at_leader, n_clients, "at the leader", target)
            for n_clients, target in ((10, 0.5), (100, 1.0)):
                yield from compare(everywhere, n_clients, "at all servers", target)
