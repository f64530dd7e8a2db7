"""Feeds: who has been told what of a database's changes, and what is still to be said to whom.

Many clients monitor the same: those with equal requests share a `Feed`, in which an update is computed and encoded
once, whatever the number of those who receive it.  What the feed's monitors have yet to be told is kept in stages, of
which each begins where some monitors were up to date:

    stage 1 ──────> stage 2 ──────> newest
    two that do     one that began  all others
    not read        later not to

A monitor is told everything from its stage on, as one change (a row that came and went is nothing), and goes on at the
newest.  A stage that no monitor stands at any more becomes part of the one before it, and the first is forgotten.  So a
commit is added to one stage, however many do not read, and for those who do not read there is at most one change for
each row in each stage.

Sources: RFC 7047 4.1.6; ovsdb-server(7), 4.1.14 and 4.1.17.
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.monitor import Changes, Merged, View, absorb, merge, update


@dataclass(slots=True, eq=False)
class Stage:
    """What happened from when some monitors were up to date until others were."""

    older: Stage | None = None
    newer: Stage | None = None
    n_monitors: int = 0  # that have been told all before it, and nothing of it
    changes: Changes = field(default_factory=dict)
    _own: Merged | None = None  # the same, if it is not a commit's
    # What is to be said to those who stand here, and the notifications of it by the monitors' ids, since `version`.
    version: int = 0
    text: bytes = b""
    messages: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, changes: Changes) -> None:
        """Later changes belong to this stage, too."""
        if not self.changes:
            self.changes = changes
            return
        if self._own is None:
            self.changes = self._own = merge([self.changes])
        absorb(self._own, changes)

    def everything(self) -> Changes:
        """The changes of this stage and all after it."""
        stage: Stage | None = self
        changes = []
        while stage is not None:
            if stage.changes:
                changes.append(stage.changes)
            stage = stage.newer
        return changes[0] if len(changes) == 1 else merge(changes)

    def leave(self) -> None:
        """One monitor stands here no longer."""
        self.n_monitors -= 1
        self.dissolve_if_deserted()

    def dissolve_if_deserted(self) -> None:
        """If nobody stands here, let this be a part of the stage before it."""
        if self.n_monitors or self.newer is None:
            return
        self.newer.older = self.older
        if self.older is not None:
            self.older.newer = self.newer
            self.older.add(self.changes)


@dataclass(slots=True, eq=False)
class Feed:
    """What the monitors with one and the same view have yet to be told."""

    view: View
    newest: Stage = field(default_factory=Stage)
    version: int = 0  # grows with what there is to tell

    def add(self, commit: Commit) -> None:
        """There is one more to tell."""
        self.newest.add(commit.changes)
        self.version += 1

    def join(self) -> Stage:
        """Where a monitor stands that knows the present state."""
        newest = self.newest
        if newest.changes:
            self.newest = newest.newer = Stage(older=newest)
            newest.dissolve_if_deserted()
            newest = self.newest
        newest.n_monitors += 1
        return newest

    def message(self, stage: Stage, id: bytes, last_id: Uuid) -> bytes:
        """The notification for a monitor with that id that stands there; nothing if there is nothing to tell."""
        if stage.version != self.version:
            stage.version = self.version
            stage.text = update(self.view, stage.everything())
            stage.messages.clear()
        message = stage.messages.get(id)
        if message is None:
            message = notification(self.view.version, id, last_id, stage.text) if stage.text else b""
            stage.messages[id] = message
        return message


_METHODS = {1: b"update", 2: b"update2", 3: b"update3"}


def notification(version: int, id: bytes, last_id: Uuid, updates: bytes) -> bytes:
    """The message that carries <table-updates>; `id` is JSON text."""
    txn = b'"%s",' % last_id.encode() if version == 3 else b""
    return b'{"id":null,"method":"%s","params":[%s,%s%s]}' % (_METHODS[version], id, txn, updates)


@dataclass(slots=True, eq=False)
class Monitor:
    """One client's monitor of one database."""

    id: bytes  # its JSON text
    database: str
    feed: Feed
    stage: Stage | None  # where it stands in the feed; None: it has been cancelled

    def take(self, last_id: Uuid) -> bytes:
        """The notification that brings the client up to date, to the transaction `last_id`; or nothing."""
        stage = self.stage
        if stage is None or (stage.newer is None and not stage.changes):
            return b""
        message = self.feed.message(stage, self.id, last_id)
        self.stage = self.feed.join()
        stage.leave()
        return message

    def cancel(self) -> None:
        """The client wants no more updates."""
        if self.stage is not None:
            self.stage.leave()
            self.stage = None

    def notification(self, updates: bytes, last_id: Uuid) -> bytes:
        """The message that carries <table-updates>, if there are any."""
        return notification(self.feed.view.version, self.id, last_id, updates) if updates else b""
