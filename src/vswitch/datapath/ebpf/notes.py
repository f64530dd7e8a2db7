"""What a next daemon has to know to take over, as text in a pinned map.

A note has a kind and a number.  Notes are JSON, so that `bpftool map dump` shows what is there; long ones are in
several parts.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from vswitch.base import lightjson
from vswitch.base.dataclass import fields
from vswitch.datapath.ebpf.maps import NOTE_SIZE
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
from vswitch.linux.bpf import BpfMap

_KEY = struct.Struct("=III")


class Kind(IntEnum):
    """What a note is about."""

    FORMAT = 0  # of everything that is pinned
    PORT = 1
    MASK = 2
    SUBTABLE = 3
    LIST = 4  # of actions
    SHAPE = 5


class Notes:
    """The notes in a map."""

    def __init__(self, map: BpfMap) -> None:
        self._map = map

    def write(self, kind: Kind, id: int, content: Any) -> None:
        """Write a note that is not there yet."""
        text = lightjson.encode(content).encode()
        for part, at in enumerate(range(0, len(text), NOTE_SIZE)):
            self._map.update(_KEY.pack(kind, id, part), text[at : at + NOTE_SIZE].ljust(NOTE_SIZE))

    def erase(self, kind: Kind, id: int) -> None:
        """Erase a note."""
        part = 0
        while self._map.delete(_KEY.pack(kind, id, part)):
            part += 1

    def read(self) -> dict[Kind, dict[int, Any]]:
        """All notes."""
        texts: dict[tuple[int, int], list[tuple[int, bytes]]] = defaultdict(list)
        for key, value in self._map.items():
            kind, id, part = _KEY.unpack(key)
            texts[kind, id].append((part, value))
        notes: dict[Kind, dict[int, Any]] = {kind: {} for kind in Kind}
        for (kind, id), parts in texts.items():
            text = b"".join([value for _, value in sorted(parts)]).decode()
            notes[Kind(kind)][id] = lightjson.decode(text)
        return notes


_ACTIONS: dict[str, type[DatapathAction]] = {
    cls.__name__: cls for cls in (Output, Trunc, PushVlan, PopVlan, Set, Userspace)
}
_COOKIES: dict[str, type[SlowPath] | type[ToController]] = {
    cls.__name__: cls for cls in (SlowPath, ToController)
}


def describe_actions(actions: Sequence[DatapathAction]) -> list[Any]:
    """An action list, as a note."""
    return [_describe(action) for action in actions]


def _describe(value: DatapathAction | Cookie) -> list[Any]:
    return [type(value).__name__, *(_simple(getattr(value, field.name)) for field in fields(value))]


def _simple(value: Any) -> Any:
    match value:
        case SlowPath() | ToController():
            return _describe(value)
        case bytes():
            return {"bytes": value.hex()}
        case int() if value >= 1 << 63:
            return {"int": f"{value:x}"}  # JSON numbers of that size do not survive everywhere
        case _:
            return value


def read_actions(note: Sequence[Any]) -> tuple[DatapathAction, ...]:
    """The action list that a note describes."""
    return tuple(_ACTIONS[name](*map(_value, values)) for name, *values in note)


def _value(simple: Any) -> Any:
    match simple:
        case {"bytes": text}:
            return bytes.fromhex(text)
        case {"int": text}:
            return int(text, 16)
        case [name, *values]:
            return _COOKIES[name](*map(_value, values))
        case _:
            return simple
