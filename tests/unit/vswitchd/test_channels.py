"""Channels of a bridge, over sockets of its own: who is served, who is shown what, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, settled, with_rig
from vswitch.aio.clock import SteerableLoop
from vswitch.flow.ports import OfPort
from vswitch.ofproto.switch import FAIL_OPEN_PRIORITY
from vswitch.openflow.errors import BadRequest
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flowstats import FlowStatsReply, FlowStatsRequest
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error, Hello
from vswitch.openflow.messages.port import OFPPC_NO_FWD, PortMod, PortStatus
from vswitch.openflow.messages.switch import BarrierReply, BarrierRequest, SetConfig
from vswitch.openflow.session import Negotiated, Received, Session
from vswitch.openflow.version import OF10, OF13, OF14, Version
from vswitch.vswitchd.channels import Status, name_of

BRIDGE = ["add-br br0", DUMMY, *dummy_port("p1"), "set interface p1 ofport_request=1"]


class Client:
    """The other end of a channel."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, versions: frozenset[Version]
    ) -> None:
        self.reader, self.writer = reader, writer
        self.session = Session(0.0, versions, 0)
        self.version = 0

    async def hear(self) -> list[Message]:
        """What comes next; nothing: the switch has hung up."""
        self.writer.write(self.session.take_output())
        data = await asyncio.wait_for(self.reader.read(1 << 16), 10)
        if not data:
            return []
        self.session.receive(data, 0.0)
        heard: list[Message] = []
        for event in self.session.events():
            if isinstance(event, Negotiated):
                self.version = event.version
            elif isinstance(event, Received):
                heard.append(event.message)
        return heard

    async def ask(self, *messages: Message) -> list[Message]:
        """What is said until all of them are done."""
        for xid, message in enumerate((*messages, BarrierRequest()), 1):
            self.session.send(message, xid)
        heard: list[Message] = []
        while not heard or not isinstance(heard[-1], BarrierReply):
            heard += await self.hear()
        return heard[:-1]


