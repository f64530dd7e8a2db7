"""Flows that a file and a switch have in common, found by their bytes.

Most flows of a file are in the switch as they are.  So lines are brought into the form in which the switch tells its
flows, and what is equal then needs no Match and no FlowStats: for 100,000 flows, 0.7 s of CPU instead of 1.8
(bench/flowmods.py, diff-flows).  What is not is for comparison.py, which looks at what the bytes mean.

Sources: as for openflow/messages/flowstats.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat

from vswitch.base.memo import by_identity
from vswitch.base.namedtuple import NamedTuple
from vswitch.cli.ofctl.dumperrors import no_flows, unreadable
from vswitch.openflow.actions.base import Action
from vswitch.openflow.codec import padded
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.flowbytes import FlowEncoder
from vswitch.openflow.flowlines import FlowLine
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions
from vswitch.openflow.message import HEADER, find
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.version import OF10, OF12, OF14, OF15
from vswitch.openflow.wirematch import decode_match, decode_nxm_at, encode_match, encode_nxm

_SIZES = struct.Struct("!H16xH").unpack_from  # of the flow and, in Nicira's form, of its match
_MATCH_SIZE = struct.Struct("!2xH").unpack_from  # in the others
_HEAD_SIZE = 48
_REST = struct.Struct("!HHQH")  # what a flow has besides what it is: table, priority and match


Rank = tuple[int, int]  # a table, and a priority, negative: the highest comes first


class Dump(NamedTuple):
    """The flows of a switch, as it tells them in a version of OpenFlow."""

    version: int
    replies: Iterator[bytes]


class _Wanted(NamedTuple):
    """A flow of a file: what it has besides what it is, and its line."""

    rest: bytes
    actions: tuple[Action, ...]
    line: FlowLine


_LISTS: dict[tuple[Action, ...], tuple[Action, ...]] = {}


@by_identity
def interned(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Of equal lists always the same, so that comparing them takes no time."""
    return _LISTS.setdefault(actions, actions)


class Differing(NamedTuple):
    """What a file and a switch do not have in common, by its bytes."""

    unseen: list[FlowLine]  # not in the switch, unless in other bytes
    changed: dict[
        Rank, list[FlowLine]
    ]  # in the switch with something else; of lines about one flow, the last
    others: list[FlowStats]  # not in the file, unless in other bytes
    changes: list[FlowStats]  # what the switch has instead of `changed`, if that was asked for


def differing(lines: list[FlowLine], dump: Dump, *, with_changes: bool = True) -> Differing:
    """What the file and the switch do not have in common."""
    known, unknown = _known(lines, dump.version)
    actions: dict[bytes, tuple[Action, ...]] = {}
    decode_actions = (
        decode_flow_actions if dump.version == OF10 else partial(decode_instructions, dump.version)
    )
    seen: dict[bytes, bool] = {}  # whether it is the same
    others: list[FlowStats] = []
    changes: dict[bytes, FlowStats] = {}
    try:
        for reply in dump.replies:
            decode, at, has_places = _entries(reply)
            while at < len(reply):
                found = _entry(reply, at, dump.version) if has_places else None
                wanted = known.get(found[0]) if found is not None else None
                if found is None or wanted is None:
                    flow, at = decode(reply, at)
                    others.append(flow)
                    continue
                key, rest, last, after = found
                if last not in actions:
                    actions[last] = interned(decode_actions(last))
                seen[key] = wanted.rest == rest and actions[last] is wanted.actions
                if with_changes:
                    changes.pop(key, None)
                    if not seen[key]:
                        changes[key] = decode(reply, at)[0]
                at = after
    except OpenFlowError as error:
        raise unreadable(error) from None
    unseen = [wanted.line for key, wanted in known.items() if key not in seen]
    changed: dict[Rank, list[FlowLine]] = {}
    for key, is_same in seen.items():
        if not is_same:
            rank = key[0], -int.from_bytes(key[1:3], "big")
            changed.setdefault(rank, []).append(known[key].line)
    return Differing([*unseen, *unknown], changed, others, [*changes.values()])


def _known(lines: list[FlowLine], version: int) -> tuple[dict[bytes, _Wanted], list[FlowLine]]:
    """The flows of a file by what they are, as bytes; and the lines of which the bytes do not tell all."""
    known: dict[bytes, _Wanted] = {}
    others: list[FlowLine] = []
    size = _REST.size
    encoder = FlowEncoder(nicira_bytes if version == OF10 else partial(oxm_bytes, version))
    for line, data in zip(lines, encoder.each(lines, repeat(0)), strict=False):
        if data:
            actions = line.actions if isinstance(line, FlowMod) else line[0].actions
            known[data[size:]] = _Wanted(data[:size], interned(actions), line)
        else:
            others.append(line)
    return known, others


def nicira_bytes(mod: FlowMod, _: int) -> bytes:
    """What a switch will tell of the flow, counters aside: what it has, then what it is; nothing if that is not all."""
    match = encode_nxm(mod.match)
    told = padded(match)
    return _bytes(mod, told) if decode_nxm_at(told, 0, len(match))[0] == mod.match else b""


def oxm_bytes(version: int, mod: FlowMod, _: int) -> bytes:
    """The same in later versions of OpenFlow."""
    told = encode_match(version, mod.match)
    return _bytes(mod, told) if decode_match(version, told, 0)[0] == mod.match else b""


def _bytes(mod: FlowMod, match: bytes) -> bytes:
    table = 0 if mod.table_id == OFPTT_ALL else mod.table_id
    rest = _REST.pack(mod.idle_timeout, mod.hard_timeout, mod.new_cookie or 0, mod.importance)
    return rest + table.to_bytes(1, "big") + mod.priority.to_bytes(2, "big") + match


def _entries(reply: bytes) -> tuple[Callable[[bytes, int], tuple[FlowStats, int]], int, bool]:
    """How to decode the flows in a reply, where they begin, and whether all is where `_entry` looks for it."""
    version, type, _, _ = HEADER.unpack_from(reply)
    kind, form, start, _ = find(version, type, reply)
    form.check(len(reply), start)
    if kind is not FlowStatsReply:
        raise no_flows(reply)
    has_places = form.kind == "NXST" if version == OF10 else OF12 <= version < OF15
    return FlowStats.decoder(form, version), start, has_places


def _entry(data: bytes, at: int, version: int) -> tuple[bytes, bytes, bytes, int] | None:
    """What a flow is, what it has, its actions, and where it ends; None: its sizes make no sense."""
    size, length = _SIZES(data, at)
    start, after = at + _HEAD_SIZE, at + size
    if version != OF10:
        (length,) = _MATCH_SIZE(data, start)
    middle = start + (length + 7 & -8)
    if not middle <= after <= len(data):
        return None
    importance = data[at + 20 : at + 22] if version >= OF14 else b"\0\0"
    rest = data[at + 14 : at + 18] + data[at + 24 : at + 32] + importance
    return (
        data[at + 2 : at + 3] + data[at + 12 : at + 14] + data[start:middle],
        rest,
        data[middle:after],
        after,
    )
