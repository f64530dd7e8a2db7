"""The same bytes to the peer's switch and to ours get the same answers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.interop.tracing import PeerSwitch
from tests.switch.machine import Machine, flow_mod
from vswitch.flow.match import Match, parse_match
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_IN_PORT, OFPP_LOCAL, OFPP_TABLE, OfPort
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import HEADER, Message, decode, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.flowstats import AggregateStatsRequest, FlowStatsReply, FlowStatsRequest
from vswitch.openflow.messages.hello import Hello
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.messages.port import (
    PortDescReply,
    PortDescRequest,
    PortMod,
    PortStatsReply,
    PortStatsRequest,
)
from vswitch.openflow.messages.role import (
    FlowModTableId,
    GetAsyncRequest,
    RoleRequest,
    SetAsync,
    SetControllerId,
    SetFlowFormat,
    SetPacketInFormat,
)
from vswitch.openflow.messages.switch import (
    BarrierReply,
    BarrierRequest,
    DescReply,
    DescRequest,
    FeaturesReply,
    FeaturesRequest,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.messages.table import TableDescRequest, TableMod, TableStatsReply, TableStatsRequest
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14, OF15, Version

pytestmark = pytest.mark.interop


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[PeerSwitch]:
    with PeerSwitch(tmp_path) as switch:
        yield switch


class PeerChannel:
    """A channel of one version to the peer's br0."""

    def __init__(self, directory: Path, version: Version) -> None:
        self.version = version
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(directory / "br0.mgmt"))
        self._socket.sendall(encode(Hello(frozenset({version})), version, 1))
        self._read()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> bytes:
        head = self._exactly(8)
        return head + self._exactly(HEADER.unpack(head)[2] - 8)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            assert more, "the peer closed the channel"
            data += more
        return data

    def ask(self, data: bytes) -> list[Message]:
        """All answers to `data`."""
        self._socket.sendall(data + encode(BarrierRequest(), self.version, 99))
        answers = []
        while True:
            _, xid, message = decode(self._read())
            if isinstance(message, BarrierReply) and xid == 99:
                return answers
            answers.append(message)


class OurChannel:
    """A channel of one version to our br0."""

    def __init__(self, machine: Machine, version: Version) -> None:
        self.machine, self.version = machine, version
        self.connection = Connection(machine.br0, version, ChannelKind.SERVICE, 0.0)

    def ask(self, data: bytes) -> list[Message]:
        """All answers to `data`, as they come out of the wire."""
        connection = self.connection
        try:
            _, xid, message = decode(data, connection.table_ids)
        except OpenFlowError as error:
            commands = connection.refuse(error, HEADER.unpack_from(data)[3], data)
        else:
            commands = connection.handle(message, xid, self.machine.now, data)
        return [
            decode(one)[2]
            for command in commands
            if isinstance(command, Send) and command.connection == connection.id
            for one in split(encode(command.message, self.version, command.xid, connection.nxm))
        ]


def split(data: bytes) -> Iterator[bytes]:
    """The messages in `data`."""
    while data:
        length = HEADER.unpack_from(data)[2]
        yield data[:length]
        data = data[length:]


def timeless(messages: Iterable[Message]) -> list[Message]:
    """Messages without what differs between two switches: times, addresses, software."""
    return [_timeless(message) for message in messages]


def _timeless(message: Message) -> Message:
    match message:
        case FlowStatsReply():
            ages = {"duration_sec": 0, "duration_nsec": 0, "idle_age": None, "hard_age": None}
            return message.replace(flows=ordered(flow.replace(**ages) for flow in message.flows))
        case FeaturesReply():
            ports = ordered(port.replace(hw_addr=0) for port in message.ports)
            return message.replace(datapath_id=0, ports=ports)
        case PortDescReply():
            return message.replace(ports=ordered(port.replace(hw_addr=0) for port in message.ports))
        case PortStatsReply():
            return message.replace(stats=tuple(sorted(each.port_no for each in message.stats)))
        case DescReply():
            return message.replace(sw_desc="")
        case TableStatsReply():
            counts = dict.fromkeys(("lookup_count", "matched_count", *CLAIMS), 0)
            return message.replace(tables=tuple(table.replace(**counts) for table in message.tables))
        case _:
            return message


