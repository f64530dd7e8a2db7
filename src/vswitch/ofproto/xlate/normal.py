"""NORMAL: what a plain switch would do with the packet: VLANs, learning, forwarding, flooding.

A bundle admits a packet, which gives it a VLAN; its source address is learned there; the destination's bundle, or all
others, get it with the tag that they want.

Sources: ovs-vswitchd.conf.db(5), Port: vlan_mode, and Bridge: other_config:forward-bpdu; IEEE 802.1Q-2018 8.6.
"""

from __future__ import annotations

from vswitch.base.text import format_mac
from vswitch.flow.field import Flow
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SPA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IN_PORT,
    VLAN2_TCI,
    VLAN_PCP,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
    VLAN_VID,
)
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_NONE, OfPort
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.port import Bundle
from vswitch.ofproto.settings import PriorityTags, VlanMode
from vswitch.ofproto.xlate.context import Lesson, Translation
from vswitch.ofproto.xlate.ports import send_out
from vswitch.ofproto.xlate.vlan import INNER, OUTER, PRESENT, with_tag, without_outer_tag
from vswitch.packet.numbers import ETH_ARP, ETH_VLAN
from vswitch.packet.reserved import is_reserved
from vswitch.protocols.mac_learning import mac_key

_LOOKED_AT = ETH_SRC.mask | ETH_DST.mask | VLAN_VID.mask | PRESENT
BROADCAST = (1 << 48) - 1
NO_BUNDLE = Bundle("OFPP_NONE")  # where packets of a controller come from; admits every VLAN
_REQUEST, _REPLY = 1, 2


def normal(xlate: Translation) -> None:
    """Do what a plain switch would do."""
    xlate.mask |= _LOOKED_AT
    flow, switch = xlate.flow, xlate.switch
    bundle = _input_bundle(xlate)
    if bundle is None:
        return
    vid = VLAN_VID.get(flow)
    if not _admits(xlate, bundle, vid):
        xlate.report(Kind.WARN, "disallowed VLAN VID for this input port, dropping")
        return
    vlan = vid or (bundle.tag if bundle.vlan_mode is not VlanMode.TRUNK else 0)
    destination = ETH_DST.get(flow)
    if bundle is not NO_BUNDLE and not switch.forward_bpdu and is_reserved(destination):
        xlate.report(Kind.DETAIL, "packet has reserved destination MAC, dropping")
        return
    if len(bundle.ports) > 1 and bundle.ports[0].number != IN_PORT.get(flow):
        # What comes in on a member that is not active has come by the active one, too, or has left by it.
        xlate.report(Kind.DETAIL, "bonding refused admissibility, dropping")
        return
    _learn(xlate, bundle, vlan)
    table = switch.macs
    xlate.dependencies.macs += ((table, mac_key(vlan, destination)),)
    known = table.lookup(destination, vlan)
    if known is None:
        xlate.report(Kind.DETAIL, "no learned MAC for destination, flooding")
        _flood(xlate, bundle, vlan)
    elif known is bundle:
        xlate.report(Kind.DETAIL, "learned port is input port, dropping")
    else:
        xlate.report(Kind.DETAIL, "forwarding to learned port")
        _forward(xlate, known, vlan)


def _input_bundle(xlate: Translation) -> Bundle | None:
    """The bundle that the packet came in on; controllers may inject packets from no port at all."""
    number = OfPort(IN_PORT.get(xlate.flow))
    port = xlate.switch.ports.get(number)
    if port is not None and port.bundle is not None:
        return port.bundle
    if number in (OFPP_CONTROLLER, OFPP_NONE):
        return NO_BUNDLE
    if port is None:
        xlate.report(Kind.ERROR, f"received packet on unknown port {number}")
    xlate.report(Kind.WARN, "no input bundle, dropping")
    return None


