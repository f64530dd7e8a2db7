"""Flows, masks and the fields that they consist of.

A packet's headers and metadata are one int, a `Flow`, in which every field has its own bits.  A `Mask` has the same
layout; a 1-bit means "this bit matters".  Matching is `flow & mask == value`, whatever the fields are, and an int is
its own hash key: 107 ns for a masked dict look-up in a flow of Open vSwitch's size, against 1440 ns for a tuple of
12 fields.  CPython's ints cost by the highest bit set, so what is matched most often lies lowest (fields.py).

Sources: ovs-fields(7), "Field Properties"; OVS include/openvswitch/meta-flow.h (what a field declares).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NewType

from vswitch.flow.ports import OfPort

Flow = NewType("Flow", int)
Mask = NewType("Mask", int)

PortNames = Mapping[str, OfPort]  # a switch's ports by name


class Text:
    """How values of a kind read in a flow: `10.0.0.0/8`, `+trk-inv`, `0x1/0xff` …

    `parse` takes what follows `name=` and gives value and mask, both in the field's own bits; `format` is its inverse.
    """

    __slots__ = ("format", "name", "parse")

    def __init__(
        self,
        name: str,  # as ovs-fields(7) calls it
        parse: Callable[[Field, str, PortNames], tuple[int, int]],
        format: Callable[[Field, int, int, Mapping[int, str]], str],
    ) -> None:
        self.name = name
        self.parse = parse
        self.format = format


class Prerequisite:
    """What a flow must be for a field to have a meaning: one of `values` under `mask`."""

    __slots__ = ("mask", "name", "values")

    def __init__(self, name: str, mask: Mask = Mask(0), values: frozenset[int] = frozenset({0})) -> None:
        self.name = name  # as ovs-fields(7) calls it
        self.mask = mask
        self.values = values

    def holds(self, flow: int) -> bool:
        """Whether `flow`, a packet's or the value of a match, satisfies this."""
        return flow & self.mask in self.values

    def holds_in(self, value: int, mask: int) -> bool:
        """Whether all packets satisfy this that a match of `value` under `mask` fits."""
        return value & self.mask in self.values


class Layout:
    """Where each slot of a Flow is: slots follow each other without gaps, from the lowest bit."""

    def __init__(self, *slots: tuple[str, int]) -> None:
        """Lay out `slots`, each a name and a number of bits."""
        self.slots: dict[str, tuple[int, int]] = {}  # lowest bit and number of bits
        offset = 0
        for name, bits in slots:
            self.slots[name] = offset, bits
            offset += bits
        self.bits = offset

    def offset(self, slot: str) -> int:
        """The lowest bit of `slot`."""
        return self.slots[slot][0]

    def mask(self, *slots: str) -> Mask:
        """All bits of `slots`."""
        return Mask(sum(((1 << bits) - 1) << offset for offset, bits in (self.slots[slot] for slot in slots)))


class Field:
    """A header or metadata field, at bit `offset` of every Flow and Mask.  Fields may share bits.

    Instances are constants: made once, in fields.py, and compared by identity.  (Plain classes in this module, not
    dataclasses: they are part of the start of every command.)
    """

    # fmt: off
    __slots__ = ("aka", "bits", "codes", "implies", "key", "legacy", "mask", "maskable", "name", "needs", "offset",
                 "ones", "size", "text", "writable")
    # fmt: on

    def __init__(
        self,
        name: str,
        bits: int,  # of `name[]`, the field as a subfield
        text: Text,
        offset: int,
        needs: Prerequisite,
        maskable: bool = False,
        writable: bool = False,
        legacy: str = "--",  # in OpenFlow 1.0 and 1.1 matches: - no, = exactly, / with a prefix, * with any mask
        codes: str = "",  # "NXM_OF_ETH_SRC(2) v1.1, OXM_OF_ETH_SRC(4) OF1.2 v1.7": types, each with its first versions
        key: str = "",  # the part of a datapath's key that it is in: OVS_KEY_ATTR_*, or two of them
        aka: tuple[str, ...] = (),
        size: int = 0,  # bytes on the wire; 0: the smallest usual size for `bits`
        implies: int = 0,  # further bits of a Flow that are 1 when it has the field
        ones: int = 0,  # the bits that a value may have; 0: all of `bits`
        span: int = 0,  # the bits that it takes in a Flow, from `offset`, if more than `ones`
    ) -> None:
        self.name = name
        self.bits = bits
        self.text = text
        self.offset = offset
        self.needs = needs
        self.maskable = maskable
        self.writable = writable
        self.legacy = legacy
        self.codes = codes
        self.key = key
        self.aka = aka
        self.implies = implies
        self.size = size or next(n for n in (1, 2, 4, 6, 8, 16, 124) if 8 * n >= bits)
        self.ones = ones or (1 << bits) - 1
        self.mask = Mask((span or self.ones) << offset | implies)  # all bits of the field

    def get(self, flow: int) -> int:
        """The field's value in a Flow, or which of its bits matter in a Mask."""
        return flow >> self.offset & self.ones

    def put(self, flow: Flow, value: int) -> Flow:
        """`flow` with `value` in this field."""
        return Flow(flow & ~self.mask | value << self.offset | self.implies)

    def under(self, mask: int) -> Mask:
        """The Mask that looks at the bits `mask` of the field."""
        if mask == self.ones:
            return self.mask
        return Mask(mask << self.offset | self.implies) if mask else Mask(0)

    def __repr__(self) -> str:
        """The name says it."""
        return f"<Field {self.name}>"


class Port16(Field):
    """A port in the 16 bits of OpenFlow 1.0; a Flow has the 32 of OpenFlow 1.1, reserved ports being 0xffffff00 and up."""

    __slots__ = ()

    def put(self, flow: Flow, value: int) -> Flow:
        """`flow` with port `value`, of 16 or 32 bits."""
        if 0xFF00 <= value <= 0xFFFF:
            value |= 0xFFFF0000
        return Flow(flow & ~self.mask | value << self.offset)

    def under(self, mask: int) -> Mask:
        """All or nothing: a port has no parts."""
        return self.mask if mask else Mask(0)
