"""What groups there are, what they have carried, and what groups the switch can make.

Sources: OpenFlow 1.1, A.3.5.6 and 7; OpenFlow 1.2, A.3.5.9; OpenFlow 1.5.1, 7.3.5.9 to 11; OVS nicira-ext.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from vswitch.openflow.codec import U32
from vswitch.openflow.errors import BadRequest, OpenFlowError
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.messages.group import GroupDesc, decode_desc, encode_desc
from vswitch.openflow.names import OFPG_ALL
from vswitch.openflow.value import Value, value, wire
from vswitch.openflow.version import OF10, OF13

UNKNOWN_COUNT = (1 << 64) - 1  # a counter that the switch does not have


@message("GROUP", "OFPST 1.1+(6)[8], NXST 1.0(7)[8]", "request")
class GroupStatsRequest(Multipart):
    """What has the group carried?  OFPG_ALL: each group."""

    group_id: int = wire(U32, 4, default=OFPG_ALL)


@value
class BucketStats(Value):
    """What a bucket has carried."""

    packet_count: int = UNKNOWN_COUNT
    byte_count: int = UNKNOWN_COUNT


@value
class GroupStats(Value):
    """What a group has carried, how old it is, and how many flows and groups refer to it."""

    group_id: int
    ref_count: int = 0
    packet_count: int = UNKNOWN_COUNT
    byte_count: int = UNKNOWN_COUNT
    buckets: tuple[BucketStats, ...] = ()
    duration_sec: int | None = None  # since OpenFlow 1.3, and in Nicira's form
    duration_nsec: int = 0

    def encode(self, version: int) -> bytes:
        """The age is last of the fixed part, in versions that have it."""
        counters = b"".join(_COUNTER.pack(item.packet_count, item.byte_count) for item in self.buckets)
        fixed = self.group_id, self.ref_count, self.packet_count, self.byte_count
        if not _has_age(version):
            return _STATS11.pack(_STATS11.size + len(counters), *fixed) + counters
        age = (_NO_AGE, _NO_AGE) if self.duration_sec is None else (self.duration_sec, self.duration_nsec)
        return _STATS13.pack(_STATS13.size + len(counters), *fixed, *age) + counters

    @classmethod
    def decode(cls, version: int, data: bytes, at: int) -> tuple[GroupStats, int]:
        """The statistics at byte `at`, and where they end."""
        layout = _STATS13 if _has_age(version) else _STATS11
        name = "NXST_GROUP reply reply" if version == OF10 else "OFPST_GROUP reply reply"
        if len(data) - at < layout.size:
            why = f"{name} has {len(data) - at} leftover bytes at end"
            raise OpenFlowError(BadRequest.BAD_LEN, why, "ofp_group")
        size, group, refs, packets, octets, *age = layout.unpack_from(data, at)
        end = at + size - (size - layout.size) % _COUNTER.size  # a part of a counter is none
        if size < layout.size or end > len(data):
            raise OpenFlowError(BadRequest.BAD_LEN, f"{name} claims invalid length {size}", "ofp_group")
        counters = _COUNTER.iter_unpack(data[at + layout.size : end])
        made = cls(group, refs, packets, octets, tuple(BucketStats(*pair) for pair in counters))
        if age and age[0] != _NO_AGE:
            made = made.replace(duration_sec=age[0], duration_nsec=age[1])
        return made, end


_STATS11 = struct.Struct("!H2xII4xQQ")
_STATS13 = struct.Struct("!H2xII4xQQII")
_COUNTER = struct.Struct("!QQ")
_NO_AGE = 0xFFFFFFFF


def _has_age(version: int) -> bool:
    return version == OF10 or version >= OF13


@message("GROUP", "OFPST 1.1+(6)[0+8], NXST 1.0(7)[0+8]", "reply")
class GroupStatsReply(Multipart):
    """What the groups have carried."""

    groups: tuple[GroupStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(group.encode(dialect.version) for group in self.groups)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, partial(GroupStats.decode, dialect.version), cls)


@message("GROUP_DESC", "OFPST 1.1-1.4(7)[0], OFPST 1.5+(7)[8], NXST 1.0(8)[8]", "request")
class GroupDescRequest(Multipart):
    """What groups are there?  One may be asked for since OpenFlow 1.5, and in Nicira's form."""

    group_id: int = OFPG_ALL

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Nothing from OpenFlow 1.1 to 1.4."""
        return struct.pack("!I4x", self.group_id) if form.size else b""

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Nothing from OpenFlow 1.1 to 1.4."""
        if len(body) != form.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(int.from_bytes(body[:4], "big")) if body else cls()


@message("GROUP_DESC", "OFPST 1.1+(7)[0+8], NXST 1.0(8)[0+8]", "reply")
class GroupDescReply(Multipart):
    """The groups."""

    groups: tuple[GroupDesc, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(encode_desc(group, dialect.version) for group in self.groups)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, partial(decode_desc, dialect.version), cls)


@message("GROUP_FEATURES", "OFPST 1.2+(8)[0], NXST 1.0-1.1(9)[0]", "request")
class GroupFeaturesRequest(Multipart):
    """What groups can you make?"""


_FEATURES = struct.Struct("!II4I4I")


@message("GROUP_FEATURES", "OFPST 1.2+(8)[40], NXST 1.0-1.1(9)[40]", "reply")
class GroupFeaturesReply(Multipart):
    """What groups the switch can make: bits of types, of OFPGFC_*, and by type how many, and with which actions."""

    types: int = 0
    capabilities: int = 0
    max_groups: tuple[int, int, int, int] = (0, 0, 0, 0)
    actions: tuple[int, int, int, int] = (0, 0, 0, 0)  # bits of action types, as the version numbers them

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed."""
        return _FEATURES.pack(self.types, self.capabilities, *self.max_groups, *self.actions)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed."""
        if len(body) != _FEATURES.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        types, capabilities, *rest = _FEATURES.unpack(body)
        return cls(types, capabilities, (*rest[:4],), (*rest[4:],))
