"""The controller as a daemon: it listens for switches, and connects to those that listen.

Sources: ovs-testcontroller(8).
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence

from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.drive import CHUNK, Driver
from vswitch.aio.streams import Listener, Stream, connect, is_passive, listen, reason
from vswitch.aio.tls import Tls
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.log import Logger
from vswitch.base.options import CommandError, Given
from vswitch.cli.testcontroller.learning import LearningSwitch, Policy
from vswitch.openflow.session import Event, Malformed, Negotiated, ProtocolError, Received, Session
from vswitch.openflow.version import OF10, Version

PORT = 6653
PROBE_INTERVAL = 60.0  # seconds
log = Logger("controller")
limited = log.limited(rate=30, burst=300)


def run(
    program: str,
    given: Given,
    targets: Sequence[str],
    policy: Policy,
    versions: frozenset[Version],
    *,
    mute: bool,
) -> int:
    """Run until told to end; the exit status."""
    controller = _TestController(targets, policy, versions, Tls.from_options(given), mute)
    return run_daemon(program, given, controller.serve)


class _TestController:
    """All its connections."""

    def __init__(
        self, targets: Sequence[str], policy: Policy, versions: frozenset[Version], tls: Tls, mute: bool
    ) -> None:
        self._targets = targets
        self._policy = policy
        self._versions = versions
        self._tls = tls
        self._mute = mute
        self._listeners: list[Listener] = []
        self._streams: set[Stream] = set()

    async def serve(self, service: Service) -> None:
        """Open all connections that there can be; talk until `exit`."""
        for target in self._targets:
            try:
                await self._open(target)
            except (OSError, VswitchError) as error:
                log.err("%s: connect: %s", target, _reason(error))  # "connect" where it is to listen, too
        if not self._listeners and not self._streams:
            raise CommandError("no active or passive switch connections")
        service.ready()
        async with asyncio.TaskGroup() as group:
            talks = [group.create_task(self._converse(stream)) for stream in list(self._streams)]
            await service.stopping.wait()
            for talk in talks:
                talk.cancel()
        for listener in self._listeners:
            listener.close()
        for stream in list(self._streams):
            stream.abort()

    async def _open(self, target: str) -> None:
        if is_passive(target):
            self._listeners.append(await listen(target, self._accepted, lambda: self._tls, PORT))
        else:
            self._streams.add(await connect(target, self._tls, PORT))

    async def _accepted(self, stream: Stream) -> None:
        self._streams.add(stream)
        await self._converse(stream)

    async def _converse(self, stream: Stream) -> None:
        """Be the controller of one switch until it goes."""
        loop = asyncio.get_running_loop()
        session = Session(loop.time(), self._versions, PROBE_INTERVAL)
        driver: Driver[Event] = Driver(session, stream)
        switch = LearningSwitch(self._policy, OF10)
        try:
            async for event in driver.events():
                match event:
                    case Negotiated(version):
                        log.dbg("%s: connected", stream.name)
                        switch = LearningSwitch(self._policy, version)
                        for message in switch.greet():
                            session.send(message)
                            session.table_ids = version == OF10 and bool(self._policy.flows)
                        if self._mute:
                            await self._ignore(driver)
                            return
                    case Received(message):
                        for answer in switch.react(message, loop.time()):
                            session.send(answer)
                    case Malformed(error, _, data):
                        limited.warn("%s: %s in a message of %d bytes", stream.name, error, len(data))
                    case _:
                        pass  # nothing that was asked for
        except (OSError, ProtocolError) as error:
            limited.info("%s: connection dropped (%s)", stream.name, _reason(error))
        finally:
            self._streams.discard(stream)
            stream.abort()

    async def _ignore(self, driver: Driver[Event]) -> None:
        """Say no more, whatever comes."""
        driver.flush()
        while await driver.stream.reader.read(CHUNK):
            pass


def _reason(error: Exception) -> str:
    if isinstance(error, TextError):
        return os.strerror(errno.EAFNOSUPPORT)  # not a name of a connection
    return reason(error) if isinstance(error, OSError) else str(error)
