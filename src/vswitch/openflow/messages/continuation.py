"""Where a packet's way through the tables was interrupted: what `controller(pause)` sends with the packet, and what
NXT_RESUME brings back.

It is for the switch alone; controllers return it as it came.  The format is Open vSwitch's, a list of properties; what
was left to do is in frames, the innermost first, each with the table and cookie of the rule that was being executed.

Sources: OVS include/openflow/nicira-ext.h (NXPINT_CONTINUATION); ovs-ofctl(8), `ofp-print`; messages of the peer's
switch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from vswitch.openflow.actions.base import Action, check_span, decode_actions, encode_actions
from vswitch.openflow.errors import BadProperty, OpenFlowError
from vswitch.openflow.properties import Property, encode_property, split_properties
from vswitch.openflow.value import Value, value

# Open vSwitch's own properties of NXPINT_CONTINUATION (NXCPT_*)
_BRIDGE, _STACK, _MIRRORS, _CONNTRACKED, _TABLE_ID, _COOKIE, _ACTIONS, _ACTION_SET, _ODP_PORT = range(
    0x8000, 0x8009
)
_UUID = struct.Struct("<4I"), struct.Struct("!4I")  # on the wire; as it is written
_MAX_STACK_ITEM = 128  # bytes


@value
class Frame(Value):
    """Actions that are left, of the rule with `cookie` in table `table_id`."""

    table_id: int = 0
    cookie: int = 0
    actions: tuple[Action, ...] = ()


@value
class Continuation(Value):
    """All that a packet needs to go on."""

    bridge: bytes = b""  # the UUID, 16 bytes
    stack: tuple[bytes, ...] = ()  # the top first, each a value with all bytes of the field that was pushed
    mirrors: int = 0  # bits of the mirrors that have the packet
    conntracked: bool = False
    frames: tuple[Frame, ...] = ()
    action_set: tuple[Action, ...] = ()
    odp_port: int | None = None  # where the datapath received the packet

    def encode(self, version: int) -> bytes:
        """The property's payload in a message of `version`."""
        return bytes(4) + b"".join(self._properties(version))

    def _properties(self, version: int) -> Iterator[bytes]:
        if self.bridge:
            yield encode_property(_BRIDGE, _UUID[0].pack(*_UUID[1].unpack(self.bridge)))
        for item in self.stack:
            yield encode_property(_STACK, item)
        if self.mirrors:
            yield encode_property(_MIRRORS, struct.pack("!I", self.mirrors))
        if self.conntracked:
            yield encode_property(_CONNTRACKED, b"")
        yield from _encode_frames(version, self.frames)
        if self.action_set:
            yield encode_property(_ACTION_SET, bytes(4) + encode_actions(version, self.action_set))
        if self.odp_port is not None:
            yield encode_property(_ODP_PORT, struct.pack("!I", self.odp_port))

    @classmethod
    def decode(cls, version: int, payload: bytes, loose: bool) -> Continuation:
        """From the property's payload; `loose` passes over properties that are not known."""
        if len(payload) < 4:
            raise OpenFlowError(BadProperty.BAD_LEN)
        found: dict[str, Any] = {}
        frame = Frame()
        for prop in split_properties(payload[4:]):
            if prop.type == _TABLE_ID:
                frame = frame.replace(table_id=prop.u8())
            elif prop.type == _COOKIE:
                frame = frame.replace(cookie=prop.u64())
            elif prop.type == _ACTIONS:
                actions = _decode_actions(version, prop)
                found["frames"] = *found.get("frames", ()), frame.replace(actions=actions)
            elif prop.type == _ACTION_SET:
                found["action_set"] = *found.get("action_set", ()), *_decode_actions(version, prop)
            elif prop.type == _STACK:
                found["stack"] = *found.get("stack", ()), _stack_item(prop)
            else:
                found |= _decode_property(version, prop, loose)
        return cls(**found)


def _encode_frames(version: int, frames: Iterable[Frame]) -> Iterator[bytes]:
    """Table and cookie are told when they change; a frame without actions is not told."""
    table_id, cookie = 0, 0
    for frame in frames:
        if frame.table_id != table_id:
            table_id = frame.table_id
            yield encode_property(_TABLE_ID, bytes([table_id]))
        if frame.cookie != cookie:
            cookie = frame.cookie
            yield encode_property(_COOKIE, struct.pack("!4xQ", cookie))
        if frame.actions:
            yield encode_property(_ACTIONS, bytes(4) + encode_actions(version, frame.actions))


def _decode_actions(version: int, prop: Property) -> tuple[Action, ...]:
    """The list of actions after four bytes of padding."""
    if len(prop.payload) < 4:
        raise OpenFlowError(BadProperty.BAD_LEN)
    check_span(len(prop.payload) - 4, len(prop.payload) - 4)
    return decode_actions(version, prop.payload[4:])


def _stack_item(prop: Property) -> bytes:
    if len(prop.payload) > _MAX_STACK_ITEM:
        raise OpenFlowError(BadProperty.BAD_LEN)
    return prop.payload


def _decode_property(version: int, prop: Property, loose: bool) -> dict[str, Any]:
    """The field that a property sets which occurs once."""
    match prop.type:
        case 0x8000:
            if len(prop.payload) != 16:
                raise OpenFlowError(BadProperty.BAD_LEN)
            return {"bridge": _UUID[1].pack(*_UUID[0].unpack(prop.payload))}
        case 0x8002:
            return {"mirrors": prop.u32()}
        case 0x8003:
            return {"conntracked": True}  # being there is the message
        case 0x8008:
            return {"odp_port": prop.u32()}
        case _ if loose:
            return {}
        case _:
            raise prop.unknown()
