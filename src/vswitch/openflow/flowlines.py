"""Many flows in text: lines that differ only in numbers and addresses are read by one plan.

A file of flows has many lines, but few shapes.  What a line of a new shape means, flowtext.py says; where its plain
values stand, and what they become, is kept.  The next line of that shape is divided by one regular expression, looked up,
and its values are put in their places: 5 us instead of 30 (bench/flowmods.py).  A line that is not so plain, and every
one that is wrong, takes the long way.

Only values on which nothing else depends are taken so: addresses, ports, registers, priorities, tables, cookies, timeouts.
All else (types, protocols, masks, tags, the actions) is part of the shape.
"""

from __future__ import annotations

import re
from _socket import AF_INET, inet_pton
from collections.abc import Callable
from typing import NamedTuple

from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import FIELDS, IP_PROTO, PACKET_TYPE
from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.check import check_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.flowtext import read_flow_mod
from vswitch.openflow.messages.flow import OFPFC_ADD, OFPTT_ALL, FlowMod
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols
from vswitch.packet.numbers import ICMP, ICMPV6

MAX_SHAPES = 1024  # remembered; further ones take the long way

_SETTINGS = ("priority", "table", "cookie", "idle_timeout", "hard_timeout")
_PORTS = ("tp_src", "tp_dst", "tcp_src", "tcp_dst", "udp_src", "udp_dst", "sctp_src", "sctp_dst")
_NUMBERS = ("metadata", "tun_id", *(f"reg{i}" for i in range(16)), *(f"xreg{i}" for i in range(8)))
_ADDRESSES = ("nw_src", "nw_dst", "ip_src", "ip_dst", "arp_spa", "arp_tpa")
_MACS = ("dl_src", "dl_dst", "eth_src", "eth_dst", "arp_sha", "arp_tha")
# Divides a line into what is part of its shape, the name of a value, and the value, again and again.
_DIVIDE = re.compile(
    rf"(?:(?<=[, ])|\A)({'|'.join((*_SETTINGS, *_PORTS, *_NUMBERS, *_ADDRESSES, *_MACS))})=([0-9a-fA-Fx.:]+)(?=[, ]|\Z)"
)
_TYPED = frozenset((ICMP, ICMPV6))
_NO_VALUE = 0  # a place where no value stands


def _number(text: str) -> int:
    """A number in C's notation, but for octal ones."""
    if text[0] != "0":
        return int(text)
    if text[1:2] == "x":
        return int(text, 16)
    if len(text) > 1:
        raise ValueError
    return 0


def _address(text: str) -> int:
    return int.from_bytes(inet_pton(AF_INET, text), "big")


def _mac(text: str) -> int:
    if len(text) != 17 or text.count(":") != 5 or ":" in text[::3] + text[1::3]:
        raise ValueError
    return int(text.replace(":", ""), 16)


_READERS: dict[str, Callable[[str], int]] = {
    **dict.fromkeys((*_SETTINGS, *_PORTS, *_NUMBERS), _number),
    **dict.fromkeys(_ADDRESSES, _address),
    **dict.fromkeys(_MACS, _mac),
}


class _Plan(NamedTuple):
    """How to read lines of one shape, which the same flow formats can tell."""

    value: int  # of the match, but for what the values say
    mask: Mask
    fields: tuple[
        tuple[int, Callable[[str], int], int, int], ...
    ]  # where the value stands, reader, ones, bit in a Flow
    settings: tuple[int, ...]  # where the values of _SETTINGS stand
    like: FlowMod  # a flow-mod of this shape


