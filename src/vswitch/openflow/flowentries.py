"""Entries of flow statistics on their way out, of which a dump has as many as the switch has rules.

Match, padding and actions are one number, in which a few bits differ from flow to flow as long as mask and actions are
the same; and flows with one mask come one after the other.  2 us for an entry (bench/openflow.py).

Sources: as for messages/flowstats.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action, encode_actions
from vswitch.openflow.instructions import encode_instructions
from vswitch.openflow.match11 import encode_match11
from vswitch.openflow.oxs import encode_stats
from vswitch.openflow.version import OF10, OF11, OF13, OF14, OF15
from vswitch.openflow.wirematch import NXM, Plan, encode_match, encode_match10, kind_of, plan_for

STATS10_HEAD = struct.Struct("!HBx")
STATS10 = struct.Struct("!IIHHH6xQQQ")  # after head and match
STATS11 = struct.Struct("!HBxIIHHHHH2xQQQ")
STATS15 = struct.Struct("!H2xBxHHHHHQ")
STATS_NX = struct.Struct("!HBxIIHHHHHHQQQ")
_OFPFF_ALL = 0x1F

# A flow as the fields of FlowStats (messages/flowstats.py), in their order.
Row = tuple[
    Match, tuple[Action, ...], int, int, int, int, int, int, int, int, int, int | None, int | None, int, int
]


def encode_entries(nicira: bool, version: int, rows: Iterable[Row]) -> Iterator[bytes]:
    """The entries for `rows`, each of which begins with its length; `nicira`: in NXST_FLOW's form."""
    if nicira:
        return _encode_nx(rows)
    if version == OF10:
        return _encode10(rows)
    return _encode15(rows) if version >= OF15 else _encode11(version, rows)


class _Rest:
    """What follows the counters of an entry: a match in NXM or OXM, padded, and actions."""

    def __init__(self, version: int, encode: Callable[[tuple[Action, ...]], bytes]) -> None:
        self.match_size = 0  # of the last one, without padding
        self._version = version
        self._encode = encode
        self._mask: int | None = None
        self._kind = 0
        self._actions: tuple[Action, ...] = ()
        self._plan = Plan(0, 0, ())

    def encode(self, match: Match, actions: tuple[Action, ...]) -> bytes:
        """The bytes of both."""
        value = match.value
        kind = kind_of(value)
        if match.mask != self._mask or actions is not self._actions or kind != self._kind:
            self._begin(match, kind, actions)
        number, size, moves = self._plan
        for offset, ones, shift in moves:
            number |= (value >> offset & ones) << shift
        return number.to_bytes(size, "big")

    def _begin(self, match: Match, kind: int, actions: tuple[Action, ...]) -> None:
        self._mask, self._kind, self._actions = match.mask, kind, actions
        number, size, moves = plan_for(match.mask, kind, self._version, self._version != NXM)
        self.match_size = size
        tail = bytes(-size % 8) + self._encode(actions)
        n_bits = 8 * len(tail)
        self._plan = Plan(
            number << n_bits | int.from_bytes(tail, "big"),
            size + len(tail),
            tuple((offset, ones, shift + n_bits) for offset, ones, shift in moves),
        )


def _encode_nx(rows: Iterable[Row]) -> Iterator[bytes]:
    rest = _Rest(NXM, lambda actions: encode_actions(OF10, actions))
    encode, pack, head_size = rest.encode, STATS_NX.pack, STATS_NX.size
    for row in rows:
        (
            match,
            actions,
            priority,
            table,
            cookie,
            sec,
            nsec,
            idle,
            hard,
            packets,
            n_bytes,
            used,
            changed,
            _,
            _,
        ) = row
        tail = encode(match, actions)
        head = pack(
            head_size + len(tail),
            table,
            sec,
            nsec,
            priority,
            idle,
            hard,
            rest.match_size,
            0 if used is None else used + 1 if used < 0xFFFF else 0xFFFF,  # 0: unknown
            0 if changed is None else changed + 1 if changed < 0xFFFF else 0xFFFF,
            cookie,
            packets,
            n_bytes,
        )
        yield head + tail


def _encode10(rows: Iterable[Row]) -> Iterator[bytes]:
    for match, actions, priority, table, cookie, sec, nsec, idle, hard, packets, n_bytes, *_ in rows:
        fixed = STATS10.pack(sec, nsec, priority, idle, hard, cookie, packets, n_bytes)
        tail = encode_match10(match) + fixed + encode_actions(OF10, actions)
        yield STATS10_HEAD.pack(STATS10_HEAD.size + len(tail), table) + tail


def _encode11(version: int, rows: Iterable[Row]) -> Iterator[bytes]:
    rest = _Rest(version, lambda actions: encode_instructions(version, actions))
    encode, pack, head_size = rest.encode, STATS11.pack, STATS11.size
    kept, has_importance, is_oldest = _OFPFF_ALL if version >= OF13 else 0, version >= OF14, version == OF11
    for row in rows:
        (
            match,
            actions,
            priority,
            table,
            cookie,
            sec,
            nsec,
            idle,
            hard,
            packets,
            n_bytes,
            _,
            _,
            flags,
            importance,
        ) = row
        tail = (
            encode_match11(match) + encode_instructions(version, actions)
            if is_oldest
            else encode(match, actions)
        )
        size = head_size + len(tail)
        importance = importance if has_importance else 0
        head = pack(
            size, table, sec, nsec, priority, idle, hard, flags & kept, importance, cookie, packets, n_bytes
        )
        yield head + tail


def _encode15(rows: Iterable[Row]) -> Iterator[bytes]:
    """The counters are a list between match and actions."""
    for row in rows:
        (
            match,
            actions,
            priority,
            table,
            cookie,
            sec,
            nsec,
            idle,
            hard,
            packets,
            n_bytes,
            used,
            _,
            flags,
            importance,
        ) = row
        counts = encode_stats(sec, nsec, used, None, packets, n_bytes)
        tail = encode_match(OF15, match) + counts + encode_instructions(OF15, actions)
        head = STATS15.pack(
            STATS15.size + len(tail), table, priority, idle, hard, flags & _OFPFF_ALL, importance, cookie
        )
        yield head + tail