# What versions until OpenFlow 1.2 tell of a table's abilities, in which we claim less.
CLAIMS = (
    *("match", "wildcards", "instructions", "write_actions", "apply_actions"),
    *("write_setfields", "apply_setfields", "metadata_match", "metadata_write"),
)


def ordered(items: Iterable[object]) -> tuple[object, ...]:
    """`items` in an order of ours."""
    return tuple(sorted(items, key=repr))


PACKET = bytes.fromhex("50540000000250540000000188b5") + bytes(46)
COMMON: list[Message | str] = [
    FeaturesRequest(),
    GetConfigRequest(),
    DescRequest(),
    PortStatsRequest(),
    PortStatsRequest(OfPort(77)),
    TableStatsRequest(),
    "priority=5,ip,cookie=7 actions=2",
    "priority=5,ip,cookie=7,flags=2 actions=2",
    "priority=5,in_port=1,flags=2 actions=2",
    "priority=6,tcp,idle_timeout=60,hard_timeout=90,flags=1 actions=mod_nw_src:1.2.3.4,NORMAL",
    "priority=7 actions=CONTROLLER:128",
    "priority=8,in_port=9 actions=drop",
    FlowMod(match=Match(), actions=flow_mod("actions=group:1").actions, table_id=0),
    FlowMod(flags=1 << 16),
    FlowStatsRequest(),
    FlowStatsRequest(parse_match("tcp")),
    FlowStatsRequest(Match(), 0, OfPort(2)),
    FlowStatsRequest(Match(), 0, OFPP_CONTROLLER),
    FlowStatsRequest(table_id=200),
    AggregateStatsRequest(),
    AggregateStatsRequest(parse_match("ip")),
    flow_mod("ip actions=3").replace(command=1, table_id=0xFF),
    flow_mod("udp actions=3").replace(command=1),
    flow_mod("priority=6,tcp actions=1").replace(command=2),
    FlowStatsRequest(),
    flow_mod("priority=7 actions=drop").replace(command=4, table_id=0xFF),
    flow_mod("ip actions=drop").replace(command=3, table_id=0xFF),
    FlowStatsRequest(),
    flow_mod("actions=drop").replace(command=3, table_id=0xFF, out_port=OfPort(2)),
    flow_mod("actions=drop").replace(command=3, table_id=0xFF),
    FlowStatsRequest(),
    FlowMod(table_id=254, actions=flow_mod("actions=1").actions),
    FlowMod(match=parse_match("recirc_id=1"), table_id=0),
    FlowMod(command=9, table_id=0),
    PacketOut(PACKET, flow_mod("actions=2").actions, OFPP_CONTROLLER),
    PacketOut(PACKET, flow_mod("actions=2").actions, OFPP_TABLE),
    PacketOut(PACKET, flow_mod("actions=2").actions, OFPP_CONTROLLER, buffer_id=5),
    PacketOut(b"", flow_mod("actions=2").actions, OfPort(1)),
    PortMod(OfPort(77), 1, 0, 0),
    PortMod(OfPort(1), 1, 0, 0),
    PortDescRequest(),
    SetConfig(1, 128),
    GetConfigRequest(),
    SetConfig(0xFFF0, 128),
    SetConfig(0, 0),
    SetPacketInFormat(1),
    SetPacketInFormat(9),
    SetControllerId(3),
    SetControllerId(0),
    BarrierRequest(),
]
NICIRA: list[Message | str] = [
    FlowModTableId(True),
    "table=3,priority=9,reg0=5 actions=resubmit(,4)",
    SetFlowFormat(2),
    FlowStatsRequest(),
    FlowStatsRequest(cookie=7, cookie_mask=0xF),
    "table=3,priority=9,reg0=5 actions=resubmit(2,254)",
    SetFlowFormat(7),
    RoleRequest(2),
]
LATER: list[Message | str] = [
    "table=3,priority=9,metadata=5/7 actions=2,write_actions(output:3),goto_table:4",
    "table=3 actions=goto_table:3",
    "table=3 actions=goto_table:254",
    "table=3 actions=clear_actions,write_metadata:5/7",
    "ip actions=set_field:5->ip_dscp",
    FlowMod(match=Match(), actions=flow_mod("actions=set_field:10.0.0.1->ip_src").actions, table_id=0),
    FlowMod(match=Match(), actions=flow_mod("actions=meter:1,2").actions, table_id=0),
    FlowMod(match=Match(), actions=flow_mod("actions=1").actions, table_id=0, cookie=3, cookie_mask=7),
    flow_mod("actions=drop").replace(command=1, cookie=3, cookie_mask=7),
    flow_mod("actions=drop").replace(command=3, cookie=3, cookie_mask=7),
    FlowStatsRequest(),
    FlowStatsRequest(cookie=7, cookie_mask=0xF),
    AggregateStatsRequest(out_group=4),
    RoleRequest(0),
    RoleRequest(2, 5),
    RoleRequest(2, 3),
    RoleRequest(3, 6),
    "actions=2",
    PacketOut(PACKET, flow_mod("actions=2").actions, OFPP_CONTROLLER),
    PortMod(OfPort(1), 1, 0, 0),
    RoleRequest(1),
    GetAsyncRequest(),
    SetAsync((("packet_in", 3, 0), ("port_status", 7, 7), ("flow_removed", 0, 0))),
    GetAsyncRequest(),
]
TABLES: list[Message | str] = [
    TableMod(3, 1),
    TableMod(OFPTT_ALL, 2),
    TableMod(5, 3),
    TableMod(5, 8),
    TableMod(254, 0),
    "table=7 actions=1",
]
ROLES = [each for each in LATER if isinstance(each, (RoleRequest, SetAsync, GetAsyncRequest))]
SCRIPTS = {
    OF10: COMMON + NICIRA,
    OF11: COMMON + [each for each in LATER if each not in ROLES] + TABLES,
    OF12: COMMON + [each for each in LATER if not isinstance(each, (SetAsync, GetAsyncRequest))] + TABLES,
    OF13: COMMON + LATER + TABLES,
    OF14: COMMON + LATER + [each for each in TABLES if each != TableMod(5, 8)],
    OF15: [*COMMON, *LATER, PortDescRequest(OfPort(1)), PortDescRequest(OfPort(77)), TableDescRequest()],
}


