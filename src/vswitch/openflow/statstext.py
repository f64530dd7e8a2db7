"""Flow statistics, from bytes to lines: flows that differ only in numbers and addresses are printed by one plan.

A dump has many flows, but few shapes of matches and few lists of actions.  What decoding and printing one flow has shown
is kept for all of its shape: a template of the line, and where its values stand in the bytes.  So the next line takes one
`struct` and one `%`, and no Match, no FlowStats: 2.6 us instead of 6.5 (bench/openflow.py, "flow in a dump, print").

Nicira's form and OpenFlow 1.2 to 1.4 have the same things in the same places:

     0      2       3   4      8      12         14     16     18      20       22   24       32       40      48
     +------+-------+---+------+------+----------+------+------+-------+--------+----+--------+--------+-------+- - -+- - - -+
     | size | table |   | sec  | nsec | priority | idle | hard |   in which they differ      | cookie | packets | bytes | match | actions |
     +------+-------+---+------+------+----------+------+------+-------+--------+----+--------+--------+-------+- - -+- - - -+

The other forms, and whatever is unusual or wrong, are left to the general decoder and printer (flowtext.py), which tests
hold this against.

Sources: as for messages/flowstats.py and flowtext.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.match import DEFAULT_PRIORITY, Match, Place, match_form
from vswitch.flow.texts import MAC
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.flowtext import format_duration, format_flags, format_flow_stats
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions
from vswitch.openflow.message import Form
from vswitch.openflow.messages.flow import decode_flags
from vswitch.openflow.messages.flowstats import UNKNOWN_COUNT, FlowStats
from vswitch.openflow.names import Names
from vswitch.openflow.version import OF10, OF13, OF14, OF15
from vswitch.openflow.wirematch import decode_match, decode_nxm_at, entries_of
from vswitch.openflow.wireshape import FREE, Entry, Shapes

MAX_LISTS = 4096  # of actions remembered; then all are forgotten, and learned anew
MAX_LEARNED = (
    1024  # shapes, each of which takes as long as five flows; where there are so many, few flows have one
)
_HEAD = struct.Struct("!HBxIIHHHHHHQQQ").unpack_from
_HEAD_SIZE = 48
_MATCH_HEAD = struct.Struct("!HH").unpack_from
_MATCH_HEAD_SIZE = 4
_OXM = 1  # type of match
_PORTS = frozenset((FIELDS["in_port"], FIELDS["in_port_oxm"]))
_FREE = FREE | _PORTS
_RESERVED = 0xFF00  # ports from here on have names
_MILLI = 1_000_000  # nanoseconds
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
Write = Callable[[Any], object]  # makes a value of a struct one of a template


class _UnusualError(Exception):
    """Something to leave to the general decoder and printer."""


class _Plan(NamedTuple):
    """How to write the matches of one shape."""

    values: Callable[[bytes, int], tuple[Any, ...]]  # in the bytes of a match
    arrange: Callable[[tuple[Any, ...]], tuple[object, ...]] | None  # for the template; None: as they are
    template: str


class FlowPrinter:
    """Prints flow statistics of one form; what it learns of one flow serves the others."""

    def __init__(
        self, form: Form, version: int, names: Names, show_stats: bool = True, show_ages: bool = True
    ) -> None:
        self._version = version
        self._has_plans = form.kind == "NXST" if version == OF10 else version != OF15
        self._names = names
        self._show_stats = show_stats
        self._show_ages = show_ages and show_stats
        self._decode = FlowStats.decoder(form, version)
        self._shapes: Shapes[_Plan] = Shapes()
        self._find = self._shapes.find
        self._n_learned = 0
        self._actions: dict[bytes, str] = {}
        self._tables = [names.format_table(table) for table in range(256)]
        self._tells_first = names.tells_table(0)

    def lines(self, data: bytes, at: int) -> list[str]:
        """The lines of the flows that fill `data` from byte `at` on; raises OpenFlowError."""
        lines: list[str] = []
        end = len(data)
        one = self._planned if self._has_plans else self._general
        while at < end:
            try:
                line, at = one(data, at, end)
            except (_UnusualError, struct.error):
                line, at = self._general(data, at, end)
            lines.append(line)
        return lines

    def _general(self, data: bytes, at: int, end: int) -> tuple[str, int]:
        """The line of any flow, and where it ends."""
        flow, at = self._decode(data, at)
        if not self._show_ages:
            flow = flow.replace(idle_age=None, hard_age=None)
        return f" {format_flow_stats(flow, self._names, self._show_stats)}", at

    def _planned(self, data: bytes, at: int, end: int) -> tuple[str, int]:
        """The same of a flow of known shape, or of one to learn."""
        size, table, sec, nsec, priority, idle, hard, a, b, c, cookie, packets, n_bytes = _HEAD(data, at)
        start, after = at + _HEAD_SIZE, at + size
        if self._version == OF10:
            length, settings = a, ""
            if self._show_ages:  # both are one more than they are
                settings = f"idle_age={b - 1}, " if b else ""
                if c and c - 1 != sec:
                    settings += f"hard_age={c - 1}, "
        else:
            kind, length = _MATCH_HEAD(data, start)
            if kind != _OXM:
                raise _UnusualError
            settings = self._settings(a, b) if a or b else ""
        middle = start + (length + 7 & -8)
        if not start <= middle <= after <= end or after - middle & 7:
            raise _UnusualError
        number = int.from_bytes(data[start : start + length], "big")
        values, arrange, template = self._find(number, length) or self._learn(data, start, length, number)
        match = template % (values(data, start) if arrange is None else arrange(values(data, start)))
        if priority != DEFAULT_PRIORITY:
            match = f"priority={priority},{match} " if match else f"priority={priority} "
        elif match:
            match += " "
        if idle or hard:
            settings = (f"hard_timeout={hard}, " if hard else "") + settings
            settings = (f"idle_timeout={idle}, " if idle else "") + settings
        actions = self._actions.get(data[middle:after]) or self._learn_actions(data[middle:after])
        if not self._show_stats:
            table = f"table={self._tables[table]}, " if table or self._tells_first else ""
            cookie = f"cookie={cookie:#x}, " if cookie else ""
            return f" {cookie}{table}{settings}{match}{actions}", after
        if UNKNOWN_COUNT in (packets, n_bytes):
            packets, n_bytes = ("?" if count == UNKNOWN_COUNT else count for count in (packets, n_bytes))
        duration = format_duration(sec, nsec) if nsec % _MILLI or not nsec else f"{sec}.{nsec // _MILLI:03d}s"
        return (
            f" cookie={cookie:#x}, duration={duration}, table={self._tables[table]}, "
            f"n_packets={packets}, n_bytes={n_bytes}, {settings}{match}{actions}"
        ), after

    def _settings(self, flags: int, importance: int) -> str:
        """What only later versions have."""
        text = format_flags(decode_flags(self._version, -1, flags)) if self._version >= OF13 else ""
        return f"{text}importance={importance}, " if importance and self._version >= OF14 else text

    def _learn(self, data: bytes, start: int, length: int, number: int) -> _Plan:
        """The plan for a match like this one."""
        if self._n_learned >= MAX_LEARNED:
            raise _UnusualError
        self._n_learned += 1
        head = 0 if self._version == OF10 else _MATCH_HEAD_SIZE
        if self._version == OF10:
            match, _ = decode_nxm_at(data, start, length)
        else:
            match, _ = decode_match(self._version, data, start)
        entries = [
            Entry(field, bits, end - start)
            for field, bits, end in entries_of(data, start + head, start + length)
            if field in _FREE
        ]
        try:
            plan = _plan(match, entries, self._names)
        except _UnusualError:
            plan = _NO_PLAN
        free = 0
        for _, bits, end in entries:
            free |= bits << 8 * (length - end)
        self._shapes.learn(number, length, free, plan)
        return plan

    def _learn_actions(self, data: bytes) -> str:
        """The text of a list of actions."""
        actions = (
            decode_flow_actions(data) if self._version == OF10 else decode_instructions(self._version, data)
        )
        if len(self._actions) >= MAX_LISTS:
            self._actions.clear()
        text = self._actions[data] = f"actions={format_actions(actions, self._names)}"
        return text


def _no_values(data: bytes, at: int) -> tuple[Any, ...]:
    raise _UnusualError


_NO_PLAN = _Plan(_no_values, None, "")


class _Spot(NamedTuple):
    """A value in the bytes of a match."""

    at: int
    size: int
    write: Write | None  # None: as `%` does


def _plan(match: Match, entries: Iterable[Entry], names: Names) -> _Plan:
    """How to write matches that differ from `match` only in the values of `entries`; raises _UnusualError."""
    template, places = match_form(match)
    spots: list[_Spot] = []
    specs: list[str] = []
    for place in places:
        found = _spots(place, entries, names)
        spots += found
        if found:
            specs.append("%02x:%02x:%02x:%02x:%02x:%02x" if len(found) == 6 else "%s")
        else:
            write, field, offset, ones, bits = place
            value = match.value >> offset & ones
            text = str(value) if write is None else write(field, value, bits, names.port_names)
            specs.append(text.replace("%", "%%"))
    order = sorted(range(len(spots)), key=lambda index: spots[index].at)
    code, at = "!", 0
    for index in order:
        spot = spots[index]
        if spot.at < at:
            raise _UnusualError
        code += f"{spot.at - at}x{_CODES.get(spot.size, f'{spot.size}s')}"
        at = spot.at + spot.size
    arrange = _arranged([order.index(index) for index in range(len(spots))], [spot.write for spot in spots])
    return _Plan(struct.Struct(code).unpack_from, arrange, template.replace("%%", "%%%%") % tuple(specs))


def _spots(place: Place, entries: Iterable[Entry], names: Names) -> list[_Spot]:
    """Where the value of a place is, if it is free; the six bytes of an Ethernet address are six values."""
    write, field, offset, ones, bits = place
    for entry in entries:
        size, low = entry.field.size, offset - entry.field.offset
        if entry.field in _PORTS and not low:
            return [_Spot(entry.end - size, size, partial(_port, names=names))]
        if not -ones.bit_length() < low < 8 * size:
            continue
        high = low + ones.bit_length()
        if low < 0 or low % 8 or high % 8 or high > 8 * size:
            raise _UnusualError
        at, size = entry.end - high // 8, (high - low) // 8
        if write is None:
            return [_Spot(at, size, None)]
        if write is MAC.format and bits == ones:
            return [_Spot(at + index, 1, None) for index in range(size)]
        return [_Spot(at, size, partial(_written, write, field, bits, names.port_names))]
    return []


def _written(
    write: Callable[..., str], field: Field, bits: int, port_names: Mapping[int, str], value: int | bytes
) -> str:
    return write(field, value if isinstance(value, int) else int.from_bytes(value, "big"), bits, port_names)


def _port(value: int, names: Names) -> str:
    if value >= _RESERVED:
        raise _UnusualError
    return names.format_port(value)


def _arranged(
    order: list[int], writes: list[Write | None]
) -> Callable[[tuple[Any, ...]], tuple[object, ...]] | None:
    """What puts values in order, and writes those that need it; None if there is nothing to do."""
    if any(writes):
        steps = [(index, write or _as_it_is) for index, write in zip(order, writes, strict=True)]
        return lambda values: tuple([write(values[index]) for index, write in steps])
    return itemgetter(*order) if order != sorted(order) else None


def _as_it_is(value: object) -> object:
    return value


@lru_cache(maxsize=16)
def flow_printer(
    form: Form, version: int, names: Names, show_stats: bool = True, show_ages: bool = True
) -> FlowPrinter:
    """The one that prints flow statistics of this form in this way."""
    return FlowPrinter(form, version, names, show_stats, show_ages)
