"""A client of a database server: a replica kept up to date, and transactions, over connections that come and go.

    replica = Replica("Open_vSwitch", {"Bridge": ["name", "fail_mode"]})
    async with Database("unix:/run/openvswitch/db.sock", replica) as database:
        async for changes in database.changes():
            ...

Where several servers are named, they are members of a cluster; when one goes away, or will not do (Replica's
`leader_only`), the next is tried, and the replica gets from it what it missed.

`linux.database` is the same for programs without an event loop.

Sources: ovsdb(7), "Clustered Database Service Model"; OVS lib/reconnect.c for the times between attempts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from vswitch.aio.streams import Stream, connect, reason
from vswitch.aio.tls import Tls
from vswitch.base.errors import VswitchError, WireError
from vswitch.base.jsontype import Json
from vswitch.base.log import Logger
from vswitch.linux.uuids import new_uuid
from vswitch.ovsdb import record, rows
from vswitch.ovsdb.change import Outcome, Transaction
from vswitch.ovsdb.commit import Conditions, attempts, one_attempt
from vswitch.ovsdb.jsontext import Splitter, encode
from vswitch.ovsdb.replica import Change, Mismatch, Replica

log = Logger("reconnect")
DEFAULT_PORT = 6640
MIN_BACKOFF, MAX_BACKOFF = 1.0, 8.0  # seconds
PROBE_INTERVAL = 5.0  # seconds without a message before we ask; not over Unix sockets, which tell


class Database:
    """`replica`, connected to one of the servers that `remotes` names, separated by commas.

    Use it as a context, or have a task await run().  `changed`, if given, is called after every news.
    """

    def __init__(
        self,
        remotes: str,
        replica: Replica,
        changed: Callable[[], None] = lambda: None,
        tls: Tls | None = None,
        *,
        shuffle: bool = True,
    ) -> None:
        self.remotes = remotes.split(",")
        self.replica = replica
        self._changed = changed
        self._tls = tls
        self._stream: Stream | None = None
        self._news = asyncio.Event()
        self._running = AsyncExitStack()
        self._end: Mismatch | None = None  # why there is nothing more to wait for
        if shuffle:
            self.remotes.sort(key=lambda remote: os.urandom(4))

    # --- what it is for ---

    @cached_property
    def contents(self) -> rows.Contents:
        """Its rows, as records."""
        return rows.Contents(self.replica)

    async def commit(self, function: Callable[[rows.Changes], None]) -> Outcome:
        """Commit what `function` does to the `Changes` that it is given; it runs again if it lost a race.

        Raises Refused if the server will not have it.
        """
        return await self._follow(attempts(self.replica, rows.computing(function), new_uuid))

    async def send(self, transaction: Transaction) -> Outcome:
        """Send a transaction once, and say what became of it."""
        return await self._follow(one_attempt(self.replica, transaction))

    async def changes(self) -> AsyncIterator[list[Change]]:
        """What becomes different, in order, beginning with what is there.  For one reader, who sees all of it."""
        while True:
            await self.until(lambda: self.replica.has_changes)
            yield self.replica.changes()

    async def restrict(self, table: type[record.Record] | str, condition: Json) -> None:
        """Monitor the rows of `table` that meet `condition`, and no others; return when that has come true."""
        self.replica.set_condition(table if isinstance(table, str) else table.table_name(), condition)
        await self.until(lambda: self.replica.is_settled)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when `is_so`, which is asked after every news from the server.

        Raises Mismatch if the server's schema is not what the replica's owner declared.
        """
        self.flush()
        while not is_so():
            if self._end is not None:
                raise self._end
            await self._news.wait()

    async def _follow(self, conditions: Conditions) -> Outcome:
        try:
            while True:
                await self.until(next(conditions))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    # --- the connection ---

    async def __aenter__(self) -> Self:
        tasks = await self._running.enter_async_context(asyncio.TaskGroup())
        self._running.callback(tasks.create_task(self._run_to_end()).cancel)
        try:
            await self.until(lambda: self.replica.is_synchronized)
        except BaseException:
            await self._running.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def _run_to_end(self) -> None:
        """As run(), but let those who wait raise what it raises."""
        try:
            await self.run()
        except Mismatch as mismatch:
            self._end = mismatch
            self._notify()

    async def run(self) -> None:
        """Connect, serve, and connect again, until a server's schema is not what was declared: that is a Mismatch."""
        backoff, at, failures = 0.0, 0, 0
        while True:
            remote = self.remotes[at]
            at = (at + 1) % len(self.remotes)
            if await self._converse(remote):
                backoff, failures = MIN_BACKOFF, 0
            failures += 1
            if failures % len(self.remotes) == 0:  # all the others have been tried
                log.info("%s: waiting %g seconds before reconnect", self.remotes[at], backoff or MIN_BACKOFF)
                await asyncio.sleep(backoff or MIN_BACKOFF)
                backoff = min(MAX_BACKOFF, max(MIN_BACKOFF, backoff * 2))

    def flush(self) -> None:
        """Send what the replica has to say."""
        if self._stream is not None:
            for message in self.replica.outgoing():
                self._stream.writer.write(encode(message))

    async def _converse(self, remote: str) -> bool:
        """Talk with a server until the connection ends; whether it was of use."""
        log.info("%s: connecting...", remote)
        try:
            stream = await connect(remote, self._tls, default_port=DEFAULT_PORT)
        except OSError as error:
            log.info("%s: connection attempt failed (%s)", remote, reason(error))
            return False
        log.info("%s: connected", remote)
        self._stream = stream
        serial = self.replica.serial
        self.replica.connected()
        self.flush()
        try:
            await self._receive(remote, stream)
        except OSError as error:
            log.warn("%s: connection dropped (%s)", remote, reason(error))
        except Mismatch:
            raise
        except VswitchError as error:
            log.warn("%s: %s", remote, error)
        finally:
            self._stream = None
            stream.abort()
            self.replica.disconnected()
            self._notify()
        return self.replica.serial != serial

    async def _receive(self, remote: str, stream: Stream) -> None:
        splitter, probed = Splitter(), False
        probe = None if remote.startswith("unix:") else PROBE_INTERVAL
        while True:
            try:
                async with asyncio.timeout(probe):
                    data = await stream.reader.read(1 << 20)
            except TimeoutError:
                if probed:
                    raise WireError(
                        f"no response to inactivity probe after {PROBE_INTERVAL:g} seconds"
                    ) from None
                probed = True
                self.replica.call("echo", [], lambda result, error: None)
                self.flush()
                continue
            if not data:
                log.warn("%s: connection closed by peer", remote)
                return
            probed = False
            splitter.receive(data)
            for message in splitter.values():
                self.replica.receive(message)
            self.flush()
            self._notify()
            if self.replica.objection:
                log.info("%s: %s", remote, self.replica.objection)
                return

    def _notify(self) -> None:
        """Wake everybody who waits for news."""
        self._news.set()
        self._news = asyncio.Event()
        self._changed()
