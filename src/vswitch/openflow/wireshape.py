"""Matches on the wire that differ only in addresses, ports and the like: decoded alike, without looking at each entry.

Of the bits of a list of entries, those of values that decide nothing else are *free*; the others, headers, masks and
values like the Ethernet type, are its shape.  Lists of one shape are right or wrong together, and where the free bits
belong in a Flow is the same for all.  So what decoding one list entry by entry has shown is kept for the next, which
takes 1.3 us instead of 5 (bench/openflow.py): tables have many flows, but few shapes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar, cast

from vswitch.base.namedtuple import NamedTuple
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import FIELDS, REG, XREG, XXREG
from vswitch.flow.match import Match

MAX_SHAPES = 1024  # remembered; then all are forgotten, and learned anew
MAX_KINDS = 8  # of sets of free bits in lists of one size, each of which costs a look-up 0.1 us

# Fields on whose values no other entry depends, and all of whose values are valid.
# fmt: off
FREE = frozenset(FIELDS[name] for name in (
    "eth_src", "eth_dst", "ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "tcp_src", "tcp_dst", "udp_src", "udp_dst",
    "sctp_src", "sctp_dst", "arp_spa", "arp_tpa", "arp_sha", "arp_tha", "metadata", "tun_id", "tun_src", "tun_dst",
    "ct_mark", "ct_label", "pkt_mark",
)) | frozenset(REG + XREG + XXREG)
# fmt: on


class Entry(NamedTuple):
    """A valid entry: its field, which bits of it matter, and where its value ends in the list."""

    field: Field
    bits: int
    end: int


class Shape(NamedTuple):
    """How to decode the lists of one shape: the part of the match that is the same, and what moves where."""

    value: int
    mask: Mask
    moves: tuple[tuple[int, int, int], ...]  # bit in the list, ones, bit in a Flow

    def match(self, number: int) -> Match:
        """The match that the list means whose bytes are `number`."""
        value = self.value
        for shift, ones, offset in self.moves:
            value |= (number >> shift & ones) << offset
        return Match(Flow(value), self.mask)


def shape_of(size: int, entries: Iterable[Entry], match: Match) -> tuple[int, Shape]:
    """What decoding a list of `size` bytes has shown, that it means `match`: which of its bits are free, and its shape."""
    free, value = 0, int(match.value)
    moves = []
    for field, bits, end in entries:
        if field in FREE:
            shift = 8 * (size - end)
            free |= bits << shift
            value &= ~(bits << field.offset)
            moves.append((shift, bits, field.offset))
    return free, Shape(value, match.mask, tuple(moves))


S = TypeVar("S")


class Shapes(Generic[S]):
    """The shapes seen, and what is known of each: a look-up asks, by size, each set of free bits that one had."""

    def __init__(self) -> None:
        # size -> bits that are not free -> their values
        self._by_size: dict[int, dict[int, dict[int, S]]] = {}
        self._n_shapes = 0

    def find(self, number: int, size: int) -> S | None:
        """What is known of bytes like these, which are `number`, if such were seen."""
        for fixed, shapes in self._by_size.get(size, _NONE).items():
            shape = shapes.get(number & fixed)
            if shape is not None:
                return cast(S, shape)
        return None

    def learn(self, number: int, size: int, free: int, shape: S) -> None:
        """Keep what is known of all bytes that differ from these in `free` bits only."""
        if self._n_shapes >= MAX_SHAPES:
            self._by_size.clear()
            self._n_shapes = 0
        fixed = (1 << 8 * size) - 1 & ~free
        kinds = self._by_size.setdefault(size, {})
        if fixed not in kinds and len(kinds) >= MAX_KINDS:
            kinds.clear()
        kinds.setdefault(fixed, {})[number & fixed] = shape
        self._n_shapes += 1


_NONE: dict[int, dict[int, Any]] = {}