class FlowLines:
    """Reads flow-mods; what it learns of one line serves the others.

    `command` is that of all lines, or None if each may begin with its own; `remarks` tells people what there is to say of
    one, and whether there was anything: then it is asked about others of that shape, too.  `usable` are the flow formats
    that can tell all that has been read.
    """

    def __init__(
        self,
        command: int | None = OFPFC_ADD,
        names: Names = NO_NAMES,
        remarks: Callable[[FlowMod], bool] = lambda mod: False,
    ) -> None:
        self.usable: Protocols = ALL_PROTOCOLS
        self._command = command
        self._names = names
        self._remarks = remarks
        self._plans: dict[tuple[str, ...], _Plan | None] = {}

    def parse(self, text: str) -> FlowMod:
        """The flow-mod that `text` means; raises TextError."""
        before, found, after = text.partition("actions=")
        parts = _DIVIDE.split(before)
        shape = (after, *parts[0::3], *parts[1::3])
        plan = self._plans.get(shape)
        if plan is not None:
            mod = self._read(plan, parts)
            return self._parse(text)[0] if mod is None else mod
        mod, told = self._parse(text)
        if found and mod.command == OFPFC_ADD and len(self._plans) < MAX_SHAPES:
            self._plans[shape] = None if told else _plan(parts, mod)
        return mod

    def _parse(self, text: str) -> tuple[FlowMod, bool]:
        """The long way: the flow-mod, and whether there was something to say of it."""
        mod, usable = read_flow_mod(text, self._command, self._names)
        self.usable &= usable
        return mod, self._remarks(mod)

    def _read(self, plan: _Plan, parts: list[str]) -> FlowMod | None:
        """The flow-mod, if all values are such as the plan takes."""
        like, value = plan.like, plan.value
        priority, table, cookie, idle, hard = plan.settings
        try:
            for at, reader, ones, offset in plan.fields:
                number = reader(parts[at])
                if number > ones:
                    return None
                value |= number << offset
            priority = _number(parts[priority]) if priority else like.priority
            table = _number(parts[table]) if table else like.table_id
            cookie = _number(parts[cookie]) if cookie else like.new_cookie or 0
            idle = _number(parts[idle]) if idle else like.idle_timeout
            hard = _number(parts[hard]) if hard else like.hard_timeout
        except (ValueError, OSError):
            return None
        if (priority | idle | hard) >> 16 or table >= OFPTT_ALL or cookie >> 64:
            return None
        actions = like.actions if table == like.table_id else self._checked(like, table)
        if actions is None:
            return None
        kept = like.buffer_id, like.out_port, like.out_group, like.flags, like.importance
        match = Match(Flow(value), plan.mask)
        return FlowMod(OFPFC_ADD, match, actions, priority, table, cookie, 0, 0, idle, hard, *kept)

    def _checked(self, like: FlowMod, table: int) -> tuple[Action, ...] | None:
        """The actions in another table, if they make sense there."""
        try:
            return check_actions(like.actions, like.match, table)
        except OpenFlowError:
            return None


def _plan(parts: list[str], mod: FlowMod) -> _Plan | None:
    """What `parts` have become in `mod`; None: something else than they say."""
    fields, settings, seen = [], dict.fromkeys(_SETTINGS, _NO_VALUE), set()
    value, taken = int(mod.match.value), 0
    for at in range(1, len(parts), 3):
        name = parts[at]
        field = FIELDS.get(name)
        key = name if field is None else field.offset
        if key in seen:
            return None  # said twice: the last counts
        seen.add(key)
        if field is None:
            settings[name] = at + 1
            if name == "table" and mod.table_id == OFPTT_ALL:
                return None  # in every table: more flow formats can tell that
            continue
        if field.mask & taken & ~PACKET_TYPE.mask or (name in _PORTS and IP_PROTO.get(value) in _TYPED):
            return None  # registers in one another; types and codes, on which other fields depend
        taken |= field.mask
        try:
            number = _READERS[name](parts[at + 1])
        except (ValueError, OSError):
            return None
        if field.under(field.ones) & ~mod.match.mask or field.get(mod.match.value) != number:
            return None  # another word has changed it
        value &= ~(field.ones << field.offset)
        fields.append((at + 1, _READERS[name], field.ones, field.offset))
    return _Plan(value, mod.match.mask, tuple(fields), tuple(settings.values()), mod)
