"""Many flows in text: lines that differ only in numbers and addresses are read by one plan.

A file of flows has many lines, but few shapes.  What a line of a new shape means, flowtext.py says; where its plain
values stand, and what they become, is kept.  The next line of that shape takes one regular expression and one `struct`:
2 us instead of 30 (bench/openflow.py).  It is kept as its kind and the bytes of its values, from which flowbytes.py makes
messages; a FlowMod is made when somebody asks for one.  A line that is not so plain, and every one that is wrong, takes
the long way.

Only values on which nothing else depends are taken so: addresses, ports, registers, priorities, tables, cookies, timeouts.
All else (types, protocols, masks) is part of the shape; a kind is a shape with one list of actions, in one table.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.field import Flow
from vswitch.flow.fields import FIELDS, IP_PROTO, PACKET_TYPE, VLAN_PRESENT
from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action
from vswitch.openflow.flowtext import read_flow_mod
from vswitch.openflow.messages.flow import OFPFC_ADD, FlowMod
from vswitch.openflow.names import NO_NAMES, OFPTT_ALL, Names
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols
from vswitch.packet.numbers import ICMP, ICMPV6

MAX_SHAPES = 1024  # remembered; further ones take the long way
MAX_KINDS = 4096
MAX_ALIKE = 8  # shapes that look the same without digits, each of which is tried

_SETTINGS = ("priority", "table", "cookie", "idle_timeout", "hard_timeout")
_PORTS = ("tp_src", "tp_dst", "tcp_src", "tcp_dst", "udp_src", "udp_dst", "sctp_src", "sctp_dst")
_NUMBERS = ("metadata", "tun_id", *(f"reg{i}" for i in range(16)), *(f"xreg{i}" for i in range(8)))
_ADDRESSES = ("nw_src", "nw_dst", "ip_src", "ip_dst", "arp_spa", "arp_tpa")
_MACS = ("dl_src", "dl_dst", "eth_src", "eth_dst", "arp_sha", "arp_tha")
_OTHERS = ("in_port", "dl_vlan")
_NAMES = (*_SETTINGS, *_PORTS, *_NUMBERS, *_ADDRESSES, *_MACS, *_OTHERS)
_CHANGING = b"0123456789abcdefABCDEFx.:/"  # a line without these characters tells its likely shapes
_TYPED = frozenset((ICMP, ICMPV6))
_RESERVED = 0xFF00  # ports from here on have names
_OCTET = "([0-9]{1,3})"
_SIZES = {
    "table": 1,
    "cookie": 8,
    "metadata": 8,
    "tun_id": 8,
    "priority": 2,
    "idle_timeout": 2,
    "hard_timeout": 2,
}


class _Place(NamedTuple):
    """A value of a shape: how it is read, and what becomes of it."""

    name: str
    pattern: str  # with a group for each number of `code`
    readers: tuple[Callable[[str], int | bytes], ...]
    code: str  # of struct, for what the groups say
    size: int  # bytes
    offset: int  # of its lowest bit in a Flow; -1: a setting
    low: int  # the least value

    @property
    def bits(self) -> int:
        """Those of a Flow that it decides."""
        return (2 * self.low or 1 << 8 * self.size) - 1 << self.offset if self.offset >= 0 else 0


@lru_cache
def _divider() -> re.Pattern[str]:
    """Divides a line into what is part of its shape, the name of a value, and the value, again and again."""
    value = "[0-9a-fA-Fx.:]+(?:/(?:8|16|24))?"
    return re.compile(rf"(?:(?<=[, ])|\A)({'|'.join(_NAMES)})=({value})(?=[, ]|\Z)")


def _outline(text: str) -> bytes:
    """What is left of a line without its values: lines of one shape have the same."""
    return text.encode("utf-8", "surrogateescape").translate(None, _CHANGING)


def _hexadecimal(text: str) -> int:
    return int(text, 16)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _port(text: str) -> int:
    number = int(text)
    if number >= _RESERVED:
        raise ValueError
    return number


def _vlan(text: str) -> int:
    number = int(text)
    if number >= VLAN_PRESENT:
        raise ValueError
    return number | VLAN_PRESENT


def _place(name: str, text: str) -> _Place | None:
    """How to read values like `text`; None: as a part of the shape."""
    if "/" in text and name not in _ADDRESSES:
        return None
    field = FIELDS.get(name)
    offset = -1 if field is None else field.offset
    if name in _ADDRESSES:
        address, _, prefix = text.partition("/")
        n_octets = int(prefix or 32) // 8
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", address):
            return None
        pattern = r"\.".join([_OCTET] * n_octets + ["0"] * (4 - n_octets)) + (prefix and f"/{prefix}")
        code = "B" * n_octets
        return _Place(name, pattern, (int,) * n_octets, code, n_octets, offset + 32 - 8 * n_octets, 0)
    if name in _MACS:
        return _Place(name, "((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})", (_mac,), "6s", 6, offset, 0)
    decimal = "(0|[1-9][0-9]{0,19})"
    if name == "in_port":
        return _Place(name, decimal, (_port,), "H", 2, offset, 0)
    if name == "dl_vlan":
        return _Place(name, decimal, (_vlan,), "H", 2, offset, VLAN_PRESENT)
    size = _SIZES.get(name) or (field.size if field else 0)
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
    if text.startswith("0x"):
        return _Place(name, "0x([0-9a-fA-F]{1,16})", (_hexadecimal,), code, size, offset, 0)
    return _Place(name, decimal, (int,), code, size, offset, 0)


class _Shape:
    """What lines have in common that differ in values only: how to read them, and the kinds of flows that they are."""

    def __init__(self, parts: list[str], places: list[_Place], match: Match) -> None:
        pattern = re.escape(parts[0])
        for place, after in zip(places, parts[3::3], strict=True):
            pattern += f"{place.name}={place.pattern}{re.escape(after)}"
        self.match = re.compile(pattern).fullmatch
        self.places = places
        self.table_at = self._group_of("table")
        self.kinds: dict[tuple[str, str], FlowKind] = {}
        readers = [reader for place in places for reader in place.readers]
        self._readers = None if all(reader is int for reader in readers) else readers
        self._struct = struct.Struct("!" + "".join(place.code for place in places))
        self.rest = int(match.value)
        for place in places:
            self.rest &= ~place.bits
        self.mask = match.mask

    def _group_of(self, name: str) -> int | None:
        at = 0
        for place in self.places:
            if place.name == name:
                return at
            at += len(place.readers)
        return None

    def values(self, groups: tuple[str, ...]) -> bytes:
        """The values of a line as bytes; ValueError and struct.error: it is not so plain."""
        if self._readers is None:
            return self._struct.pack(*map(int, groups))
        return self._struct.pack(*[read(text) for read, text in zip(self._readers, groups, strict=True)])


class FlowKind:
    """What lines of one shape have in common that say the same actions, in the same table."""

    __slots__ = ("_like", "_shape")

    def __init__(self, shape: _Shape, like: FlowMod) -> None:
        self._shape = shape
        self._like = like

    @property
    def actions(self) -> tuple[Action, ...]:
        """What all do."""
        return self._like.actions

    def places(self) -> Iterator[tuple[int, bytes]]:
        """The sizes of the values, in their order, and the least that each can be."""
        return ((place.size, place.low.to_bytes(place.size, "big")) for place in self._shape.places)

    def flow_mod(self, values: bytes) -> FlowMod:
        """The flow-mod with these values."""
        like, at = self._like, 0
        value: int = self._shape.rest
        settings = {
            "priority": like.priority,
            "table": like.table_id,
            "cookie": like.new_cookie or 0,
            "idle_timeout": like.idle_timeout,
            "hard_timeout": like.hard_timeout,
        }
        for name, _, _, _, size, offset, _ in self._shape.places:
            number = int.from_bytes(values[at : at + size], "big")
            at += size
            if offset < 0:
                settings[name] = number
            else:
                value |= number << offset
        priority, table, cookie, idle, hard = settings.values()
        kept = like.buffer_id, like.out_port, like.out_group, like.flags, like.importance
        match = Match(Flow(value), self._shape.mask)
        return FlowMod(OFPFC_ADD, match, like.actions, priority, table, cookie, 0, 0, idle, hard, *kept)


FlowLine = FlowMod | tuple[FlowKind, bytes]  # what a line says: all of it, or its kind and its values


def flow_mod(line: FlowLine) -> FlowMod:
    """The flow-mod that a line means."""
    return line if isinstance(line, FlowMod) else line[0].flow_mod(line[1])


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
        self._shapes: dict[bytes, list[_Shape]] = {}  # by what is left of a line without values
        self._seen: set[tuple[str, ...]] = set()  # shapes of one line: who has but one is not worth a plan
        self._n_kinds = 0

    def read(self, text: str) -> FlowLine:
        """What `text` means; raises TextError."""
        before, has_actions, actions = text.partition("actions=")
        if not has_actions:
            return self._parse(text)[0]
        for shape in self._shapes.get(_outline(before), ()):
            found = shape.match(before)
            if found is None:
                continue
            groups = found.groups()
            try:
                values = shape.values(groups)
            except (ValueError, struct.error):
                break
            table_at = shape.table_at
            key = actions, "" if table_at is None else groups[table_at]
            kind = shape.kinds.get(key)
            return (kind, values) if kind is not None else self._learn_kind(shape, key, values, text)
        return self._learn_shape(text, before)

    def _parse(self, text: str) -> tuple[FlowMod, bool]:
        """The long way: the flow-mod, and whether others like it are worth remembering."""
        mod, usable = read_flow_mod(text, self._command, self._names)
        self.usable &= usable
        told = self._remarks(mod)
        return mod, mod.command == OFPFC_ADD and not told

    def _learn_kind(self, shape: _Shape, key: tuple[str, str], values: bytes, text: str) -> FlowMod:
        """What a line of a known shape means, and all of its kind."""
        mod, is_plain = self._parse(text)
        # In every table: more flow formats can tell that.
        if is_plain and self._n_kinds < MAX_KINDS and not (key[1] and mod.table_id == OFPTT_ALL):
            kind = FlowKind(shape, mod)
            if kind.flow_mod(values) == mod:
                shape.kinds[key] = kind
                self._n_kinds += 1
        return mod

    def _learn_shape(self, text: str, before: str) -> FlowMod:
        """What a line means, and from the second of its shape on, how to read others."""
        mod, is_plain = self._parse(text)
        parts = _divider().split(before)
        literal = (*parts[0::3], *parts[1::3])
        if literal not in self._seen:
            if len(self._seen) < MAX_SHAPES:
                self._seen.add(literal)
        elif is_plain:
            alike = self._shapes.setdefault(_outline(before), [])
            shape = _shape(parts, mod) if len(alike) < MAX_ALIKE else None
            if shape is not None and shape.match(before):
                alike.append(shape)
        return mod


def _shape(parts: list[str], mod: FlowMod) -> _Shape | None:
    """The shape of a line with these parts; None: the flow-mod has something else than they say."""
    places: list[_Place] = []
    seen: set[str | int] = set()
    value, taken = int(mod.match.value), 0
    for index in range(1, len(parts), 3):
        name, text = parts[index : index + 2]
        field = FIELDS.get(name)
        key = name if field is None else field.offset
        if key in seen:
            return None  # said twice: the last counts
        seen.add(key)
        place = _place(name, text)
        if place is None or place.bits & ~mod.match.mask:
            return None
        places.append(place)
        if field is None:
            continue
        if field.mask & taken & ~PACKET_TYPE.mask or (name in _PORTS and IP_PROTO.get(value) in _TYPED):
            return None  # registers in one another; types and codes, on which other fields depend
        taken |= field.mask
    return _Shape(parts, places, mod.match)
