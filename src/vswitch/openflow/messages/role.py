"""Who controls the switch, and what a controller wants to hear: roles, asynchronous configuration, controller ids.

Sources: OpenFlow 1.5.1, 7.3.8 (role), 7.3.10 (asynchronous configuration), 7.4.4 (role status); OVS nicira-ext.h.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from vswitch.openflow.codec import U16, U32
from vswitch.openflow.errors import (
    AsyncConfigFailed,
    BadProperty,
    BadRequest,
    OpenFlowError,
    RoleRequestFailed,
)
from vswitch.openflow.message import Dialect, Form, Message, message
from vswitch.openflow.properties import encode_property, split_properties
from vswitch.openflow.value import wire
from vswitch.openflow.version import OF12, OF13, OF14

# enum ofp12_controller_role; Nicira's numbers are lower by one and have no NOCHANGE.
ROLE_NOCHANGE, ROLE_EQUAL, ROLE_PRIMARY, ROLE_SECONDARY = range(4)
_OF_ROLE = struct.Struct("!I4xQ")
_NX_ROLE = struct.Struct("!I")
NO_GENERATION = (1 << 64) - 1


def _encode_role(form: Form, role: int, generation_id: int | None) -> bytes:
    if form.kind == "NXT":
        return _NX_ROLE.pack(role - 1)
    return _OF_ROLE.pack(role, NO_GENERATION if generation_id is None else generation_id)


def _decode_role(form: Form, body: bytes, reply: bool) -> tuple[int, int | None]:
    expected = _NX_ROLE if form.kind == "NXT" else _OF_ROLE
    if len(body) != expected.size:
        raise OpenFlowError(BadRequest.BAD_LEN)
    if form.kind == "NXT":
        (role,) = _NX_ROLE.unpack(body)
        if role > ROLE_SECONDARY - 1:
            raise OpenFlowError(RoleRequestFailed.BAD_ROLE)
        return role + 1, None
    role, generation_id = _OF_ROLE.unpack(body)
    if role > ROLE_SECONDARY:
        raise OpenFlowError(RoleRequestFailed.BAD_ROLE)
    if not reply and role == ROLE_NOCHANGE:
        return role, None
    return role, None if reply and generation_id == NO_GENERATION else generation_id


@message("ROLE_REQUEST", "OFPT 1.2+(24)[16], NXT 1.0+(10)[4]")
class RoleRequest(Message):
    """Take `role` (ROLE_*).  `generation_id` guards PRIMARY and SECONDARY against stale requests; Nicira's form has none."""

    role: int = ROLE_NOCHANGE
    generation_id: int | None = None
    nx: bool = False  # since OpenFlow 1.2: in Nicira's form all the same

    def choose(self, dialect: Dialect) -> Form:
        """OpenFlow's form where there is one."""
        return _choose(self, dialect, self.nx)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Either form."""
        if form.kind == "OFPT" and self.generation_id is None:
            return _OF_ROLE.pack(self.role, 0)
        return _encode_role(form, self.role, self.generation_id)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Either form."""
        return cls(*_decode_role(form, body, reply=False), _is_odd(form, dialect))


def _choose(message: Message, dialect: Dialect, nx: bool) -> Form:
    return message.pick("NXT" if nx or dialect.version < OF12 else "OFPT", dialect.version)


def _is_odd(form: Form, dialect: Dialect) -> bool:
    return form.kind == "NXT" and dialect.version >= OF12


@message("ROLE_REPLY", "OFPT 1.2+(25)[16], NXT 1.0+(11)[4]")
class RoleReply(Message):
    """You have `role`."""

    role: int
    generation_id: int | None = None
    nx: bool = False  # the request came in Nicira's form, and so does the reply

    def choose(self, dialect: Dialect) -> Form:
        """The form of the request."""
        return _choose(self, dialect, self.nx)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Either form."""
        return _encode_role(form, self.role, self.generation_id)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Either form."""
        return cls(*_decode_role(form, body, reply=True), _is_odd(form, dialect))


