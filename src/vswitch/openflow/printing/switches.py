"""What a switch is and how it is configured, in text."""

from __future__ import annotations

from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.switch import (
    OFPC_FLOW_STATS,
    OFPC_FRAG_MASK,
    OFPC_INVALID_TTL_TO_CONTROLLER,
    OFPC_IP_REASM,
    OFPC_PORT_STATS,
    OFPC_QUEUE_STATS,
    OFPC_TABLE_STATS,
    BarrierReply,
    BarrierRequest,
    DescReply,
    DescRequest,
    FeaturesReply,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.printing.base import Style, bit_names, prints
from vswitch.openflow.printing.ports import format_port_lines
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14

FRAGMENTS = ("normal", "drop", "reassemble", "nx-match")
_ACTIONS10 = (
    "output",
    "set_vlan_vid",
    "set_vlan_pcp",
    "strip_vlan",
    "mod_dl_src",
    "mod_dl_dst",
    "mod_nw_src",
    "mod_nw_dst",
    "mod_nw_tos",
    "mod_tp_src",
    "mod_tp_dst",
    "enqueue",
)


@prints(FeaturesRequest, GetConfigRequest, BarrierRequest, BarrierReply, DescRequest)
def nothing(message: object, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


def _capabilities(version: int) -> list[tuple[int, str]]:
    """The names of the bits, in the order in which they are printed."""
    names = [
        (OFPC_FLOW_STATS, "FLOW_STATS"),
        (OFPC_TABLE_STATS, "TABLE_STATS"),
        (OFPC_PORT_STATS, "PORT_STATS"),
    ]
    names.append((1 << 3, "STP" if version == OF10 else "GROUP_STATS"))
    names += [(OFPC_IP_REASM, "IP_REASM"), (OFPC_QUEUE_STATS, "QUEUE_STATS")]
    if version in (OF10, OF11):
        names.append((1 << 7, "ARP_MATCH_IP"))
    if version >= OF12:
        names.append((1 << 8, "PORT_BLOCKED"))
    if version >= OF14:
        names += [(1 << 9, "BUNDLES"), (1 << 10, "FLOW_MONITORING")]
    return names


@prints(FeaturesReply)
def features(message: FeaturesReply, dialect: Dialect, style: Style) -> str:
    """Identity, limits, capabilities; actions and ports where the version tells them."""
    known = _capabilities(dialect.version)
    bits = message.capabilities & sum(bit for bit, _ in known)
    text = f" dpid:{message.datapath_id:016x}\nn_tables:{message.n_tables}, n_buffers:{message.n_buffers}"
    if message.auxiliary_id:
        text += f", auxiliary_id:{message.auxiliary_id}"
    text += f"\ncapabilities: {bit_names(bits, known)}\n"
    if dialect.version == OF10:
        actions = [_ACTIONS10[i] for i in (0, 11, *range(1, 11)) if message.actions >> i & 1]
        text += f"actions: {' '.join(actions)}\n" if actions else ""
    if dialect.version < OF13:
        ports = sorted(message.ports, key=lambda port: port.port_no)
        text += "".join(f" {format_port_lines(port, style.names)}" for port in ports)
    return text


@prints(GetConfigReply, SetConfig)
def config(message: GetConfigReply | SetConfig, dialect: Dialect, style: Style) -> str:
    """Fragments, invalid TTLs, length."""
    words = f"frags={FRAGMENTS[message.flags & OFPC_FRAG_MASK]}"
    if message.flags & OFPC_INVALID_TTL_TO_CONTROLLER and dialect.version < OF13:
        words += " invalid_ttl_to_controller"
    return f" {words} miss_send_len={message.miss_send_len}\n"


@prints(DescReply)
def desc(message: DescReply, dialect: Dialect, style: Style) -> str:
    """One thing per line."""
    lines = {
        "Manufacturer": message.mfr_desc,
        "Hardware": message.hw_desc,
        "Software": message.sw_desc,
        "Serial Num": message.serial_num,
        "DP Description": message.dp_desc,
    }
    return "\n" + "".join(f"{name}: {text}\n" for name, text in lines.items())
