"""Three servers of one database, clients that never stop, and somebody who kills servers and cuts cables.

Every server reaches etcd, and every client a server, through a proxy that can be cut.  What clients asked and were
answered is recorded, and checked when all is over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.etcd import EtcdServer, Proxy
from tests.chaos.histories import NEVER, Access, Add, explain_register, explain_tokens
from tests.chaos.simulation import SCHEMA
from tests.interop.daemons import program

DURABLE = {"op": "commit", "durable": True}
EPOCH = 2.0  # seconds for which clients use the same rows
ROWS = 3
N_REGISTER = 14  # operations on a register: to check them takes time exponential in their number at one time
PATIENCE = 4.0  # seconds that a client waits for an answer


class Member:
    """One server, and the proxies to and from it."""

    def __init__(self, number: int, directory: Path, name: str, etcd: EtcdServer) -> None:
        self.directory = directory / f"server{number}"
        self.directory.mkdir()
        self.name = name
        self.to_etcd = Proxy(etcd.port)
        self.is_hidden = False  # from clients
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Run the server."""
        if not self.to_etcd.port:
            await self.to_etcd.start()
        self._spawn()

    def _spawn(self) -> None:
        environment = {key: value for key, value in os.environ.items() if key[:6] != "PYTHON"}
        environment |= {f"OVS_{what}DIR": str(self.directory) for what in ("RUN", "LOG", "DB")}
        socket = self.directory / "db.sock"
        socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                program("ours", "ovsdb-server"),
                f"--cluster=etcd:127.0.0.1:{self.to_etcd.port}/{self.name}",
                f"--remote=punix:{socket}",
                "--remote=ptcp:0:127.0.0.1",
                f"--log-file={self.directory / 'log'}",
                f"--unixctl={self.directory / 'ctl'}",
                "-vconsole:off",
            ],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client's connection; OSError if the server is not there."""
        if self.is_hidden:
            raise ConnectionRefusedError
        reader, writer = await asyncio.open_unix_connection(str(self.directory / "db.sock"))
        self._clients.add(writer)
        return reader, writer

    def hide(self) -> None:
        """From now on no client gets through, and those who are there get no more answers."""
        self.is_hidden = True
        for writer in self._clients:
            writer.transport.abort()
        self._clients.clear()

    def kill(self) -> None:
        """kill -9."""
        assert self.process
        self.process.kill()
        self.process.wait()

    async def stop(self) -> None:
        """End it."""
        if self.process and self.process.poll() is None:
            self.kill()
        await self.to_etcd.stop()


