"""Groups: lists of buckets of actions, of which a packet meets all, one, or the first that is alive.

OpenFlow 1.5 numbers the buckets, so that they can be inserted and removed, and turns what else a bucket says into
properties.  Nicira's messages bring that form to OpenFlow 1.0.  How a `select` group chooses is a property, too, which
Netronome defined.

     1.1  | len | weight | watch_port | watch_group | padding | actions
     1.5  | len | length of actions | bucket_id | actions | properties

Sources: OpenFlow 1.1, A.3.4.2 and A.3.5.6; OpenFlow 1.5.1, 7.3.4.3 and 7.3.5.9 to 11; OVS nicira-ext.h and
Documentation/group-selection-method-property.txt.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from vswitch.flow.field import Field
from vswitch.flow.ports import OFPP_ANY, OfPort
from vswitch.flow.subfield import Subfield, coded, parts_of
from vswitch.openflow.actions.base import Action, check_span, decode_actions, encode_actions
from vswitch.openflow.codec import check_port, text_to_bytes
from vswitch.openflow.errors import (
    BadMatch,
    BadProperty,
    BadRequest,
    GroupModFailed,
    OpenFlowError,
)
from vswitch.openflow.message import Dialect, Form, Message, message
from vswitch.openflow.names import OFPG_ANY
from vswitch.openflow.properties import Property, encode_property, split_properties
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF10, OF11, OF13, OF15
from vswitch.openflow.wirefield import decode_listed, encode_entry

# enum ofp11_group_mod_command and enum ofp15_group_mod_command
OFPGC_ADD, OFPGC_MODIFY, OFPGC_DELETE = range(3)
OFPGC_INSERT_BUCKET, OFPGC_REMOVE_BUCKET = 3, 5  # OpenFlow 1.5 and Nicira's form
OFPGC_ADD_OR_MOD = 0x8000  # Open vSwitch's own
# enum ofp11_group_type
OFPGT_ALL, OFPGT_SELECT, OFPGT_INDIRECT, OFPGT_FF = range(4)
# enum ofp15_group_bucket (OFPG15_BUCKET_*)
OFPG_BUCKET_MAX, OFPG_BUCKET_FIRST, OFPG_BUCKET_LAST, OFPG_BUCKET_ALL = (
    0xFFFFFF00,
    0xFFFFFFFD,
    0xFFFFFFFE,
    0xFFFFFFFF,
)

_BUCKET11 = struct.Struct("!HHII4x")
_BUCKET15 = struct.Struct("!HHI")
# enum ofp15_group_bucket_prop_type (OFPGBPT15_*)
_WEIGHT, _WATCH_PORT, _WATCH_GROUP = range(3)


@value
class Bucket(Value):
    """Actions, and when they are taken: how often in a `select` group, while what is alive in an `ff` group."""

    actions: tuple[Action, ...] = ()
    bucket_id: int = 0
    weight: int = 0
    watch_port: OfPort = OFPP_ANY
    watch_group: int = OFPG_ANY

    @property
    def is_watched(self) -> bool:
        """Whether it depends on something that may be dead."""
        return self.watch_port != OFPP_ANY or self.watch_group != OFPG_ANY

    def encode11(self, version: int) -> bytes:
        """The form until OpenFlow 1.4."""
        actions = encode_actions(version, self.actions)
        size = _BUCKET11.size + len(actions)
        return _BUCKET11.pack(size, self.weight, self.watch_port, self.watch_group) + actions

    def encode15(self, version: int, group_type: int) -> bytes:
        """The form with properties."""
        actions = encode_actions(version, self.actions)
        props = b""
        if group_type == OFPGT_SELECT or self.weight:
            props += encode_property(_WEIGHT, struct.pack("!H2x", self.weight))
        if self.watch_port != OFPP_ANY:
            props += encode_property(_WATCH_PORT, struct.pack("!I", self.watch_port))
        if self.watch_group != OFPG_ANY:
            props += encode_property(_WATCH_GROUP, struct.pack("!I", self.watch_group))
        size = _BUCKET15.size + len(actions) + len(props)
        return _BUCKET15.pack(size, len(actions), self.bucket_id) + actions + props


def _decode_buckets11(version: int, data: bytes) -> tuple[Bucket, ...]:
    buckets: list[Bucket] = []
    at = 0
    while at < len(data):
        size, weight, port, group = _bucket_head(_BUCKET11, data, at)
        check_span(size - _BUCKET11.size, len(data) - at - _BUCKET11.size)
        actions = decode_actions(version, data[at + _BUCKET11.size : at + size])
        check_watched(port)
        buckets.append(Bucket(actions, len(buckets), weight, OfPort(port), group))
        at += size
    return tuple(buckets)


def _bucket_head(layout: struct.Struct, data: bytes, at: int) -> tuple[int, ...]:
    """The head of the bucket at byte `at`, whose length comes first."""
    room = len(data) - at
    if room < layout.size:
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, f"buckets end with {room} leftover bytes", _LOG)
    head: tuple[int, ...] = layout.unpack_from(data, at)
    if head[0] < layout.size:
        why = f"OpenFlow message bucket length {head[0]} is not valid"
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, why, _LOG)
    if head[0] > room:
        why = f"OpenFlow message bucket length {head[0]} exceeds remaining buckets data size {room}"
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, why, _LOG)
    return head


_LOG = "ofp_group"  # the module in whose name Open vSwitch complains


def check_watched(port: int) -> None:
    """OFPGMFC_BAD_WATCH if no port can have the number; OFPP_ANY is none."""
    if port == OFPP_ANY:
        return
    try:
        check_port(port)
    except OpenFlowError as error:
        raise OpenFlowError(GroupModFailed.BAD_WATCH, error.why, "ofp_port") from None


def _decode_buckets15(version: int, data: bytes, group_type: int) -> tuple[Bucket, ...]:
    buckets: list[Bucket] = []
    at = 0
    while at < len(data):
        bucket, at = _decode_bucket15(version, data, at, group_type)
        buckets.append(bucket)
    if len({bucket.bucket_id for bucket in buckets}) < len(buckets):
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, "Duplicate bucket id")
    return tuple(buckets)


def _decode_bucket15(version: int, data: bytes, at: int, group_type: int) -> tuple[Bucket, int]:
    size, actions_size, number = _bucket_head(_BUCKET15, data, at)
    room = size - _BUCKET15.size
    middle = at + _BUCKET15.size + actions_size
    if actions_size > room:
        why = (
            f"OpenFlow message bucket actions length {actions_size} exceeds remaining bucket data size {room}"
        )
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, why, _LOG)
    check_span(actions_size, len(data) - at - _BUCKET15.size)
    actions = decode_actions(version, data[at + _BUCKET15.size : middle])
    bucket = Bucket(actions, number, 1 if group_type == OFPGT_SELECT else 0)
    for prop in split_properties(data[middle : at + size]):
        bucket = _apply(bucket, prop)
    check_watched(bucket.watch_port)
    if number > OFPG_BUCKET_MAX:
        raise OpenFlowError(GroupModFailed.BAD_BUCKET)
    return bucket, at + size


def _apply(bucket: Bucket, prop: Property) -> Bucket:
    """`bucket` with what one of its properties says."""
    if prop.type == _WEIGHT:
        return bucket.replace(weight=prop.u16())
    if prop.type == _WATCH_PORT:
        return bucket.replace(watch_port=OfPort(prop.u32()))
    if prop.type == _WATCH_GROUP:
        return bucket.replace(watch_group=prop.u32())
    raise prop.unknown()


_NETRONOME, _SELECTION_METHOD = 0x0000154D, 1
_SELECTION = struct.Struct("!II4x16sQ")
_EXPERIMENTER = 0xFFFF


@value
class Selection(Value):
    """How a `select` group chooses a bucket: by `hash` of `fields`, or by the datapath's hash."""

    method: str = ""  # "hash", "dp_hash"; "" leaves it to the switch
    param: int = 0
    fields: tuple[tuple[Field, int], ...] = ()  # each with the mask of its bits

    def encode(self, version: int) -> bytes:
        """A property; nothing where nothing is said."""
        if not self.method:
            return b""
        method = text_to_bytes(self.method)[:15]
        payload = _SELECTION.pack(_NETRONOME, _SELECTION_METHOD, method, self.param)
        payload += b"".join(encode_entry(field, mask, None, version) for field, mask in self._entries())
        return encode_property(_EXPERIMENTER, payload)

    def _entries(self) -> Iterable[tuple[Field, int]]:
        """The fields, those without types of their own as bits of those that have them."""
        entries: dict[Field, int] = {}
        for field, mask in self.fields:
            whole = coded(Subfield(field))
            entries[whole.field] = entries.get(whole.field, 0) | mask << whole.start
        return entries.items()


