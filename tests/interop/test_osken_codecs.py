"""os-ken's codecs beside ours, in every version that both speak (os-ken has no OpenFlow 1.1): the same fields, both ways."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from os_ken.ofproto import ofproto_parser, ofproto_protocol

from tests.unit.openflow.samples import PACKET, encoded
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OfPort
from vswitch.openflow.actions.output import Output
from vswitch.openflow.instructions import GotoTable, WriteMetadata
from vswitch.openflow.message import Message, Multipart, decode, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.flowstats import AggregateStatsRequest, FlowStatsRequest
from vswitch.openflow.messages.group import Bucket, GroupMod
from vswitch.openflow.messages.groupstats import GroupDescRequest, GroupFeaturesRequest, GroupStatsRequest
from vswitch.openflow.messages.hello import EchoRequest
from vswitch.openflow.messages.meter import (
    Band,
    MeterConfigRequest,
    MeterFeaturesRequest,
    MeterMod,
    MeterStatsRequest,
)
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.messages.port import PortDescRequest, PortMod, PortStatsRequest
from vswitch.openflow.messages.queue import QueueGetConfigRequest, QueueStatsRequest
from vswitch.openflow.messages.role import GetAsyncRequest, RoleRequest
from vswitch.openflow.messages.switch import (
    BarrierRequest,
    DescRequest,
    FeaturesRequest,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.messages.table import TableDescRequest, TableMod, TableStatsRequest
from vswitch.openflow.messages.tablefeatures import TableFeaturesRequest
from vswitch.openflow.value import Value

pytestmark = pytest.mark.interop
logging.getLogger("os_ken").setLevel(logging.CRITICAL)

# What os-ken itself cannot read, or reads as something else, though the peer's programs write and read it so.
UNREADABLE = {
    ("FlowMonitorReply", 5): "takes the first event's class for all events",
    ("FlowMonitorReply", 6): "takes the first event's class for all events",
    ("GroupDescReply", 6): "knows no experimenter's properties of groups and no watch_port of buckets",
    ("GroupMod", 6): "knows no experimenter's properties of groups and no watch_port of buckets",
    ("MeterFeaturesReply", 6): "expects the longer layout that 1.5 has in its text and no switch sends",
    ("PortDescReply", 5): "knows no experimenter's properties of ports",
    ("PortDescReply", 6): "knows no experimenter's properties of ports",
    ("PortStatsReply", 5): "knows no experimenter's properties of ports",
    ("PortStatsReply", 6): "knows no experimenter's properties of ports",
    ("QueueGetConfigReply", 1): "has a parser that does not find its queues' layout",
}


class Datapath(ofproto_protocol.ProtocolDesc):
    """What os-ken's codecs need to know of a switch."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.id = 1


def parsed(version: int, packet: bytes) -> Any:
    """os-ken's reading of a message, or None."""
    _, type_, length, xid = ofproto_parser.header(packet)
    return ofproto_parser.msg(Datapath(version), version, type_, length, xid, packet)


def has_parser(version: int, packet: bytes) -> bool:
    """Whether os-ken, which is a controller, has a parser for such messages at all."""
    return Datapath(version).ofproto_parser._MSG_PARSERS.get(packet[1]) is not None


def shared() -> Iterator[tuple[Message, int, bytes]]:
    """Our messages, but those that belong to a vendor."""
    for message, version, packet in encoded():
        vendor = packet[1] == 4 or (isinstance(message, Multipart) and packet[8:10] == b"\xff\xff")
        foreign = type(message).__name__ == "PortDescReply" and version < 4  # an extension there
        if version != 2 and not vendor and not foreign and has_parser(version, packet):
            yield message, version, packet


OF_FLOW_MODS = ("cookie", "flags")  # that which is looked for; with what a version implies


def same(version: int, ours: object, theirs: Any) -> int:
    """How many numbers and names of `ours` are attributes of `theirs`, too; each of them must be equal."""
    count = 0
    if not isinstance(ours, Value):
        return 0
    for name in ours.__match_args__:
        mine = getattr(ours, name)
        other = getattr(theirs, name, None)
        if isinstance(mine, tuple) and mine and isinstance(mine[0], Value) and other is None:
            other = getattr(theirs, "body", None)  # the entries of a multipart message
        if name == "duration_nsec" and ours.duration_sec is None:  # type: ignore[attr-defined]
            continue  # unknown, both of them
        if (
            other is None
            or mine is None
            or name in ("match", "actions", "more")
            or (isinstance(ours, FlowMod) and name in OF_FLOW_MODS)
        ):
            continue
        if isinstance(mine, tuple) and isinstance(other, list):
            if mine and isinstance(mine[0], Value):
                assert len(mine) == len(other), name
                count += sum(same(version, *pair) for pair in zip(mine, other, strict=True))
        elif isinstance(mine, (int, str)):
            assert _plain(version, name, mine) == _plain(version, name, other), (type(ours).__name__, name)
            count += 1
    return count


