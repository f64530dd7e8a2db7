"""Commit: header changes that so far are only in `flow` become datapath actions, just before an output.

Doing it lazily merges changes, and drops those that come to nothing: a rule that rewrites a field to what it was, or
rewrites one twice, costs the datapath nothing or one action.  A change is a bit that differs between `flow` and `base`
and that some action wrote: written bits are in the mask, others cannot differ for a reason of ours.

Sources: linux/openvswitch.h, OVS_ACTION_ATTR_SET_MASKED, PUSH_VLAN, POP_VLAN; compared with ofproto/trace.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from vswitch.dpif.action import PopVlan, PushVlan, Set
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    ND_SLL,
    ND_TARGET,
    ND_TLL,
    PKT_MARK,
    SKB_PRIORITY,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN2_TPID,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
)
from vswitch.ofproto.xlate.context import Translation
from vswitch.packet.numbers import ETH_ARP, ETH_IP, ETH_IPV6, ETH_RARP, ICMP, ICMPV6, SCTP, TCP, UDP

UNSUPPORTED = "action"  # the slow path's reason: an action that datapaths do not have


class Header:
    """Fields that one datapath action sets together.  Where `whole`, it cannot leave some of them alone."""

    __slots__ = ("context", "fields", "mask", "slow", "whole")

    def __init__(self, *fields: Field, whole: bool = False, slow: bool = False, context: int = 0) -> None:
        self.context = context  # what a Set says besides, because headers share bits of a Flow
        self.fields = [field.mask for field in fields]
        self.mask = Mask(sum(self.fields))  # they do not overlap
        self.whole = whole
        self.slow = slow

    def commit(self, xlate: Translation) -> None:
        """Compose the action that makes `base` like `flow` in these fields, if they differ."""
        changed = (xlate.flow ^ xlate.base) & self.mask & xlate.mask
        if not changed:
            return
        if self.whole or not xlate.wiring.support.masked_set:
            mask = int(self.mask)
            xlate.mask |= mask
        else:
            mask = sum(field & xlate.mask for field in self.fields if changed & field)
        xlate.actions.append(Set(Flow(xlate.flow & (mask | self.context)), Mask(mask)))
        xlate.base = Flow(xlate.base & ~mask | xlate.flow & mask)
        if self.slow:
            xlate.slow = UNSUPPORTED


_L3, _L4 = ETH_TYPE.mask, Mask(ETH_TYPE.mask | IP_PROTO.mask)
ETHERNET = Header(ETH_SRC, ETH_DST)
IPV4 = Header(IP_SRC, IP_DST, IP_TOS, IP_TTL, context=_L3)
IPV6 = Header(IPV6_SRC, IPV6_DST, IPV6_LABEL, IP_TOS, IP_TTL, context=_L3)
ARP = Header(ARP_SPA, ARP_TPA, ARP_OP, ARP_SHA, ARP_THA, slow=True, context=_L3)
ND = Header(ND_TARGET, ND_SLL, ND_TLL, slow=True, context=_L4)
PORTS = Header(TP_SRC, TP_DST, context=_L4)
ICMP_TYPE_CODE = Header(TP_SRC, TP_DST, whole=True, slow=True, context=_L4)
PRIORITY = Header(SKB_PRIORITY, whole=True)
MARK = Header(PKT_MARK)

_OUTER_TAG = VLAN_TCI.mask | VLAN_TPID.mask
_INNER_TAG = VLAN2_TCI.mask | VLAN2_TPID.mask
_TAGS = _OUTER_TAG | _INNER_TAG
_COMMITTED = reduce(
    or_,
    (header.mask for header in (ETHERNET, IPV4, IPV6, ARP, ND, PORTS, ICMP_TYPE_CODE, PRIORITY, MARK)),
    _TAGS,
)
_TAG_FIELDS = ((VLAN_TCI, VLAN_TPID, _OUTER_TAG), (VLAN2_TCI, VLAN2_TPID, _INNER_TAG))


def commit(xlate: Translation) -> None:
    """Compose the actions that make the datapath's packet what `flow` says."""
    if not (xlate.flow ^ xlate.base) & _COMMITTED:
        return  # registers and the like are nothing for a datapath
    ETHERNET.commit(xlate)
    eth_type = ETH_TYPE.get(xlate.base)
    if eth_type == ETH_IP:
        _commit_ip(xlate, IPV4, ICMP)
    elif eth_type == ETH_IPV6:
        _commit_ip(xlate, IPV6, ICMPV6)
    elif eth_type in (ETH_ARP, ETH_RARP):
        ARP.commit(xlate)
    _commit_vlan(xlate)
    PRIORITY.commit(xlate)
    MARK.commit(xlate)


def _commit_ip(xlate: Translation, header: Header, icmp: int) -> None:
    """IP and what it carries.

    Protocol 0 passes for a header that was cut off, which cannot be changed: where an action looked at the protocol,
    as those of OpenFlow 1.0 do (fields.py).
    """
    proto = IP_PROTO.get(xlate.base)
    if not proto and xlate.mask & IP_PROTO.mask:
        return
    header.commit(xlate)
    if proto in (TCP, UDP, SCTP):
        PORTS.commit(xlate)
    elif proto == icmp:
        if proto == ICMPV6:
            ND.commit(xlate)
        ICMP_TYPE_CODE.commit(xlate)


def n_tags(flow: Flow) -> int:
    """How many VLAN tags `flow` has, of the two that a Flow keeps."""
    if not flow & _PRESENT:
        return 0
    return 2 if flow & _PRESENT2 else 1


_PRESENT = VLAN_PRESENT << VLAN_TCI.offset
_PRESENT2 = VLAN_PRESENT << VLAN2_TCI.offset


def _tags(flow: Flow) -> list[tuple[int, int]]:
    """TCI and TPID of each tag, the outermost first."""
    return [(tci.get(flow), tpid.get(flow)) for tci, tpid, _ in _TAG_FIELDS[: n_tags(flow)]]


def _commit_vlan(xlate: Translation) -> None:
    """Pop the tags that are wrong, push those that are missing; inner tags that agree stay."""
    if not (xlate.flow ^ xlate.base) & _TAGS:
        return
    old, new = _tags(xlate.base), _tags(xlate.flow)
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    for index in range(len(old)):
        xlate.actions.append(PopVlan())
        xlate.mask |= _TAG_FIELDS[index][2]
    xlate.actions.extend(PushVlan(tci, tpid) for tci, tpid in reversed(new))
    xlate.base = Flow(xlate.base & ~_TAGS | xlate.flow & _TAGS)
