"""Instructions: what OpenFlow 1.1 put around action lists, as members of those lists.

Inside the program a flow has one list, in which instructions stand like actions, in the order in which OpenFlow executes
them: meter, the actions themselves (apply_actions), clear_actions, write_actions, write_metadata, goto_table.  Only the
wire of OpenFlow 1.1 and later separates them again; OpenFlow 1.0 has Nicira's actions for what it can express.

Sources: OpenFlow 1.5.1, 5.5 and 7.2.5; ovs-actions(7), "Instructions".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache

from vswitch.base.errors import TextError
from vswitch.base.memo import by_identity
from vswitch.base.text import parse_u32, parse_u64
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.actions.base import (
    MAX_REMEMBERED_SIZE,
    Action,
    action,
    check_conjunction,
    decode_actions,
    decode_nested,
    encode_actions,
    format_actions,
    frame,
    nx,
    spelled,
)
from vswitch.openflow.actions.control import Resubmit
from vswitch.openflow.codec import Code
from vswitch.openflow.errors import BadAction, BadInstruction, BadRequest, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.version import OF10, OF11, OF13, OF15

_HEAD = struct.Struct("!HH")
# enum ofp11_instruction_type (OFPIT11_*, OFPIT13_METER)
_GOTO_TABLE, _WRITE_METADATA, _WRITE_ACTIONS, _APPLY_ACTIONS, _CLEAR_ACTIONS, _METER = range(1, 7)
_EXPERIMENTER = 0xFFFF


@action("meter", "OF1.5+(29)")
class Meter(Action):
    """Count the packet against a meter, which may drop or change it.  An instruction until OpenFlow 1.4."""

    meter_id: int

    def encode(self, version: int) -> bytes:
        """An action since OpenFlow 1.5, an instruction in 1.3 and 1.4."""
        if version >= OF15:
            return struct.pack("!HHI", 29, 8, self.meter_id)
        return struct.pack("!HHI", _METER, 8, self.meter_id) if version >= OF13 else b""

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """A number."""
        if len(data) != 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        return cls(int.from_bytes(data[4:], "big"))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u32(arg))

    def format(self, names: Names) -> str:
        """`meter:4`."""
        return f"meter:{self.meter_id}"


@action("clear_actions", "")
class ClearActions(Action):
    """Empty the action set."""

    def encode(self, version: int) -> bytes:
        """OpenFlow 1.0 has no action set."""
        return struct.pack("!HH4x", _CLEAR_ACTIONS, 8) if version >= OF11 else b""


@action("write_actions", "")
class WriteActions(Action):
    """Merge `actions` into the action set, which is executed when the pipeline ends."""

    actions: tuple[Action, ...] = ()

    def encode(self, version: int) -> bytes:
        """OpenFlow 1.0 has no action set; and to write nothing takes no instruction."""
        if version == OF10 or not self.actions:
            return b""
        return _actions_instruction(_WRITE_ACTIONS, version, self.actions)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A list of actions."""
        from vswitch.openflow.actions.text import parse_actions

        return cls(parse_actions(arg, names, outer="write_actions"))

    def format(self, names: Names) -> str:
        """`write_actions(…)`."""
        return f"write_actions({format_actions(self.actions, names)})"


