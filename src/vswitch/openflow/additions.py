"""Flow-mods that add flows, read many at a time, alone or in a bundle.

A file of flows, or a controller that begins, sends thousands that differ only in addresses, ports, priorities, cookies
and tables.  What the general decoder (messages/flow.py) has shown of one is kept for all of its kind, as wireshape.py
does for matches: the bits that differ are cut out of the message as one number, and no FlowMod is made.  2 us for a
flow instead of 6 (bench/openflow.py).

OpenFlow 1.0, its Nicira form, and OpenFlow 1.2 and later have the same things in the same order, not in the same places:

     +--------+- -+--------+- -+-------+---------+- -+----------+- - - - - - - - - - - +- - - - -+
     | header |   | cookie |   | table | command |   | priority |  match and its size  | actions |
     +--------+- -+--------+- -+-------+---------+- -+----------+- - - - - - - - - - - +- - - - -+

Whatever is unusual, and whatever is wrong, is left to the general decoder: a run of additions ends before it.

Sources: as for messages/flow.py and messages/nested.py.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.field import Flow
from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions
from vswitch.openflow.match10 import entries_of_match10
from vswitch.openflow.message import OFPT_VENDOR, decode
from vswitch.openflow.messages.flow import NO_BUFFER, OFPFF_CHECK_OVERLAP, OFPFF_EMERG, FlowMod
from vswitch.openflow.session import Run
from vswitch.openflow.value import value
from vswitch.openflow.version import OF10, OF11, OF14, Version
from vswitch.openflow.wirematch import entries_of
from vswitch.openflow.wireshape import Entry, Shape, Shapes, shape_of

MAX_RUN = 128  # additions that are read together: half a millisecond
MAX_ACTIONS = 4096  # lists of them that are remembered; then all are forgotten
MAX_SIZE = 0xFFFF - 16  # of a flow-mod in a bundle
N_TABLES = 254  # beyond are a table of the switch's own, and numbers with a meaning of their own
_FLOW_MOD, _BUNDLE_ADD = 14, 34  # message types
_BUNDLE_HEAD = struct.Struct("!BBHII2sH")  # header, bundle, padding, flags
_KEEP_COOKIE = (1 << 64) - 1
_ALL_WILDCARDS_OFF = bytes(3)  # of OpenFlow 1.0's 22 bits: such a flow gets the highest priority


class Addition(NamedTuple):
    """A flow-mod that adds a flow; `kind` has what is not here."""

    kind: FlowMod
    match: Match
    actions: tuple[Action, ...]
    table_id: int
    priority: int
    cookie: int
    data: bytes  # the whole message

    @property
    def message(self) -> FlowMod:
        """What the general decoder makes of it."""
        return self.kind.replace(
            match=self.match,
            actions=self.actions,
            table_id=self.table_id,
            priority=self.priority,
            new_cookie=self.cookie,
        )

    @property
    def xid(self) -> int:
        """Its transaction id."""
        return int.from_bytes(self.data[4:8], "big")


@value
class Additions(Run):
    """Messages that add flows; or, with `bundle`, that put such into the bundle with this number and these flags."""

    additions: tuple[Addition, ...]
    bundle: tuple[int, int] | None = None

    def whole(self, addition: Addition) -> bytes:
        """The message in which `addition` came."""
        if self.bundle is None:
            return addition.data
        number, flags = self.bundle
        length = _BUNDLE_HEAD.size + len(addition.data)
        head = _BUNDLE_HEAD.pack(addition.data[0], _BUNDLE_ADD, length, addition.xid, number, b"", flags)
        return head + addition.data


class _Kind(NamedTuple):
    """What all messages of one kind have in common."""

    shape: Shape
    flow_mod: FlowMod


class _Layout(NamedTuple):
    """Where things are in one form of a flow-mod, in bytes from its beginning."""

    head: struct.Struct  # version, type, length, cookie, table, command, priority
    cookie_at: int
    table_at: int
    priority_at: int
    match_at: int
    size_at: int  # two bytes, the size of the match; 0: it is OpenFlow 1.0's
    entries_at: int  # of the match
    actions_at: int  # without a match
    kinds: Shapes[_Kind]

    def places(self) -> list[tuple[int, int]]:
        """What can differ besides the match: bytes, and where they end."""
        return [(8, self.cookie_at + 8), (1, self.table_at + 1), (2, self.priority_at + 2)]


def _layouts(version: Version) -> dict[int, _Layout]:
    """By message type; OpenFlow 1.0's as it is where the upper byte of the command is a table."""
    if version == OF10:
        head, vendor = struct.Struct("!BBH44xQBB4xH"), struct.Struct("!BBH12xQBB4xH")
        return {
            _FLOW_MOD: _Layout(head, 48, 56, 62, 8, 0, 8, 72, Shapes()),
            OFPT_VENDOR: _Layout(vendor, 16, 24, 30, 48, 40, 48, 48, Shapes()),
        }
    return {_FLOW_MOD: _Layout(struct.Struct("!BBH4xQ8xBB4xH"), 8, 24, 30, 48, 50, 52, 48, Shapes())}


