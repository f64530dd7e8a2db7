"""A cluster in memory, on a clock of its own: a store that keeps its promises, and a network that keeps none.

Requests are delayed, done twice, or lost; answers are lost; news comes late, twice, out of order or not at all; servers
die and others take their place.  Everything follows from the seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.histories import NEVER, Add
from vswitch.ovsdb.cluster.clustered import Clustered
from vswitch.ovsdb.cluster.entry import decode_snapshot, encode_snapshot
from vswitch.ovsdb.cluster.member import Member
from vswitch.ovsdb.cluster.store import (
    NOWHERE,
    Answer,
    Append,
    Appended,
    Entry,
    Failed,
    Fetch,
    Fetched,
    Locate,
    Located,
    Position,
    Refused,
    Request,
    Save,
    Saved,
    Snapshot,
)
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.host import Host
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Trigger

SCHEMA = Schema.from_json(
    {
        "name": "S",
        "tables": {
            "T": {
                "columns": {
                    "name": {"type": "string"},
                    "n": {"type": "integer"},
                    "tokens": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
                },
                "indexes": [["name"]],
                "isRoot": True,
            }
        },
    }
)


class MemoryStore:
    """The log as it should be."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.head = snapshot.position
        self.entries: dict[int, Entry] = {}
        self.ever: dict[int, Entry] = {}
        self.on_append: Callable[[Entry], None] = lambda entry: None

    def perform(self, request: Request) -> Answer:
        match request:
            case Append(entry):
                if self.head != request.after:
                    return Refused(self.head, self._after(request.after)[:2])
                self.head = entry.position
                self.entries[entry.position.index] = self.ever[entry.position.index] = entry
                self.on_append(entry)
                return Appended()
            case Fetch(None):
                return Fetched(self.head, self._after(self.snapshot.position), self.snapshot)
            case Fetch(after):
                return Fetched(self.head, self._after(after))
            case Locate():
                return Located(self.head)
            case Save(snapshot, trim):
                if snapshot.position.index > self.snapshot.position.index:
                    self.snapshot = snapshot
                    self.entries = {i: entry for i, entry in self.entries.items() if i > trim}
                return Saved()
        raise AssertionError(request)

    def _after(self, position: Position) -> tuple[Entry, ...]:
        return tuple(self.entries[i] for i in sorted(self.entries) if i > position.index)


@dataclass(eq=False)
class Client:
    """A session that asks one thing at a time."""

    sim: Simulation
    name: str
    server: Server | None = None
    pending: tuple[float, str, str] | None = None  # when, of which row, with which token
    locks: frozenset[str] = frozenset()
    is_slow: bool = False

    def ask(self) -> None:
        """Add a token to a row, or only read."""
        sim = self.sim
        self.server = sim.rng.choice(sim.servers)
        row = sim.rng.choice(sim.rows)
        token = f"{self.name}.{next(sim.numbers)}" if sim.rng.random() < 0.7 else ""
        where = [["name", "==", row]]
        operations = [
            {"op": "commit", "durable": True},
            {"op": "select", "table": "T", "where": where, "columns": ["tokens", "n"]},
        ]
        if token:
            mutations = [["tokens", "insert", token], ["n", "+=", 1]]
            operations.append({"op": "mutate", "table": "T", "where": where, "mutations": mutations})
        self.pending = (sim.now, row, token)
        self.server.host.submit(Trigger(self, 0, operations, sim.now), sim.now)
        self.server.round()

    def finish(self, request: Trigger, results: list) -> None:
        assert self.pending
        call, row, token = self.pending
        [found] = results[1]["rows"]
        saw = found["tokens"][1] if isinstance(found["tokens"], list) else [found["tokens"]]
        assert found["n"] == len(saw)
        self.sim.history[row].append(Add(call, self.sim.now, token, frozenset(saw)))
        self.pending = None
        self.sim.later(self.sim.pause(), self.ask)

    def give_up(self) -> None:
        """The server has gone, or said that it does not know."""
        if self.pending:
            call, row, token = self.pending
            self.sim.history[row].append(Add(call, NEVER, token))
            self.pending = None
            self.sim.later(self.sim.pause(), self.ask)

    def refuse(self, request: Trigger, error: object) -> None:
        raise AssertionError(error)

    def send(self, message: bytes) -> None:
        pass

    def drop(self, reason: str) -> None:
        self.sim.n_dropped += 1
        if self.server:
            self.server.host.forget(self)
        self.give_up()


