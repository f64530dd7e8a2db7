"""Commands about tunnel options, tracked connections and exported flow records.

Sources: ovs-ofctl(8): add-tlv-map, del-tlv-map, dump-tlv-map, ct-flush, ct-flush-zone, dump-ipfix-bridge, dump-ipfix-flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError, Given
from vswitch.base.scan import Number, scan
from vswitch.base.text import key_values, parse_ipv4, parse_ipv6, parse_u8, parse_u16
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings, check_formats
from vswitch.cli.ofctl.switch import dump
from vswitch.cli.ofctl.table import command
from vswitch.openflow.message import Message
from vswitch.openflow.messages.nicira import (
    NXTTMC_ADD,
    NXTTMC_CLEAR,
    NXTTMC_DELETE,
    CtFlush,
    CtFlushZone,
    CtTuple,
    IpfixBridgeRequest,
    IpfixFlowRequest,
    TlvMap,
    TlvTableMod,
    TlvTableRequest,
)
from vswitch.openflow.messages.role import NXFF_NXM, SetFlowFormat
from vswitch.openflow.version import OF10
from vswitch.packet.numbers import ICMP, ICMPV6

EXTENSIBLE = tuple(name for name in FLOW_FORMATS if name.startswith(("NXM", "OXM")))


@command("add-tlv-map", "SWITCH MAPS")
def add_tlv_map(given: Given, switch: str, maps: str) -> None:
    """Map tunnel options to fields."""
    mod = TlvTableMod(NXTTMC_ADD, _parse_maps(maps))
    _change_map(given, switch, mod)


@command("del-tlv-map", "SWITCH [MAPS]")
def del_tlv_map(given: Given, switch: str, maps: str = "") -> None:
    """Delete mappings, or all."""
    mod = TlvTableMod(NXTTMC_DELETE, _parse_maps(maps)) if maps else TlvTableMod(NXTTMC_CLEAR)
    _change_map(given, switch, mod)


@command("dump-tlv-map", "SWITCH")
def dump_tlv_map(given: Given, switch: str) -> Iterator[str]:
    """The mappings."""
    return dump(given, switch, TlvTableRequest())


def _change_map(given: Given, switch: str, mod: TlvTableMod) -> None:
    settings = Settings(given)
    check_formats(settings, EXTENSIBLE)
    channel = Channel(switch, settings)
    if channel.version == OF10:
        channel.commit(SetFlowFormat(NXFF_NXM))  # the only one of its formats that has fields for options
    channel.commit(mod)


def _parse_maps(text: str) -> tuple[TlvMap, ...]:
    """`{class=0xffff,type=0,len=4}->tun_metadata0,…`"""
    maps: list[TlvMap] = []
    at, more = 0, bool(text)
    while more:
        found = scan(text, _TLV, at)
        if found is None:
            raise CommandError("invalid tlv mapping")
        numbers, at = found
        maps.append(TlvMap(*numbers))
        comma = text.startswith(",", at)  # which may be left out
        at += comma
        more = comma or at < len(text)
    return tuple(maps)


_I8, _I16 = Number(0, 8), Number(0, 16)
_TLV = ("{class=", _I16, ",type=", _I8, ",len=", _I8, "}->tun_metadata", _I16)


@command("ct-flush-zone", "SWITCH ZONE")
def ct_flush_zone(given: Given, switch: str, zone: str) -> None:
    """Forget the connections of a zone."""
    _commit(given, switch, CtFlushZone(parse_u16(zone, "zone_id")))


@command("ct-flush", "SWITCH [ZONE] [CT_TUPLE [CT_TUPLE]]")
def ct_flush(given: Given, switch: str, *words: str) -> None:
    """Forget the connections that match."""
    _commit(given, switch, parse_ct_flush(words))


def parse_ct_flush(words: tuple[str, ...]) -> CtFlush:
    """`zone=5 "ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80"`: the zone, the original direction, the reply's."""
    zone = None
    if words and words[0].startswith("zone="):
        found = scan(words[0], _ZONE)
        if found is None:
            raise TextError("Failed to parse zone", words[0])
        ((zone,), _), words = found, words[1:]
    flush, family = CtFlush(zone=zone), ""
    for name, word in zip(("original", "reply"), words[:2], strict=False):
        try:
            ends, proto, family = _parse_tuple(word, flush.ip_proto, family)
        except TextError as error:
            raise TextError(f"Failed to parse ct-tuple: {error}", word) from None
        flush = flush.replace(ip_proto=proto, **{name: ends})
    return flush


_ADDRESSES = {f"ct_{kind}_{end}": (kind, end) for kind in ("nw", "ipv6") for end in ("src", "dst")}
_ZONE = ("zone=", Number(10, 16))
_PORTS = {"ct_tp_src": ("src_port", parse_u16), "ct_tp_dst": ("dst_port", parse_u16)}
_OF_ICMP = {
    "icmp_id": ("icmp_id", parse_u16),
    "icmp_type": ("icmp_type", parse_u8),
    "icmp_code": ("icmp_code", parse_u8),
}


def _parse_tuple(text: str, proto: int, family: str) -> tuple[CtTuple, int, str]:
    """One direction, of `proto` and `family` as far as the other told them; and what both are now."""
    fields: dict[str, int] = {}
    for name, item in key_values(text):
        if not item:
            raise TextError(f"field {name} missing value", name)
        if name in _ADDRESSES:
            kind, end = _ADDRESSES[name]
            if family not in ("", kind):
                raise TextError(f"the L3 protocol does not match {item}", item)
            if fields.get(end):
                raise TextError(f"{name} is set multiple times", name)
            family = kind
            fields[end] = _address(kind, name, item)
        elif name == "ct_nw_proto":
            proto = _number(name, item, parse_u8)
        elif name in _PORTS or (name in _OF_ICMP and proto in (ICMP, ICMPV6)):
            key, parse = _PORTS.get(name) or _OF_ICMP[name]
            fields[key] = _number(name, item, parse)
        else:
            known = name in _OF_ICMP
            raise TextError("invalid L4 fields" if known else f"invalid conntrack tuple field: {name}", name)
    if not proto and any(fields.get(name) for name in ("src_port", "dst_port")):
        raise TextError("port is set without protocol", text)
    return CtTuple(**fields), proto, family


def _number(name: str, text: str, parse: Callable[[str, str], int]) -> int:
    try:
        return parse(text, name)
    except TextError:
        raise TextError(f"failed to parse field {name}", text) from None


def _address(kind: str, name: str, text: str) -> int:
    try:
        return 0xFFFF << 32 | parse_ipv4(text) if kind == "nw" else parse_ipv6(text)
    except TextError:
        raise TextError(f"failed to parse field {name}", text) from None


@command("dump-ipfix-bridge", "SWITCH")
def dump_ipfix_bridge(given: Given, switch: str) -> Iterator[str]:
    """What has been exported of the bridge's packets."""
    return dump(given, switch, IpfixBridgeRequest())


@command("dump-ipfix-flow", "SWITCH")
def dump_ipfix_flow(given: Given, switch: str) -> Iterator[str]:
    """What `sample` actions have exported."""
    return dump(given, switch, IpfixFlowRequest())


def _commit(given: Given, switch: str, message: Message) -> None:
    Channel(switch, Settings(given)).commit(message)
