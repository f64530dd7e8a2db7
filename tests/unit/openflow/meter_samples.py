"""Messages about queues and meters, with something in every field."""

from __future__ import annotations

from vswitch.flow.ports import OfPort
from vswitch.openflow.message import Message
from vswitch.openflow.messages.meter import (
    OFPM_CONTROLLER,
    OFPM_SLOWPATH,
    OFPMC_DELETE,
    OFPMC_MODIFY,
    MeterConfig,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterMod,
    MeterStats,
    MeterStatsReply,
    MeterStatsRequest,
)
from vswitch.openflow.messages.queue import (
    Queue,
    QueueDescReply,
    QueueDescRequest,
    QueueGetConfigReply,
    QueueGetConfigRequest,
    QueueStats,
    QueueStatsReply,
    QueueStatsRequest,
)
from vswitch.openflow.metertext import parse_meter_mod
from vswitch.openflow.properties import Property

PORT = OfPort(5)
QUEUES: tuple[Message, ...] = (
    QueueGetConfigRequest(),
    QueueGetConfigRequest(PORT),
    QueueGetConfigReply(PORT, (Queue(PORT, 7, 123, 2000), Queue(PORT, 3, None, 1000), Queue(PORT, 9))),
    QueueDescRequest(),
    QueueDescRequest(PORT, 3),
    QueueDescReply((Queue(PORT, 7, 123, 2000), Queue(OfPort(4), 3, None, 1000))),
    QueueDescReply((Queue(PORT, 7, 123, others=(Property(0xFFFF, bytes.fromhex("0000232000000009")),)),)),
    QueueStatsRequest(),
    QueueStatsRequest(PORT, 3),
    QueueStatsReply((QueueStats(PORT, 7, 1, 2, 3, 4, 500_000_000), QueueStats(PORT, 8))),
)
TWO_BANDS = parse_meter_mod(
    "meter=5 pktps burst stats bands=type=drop rate=100 burst_size=20 type=dscp_remark rate=9 prec_level=3 burst_size=4"
)
METERS: tuple[Message, ...] = (
    TWO_BANDS,
    parse_meter_mod("meter=controller kbps bands=type=drop rate=1", OFPMC_MODIFY),
    parse_meter_mod("meter=all", OFPMC_DELETE),
    MeterMod(OFPMC_DELETE, OFPM_SLOWPATH),
    MeterStatsRequest(),
    MeterStatsRequest(5),
    MeterStatsReply((MeterStats(7, 3, 4, 5, 6, 7_000_000, ((1, 2), (3, 4))), MeterStats(OFPM_CONTROLLER))),
    MeterStatsReply(),
    MeterConfigRequest(),
    MeterConfigReply((MeterConfig(5, TWO_BANDS.flags, TWO_BANDS.bands), MeterConfig(6, 0x21))),
    MeterFeaturesRequest(),
    MeterFeaturesReply(1000, 6, 15, 4, 5),
    MeterFeaturesReply(1, 0xFF, 0xFF),
)
