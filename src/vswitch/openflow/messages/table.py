"""Tables: statistics, configuration, descriptions.

Sources: OpenFlow 1.0, 5.3.5; OpenFlow 1.1, A.3.3 and A.3.5.4; OpenFlow 1.2, A.3.5.4; OpenFlow 1.4, 7.3.4.1 and 7.3.5.18.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from vswitch.openflow.codec import text_from_bytes, text_to_bytes
from vswitch.openflow.errors import INVALID, BadProperty, BadRequest, OpenFlowError
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.properties import Property, encode_others, encode_property, split_properties
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF10, OF11, OF12, OF14

# enum ofp_table_config: what happens to packets that match nothing (until OpenFlow 1.2), and OpenFlow 1.4's flags.
OFPTC11_MISS_CONTROLLER, OFPTC11_MISS_CONTINUE, OFPTC11_MISS_DROP = range(3)
OFPTC11_MISS_MASK = 3
OFPTC14_EVICTION, OFPTC14_VACANCY_EVENTS = 1 << 2, 1 << 3

_STATS10 = struct.Struct("!B3x32sIIIQQ")
_STATS11 = struct.Struct("!B7x32sIIIIIIIIQQ")
_STATS12 = struct.Struct("!B7x32sQQIIQQQQIIIIQQ")
_STATS13 = struct.Struct("!B3xIQQ")


@value
class TableStats(Value):
    """What a table holds and has done.  Versions until OpenFlow 1.2 tell its features here, too, later ones in others."""

    table_id: int
    active_count: int = 0
    lookup_count: int = 0
    matched_count: int = 0
    name: str = ""  # until OpenFlow 1.2
    max_entries: int = 0  # until OpenFlow 1.2
    match: int = 0  # bits of fields: OFPFW10_* as wildcards, OFPFMF11_*, or 1 << OXM field of OpenFlow 1.2
    wildcards: int = 0
    instructions: int = 0  # bits of instruction types: OpenFlow 1.1 and 1.2
    write_actions: int = 0  # bits of action types
    apply_actions: int = 0
    write_setfields: int = 0  # bits of OXM fields: OpenFlow 1.2
    apply_setfields: int = 0
    metadata_match: int = 0
    metadata_write: int = 0
    config: int = 0

    def encode(self, version: int) -> bytes:
        """One of four layouts."""
        name = text_to_bytes(self.name)[:31]
        counts = self.active_count, self.lookup_count, self.matched_count
        if version == OF10:
            return _STATS10.pack(self.table_id, name, self.wildcards, self.max_entries, *counts)
        actions = self.write_actions, self.apply_actions
        limits = self.config, self.max_entries
        if version == OF11:
            bits = self.wildcards, self.match, self.instructions
            return _STATS11.pack(self.table_id, name, *bits, *actions, *limits, *counts)
        if version == OF12:
            setfields = self.write_setfields, self.apply_setfields
            metadata = self.metadata_match, self.metadata_write
            masks = self.match, self.wildcards
            return _STATS12.pack(
                self.table_id,
                name,
                *masks,
                *actions,
                *setfields,
                *metadata,
                self.instructions,
                *limits,
                *counts,
            )
        return _STATS13.pack(self.table_id, *counts)

    @classmethod
    def decode(cls, version: int, fields: tuple[Any, ...]) -> TableStats:
        """From the fields of the version's layout."""
        if version > OF12:
            return cls(*fields)
        table, name_bytes, *rest = fields
        names = _FIELDS[version]
        made = dict(zip(names, rest, strict=True))
        return cls(table_id=table, **made).replace(name=text_from_bytes(name_bytes))


# What follows the name in each layout.
_COUNTS = ("active_count", "lookup_count", "matched_count")
_FIELDS: Mapping[int, tuple[str, ...]] = {
    OF10: ("wildcards", "max_entries", *_COUNTS),
    OF11: (
        "wildcards",
        "match",
        "instructions",
        "write_actions",
        "apply_actions",
        "config",
        "max_entries",
        *_COUNTS,
    ),
    OF12: (
        *("match", "wildcards", "write_actions", "apply_actions", "write_setfields", "apply_setfields"),
        *("metadata_match", "metadata_write", "instructions", "config", "max_entries", *_COUNTS),
    ),
}
_LAYOUTS = {OF10: _STATS10, OF11: _STATS11, OF12: _STATS12}


@message("TABLE", "OFPST 1.0+(3)[0]", "request")
class TableStatsRequest(Multipart):
    """What do your tables hold?"""


