"""One driver for every session of the project: a machine without I/O on one side, a byte stream on the other.

The owner iterates over `Driver.events()`.  Whatever makes the machine have something to say between two events,
is followed by `Driver.flush()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from vswitch.aio.streams import Stream
from vswitch.base.errors import VswitchError

E_co = TypeVar("E_co", covariant=True)
E = TypeVar("E")
CHUNK = 65536
TURN = 0.01  # seconds that the requests of one peer may take before others have their turn


class Machine(Protocol[E_co]):
    """A session: bytes and time in, events and bytes out."""

    @property
    def alive(self) -> bool:
        """Whether there is any point in going on."""

    @property
    def deadline(self) -> float:
        """When to call `expire`, unless bytes arrive first; inf: never."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the other side."""

    def events(self) -> Iterable[E_co]:
        """What they mean; the state moves on with each event taken."""

    def expire(self, now: float) -> None:
        """The deadline has passed."""

    def take_output(self) -> bytes:
        """Bytes for the other side."""


class Driver(Generic[E]):
    """Carries bytes and time between `machine` and `stream`; `copy` gets what is sent, too."""

    def __init__(
        self, machine: Machine[E], stream: Stream, copy: Callable[[bytes], None] | None = None
    ) -> None:
        self.machine = machine
        self.stream = stream
        self._copy = copy

    def flush(self) -> None:
        """Send what the machine has to say."""
        if (output := self.machine.take_output()) and not self.stream.writer.is_closing():
            self.stream.writer.write(output)
            if self._copy:
                self._copy(output)

    @property
    def backlog(self) -> int:
        """How many bytes wait for the other side to take them."""
        return self.stream.writer.transport.get_write_buffer_size()

    async def events(self) -> AsyncIterator[E]:
        """The machine's events, until either side is done.  Last words are said before an error is raised."""
        loop, machine = asyncio.get_running_loop(), self.machine
        while machine.alive:
            self.flush()
            try:
                async with asyncio.timeout_at(_finite(machine.deadline)):
                    await self.stream.writer.drain()
                    data = await self.stream.reader.read(CHUNK)
            except TimeoutError:
                machine.expire(loop.time())
                continue
            if not data:
                return
            machine.receive(data, loop.time())
            turn_ends = loop.time() + TURN
            try:
                for event in machine.events():
                    yield event
                    if loop.time() > turn_ends:
                        await self.give_way()
                        turn_ends = loop.time() + TURN
            except VswitchError:
                self.flush()
                raise
        self.flush()

    async def give_way(self) -> None:
        """Let others have a turn; a peer that leaves its answers unread gets no more of them."""
        self.flush()
        await asyncio.sleep(0)
        while self.machine.alive:
            try:
                async with asyncio.timeout_at(_finite(self.machine.deadline)):
                    await self.stream.writer.drain()
                return
            except TimeoutError:
                self.machine.expire(asyncio.get_running_loop().time())


def _finite(deadline: float) -> float | None:
    return None if deadline == float("inf") else deadline