def _decode_selection(data: bytes, group_type: int, command: int) -> Selection:
    selection = Selection()
    for prop in split_properties(data):
        if prop.type != _EXPERIMENTER:
            raise prop.unknown()
        vendor, kind = prop.experimenter()
        if (vendor, kind) != (_NETRONOME, _SELECTION_METHOD):
            raise prop.unknown()
        selection = _decode_method(prop.payload, group_type, command)
    return selection


def _decode_method(payload: bytes, group_type: int, command: int) -> Selection:
    if command not in _COMMANDS:
        raise OpenFlowError(GroupModFailed.BAD_COMMAND)
    if group_type > OFPGT_FF:
        raise OpenFlowError(GroupModFailed.BAD_TYPE)
    if group_type != OFPGT_SELECT or command not in (OFPGC_ADD, OFPGC_MODIFY, OFPGC_ADD_OR_MOD):
        raise OpenFlowError(BadProperty.BAD_VALUE)
    if len(payload) < _SELECTION.size:
        raise OpenFlowError(BadProperty.BAD_LEN)
    _, _, method, param = _SELECTION.unpack_from(payload)
    if b"\0" not in method:
        raise OpenFlowError(BadProperty.BAD_VALUE)
    name = method.split(b"\0")[0]
    if name not in (b"hash", b"dp_hash"):
        raise OpenFlowError(BadProperty.BAD_VALUE)
    if len(payload) > _SELECTION.size and name != b"hash":
        raise OpenFlowError(BadProperty.BAD_VALUE)
    fields: list[tuple[Field, int]] = []
    seen: set[Field] = set()
    at = _SELECTION.size
    while at < len(payload):
        field, mask, at = decode_listed(payload, at)  # the bits that count, in the place of a value
        if field in seen:
            raise OpenFlowError(BadMatch.DUP_FIELD, field.name)
        if not field.maskable and mask != field.ones:
            raise OpenFlowError(BadMatch.BAD_MASK, field.name)
        seen.add(field)
        fields += parts_of(field, mask)
    return Selection(name.decode(), param, tuple(fields))