@message("TABLE", "OFPST 1.0(3)[0+64], OFPST 1.1(3)[0+88], OFPST 1.2(3)[0+128], OFPST 1.3+(3)[0+24]", "reply")
class TableStatsReply(Multipart):
    """What the tables hold."""

    tables: tuple[TableStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(table.encode(dialect.version) for table in self.tables)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        layout = _LAYOUTS.get(dialect.version, _STATS13)  # type: ignore[call-overload]  # an int asks for a Version
        if len(body) % layout.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(tuple(TableStats.decode(dialect.version, fields) for fields in layout.iter_unpack(body)))


_MOD = struct.Struct("!B3xI")
_VACANCY = struct.Struct("!BBBx")
_PROP_EVICTION, _PROP_VACANCY = 2, 3


@value
class Vacancy(Value):
    """When a table's vacancy is told, in per cent: falling to `down`, rising to `up`; `vacancy` is what it is now."""

    down: int = 0
    up: int = 0
    vacancy: int = 0


@message("TABLE_MOD", "OFPT 1.1-1.3(17)[8], OFPT 1.4+(17)[8+8]")
class TableMod(Message):
    """Configure a table (OFPTC*), or all (OFPTT_ALL)."""

    table_id: int = OFPTT_ALL
    config: int = 0
    eviction_flags: int | None = None  # since OpenFlow 1.4
    vacancy: Vacancy | None = None  # since OpenFlow 1.4

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Properties since OpenFlow 1.4."""
        head = _MOD.pack(self.table_id, self.config)
        return head + (
            _encode_properties(self.eviction_flags, self.vacancy) if dialect.version >= OF14 else b""
        )

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Properties since OpenFlow 1.4."""
        if len(body) < _MOD.size or (len(body) > _MOD.size and dialect.version < OF14):
            raise OpenFlowError(BadRequest.BAD_LEN)
        table, config = _MOD.unpack_from(body)
        eviction, vacancy, _ = _decode_properties(body[_MOD.size :], loose=False)
        return cls(table, config, eviction, vacancy)


def _encode_properties(eviction: int | None, vacancy: Vacancy | None) -> bytes:
    out = b""
    if eviction is not None:
        out += encode_property(_PROP_EVICTION, struct.pack("!I", eviction))
    if vacancy is not None:
        out += encode_property(_PROP_VACANCY, _VACANCY.pack(vacancy.down, vacancy.up, vacancy.vacancy))
    return out


def _decode_properties(data: bytes, loose: bool) -> tuple[int | None, Vacancy | None, tuple[Property, ...]]:
    """Eviction flags, vacancy, and what else there is, which is an error unless `loose`."""
    eviction, vacancy, others = None, None, list[Property]()
    for prop in split_properties(data):
        if prop.type == _PROP_EVICTION:
            eviction = prop.u32()
        elif prop.type == _PROP_VACANCY:
            if len(prop.payload) != _VACANCY.size:
                raise OpenFlowError(BadProperty.BAD_LEN)
            vacancy = Vacancy(*_VACANCY.unpack(prop.payload))
            if not loose:
                _check_vacancy(vacancy)
        elif not loose:
            raise OpenFlowError(BadRequest.BAD_TYPE)
        else:
            others.append(prop)
    return eviction, vacancy, tuple(others)


_MAX_VACANCY = 100  # per cent


def _check_vacancy(vacancy: Vacancy) -> None:
    """Refuse thresholds of a table-mod that make no sense, or a vacancy, which is not for its sender to say."""
    if vacancy.down > vacancy.up:
        why = "Value of vacancy_down is greater than vacancy_up"
    elif vacancy.up > _MAX_VACANCY:
        why = "Vacancy threshold percentage should not be greater than 100"
    elif vacancy.vacancy:
        why = "Vacancy value should be zero for table-mod messages"
    else:
        return
    raise OpenFlowError(BadProperty.BAD_VALUE, why, "ofp_table")


_DESC = struct.Struct("!HBxI")


@value
class TableDesc(Value):
    """How a table is configured."""

    table_id: int
    config: int = 0
    eviction_flags: int | None = None
    vacancy: Vacancy | None = None
    others: tuple[Property, ...] = ()  # properties that have no field here

    def encode(self) -> bytes:
        """Length first."""
        props = _encode_properties(self.eviction_flags, self.vacancy) + encode_others(self.others)
        return _DESC.pack(_DESC.size + len(props), self.table_id, self.config) + props

    @classmethod
    def decode(cls, data: bytes, at: int) -> tuple[TableDesc, int]:
        """The description at byte `at`, and where it ends."""
        if len(data) - at < _DESC.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        size, table, config = _DESC.unpack_from(data, at)
        if size < _DESC.size or size > len(data) - at:
            why = f"OFP14_TABLE_DESC reply claims invalid length {size}"
            raise OpenFlowError(BadRequest.BAD_LEN, why, "ofp_table")
        return cls(
            table, config, *_decode_properties(data[at + _DESC.size : at + size], loose=True)
        ), at + size


@message("TABLE_DESC", "OFPST 1.4+(14)[0]", "request")
class TableDescRequest(Multipart):
    """How are your tables configured?"""


@message("TABLE_DESC", "OFPST 1.4+(14)[8+8]", "reply")
class TableDescReply(Multipart):
    """How the tables are configured."""

    tables: tuple[TableDesc, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(table.encode() for table in self.tables)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, TableDesc.decode, cls)


TABLE_VACANCY_DOWN, TABLE_VACANCY_UP = 3, 4


@message("TABLE_STATUS", "OFPT 1.4+(31)[8+8]")
class TableStatus(Message):
    """A table's vacancy passed a limit."""

    reason: int
    table: TableDesc

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The reason, padding, the table."""
        return self.reason.to_bytes(8, "little") + self.table.encode()

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Exactly one table."""
        if len(body) < 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if body[0] not in (TABLE_VACANCY_DOWN, TABLE_VACANCY_UP):
            raise OpenFlowError(BadProperty.BAD_VALUE)
        if len(body) == 8:
            raise OpenFlowError(INVALID, "no table")
        table, _ = TableDesc.decode(body, 8)
        return cls(body[0], table)
