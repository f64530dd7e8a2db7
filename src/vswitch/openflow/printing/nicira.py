"""Tunnel options, flushed connections and exported flow records in text."""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.base.text import format_ipv4, format_ipv6
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.nicira import (
    NXTTMC_CLEAR,
    CtFlush,
    CtFlushZone,
    CtTuple,
    IpfixBridgeReply,
    IpfixBridgeRequest,
    IpfixFlowReply,
    IpfixFlowRequest,
    IpfixStats,
    TlvMap,
    TlvTableMod,
    TlvTableReply,
    TlvTableRequest,
)
from vswitch.openflow.printing.base import Style, counters, prints

_ICMP = (1, 58)
_ONES32, _ONES128 = (1 << 32) - 1, (1 << 128) - 1


@prints(TlvTableRequest, IpfixBridgeRequest, IpfixFlowRequest)
def nothing(message: object, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(TlvTableMod)
def tlv_table_mod(message: TlvTableMod, dialect: Dialect, style: Style) -> str:
    """Command and mappings."""
    if message.command == NXTTMC_CLEAR:
        return "\n CLEAR\n"
    return f"\n {('ADD', 'DEL')[message.command]}{_tlv_table(message.maps)}"


@prints(TlvTableReply)
def tlv_table_reply(message: TlvTableReply, dialect: Dialect, style: Style) -> str:
    """Limits and mappings."""
    used = sum(option.length for option in message.maps)
    text = f"\n max option space={message.max_option_space} max fields={message.max_fields}\n"
    return f"{text} allocated option space={used}\n\n{_tlv_table(message.maps)}"


def _tlv_table(maps: Iterable[TlvMap]) -> str:
    text = " mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------\n"
    for option in maps:
        text += f" {hexadecimal(option.option_class):>6}  {hexadecimal(option.option_type):>4}  {option.length:6}  tun_metadata{option.index}\n"
    return text


@prints(CtFlushZone)
def ct_flush_zone(message: CtFlushZone, dialect: Dialect, style: Style) -> str:
    """Which zone."""
    return f" zone_id={message.zone}\n"


@prints(CtFlush)
def ct_flush(message: CtFlush, dialect: Dialect, style: Style) -> str:
    """The zone, and both directions."""
    is_ipv4 = any(
        map(_is_ipv4, (message.original.src, message.original.dst, message.reply.src, message.reply.dst))
    )
    original = _tuple(message.original, message.ip_proto, is_ipv4)
    reply = _tuple(message.reply, message.ip_proto, is_ipv4)
    text = f" zone={message.zone or 0}"
    for name, bits, ones in ("mark", message.mark, _ONES32), ("labels", message.labels, _ONES128):
        if bits is not None:
            mask = "" if bits.mask == ones else f"/{hexadecimal(bits.mask)}"
            text += f" {name}={hexadecimal(bits.value)}{mask}"
    return f"{text} '{original},ct_nw_proto={message.ip_proto}' '{reply}'\n"


def _is_ipv4(address: int) -> bool:
    return address >> 32 == 0xFFFF


def _tuple(ends: CtTuple, proto: int, is_ipv4: bool) -> str:
    family = "nw" if is_ipv4 else "ipv6"
    text = f"ct_{family}_src={_address(ends.src)},ct_{family}_dst={_address(ends.dst)}"
    if proto in _ICMP:
        return f"{text},icmp_id={ends.icmp_id},icmp_type={ends.icmp_type},icmp_code={ends.icmp_code}"
    # What ICMP has in the place of ports, another protocol has as ports.
    src, dst = ends.src_port or ends.icmp_id, ends.dst_port or ends.icmp_code << 8 | ends.icmp_type
    return f"{text},ct_tp_src={src},ct_tp_dst={dst}"


def _address(address: int) -> str:
    return format_ipv4(address & 0xFFFFFFFF) if _is_ipv4(address) else format_ipv6(address)


@prints(IpfixBridgeReply)
def ipfix_bridge(message: IpfixBridgeReply, dialect: Dialect, style: Style) -> str:
    """Two lines."""
    return f"\n{_ipfix('  bridge ipfix: ', message.stats)}"


@prints(IpfixFlowReply)
def ipfix_flow(message: IpfixFlowReply, dialect: Dialect, style: Style) -> str:
    """Two lines per set of collectors."""
    text = f" {len(message.stats)} ids\n"
    return text + "".join(_ipfix(f"  id {stats.collector_set_id:3}: ", stats) for stats in message.stats)


def _ipfix(head: str, stats: IpfixStats) -> str:
    good = counters(
        ("flows", stats.total_flows),
        ("current flows", stats.current_flows),
        ("sampled pkts", stats.packets),
        ("ipv4 ok", stats.ipv4_packets),
        ("ipv6 ok", stats.ipv6_packets),
        ("tx pkts", stats.tx_packets),
    )
    bad = counters(
        ("pkts errs", stats.error_packets),
        ("ipv4 errs", stats.ipv4_error_packets),
        ("ipv6 errs", stats.ipv6_error_packets),
        ("tx errs", stats.tx_errors),
    )
    return f"{head}{good}\n{' ' * (16 if 'bridge' in head else 10)}{bad}\n"