_MOD11 = struct.Struct("!HBxI")
_MOD15 = struct.Struct("!HBxIH2xI")


@message("GROUP_MOD", "OFPT 1.1-1.4(15)[8+8], OFPT 1.5+(15)[16+8], NXT 1.0(31)[16+8]")
class GroupMod(Message):
    """Add, modify or delete a group; insert or remove buckets at `command_bucket_id`."""

    command: int = OFPGC_ADD
    group_id: int = 0
    type: int = OFPGT_ALL
    buckets: tuple[Bucket, ...] = ()
    selection: Selection = Selection()
    command_bucket_id: int = OFPG_BUCKET_ALL

    def choose(self, dialect: Dialect) -> Form:
        """Buckets are inserted and removed in the newer form only."""
        if OF11 <= dialect.version < OF15 and self.command in (OFPGC_INSERT_BUCKET, OFPGC_REMOVE_BUCKET):
            raise OpenFlowError(GroupModFailed.BAD_COMMAND)
        return Message.choose(self, dialect)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Either form."""
        version = dialect.version
        if OF10 < version < OF15:
            head = _MOD11.pack(self.command, self.type, self.group_id)
            return head + b"".join(bucket.encode11(version) for bucket in self.buckets)
        buckets = b"".join(bucket.encode15(version, self.type) for bucket in self.buckets)
        head = _MOD15.pack(self.command, self.type, self.group_id, len(buckets), self.command_bucket_id)
        return head + buckets + self.selection.encode(version)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Either form; then the checks that hold for all groups."""
        version = dialect.version
        if OF10 < version < OF15:
            if len(body) < _MOD11.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            command, kind, group = _MOD11.unpack_from(body)
            made = cls(command, group, kind, _decode_buckets11(version, body[_MOD11.size :]))
            if command == OFPGC_DELETE and made.buckets and version >= OF13:
                raise OpenFlowError(GroupModFailed.INVALID_GROUP, "a deletion has no buckets")
        else:
            made = cls._decode15(version, body)
        made.check()
        return made

    @classmethod
    def _decode15(cls, version: int, body: bytes) -> GroupMod:
        if len(body) < _MOD15.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        command, kind, group, size, number = _MOD15.unpack_from(body)
        _check_command_bucket(command, number)
        middle = _MOD15.size + size
        if middle > len(body):
            raise OpenFlowError(BadRequest.BAD_LEN)
        buckets = _decode_buckets15(version, body[_MOD15.size : middle], kind)
        return cls(command, group, kind, buckets, _decode_selection(body[middle:], kind, command), number)

    def check(self) -> None:
        """What OpenFlow asks of every group."""
        if self.type > OFPGT_FF:
            raise OpenFlowError(GroupModFailed.BAD_TYPE)
        if self.type == OFPGT_INDIRECT and self.command != OFPGC_DELETE and len(self.buckets) != 1:
            raise OpenFlowError(GroupModFailed.INVALID_GROUP)
        if self.command not in _COMMANDS:
            raise OpenFlowError(GroupModFailed.BAD_COMMAND)
        if self.command == OFPGC_REMOVE_BUCKET and self.buckets:
            raise OpenFlowError(GroupModFailed.BAD_BUCKET)
        for bucket in self.buckets:
            if bucket.weight and self.type != OFPGT_SELECT and self.command != OFPGC_INSERT_BUCKET:
                raise OpenFlowError(GroupModFailed.INVALID_GROUP)
            if self.type in (OFPGT_ALL, OFPGT_INDIRECT) and bucket.is_watched:
                raise OpenFlowError(GroupModFailed.WATCH_UNSUPPORTED)
            if self.type == OFPGT_FF and not bucket.is_watched:
                raise OpenFlowError(GroupModFailed.INVALID_GROUP)