@pytest.mark.parametrize("version", SCRIPTS, ids=str)
def test_conversations_are_the_peers(peer: PeerSwitch, version: Version) -> None:
    theirs, ours = PeerChannel(peer.directory, version), OurChannel(Machine(), version)
    differing = []
    for step, each in enumerate(SCRIPTS[version]):
        message = flow_mod(each) if isinstance(each, str) else each
        data = encode(message, version, 7, table_ids=ours.connection.table_ids)
        expected, got = timeless(theirs.ask(data)), timeless(ours.ask(data))
        if got != expected:
            differing.append(f"{step}: {each}\n  ours:  {got}\n  peer:  {expected}")
    theirs.close()
    assert not differing, "\n".join(differing)


@pytest.mark.parametrize("version", [OF10, OF13, OF15], ids=str)
def test_nonsense_gets_the_peers_errors(peer: PeerSwitch, version: Version) -> None:
    theirs, ours = PeerChannel(peer.directory, version), OurChannel(Machine(), version)
    statistics = 16 if version == OF10 else 18
    bodies = {
        "unknown type": (77, b""),
        "unknown vendor": (4, struct.pack("!II", 0x12345678, 1)),
        "short vendor": (4, b"\0\0"),
        "unknown subtype": (4, struct.pack("!II", 0x2320, 999)),
        "unknown statistics": (statistics, struct.pack("!HH4x", 99, 0)),
        "short statistics": (statistics, b"\0"),
        "short flow-mod": (14, bytes(20)),
        "long features request": (5, bytes(8)),
        "short packet-out": (13, bytes(3)),
        "reply": (6, bytes(24)),
    }
    for name, (type_, body) in bodies.items():
        data = HEADER.pack(version, type_, 8 + len(body), 3) + body
        assert ours.ask(data) == theirs.ask(data), name
    theirs.close()


def test_output_to_reserved_ports(peer: PeerSwitch) -> None:
    theirs, ours = PeerChannel(peer.directory, OF13), OurChannel(Machine(), OF13)
    for port in (*range(0xFFFFFFF0, 0x100000000), OFPP_LOCAL, OFPP_IN_PORT, 0xFF00, 0xFEFF, 0x10000):
        data = bytearray(encode(flow_mod("actions=output:1"), OF13, 7))
        data[-12:-8] = port.to_bytes(4, "big")
        assert ours.ask(bytes(data)) == theirs.ask(bytes(data)), hex(port)
    theirs.close()