class AdditionReader:
    """Reads additions in one version.  What it has learned from one channel is good for all."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._layouts = _layouts(version)
        self._actions: dict[bytes, tuple[Action, ...]] = {}

    def read(self, data: bytes, at: int) -> tuple[Additions | None, int]:
        """The additions from byte `at` on, whatever their bundle, until one is of another; and where they end."""
        layout = self._layouts.get(data[at + 1])
        if layout is not None:
            found, end = self._read(layout, data, at, b"")
            return (Additions(tuple(found)) if found else None), end
        if data[at + 1] == _BUNDLE_ADD and self._version >= OF14 and len(data) - at >= _BUNDLE_HEAD.size:
            _, _, _, _, bundle, padding, flags = _BUNDLE_HEAD.unpack_from(data, at)
            if not any(padding):
                found, end = self._read(self._layouts[_FLOW_MOD], data, at, data[at + 8 : at + 16])
                return (Additions(tuple(found), (bundle, flags)) if found else None), end
        return None, at

    def _read(self, layout: _Layout, data: bytes, at: int, bundle: bytes) -> tuple[list[Addition], int]:
        """The additions, each in a message of the bundle that begins so, if there is one."""
        found: list[Addition] = []
        version, type, end_of_data, outer = self._version, data[at + 1], len(data), 16 if bundle else 0
        unpack, addition = layout.head.unpack_from, self._addition
        least = max(layout.actions_at, layout.entries_at)  # of a flow-mod
        inner_type, kind_of_outer = _FLOW_MOD if bundle else type, bytes((version, _BUNDLE_ADD))
        while len(found) < MAX_RUN and end_of_data - at >= least + outer:
            start = at + outer
            spoken, kind, length, cookie, table, command, priority = unpack(data, start)
            end = start + length
            if command or kind != inner_type or spoken != version or not least <= length <= MAX_SIZE:
                break
            if end > end_of_data:
                break
            if bundle:  # the header around is of this size, this xid and this bundle
                around = kind_of_outer + (length + outer).to_bytes(2, "big") + data[start + 4 : start + 8]
                if data[at:start] != around + bundle:
                    break
            made = addition(layout, data[start:end], table, priority, cookie)
            if made is None:
                break
            found.append(made)
            at = end
        return found, at

    def _addition(
        self, layout: _Layout, data: bytes, table: int, priority: int, cookie: int
    ) -> Addition | None:
        """What one message adds; None: it is for the general decoder."""
        size_at = layout.size_at
        size = data[size_at] << 8 | data[size_at + 1] if size_at else 0
        middle = layout.actions_at + (size + 7 & ~7)
        if middle > len(data) or table >= N_TABLES or cookie == _KEEP_COOKIE:
            return None
        number = int.from_bytes(data[8:middle], "big")
        actions = self._actions.get(data[middle:])
        known = layout.kinds.find(number, middle)
        if actions is None or known is None:
            try:
                actions = self._learn_actions(data[middle:])
                known = self._learn(layout, data, number, middle) if known is None else known
            except OpenFlowError:
                return None
            if known is None:
                return None
        (bits, mask, moves), flow_mod = known
        for shift, ones, offset in moves:
            bits |= (number >> shift & ones) << offset
        return _new(Addition, (flow_mod, Match(Flow(bits), mask), actions, table, priority, cookie, data))

    def _learn_actions(self, data: bytes) -> tuple[Action, ...]:
        """Decode actions that are not remembered."""
        actions = (
            decode_flow_actions(data) if self._version == OF10 else decode_instructions(self._version, data)
        )
        if len(self._actions) >= MAX_ACTIONS:
            self._actions.clear()
        self._actions[data] = actions
        return actions

    def _learn(self, layout: _Layout, data: bytes, number: int, middle: int) -> _Kind | None:
        """Find out what messages of this kind are; None: nothing for a run."""
        message = decode(data, table_ids=True)[2]
        if not isinstance(message, FlowMod) or message.flags & (OFPFF_CHECK_OVERLAP | OFPFF_EMERG):
            return None
        if message.buffer_id != NO_BUFFER:
            return None
        if layout.size_at:
            size = int.from_bytes(data[layout.size_at : layout.size_at + 2], "big")
            entries = entries_of(data, layout.entries_at, layout.match_at + size)
        elif data[9:12] == _ALL_WILDCARDS_OFF:
            return None
        else:
            at = layout.match_at
            entries = [Entry(field, bits, at + end) for field, bits, end in entries_of_match10(message.match)]
        free, shape = shape_of(middle, entries, message.match)
        for size, end in layout.places():
            free |= (1 << 8 * size) - 1 << 8 * (middle - end)
        kind = _Kind(shape, message.replace(match=Match(), actions=(), table_id=0, priority=0, new_cookie=0))
        layout.kinds.learn(number, middle, free, kind)
        return kind


_new = tuple.__new__  # half the time of a NamedTuple's own


@lru_cache
def run_reader(version: Version) -> AdditionReader | None:
    """The reader for a version; none for OpenFlow 1.1, whose match is a third kind, and hardly spoken."""
    return None if version == OF11 else AdditionReader(version)
