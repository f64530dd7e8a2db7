"""Groups in text."""

from __future__ import annotations

from vswitch.openflow.actiontypes import action_names
from vswitch.openflow.flowtext import format_duration
from vswitch.openflow.grouptext import format_group, format_group_id, format_group_mod
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.group import GroupMod
from vswitch.openflow.messages.groupstats import (
    UNKNOWN_COUNT,
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStats,
    GroupStatsReply,
    GroupStatsRequest,
)
from vswitch.openflow.printing.base import Style, prints

_TYPES = ("all", "select", "indirect", "fast failover")


@prints(GroupMod)
def group_mod(message: GroupMod, dialect: Dialect, style: Style) -> str:
    """Command, group, buckets."""
    return f"\n {format_group_mod(message, dialect.version, style.names)}\n"


@prints(GroupStatsRequest, GroupDescRequest)
def query(message: GroupStatsRequest | GroupDescRequest, dialect: Dialect, style: Style) -> str:
    """Which group."""
    return f" group_id={format_group_id(message.group_id)}\n"


@prints(GroupStatsReply)
def group_stats(message: GroupStatsReply, dialect: Dialect, style: Style) -> str:
    """A line per group."""
    return "".join(f"\n {_stats(group)}" for group in message.groups) + "\n"


def _stats(group: GroupStats) -> str:
    words = [f"group_id={group.group_id}"]
    if group.duration_sec is not None:
        words.append(f"duration={format_duration(group.duration_sec, group.duration_nsec)}")
    words.append(f"ref_count={group.ref_count}")
    words.append(f"packet_count={group.packet_count},byte_count={group.byte_count}")
    for number, bucket in enumerate(group.buckets):
        if bucket.packet_count != UNKNOWN_COUNT:
            words.append(f"bucket{number}:packet_count={bucket.packet_count},byte_count={bucket.byte_count}")
    return ",".join(words)


@prints(GroupDescReply)
def group_desc(message: GroupDescReply, dialect: Dialect, style: Style) -> str:
    """A line per group."""
    return (
        "".join(f"\n {format_group(group, dialect.version, style.names)}" for group in message.groups) + "\n"
    )


@prints(GroupFeaturesRequest)
def nothing(message: GroupFeaturesRequest, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(GroupFeaturesReply)
def group_features(message: GroupFeaturesReply, dialect: Dialect, style: Style) -> str:
    """Types, capabilities, and a few lines per type."""
    text = f"\n Group table:\n    Types:  {message.types:#x}\n    Capabilities:  {message.capabilities:#x}\n"
    for number, name in enumerate(_TYPES):
        if message.types & 1 << number:
            text += f"    {name} group:\n       max_groups={_hex(message.max_groups[number])}\n"
            text += f"       actions: {action_names(message.actions[number], dialect.version)}\n"
    return text


def _hex(number: int) -> str:
    return f"{number:#x}" if number else "0"
