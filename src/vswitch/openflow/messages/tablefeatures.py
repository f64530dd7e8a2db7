"""Table features: what each table can match, which instructions and actions it takes, where packets may go from it.

A table says it twice, for flows and, where they differ, for its table-miss flow; and actions twice, for write_actions
and apply_actions.  All but the fixed part is properties, pairs of which differ by 1 in their type: flows, then the miss.

Bits of instructions are 1 << number of OpenFlow 1.1 (OFPIT11_*), of actions 1 << number of OpenFlow 1.1 (OFPAT11_*).

Sources: OpenFlow 1.3, A.3.5.5; OpenFlow 1.5.1, 7.3.5.18; OVS include/openflow/openflow-1.3.h (ofp13_table_features).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from vswitch.flow.codes import code_for
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.openflow.codec import text_from_bytes, text_to_bytes
from vswitch.openflow.errors import BadInstruction, BadMatch, BadProperty, OpenFlowError, TableFeaturesFailed
from vswitch.openflow.message import (
    HEADER,
    Dialect,
    Form,
    Message,
    Multipart,
    decode_each,
    find,
    group_items,
    message,
)
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.properties import Property, encode_others, encode_property, split_properties
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF13, OF15
from vswitch.openflow.wirefield import decode_type, encode_header

# enum ofp13_table_feature_prop_type; each but MATCH and WILDCARDS has a twin for the table miss, one higher.
_INSTRUCTIONS, _NEXT_TABLES, _WRITE_ACTIONS, _APPLY_ACTIONS, _MATCH = 0, 2, 4, 6, 8
_WILDCARDS, _WRITE_SETFIELD, _APPLY_SETFIELD = 10, 12, 14
_REQUIRED = frozenset({0, 2, 4, 6, 8, 10, 12, 14})
OFPTFC15_REPLACE, OFPTFC15_MODIFY, OFPTFC15_ENABLE, OFPTFC15_DISABLE = range(4)
_HEAD = struct.Struct("!HBB4x32sQQII")
_ID = struct.Struct("!HH")
_METER = 6
_KNOWN_ONCE = 32  # types below may not come twice, known or not
_OTHERS = -1  # in place of a type: properties that are not known
Fields = frozenset[Field]


@value
class ActionFeatures(Value):
    """Which actions can be given, and which fields set_field can set."""

    actions: int = 0
    set_fields: Fields = frozenset()


@value
class InstructionFeatures(Value):
    """Which instructions a table takes, and the tables to which goto_table may go."""

    instructions: int = 0
    next_tables: frozenset[int] = frozenset()
    write: ActionFeatures = ActionFeatures()
    apply: ActionFeatures = ActionFeatures()

    def properties(self, version: int, miss: int) -> Iterator[bytes]:
        """The five kinds of properties; `miss` is 1 for the table miss."""
        known = self.instructions & (~(1 << _METER) if version >= OF15 else ~0)
        yield encode_property(_INSTRUCTIONS + miss, _encode_ids(known))
        yield encode_property(_NEXT_TABLES + miss, bytes(sorted(self.next_tables)))
        for features, kind, setfield in (
            (self.write, _WRITE_ACTIONS, _WRITE_SETFIELD),
            (self.apply, _APPLY_ACTIONS, _APPLY_SETFIELD),
        ):
            yield encode_property(kind + miss, _encode_ids(features.actions))
            yield encode_property(setfield + miss, _encode_fields(features.set_fields, version))


@value
class TableFeatures(Value):
    """What a table can do; `miss` None: the table-miss flow can do the same as others."""

    table_id: int
    name: str = ""
    metadata_match: int = (1 << 64) - 1
    metadata_write: int = (1 << 64) - 1
    capabilities: int = 0  # since OpenFlow 1.4: OFPTC14_EVICTION, OFPTC14_VACANCY_EVENTS
    max_entries: int = 0
    flows: InstructionFeatures = InstructionFeatures()
    miss: InstructionFeatures | None = None
    match: Fields = frozenset()  # what can be matched
    wildcard: Fields = frozenset()  # of these, what can be left out
    mask: Fields = frozenset()  # of these, what can have any mask
    command: int = OFPTFC15_REPLACE  # since OpenFlow 1.5: OFPTFC15_*
    has_properties: bool = True  # since OpenFlow 1.5 there may be none
    others: tuple[Property, ...] = ()  # properties that have no field here

    def encode(self, version: int) -> bytes:
        """Length first."""
        properties = b"".join(self._properties(version)) if self.has_properties else b""
        fixed = _HEAD.pack(
            _HEAD.size + len(properties),
            self.table_id,
            self.command if version >= OF15 else 0,
            text_to_bytes(self.name)[:31],
            self.metadata_match,
            self.metadata_write,
            self.capabilities if version > OF13 else 0,
            self.max_entries,
        )
        return fixed + properties

    def _properties(self, version: int) -> Iterator[bytes]:
        yield from self.flows.properties(version, 0)
        yield from (self.miss or self.flows).properties(version, 1)
        yield encode_property(_MATCH, _encode_fields(self.match, version, self.mask))
        yield encode_property(_WILDCARDS, _encode_fields(self.wildcard, version))
        yield encode_others(self.others)

    @classmethod
    def decode(cls, version: int, loose: bool, data: bytes, at: int) -> tuple[TableFeatures, int]:
        """The features at byte `at`, and where they end; `loose` passes over what is not known."""
        if len(data) - at < _HEAD.size:
            raise OpenFlowError(BadProperty.BAD_LEN)
        size, table, command, name, match, write, capabilities, entries = _HEAD.unpack_from(data, at)
        if size < _HEAD.size or size % 8 or size > len(data) - at:
            raise OpenFlowError(BadProperty.BAD_LEN)
        if command > OFPTFC15_DISABLE and version >= OF15:
            raise OpenFlowError(TableFeaturesFailed.BAD_COMMAND)
        if table == OFPTT_ALL:
            raise OpenFlowError(TableFeaturesFailed.BAD_TABLE)
        found: dict[int, Any] = {}
        for prop in split_properties(data[at + _HEAD.size : at + size]):
            _decode_property(prop, version, loose, found)
        has_properties = size > _HEAD.size
        if not found.keys() >= _REQUIRED and (has_properties or version < OF15):
            raise OpenFlowError(TableFeaturesFailed.BAD_FEATURES)
        matches, masks = found.get(_MATCH, (frozenset(), frozenset()))
        matches |= masks
        flows, miss = _instruction_features(found, 0), _instruction_features(found, 1)
        return cls(
            table,
            text_from_bytes(name),
            match,
            write,
            capabilities if version > OF13 else 0,
            entries,
            flows,
            None if miss == flows else miss,
            matches,
            (found.get(_WILDCARDS, frozenset()) | masks) & matches,
            masks,
            command if version >= OF15 else OFPTFC15_REPLACE,
            has_properties,
            found.get(_OTHERS, ()),
        ), at + size


def _instruction_features(found: dict[int, Any], miss: int) -> InstructionFeatures:
    """What the properties say of flows, or of the table miss, which without properties of its own is like them."""

    def get(kind: int, default: Any) -> Any:
        return found.get(kind + miss, found.get(kind, default))

    nothing: Fields = frozenset()
    return InstructionFeatures(
        get(_INSTRUCTIONS, 0),
        get(_NEXT_TABLES, frozenset()),
        ActionFeatures(get(_WRITE_ACTIONS, 0), get(_WRITE_SETFIELD, nothing)),
        ActionFeatures(get(_APPLY_ACTIONS, 0), get(_APPLY_SETFIELD, nothing)),
    )


def _encode_ids(bits: int) -> bytes:
    """The numbers of the bits that are set, each as a header without a body."""
    return b"".join(_ID.pack(number, 4) for number in range(bits.bit_length()) if bits >> number & 1)


def _decode_ids(payload: bytes) -> Iterator[int]:
    """The numbers in a list of headers; experimenters' headers have bodies, which are passed over."""
    at = 0
    while at < len(payload):
        if len(payload) - at < _ID.size:
            raise OpenFlowError(BadProperty.BAD_LEN)
        number, size = _ID.unpack_from(payload, at)
        if size < _ID.size or size > len(payload) - at:
            raise OpenFlowError(BadProperty.BAD_LEN)
        yield number
        at += size


