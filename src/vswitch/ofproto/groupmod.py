"""Group-mods, and what can be asked about groups.

A change is planned as the list of buckets that the group shall have; applying it cannot fail.

Sources: OpenFlow 1.5.1, 6.7, 7.3.4.3 and 7.3.5.9 to 11; ovs-ofctl(8), "Group Syntax"; answers compared with the peer's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from vswitch.ofproto.actionlists import output_groups
from vswitch.ofproto.channel import AsyncKind
from vswitch.ofproto.check import check_performable
from vswitch.ofproto.command import Send
from vswitch.ofproto.group import GroupEntry
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.switch import Switch, split_duration
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.openflow.errors import GroupModFailed, OpenFlowError
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.group import (
    OFPG_BUCKET_ALL,
    OFPG_BUCKET_FIRST,
    OFPG_BUCKET_LAST,
    OFPGC_ADD,
    OFPGC_ADD_OR_MOD,
    OFPGC_DELETE,
    OFPGC_INSERT_BUCKET,
    OFPGC_MODIFY,
    OFPGC_REMOVE_BUCKET,
    Bucket,
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
from vswitch.openflow.messages.nested import RequestForward
from vswitch.openflow.names import OFPG_ALL, OFPG_MAX
from vswitch.openflow.version import OF10

ALL_TYPES = 0xF
CAPABILITIES = 0x7  # OFPGFC_SELECT_WEIGHT, _SELECT_LIVENESS and _CHAINING
OF10_ACTIONS = 0xFFF  # output to enqueue
OF11_ACTIONS = 1 | sum(1 << number for number in range(15, 26))  # output, and set_mpls_ttl to set_field
OFPRFR_GROUP_MOD = 0


@handles(GroupMod)
def group_mod(request: Request[GroupMod]) -> Iterable[Message]:
    """Add, change or delete groups; other controllers that want to know are told."""
    change_groups(request.switch, request.message, request.now)
    xid = int.from_bytes(request.data[4:8], "big")
    for channel in request.switch.channels.values():
        if channel is not request.channel and channel.wants(AsyncKind.REQUESTFORWARD, OFPRFR_GROUP_MOD):
            forwarded = RequestForward(encode(request.message, channel.version, xid))
            request.switch.wiring.outbox.append(Send(channel.id, forwarded, xid))
    return ()


def change_groups(switch: Switch, message: GroupMod, now: float) -> None:
    """Perform `message`, or raise OpenFlowError and change nothing."""
    for bucket in message.buckets:
        check_performable(bucket.actions)
    if message.command == OFPGC_DELETE:
        _delete(switch, message.group_id, now)
        return
    if message.group_id > OFPG_MAX:
        raise OpenFlowError(GroupModFailed.INVALID_GROUP)
    old = switch.groups.get(message.group_id)
    match message.command:
        case kind if kind == OFPGC_ADD and old is not None:
            raise OpenFlowError(GroupModFailed.GROUP_EXISTS)
        case kind if kind in (OFPGC_ADD, OFPGC_ADD_OR_MOD) and old is None:
            switch.set_group(_made(message, now))
        case _ if old is None:
            raise OpenFlowError(GroupModFailed.UNKNOWN_GROUP)
        case kind if kind in (OFPGC_MODIFY, OFPGC_ADD_OR_MOD):
            switch.set_group(_made(message, old.created))
        case kind if kind == OFPGC_INSERT_BUCKET:
            switch.set_group(_with_buckets(old, _inserted(old.buckets, message)))
        case kind if kind == OFPGC_REMOVE_BUCKET:
            switch.set_group(_with_buckets(old, _removed(old.buckets, message.command_bucket_id)))
        case _:
            raise OpenFlowError(GroupModFailed.BAD_COMMAND)


def _made(message: GroupMod, created: float) -> GroupEntry:
    return GroupEntry(message.group_id, message.type, message.buckets, message.selection, created)


def _with_buckets(old: GroupEntry, buckets: tuple[Bucket, ...]) -> GroupEntry:
    return GroupEntry(old.id, old.type, buckets, old.selection, old.created)


def _inserted(buckets: tuple[Bucket, ...], message: GroupMod) -> tuple[Bucket, ...]:
    """`buckets` with those of `message` first, last, or behind the one that it names."""
    present = {bucket.bucket_id for bucket in buckets}
    if any(bucket.bucket_id in present for bucket in message.buckets):
        raise OpenFlowError(GroupModFailed.BUCKET_EXISTS)
    where = message.command_bucket_id
    if where == OFPG_BUCKET_FIRST:
        at = 0
    elif where == OFPG_BUCKET_LAST:
        at = len(buckets)
    else:
        at = _place(buckets, where) + 1
    return (*buckets[:at], *message.buckets, *buckets[at:])


def _removed(buckets: tuple[Bucket, ...], which: int) -> tuple[Bucket, ...]:
    if which == OFPG_BUCKET_ALL:
        return ()
    if which == OFPG_BUCKET_FIRST:
        return buckets[1:]
    if which == OFPG_BUCKET_LAST:
        return buckets[:-1]
    at = _place(buckets, which)
    return (*buckets[:at], *buckets[at + 1 :])


def _place(buckets: tuple[Bucket, ...], number: int) -> int:
    for at, bucket in enumerate(buckets):
        if bucket.bucket_id == number:
            return at
    raise OpenFlowError(GroupModFailed.UNKNOWN_BUCKET)


def _delete(switch: Switch, number: int, now: float) -> None:
    """Delete a group, or all, and the rules that send packets there."""
    doomed = set(switch.groups) if number == OFPG_ALL else {number} & switch.groups.keys()
    if not doomed:
        return
    for table in switch.tables[:INTERNAL_TABLE]:
        for rule in [rule for rule in table if output_groups(rule.actions) & doomed]:
            switch.remove_rule(rule, RemovedReason.GROUP_DELETE, now)
    for group in doomed:
        switch.remove_group(group)


# Questions.


def _asked(switch: Switch, number: int) -> list[GroupEntry]:
    if number == OFPG_ALL:
        return list(switch.groups.values())
    group = switch.groups.get(number)
    return [] if group is None else [group]


@handles(GroupDescRequest)
def group_desc(request: Request[GroupDescRequest]) -> Iterable[Message]:
    """The groups."""
    yield GroupDescReply(
        tuple(group.describe() for group in _asked(request.switch, request.message.group_id))
    )


@handles(GroupStatsRequest)
def group_stats(request: Request[GroupStatsRequest]) -> Iterable[Message]:
    """What groups have carried."""
    switch = request.switch
    referring = Counter(
        group
        for table in switch.tables[:INTERNAL_TABLE]
        for rule in table
        for group in output_groups(rule.actions)
    )
    yield GroupStatsReply(
        tuple(
            _stats(group, referring[group.id], request.now)
            for group in _asked(switch, request.message.group_id)
        )
    )


def _stats(group: GroupEntry, referring: int, now: float) -> GroupStats:
    seconds, nanoseconds = split_duration(now - group.created)
    return GroupStats(
        group.id,
        referring,
        group.traffic.packets,
        group.traffic.bytes,
        tuple(BucketStats(traffic.packets, traffic.bytes) for traffic in group.bucket_traffic),
        seconds,
        nanoseconds,
    )


@handles(GroupFeaturesRequest)
def group_features(request: Request[GroupFeaturesRequest]) -> Iterable[Message]:
    """What groups there can be."""
    actions = OF10_ACTIONS if request.channel.version == OF10 else OF11_ACTIONS
    yield GroupFeaturesReply(ALL_TYPES, CAPABILITIES, (OFPG_MAX,) * 4, (actions,) * 4)
