"""Backups: databases with a journal of their own, whose transactions all come from an active server.

Clients may read, and nothing else.  When the server becomes the active one, its databases are `Standalone` again.

Sources: ovsdb(7), "Active-Backup Database Service Model"; ovsdb-server(1), "Active-Backup Options".
"""

from __future__ import annotations

from collections.abc import Collection

from vswitch.ovsdb.atom import ZERO_UUID, Uuid
from vswitch.ovsdb.database import Commit
from vswitch.ovsdb.follower import updated
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import READ_ONLY, Answer, ServiceModel, Standalone


class Backup(ServiceModel):
    """The service model of a backup over the journal that the database has; what its `Follower` keeps true."""

    def __init__(self, standalone: Standalone, exclude: Collection[str]) -> None:
        self.standalone = standalone
        self._exclude = exclude

    @property
    def last_id(self) -> Uuid:
        """Begin with everything: what the file held before need not be the active server's."""
        return ZERO_UUID

    def accept_schema(self, schema: Schema) -> str:
        """A backup is made with the schema that the active server has."""
        ours = self.owner.database.schema
        if schema.tables == ours.tables and schema.version == ours.version:
            return ""
        return f"schema of {ours.name} differs from the active server's, not replicated"

    def take_rows(self, updates: Json, last_id: Uuid, *, is_everything: bool) -> None:
        """Make the copy true, and keep it."""
        database = self.owner.database
        commit = updated(database, updates, last_id, is_everything=is_everything, exclude=self._exclude)
        if commit is not None:
            self.standalone.commit(commit, None)

    @property
    def is_writable(self) -> bool:
        """The rows are the active server's."""
        return False

    def why_forbidden(self) -> str:
        """Clients only read."""
        return READ_ONLY

    def commit(self, commit: Commit | None, answer: Answer | None) -> None:
        """Nothing that a client may ask for changes anything."""
        if answer is not None:
            answer.give()
