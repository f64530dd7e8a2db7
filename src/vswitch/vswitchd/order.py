"""The order in which names that have no order are taken.

Ports that are added together and do not ask for a number get one each, in this order; so it decides what the first
of them is called in OpenFlow, and tools that were written beside Open vSwitch count on the numbers.  It is the order of
a chained hash table of names that doubles as it fills.

Sources: the numbers that the peer gives to ports added in one transaction; MurmurHash3 (public domain).
"""

from __future__ import annotations

from collections.abc import Iterable

_WORD = 0xFFFFFFFF


def in_table_order(names: Iterable[str]) -> list[str]:
    """`names` as a hash table that they were put into, one after the other, would list them."""
    buckets: list[list[tuple[int, str]]] = [[]]
    for count, name in enumerate(names, 1):
        entry = hash_name(name), name
        buckets[entry[0] % len(buckets)].insert(0, entry)
        if count // 2 > len(buckets) - 1 and (size := _table_size(count)) > len(buckets):
            buckets = _spread(buckets, size)
    return [name for bucket in buckets for _, name in bucket]


def _spread(buckets: list[list[tuple[int, str]]], size: int) -> list[list[tuple[int, str]]]:
    wider: list[list[tuple[int, str]]] = [[] for _ in range(size)]
    for bucket in buckets:
        for entry in bucket:
            wider[entry[0] % size].insert(0, entry)
    return wider


def _table_size(count: int) -> int:
    """The least power of two above half of `count`, but four at least."""
    return max(4, 1 << (count // 2).bit_length())


def hash_name(name: str, basis: int = 0) -> int:
    """MurmurHash3, 32 bits, of the bytes of `name`; a rest of less than four bytes counts as a word."""
    data = name.encode()
    value = basis
    for i in range(0, len(data), 4):
        value = _mix(value, int.from_bytes(data[i : i + 4], "little"))
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & _WORD
    value = (value ^ value >> 13) * 0xC2B2AE35 & _WORD
    return value ^ value >> 16


def _mix(value: int, word: int) -> int:
    value ^= _rotate(word * 0xCC9E2D51 & _WORD, 15) * 0x1B873593 & _WORD
    return (_rotate(value, 13) * 5 + 0xE6546B64) & _WORD


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD
