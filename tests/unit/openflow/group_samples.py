"""Messages about groups, with something in every field."""

from __future__ import annotations

from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import Message
from vswitch.openflow.messages.group import (
    OFPGC_ADD_OR_MOD,
    OFPGC_DELETE,
    OFPGC_INSERT_BUCKET,
    OFPGC_MODIFY,
    OFPGC_REMOVE_BUCKET,
    GroupDesc,
    GroupMod,
)
from vswitch.openflow.messages.groupstats import (
    BucketStats,
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStats,
    GroupStatsReply,
    GroupStatsRequest,
)

ALL = parse_group_mod("group_id=1,type=all,bucket=output:1,set_queue:3,bucket=drop")
SELECT = parse_group_mod(
    "group_id=2,type=select,selection_method=hash,selection_method_param=7,fields(ip_src,eth_dst=ff:ff:ff:00:00:00),"
    "bucket=weight:5,output:1,bucket=watch_port:4,weight:0,output:2"
)
FAILOVER = parse_group_mod(
    "group_id=3,type=ff,bucket=watch_port:5,watch_group:6,output:1,bucket=watch_group:7,2"
)


def _desc(mod: GroupMod) -> GroupDesc:
    return GroupDesc(mod.group_id, mod.type, mod.buckets, mod.selection)


GROUPS: tuple[Message, ...] = (
    ALL,
    SELECT,
    FAILOVER,
    parse_group_mod("group_id=2,type=select,selection_method=dp_hash,bucket=output:1"),
    parse_group_mod("group_id=4,type=indirect,bucket=group:5", OFPGC_MODIFY),
    parse_group_mod("group_id=4,type=all", OFPGC_ADD_OR_MOD),
    parse_group_mod("", OFPGC_DELETE),
    parse_group_mod(
        "group_id=5,command_bucket_id=last,bucket=bucket_id:4,weight:1,output:1", OFPGC_INSERT_BUCKET
    ),
    parse_group_mod("group_id=5,command_bucket_id=9", OFPGC_REMOVE_BUCKET),
    GroupStatsRequest(),
    GroupStatsRequest(5),
    GroupStatsReply(
        (
            GroupStats(1, 2, 3, 4, (BucketStats(5, 6), BucketStats()), 7, 8_000_000),
            GroupStats(2, packet_count=0, byte_count=0),
        )
    ),
    GroupStatsReply(),
    GroupDescRequest(),
    GroupDescRequest(5),
    GroupDescReply((_desc(ALL), _desc(SELECT), _desc(FAILOVER))),
    GroupFeaturesRequest(),
    GroupFeaturesReply(0xF, 7, (0xFFFFFF00, 1, 0, 3), (1, 0xFFFFFFFF, 0, 1 << 22)),
)
