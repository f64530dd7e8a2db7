"""Messages that hold messages, and Nicira's own, with something in every field."""

from __future__ import annotations

from tests.unit.openflow.group_samples import ALL
from tests.unit.openflow.meter_samples import TWO_BANDS
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.nested import (
    OFPBCT_COMMIT_REPLY,
    OFPBCT_OPEN_REQUEST,
    OFPBF_ATOMIC,
    OFPBF_ORDERED,
    BundleAdd,
    BundleControl,
    RequestForward,
)
from vswitch.openflow.messages.nicira import (
    NXTTMC_ADD,
    NXTTMC_CLEAR,
    CtFlush,
    CtFlushZone,
    CtTuple,
    IpfixBridgeReply,
    IpfixBridgeRequest,
    IpfixFlowReply,
    IpfixFlowRequest,
    IpfixStats,
    TlvMap,
    TlvTableMod,
    TlvTableReply,
    TlvTableRequest,
)
from vswitch.openflow.version import ALL_VERSIONS, OF13, Version

FLOW = parse_flow_mod("table=0,tcp,actions=output:1")
MAPS = (TlvMap(0xFFFF, 1, 4, 0), TlvMap(0x102, 2, 8, 3))
IPFIX = IpfixStats(*range(1, 12))
MAPPED = 0xFFFF << 32 | 0x0A000001

BUNDLES: tuple[Message, ...] = (
    BundleControl(7, OFPBCT_OPEN_REQUEST, OFPBF_ATOMIC | OFPBF_ORDERED),
    BundleControl(7, OFPBCT_COMMIT_REPLY),
    BundleControl(0, 9, 4),
)
NICIRA: tuple[Message, ...] = (
    TlvTableMod(NXTTMC_ADD, MAPS),
    TlvTableMod(NXTTMC_CLEAR),
    TlvTableRequest(),
    TlvTableReply(256, 64, MAPS),
    CtFlushZone(5),
    CtFlush(),
    CtFlush(6, CtTuple(MAPPED, 0, 80), CtTuple(0, MAPPED + 1, 0, 81), 5),
    CtFlush(1, CtTuple(MAPPED, MAPPED + 1, icmp_id=7, icmp_type=8, icmp_code=1)),
    CtFlush(17, CtTuple(0xFE80 << 112 | 1)),
    IpfixBridgeRequest(),
    IpfixBridgeReply(IPFIX),
    IpfixFlowRequest(),
    IpfixFlowReply((IPFIX, IPFIX)),
)


def holding(version: Version) -> tuple[Message, ...]:
    """Messages that hold one of `version`."""
    if version < OF13:
        return (RequestForward(encode(ALL, version, 9)),)
    return (
        BundleAdd(7, 3, encode(FLOW, version, 2)),
        RequestForward(encode(ALL, version, 9)),
        RequestForward(encode(TWO_BANDS, version, 9)),
    )


HOLDING = tuple((message, version) for version in sorted(ALL_VERSIONS) for message in holding(version))