_ROLE_STATUS = struct.Struct("!IB3xQ")
# enum ofp14_controller_role_reason (OFPCRR_*)
CRR_PRIMARY_REQUEST, CRR_CONFIG, CRR_EXPERIMENTER = range(3)


@message("ROLE_STATUS", "ONFT 1.3(1911)[16+8], OFPT 1.4+(30)[16+8]")
class RoleStatus(Message):
    """Your role is now `role`, because (CRR_*)."""

    role: int
    reason: int
    generation_id: int = NO_GENERATION

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed."""
        return _ROLE_STATUS.pack(self.role, self.reason, self.generation_id)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Properties may follow."""
        if len(body) < _ROLE_STATUS.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        role, reason, generation_id = _ROLE_STATUS.unpack_from(body)
        if role not in (ROLE_EQUAL, ROLE_PRIMARY, ROLE_SECONDARY) and not (dialect.loose and not role):
            raise OpenFlowError(RoleRequestFailed.BAD_ROLE)
        if reason > CRR_EXPERIMENTER and not dialect.loose:
            raise OpenFlowError(BadRequest.BAD_REASON)
        return cls(role, reason, generation_id)


# Asynchronous messages by name, in the order of OpenFlow 1.4's properties: each a pair, for a secondary controller and
# for others.  The bits of the masks are reasons.
ASYNC_TYPES = ("packet_in", "port_status", "flow_removed", "role_status", "table_status", "requestforward")
_MASKS = struct.Struct("!6I")
Masks = Mapping[str, tuple[int, int]]  # by name: (primary or equal, secondary)


_FIXED_REASONS = {"packet_in": 7, "port_status": 7, "flow_removed": 0x3F}  # that the fixed form can tell


def _encode_masks(masks: Masks) -> bytes:
    ordered = [masks.get(name, (0, 0)) for name in ASYNC_TYPES[:3]]
    return _MASKS.pack(*(mask for pair in ordered for mask in pair))


def _decode_masks(body: bytes, version: int) -> tuple[tuple[str, int, int], ...]:
    """The masks, of which those of packets may have OpenFlow 1.4's reasons from that version on."""
    if len(body) != _MASKS.size:
        raise OpenFlowError(BadRequest.BAD_LEN)
    masks = _MASKS.unpack(body)
    reasons = {**_FIXED_REASONS, "packet_in": _REASONS["packet_in"]} if version >= OF14 else _FIXED_REASONS
    return tuple(
        (name, masks[2 * i] & known, masks[2 * i + 1] & known)
        for i, (name, known) in enumerate(reasons.items())
    )


def _encode_properties(masks: Masks) -> bytes:
    out = b""
    for i, name in enumerate(ASYNC_TYPES):
        if name in masks:
            primary, secondary = masks[name]
            out += encode_property(2 * i, struct.pack("!I", secondary))
            out += encode_property(2 * i + 1, struct.pack("!I", primary))
    return out


# Reasons that exist, by message type; a mask must not name others.
_REASONS = {
    "packet_in": 0x3F,
    "port_status": 7,
    "flow_removed": 0x3F,
    "role_status": 7,
    "table_status": 0x18,
    "requestforward": 3,
}


_PACKET_IN_REASONS = 0x7  # before OpenFlow 1.4


