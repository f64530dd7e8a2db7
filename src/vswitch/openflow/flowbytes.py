"""Many flows on the wire: messages made of the bytes of a line's values, without a FlowMod.

Messages that tell flows of one kind (flowlines.py) differ only in values and transaction ids, each in its place.  Where
that is, the general encoder shows: what changes in the message when one value changes.  So this knows no layout, and
serves every version, and what is wrapped around flow-mods too, such as a bundle: 0.9 us a message instead of 3
(bench/openflow.py).  Kinds whose values do not stand in messages as they are, and lines that have no kind, are encoded
the general way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any

from vswitch.base.namedtuple import NamedTuple
from vswitch.openflow.flowlines import FlowKind
from vswitch.openflow.message import Message

Encode = Callable[[Any, int], bytes]  # a message and a transaction id
_XID_SIZE = 4


class _Template(NamedTuple):
    """How to make messages of one kind."""

    split: Callable[[bytes], tuple[bytes, ...]]  # the values
    arrange: Callable[
        [tuple[bytes, ...]], tuple[bytes, ...]
    ]  # transaction id, values and constants, as they follow
    constants: tuple[bytes, ...]

    def fill(self, values: bytes, xid: int) -> bytes:
        """The message."""
        return b"".join(self.arrange((xid.to_bytes(_XID_SIZE, "big"), *self.split(values), *self.constants)))


class FlowEncoder:
    """Encodes lines of flows as `encode` does flow-mods; what it learns of one serves the others of its kind."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._templates: dict[FlowKind, _Template | None] = {}

    def messages(self, lines: Iterable[Message | tuple[FlowKind, bytes]], xids: Iterator[int]) -> bytes:
        """The messages of `lines`, one after the other, each with the next transaction id."""
        return b"".join(self.each(lines, xids))

    def each(self, lines: Iterable[Message | tuple[FlowKind, bytes]], xids: Iterator[int]) -> Iterator[bytes]:
        """The same, one at a time."""
        templates = self._templates
        for line in lines:
            xid = next(xids) & 0xFFFFFFFF
            if isinstance(line, Message):
                yield self._encode(line, xid)
                continue
            kind, values = line
            template = templates[kind] if kind in templates else self._learn(kind)
            if template is None:
                yield self._encode(kind.flow_mod(values), xid)
            else:
                yield template.fill(values, xid)

    def _learn(self, kind: FlowKind) -> _Template | None:
        """The template of a kind; None: there can be none."""
        places = list(kind.places())
        low = b"".join([least for _, least in places])
        base = self._encode(kind.flow_mod(low), 0)
        slots = _slots(base, self._encode(kind.flow_mod(low), _every_byte(0, _XID_SIZE)), _XID_SIZE, 0)
        at = 0
        for number, (size, least) in enumerate(places, 1):
            high = _every_byte(int.from_bytes(least, "big"), size).to_bytes(size, "big")
            changed = self._encode(kind.flow_mod(low[:at] + high + low[at + size :]), 0)
            slots += _slots(base, changed, size, number)
            at += size
        template = _template(base, [size for size, _ in places], sorted(slots))
        probe = bytes([byte ^ 2 for byte in low])
        fits = template.fill(probe, 0xFEDCBA98) == self._encode(kind.flow_mod(probe), 0xFEDCBA98)
        self._templates[kind] = template if fits else None
        return self._templates[kind]


class _Slot(NamedTuple):
    """Where a value stands in a message."""

    at: int
    size: int
    number: int  # of the value; 0: the transaction id


def _every_byte(low: int, size: int) -> int:
    """A number that differs from `low` in each of its bytes."""
    return low ^ int.from_bytes(b"\1" * size, "big")


def _slots(base: bytes, changed: bytes, size: int, number: int) -> list[_Slot]:
    """Where the messages differ, as places of `size` bytes: none, or more than one, if it is there so often."""
    differing = [at for at, (one, other) in enumerate(zip(base, changed, strict=False)) if one != other]
    return [_Slot(at, size, number) for at in differing[::size]]


def _template(base: bytes, sizes: list[int], slots: list[_Slot]) -> _Template:
    """The template for messages like `base` with values in `slots`."""
    constants: list[bytes] = []
    order: list[int] = []
    at = 0
    for slot in slots:
        if slot.at > at:
            order.append(1 + len(sizes) + len(constants))
            constants.append(base[at : slot.at])
        order.append(slot.number)
        at = slot.at + slot.size
    for rest in (base[at:], b""):  # two, so that there is more than one thing to arrange
        order.append(1 + len(sizes) + len(constants))
        constants.append(rest)
    split: Any = struct.Struct("".join(f"{size}s" for size in sizes)).unpack
    return _Template(split, itemgetter(*order), tuple(constants))
