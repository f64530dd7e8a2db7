"""The OpenFlow channels of one bridge: its management socket, its snoop socket, its controllers and listeners.

Bytes and sessions are handled here; what a message does is its `Connection`'s business (ofproto/connections.py).

Sources: ovs-vswitchd.conf.db(5), Controller; ovs-ofctl(8), "snoop"; OpenFlow 1.5.1, 6.3.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from vswitch.aio.drive import Driver
from vswitch.aio.streams import Listener, Stream, connect, is_passive, listen, reason
from vswitch.aio.tls import TlsSource
from vswitch.base.counters import Counter
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.linux.dirs import rundir
from vswitch.ofproto import connections
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Command, ConnectionId, Send
from vswitch.ofproto.handlers import HANDLERS
from vswitch.ofproto.settings import FailMode
from vswitch.ofproto.switch import Switch
from vswitch.openflow import additions
from vswitch.openflow import session as sessions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import HEADER, Message, find
from vswitch.openflow.messages import monitor as monitor_messages
from vswitch.openflow.messages import packet
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.role import ROLE_EQUAL, ROLE_PRIMARY, ROLE_SECONDARY
from vswitch.openflow.version import ALL_VERSIONS
from vswitch.vswitchd import packetins
from vswitch.vswitchd.bridge import OPENFLOW_PORT, BridgeConfig, ControllerConfig
from vswitch.vswitchd.forwarding import Forwarding

log = Logger("rconn")
log_connmgr = Logger("connmgr")
limited = log.limited(rate=5, burst=5)
attempts = log.limited(rate=60, burst=20)
refusals = log_connmgr.limited(rate=10, burst=10)
misunderstandings = Logger("vconn").limited(rate=10, burst=10)
nonsense = Logger("ofp_msgs").limited(rate=10, burst=10)

MIN_BACKOFF = 1.0  # seconds
MAX_BACKLOG = 1 << 20  # bytes that a snooper may leave unread before it misses messages
MONITOR_BACKLOG = 128 << 10  # bytes that it may leave unread before its flow monitors pause
MONITOR_PAUSE = 0.1  # seconds between looks whether it has read them
MAX_UNREAD = 64 << 20  # bytes that it may leave unread when the switch has to tell it something unasked
FAIL_OPEN_PROBES = 3  # so many inactivity probes without a controller, and the switch helps itself
TOOL = ControllerConfig("", "")
PACKET_INS_DROPPED = Counter("ofconn_packet_in_dropped")  # packet-ins for which a controller had no room
ROLE_NAMES = {ROLE_EQUAL: "other", ROLE_PRIMARY: "master", ROLE_SECONDARY: "slave"}


@dataclass(slots=True)
class Status:
    """How a controller is doing, as the columns of its row say it."""

    state: str = "BACKOFF"  # VOID, BACKOFF, CONNECTING, ACTIVE or IDLE
    connected_at: float | None = None
    disconnected_at: float | None = None
    last_error: str = ""
    links: set[ConnectionId] = field(default_factory=set)  # the connections that stand

    def to_column(self, now: float) -> dict[str, str]:
        """Controller.status."""
        column = {"state": self.state}
        if self.last_error:
            column["last_error"] = self.last_error
        if self.connected_at is not None:
            column["sec_since_connect"] = str(int(now - self.connected_at))
        if self.disconnected_at is not None:
            column["sec_since_disconnect"] = str(int(now - self.disconnected_at))
        return column


@dataclass(slots=True)
class _Controller:
    """A row of Controller that is being served."""

    config: ControllerConfig
    status: Status = field(default_factory=Status)
    task: asyncio.Task[None] | None = None
    listener: Listener | None = None
    streams: set[Stream] = field(default_factory=set)


@dataclass(slots=True)
class _Link:
    """A channel on which a version is agreed."""

    connection: connections.Connection
    session: sessions.Session
    driver: Driver[sessions.Event]
    packet_ins: packetins.PacketIns


def name_of(data: bytes) -> str:
    """What the message that begins with `data` is called."""
    try:
        version, type_, _, _ = HEADER.unpack_from(data)
        return find(version, type_, data)[1].name
    except (OpenFlowError, struct.error):
        return "invalid"


class Channels:
    """All channels of one bridge."""

    def __init__(
        self, name: str, switch: Switch, forwarding: Forwarding, tls: TlsSource = lambda: None
    ) -> None:
        self.name = name
        self.on_change: Callable[[], None] = lambda: None  # called when a controller came or went
        self._switch = switch
        self._forwarding = forwarding
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._config: BridgeConfig | None = None
        self._controllers: dict[str, _Controller] = {}
        self._listeners: list[Listener] = []
        self._links: dict[ConnectionId, _Link] = {}
        self._streams: set[Stream] = set()
        self._snoopers: set[Stream] = set()
        self._unflushed: dict[int, Driver[sessions.Event]] = {}
        self._fail_timer: asyncio.TimerHandle | None = None
        self._alone_since = self._loop.time()

    async def configure(self, config: BridgeConfig, *, alone: bool) -> None:
        """Serve the sockets of the bridge and the controllers of `config`; if `alone`, those that rule have to wait."""
        before, self._config = self._config, config
        if before is None:
            await self._open_sockets()
        elif before.versions != config.versions:
            self.reconnect()
        wanted = {each.uuid: each for each in config.controllers if each.service or not alone}
        for uuid, controller in list(self._controllers.items()):
            if wanted.get(uuid) != controller.config:
                await self._stop(self._controllers.pop(uuid))
        for uuid, controller_config in wanted.items():
            if uuid not in self._controllers:
                await self._start(controller_config)
        self._check_fail_open()

    async def close(self) -> None:
        """Close everything."""
        for controller in self._controllers.values():
            await self._stop(controller, quiet=True)
        self._controllers.clear()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for stream in [*self._streams, *self._snoopers]:
            stream.abort()
        if self._fail_timer:
            self._fail_timer.cancel()

    def reconnect(self) -> None:
        """Drop every connection, so that the other side learns anew what the switch is."""
        for stream in list(self._streams):
            stream.close()

    def send(self, command: Send) -> bool:
        """Send what `command` says, if its connection is one of ours."""
        link = self._links.get(command.connection)
        if link is None:
            return False
        if isinstance(command.message, packet.PacketIn):
            if not link.packet_ins.send(command.message):
                PACKET_INS_DROPPED.hit()
            return True
        if command.xid == 0 and link.driver.backlog > MAX_UNREAD:
            limited.warn("%s<->%s: too much is unread, disconnecting", self.name, link.driver.stream.name)
            link.driver.stream.abort()
            return True
        self._say(link.session, link.driver, command.message, command.xid)
        if isinstance(command.message, Error):
            refusals.info(
                "%s<->%s: sending %s error reply to %s message",
                self.name,
                link.driver.stream.name,
                command.message.code,
                name_of(command.message.data),
            )
        if (
            isinstance(command.message, monitor_messages.FlowMonitorReply)
            and link.driver.backlog > MONITOR_BACKLOG
        ):
            self._loop.call_soon(self._pause, link)
        return True

    def _pause(self, link: _Link) -> None:
        """Tell a controller that does not read of changes of rules later, when it has read what it was told."""
        if link.connection.channel.paused_at is None:
            self._forwarding.perform(link.connection.pause())
            self._resume_when_read(link)

    def _resume_when_read(self, link: _Link) -> None:
        if link.connection.id not in self._links:
            return
        if link.driver.backlog:
            self._loop.call_later(MONITOR_PAUSE, self._resume_when_read, link)
        else:
            self._forwarding.perform(link.connection.resume())

    def _say(
        self, session: sessions.Session, driver: Driver[sessions.Event], message: Message, xid: int = 0
    ) -> None:
        session.send(message, xid)
        if not self._unflushed:
            self._loop.call_soon(self._flush)
        self._unflushed[id(driver)] = driver

    def statuses(self) -> Mapping[str, tuple[Status, str | None]]:
        """By row of Controller: how it is doing, and its role if it is connected."""
        return {
            uuid: (controller.status, self._role(controller.status))
            for uuid, controller in self._controllers.items()
        }

    def _role(self, status: Status) -> str | None:
        channels = [self._switch.channels[link] for link in status.links if link in self._switch.channels]
        return ROLE_NAMES[channels[0].role] if channels else None

    def _flush(self) -> None:
        drivers, self._unflushed = self._unflushed, {}
        for driver in drivers.values():
            driver.flush()

    # Sockets of the bridge.

    async def _open_sockets(self) -> None:
        management = f"punix:{rundir()}/{self.name}.mgmt"
        log_connmgr.info('%s: added service controller "%s"', self.name, management)
        for target, accepted in (
            (management, self._serve_tool),
            (f"punix:{rundir()}/{self.name}.snoop", self._serve_snooper),
        ):
            try:
                self._listeners.append(await listen(target, accepted))
            except OSError as error:
                log_connmgr.err("%s: failed to listen on %s (%s)", self.name, target, error.strerror)

    async def _serve_tool(self, stream: Stream) -> None:
        await self._converse(stream, ChannelKind.SERVICE, None)

    async def _serve_snooper(self, stream: Stream) -> None:
        """Copy what goes to and from the controllers; what a snooper says is ignored."""
        driver = Driver(sessions.Session(self._loop.time(), ALL_VERSIONS, 0), stream)
        try:
            async for event in driver.events():
                if isinstance(event, sessions.Negotiated):
                    self._snoopers.add(stream)
        except (OSError, sessions.ProtocolError) as error:
            log.dbg("%s<->%s: %s", self.name, stream.name, error)
        finally:
            self._snoopers.discard(stream)

    def _copy(self, data: bytes) -> None:
        """Show `data` to the snoopers; one that does not read misses messages."""
        for snooper in self._snoopers:
            if snooper.writer.transport.get_write_buffer_size() <= MAX_BACKLOG:
                snooper.writer.write(data)

    # Controllers.

    async def _start(self, config: ControllerConfig) -> None:
        controller = self._controllers[config.uuid] = _Controller(config)
        kind = "service" if config.service else "primary"
        log_connmgr.info('%s: added %s controller "%s"', self.name, kind, config.target)
        if not is_passive(config.target):
            controller.task = self._loop.create_task(self._keep_connected(controller))
            return
        controller.status.state = "VOID"
        try:
            controller.listener = await listen(
                config.target,
                lambda stream: self._serve_controller(controller, stream),
                self._tls,
                OPENFLOW_PORT,
            )
        except (OSError, VswitchError) as error:
            log_connmgr.err("%s: failed to listen on %s (%s)", self.name, config.target, reason(error))

    async def _stop(self, controller: _Controller, quiet: bool = False) -> None:
        if not quiet:
            kind = "service" if controller.config.service else "primary"
            log_connmgr.info('%s: removed %s controller "%s"', self.name, kind, controller.config.target)
        if controller.listener:
            controller.listener.close()
        for stream in list(controller.streams):
            stream.abort()
        if controller.task:
            controller.task.cancel()
            await asyncio.wait([controller.task])

    async def _keep_connected(self, controller: _Controller) -> None:
        """Connect to a controller, and again whenever that ends, ever more slowly."""
        name, config, status = (
            f"{self.name}<->{controller.config.target}",
            controller.config,
            controller.status,
        )
        backoff = 0.0
        while True:
            if backoff:
                status.state = "BACKOFF"
                attempts.info("%s: waiting %g seconds before reconnect", name, backoff)
                await asyncio.sleep(backoff)
            status.state = "CONNECTING"
            attempts.info("%s: connecting...", name)
            try:
                async with asyncio.timeout(max(1.0, backoff)):
                    stream = await connect(config.target, self._tls(), OPENFLOW_PORT)
            except (OSError, VswitchError) as error:
                attempts.warn("%s: connection failed (%s)", name, reason(error))
                status.last_error = reason(error)
                backoff = min(config.max_backoff, max(MIN_BACKOFF, backoff * 2))
                continue
            log.info("%s: connected", name)
            await self._serve_controller(controller, stream)
            stream.abort()
            backoff = min(config.max_backoff, MIN_BACKOFF)

    async def _serve_controller(self, controller: _Controller, stream: Stream) -> None:
        kind = ChannelKind.SERVICE if controller.config.service else ChannelKind.PRIMARY
        controller.streams.add(stream)
        try:
            await self._converse(stream, kind, controller)
        finally:
            controller.streams.discard(stream)

    # Conversations.

    async def _converse(self, stream: Stream, kind: ChannelKind, controller: _Controller | None) -> None:
        """Be the switch at one end of `stream` until it closes."""
        assert self._config is not None
        probe = controller.config.inactivity_probe if controller else 0.0
        session = sessions.Session(
            self._loop.time(), self._config.versions, probe, run_reader=additions.run_reader, handled=HANDLERS
        )
        copy = self._copy if kind is ChannelKind.PRIMARY else None
        driver = Driver(session, stream, copy)
        connection: connections.Connection | None = None
        self._streams.add(stream)
        try:
            async for event in driver.events():
                if isinstance(event, sessions.Negotiated):
                    connection = connections.Connection(self._switch, event.version, kind, self._loop.time())
                    config = controller.config if controller else TOOL
                    connection.channel.hears_unasked(config.asynchronous)
                    packet_ins = packetins.PacketIns(
                        config, partial(self._say, session, driver), lambda: driver.backlog
                    )
                    self._links[connection.id] = _Link(connection, session, driver, packet_ins)
                    self._connected(controller, connection.id)
                elif connection is not None:
                    for commands in self._handle(connection, session, event, copy):
                        await driver.give_way()
                        self._forwarding.perform(commands)
        except sessions.ProtocolError as error:
            misunderstandings.warn("%s: %s", stream.name, error)
            limited.warn(
                "%s<->%s: connection dropped (%s)", self.name, stream.name, os.strerror(errno.EPROTO)
            )
        except OSError as error:
            limited.warn("%s<->%s: connection dropped (%s)", self.name, stream.name, reason(error))
        finally:
            self._streams.discard(stream)
            if connection is not None:
                self._links.pop(connection.id).packet_ins.close()
                self._forwarding.perform(connection.close(self._loop.time()))
                self._disconnected(controller, connection.id)

    def _handle(
        self,
        connection: connections.Connection,
        session: sessions.Session,
        event: sessions.Event,
        copy: Callable[[bytes], None] | None,
    ) -> Iterator[list[Command]]:
        """Do what a message asks for; what is left are further parts of a long reply."""
        match event:
            case sessions.Received(message, xid, data):
                if copy:
                    copy(data)
                parts = connection.slices(message, xid, self._loop.time(), data)
                self._forwarding.perform(next(parts))
                session.nxm, session.table_ids = connection.nxm, connection.table_ids
                self._forwarding.changed()
                return parts
            case additions.Additions(flows):
                if copy:
                    copy(b"".join([event.whole(addition) for addition in flows]))
                self._forwarding.perform(connection.add(event, self._loop.time()))
                self._forwarding.changed()
            case sessions.Malformed(error, xid, data):
                if error.why:
                    nonsense.warn("%s", error.why)
                self._forwarding.perform(connection.refuse(error, xid, data))
            case _:
                pass
        return iter(())

    def _connected(self, controller: _Controller | None, link: ConnectionId) -> None:
        if controller is None:
            return
        status = controller.status
        status.links.add(link)
        status.state, status.connected_at = "ACTIVE", self._loop.time()
        self._check_fail_open()
        self.on_change()

    def _disconnected(self, controller: _Controller | None, link: ConnectionId) -> None:
        if controller is None:
            return
        status = controller.status
        status.links.discard(link)
        if not status.links:
            status.state = "VOID" if controller.listener else "BACKOFF"
            status.disconnected_at = self._loop.time()
        self._check_fail_open()
        self.on_change()

    # Standing alone.

    def _check_fail_open(self) -> None:
        """Switch like a plain switch if all controllers have been away too long; stop that when one is back."""
        assert self._config is not None
        if self._fail_timer:
            self._fail_timer.cancel()
            self._fail_timer = None
        rulers = [each for each in self._controllers.values() if not each.config.service]
        now = self._loop.time()
        if (
            self._config.fail_mode is FailMode.SECURE
            or not rulers
            or any(each.status.links for each in rulers)
        ):
            self._alone_since = now
            self._switch.set_fail_open(False, now)
            self._forwarding.changed()
            return
        probe = max(each.config.inactivity_probe for each in rulers)
        due = self._alone_since + FAIL_OPEN_PROBES * probe
        if now < due:
            self._fail_timer = self._loop.call_at(due, self._check_fail_open)
        else:
            self._switch.set_fail_open(True, now)
            self._forwarding.changed()