class Clients:
    """Those that a test has, which all go with it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self, path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(path)
        self._writers.append(writer)
        return reader, writer

    async def connect(self, path: Path, *versions: Version) -> Client:
        """A client, when a version is agreed."""
        client = Client(*await self.open(path), frozenset(versions or {OF13}))
        while not client.version:
            await client.hear()
        return client

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def with_clients(test: Callable[[Rig, Clients], Awaitable[None]]) -> None:
    async def run(made: Rig) -> None:
        clients = Clients(made)
        try:
            await test(made, clients)
        finally:
            await clients.close()

    with_rig(run)


async def hung_up(client: Client) -> bool:
    """Come back when the switch has ended the channel; whatever it says before is passed over."""
    while not client.reader.at_eof():
        await asyncio.wait_for(client.reader.read(1 << 16), 10)
    return True


def test_tools_are_served(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE)
        tool = await clients.connect(rundir / "br0.mgmt")
        assert await tool.ask(EchoRequest(b"abc")) == [EchoReply(b"abc")]
        add = parse_flow_mod("table=3,priority=7,actions=drop")
        [reply] = await tool.ask(add, FlowStatsRequest(table_id=3))
        assert isinstance(reply, FlowStatsReply)
        assert [flow.priority for flow in reply.flows] == [7]
        assert len(rig.br0.switch.channels) == 1
        tool.writer.close()
        while rig.br0.switch.channels:
            await settled()

    with_clients(test)


@pytest.mark.parametrize(
    ("protocols", "offered", "agreed"),
    [
        ("", (OF10, OF13, OF14), OF14),
        ("OpenFlow10,OpenFlow13", (OF10, OF13, OF14), OF13),
        ("OpenFlow10", (OF10, OF14), OF10),
    ],
)
def test_the_version_is_the_latest_that_both_have(
    rundir: Path, protocols: str, offered: Sequence[Version], agreed: Version
) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE, *([f"set bridge br0 protocols={protocols}"] if protocols else []))
        tool = await clients.connect(rundir / "br0.mgmt", *offered)
        assert tool.version == agreed

    with_clients(test)


def test_whoever_speaks_no_common_version_is_sent_away(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE, "set bridge br0 protocols=OpenFlow10")
        reader, writer = await clients.open(rundir / "br0.mgmt")
        writer.write(encode(Hello(frozenset({OF14})), OF14))
        said = await asyncio.wait_for(reader.read(), 10)  # until the end
        assert said[1] == 0  # a hello
        assert rig.br0.switch.channels == {}

    with_clients(test)


def test_other_versions_end_what_was_agreed(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE)
        tool = await clients.connect(rundir / "br0.mgmt")
        await rig.want(*BRIDGE, "set bridge br0 protocols=OpenFlow10")
        assert await hung_up(tool)

    with_clients(test)


def test_a_removed_bridge_hangs_up(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE)
        tool = await clients.connect(rundir / "br0.mgmt")
        await rig.want()
        assert await hung_up(tool)

    with_clients(test)


def test_a_message_that_makes_no_sense_is_answered_and_the_channel_goes_on(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE)
        tool = await clients.connect(rundir / "br0.mgmt")
        tool.writer.write(bytes((4, 99, 0, 8, 0, 0, 0, 5)))
        [error] = await tool.ask()
        assert isinstance(error, Error)
        assert error.code is BadRequest.BAD_TYPE
        assert await tool.ask(EchoRequest(b"x")) == [EchoReply(b"x")]

    with_clients(test)


def test_bytes_that_are_no_openflow_end_the_channel(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE)
        tool = await clients.connect(rundir / "br0.mgmt")
        tool.writer.write(bytes((4, 2, 0, 3, 0, 0, 0, 5)))  # shorter than its header
        assert await hung_up(tool)

    with_clients(test)


def test_what_goes_to_and_from_controllers_is_shown_to_snoopers(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        await rig.want(*BRIDGE, f"set-controller br0 punix:{rundir}/c", "set controller br0 type=primary")
        snooper = await clients.connect(rundir / "br0.snoop")
        controller = await clients.connect(rundir / "c")
        await controller.ask()
        seen: list[Message] = []
        while not any(isinstance(each, BarrierReply) for each in seen):
            seen += await snooper.hear()
        assert any(isinstance(each, BarrierRequest) for each in seen)

    with_clients(test)


def test_controllers_hear_what_tools_change(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        listener = [f"set-controller br0 punix:{rundir}/c", "set controller br0 type=primary"]
        await rig.want(*BRIDGE, *listener)
        controller, tool = await clients.connect(rundir / "c"), await clients.connect(rundir / "br0.mgmt")
        change = PortMod(OfPort(1), rig.device("p1").state().mac, OFPPC_NO_FWD, OFPPC_NO_FWD)
        assert await tool.ask(change) == []
        [told] = await controller.ask()
        assert isinstance(told, PortStatus)
        await rig.want(*BRIDGE)
        assert await hung_up(controller)  # and it is no controller any more

    with_clients(test)


def test_who_is_not_wanted_any_more_or_otherwise_is_not_served_on(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        listener = f"set-controller br0 punix:{rundir}/c"
        await rig.want(*BRIDGE, listener)
        first = await clients.connect(rundir / "c")
        await rig.want(*BRIDGE, listener)
        assert await first.ask() == []  # nothing has changed
        await rig.want(*BRIDGE, listener, "set controller br0 inactivity_probe=60000")
        assert await hung_up(first)
        second = await clients.connect(rundir / "c")
        tool = await clients.connect(rundir / "br0.mgmt")
        await rig.want(*BRIDGE)
        assert await hung_up(second)
        assert await tool.ask() == []
        with pytest.raises(OSError, match="c"):
            await clients.open(rundir / "c")

    with_clients(test)


def test_one_that_wants_nothing_unasked_gets_nothing(rundir: Path) -> None:
    async def test(rig: Rig, clients: Clients) -> None:
        listener = [f"set-controller br0 punix:{rundir}/c", "set controller br0 type=primary"]
        await rig.want(*BRIDGE, *listener, "set controller br0 enable_async_messages=false")
        controller, tool = await clients.connect(rundir / "c"), await clients.connect(rundir / "br0.mgmt")
        await tool.ask(PortMod(OfPort(1), rig.device("p1").state().mac, OFPPC_NO_FWD, OFPPC_NO_FWD))
        assert await controller.ask(SetConfig(0, 128)) == []

    with_clients(test)


def test_without_its_controllers_a_switch_helps_itself_after_a_while(rundir: Path) -> None:
    def helps_itself(rig: Rig) -> bool:
        return any(rule.priority == FAIL_OPEN_PRIORITY for rule in rig.br0.switch.tables[0])

    async def test(rig: Rig, clients: Clients) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteerableLoop)
        listener = [f"set-controller br0 punix:{rundir}/c", "set controller br0 type=primary"]
        await rig.want(*BRIDGE, *listener)
        await loop.advance(14.0, 1.0)
        assert not helps_itself(rig)
        await loop.advance(2.0, 1.0)  # three probes of five seconds
        assert helps_itself(rig)
        controller = await clients.connect(rundir / "c")
        await controller.ask()
        assert not helps_itself(rig)
        controller.writer.close()
        while rig.br0.switch.channels:
            await settled()
        await loop.advance(14.0, 1.0)
        assert not helps_itself(rig)
        await loop.advance(2.0, 1.0)
        assert helps_itself(rig)
        await rig.want(*BRIDGE, *listener, "set bridge br0 fail_mode=secure")
        assert not helps_itself(rig)

    with_clients(test)


@pytest.mark.parametrize(
    ("status", "column"),
    [
        (Status(), {"state": "BACKOFF"}),
        (Status("ACTIVE", connected_at=3.0), {"state": "ACTIVE", "sec_since_connect": "4"}),
        (
            Status("BACKOFF", 1.0, 5.5, "Connection refused"),
            {
                "state": "BACKOFF",
                "last_error": "Connection refused",
                "sec_since_connect": "6",
                "sec_since_disconnect": "2",
            },
        ),
    ],
)
def test_how_a_controller_is_doing(status: Status, column: dict[str, str]) -> None:
    assert status.to_column(7.9 if status.disconnected_at else 7.0) == column


def test_messages_have_names() -> None:
    assert name_of(encode(BarrierRequest(), OF13)) == "OFPT_BARRIER_REQUEST"
    assert name_of(b"\4") == name_of(bytes((4, 99, 0, 8, 0, 0, 0, 5))) == "invalid"
