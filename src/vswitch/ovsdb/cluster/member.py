"""A member of a cluster: how one server follows the shared log and adds to it.  Pure: no I/O and no clock.

The owner performs the requests that take_requests() returns, passes the answers to receive() and entries that the store
shows by itself to news(), and says with online() and offline() whether the store can be reached.  What these return is
to be iterated over to the end: `Effect`s, which are certain, in the order in which they have to be brought about.

The member proposes one entry at a time, computed for its position.  What can become of it:

    propose ──> Append ──┬─ Appended ──────────────────> Applied(own=True)
                         ├─ Refused, our id is next ───> Applied(own=True)      an earlier attempt got through
                         ├─ Refused, another is next ──> Outrun, Applied        compute it again and propose that
                         └─ no answer ──> the same Append again when the store can be reached
    the store shows the next entry: as if Refused

An entry that was not acknowledged may still arrive at the store at any time.  That is harmless: either the log ends at
the same position, and then the proposal stands; or it does not and never will again, since ids are not used twice.

One case stays open: the log has been cut beyond the place where the proposal would be, so that nothing tells whether it
got there.  Then the effect is `Lost`: whoever waits has to be told that it is not known, that is, to be cut off.

Properties (tests/properties/test_cluster.py): every member applies a prefix of the same sequence of entries; each
proposal is applied at most once, and the member that made it knows of it as its own if it lives; what was applied is
in the log; a position that was confirmed was the end of the log after the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import Uuid
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

N_EARLY = 1000  # entries that are kept until the ones before them come


@dataclass(frozen=True, slots=True)
class Applied:
    """The next entry of the log: bring it into effect."""

    entry: Entry
    own: bool  # it is the one that was proposed here


@dataclass(frozen=True, slots=True)
class Restored:
    """Too much was missed: put this state in place of the present one."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Outrun:
    """Another entry took the place of the proposal, which has not happened and will not."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows what became of the proposal."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The state is as new as when confirm() was called."""


@dataclass(frozen=True, slots=True)
class SaveDone:
    """The snapshot that was to be saved is safe, or failed to be."""

    failure: str = ""


Effect: TypeAlias = Applied | Restored | Outrun | Lost | Confirmed | SaveDone


