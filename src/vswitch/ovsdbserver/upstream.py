"""The connection of a relay or a backup to the server that it follows, made again whenever it is lost.

Sources: ovsdb(7), "Relay Service Model"; ovsdb-server(1), "Active-Backup Options".
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from vswitch.aio.streams import Stream, connect, reason
from vswitch.aio.tls import TlsSource
from vswitch.base.dataclass import dataclass
from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.ovsdb.follower import Follower
from vswitch.ovsdb.jsonrpc import Request

log = Logger("reconnect").limited(rate=60, burst=60)
DEFAULT_PORT = 6640
PIECE = 1 << 18  # bytes


def probe_seconds(milliseconds: int) -> float:
    """How long a connection may be silent, of what users say of it: 0 is for ever, and less than a second is one."""
    return max(1.0, milliseconds / 1000) if milliseconds else 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where to find what is followed: any of several servers."""

    remotes: tuple[str, ...]
    probe_interval: float = 60.0  # seconds of silence before the server is asked for a sign of life; 0: never
    max_backoff: float = 8.0  # seconds

    def __str__(self) -> str:
        return ",".join(self.remotes)


class Upstream:
    """Keeps a `Follower` connected."""

    def __init__(
        self,
        source: Source,
        tls: TlsSource,
        begin: Callable[[Callable[[bytes], None]], Follower],
        lost: Callable[[], None],
        progressed: Callable[[], None],
    ) -> None:
        self.source = source
        self.follower: Follower | None = None  # while there is a connection
        self._tls = tls
        self._begin, self._lost, self._progressed = begin, lost, progressed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End the connection for good."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_current(self) -> bool:
        """Whether the copy is what the server last told."""
        return self.follower is not None and self.follower.is_current

    async def _run(self) -> None:
        backoff = 1.0
        for remote in itertools.cycle(self.source.remotes):
            log.info("%s: connecting...", remote)
            try:
                stream = await connect(remote, self._tls(), DEFAULT_PORT)
            except (OSError, VswitchError) as error:
                text = getattr(error, "strerror", None) or str(error) or reason(error)
                log.info("%s: connection attempt failed (%s)", remote, text)
            else:
                log.info("%s: connected", remote)
                if await self._follow(stream):
                    backoff = 1.0
            await asyncio.sleep(min(backoff, self.source.max_backoff))
            backoff *= 2

    async def _follow(self, stream: Stream) -> bool:
        """Follow over a connection until it ends; whether it was of any use."""
        follower = self.follower = self._begin(stream.writer.write)
        try:
            problem = await self._listen(stream, follower)
            tell = log.warn if follower.problem else log.info  # what will not pass by itself
            tell("%s: connection closed (%s)", stream.name, problem)
            return follower.is_current
        finally:
            stream.abort()
            self.follower = None
            self._lost()
            self._progressed()

    async def _listen(self, stream: Stream, follower: Follower) -> str:
        """Hand on what comes; why it ended."""
        is_probed = False
        while not follower.problem:
            try:
                async with asyncio.timeout(self.source.probe_interval or None):
                    data = await stream.reader.read(PIECE)
            except TimeoutError:
                if is_probed:
                    return "no response to inactivity probe"
                is_probed = True
                stream.writer.write(Request("echo", [], "echo").encode())
                continue
            except OSError as error:
                return reason(error)
            if not data:
                return "connection closed by peer"
            is_probed = False
            follower.receive(data)
            self._progressed()
        return follower.problem