class Server:
    """A member with its database."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.is_alive = True
        self.session = 0  # answers to requests of earlier ones do not count
        self.member = Member()
        self.service = Clustered(self.member, sim.new_uuid(), sim.new_uuid)
        self.host = Host(Database(SCHEMA), sim.new_uuid, lambda: int(sim.now * 1000), self.service)
        self.service.on_replace = lambda database: setattr(self.host, "database", database)
        self.applied: list[str] = []
        self.host.on_commit = lambda commit: self.applied.append(commit.id)
        self.member.online()
        self.round()

    def round(self) -> None:
        """What an event loop does after each round."""
        if self.is_alive:
            self.service.begin(self.sim.now)
            for request in self.member.take_requests():
                self.sim.send(self, request)

    def answer(self, session: int, request: Request, answer: Answer) -> None:
        if self.is_alive and session == self.session:
            if isinstance(answer, Failed) and not isinstance(request, Save):
                self.offline()
                return
            for effect in self.member.receive(request, answer):
                self.service.bring_about(effect, self.sim.now)
            self.round()

    def news(self, entry: Entry) -> None:
        if self.is_alive and self.member.position != NOWHERE:
            for effect in self.member.news([entry]):
                self.service.bring_about(effect, self.sim.now)
            self.round()

    def offline(self) -> None:
        self.session += 1
        self.member.offline()
        self.sim.later(self.sim.pause() * 3, self.online)

    def online(self) -> None:
        if self.is_alive:
            self.member.online()
            self.round()

    def save(self) -> None:
        """Keep a snapshot, as the leader does from time to time; here anybody."""
        if self.is_alive and self.member.is_online and self.member.position != NOWHERE:
            body = encode_snapshot(self.host.database, 0)
            self.member.save(Snapshot(self.member.position, body), self.sim.rng.randrange(4))
            self.round()


@dataclass
class Simulation:
    """Servers, clients and what is between them."""

    rng: random.Random
    n_servers: int = 3
    n_clients: int = 5
    trouble: float = 0.1  # how often something goes wrong
    now: float = 0.0
    n_dropped: int = 0
    rows: list[str] = field(default_factory=lambda: ["a", "b"])
    history: dict[str, list[Add]] = field(default_factory=dict)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        database = Database(SCHEMA)
        self.history = {row: [] for row in self.rows}
        for row in self.rows:
            uuid = self.new_uuid()
            database.tables["T"].rows[uuid] = ((uuid,), (uuid,), (0,), (row,), ())
        database.last_id = self.new_uuid()
        self.store = MemoryStore(Snapshot(Position(1, self.new_uuid()), encode_snapshot(database, 0)))
        self.store.on_append = self._tell
        self.servers = [Server(self) for _ in range(self.n_servers)]
        self.clients = [Client(self, chr(ord("A") + i)) for i in range(self.n_clients)]
        for client in self.clients:
            self.later(1 + self.pause(), client.ask)

    def new_uuid(self) -> str:
        text = f"{self.rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def pause(self) -> float:
        return self.rng.expovariate(10)

    def later(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self.numbers), what))

    def send(self, server: Server, request: Request) -> None:
        """Have a request done, once, twice or never, and its answer told, or not."""
        session = server.session
        times = self.rng.choice((0, 2)) if self.rng.random() < self.trouble else 1
        loses = self.rng.random() < self.trouble
        if times == 0 or loses:
            self.later(0.5, lambda: server.answer(session, request, Failed("no answer")))

        def perform(tell: bool) -> None:
            answer = self.store.perform(request)
            if tell:
                self.later(self.pause() / 10, lambda: server.answer(session, request, answer))

        for time in range(times):
            self.later(
                self.pause() / (10 if not time else 1), lambda tell=not loses and not time: perform(tell)
            )

    def _tell(self, entry: Entry) -> None:
        for server in self.servers:
            if self.rng.random() > self.trouble:
                self.later(self.pause() / 5, lambda server=server: server.news(entry))
            if self.rng.random() < self.trouble:
                self.later(self.pause(), lambda server=server: server.news(entry))

    def crash(self) -> None:
        """A server dies, and another one is started."""
        number = self.rng.randrange(len(self.servers))
        dead = self.servers[number]
        dead.is_alive = False
        self.servers[number] = Server(self)
        for client in self.clients:
            if client.server is dead:
                client.give_up()

    def run(self, until: float) -> None:
        """Let things happen."""
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()
            self.check()
            if self.trouble and self.rng.random() < self.trouble / 50:
                self.crash()
            if self.rng.random() < 0.02:
                self.rng.choice(self.servers).save()
        self.now = until

    def check(self) -> None:
        """Who has got to the same position holds the same, and it is in the log."""
        for server in self.servers:
            position = server.member.position
            if position.index > 1:
                assert self.store.ever[position.index].position == position

    def settle(self) -> dict[str, frozenset[str]]:
        """End the trouble, and find out what everybody holds: the same, one hopes."""
        self.trouble = 0.0
        for client in self.clients:
            client.ask = lambda: None
        self.run(self.now + 30)
        assert not any(client.pending for client in self.clients)
        for server in self.servers:
            server.offline()
        self.run(self.now + 30)
        states = [self.contents(server.host.database) for server in self.servers]
        assert all(server.member.position == self.store.head for server in self.servers)
        assert all(state == states[0] for state in states)
        assert states[0] == self.contents(self._replayed())
        return states[0]

    def _replayed(self) -> Database:
        """The log's own account."""
        server = Server(self)
        self.run(self.now + 10)
        assert server.host.database.schema == decode_snapshot(self.store.snapshot.body).schema
        return server.host.database

    def contents(self, database: Database) -> dict[str, frozenset[str]]:
        return {row[3][0]: frozenset(row[4]) for row in database.tables["T"].rows.values()}
