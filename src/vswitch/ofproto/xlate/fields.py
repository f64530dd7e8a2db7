"""Fields of the packet, read and written by actions.

A field that the packet does not have is neither read nor written, and the action that names it does nothing; whether
it has the field is then part of what the result depends on.

Sources: ovs-actions(7), "Header Actions"; ovs-fields(7), "Prerequisites".
"""

from __future__ import annotations

from vswitch.base.memo import by_identity
from vswitch.flow.field import Field, Flow, Mask, Prerequisite
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_ECN,
    IP_FRAG,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    METADATA,
    NEEDS_NOTHING,
    TP_DST,
    TP_SRC,
    TUN_ID,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
)
from vswitch.flow.subfield import Subfield
from vswitch.flow.texts import hexadecimal
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.registry import translates
from vswitch.openflow.actions.control import SetTunnel
from vswitch.openflow.actions.header import (
    SetEthDst,
    SetEthSrc,
    SetIpDscp,
    SetIpEcn,
    SetIpTtl,
    SetIpv4Dst,
    SetIpv4Src,
    SetTpDst,
    SetTpSrc,
)
from vswitch.openflow.actions.register import Load, Move, SetField, StackPop, StackPush
from vswitch.openflow.instructions import WriteMetadata
from vswitch.packet.numbers import ETH_IP, ETH_IPV6, ETH_VLAN, ICMP, ICMPV6

_TAG, _8021Q = VLAN_PRESENT << VLAN_TCI.offset, ETH_VLAN
_LATER_FRAGMENT = 2 << IP_FRAG.offset

# Prerequisites are looked at in this order, so that a packet that fails early is not examined further.
_STEPS = (ETH_TYPE.mask, IP_PROTO.mask, TP_DST.mask, TP_SRC.mask, ~0)


class Need:
    """A prerequisite, cut into the steps in which it is checked."""

    __slots__ = ("layer4", "steps")

    def __init__(self, needs: Prerequisite) -> None:
        self.steps: list[tuple[Mask, frozenset[int]]] = []
        self.layer4 = bool(needs.mask & IP_PROTO.mask)
        left = int(needs.mask)
        for step in _STEPS:
            if left & step:
                self.steps.append(
                    (Mask(left & step), frozenset(value & left & step for value in needs.values))
                )
                left &= ~step

    def met(self, xlate: Translation) -> bool:
        """Whether the packet meets it; adds what had to be looked at."""
        for mask, values in self.steps:
            xlate.mask |= mask
            if xlate.flow & mask not in values:
                return False
        return not (self.layer4 and xlate.flow & _LATER_FRAGMENT)  # the fragment bits are always in the mask


_needs: dict[int, Need] = {}


def has(xlate: Translation, field: Field) -> bool:
    """Whether the packet has `field`."""
    if field.needs is NEEDS_NOTHING:
        return True
    need = _needs.get(id(field.needs))
    if need is None:
        need = _needs[id(field.needs)] = Need(field.needs)
    return need.met(xlate)


def is_ip(xlate: Translation) -> int:
    """4 or 6 for a packet of that version of IP, else 0; the Ethernet type is always in the mask."""
    return {ETH_IP: 4, ETH_IPV6: 6}.get(ETH_TYPE.get(xlate.flow), 0)


def write_ip(xlate: Translation, mask: int, value: int) -> None:
    """Make bits of the IP header those of `value`; a header without a protocol is no header (commit.py)."""
    write(xlate, mask | IP_PROTO.mask, value | xlate.flow & IP_PROTO.mask)


def write(xlate: Translation, mask: int, value: int) -> None:
    """Make the bits under `mask` those of `value`."""
    xlate.mask |= mask
    xlate.flow = Flow(xlate.flow & ~mask | value)


@translates(SetField)
def set_field(xlate: Translation, action: SetField) -> None:
    """Set some bits of a field."""
    _write_constant(xlate, action.field, *_set_bits(action))


@translates(Load)
def load(xlate: Translation, action: Load) -> None:
    """Set a subfield."""
    _write_constant(xlate, action.dst.field, *_loaded_bits(action))


@by_identity
def _set_bits(action: SetField) -> tuple[int, int]:
    """What is written, and what to: half of what translating the action would take."""
    field = action.field
    mask = field.mask if action.mask is None else field.under(action.mask)
    return mask, field.put(Flow(0), action.value) & mask


@by_identity
def _loaded_bits(action: Load) -> tuple[int, int]:
    return action.dst.mask, action.dst.put(Flow(0), action.value) & action.dst.mask


def _write_constant(xlate: Translation, field: Field, mask: int, value: int) -> None:
    """Make the bits under `mask`, which are of `field`, those of `value`, if the packet has the field."""
    if not has(xlate, field):
        _unmet(xlate, field, "set_field")
        return
    xlate.mask |= mask
    xlate.flow = Flow(xlate.flow & ~mask | value)
    if mask & _TAG:
        _fix_tpid(xlate)


def _fix_tpid(xlate: Translation) -> None:
    """A tag that came to be by writing its TCI has a type, one that ceased to be has none."""
    flow = xlate.flow
    if bool(flow & _TAG) != bool(flow & VLAN_TPID.mask):
        xlate.flow = VLAN_TPID.put(flow, _8021Q if flow & _TAG else 0)


def _report(xlate: Translation, subfield: Subfield) -> None:
    """Tell what was copied: a whole field as it reads, a part of one in hexadecimal."""
    if xlate.trace is None:
        return
    field, value = subfield.field, subfield.get(xlate.flow)
    whole = subfield.n_bits == field.bits
    text = field.text.format(field, value, field.ones, {}) if whole else hexadecimal(value)
    xlate.report(Kind.DETAIL, f"{subfield} is now {text}")


