"""The group action: a packet through all buckets of a group, one, or the first that is alive.

Each bucket is a set of actions of its own, and what it changes is forgotten after it.

A `select` group takes the bucket with the highest score: a hash of the packet and of the bucket's number, times the
bucket's weight.  A packet's bucket thus stays when other buckets come and go.  The hash is taken of the fields that the
group names, or of those that tell connections apart, the same for both directions; they are in the mask, so that each
megaflow has its bucket.

Sources: OpenFlow 1.5.1, 5.10; ovs-ofctl(8), "Group Syntax", selection_method; D. G. Thaler and C. V. Ravishankar, "Using
name-based mappings to increase hit rates" (1998), on scores.
"""

from __future__ import annotations

from vswitch.flow.field import Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    IPV6_DST,
    IPV6_SRC,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN_PRESENT,
    VLAN_TCI,
)
from vswitch.flow.ports import OFPP_ANY
from vswitch.ofproto.group import GroupEntry
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.actionset import in_order
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.pause import end_pause
from vswitch.ofproto.xlate.registry import run_actions, translates
from vswitch.ofproto.xlate.resubmit import within_budget
from vswitch.openflow.actions.output import Group
from vswitch.openflow.messages.group import OFPGT_FF, OFPGT_SELECT, Bucket
from vswitch.openflow.messages.port import OFPPC_PORT_DOWN, OFPPS_LINK_DOWN
from vswitch.openflow.names import OFPG_ANY
from vswitch.packet.numbers import ETH_IP, ETH_IPV6, SCTP, TCP, UDP

MAX_LIVENESS_DEPTH = 128  # groups that watch groups
_WORD = (1 << 32) - 1
_VLAN = VLAN_PRESENT | 0xFFF


@translates(Group)
def group(xlate: Translation, action: Group) -> None:
    """Put the packet through a group."""
    found = xlate.switch.groups.get(action.group)
    if found is None:
        xlate.report(Kind.WARN, f"output to nonexistent group {action.group}")
        return
    if not within_budget(xlate):
        return
    xlate.carried.traffic += (found.traffic,)
    if found.type == OFPGT_SELECT:
        _run_one(xlate, found, _select(xlate, found))
    elif found.type == OFPGT_FF:
        _run_one(xlate, found, _first_alive(xlate, found))
    else:
        for at in range(len(found.buckets)):
            _run_bucket(xlate, found, at)


def _run_one(xlate: Translation, found: GroupEntry, at: int | None) -> None:
    if at is None:
        xlate.report(Kind.DETAIL, "no live bucket")
        return
    if xlate.trace is not None:
        xlate.report(Kind.DETAIL, f"using bucket {found.buckets[at].bucket_id}")
    _run_bucket(xlate, found, at)


def _run_bucket(xlate: Translation, found: GroupEntry, at: int) -> None:
    """Do what a bucket says, and then go on as if nothing had happened."""
    if xlate.error:
        return
    before = xlate.flow, xlate.exit, xlate.trace, xlate.in_group
    bucket = found.buckets[at]
    xlate.carried.traffic += (found.bucket_traffic[at],)
    if xlate.trace is not None:
        xlate.trace = xlate.trace.add(Kind.BUCKET, f"bucket {bucket.bucket_id}")
    actions = in_order(bucket.actions)
    if not actions:
        xlate.report(Kind.ACTION, "drop")
    xlate.in_group = True
    xlate.depth += 1
    xlate.resubmits += 1
    run_actions(xlate, actions)
    end_pause(xlate)
    xlate.depth -= 1
    xlate.flow, xlate.exit, xlate.trace, xlate.in_group = before


# Liveness.


def _first_alive(xlate: Translation, found: GroupEntry) -> int | None:
    for at, bucket in enumerate(found.buckets):
        if _is_alive(xlate, bucket):
            return at
        _report_dead(xlate, bucket)
    return None


