"""VLAN tags of a Flow: push, pop, rewrite.

How many tags there are needs not be added to the mask: megaflows always tell it (backer.py).

Sources: ovs-actions(7), push_vlan, pop_vlan, mod_vlan_vid, mod_vlan_pcp; IEEE 802.1Q-2018 9.6 (TCI).
"""

from __future__ import annotations

from vswitch.flow.field import Flow
from vswitch.flow.fields import VLAN2_TCI, VLAN2_TPID, VLAN_PCP, VLAN_PRESENT, VLAN_TCI, VLAN_TPID, VLAN_VID
from vswitch.ofproto.xlate.commit import n_tags
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.registry import translates
from vswitch.openflow.actions.header import PopVlan, PushVlan, SetVlanPcp, SetVlanVid
from vswitch.packet.numbers import ETH_VLAN

OUTER = VLAN_TCI.mask | VLAN_TPID.mask
INNER = VLAN2_TCI.mask | VLAN2_TPID.mask
PRESENT = VLAN_PRESENT << VLAN_TCI.offset


def with_tag(flow: Flow, tci: int, tpid: int = ETH_VLAN) -> Flow:
    """`flow` with this for its outermost tag, in the place of what it had there."""
    return Flow(flow & ~OUTER | (tci | VLAN_PRESENT) << VLAN_TCI.offset | tpid << VLAN_TPID.offset)


def _move_tag(flow: Flow, source: int, target: int) -> Flow:
    shift = target - source
    tag = flow & (OUTER if shift > 0 else INNER)
    return Flow(tag << shift if shift > 0 else tag >> -shift)


@translates(PushVlan)
def push_vlan(xlate: Translation, action: PushVlan) -> None:
    """Add an outermost tag of zeros; of the tags that were there, a Flow keeps one."""
    flow = xlate.flow
    if n_tags(flow):
        xlate.mask |= OUTER | INNER if n_tags(flow) > 1 else OUTER
    inner = _move_tag(flow, VLAN_TCI.offset, VLAN2_TCI.offset)
    xlate.flow = with_tag(Flow(flow & ~(OUTER | INNER) | inner), 0, action.tpid)


@translates(PopVlan)
def pop_vlan(xlate: Translation, action: PopVlan) -> None:
    """Remove the outermost tag, if there is one."""
    xlate.flow = without_outer_tag(xlate, xlate.flow)


def without_outer_tag(xlate: Translation, flow: Flow) -> Flow:
    """`flow` without its outermost tag, if there is one: what was the inner tag is then the outer one."""
    if n_tags(flow) > 1:
        xlate.mask |= OUTER | INNER
    inner = _move_tag(flow, VLAN2_TCI.offset, VLAN_TCI.offset)
    return Flow(flow & ~(OUTER | INNER) | inner)


@translates(SetVlanVid)
def set_vlan_vid(xlate: Translation, action: SetVlanVid) -> None:
    """Set the VLAN id of the outermost tag."""
    xlate.mask |= VLAN_VID.mask | PRESENT
    _rewrite(xlate, VLAN_VID.mask, action.vid << VLAN_VID.offset, action.push_if_needed)


@translates(SetVlanPcp)
def set_vlan_pcp(xlate: Translation, action: SetVlanPcp) -> None:
    """Set the priority of the outermost tag."""
    xlate.mask |= VLAN_PCP.mask | PRESENT
    _rewrite(xlate, VLAN_PCP.mask, action.pcp << VLAN_PCP.offset, action.push_if_needed)


def _rewrite(xlate: Translation, mask: int, value: int, push_if_needed: bool) -> None:
    """OpenFlow 1.0 adds a tag where there is none; 1.1 and later do not (ovs-actions(7), mod_vlan_vid)."""
    flow = xlate.flow
    if not flow & PRESENT:
        if not push_if_needed:
            return
        flow = with_tag(flow, 0)
    xlate.flow = Flow(flow & ~mask | value)