@action("write_metadata", "NX1.0+(22)")
class WriteMetadata(Action):
    """Set the bits `mask` of the metadata to those of `metadata`."""

    metadata: int
    mask: int = (1 << 64) - 1

    def encode(self, version: int) -> bytes:
        """Nicira's action in OpenFlow 1.0."""
        if version == OF10:
            return frame(nx(22), struct.pack("!6xQQ", self.metadata, self.mask))
        return struct.pack("!HH4xQQ", _WRITE_METADATA, 24, self.metadata, self.mask)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Nicira's action."""
        if len(data) != 32:
            raise OpenFlowError(BadAction.BAD_LEN)
        if any(data[10:16]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(*struct.unpack_from("!QQ", data, 16))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`0x5` or `0x5/0xff`."""
        metadata, slash, mask_text = arg.partition("/")
        mask = (
            parse_u64(mask_text) if slash else (1 << 64) - 1
        )  # first, for what is wrong with it is told first
        return cls(parse_u64(metadata), mask)

    def format(self, names: Names) -> str:
        """`write_metadata:0x5/0xff`."""
        mask = "" if self.mask == (1 << 64) - 1 else f"/{hexadecimal(self.mask)}"
        return f"write_metadata:{hexadecimal(self.metadata)}{mask}"


@action("goto_table", "")
class GotoTable(Action):
    """Go on in `table_id`."""

    table_id: int

    def encode(self, version: int) -> bytes:
        """A resubmit in OpenFlow 1.0."""
        if version == OF10:
            return Resubmit(table=self.table_id).encode(version)
        return struct.pack("!HHB3x", _GOTO_TABLE, 8, self.table_id)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A table, by number or name."""
        table = names.table(arg)
        if table is None:
            raise TextError(f'unknown table "{arg}"', arg)
        return cls(table)

    def format(self, names: Names) -> str:
        """`goto_table:4`."""
        return f"goto_table:{names.format_table(self.table_id)}"


@spelled("apply_actions")
def _apply_actions(arg: str, names: Names) -> Action:
    raise TextError("apply_actions is the default instruction", arg)


# The order in which OpenFlow executes instructions; plain actions are apply_actions.
ORDER: Mapping[type[Action], int] = {
    Meter: 0,
    Action: 1,
    ClearActions: 2,
    WriteActions: 3,
    WriteMetadata: 4,
    GotoTable: 5,
}
NAMES = ("meter", "apply_actions", "clear_actions", "write_actions", "write_metadata", "goto_table")


def rank(item: Action) -> int:
    """Where `item` stands among instructions."""
    return ORDER.get(type(item), 1)


def decode_flow_actions(data: bytes) -> tuple[Action, ...]:
    """The actions of a flow in OpenFlow 1.0, where Nicira's instructions stand among them and must be in order.

    Tables have many flows, but few lists of actions: equal bytes give the same tuple, 0.1 us instead of 4.
    """
    return _decode_flow_actions(data) if len(data) > MAX_REMEMBERED_SIZE else _known_flow_actions(data)


def _decode_flow_actions(data: bytes) -> tuple[Action, ...]:
    return _ordered(OF10, decode_actions(OF10, data))


def _ordered(version: int, actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """`actions`, if the instructions among them are in order: write_metadata may stand among actions in every version."""
    least = 1 if version >= OF15 else 0  # where meter is an action
    last = 0
    for item in actions:
        order = max(rank(item), least)
        if order < last or (order == last and order > 1):
            why = (
                f"duplicate {NAMES[order]} instruction not allowed"
                if order == last
                else f"invalid instruction ordering: {NAMES[order]} must appear before {NAMES[last]}"
            )
            why += ", for OpenFlow 1.1+ compatibility"
            raise OpenFlowError(BadAction.UNSUPPORTED_ORDER, why, "ofp_actions")
        last = order
    return actions


_known_flow_actions = lru_cache(maxsize=1024)(_decode_flow_actions)


def _actions_instruction(number: int, version: int, actions: Iterable[Action]) -> bytes:
    body = encode_actions(version, actions)
    return struct.pack("!HH4x", number, 8 + len(body)) + body


def encode_instructions(version: int, actions: Iterable[Action]) -> bytes:
    """The instructions that a merged list of actions means, in OpenFlow 1.1 or later."""
    return _encode_known(actions, version) if isinstance(actions, tuple) else _encode_all(actions, version)


def _encode_all(actions: Iterable[Action], version: int) -> bytes:
    out: list[bytes] = []
    plain: list[Action] = []
    for item in actions:
        if type(item) not in ORDER or (version >= OF15 and isinstance(item, Meter)):
            plain.append(item)
            continue
        if plain:
            out.append(_actions_instruction(_APPLY_ACTIONS, version, plain))
            plain = []
        out.append(item.encode(version))
    if plain:
        out.append(_actions_instruction(_APPLY_ACTIONS, version, plain))
    return b"".join(out)


_encode_known = by_identity(_encode_all)


def decode_instructions(version: int, data: bytes) -> tuple[Action, ...]:
    """The merged list that the instructions in `data`, of OpenFlow 1.1 or later, mean."""
    return _decode_all(version, data) if len(data) > MAX_REMEMBERED_SIZE else _decode_known(version, data)


def _decode_all(version: int, data: bytes) -> tuple[Action, ...]:
    found: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        if end - at < 8:
            raise OpenFlowError(
                BadInstruction.BAD_LEN, f"bad instruction format at offset {at}", "ofp_actions"
            )
        number, size = _HEAD.unpack_from(data, at)
        if size < 8 or size % 8 or size > end - at:
            raise OpenFlowError(
                BadInstruction.BAD_LEN, f"bad instruction format at offset {at}", "ofp_actions"
            )
        _check(version, number, size)
        if number in found:
            raise OpenFlowError(BadInstruction.DUP_INST)
        found[number] = data[at : at + size]
        at += size
    if len(found) == 1 and _APPLY_ACTIONS in found:
        return _ordered(version, decode_actions(version, found[_APPLY_ACTIONS][8:]))
    return _ordered(version, _merge(version, found))


_decode_known = lru_cache(maxsize=1024)(_decode_all)
_FIXED = {_GOTO_TABLE: 8, _WRITE_METADATA: 24, _CLEAR_ACTIONS: 8, _METER: 8}


def _check(version: int, number: int, size: int) -> None:
    if number == _EXPERIMENTER:
        raise OpenFlowError(BadInstruction.BAD_EXPERIMENTER)
    if not _GOTO_TABLE <= number <= _METER:
        raise OpenFlowError(BadInstruction.UNKNOWN_INST)
    if _FIXED.get(number, size) != size:
        raise OpenFlowError(BadInstruction.BAD_LEN)
    if number == _METER and version >= OF15:  # an action there
        raise OpenFlowError(BadInstruction.UNKNOWN_INST)


def _merge(version: int, found: Mapping[int, bytes]) -> tuple[Action, ...]:
    merged: list[Action] = []
    if _METER in found:
        merged.append(Meter(int.from_bytes(found[_METER][4:], "big")))
    if _APPLY_ACTIONS in found:
        merged += decode_actions(version, found[_APPLY_ACTIONS][8:])
    if _CLEAR_ACTIONS in found:
        merged.append(ClearActions())
    if _WRITE_ACTIONS in found:
        merged.append(WriteActions(_decode_set(version, found[_WRITE_ACTIONS][8:])))
    if _WRITE_METADATA in found:
        merged.append(WriteMetadata(*struct.unpack_from("!QQ", found[_WRITE_METADATA], 8)))
    if _GOTO_TABLE in found:
        merged.append(GotoTable(found[_GOTO_TABLE][4]))
    check_conjunction(merged)
    return tuple(merged)


# Actions that an action set, which has no order of its own, cannot hold.
_NOT_IN_SETS = frozenset(
    (
        *(
            "bundle",
            "check_pkt_larger",
            "clone",
            "conjunction",
            "controller",
            "delete_field",
            "enqueue",
            "exit",
        ),
        *("fin_timeout", "learn", "meter", "multipath", "nat", "note", "output_reg", "output_trunc", "pop"),
        *("pop_queue", "push", "sample", "write_metadata"),
    )
)


def _decode_set(version: int, data: bytes) -> tuple[Action, ...]:
    """The actions of write_actions."""
    actions = decode_nested(version, data)
    for item in actions:
        if item.name in _NOT_IN_SETS:
            raise OpenFlowError(BadAction.BAD_TYPE, "disallowed action in action set", "ofp_actions")
    return decode_actions(version, data)