def _is_alive(xlate: Translation, bucket: Bucket, depth: int = 0) -> bool:
    """Whether what a bucket watches, if anything, is up."""
    if not bucket.is_watched:
        return True
    port = xlate.switch.ports.get(bucket.watch_port)
    if port is not None and not (port.config & OFPPC_PORT_DOWN or port.state & OFPPS_LINK_DOWN):
        return True
    watched = xlate.switch.groups.get(bucket.watch_group)
    return (
        watched is not None
        and depth < MAX_LIVENESS_DEPTH
        and any(_is_alive(xlate, other, depth + 1) for other in watched.buckets)
    )


def _report_dead(xlate: Translation, bucket: Bucket) -> None:
    if xlate.trace is None:
        return
    watched = (
        bucket.watch_port
        if bucket.watch_port != OFPP_ANY
        else None
        if bucket.watch_group == OFPG_ANY
        else bucket.watch_group
    )
    why = "" if watched is None else f"port {watched}"  # a group, too, is called a port
    xlate.report(Kind.DETAIL, f"bucket {bucket.bucket_id}: not live due to {why}")


# Selection.


def _select(xlate: Translation, found: GroupEntry) -> int | None:
    """The bucket with the highest score of those that are alive and have a weight."""
    basis = _hash_fields(xlate, found) if found.selection.fields else _hash_connection(xlate)
    best, best_score = None, 0
    for at, bucket in enumerate(found.buckets):
        if not bucket.weight or not _is_alive(xlate, bucket):
            _report_dead(xlate, bucket)
            continue
        score = (mix(bucket.bucket_id, basis) & 0xFFFF) * bucket.weight
        if xlate.trace is not None:
            xlate.report(Kind.DETAIL, f"bucket {bucket.bucket_id}: score {score}")
        if score >= best_score:
            best, best_score = at, score
    return best


def _hash_fields(xlate: Translation, found: GroupEntry) -> int:
    """Of the fields that the group names and the packet has."""
    basis = mix(found.selection.param >> 32, found.selection.param & _WORD)
    for field, mask in found.selection.fields:
        if field.needs.holds(xlate.look(field.needs.mask)):
            basis = mix_all(xlate.look(Mask(mask << field.offset)) >> field.offset, basis)
    return basis


def _hash_connection(xlate: Translation) -> int:
    """Of addresses, VLANs, protocol and ports: the same whichever end speaks."""
    look = xlate.read
    basis = mix_all(look(ETH_SRC) ^ look(ETH_DST), look(ETH_TYPE))
    for tag in (VLAN_TCI, VLAN2_TCI):
        basis = mix(xlate.look(Mask(_VLAN << tag.offset)) >> tag.offset, basis)
    eth_type = ETH_TYPE.get(xlate.flow)
    if eth_type == ETH_IP:
        basis = mix(look(IP_SRC) ^ look(IP_DST), basis)
    elif eth_type == ETH_IPV6:
        basis = mix_all(look(IPV6_SRC) ^ look(IPV6_DST), basis)
    else:
        return basis
    proto = look(IP_PROTO)
    if proto != UDP:  # as with the peer
        xlate.mask |= TP_SRC.mask | TP_DST.mask
    if proto in (TCP, SCTP):
        basis = mix(TP_SRC.get(xlate.flow) ^ TP_DST.get(xlate.flow), basis)
    return mix(proto, basis)


def mix(word: int, basis: int) -> int:
    """32 bits that depend on all of `word` and `basis`, which have 32 bits each."""
    value = (word * 0x9E3779B1 ^ basis) & _WORD
    value = (value ^ value >> 16) * 0x85EBCA6B & _WORD
    value = (value ^ value >> 13) * 0xC2B2AE35 & _WORD
    return value ^ value >> 16


def mix_all(number: int, basis: int) -> int:
    """The same for a `number` of any size."""
    while True:
        basis = mix(number & _WORD, basis)
        number >>= 32
        if not number:
            return basis
