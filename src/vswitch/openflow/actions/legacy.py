"""How OpenFlow 1.0 and 1.1 say what later versions say with set_field.

Sources: OpenFlow 1.0, 5.2.4; ovs-actions(7), set_field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vswitch.flow.field import Field
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.header import (
    SetEthDst,
    SetEthSrc,
    SetIpDscp,
    SetIpv4Dst,
    SetIpv4Src,
    SetTpDst,
    SetTpSrc,
    SetVlanPcp,
    SetVlanVid,
)

_FORMS: Mapping[str, Callable[[int], Action]] = {
    "eth_src": SetEthSrc,
    "eth_dst": SetEthDst,
    "ip_src": SetIpv4Src,
    "ip_dst": SetIpv4Dst,
    "nw_tos": SetIpDscp,
    "ip_dscp": lambda dscp: SetIpDscp(dscp << 2),
    "tcp_src": SetTpSrc,
    "udp_src": SetTpSrc,
    "tcp_dst": SetTpDst,
    "udp_dst": SetTpDst,
    "vlan_vid": lambda vid: SetVlanVid(vid & 0xFFF, push_if_needed=False),
    "dl_vlan": lambda vid: SetVlanVid(vid & 0xFFF, push_if_needed=False),
    "vlan_pcp": lambda pcp: SetVlanPcp(pcp, push_if_needed=False),
    "dl_vlan_pcp": lambda pcp: SetVlanPcp(pcp, push_if_needed=False),
}


def legacy_form(field: Field, value: int) -> Action | None:
    """The action of OpenFlow 1.0 that sets `field` to `value`, if there is one."""
    form = _FORMS.get(field.name)
    return None if form is None else form(value)