def _admits(xlate: Translation, bundle: Bundle, vid: int) -> bool:
    """Whether packets with tag `vid` (0: none) may come in on `bundle`."""
    if bundle.vlan_mode is VlanMode.ACCESS:
        if vid:
            xlate.report(
                Kind.ERROR,
                f"dropping VLAN {vid} tagged packet received on port {bundle.name} "
                f"configured as VLAN {bundle.tag} access port",
            )
        return not vid
    if not vid and bundle.vlan_mode is not VlanMode.TRUNK:
        return True
    if not bundle.carries(vid):
        xlate.report(
            Kind.ERROR,
            f"dropping VLAN {vid} packet received on port {bundle.name} not configured for trunking VLAN {vid}",
        )
        return False
    return True


def _learn(xlate: Translation, bundle: Bundle, vlan: int) -> None:
    """Remember where the packet came from, now and whenever others take the same path."""
    gratuitous = _is_gratuitous_arp(xlate)
    if bundle is NO_BUNDLE:
        return
    lesson = Lesson(xlate.switch, ETH_SRC.get(xlate.flow), vlan, bundle, gratuitous)
    xlate.carried.lessons += (lesson,)
    if not xlate.side_effects:
        return
    macs = xlate.switch.macs
    known = macs.lookup(lesson.mac, vlan) if xlate.trace is not None else None
    lesson.apply(xlate.now)
    if xlate.trace is not None and known is not bundle and macs.lookup(lesson.mac, vlan) is bundle:
        mac = format_mac(lesson.mac)
        xlate.report(Kind.DETAIL, f"learned that {mac} is on port {bundle.name} in VLAN {vlan}")


def _is_gratuitous_arp(xlate: Translation) -> bool:
    """Whether the packet announces its sender's address to everybody."""
    flow = xlate.flow
    if ETH_TYPE.get(flow) != ETH_ARP or ETH_DST.get(flow) != BROADCAST:
        return False
    operation = xlate.read(ARP_OP)
    if operation == _REQUEST:
        return xlate.read(ARP_SPA) == xlate.read(ARP_TPA)
    return operation == _REPLY


def _flood(xlate: Translation, source: Bundle, vlan: int) -> None:
    for bundle in xlate.switch.bundles.values():
        if bundle is not source and bundle.floods and _includes(bundle, vlan, xlate.flow):
            _forward(xlate, bundle, vlan)


def _includes(bundle: Bundle, vlan: int, flow: Flow) -> bool:
    """Whether packets of `vlan` go out through `bundle`; an access port takes none with a second tag."""
    if bundle.vlan_mode is VlanMode.ACCESS:
        return vlan == bundle.tag and not flow & _SECOND_VID
    return bundle.carries(vlan)


_SECOND_VID = 0xFFF << VLAN2_TCI.offset


def _forward(xlate: Translation, bundle: Bundle, vlan: int) -> None:
    """Output to `bundle` with the tag that it wants for `vlan`."""
    if not bundle.ports:
        return
    flow = xlate.flow
    xlate.flow = _retag(xlate, bundle, vlan)
    send_out(xlate, bundle.ports[0].number)
    xlate.flow = flow


def _retag(xlate: Translation, bundle: Bundle, vlan: int) -> Flow:
    """The flow with the tag under which `vlan` leaves through `bundle`; its priority is kept where it can be."""
    flow = xlate.flow
    priority = VLAN_TCI.get(flow) & _PRIORITY
    keeps_priority = bundle.priority_tags is not PriorityTags.NO
    if bundle.vlan_mode is VlanMode.ACCESS:
        left, tci, tpid = Flow(flow & ~(OUTER | INNER)), 0, VLAN_TPID.get(flow)
    elif bundle.vlan_mode is VlanMode.NATIVE_UNTAGGED and vlan == bundle.tag:
        left = without_outer_tag(xlate, flow)
        tci, tpid = VLAN_TCI.get(left) & ~VLAN_PRESENT, VLAN_TPID.get(left)
    else:
        left, tci, tpid, keeps_priority = flow, vlan, VLAN_TPID.get(flow), True
    if keeps_priority:
        tci = tci & ~_PRIORITY | priority
        if not tci & ~_PRIORITY:
            xlate.mask |= VLAN_PCP.mask  # the tag goes or stays for its priority
    if not tci and bundle.priority_tags is not PriorityTags.ALWAYS:
        return Flow(left & ~OUTER)
    return with_tag(left, tci, tpid or ETH_VLAN)


_PRIORITY = 0xE000  # of a tag's TCI