@dataclass(slots=True, eq=False)
class Member:
    """Where one server stands in the log, and what it wants of it.

    After a `Failed` answer the owner calls offline(), forgets the requests that are under way, and calls online() when
    it is worth trying again.
    """

    position: Position = NOWHERE
    is_online: bool = False
    proposal: Entry | None = None
    is_confirming: bool = False  # confirm() was called, and Confirmed has not come
    n_outrun: int = 0  # proposals that lost the race
    n_restored: int = 0  # times that a snapshot had to help
    _fetching: Position | None = None  # where we stood when a Fetch went out that is not answered
    _appending: Entry | None = None  # for which an Append is under way; not for one that came to nothing
    _n_confirmations: int = 0
    _confirm_at: int | None = None  # the index from which on confirm() is fulfilled
    _early: dict[int, Entry] = field(default_factory=dict)
    _requests: list[Request] = field(default_factory=list)

    # What the owner wants.

    def propose(self, id: Uuid, body: bytes) -> None:
        """Append an entry after the present position; only while there is no `proposal`."""
        assert self.proposal is None
        self.proposal = Entry(Position(self.position.index + 1, id), self.position.id, body)
        self._append()

    def confirm(self) -> None:
        """Find out whether the position is the end of the log, or reach it; only while not `is_confirming`."""
        assert not self.is_confirming
        self.is_confirming = True
        self._n_confirmations += 1
        self._locate()

    def save(self, snapshot: Snapshot, n_kept: int) -> None:
        """Keep a snapshot of a state that was passed through, and of the entries before it only the last `n_kept`."""
        self._requests.append(Save(snapshot, snapshot.position.index - n_kept))

    def start_over(self) -> None:
        """Read everything anew: the state at the position is not what it should be."""
        self.position = NOWHERE
        self.is_confirming, self._confirm_at = False, None
        self._early.clear()

    # What the owner reports.

    def take_requests(self) -> list[Request]:
        """What to ask of the store."""
        requests, self._requests = self._requests, []
        return requests

    def online(self) -> None:
        """The store can be reached, perhaps: find out what was missed, and then ask again what is open."""
        self.is_online = True
        self._appending, self._fetching, self._confirm_at = None, None, None
        self._requests.clear()
        self._fetch(self.position if self.position.index else None)

    def offline(self) -> None:
        """The store cannot be reached."""
        self.is_online = False
        self._requests.clear()

    def news(self, entries: Iterable[Entry]) -> Iterator[Effect]:
        """The store shows entries."""
        yield from self._take(entries)
        if self._early:
            self._fetch(self.position)

    def receive(self, request: Request, answer: Answer) -> Iterator[Effect]:
        """The store has answered."""
        match request, answer:
            case Append(entry), Appended():
                yield from self.news([entry])
            case Append(entry), Refused(head, entries):
                if entry is self._appending:
                    self._appending = None
                yield from self.news(entries)
                self._catch_up(head)
                self._append()
            case Fetch(after), Fetched(head, entries, snapshot):
                yield from self._fetched(after, head, entries, snapshot)
            case Locate(number), Located(head):
                if self.is_confirming and number == self._n_confirmations:
                    self._confirm_at = head.index
                    yield from self._check_confirmation()
                self._catch_up(head)
            case Save(), Saved():
                yield SaveDone()
            case Save(), Failed(reason):
                yield SaveDone(reason)
            case _, Failed():
                pass
            case _:
                raise TypeError(f"{answer} is no answer to {request}")

    # How it goes on.

    def _append(self) -> None:
        if self.proposal is None or self.proposal is self._appending or self._fetching is not None:
            return
        if self.is_online:
            self._appending = self.proposal
            self._requests.append(Append(self.proposal))

    def _locate(self) -> None:
        if self.is_confirming and self.is_online and self._fetching is None:
            self._requests.append(Locate(self._n_confirmations))

    def _fetch(self, after: Position | None) -> None:
        if self.is_online and self._fetching is None:
            self._fetching = self.position
            self._requests.append(Fetch(after))

    def _take(self, entries: Iterable[Entry]) -> Iterator[Effect]:
        """Apply what can be applied."""
        for each in entries:
            if each.position.index > self.position.index:
                self._early[each.position.index] = each
        while (entry := self._early.pop(self.position.index + 1, None)) is not None:
            if entry.after != self.position.id:  # another history: the store was put back to an earlier time
                self._early.clear()
                self._fetch(None)
                return
            proposal, self.proposal = self.proposal, None
            own = proposal is not None and entry.position == proposal.position
            if proposal is not None and not own:
                self.n_outrun += 1
                yield Outrun()
            self.position = entry.position
            yield Applied(entry, own)
        if len(self._early) > N_EARLY:
            self._early.clear()
            self._fetch(self.position)
        yield from self._check_confirmation()

    def _check_confirmation(self) -> Iterator[Effect]:
        if self._confirm_at is not None and self.position.index >= self._confirm_at:
            self._confirm_at, self.is_confirming = None, False
            yield Confirmed()

    def _catch_up(self, head: Position) -> None:
        """The log ended at `head` a moment ago."""
        if head.index != self.position.index:
            self._fetch(self.position)
        elif head != self.position:
            self._fetch(None)

    def _fetched(
        self, after: Position | None, head: Position, entries: tuple[Entry, ...], snapshot: Snapshot | None
    ) -> Iterator[Effect]:
        asked_at, self._fetching = self._fetching or NOWHERE, None
        if snapshot is not None:
            ours = {asked_at, self.position}
            if snapshot.position not in ours and all(entry.position not in ours for entry in entries):
                yield from self._restore(snapshot)
        yield from self._take(entries)
        is_cut = head.index > self.position.index  # what comes next is gone
        is_older = snapshot is None and head.index < asked_at.index  # what we have is gone
        if is_cut or is_older or (head.index == self.position.index and head != self.position):
            self._fetch(None)
        self._append()
        if self._confirm_at is None:
            self._locate()

    def _restore(self, snapshot: Snapshot) -> Iterator[Effect]:
        if self.proposal is not None:
            self.proposal = None
            yield Lost()
        self.n_restored += 1
        self.position = snapshot.position
        self._early = {index: entry for index, entry in self._early.items() if index > self.position.index}
        yield Restored(snapshot)