_COMMANDS = frozenset(
    (OFPGC_ADD, OFPGC_MODIFY, OFPGC_ADD_OR_MOD, OFPGC_DELETE, OFPGC_INSERT_BUCKET, OFPGC_REMOVE_BUCKET)
)


def _check_command_bucket(command: int, number: int) -> None:
    """Which bucket a command may name."""
    named = number <= OFPG_BUCKET_MAX or number in (OFPG_BUCKET_FIRST, OFPG_BUCKET_LAST)
    if command == OFPGC_INSERT_BUCKET:
        valid = named
    elif command == OFPGC_REMOVE_BUCKET:
        valid = named or number == OFPG_BUCKET_ALL
    else:
        valid = number == OFPG_BUCKET_ALL
    if not valid:
        why = f"group command bucket id ({number}) is out of range"
        raise OpenFlowError(GroupModFailed.BAD_BUCKET, why, _LOG)


@value
class GroupDesc(Value):
    """A group as it is."""

    group_id: int
    type: int = OFPGT_ALL
    buckets: tuple[Bucket, ...] = ()
    selection: Selection = Selection()


_DESC11 = struct.Struct("!HBxI")
_DESC15 = struct.Struct("!HBxIH6x")


def encode_desc(group: GroupDesc, version: int) -> bytes:
    """The description in the form of `version`."""
    if OF10 < version < OF15:
        buckets = b"".join(bucket.encode11(version) for bucket in group.buckets)
        return _DESC11.pack(_DESC11.size + len(buckets), group.type, group.group_id) + buckets
    buckets = b"".join(bucket.encode15(version, group.type) for bucket in group.buckets)
    rest = buckets + group.selection.encode(version)
    return _DESC15.pack(_DESC15.size + len(rest), group.type, group.group_id, len(buckets)) + rest


def decode_desc(version: int, data: bytes, at: int) -> tuple[GroupDesc, int]:
    """The description at byte `at`, and where it ends."""
    old = OF10 < version < OF15
    layout = _DESC11 if old else _DESC15
    if len(data) - at < layout.size:
        why = f"OFPST11_GROUP_DESC reply has {len(data) - at} leftover bytes at end"
        raise OpenFlowError(BadRequest.BAD_LEN, why, _LOG)
    size, kind, group, *rest = layout.unpack_from(data, at)
    if size < layout.size or size > len(data) - at:
        why = f"OFPST11_GROUP_DESC reply claims invalid length {size}"
        raise OpenFlowError(BadRequest.BAD_LEN, why, _LOG)
    body = data[at + layout.size : at + size]
    if old:
        return GroupDesc(group, kind, _decode_buckets11(version, body)), at + size
    if rest[0] > len(body):
        raise OpenFlowError(BadRequest.BAD_LEN)
    buckets = _decode_buckets15(version, body[: rest[0]], kind)
    selection = _decode_selection(body[rest[0] :], kind, OFPGC_ADD)
    return GroupDesc(group, kind, buckets, selection), at + size
