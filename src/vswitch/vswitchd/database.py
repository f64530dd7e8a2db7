"""The daemon's connection to its database: a replica kept up to date, a lock, and transactions.

Sources: ovsdb-server(7); ovs-vswitchd(8); OVS lib/reconnect.c for the times between attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vswitch.aio.streams import Stream, Tls, connect, reason
from vswitch.base.errors import VswitchError, WireError
from vswitch.base.jsontype import Json
from vswitch.base.log import Logger
from vswitch.ovsdb.change import Outcome, Transaction
from vswitch.ovsdb.jsontext import Splitter, encode
from vswitch.ovsdb.replica import Replica

log = Logger("reconnect")
MIN_BACKOFF, MAX_BACKOFF = 1.0, 8.0  # seconds
PROBE_INTERVAL = 5.0  # seconds without a message before we ask; not over Unix sockets, which tell


class Database:
    """A replica at the other end of `remote`, reconnected for ever; `changed` is called after every news."""

    def __init__(
        self, remote: str, replica: Replica, changed: Callable[[], None], tls: Tls | None = None
    ) -> None:
        self.remote = remote
        self.replica = replica
        self._changed = changed
        self._tls = tls
        self._stream: Stream | None = None
        self._replies: dict[int, asyncio.Future[list[Json]]] = {}

    async def run(self) -> None:
        """Connect, serve, and connect again."""
        backoff = 0.0
        while True:
            if backoff:
                log.info("%s: waiting %g seconds before reconnect", self.remote, backoff)
                await asyncio.sleep(backoff)
            log.info("%s: connecting...", self.remote)
            try:
                stream = await connect(self.remote, self._tls, default_port=6640)
            except OSError as error:
                log.info("%s: connection attempt failed (%s)", self.remote, reason(error))
                backoff = min(MAX_BACKOFF, max(MIN_BACKOFF, backoff * 2))
                continue
            log.info("%s: connected", self.remote)
            backoff = MIN_BACKOFF
            await self._converse(stream)

    def flush(self) -> None:
        """Send what the replica has to say."""
        if self._stream is not None:
            for message in self.replica.outgoing():
                self._stream.writer.write(encode(message))

    async def commit(self, transaction: Transaction) -> Outcome:
        """Send a transaction and say what became of it."""
        operations = transaction.operations()
        if not operations:
            return Outcome("unchanged")
        number = self.replica.transact(operations)
        reply: asyncio.Future[list[Json]] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self.flush()
        return transaction.finish(await reply)

    async def _converse(self, stream: Stream) -> None:
        self._stream = stream
        self.replica.connected()
        self.flush()
        try:
            await self._receive(stream)
        except OSError as error:
            log.warn("%s: connection dropped (%s)", self.remote, reason(error))
        except VswitchError as error:
            log.warn("%s: %s", self.remote, error)
        finally:
            self._stream = None
            stream.abort()
            self.replica.disconnected()
            self._deliver()
            self._changed()

    async def _receive(self, stream: Stream) -> None:
        splitter, probed = Splitter(), False
        probe = None if self.remote.startswith("unix:") else PROBE_INTERVAL
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
                log.warn("%s: connection closed by peer", self.remote)
                return
            probed = False
            splitter.receive(data)
            for message in splitter.values():
                self.replica.receive(message)
            self.flush()
            self._deliver()
            self._changed()

    def _deliver(self) -> None:
        """Give replies to those who wait for them; a connection that is lost answers everything with an error."""
        for number in [number for number in self._replies if number in self.replica.outcomes]:
            reply = self._replies.pop(number)
            if not reply.done():
                reply.set_result(as_results(self.replica.outcomes.pop(number)))


def as_results(outcome: Json) -> list[Json]:
    """The reply to a transaction as a list of results; what is not one failed for a reason worth trying again."""
    if isinstance(outcome, list) and all(result is None or isinstance(result, dict) for result in outcome):
        return [{"error": "aborted"} if result == {"error": "disconnected"} else result for result in outcome]
    return [{"error": "aborted"}]
