"""How OpenFlow 1.0 and 1.1 say what later versions say with set_field.

Sources: OpenFlow 1.0, 5.2.4; ovs-actions(7), set_field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vswitch.flow.field import Field
from vswitch.flow.fields import VLAN_PRESENT
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.header import (
    PopVlan,
    SetEthDst,
    SetEthSrc,
    SetIpDscp,
    SetIpEcn,
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
    "nw_ecn": SetIpEcn,  # not in OpenFlow 1.0
    "tcp_src": SetTpSrc,
    "udp_src": SetTpSrc,
    "tcp_dst": SetTpDst,
    "udp_dst": SetTpDst,
    "vlan_vid": lambda vid: SetVlanVid(vid & 0xFFF, push_if_needed=False),
    "dl_vlan": lambda vid: SetVlanVid(vid & 0xFFF, push_if_needed=False),
    "vlan_pcp": lambda pcp: SetVlanPcp(pcp, push_if_needed=False),
    "dl_vlan_pcp": lambda pcp: SetVlanPcp(pcp, push_if_needed=False),
}


def legacy_forms(field: Field, value: int, version: int) -> tuple[Action, ...]:
    """The actions of `version`, OpenFlow 1.0 or 1.1, that set `field` to `value`; none, if there are none."""
    if field.name == "vlan_tci":
        if not value & VLAN_PRESENT:
            return (PopVlan(),)
        return _FORMS["vlan_vid"](value), _FORMS["vlan_pcp"](value >> 13)
    form = _FORMS.get(field.name)
    made = () if form is None else (form(value),)
    return made if all(action.code(version) for action in made) else ()
