"""Versions of OpenFlow, and how two peers agree on one.

Sources: OpenFlow 1.3.1, 6.3.1 (connection setup) and 7.5.1 (the HELLO version bitmap).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Version(enum.IntEnum):
    """A version of the protocol; its value is the number in the message header."""

    OF10 = 1
    OF11 = 2
    OF12 = 3
    OF13 = 4
    OF14 = 5
    OF15 = 6

    def __str__(self) -> str:
        """As in the output of ovs-ofctl: "OF1.3"."""
        return f"OF1.{self.value - 1}"

    @property
    def long_name(self) -> str:
        """As in `Bridge.protocols` and `ovs-ofctl -O`: "OpenFlow13"."""
        return f"OpenFlow1{self.value - 1}"


OF10, OF11, OF12, OF13, OF14, OF15 = Version
ALL_VERSIONS = frozenset(Version)


def parse_version(text: str) -> Version | None:
    """The version that `text` ("OpenFlow13", "OpenFlow1.3") names, in any case; None if it names none."""
    return _BY_NAME.get(text.lower())


_BY_NAME = {name: version for version in Version for name in (
    version.long_name.lower(), f"openflow1.{version - 1}")}  # fmt: skip


def bitmap(versions: Iterable[int]) -> int:
    """The HELLO bitmap of `versions`: bit N stands for version number N."""
    return sum({1 << version for version in versions})


def from_bitmap(bits: int) -> frozenset[int]:
    """The version numbers in a HELLO bitmap, those that we do not know included."""
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def negotiate(ours: Iterable[int], theirs: Iterable[int]) -> Version | None:
    """The highest version that both sides speak, or None."""
    common = set(ours) & set(theirs)
    return Version(max(common)) if common else None
