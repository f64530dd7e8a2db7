"""Signals as callbacks of an event loop.

    with Signals((signal.SIGTERM, signal.SIGHUP)) as signals:
        ...
        signals.deliver(loop, stop)

It is what `loop.add_signal_handler` does, but begins before there is a loop, and does not import `inspect`, 5 ms of a
daemon's start, to see that the callback is no coroutine function.  The interpreter writes the number of each signal to a
pipe at once, whatever the process is doing; the loop reads it there.

Sources: signal(3py), set_wakeup_fd.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self


class Signals:
    """The signals among `numbers`, kept for the loop from now on.  Of the main thread."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _leave_to_loop) for number in self._numbers}
        for number in self._numbers:
            signal.siginterrupt(number, False)
        return self

    def deliver(self, loop: asyncio.AbstractEventLoop, call: Callable[[int], None]) -> None:
        """Have `call` called in the loop with the number of each signal that has come or comes."""

        def arrived() -> None:
            for number in os.read(self._reading, 4096):
                if number in self._numbers:
                    call(number)

        loop.add_reader(self._reading, arrived)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)


def _leave_to_loop(number: int, frame: object) -> None:
    """The pipe has it: but without a handler of Python's, nothing would be written there."""