def _decode_instructions(payload: bytes, version: int, loose: bool) -> int:
    bits = 0
    for number in _decode_ids(payload):
        if 1 <= number <= _METER:
            bits |= 1 << number
        elif not loose:
            raise OpenFlowError(BadInstruction.UNKNOWN_INST)
    return bits


def _decode_actions(payload: bytes, version: int, loose: bool) -> int:
    return sum({1 << number for number in _decode_ids(payload) if number < 32})


def _decode_next_tables(payload: bytes, version: int, loose: bool) -> frozenset[int]:
    if OFPTT_ALL in payload:
        raise OpenFlowError(BadProperty.BAD_VALUE)
    return frozenset(payload)


def _encode_fields(fields: Fields, version: int, masked: Fields = frozenset()) -> bytes:
    """The types of `fields` that have any, in the order of the table of fields."""
    return b"".join(
        encode_header(field, version, field in masked)
        for field in FIELDS
        if field in fields and code_for(field, version) is not None
    )


def _decode_fields(payload: bytes, loose: bool) -> tuple[Fields, Fields]:
    """The fields in a list of types, without and with the mask bit."""
    exact: set[Field] = set()
    masked: set[Field] = set()
    at = 0
    while at < len(payload):
        try:
            field, has_mask, at = decode_type(payload, at)
        except OpenFlowError as error:
            end = at + (8 if payload[at : at + 2] == b"\xff\xff" else 4)
            if not loose or error.code is not BadMatch.BAD_FIELD or end > len(payload):
                raise
            at = end
            continue
        (masked if has_mask else exact).add(field)
    return frozenset(exact), frozenset(masked)


