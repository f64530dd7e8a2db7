"""Flow monitors, table features and continuations, with something in every field."""

from __future__ import annotations

from vswitch.flow.fields import FIELDS
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OfPort
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.message import Message
from vswitch.openflow.messages.continuation import Continuation, Frame
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.monitor import (
    OFPFME_ABBREV,
    OFPFME_ADDED,
    OFPFME_MODIFIED,
    OFPFME_REMOVED,
    OFPFMF_ADD,
    OFPFMF_INITIAL,
    OFPFMF_INSTRUCTIONS,
    OFPFMF_MODIFY,
    OFPFMF_ONLY_OWN,
    OFPFMF_REMOVED,
    FlowMonitor,
    FlowMonitorCancel,
    FlowMonitorPaused,
    FlowMonitorReply,
    FlowMonitorRequest,
    FlowMonitorResumed,
    FlowUpdate,
)
from vswitch.openflow.messages.packet import PacketIn, Resume
from vswitch.openflow.messages.role import NXPIF_NXT_PACKET_IN2
from vswitch.openflow.messages.table import OFPTC14_EVICTION
from vswitch.openflow.messages.tablefeatures import (
    OFPTFC15_ENABLE,
    ActionFeatures,
    InstructionFeatures,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
)

MATCH = parse_match("tcp,nw_dst=10.0.0.0/8,tp_dst=80")
EVERYTHING = (
    OFPFMF_INITIAL | OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY | OFPFMF_INSTRUCTIONS | OFPFMF_ONLY_OWN
)
ADDED = FlowUpdate(OFPFME_ADDED, MATCH, parse_actions("output:1,set_queue:2"), 5, 3, 0x77, 60, 70)
REMOVED = FlowUpdate(OFPFME_REMOVED, MATCH, None, 5, 3, reason=RemovedReason.HARD_TIMEOUT)
MODIFIED = FlowUpdate(OFPFME_MODIFIED, parse_match(""), parse_actions("drop"))

MONITORS: tuple[Message, ...] = (
    FlowMonitorRequest((FlowMonitor(7, EVERYTHING, MATCH, 3, OfPort(4), 5),)),
    FlowMonitorRequest((FlowMonitor(7, OFPFMF_ADD), FlowMonitor(8, OFPFMF_REMOVED, MATCH))),
    FlowMonitorReply((ADDED, REMOVED, MODIFIED, FlowUpdate(OFPFME_ABBREV, xid=0x1234))),
    FlowMonitorCancel(7),
    FlowMonitorPaused(),
    FlowMonitorResumed(),
)


def _fields(*names: str) -> frozenset:
    return frozenset(FIELDS[name] for name in names)


ACTIONS = ActionFeatures(0x2FF8001, _fields("eth_src", "eth_dst", "reg0", "reg1", "reg2", "vlan_vid"))
PLAIN = InstructionFeatures(0x3E, frozenset({4, 5, 6, 9}), ACTIONS, ActionFeatures(1))
MATCHES = _fields(
    "in_port_oxm", "eth_src", "eth_type", "ip_src", "ip_dst", "tun_id", "tun_metadata0", "nsh_si"
)
FULL = TableFeatures(
    3,
    "classify",
    0xFF,
    0xF0,
    OFPTC14_EVICTION,
    1000,
    PLAIN,
    InstructionFeatures(0x10, frozenset({4}), ActionFeatures(), ACTIONS),
    MATCHES,
    MATCHES - _fields("in_port_oxm"),
    _fields("ip_src", "ip_dst", "tun_id"),
)
LIKE_IT = FULL.replace(name="", miss=None, command=OFPTFC15_ENABLE)

TABLE_FEATURES: tuple[Message, ...] = (
    TableFeaturesRequest(),
    TableFeaturesRequest((FULL,)),
    TableFeaturesReply((FULL, *(LIKE_IT.replace(table_id=i) for i in range(4, 9)), TableFeatures(9))),
    TableFeaturesReply((TableFeatures(0), TableFeatures(1))),
)

CONTINUATION = Continuation(
    bytes(range(16)),
    (bytes.fromhex("001122334455"), bytes(4)),
    1,
    True,
    (
        Frame(1, 0, parse_actions("output:3,pop:NXM_NX_REG3[],resubmit(,2)")),
        Frame(2, 0x77, parse_actions("output:1")),
    ),
    parse_actions("output:2,set_queue:3"),
    5,
)
PAUSED = PacketIn(
    bytes.fromhex("ffffffffffff50540000000a0806"),
    parse_match("in_port=4,reg1=5,reg2=0x7/0xf,metadata=7,tun_id=9"),
    table_id=1,
    cookie=0x77,
    userdata=b"abc",
    continuation=CONTINUATION,
    format=NXPIF_NXT_PACKET_IN2,
)

CONTINUATIONS: tuple[Message, ...] = (PAUSED, Resume(PAUSED), Resume(PAUSED.replace(continuation=None)))