def _unmet(xlate: Translation, field: Field, action: str) -> None:
    if xlate.trace is not None:
        xlate.report(Kind.WARN, f"unmet prerequisites for {field.name}, {action} ignored")


@translates(Move)
def move(xlate: Translation, action: Move) -> None:
    """Copy a subfield to another."""
    src, dst = action.src, action.dst
    if not (has(xlate, src.field) and has(xlate, dst.field)):
        return
    xlate.mask |= src.field.mask | dst.field.mask
    places = _places(action)
    if places is None:
        xlate.flow = dst.put(xlate.flow, src.get(xlate.flow))
    else:
        shift, ones, cleared, back = places
        xlate.flow = Flow(xlate.flow & cleared | (xlate.flow >> shift & ones) << back)
    if dst.mask & _TAG:
        _fix_tpid(xlate)
    if xlate.trace is not None:
        _report(xlate, dst)


@by_identity
def _places(action: Move) -> tuple[int, int, int, int] | None:
    """From where the bits come, how many, which they replace, and where they go; None for fields with forms of their own."""
    src, dst = action.src, action.dst
    for field in (src.field, dst.field):
        if type(field) is not Field or field.mask != (1 << field.bits) - 1 << field.offset:
            return None
    width = (1 << src.n_bits) - 1
    return src.field.offset + src.start, width, ~int(dst.mask), dst.field.offset + dst.start


@translates(StackPush)
def stack_push(xlate: Translation, action: StackPush) -> None:
    """Put a subfield on the stack."""
    size = (action.src.n_bits + 7) // 8
    xlate.mask |= action.src.mask
    xlate.stack.append((action.src.get(xlate.flow), size))
    xlate.stack_bytes += size + 1


@translates(StackPop)
def stack_pop(xlate: Translation, action: StackPop) -> None:
    """Take what is on top of the stack into a subfield."""
    if not xlate.stack:
        xlate.report(Kind.ERROR, "stack underflow")
        return
    value, size = xlate.stack.pop()
    xlate.stack_bytes -= size + 1
    xlate.mask |= action.dst.mask
    xlate.flow = action.dst.put(xlate.flow, value)
    _fix_tpid(xlate)
    _report(xlate, action.dst)


@translates(WriteMetadata)
def write_metadata(xlate: Translation, action: WriteMetadata) -> None:
    """Set some bits of the metadata."""
    write(xlate, METADATA.under(action.mask), (action.metadata & action.mask) << METADATA.offset)


@translates(SetTunnel)
def set_tunnel(xlate: Translation, action: SetTunnel) -> None:
    """Set the tunnel id, with which tunnel ports send the packet."""
    xlate.flow = TUN_ID.put(xlate.flow, action.tun_id)


@translates(SetEthSrc)
def set_eth_src(xlate: Translation, action: SetEthSrc) -> None:
    """Set the Ethernet source."""
    write(xlate, ETH_SRC.mask, action.mac << ETH_SRC.offset)


@translates(SetEthDst)
def set_eth_dst(xlate: Translation, action: SetEthDst) -> None:
    """Set the Ethernet destination."""
    write(xlate, ETH_DST.mask, action.mac << ETH_DST.offset)


@translates(SetIpv4Src)
def set_ipv4_src(xlate: Translation, action: SetIpv4Src) -> None:
    """Set the source of an IPv4 packet."""
    if is_ip(xlate) == 4:
        write_ip(xlate, IP_SRC.mask, action.ip << IP_SRC.offset)


@translates(SetIpv4Dst)
def set_ipv4_dst(xlate: Translation, action: SetIpv4Dst) -> None:
    """Set the destination of an IPv4 packet."""
    if is_ip(xlate) == 4:
        write_ip(xlate, IP_DST.mask, action.ip << IP_DST.offset)


@translates(SetIpDscp)
def set_ip_dscp(xlate: Translation, action: SetIpDscp) -> None:
    """Set the DSCP of an IP packet."""
    if is_ip(xlate):
        write_ip(xlate, 0xFC << IP_TOS.offset, (action.tos & 0xFC) << IP_TOS.offset)


@translates(SetIpEcn)
def set_ip_ecn(xlate: Translation, action: SetIpEcn) -> None:
    """Set the ECN bits of an IP packet."""
    if is_ip(xlate):
        write_ip(xlate, IP_ECN.mask, action.ecn << IP_ECN.offset)


@translates(SetIpTtl)
def set_ip_ttl(xlate: Translation, action: SetIpTtl) -> None:
    """Set the TTL of an IP packet."""
    if is_ip(xlate):
        write_ip(xlate, IP_TTL.mask, action.ttl << IP_TTL.offset)


@translates(SetTpSrc)
def set_tp_src(xlate: Translation, action: SetTpSrc) -> None:
    """Set the source port of TCP, UDP or SCTP; for OpenFlow 1.0, the type of ICMP is in its place."""
    _write_port(xlate, TP_SRC, action.port)


@translates(SetTpDst)
def set_tp_dst(xlate: Translation, action: SetTpDst) -> None:
    """Set the destination port of TCP, UDP or SCTP; for OpenFlow 1.0, the code of ICMP is in its place."""
    _write_port(xlate, TP_DST, action.port)


def _write_port(xlate: Translation, field: Field, port: int) -> None:
    if not is_ip(xlate) or xlate.flow & _LATER_FRAGMENT:
        return
    if xlate.read(IP_PROTO) in (ICMP, ICMPV6):
        port &= 0xFF
    write(xlate, field.mask, port << field.offset)