def _plain(version: int, name: str, item: Any) -> Any:
    """A value as both have it: addresses as numbers, names without zeros, ports as wide as they are."""
    if isinstance(item, bytes):
        return item.rstrip(b"\0").decode()
    if name == "hw_addr" and isinstance(item, str):
        return int(item.replace(":", ""), 16)
    if version == 1 and name in ("port_no", "in_port", "out_port") and isinstance(item, int):
        return item & 0xFFFF
    if version == 1 and name == "command":
        return item & 0xFF  # above it is the table
    return item


def test_os_ken_reads_what_we_write() -> None:
    """Every message that it has a parser for; each number and name that both call the same is the same."""
    messages, fields, unread = set(), 0, set()
    for message, version, packet in shared():
        key = type(message).__name__, version
        theirs = parsed(version, packet)
        if theirs is None:
            unread.add(key)
            continue
        ours = decode(packet, table_ids=True)[2]
        fields += same(version, ours, getattr(theirs, "body", theirs) if is_single(theirs) else theirs)
        messages.add(key)
    assert unread == set(UNREADABLE)
    assert len(messages) > 130
    assert fields > 1300


def is_single(theirs: Any) -> bool:
    """Whether a multipart reply has one body, not a list."""
    return not isinstance(getattr(theirs, "body", []), (list, bytes, type(None)))


def test_os_ken_writes_back_our_bytes() -> None:
    """What it can both read and write comes back as it was."""
    names = set()
    for message, version, packet in shared():
        name = type(message).__name__
        if name not in WRITES or (name, version) in {**UNREADABLE, **UNWRITABLE}:
            continue
        theirs = parsed(version, packet)
        theirs.serialize()
        assert bytes(theirs.buf) == packet, (name, version)
        names.add((name, version))
    assert len(names) > 30


# It keeps a request for the group-mod inside, which it cannot write when it has not understood it.
UNWRITABLE = {("RequestForward", 6): "as UNREADABLE says of GroupMod"}
WRITES = ("BarrierReply", "BundleControl", "EchoReply", "EchoRequest", "Error", "FlowMod", "GroupMod",
          "MeterMod", "RequestForward")  # fmt: skip

ANY, ALL_GROUPS, ALL_METERS = 0xFFFFFFFF, 0xFFFFFFFC, 0xFFFFFFFF
MATCH = "tcp,in_port=1,nw_dst=10.0.0.0/8,tp_dst=80"


def _match(v: int, p: Any) -> Any:
    if v == 1:
        wildcards = 0x3FFFFF & ~(1 | 1 << 4 | 1 << 5 | 1 << 7 | 63 << 14) | 24 << 14
        return p.OFPMatch(wildcards, 1, 0, 0, 0, 0, 0x0800, 0, 6, 0, "10.0.0.0", 0, 80)
    values = {
        "in_port": 1,
        "eth_type": 0x800,
        "ipv4_dst": ("10.0.0.0", "255.0.0.0"),
        "ip_proto": 6,
        "tcp_dst": 80,
    }
    return p.OFPMatch(**values)


def _flow_mod(v: int, d: Any, p: Any, o: Any) -> Any:
    if v == 1:
        return p.OFPFlowMod(d, _match(v, p), 7, 0, 9, 8, 5, actions=[p.OFPActionOutput(2, 0)])
    instructions = [
        p.OFPInstructionActions(o.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(2, 0)]),
        p.OFPInstructionWriteMetadata(5, 255),
        p.OFPInstructionGotoTable(9),
    ]
    settings = {"cookie": 7, "table_id": 3, "priority": 5, "idle_timeout": 9, "hard_timeout": 8}
    outs = {"out_port": ANY, "out_group": ANY}
    return p.OFPFlowMod(d, match=_match(v, p), instructions=instructions, **settings, **outs)


