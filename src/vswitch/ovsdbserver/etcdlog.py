"""A cluster's log in etcd: where things are, and how each request is made atomic.

    vswitch/NAME/identity            {"cid": UUID, "name": of the database}
                 head                INDEX ID, of the last entry
                 log/INDEX           ID AFTER N\\n BODY, or nothing if the body is in N pieces
                 piece/INDEX/ID/I    a piece of an entry; written before it
                 snapshot            INDEX ID N
                 state/INDEX/ID/I    a piece of a snapshot; written before it
                 member/SID          {"address": …}, while that server lives
                 leader              SID, while it lives
                 kicked/SID          a server that is not to come back

Numbers in keys are 16 hexadecimal digits, so that ranges of keys are ranges of numbers.  An append is one transaction
of etcd: if `head` is as expected, then write the entry and the new `head`; else say what is there.  Pieces keep every
request below etcd's limit (1.5 MB by default).  Those of entries and snapshots that nothing refers to, because their
writer died or lost the race, go when the log is trimmed beyond them.

Sources: ovsdb.cluster.store for what each request has to mean.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.store import (
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
from vswitch.ovsdbserver.etcd import Etcd, Event, Key, after_prefix
from vswitch.ovsdbserver.storage import in_thread

PIECE = 1 << 20  # bytes in a value
N_REFUSED = 16  # entries that come with a refusal


class NoCluster(VswitchError):  # noqa: N818 - a state of affairs
    """There is nothing under that name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What never changes about a cluster."""

    cid: Uuid
    name: str  # of the database


class EtcdLog:
    """The log of cluster `name`, through one connection; implements `vswitch.ovsdb.cluster.store.LogStore`."""

    def __init__(self, etcd: Etcd, name: str) -> None:
        self._etcd = etcd
        self.prefix = f"vswitch/{name}/"
        self._saved_at = 0  # the revision at which a snapshot was last saved through this connection

    def key(self, *parts: str | int) -> str:
        """The key of that name; numbers are written so that they sort."""
        return self.prefix + "/".join(f"{part:016x}" if isinstance(part, int) else part for part in parts)

    async def perform(self, request: Request) -> Answer:
        """Ask, and wait for the answer."""
        try:
            match request:
                case Append(entry):
                    return await self._append(entry, request.after)
                case Fetch(after):
                    return await self._fetch(after)
                case Locate():
                    return Located(await self._head())
                case Save(snapshot, trim):
                    await self._save(snapshot, trim)
                    return Saved()
        except VswitchError as error:
            return Failed(str(error))

    # What there is.

    async def identity(self) -> Identity:
        """Which cluster this is; raises NoCluster."""
        keys = await self._etcd.read(self.key("identity"))
        if not keys.found:
            raise NoCluster(f"{self.prefix.split('/', 1)[1][:-1]}: no cluster of that name")
        value = json.loads(keys.found[0].value)
        return Identity(Uuid(value["cid"]), value["name"])

    async def create(self, identity: Identity, snapshot: Snapshot) -> bool:
        """Make a new cluster with this state; False if there is one of that name."""
        n_pieces = await self._write_pieces("state", snapshot.position, snapshot.body)
        taken = await self._etcd.write_if(
            Key(self.key("identity"), b""),
            [
                Key(self.key("identity"), json.dumps({"cid": identity.cid, "name": identity.name}).encode()),
                Key(self.key("head"), str(snapshot.position).encode()),
                Key(self.key("snapshot"), f"{snapshot.position} {n_pieces}".encode()),
            ],
        )
        return taken is None

    async def _head(self) -> Position:
        keys = await self._etcd.read(self.key("head"))
        if not keys.found:
            raise NoCluster("the cluster is gone")
        return Position.parse(keys.found[0].value.decode())

    async def entry(self, key: Key, revision: int = 0) -> Entry:
        """The entry that a key of the log holds."""
        index = int(key.name.rpartition("/")[2], 16)
        head, _, body = key.value.partition(b"\n")
        id, after, n_pieces = head.decode().split(" ")
        position = Position(index, Uuid(id))
        if n_pieces != "0":
            body = await self._read_pieces("piece", position, int(n_pieces), revision)
        return Entry(position, Uuid(after), body)

    def is_entry(self, event: Event) -> bool:
        """Whether the event is a new entry of the log."""
        return event.value is not None and event.name.startswith(self.key("log/"))

    async def entry_of(self, event: Event) -> Entry:
        """The entry that the event shows."""
        return await self.entry(Key(event.name, event.value or b""))

    # The requests.

    async def _append(self, entry: Entry, after: Position) -> Answer:
        n_pieces, body = 0, entry.body
        if len(body) > PIECE:
            n_pieces, body = await self._write_pieces("piece", entry.position, body), b""
        value = f"{entry.position.id} {entry.after} {n_pieces}\n".encode() + body
        first, end = self._log_after(after.index)
        there = await self._etcd.write_if(
            Key(self.key("head"), str(after).encode()),
            [
                Key(self.key("log", entry.position.index), value),
                Key(self.key("head"), str(entry.position).encode()),
            ],
            [(self.key("head"), "", 1), (first, end, N_REFUSED)],
        )
        if there is None:
            return Appended()
        if not there.found or there.found[0].name != self.key("head"):
            raise NoCluster("the cluster is gone")
        entries = [await self.entry(key, there.revision) for key in there.found[1:]]
        return Refused(Position.parse(there.found[0].value.decode()), tuple(entries))

    async def _fetch(self, after: Position | None) -> Fetched:
        keys = await self._etcd.read(self.key("head"))
        if not keys.found:
            raise NoCluster("the cluster is gone")
        head, revision = Position.parse(keys.found[0].value.decode()), keys.revision
        snapshot = await self._snapshot(revision) if after is None else None
        start = after or (snapshot and snapshot.position)
        assert start
        log = await self._etcd.read(*self._log_after(start.index), revision=revision)
        entries = [await self.entry(key, revision) for key in log.found]
        return Fetched(head, tuple(entries), snapshot)

    async def _snapshot(self, revision: int) -> Snapshot:
        keys = await self._etcd.read(self.key("snapshot"), revision=revision)
        text, _, n_pieces = keys.found[0].value.decode().rpartition(" ")
        position = Position.parse(text)
        return Snapshot(position, await self._read_pieces("state", position, int(n_pieces), revision))

    async def _save(self, snapshot: Snapshot, trim: int) -> None:
        """Write the pieces, then make them the snapshot if no newer one is there; then clean up behind it."""
        pointer = self.key("snapshot")
        keys = await self._etcd.read(pointer)
        old = keys.found[0].value
        if int(old.split(b" ")[0]) >= snapshot.position.index:
            return
        n_pieces = await self._write_pieces("state", snapshot.position, snapshot.body)
        new = f"{snapshot.position} {n_pieces}".encode()
        if await self._etcd.write_if(Key(pointer, old), [Key(pointer, new)]) is not None:
            return  # somebody else was at it
        await self._etcd.delete(self.key("state/"), self.key("state", snapshot.position.index))
        if trim > 0:
            await self._etcd.delete(self.key("log/"), self.key("log", trim + 1))
            await self._etcd.delete(self.key("piece/"), self.key("piece", trim + 1))
        before, self._saved_at = self._saved_at, keys.revision
        if before:
            await self._etcd.compact(before)

    def _log_after(self, index: int) -> tuple[str, str]:
        return self.key("log", index + 1), after_prefix(self.key("log/"))

    # Pieces.

    async def _write_pieces(self, what: str, position: Position, body: bytes) -> int:
        """Write a large body, compressed; how many pieces it takes."""
        pieces = _split(await in_thread(zlib.compress, body, 1))
        for number, piece in enumerate(pieces):
            await self._etcd.write(self.key(what, position.index, position.id, number), piece)
        return len(pieces)

    async def _read_pieces(self, what: str, position: Position, n_pieces: int, revision: int) -> bytes:
        prefix = self.key(what, position.index, position.id) + "/"
        pieces = [
            (await self._etcd.read(f"{prefix}{number:016x}", revision=revision)).found
            for number in range(n_pieces)
        ]
        if not all(pieces):
            raise NoCluster(f"{prefix}: pieces are missing")
        try:
            return await in_thread(zlib.decompress, b"".join(piece[0].value for piece in pieces))
        except zlib.error as error:
            raise NoCluster(f"{prefix}: pieces are damaged ({error})") from None


def _split(body: bytes) -> Sequence[bytes]:
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]
