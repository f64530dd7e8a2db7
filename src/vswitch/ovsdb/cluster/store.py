"""The log that the servers of a cluster share: what may be asked of it and what it answers, as values.

Entries are numbered from 1 without gaps and never change.  Each has an id of its own, so a `Position`, the number of an
entry with its id, names a whole history: two servers at the same position hold the same database.  Everything rests
on one operation, compare-and-append: `Append` adds an entry after a position, and only if the log ends there.  So
asking again after an answer that got lost is safe: at most one of the attempts can succeed, and who reads on finds out
whether one has, by the id.

A `Snapshot` holds the state at a position.  Entries up to it may go (`Save` says which); who needs one that is gone
starts from the snapshot.

A store has to keep `Append` and `Locate` linearizable, and what it has acknowledged.  It may delay and lose answers, and
show entries late, twice, or out of order.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from vswitch.base.dataclass import dataclass
from vswitch.ovsdb.atom import ZERO_UUID, Uuid


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a history: the number of its last entry, and that entry's id."""

    index: int
    id: Uuid

    def __str__(self) -> str:
        return f"{self.index} {self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """What str() wrote; raises ValueError."""
        index, id = text.split(" ")
        return cls(int(index), Uuid(id))


NOWHERE = Position(0, ZERO_UUID)  # before the first entry


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: where it is, what it follows, and what it says."""

    position: Position
    after: Uuid  # the id of the entry before it
    body: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at a position."""

    position: Position
    body: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """Add an entry, if the log ends where the entry says that it follows.  Answers: Appended, Refused."""

    entry: Entry

    @property
    def after(self) -> Position:
        """Where the log has to end."""
        return Position(self.entry.position.index - 1, self.entry.after)


@dataclass(frozen=True, slots=True)
class Fetch:
    """The entries after a position; None: the snapshot, too, and those after it.  Answer: Fetched."""

    after: Position | None


@dataclass(frozen=True, slots=True)
class Locate:
    """Where the log ends at some time between question and answer.  Answer: Located."""

    number: int  # what it is asked for


@dataclass(frozen=True, slots=True)
class Save:
    """Keep a snapshot, if it is newer than the one there is; drop entries up to number `trim`.  Answer: Saved."""

    snapshot: Snapshot
    trim: int


@dataclass(frozen=True, slots=True)
class Appended:
    """The log ends with the entry now, or did so a while ago."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The log does not end there; perhaps because the same request, sent before, has been granted."""

    head: Position
    entries: tuple[Entry, ...]  # the first ones that follow


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked for, as far as it is there."""

    head: Position
    entries: tuple[Entry, ...]
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """Where the log ends."""

    head: Position


@dataclass(frozen=True, slots=True)
class Saved:
    """The snapshot, or a newer one, is kept."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer came: the request may have been granted, or may yet be."""

    reason: str


Request: TypeAlias = Append | Fetch | Locate | Save
Answer: TypeAlias = Appended | Refused | Fetched | Located | Saved | Failed


class LogStore(Protocol):
    """A door to such a log.  News of entries comes to whoever opened it, in whatever way suits the store."""

    async def perform(self, request: Request) -> Answer:
        """Ask, and wait for the answer or for the end of patience."""