def _decode_properties(body: bytes, version: int, loose: bool) -> tuple[tuple[str, int, int], ...]:
    found: dict[str, list[int]] = {}
    for prop in split_properties(body):
        if prop.is_experimenter:
            raise OpenFlowError(BadProperty.BAD_EXPERIMENTER)
        if prop.type >= 2 * len(ASYNC_TYPES):
            if loose:
                continue
            raise OpenFlowError(AsyncConfigFailed.UNSUPPORTED)
        name = ASYNC_TYPES[prop.type // 2]
        mask = prop.u32()
        known = _REASONS[name] if name != "packet_in" or version >= OF14 else _PACKET_IN_REASONS
        if mask & ~known:
            if not loose:
                raise OpenFlowError(AsyncConfigFailed.INVALID)
            mask &= known
        found.setdefault(name, [0, 0])[1 - prop.type % 2] = mask
    return tuple((name, *found[name]) for name in ASYNC_TYPES if name in found)  # type: ignore[misc]  # a list of two, unpacked


@message(
    "SET_ASYNC",
    "OFPT 1.3(28)[24], OFPT 1.4+(28)[0+8], NXT:SET_ASYNC_CONFIG 1.0+(19)[24], NXT:SET_ASYNC_CONFIG2 1.0-1.3(27)[0+8]",
)
class SetAsync(Message):
    """Send these asynchronous messages: (name, reasons as primary or equal, reasons as secondary) each."""

    masks: tuple[tuple[str, int, int], ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed in OpenFlow 1.3 and Nicira's first form, properties else."""
        masks = {name: (primary, secondary) for name, primary, secondary in self.masks}
        if form.number == 19 or (form.kind == "OFPT" and dialect.version == OF13):
            return _encode_masks(masks)
        return _encode_properties(masks)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed in OpenFlow 1.3 and Nicira's first form, properties else."""
        if form.number == 19 or (form.kind == "OFPT" and dialect.version == OF13):
            return cls(_decode_masks(body, dialect.version))
        return cls(_decode_properties(body, dialect.version, loose=False))


@message("GET_ASYNC_REQUEST", "OFPT 1.3+(26)[0]")
class GetAsyncRequest(Message):
    """Which asynchronous messages do you send me?"""


@message("GET_ASYNC_REPLY", "OFPT 1.3(27)[24], OFPT 1.4+(27)[0+8]")
class GetAsyncReply(Message):
    """These: (name, reasons as primary or equal, reasons as secondary) each."""

    masks: tuple[tuple[str, int, int], ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed in OpenFlow 1.3, properties since."""
        masks = {name: (primary, secondary) for name, primary, secondary in self.masks}
        return _encode_masks(masks) if dialect.version == OF13 else _encode_properties(masks)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed in OpenFlow 1.3, properties since."""
        return cls(
            _decode_masks(body, dialect.version)
            if dialect.version == OF13
            else _decode_properties(body, dialect.version, loose=True)
        )


@message("SET_CONTROLLER_ID", "NXT 1.0+(20)[8]")
class SetControllerId(Message):
    """Packets sent by `controller(id=…)` with this id are for me."""

    controller_id: int = wire(U16)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Six zeros first."""
        return bytes(6) + self.controller_id.to_bytes(2, "big")

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Six zeros first."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if any(body[:6]) and not dialect.loose:
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(int.from_bytes(body[6:], "big"))


# enum nx_flow_format and enum ofputil_packet_in_format
NXFF_OPENFLOW10, NXFF_NXM = 0, 2
NXPIF_STANDARD, NXPIF_NXT_PACKET_IN, NXPIF_NXT_PACKET_IN2 = range(3)


@message("SET_FLOW_FORMAT", "NXT 1.0(12)[4]")
class SetFlowFormat(Message):
    """OpenFlow 1.0: tell flows in this format (NXFF_*)."""

    format: int = wire(U32)


@message("FLOW_MOD_TABLE_ID", "NXT 1.0+(15)[8]")
class FlowModTableId(Message):
    """OpenFlow 1.0: the upper byte of a flow-mod's command is a table from now on, or no longer."""

    enabled: bool

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A byte, and seven of padding."""
        return bytes([self.enabled, 0, 0, 0, 0, 0, 0, 0])

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A byte, and seven of padding."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(bool(body[0]))


@message("SET_PACKET_IN_FORMAT", "NXT 1.0+(16)[4]")
class SetPacketInFormat(Message):
    """Send packet-ins in this format (NXPIF_*)."""

    format: int = wire(U32)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Refuse formats that we do not know."""
        made = super().decode_body(form, dialect, body)
        if made.format > NXPIF_NXT_PACKET_IN2:  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(BadRequest.EPERM, "unknown packet-in format")
        return made


@message("FLOW_AGE", "NXT 1.0+(18)[0]")
class FlowAge(Message):
    """Tell idle and hard ages in Nicira's flow statistics."""