def _our_flow_mod(v: int) -> FlowMod:
    actions = (Output(OfPort(2)), *(() if v == 1 else (WriteMetadata(5, 255), GotoTable(9))))
    settings = {"new_cookie": 7, "priority": 5, "idle_timeout": 9, "hard_timeout": 8}
    return FlowMod(match=parse_match(MATCH), actions=actions, table_id=0xFF if v == 1 else 3, **settings)


def _packet_out(v: int, d: Any, p: Any, o: Any) -> Any:
    actions = [p.OFPActionOutput(2, 0)]
    if v == 6:
        return p.OFPPacketOut(d, o.OFP_NO_BUFFER, p.OFPMatch(in_port=5), actions, data=PACKET)
    return p.OFPPacketOut(d, buffer_id=0xFFFFFFFF, in_port=5, actions=actions, data=PACKET)


def _port_mod(v: int, d: Any, p: Any, o: Any) -> Any:
    mac = "00:00:00:00:00:05"
    if v < 5:
        return p.OFPPortMod(d, 3, mac, 1, 33, 1)
    return p.OFPPortMod(d, 3, mac, 1, 33, [p.OFPPortModPropEthernet(o.OFPPMPT_ETHERNET, 8, advertise=1)])


def _group_mod(v: int, d: Any, p: Any, o: Any) -> Any:
    actions = [p.OFPActionOutput(2, 0)]
    if v == 6:
        props = [p.OFPGroupBucketPropWeight(weight=7, length=8, type_=o.OFPGBPT_WEIGHT)]
        bucket = p.OFPBucket(bucket_id=4, actions=actions, properties=props)
        return p.OFPGroupMod(d, o.OFPGC_ADD, o.OFPGT_SELECT, 9, o.OFPG_BUCKET_ALL, [bucket])
    return p.OFPGroupMod(d, o.OFPGC_ADD, o.OFPGT_SELECT, 9, [p.OFPBucket(7, ANY, ANY, actions)])


def _our_group_mod(v: int) -> GroupMod:
    return GroupMod(0, 9, 1, (Bucket((Output(OfPort(2)),), 4 if v == 6 else 0, 7),))


def _flow_stats(v: int, d: Any, p: Any, cls: str) -> Any:
    make = getattr(p, cls)
    if v == 1:
        return make(d, 0, _match(v, p), 3, 0xFFFF)
    if v == 3:
        return make(d, 3, ANY, ANY, 5, 15, _match(v, p))
    return make(d, 0, 3, ANY, ANY, 5, 15, _match(v, p))


def _plain_request(cls: str) -> Any:
    """A statistics request that has flags only; in OpenFlow 1.2 not even these."""
    return lambda v, d, p, o: getattr(p, cls)(d) if v == 3 else getattr(p, cls)(d, 0)


def _query(v: int) -> dict[str, Any]:
    more = {} if v == 1 else {"cookie": 5, "cookie_mask": 15}
    return {"match": parse_match(MATCH), "table_id": 3, **more}


def _stats(cls: str, *numbers: int) -> Any:
    return lambda v, d, p, o: getattr(p, cls)(d, *numbers) if v == 3 else getattr(p, cls)(d, 0, *numbers)