class Session:
    """A connection to a server, through which one request goes at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count()
        self._text = ""

    async def ask(self, method: str, *params: Any) -> Any:
        """The answer; OSError or TimeoutError if there is none."""
        number = next(self._numbers)
        self._writer.write(json.dumps({"method": method, "params": params, "id": number}).encode())
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self._message()
                if message.get("id") == number:
                    if (message["error"] or {}).get("error") == "database not available":
                        raise ConnectionRefusedError  # a server that was started while it was cut off
                    assert message["error"] is None, message
                    return message["result"]

    async def _message(self) -> dict[str, Any]:
        while True:
            try:
                message, end = json.JSONDecoder().raw_decode(self._text)
            except ValueError:
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionResetError from None
                self._text += data.decode()
            else:
                self._text = self._text[end:].lstrip()
                return message

    def close(self) -> None:
        self._writer.transport.abort()


@dataclass
class Chaos:
    """The cluster and what happens to it."""

    directory: Path
    rng: random.Random
    seconds: float
    n_clients: int = 6
    members: list[Member] = field(default_factory=list)
    tokens: dict[str, list[Add]] = field(default_factory=lambda: defaultdict(list))
    registers: dict[str, list[Access]] = field(default_factory=lambda: defaultdict(list))
    events: list[str] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    is_over: bool = False

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    async def run(self) -> str:
        """What is wrong with what was seen; nothing if it is linearizable."""
        with EtcdServer(self.directory) as etcd:
            self._create(f"etcd:{etcd.endpoint}/S")
            self.members = [Member(number, self.directory, "S", etcd) for number in range(3)]
            try:
                for member in self.members:
                    await member.start()
                await self._prepare()
                await self._suffer()
                finals = [await self._final(member) for member in self.members]
            finally:
                for member in self.members:
                    await member.stop()
        if any(final != finals[0] for final in finals):
            return "the servers do not agree in the end"
        return self._judge(finals[0])

    def _create(self, address: str) -> None:
        schema = self.directory / "s.ovsschema"
        schema.write_text(json.dumps(SCHEMA.to_json()))
        subprocess.run([program("ours", "ovsdb-tool"), "create-cluster", address, str(schema)], check=True)

    def _rows(self, now: float) -> list[str]:
        return [f"{int(now / EPOCH)}.{number}" for number in range(ROWS)]

    async def _prepare(self) -> None:
        """Make the rows that clients will use, and see that every server has them."""
        self.began = asyncio.get_running_loop().time()
        names = [
            name for epoch in range(int((self.seconds + 30) / EPOCH)) for name in self._rows(epoch * EPOCH)
        ]
        inserts = [
            {"op": "insert", "table": "T", "row": {"name": f"{kind}{name}"}}
            for name in names
            for kind in "tr"
        ]
        async with self._session(self.members[0]) as session:
            assert len(await session.ask("transact", "S", *inserts, DURABLE)) == len(inserts) + 1
        for member in self.members:
            await self._final(member)
        self.began = asyncio.get_running_loop().time()

    async def _suffer(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.n_clients):
                tasks.create_task(self._client(number))
            await self._trouble()
            self.is_over = True

    async def _trouble(self) -> None:
        """Kill one, cut another one off; again and again."""
        rng = self.rng
        async with asyncio.TaskGroup() as tasks:
            while self.now < self.seconds:
                victims = rng.sample(self.members, 2)
                if rng.random() < 0.7:
                    tasks.create_task(self._kill(victims[0], rng.uniform(0.1, 2)))
                if rng.random() < 0.7:
                    tasks.create_task(self._cut(victims[1], rng.uniform(0.5, 7)))
                await asyncio.sleep(rng.uniform(1, 4))

    async def _kill(self, member: Member, pause: float) -> None:
        if member.process is None:
            return
        self.events.append(f"{self.now:.1f} kill {member.directory.name}")
        member.kill()
        member.process = None
        await asyncio.sleep(pause)
        await member.start()

    async def _cut(self, member: Member, pause: float) -> None:
        """From etcd, and half of the times from clients, too."""
        if member.to_etcd.is_cut:
            return
        both = self.rng.random() < 0.5
        self.events.append(f"{self.now:.1f} cut {member.directory.name}{' off' if both else ' from etcd'}")
        member.to_etcd.cut()
        if both:
            member.hide()
        await asyncio.sleep(pause)
        if self.rng.random() < 0.3:
            member.to_etcd.reset()
        member.to_etcd.heal()
        member.is_hidden = False

    @asynccontextmanager
    async def _session(self, member: Member) -> AsyncIterator[Session]:
        """A session, once the server is there."""
        async with asyncio.timeout(40):
            while True:
                try:
                    session = Session(*await member.connect())
                    tables = await session.ask("get_schema", "S")
                    if tables["tables"]:
                        break
                except (OSError, TimeoutError, AssertionError):
                    pass
                await asyncio.sleep(0.1)
        try:
            yield session
        finally:
            session.close()

    async def _final(self, member: Member) -> dict[str, tuple[int, frozenset[str]]]:
        """What a server holds when it is certain that it is up to date."""
        while True:
            try:
                async with self._session(member) as session:
                    result = await session.ask(
                        "transact",
                        "S",
                        DURABLE,
                        {"op": "select", "table": "T", "where": [], "columns": ["name", "n", "tokens"]},
                    )
                    return {row["name"]: (row["n"], _set(row["tokens"])) for row in result[1]["rows"]}
            except (OSError, TimeoutError):
                await asyncio.sleep(0.1)

    async def _client(self, number: int) -> None:
        """Ask, of whichever server answers."""
        rng = random.Random(self.rng.random())
        session: Session | None = None
        while not self.is_over:
            if session is None:
                try:
                    session = Session(*await rng.choice(self.members).connect())
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
            is_answered = await self._one(rng, session, f"{number}.{next(self.numbers)}")
            if not is_answered or rng.random() < 0.02:
                session.close()
                session = None
            await asyncio.sleep(rng.expovariate(30))
        if session:
            session.close()

    async def _one(self, rng: random.Random, session: Session, token: str) -> bool:
        """One operation; whether it was answered."""
        name = rng.choice(self._rows(self.now))
        if rng.random() < 0.5 or len(self.registers[name]) > N_REGISTER:
            return await self._add(session, name, token if rng.random() < 0.7 else "")
        return await self._access(rng, session, name)

    async def _add(self, session: Session, name: str, token: str) -> bool:
        where = [["name", "==", f"t{name}"]]
        operations: list[Any] = [{"op": "select", "table": "T", "where": where, "columns": ["n", "tokens"]}]
        if token:
            mutations = [["tokens", "insert", token], ["n", "+=", 1]]
            operations.append({"op": "mutate", "table": "T", "where": where, "mutations": mutations})
        call = self.now
        try:
            result = await session.ask("transact", "S", DURABLE, *operations)
        except (OSError, TimeoutError):
            self.tokens[name].append(Add(call, NEVER, token))
            return False
        [row] = result[1]["rows"]
        saw = _set(row["tokens"])
        assert row["n"] == len(saw), "a transaction was seen in part, or done twice"
        self.tokens[name].append(Add(call, self.now, token, saw))
        return True

    async def _access(self, rng: random.Random, session: Session, name: str) -> bool:
        """Read, write or compare-and-set a register."""
        where = [["name", "==", f"r{name}"]]
        update = {"op": "update", "table": "T", "where": where, "row": {"n": (new := rng.randrange(5))}}
        old = rng.randrange(5)
        wait = {
            "op": "wait",
            "timeout": 0,
            "table": "T",
            "where": where,
            "columns": ["n"],
            "until": "==",
            "rows": [{"n": old}],
        }
        read = {"op": "select", "table": "T", "where": where, "columns": ["n"]}
        what: tuple[Any, ...]
        what, operations = rng.choice(
            [(("read",), [read]), (("write", new), [update]), (("cas", old, new), [wait, update])]
        )
        call = self.now
        place = self.registers[name]
        place.append(Access(call, NEVER, what))  # keeps others from adding too many
        mine = place[-1]
        try:
            result = await session.ask("transact", "S", DURABLE, *operations)
        except (OSError, TimeoutError):
            return False
        match what[0]:
            case "read":
                outcome = result[1]["rows"][0]["n"]
            case "cas":
                outcome = "error" not in result[1]
            case _:
                outcome = None
        place[place.index(mine)] = Access(call, self.now, what, outcome)
        return True

    def _judge(self, final: dict[str, tuple[int, frozenset[str]]]) -> str:
        for name, history in self.tokens.items():
            if problem := explain_tokens(history, final[f"t{name}"][1]):
                return f"row {name}: {problem}"
        for name, accesses in self.registers.items():
            last = Access(self.seconds + 1e6, self.seconds + 2e6, ("read",), final[f"r{name}"][0])
            if problem := explain_register([*accesses, last], 0):
                return f"register {name}: {problem}: {accesses}"
        return ""

    def summary(self) -> str:
        """How much was asked, and what happened."""
        adds = [each for history in self.tokens.values() for each in history]
        accesses = [each for history in self.registers.values() for each in history]
        n_open = sum(each.end == NEVER for each in [*adds, *accesses])
        kinds = [event.split(" ", 1)[1].split(" server")[0] for event in self.events]
        return (
            f"{len(adds)} operations on sets, {len(accesses)} on registers, {n_open} without an answer; "
            f"{kinds.count('kill')} servers killed, {kinds.count('cut')} cut off"
        )


def _set(json_set: Any) -> frozenset[str]:
    return frozenset(json_set[1] if isinstance(json_set, list) else [json_set])


def run(directory: Path, seed: int, seconds: float) -> tuple[str, str]:
    """What is wrong, and what happened."""
    chaos = Chaos(directory, random.Random(seed), seconds)
    problem = asyncio.run(chaos.run())
    return problem, chaos.summary()
