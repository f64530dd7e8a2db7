"""A message of every kind, with something in every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.unit.openflow.group_samples import GROUPS
from tests.unit.openflow.meter_samples import METERS, QUEUES
from tests.unit.openflow.monitor_samples import CONTINUATIONS, MONITORS, TABLE_FEATURES
from tests.unit.openflow.nicira_samples import BUNDLES, HOLDING, NICIRA
from vswitch.flow.fields import FIELDS
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OFPP_LOCAL, OfPort
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import BadRequest, HelloFailed, OpenFlowError
from vswitch.openflow.message import Dialect, Message, encode, encode_as
from vswitch.openflow.messages.flow import (
    OFPFC_DELETE,
    OFPFC_MODIFY_STRICT,
    OFPFF_SEND_FLOW_REM,
    FlowMod,
    FlowRemoved,
    RemovedReason,
)
from vswitch.openflow.messages.flowstats import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
)
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error, Hello
from vswitch.openflow.messages.optical import OpticalPort, OpticalStats
from vswitch.openflow.messages.packet import PacketIn, PacketOut, in_port_match
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC_NO_FWD,
    OFPPC_PORT_DOWN,
    OFPPF_1GB_FD,
    OFPPF_10MB_HD,
    OFPPF_AUTONEG,
    OFPPF_COPPER,
    OFPPS11_LIVE,
    OFPPS_LINK_DOWN,
    Port,
    PortDescReply,
    PortDescRequest,
    PortMod,
    PortStats,
    PortStatsReply,
    PortStatsRequest,
    PortStatus,
)
from vswitch.openflow.messages.role import (
    ROLE_EQUAL,
    ROLE_PRIMARY,
    ROLE_SECONDARY,
    FlowAge,
    FlowModTableId,
    GetAsyncReply,
    GetAsyncRequest,
    RoleReply,
    RoleRequest,
    RoleStatus,
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
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.messages.table import (
    TableDesc,
    TableDescReply,
    TableDescRequest,
    TableMod,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
    TableStatus,
    Vacancy,
)
from vswitch.openflow.properties import Property
from vswitch.openflow.version import ALL_VERSIONS

VECTORS = Path(__file__).parents[2] / "vectors" / "openflow-messages.txt"
ACTION_VECTORS = VECTORS.with_name("openflow-actions.txt")
FIELD_VECTORS = VECTORS.with_name("openflow-fields.txt")
MALFORMED_VECTORS = VECTORS.with_name("openflow-malformed.txt")
PACKET = bytes.fromhex(
    "ffffffffffff50540000000a08004500001c00000000401100000a0000010a00000200010002000800000000"
)
ETH0 = Port(
    OfPort(3),
    0x505400000001,
    "eth0",
    config=OFPPC_PORT_DOWN | OFPPC10_NO_FLOOD,
    state=OFPPS_LINK_DOWN,
    curr=OFPPF_1GB_FD | OFPPF_COPPER,
    supported=OFPPF_10MB_HD | OFPPF_AUTONEG,
    curr_speed=1000000,
    max_speed=100000,
)
BR0 = Port(OFPP_LOCAL, 1, "br0", state=OFPPS11_LIVE)
COUNTED = PortStats(OfPort(3), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 5, 500_000_000)
UNKNOWN = (Property(0xFFFF, bytes.fromhex("0000232000000009cafe")), Property(77, b"abc"))
LIGHT = OpticalPort(7, 191_500_000, 196_100_000, 50_000, 191_600_000, 196_000_000, 25_000, 100, 500)
COUNTED_MORE = COUNTED.replace(
    rfc2819=tuple(range(100, 121)),
    custom=(("ovs_tx_failure_drops", 1), ("ovs_rx_qos_drops", 0)),
    optical=OpticalStats(3, 191_500_000, 1, 2, 191_600_000, 3, 4, 100, 90, 35, 280),
    others=UNKNOWN,
)
MATCH = parse_match("tcp,nw_dst=10.0.0.0/8,tp_dst=80")
FLOW = FlowStats(
    MATCH,
    parse_actions("output:1,set_queue:2"),
    *(100, 3, 0x1234, 5, 120_000_000, 60, 70, 8, 900, 4, 5),
    OFPFF_SEND_FLOW_REM,
    5,
)
ALL_COOKIE_BITS = (1 << 64) - 1
MASKS = (("packet_in", 3, 5), ("port_status", 7, 1), ("flow_removed", 15, 0))

MESSAGES: tuple[Message, ...] = (
    Hello(frozenset({1, 4})),
    Hello(frozenset({1, 2, 3, 4})),
    Error(BadRequest.BAD_TYPE, encode(BarrierRequest(), 1, 5)),
    Error(HelloFailed.INCOMPATIBLE, b"oops\nxx"),
    EchoRequest(),
    EchoRequest(b"abc"),
    EchoReply(b"abc"),
    FeaturesRequest(),
    FeaturesReply(0x123, 256, 254, 0xC7, 0xFFF, (ETH0, BR0)),
    GetConfigRequest(),
    GetConfigReply(0, 128),
    SetConfig(1, 65535),
    BarrierRequest(),
    BarrierReply(),
    DescRequest(),
    DescReply("Nicira, Inc.", "Open vSwitch", "3.1.0", "None", "None"),
    PortStatus(0, ETH0),
    PortStatus(2, BR0),
    PortMod(OfPort(3), 5, OFPPC_PORT_DOWN, OFPPC_PORT_DOWN | OFPPC_NO_FWD, OFPPF_10MB_HD),
    PortDescRequest(),
    PortDescReply((ETH0, BR0)),
    PortDescReply((ETH0.replace(optical=LIGHT, others=UNKNOWN), BR0)),
    PortStatsRequest(),
    PortStatsRequest(OfPort(3)),
    PortStatsReply((COUNTED, PortStats(OfPort(4), 1, 2))),
    PortStatsReply((COUNTED_MORE, PortStats(OfPort(4), 1, 2, custom=(("rx_q0_errors", 7),)))),
    FlowMod(
        match=MATCH,
        actions=parse_actions("output:1"),
        table_id=3,
        priority=5,
        new_cookie=0x77,
        idle_timeout=4,
        hard_timeout=9,
        flags=3,
        buffer_id=55,
        importance=7,
    ),
    FlowMod(
        command=OFPFC_DELETE,
        table_id=0,
        out_port=OfPort(3),
        out_group=5,
        cookie=1,
        cookie_mask=ALL_COOKIE_BITS,
        new_cookie=None,
    ),
    FlowMod(
        command=OFPFC_MODIFY_STRICT,
        match=parse_match("ipv6,ipv6_src=fe80::/10,reg3=7"),
        actions=parse_actions("output:1,write_metadata:0x5/0xff"),
        flags=0x1F,
        new_cookie=None,
        cookie=5,
        cookie_mask=7,
        priority=0,
    ),
    FlowRemoved(parse_match("in_port=1"), 5, RemovedReason.HARD_TIMEOUT, 3, 9, 12, 34_000_000, 5, 6, 7, 8),
    FlowStatsRequest(),
    FlowStatsRequest(parse_match("tcp"), 3, OfPort(4), 6, 5, 15),
    FlowStatsReply((FLOW, FLOW)),
    FlowStatsReply((FLOW,), nx=True),
    FlowStatsReply(()),
    AggregateStatsRequest(),
    AggregateStatsRequest(parse_match("reg1=5")),
    AggregateStatsReply(5, 6, 7),
    AggregateStatsReply(5, 6, 7, nx=True),
    TableStatsRequest(),
    TableStatsReply((TableStats(0, 3, 4, 5), TableStats(1), TableStats(2), TableStats(3, 7))),
    PacketIn(PACKET, in_port_match(OfPort(4)), 1, table_id=7, cookie=5),
    PacketIn(PACKET, in_port_match(OfPort(4)).where(FIELDS["tun_id"], 5), 0, 100, 7, 5, 9),
    PacketIn(PACKET, in_port_match(OfPort(4)), 1, table_id=7, cookie=5, format=1),
    PacketIn(PACKET, in_port_match(OfPort(4)), 1, table_id=7, cookie=5, userdata=b"abc", format=2),
    PacketOut(PACKET, parse_actions("output:1"), OfPort(5)),
    PacketOut(b"", parse_actions("output:1"), buffer_id=5),
    RoleRequest(ROLE_PRIMARY, 5),
    RoleReply(ROLE_EQUAL),
    RoleReply(ROLE_SECONDARY, 77),
    RoleStatus(ROLE_PRIMARY, 0),
    SetAsync(MASKS),
    GetAsyncRequest(),
    GetAsyncReply(MASKS),
    SetControllerId(5),
    SetFlowFormat(2),
    FlowModTableId(True),
    SetPacketInFormat(1),
    FlowAge(),
    TableMod(5, 0),
    TableDescRequest(),
    TableDescReply((TableDesc(3, 4, 3, Vacancy(1, 2, 3)),)),
    TableStatus(3, TableDesc(3, 8, None, Vacancy(1, 2, 3))),
    *GROUPS,
    *QUEUES,
    *METERS,
    *BUNDLES,
    *NICIRA,
    *MONITORS,
    *TABLE_FEATURES,
    *CONTINUATIONS,
)


# Nicira's older and newer ways to say what a version has its own message for: such messages come, but we send none.
ALTERNATES: tuple[tuple[Message, str], ...] = (
    (
        FlowMod(match=MATCH, actions=FLOW.actions, table_id=3, cookie=1, cookie_mask=3, command=1),
        "NXT_FLOW_MOD",
    ),
    (FlowRemoved(MATCH, 5, RemovedReason.HARD_TIMEOUT, 3, 9, 12, 34_000_000, 5, 0, 7, 8), "NXT_FLOW_REMOVED"),
    (RoleRequest(ROLE_PRIMARY), "NXT_ROLE_REQUEST"),
    (RoleReply(ROLE_SECONDARY), "NXT_ROLE_REPLY"),
    (SetAsync(MASKS), "NXT_SET_ASYNC_CONFIG"),
    (SetAsync(MASKS), "NXT_SET_ASYNC_CONFIG2"),
)


def encoded() -> Iterator[tuple[Message, int, bytes]]:
    """Each message in each version that has it."""
    for message in MESSAGES:
        for version in sorted(ALL_VERSIONS):
            try:
                yield message, version, encode(message, version, 2)
            except OpenFlowError:
                continue  # this version has no such message
    for message, version in HOLDING:
        yield message, version, encode(message, version, 2)
    for message, name in ALTERNATES:
        for version in sorted(ALL_VERSIONS):
            if message.choose(Dialect(version)).name != name and has_form(message, name, version):
                yield message, version, encode_as(message, name, version, 2)


def has_form(message: Message, name: str, version: int) -> bool:
    """Whether `version` has the form called `name`."""
    return any(form.name == name and form.first <= version <= form.last for form in message.forms)


def vectors(path: Path = VECTORS) -> Iterator[tuple[bytes, str]]:
    """What Open vSwitch prints of each message: the bytes, and the text of `ovs-ofctl ofp-print … 1`."""
    for block in path.read_text().split("\n\n> ")[1:]:
        packet, _, text = block.partition("\n")
        yield bytes.fromhex(packet), "".join(f"{line[4:]}\n" for line in text.rstrip("\n").split("\n"))


def without_dumps(text: str) -> str:
    """`text` without the lines of hexadecimal dumps."""
    return re.sub(r"(?m)^[0-9a-f]{8}  .*\n", "", text)
