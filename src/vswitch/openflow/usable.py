"""Which of the ways to tell flows can tell a given one: OpenFlow 1.0 with and without NXM and table numbers, 1.1, OXM.

`ovs-ofctl` calls them flow formats; -F and -O limit them.

Sources: ovs-ofctl(8), "Flow formats"; ovs-fields(7) and ovs-actions(7) for what each version has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from vswitch.base.bits import prefix_length
from vswitch.flow.field import Field
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    METADATA,
    MPLS_LABEL,
    MPLS_TC,
    PACKET_TYPE,
    TP_DST,
    TP_SRC,
    TUN_METADATA,
    VLAN_TCI,
)
from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.check import check_actions
from vswitch.openflow.actions.control import Clone
from vswitch.openflow.actions.ct import Ct
from vswitch.openflow.actions.encap import Encap
from vswitch.openflow.actions.header import PushVlan
from vswitch.openflow.actions.register import SetField
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.instructions import Meter, WriteActions, WriteMetadata
from vswitch.openflow.match10 import fits_10
from vswitch.openflow.messages.flow import (
    OFPFF_NO_BYT_COUNTS,
    OFPFF_NO_PKT_COUNTS,
    OFPFF_RESET_COUNTS,
    FlowMod,
)
from vswitch.openflow.names import OFPG_ANY, OFPTT_ALL
from vswitch.openflow.version import OF11
from vswitch.packet.numbers import ETH_IPV6

Protocols = frozenset[str]
_STANDARD = frozenset({"OpenFlow10-table_id", "OpenFlow10+table_id"})
_NXM = frozenset({"NXM-table_id", "NXM+table_id"})
_OF11 = frozenset({"OpenFlow11"})
_OXM13 = frozenset({"OXM-OpenFlow13", "OXM-OpenFlow14", "OXM-OpenFlow15"})
_OXM = _OXM13 | {"OXM-OpenFlow12"}
ALL_PROTOCOLS: Protocols = _STANDARD | _NXM | _OF11 | _OXM
NUMBERED_BUCKETS = _STANDARD | _NXM | {"OXM-OpenFlow15"}  # in which groups are as in OpenFlow 1.5
_METERING = frozenset({"OXM-OpenFlow15"})  # in which a meter is an action
WITH_TABLES = frozenset(name for name in ALL_PROTOCOLS if not name.endswith("-table_id"))

# In the order and under the names in which ovs-ofctl lists them, the widest first.
_NAMES: Mapping[str, Protocols] = {
    "any": ALL_PROTOCOLS,
    "OpenFlow10": _STANDARD,
    "NXM": _NXM,
    "OXM": _OXM,
    **{name: frozenset({name}) for name in sorted(_STANDARD, reverse=True)},
    **{name: frozenset({name}) for name in sorted(_NXM, reverse=True)},
    **{name: frozenset({name}) for name in sorted(_OF11 | _OXM)},
}


def format_protocols(protocols: Protocols) -> str:
    """`any`, `NXM,OXM` …"""
    words, rest = [], set(protocols)
    for name, members in _NAMES.items():
        if members <= rest:
            words.append(name)
            rest -= members
    return ",".join(words) or "none"


def usable_protocols(flow_mod: FlowMod) -> Protocols:
    """The ways in which all of `flow_mod` can be told."""
    return _for_match(flow_mod.match) & for_settings(flow_mod) & for_actions(flow_mod)


def for_ipv6(match: Match) -> Protocols:
    """The ways in which all can be told that a match says inside IPv6."""
    inside = match.mask & (IP_PROTO.mask | IP_TOS.mask | TP_SRC.mask | TP_DST.mask)
    return _NXM | _OXM if inside and ETH_TYPE.get(match.value) == ETH_IPV6 else ALL_PROTOCOLS


def for_settings(flow_mod: FlowMod) -> Protocols:
    """The ways in which all can be told but match and actions."""
    usable = ALL_PROTOCOLS
    if flow_mod.table_id != OFPTT_ALL:
        usable &= WITH_TABLES
    if flow_mod.cookie_mask:
        usable -= _STANDARD
    if flow_mod.out_group != OFPG_ANY:
        usable &= _OF11 | _OXM
    if flow_mod.flags & OFPFF_RESET_COUNTS:
        usable &= _OXM
    if flow_mod.flags & (OFPFF_NO_PKT_COUNTS | OFPFF_NO_BYT_COUNTS):
        usable &= _OXM13
    return usable


def for_actions(flow_mod: FlowMod) -> Protocols:
    """The ways in which the actions can be told, and make sense."""
    usable = told_by(flow_mod.actions)
    try:
        check_actions(flow_mod.actions, flow_mod.match, flow_mod.table_id, OF11, sent=False)
    except OpenFlowError:
        usable &= _STANDARD | _NXM  # only OpenFlow 1.0 rewrites what a packet may lack
    return usable


def _for_match(match: Match) -> Protocols:
    usable = ALL_PROTOCOLS
    if not fits_10(match):
        usable -= _STANDARD
    if not fits_11(match):
        usable -= _OF11
    return usable


_KNOWN11 = (
    IN_PORT.mask | PACKET_TYPE.mask | ETH_SRC.mask | ETH_DST.mask | ETH_TYPE.mask | VLAN_TCI.mask
    | IP_PROTO.mask | FIELDS["nw_tos"].mask | FIELDS["nw_ecn"].mask | IP_SRC.mask | IP_DST.mask
    | TP_SRC.mask | TP_DST.mask | METADATA.mask | MPLS_LABEL.mask | MPLS_TC.mask
)  # fmt: skip
_VLAN_MASKS = frozenset((0, 0xFFFF, 0x1FFF, 0xF000, 0x1000 | 0xEFFF))


def fits_11(match: Match) -> bool:
    """Whether an OpenFlow 1.1 match can say all that `match` does."""
    mask, value = match.mask, match.value
    if mask & ~_KNOWN11 or PACKET_TYPE.get(value) or VLAN_TCI.get(mask) not in _VLAN_MASKS:
        return False
    if ETH_TYPE.get(value) == ETH_IPV6 and mask & (IP_PROTO.mask | TP_SRC.mask | TP_DST.mask):
        return False
    return all(mask & field.mask in (0, field.mask) for field in (TP_SRC, TP_DST))


def told_by(actions: Iterable[Action]) -> Protocols:
    """The ways in which actions can be told."""
    usable = ALL_PROTOCOLS
    for item in actions:
        match item:
            case PushVlan():
                usable &= _OF11 | _OXM
            case Meter() | Encap():
                usable &= _OXM13
            case WriteMetadata():
                usable -= _STANDARD
            case SetField():
                usable &= for_field(item.field)
            case Clone() | WriteActions() | Ct():
                usable &= told_by(item.actions)
            case _:
                pass
    return usable


def told_by_plain(actions: Sequence[Action]) -> Protocols:
    """The same where there are no instructions: in packet-outs and groups."""
    usable = told_by(actions)
    return usable & _METERING if any(isinstance(item, Meter) for item in actions) else usable


@lru_cache(maxsize=1024)
def for_field(field: Field, mask: int | None = None) -> Protocols:
    """What can set a field, or match its bits `mask`: NXM and OXM all of it, the older forms what their structures have."""
    if mask == 0 and field not in TUN_METADATA:
        return ALL_PROTOCOLS
    whole = mask is None or mask == (1 << 8 * field.size) - 1
    prefix = mask is not None and field.size in (4, 16) and prefix_length(mask, 8 * field.size) is not None
    usable = Protocols() if field in _UNTOLD else _NXM | _OXM
    for legacy, protocols in zip(field.legacy, (_STANDARD, _OF11), strict=True):
        if legacy == "*" or (whole and legacy in "=/") or (prefix and legacy == "/"):
            usable |= protocols
    return usable


_UNTOLD = frozenset((FIELDS["tun_ttl"], FIELDS["tun_tos"], FIELDS["skb_priority"]))  # in no form at all
