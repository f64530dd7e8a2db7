"""The packet loop: one datapath, the switches on it, and what goes to and fro between them.

The datapath hands packets up, the `Backer` says what is to be done, and `Forwarding` does it, in order.  Changes to a
switch are followed by `changed()`, which lets the backer correct the megaflows at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from traceback import format_exc

from vswitch.base.counters import Counter
from vswitch.base.errors import KernelError
from vswitch.base.log import Logger
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.megaflow import Execute, Megaflow, Ufid
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.command import Command, Install, Send, SetPortUp, Uninstall

log = Logger("dpif")
limited = log.limited(rate=60, burst=5)

AFTER_MISTAKE = 1.0  # seconds before what failed is tried again

UPCALLS = Counter("dpif_upcall")
EXECUTED = Counter("dpif_execute")
FLOWS_PUT = Counter("dpif_flow_put")
FLOWS_DELETED = Counter("dpif_flow_del")
REVALIDATIONS = Counter("revalidate")


class Forwarding:
    """A datapath and its backer, joined.  `send` delivers what is for controllers, `set_up` what is for devices."""

    def __init__(
        self, datapath: Datapath, send: Callable[[Send], None], set_up: Callable[[SetPortUp], None]
    ) -> None:
        self.datapath = datapath
        self.backer = Backer(datapath.support, int.from_bytes(os.urandom(16)))
        self.is_waiting = False  # for rules to be restored: neither look at packets nor at megaflows
        self.most_flows = 0
        self.average_flows = 0.0
        self._send = send
        self._set_up = set_up
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._upcalls = self._loop.create_task(self._handle_upcalls(), name=f"upcalls of {datapath.name}")

    def close(self, keep: bool) -> None:
        """Let go of the datapath; with `keep`, one that lives in the kernel goes on without us."""
        self._upcalls.cancel()
        for handle in (self._timer, self._soon):
            if handle:
                handle.cancel()
        self.datapath.close(keep)

    def perform(self, commands: Iterable[Command]) -> None:
        """Do what the backer said, in order, runs of a kind in one go.

        Packets and new megaflows are of one kind, and the packets go first: they have waited.
        """
        for kind, run in groupby(commands, _kind):
            batch = list(run)
            if kind is Install:
                self._execute([command for command in batch if isinstance(command, Execute)])
                self._install([command.megaflow for command in batch if isinstance(command, Install)])
            elif kind is Uninstall:
                self._uninstall([command.ufid for command in batch if isinstance(command, Uninstall)])
            else:
                for command in batch:
                    if isinstance(command, Send):
                        self._send(command)
                    elif isinstance(command, SetPortUp):
                        self._set_up(command)

    def changed(self) -> None:
        """Something about a switch is different: have the backer look at it before anything else happens."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self._run)

    def run(self) -> None:
        """Do what is due now.  A mistake of ours is logged, and the switch goes on."""
        if self.is_waiting:
            return
        now, pause = self._loop.time(), 0.0
        try:
            if now >= self.backer.revalidate_at:
                self._begin_pass(now)
            else:
                self.perform(self.backer.run(now))
        except Exception:
            limited.err("%s: %s", self.datapath.name, format_exc().rstrip())
            pause = AFTER_MISTAKE
        self._set_timer(now + pause)

    async def revalidate(self) -> None:
        """Come back when every megaflow is right, and has told what it carried until now."""
        if self.is_waiting:
            return
        self._begin_pass(self._loop.time())
        while not self.backer.is_settled:
            await asyncio.sleep(0)
            self.perform(self.backer.run(self._loop.time()))
        self._set_timer()

    def _begin_pass(self, now: float) -> None:
        """Let the backer look through the megaflows: anew, if it was still at it."""
        REVALIDATIONS.hit()
        count = self.datapath.stats().flows
        self.most_flows = max(self.most_flows, count)
        self.average_flows = (self.average_flows + count) / 2
        self.perform(self.backer.revalidate(self.datapath.flow_dump(), now))

    def purge(self) -> None:
        """Remove every megaflow."""
        self.perform(self.backer.purge(self._loop.time()))

    def _run(self) -> None:
        self._soon = None
        self.run()

    def _set_timer(self, earliest: float = 0.0) -> None:
        if self._timer:
            self._timer.cancel()
        due = max(earliest, min(self.backer.deadline, self.backer.revalidate_at))
        self._timer = None if due == float("inf") else self._loop.call_at(due, self.run)

    async def _handle_upcalls(self) -> None:
        async for upcalls in self.datapath.upcalls():
            UPCALLS.hit(len(upcalls))
            if self.is_waiting:
                continue
            try:
                self.perform(self.backer.upcall(upcalls, self._loop.time()))
            except Exception:
                limited.err("%s: %s", self.datapath.name, format_exc().rstrip())
            self._set_timer()

    def _install(self, megaflows: Sequence[Megaflow]) -> None:
        if not megaflows:
            return
        FLOWS_PUT.hit(len(megaflows))
        try:
            self.datapath.flow_put(megaflows)
        except KernelError as error:
            limited.warn("%s: failed to put %d flows (%s)", self.datapath.name, len(megaflows), error)

    def _uninstall(self, ufids: Sequence[Ufid]) -> None:
        FLOWS_DELETED.hit(len(ufids))
        try:
            carried = self.datapath.flow_del(ufids)
        except KernelError as error:
            limited.warn("%s: failed to delete %d flows (%s)", self.datapath.name, len(ufids), error)
            carried = [None] * len(ufids)
        now = self._loop.time()
        for ufid, stats in zip(ufids, carried, strict=True):
            self.backer.uninstalled(ufid, stats, now)

    def _execute(self, executes: Sequence[Execute]) -> None:
        if not executes:
            return
        EXECUTED.hit(len(executes))
        try:
            self.datapath.execute(executes)
        except KernelError as error:
            limited.warn("%s: failed to execute %d packets (%s)", self.datapath.name, len(executes), error)


def _kind(command: Command) -> type[Command]:
    return Install if isinstance(command, Execute) else type(command)
