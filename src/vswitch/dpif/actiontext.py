"""Reading datapath actions: the inverse of their `str()`.

Sources: ovs-dpctl(8), add-flow; `ovs-appctl dpctl/add-flow` of the peer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from vswitch.base.errors import TextError
from vswitch.base.text import key_values, parse_int
from vswitch.dpif.action import (
    Cookie,
    DatapathAction,
    Output,
    PopVlan,
    PushVlan,
    Set,
    SlowPath,
    ToController,
    Trunc,
    Userspace,
)
from vswitch.dpif.key import ATTRIBUTES
from vswitch.dpif.notation import NumbersByName, parse_port
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT
from vswitch.packet.numbers import ETH_ARP, ETH_IP, ETH_IPV6, ETH_VLAN, ICMP, ICMPV6, SCTP, TCP, UDP


def parse_actions(text: str, ports: NumbersByName | None = None) -> tuple[DatapathAction, ...]:
    """The actions in `text`; ports may be given by the names in `ports`.  `drop` stands alone and is none."""
    if text.strip() in ("", "drop"):
        return ()
    return tuple(_parse_action(word, ports or {}) for word in _split(text))


def _parse_action(word: str, ports: NumbersByName) -> DatapathAction:
    found = re.fullmatch(r"(\w+)(?:\((.*)\))?", word, re.DOTALL)
    if found is None:
        _refuse(word)
    name, inside = found[1], found[2]
    if inside is None:
        return PopVlan() if name == "pop_vlan" else Output(OdpPort(parse_port(name, ports)))
    parse = _PARSERS.get(name) or _refuse(word)
    return parse(inside)


def _parse_trunc(text: str) -> DatapathAction:
    return Trunc(_number(text))


def _parse_push_vlan(text: str) -> DatapathAction:
    members = _members(text, "tpid", "vid", "pcp", "cfi")
    vid, pcp, cfi = members.get("vid", 0), members.get("pcp", 0), members.get("cfi", 1)
    if vid > 0xFFF or pcp > 7 or cfi > 1:
        _refuse(text)
    return PushVlan(pcp << 13 | cfi << 12 | vid, members.get("tpid", ETH_VLAN))


# What a packet must be to have a header: its type and protocol.
_CONTEXT = {
    "ipv4": (ETH_IP, 0), "ipv6": (ETH_IPV6, 0), "arp": (ETH_ARP, 0), "tcp": (ETH_IP, TCP), "tcp_flags": (ETH_IP, TCP),
    "udp": (ETH_IP, UDP), "sctp": (ETH_IP, SCTP), "icmp": (ETH_IP, ICMP), "icmpv6": (ETH_IPV6, ICMPV6), "nd": (ETH_IPV6, ICMPV6),
}  # fmt: skip


def _parse_set(text: str) -> DatapathAction:
    found = re.fullmatch(r"(\w+)\((.*)\)", text)
    if found is None or found[1] not in ATTRIBUTES:
        _refuse(text)
    value, mask = ATTRIBUTES[found[1]].parse(found[2])
    eth_type, ip_proto = _CONTEXT.get(found[1], (0, 0))
    context = eth_type << LAYOUT.offset("eth_type") | ip_proto << LAYOUT.offset("ip_proto")
    return Set(Flow(value & mask | context & ~mask), Mask(mask))


def _parse_userspace(text: str) -> DatapathAction:
    pid, cookie = 0, None
    for name, value in key_values(text):
        match name:
            case "pid":
                pid = _number(value)
            case "slow_path":
                cookie = _parse_slow_path(value)
            case "controller":
                cookie = _parse_controller(value)
            case _:
                _refuse(name)
    if cookie is None:
        _refuse(text)
    return Userspace(cookie, pid)


def _parse_slow_path(text: str) -> Cookie:
    return SlowPath(text)


def _parse_controller(text: str) -> Cookie:
    members = _members(
        text, "reason", "dont_send", "continuation", "recirc_id", "rule_cookie", "controller_id", "max_len"
    )
    return ToController(
        reason=members.get("reason", 0),
        max_len=members.get("max_len", 0),
        controller_id=members.get("controller_id", 0),
        rule_cookie=members.get("rule_cookie", 0),
        table_id=0,
        dont_send=bool(members.get("dont_send", 0)),
        recirc_id=members.get("recirc_id", 0),
        continuation=bool(members.get("continuation", 0)),
    )


_PARSERS: dict[str, Callable[[str], DatapathAction]] = {
    "trunc": _parse_trunc,
    "push_vlan": _parse_push_vlan,
    "set": _parse_set,
    "userspace": _parse_userspace,
}


def _members(text: str, *allowed: str) -> dict[str, int]:
    """The numbers in `name=number,…`."""
    found = {name: _number(value) for name, value in key_values(text)}
    if unknown := found.keys() - set(allowed):
        _refuse(unknown.pop())
    return found


def _number(text: str) -> int:
    try:
        return parse_int(text)
    except (ValueError, IndexError):
        _refuse(text)


def _split(text: str) -> list[str]:
    """The words of `text` between commas outside parentheses."""
    words, nested, start = [], 0, 0
    for i, c in enumerate(text + ","):
        if c == "(":
            nested += 1
        elif c == ")":
            nested -= 1
        elif c in ", \t\n" and not nested:
            words.append(text[start:i])
            start = i + 1
    if nested:
        _refuse(text)
    return [word for word in words if word]


def _refuse(text: str) -> NoReturn:
    raise TextError(f"{text}: not a datapath action", text)