# By name: the versions, what os-ken writes (version, datapath, its classes, its constants), what we are to read.
WRITTEN: dict[str, tuple[range | tuple[int, ...], Any, Any]] = {
    "echo": ((1, 3, 4, 5, 6), lambda v, d, p, o: p.OFPEchoRequest(d, b"abc"), lambda v: EchoRequest(b"abc")),
    "features": ((1, 3, 4, 5, 6), lambda v, d, p, o: p.OFPFeaturesRequest(d), lambda v: FeaturesRequest()),
    "get config": ((1, 3, 4, 5, 6), lambda v, d, p, o: p.OFPGetConfigRequest(d), lambda v: GetConfigRequest()),
    "set config": ((1, 3, 4, 5, 6), lambda v, d, p, o: p.OFPSetConfig(d, 1, 77), lambda v: SetConfig(1, 77)),
    "barrier": ((1, 3, 4, 5, 6), lambda v, d, p, o: p.OFPBarrierRequest(d), lambda v: BarrierRequest()),
    "flow-mod": ((1, 3, 4, 5, 6), _flow_mod, _our_flow_mod),
    "packet-out": (
        (1, 3, 4, 5, 6), _packet_out, lambda v: PacketOut(PACKET, (Output(OfPort(2)),), OfPort(5))
    ),
    "port-mod": ((1, 3, 4, 5, 6), _port_mod, lambda v: PortMod(OfPort(3), 5, 1, 33, 1)),
    "table-mod": ((3, 4), lambda v, d, p, o: p.OFPTableMod(d, 5, 3), lambda v: TableMod(5, 3)),
    "group-mod": ((3, 4, 5, 6), _group_mod, _our_group_mod),
    "meter-mod": (
        (4, 5, 6),
        lambda v, d, p, o: p.OFPMeterMod(d, 0, 5, 1, [p.OFPMeterBandDrop(100, 10)]),
        lambda v: MeterMod(0, 1, 5, (Band(1, 100, 10),)),
    ),
    "role": (
        (3, 4, 5), lambda v, d, p, o: p.OFPRoleRequest(d, o.OFPCR_ROLE_SLAVE, 5), lambda v: RoleRequest(3, 5)
    ),
    "async": ((4, 5, 6), lambda v, d, p, o: p.OFPGetAsyncRequest(d), lambda v: GetAsyncRequest()),
    "desc": ((1, 3, 4, 5, 6), _plain_request("OFPDescStatsRequest"), lambda v: DescRequest()),
    "tables": ((1, 3, 4, 5, 6), _plain_request("OFPTableStatsRequest"), lambda v: TableStatsRequest()),
    "flows": (
        (1, 3, 4, 5, 6),
        lambda v, d, p, o: _flow_stats(v, d, p, "OFPFlowDescStatsRequest" if v == 6 else "OFPFlowStatsRequest"),
        lambda v: FlowStatsRequest(**_query(v)),
    ),
    "aggregate": (
        (1, 3, 4, 5, 6),
        lambda v, d, p, o: _flow_stats(v, d, p, "OFPAggregateStatsRequest"),
        lambda v: AggregateStatsRequest(**_query(v)),
    ),
    "ports": ((1, 3, 4, 5, 6), _stats("OFPPortStatsRequest", 3), lambda v: PortStatsRequest(OfPort(3))),
    "queues": ((1, 3, 4, 5, 6), _stats("OFPQueueStatsRequest", 3, 9), lambda v: QueueStatsRequest(OfPort(3), 9)),
    "queue config": (
        (1, 3, 4), lambda v, d, p, o: p.OFPQueueGetConfigRequest(d, 3), lambda v: QueueGetConfigRequest(OfPort(3))
    ),
    "port descriptions": ((4, 5), _plain_request("OFPPortDescStatsRequest"), lambda v: PortDescRequest()),
    "groups": ((3, 4, 5, 6), _stats("OFPGroupStatsRequest", 9), lambda v: GroupStatsRequest(9)),
    "group descriptions": ((3, 4, 5), _plain_request("OFPGroupDescStatsRequest"), lambda v: GroupDescRequest()),
    "group features": (
        (3, 4, 5, 6), _plain_request("OFPGroupFeaturesStatsRequest"), lambda v: GroupFeaturesRequest()
    ),
    "meters": ((4, 5, 6), _stats("OFPMeterStatsRequest", 4), lambda v: MeterStatsRequest(4)),
    "meter config": ((4, 5), _stats("OFPMeterConfigStatsRequest", 4), lambda v: MeterConfigRequest(4)),
    "meter features": (
        (4, 5, 6), _plain_request("OFPMeterFeaturesStatsRequest"), lambda v: MeterFeaturesRequest()
    ),
    "table descriptions": ((5, 6), _plain_request("OFPTableDescStatsRequest"), lambda v: TableDescRequest()),
    "table features": (
        (4, 5, 6), lambda v, d, p, o: p.OFPTableFeaturesStatsRequest(d, 0, []), lambda v: TableFeaturesRequest()
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("version", "name"),
    [(version, name) for name, (versions, _, _) in WRITTEN.items() for version in versions],
)
def test_we_read_what_os_ken_writes(version: int, name: str) -> None:
    """The same message; and ours, encoded, is read by it as its own."""
    _, make, expected = WRITTEN[name]
    datapath = Datapath(version)
    theirs = make(version, datapath, datapath.ofproto_parser, datapath.ofproto)
    theirs.xid = 2
    theirs.serialize()
    ours = expected(version)
    assert decode(bytes(theirs.buf))[2] == ours.replace(**_implied(version, ours))
    assert decode(encode(ours, version, 2, nxm=False, table_ids=False))[2] == decode(bytes(theirs.buf))[2]


def _implied(version: int, message: Message) -> dict[str, Any]:
    """What a version adds to what was said: additions reset counters before OpenFlow 1.2."""
    return {"flags": 4} if isinstance(message, FlowMod) and version < 3 else {}
