"""Masks of bits."""

from __future__ import annotations


def ones(bits: int) -> int:
    """The lowest `bits` bits."""
    return (1 << bits) - 1


def prefix_mask(length: int, bits: int) -> int:
    """The mask of the highest `length` of `bits` bits."""
    return ones(length) << (bits - length)


def prefix_length(mask: int, bits: int) -> int | None:
    """The length of the prefix that `mask` of `bits` bits is; None if it is none."""
    rest = mask ^ ones(bits)
    return bits - rest.bit_length() if rest & (rest + 1) == 0 else None
