"""Messages that hold a message: those of a bundle, and requests of other controllers that are forwarded.

A bundle collects changes that are to happen together: opened, filled with BundleAdd, closed and committed or discarded by
BundleControl.

Sources: OpenFlow 1.4, 7.3.9 (bundles) and 7.4.6 (request forward); ONF extension 230 brings bundles to OpenFlow 1.3.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from vswitch.openflow.codec import U16, U32
from vswitch.openflow.errors import BadRequest, BundleFailed, OpenFlowError
from vswitch.openflow.message import (
    HEADER,
    OFPT_VENDOR,
    Dialect,
    Form,
    Message,
    decode,
    find,
    message,
    stats_types,
)
from vswitch.openflow.value import wire

OFPBCT_OPEN_REQUEST, OFPBCT_OPEN_REPLY, OFPBCT_CLOSE_REQUEST, OFPBCT_CLOSE_REPLY = range(4)
OFPBCT_COMMIT_REQUEST, OFPBCT_COMMIT_REPLY, OFPBCT_DISCARD_REQUEST, OFPBCT_DISCARD_REPLY = range(4, 8)
OFPBF_ATOMIC, OFPBF_ORDERED = 1 << 0, 1 << 1


@message("BUNDLE_CONTROL", "OFPT 1.4+(33)[8+8], ONFT 1.3(2300)[8+8]")
class BundleControl(Message):
    """Open, close, commit or discard a bundle; and the switch's answer."""

    bundle_id: int = wire(U32)
    type: int = wire(U16)  # OFPBCT_*
    flags: int = wire(U16, default=0)  # OFPBF_*

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Properties may follow; none is defined."""
        if len(body) < _BUNDLE.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(*_BUNDLE.unpack_from(body))


_BUNDLE = struct.Struct("!IHH")
_ADD = struct.Struct("!I2xH")
_BUNDLED = frozenset(("PORT_MOD", "FLOW_MOD", "GROUP_MOD", "PACKET_OUT"))
_FORWARDED = ("GROUP_MOD", "METER_MOD")


@message("BUNDLE_ADD_MESSAGE", "OFPT 1.4+(34)[8+1], ONFT 1.3(2301)[8+1]")
class BundleAdd(Message):
    """Add `data`, a whole message of the same version and with the same xid, to a bundle."""

    bundle_id: int
    flags: int
    data: bytes

    @property
    def message(self) -> Message:
        """The message in the bundle."""
        return decode(self.data, table_ids=True)[2]

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The message follows."""
        return _ADD.pack(self.bundle_id, self.flags) + self.data

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Only messages that change something can be bundled."""
        if len(body) < _ADD.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if len(body) < _ADD.size + HEADER.size:
            raise OpenFlowError(BundleFailed.MSG_BAD_LEN)
        bundle, flags = _ADD.unpack_from(body)
        data = body[_ADD.size :]
        version, _, length, _ = HEADER.unpack_from(data)
        if version != dialect.version:
            raise OpenFlowError(BundleFailed.BAD_VERSION)
        if not HEADER.size <= length <= len(data):
            raise OpenFlowError(BundleFailed.MSG_BAD_LEN)
        return cls(bundle, flags, data[:length])

    def check_xid(self, xid: int) -> None:
        """The message in the bundle has the same."""
        if HEADER.unpack_from(self.data)[3] != xid:
            raise OpenFlowError(BundleFailed.MSG_BAD_XID)
        if _name(self.data) not in _BUNDLED:
            raise OpenFlowError(BundleFailed.MSG_UNSUP)


def _name(data: bytes) -> str:
    """The name of the message that `data` is; "" if it is none."""
    version, type_, _, _ = HEADER.unpack_from(data)
    plain = type_ not in (OFPT_VENDOR, *stats_types(version))
    try:
        kind, form, start, _ = _plain(version, type_) if plain else find(version, type_, data)
        form.check(len(data), start)
    except OpenFlowError:
        return ""
    return kind.name


@lru_cache(maxsize=256)
def _plain(version: int, number: int) -> tuple[type[Message], Form, int, int]:
    """What `find` says of messages that their type tells."""
    return find(version, number, b"")


@message("REQUESTFORWARD", "OFPT 1.4+(32)[8+8], ONFT 1.3(2350)[8+8], NXT 1.0-1.2(132)[8+8]")
class RequestForward(Message):
    """Another controller changed a group or a meter with the message `data`."""

    data: bytes

    @property
    def request(self) -> Message:
        """The other controller's message."""
        return decode(self.data)[2]

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Nothing but the message."""
        return self.data

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """It must make sense in itself."""
        if len(body) < HEADER.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        length = HEADER.unpack_from(body)[2]
        if not HEADER.size <= length <= len(body):
            raise OpenFlowError(BundleFailed.MSG_BAD_LEN)
        body = body[:length]
        if body[0] != dialect.version:
            raise OpenFlowError(BadRequest.BAD_VERSION)
        kind, form, start, _ = find(body[0], body[1], body)
        form.check(length, start)
        if kind.name not in _FORWARDED:
            raise OpenFlowError(BundleFailed.MSG_UNSUP)
        decode(body)
        return cls(body)
