"""Connections: one controller or tool, talking OpenFlow to one switch.

vswitchd owns the bytes and the session (hello, echo); a `Connection` says what each message does.  A request that
cannot be met is answered by an error with the request in it.

Sources: OpenFlow 1.5.1, 6.3 (channel), 7.5.4 (errors).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.ofproto import (  # noqa: F401 - handlers
    bundling,
    configuration,
    flowmod,
    groupmod,
    monitors,
    packetout,
    portmod,
    resume,
    stats,
    tablefeatures,
    tablemod,
    tunneloptions,
)
from vswitch.ofproto.bundling import add_to_bundle, drop
from vswitch.ofproto.channel import Channel, ChannelKind, default_miss_send_len
from vswitch.ofproto.command import Command, ConnectionId, Send
from vswitch.ofproto.handlers import HANDLERS, Request
from vswitch.ofproto.learning import forget_learned
from vswitch.ofproto.loading import Refused, add_flows
from vswitch.ofproto.switch import Switch
from vswitch.openflow.additions import Additions
from vswitch.openflow.errors import BadRequest, OpenFlowError
from vswitch.openflow.message import Dialect, Message, Multipart
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.group import GroupMod
from vswitch.openflow.messages.hello import EchoReply, Error
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.messages.nicira import TlvTableMod
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.messages.port import PortMod
from vswitch.openflow.messages.role import ROLE_SECONDARY
from vswitch.openflow.messages.table import TableMod
from vswitch.openflow.version import Version

_ONLY_PRIMARY: tuple[type[Message], ...] = (
    FlowMod,
    GroupMod,
    PacketOut,
    PortMod,
    TableMod,
    TlvTableMod,
    BundleControl,
    BundleAdd,
)
_UNANSWERED: tuple[type[Message], ...] = (Error, EchoReply)


class Connection:
    """One channel to `switch`, of which vswitchd has negotiated the version."""

    def __init__(self, switch: Switch, version: Version, kind: ChannelKind, now: float) -> None:
        """Join `switch`: from now on the channel hears what the switch has to say unasked."""
        self.switch = switch
        self.id = ConnectionId(switch.next_connection())
        self.channel = Channel(self.id, kind, Dialect(version), miss_send_len=default_miss_send_len(kind))
        switch.channels[self.id] = self.channel
        if self.channel.wants_misses:
            switch.wiring.changes.everything = True

    @property
    def table_ids(self) -> bool:
        """OpenFlow 1.0: whether the upper byte of a flow-mod's command is a table, for the session's decoder."""
        return bool(self.channel.dialect.table_ids)

    @property
    def nxm(self) -> bool | None:
        """OpenFlow 1.0: whether flows are told in Nicira's form, for the session's encoder."""
        return self.channel.dialect.nxm

    def handle(self, message: Message, xid: int, now: float, data: bytes = b"") -> list[Command]:
        """Perform `message`, whose bytes are `data`; replies, errors, and what else to do come back in order."""
        return [command for part in self.slices(message, xid, now, data) for command in part]

    def slices(self, message: Message, xid: int, now: float, data: bytes = b"") -> Iterator[list[Command]]:
        """The same, a part of a long reply at a time: between two of them, others may have their turn.

        The first is there at once, and with it all is done that `message` asks for but to reply.
        """
        replies: list[Command] = []
        self.switch.actor = self.id, xid
        try:
            for reply in self._perform(Request(self.switch, self.channel, message, now, data)):
                replies.append(Send(self.id, reply, xid))
                if isinstance(reply, Multipart) and reply.more:
                    self.switch.wiring.outbox += replies
                    replies = []
                    yield self._take_commands()
        except OpenFlowError as error:
            replies = [Send(self.id, Error(error.code, data), xid)]
        self.switch.actor = None
        forget_learned(self.switch, now)
        monitors.flush(self.switch)
        self.switch.wiring.outbox += replies
        yield self._take_commands()

    def add(self, run: Additions, now: float) -> list[Command]:
        """Perform additions of flows; the commands are those that their messages would cause one by one."""
        if self.channel.role == ROLE_SECONDARY:
            refused: Refused = ((each, OpenFlowError(BadRequest.IS_SECONDARY)) for each in run.additions)
        elif run.bundle is not None:
            refused = add_to_bundle(self.switch, self.channel, run, now)
        else:
            refused = add_flows(self.switch, self.channel, run.additions, now)
        replies = [Send(self.id, Error(error.code, run.whole(each)), each.xid) for each, error in refused]
        self.switch.actor = None
        self.switch.wiring.outbox += replies
        return self._take_commands()

    def refuse(self, error: OpenFlowError, xid: int, data: bytes) -> list[Command]:
        """Answer a message that could not be decoded."""
        return [Send(self.id, Error(error.code, data), xid)]

    def pause(self) -> list[Command]:
        """The other side does not read what its flow monitors tell: stop that for a while."""
        if self.channel.paused_at is None:
            monitors.pause(self.switch, self.channel)
        return self._take_commands()

    def resume(self) -> list[Command]:
        """It has read everything: go on."""
        if self.channel.paused_at is not None:
            monitors.resume(self.switch, self.channel)
        return self._take_commands()

    def close(self, now: float) -> list[Command]:
        """Leave the switch."""
        for number in list(self.channel.collections):
            drop(self.switch, self.channel.collections, number)
        del self.switch.channels[self.id]
        if self.channel.wants_misses:
            self.switch.wiring.changes.everything = True
        return self._take_commands()

    def _perform(self, request: Request[Message]) -> Iterable[Message]:
        message = request.message
        if isinstance(message, _UNANSWERED):
            return []
        handler = HANDLERS.get(type(message))
        if handler is None:
            raise OpenFlowError(BadRequest.BAD_TYPE)
        if self.channel.role == ROLE_SECONDARY and isinstance(message, _ONLY_PRIMARY):
            raise OpenFlowError(BadRequest.IS_SECONDARY)
        return handler(request)

    def _take_commands(self) -> list[Command]:
        wiring = self.switch.wiring
        commands, wiring.outbox = wiring.outbox, []
        return commands