def _decode_matchable(payload: bytes, version: int, loose: bool) -> tuple[Fields, Fields]:
    return _decode_fields(payload, loose)


def _decode_unmasked(payload: bytes, version: int, loose: bool) -> Fields:
    fields, masked = _decode_fields(payload, loose)
    if masked:
        raise OpenFlowError(BadMatch.BAD_MASK)
    return fields


_DECODERS: dict[int, Callable[[bytes, int, bool], Any]] = {
    _INSTRUCTIONS: _decode_instructions,
    _NEXT_TABLES: _decode_next_tables,
    _WRITE_ACTIONS: _decode_actions,
    _APPLY_ACTIONS: _decode_actions,
    _WRITE_SETFIELD: _decode_unmasked,
    _APPLY_SETFIELD: _decode_unmasked,
}


def _decode_property(prop: Property, version: int, loose: bool, found: dict[int, Any]) -> None:
    kind = prop.type
    if kind == _MATCH:
        decode: Callable[[bytes, int, bool], Any] | None = _decode_matchable
    elif kind == _WILDCARDS:
        decode = _decode_unmasked
    else:
        decode = _DECODERS.get(kind & ~1)
    if kind in found and kind < _KNOWN_ONCE:
        raise OpenFlowError(TableFeaturesFailed.BAD_FEATURES, f"property {kind} twice")
    if decode is not None:
        found[kind] = decode(prop.payload, version, loose)
    elif loose:
        found[kind] = None
        found[_OTHERS] = (*found.get(_OTHERS, ()), prop)
    else:
        raise prop.unknown()


@value
class _Tables(Multipart):
    """A list of table features: base of request and reply."""

    tables: tuple[TableFeatures, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(table.encode(dialect.version) for table in self.tables)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end; replies may have more than we know."""
        loose = dialect.loose or form.name.endswith("reply")
        return decode_each(body, partial(TableFeatures.decode, dialect.version, loose), cls)


@message("TABLE_FEATURES", "OFPST 1.3+(12)[0+8]", "request")
class TableFeaturesRequest(_Tables):
    """What can your tables do?  With tables: be like this."""


@message("TABLE_FEATURES", "OFPST 1.3+(12)[64+8]", "reply")
class TableFeaturesReply(_Tables):
    """What the tables can do."""


def names_of_tables(data: bytes) -> Iterator[tuple[int, str]]:
    """The number and name of each table in a reply, without all that it can do."""
    version, type, _, _ = HEADER.unpack_from(data)
    kind, _, at, _ = find(version, type, data)
    while kind is TableFeaturesReply and len(data) - at >= _HEAD.size:
        size, table, _, name, *_ = _HEAD.unpack_from(data, at)
        yield table, text_from_bytes(name)
        at += max(size, _HEAD.size)
