"""A replica's exchange of messages with a server, for programs that do one thing after another.

`linux.database` adds what a library needs; ovs-vsctl, of which every millisecond counts, makes do with this.

Sources: ovs-vsctl(8), --db, --retry; OVS lib/ovsdb-cs.c.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from vswitch.base.errors import VswitchError, WireError
from vswitch.linux.jsonrpc_client import Connection, connect
from vswitch.linux.sockets import TlsOptions
from vswitch.ovsdb.change import Outcome
from vswitch.ovsdb.commit import Conditions
from vswitch.ovsdb.replica import Replica

RETRY_AFTER = 1.0  # seconds


class CannotReach(VswitchError):  # noqa: N818 - as the other errors here
    """None of the servers can be talked to."""


class Exchange:
    """`replica`, connected to one of the servers that `remotes` names, separated by commas.

    If the connection is lost, and the `retry` of the others brings no better, that raises CannotReach, unless `retry`
    says to go on for ever.
    """

    def __init__(
        self,
        remotes: str,
        replica: Replica,
        tls: TlsOptions | None = None,
        *,
        retry: bool = False,
        shuffle: bool = True,
    ) -> None:
        self.remotes = remotes
        self._order = remotes.split(",")
        if shuffle:
            self._order.sort(key=lambda remote: os.urandom(4))
        self.replica = replica
        self._tls = tls or TlsOptions()
        self._retry = retry
        self._connection: Connection | None = None
        self._left: list[str] = []  # remotes to try before a pause

    def close(self) -> None:
        """Close the connection; the replica stays as it is."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.replica.disconnected()

    def follow(self, conditions: Conditions) -> Outcome:
        """Wait for each of `conditions` in turn; return their outcome."""
        try:
            while True:
                self.until(next(conditions))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    def until(self, is_so: Callable[[], bool]) -> None:
        """Talk with the server until `is_so`."""
        while True:
            connection = self._connection or self._connect()
            try:
                for message in self.replica.outgoing():
                    connection.send(message)
                if is_so():
                    return
                for message in connection.received():
                    self.replica.receive(message)
            except (OSError, WireError) as error:
                self._lost(
                    getattr(error, "strerror", None) or str(error), is_final=isinstance(error, WireError)
                )
            else:
                if self.replica.objection:
                    self._lost(self.replica.objection)

    def _connect(self) -> Connection:
        """Connect to the next server that can be reached."""
        reason = ""
        while True:
            self._left = self._left or self._order.copy()
            while self._left:
                try:
                    self._connection = connect(self._left.pop(0), self._tls)
                except OSError as error:
                    reason = error.strerror or str(error)
                else:
                    self.replica.connected()
                    return self._connection
            self._pause(reason)

    def _lost(self, reason: str, *, is_final: bool = False) -> None:
        """The connection is of no use any more: prepare for the next one."""
        self.close()
        if is_final and not self._retry:
            raise CannotReach(f"{self.remotes}: {reason}")
        if not self._left:
            self._pause(reason)

    def _pause(self, reason: str) -> None:
        if not self._retry:
            raise CannotReach(f"{self.remotes}: database connection failed ({reason})")
        from time import sleep

        sleep(RETRY_AFTER)
