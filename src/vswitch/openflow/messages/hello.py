"""Symmetric messages: HELLO, ERROR, ECHO.

Sources: OpenFlow 1.5.1, 7.5.1 (Hello), 7.5.2 (Echo), 7.5.4 (Error); OVS ofp-errors.h (vendor errors in OpenFlow 1.0).
"""

from __future__ import annotations

import struct

from vswitch.openflow.errors import (
    EXPERIMENTER_ERROR_TYPE,
    NX_ERROR_TYPE,
    BadRequest,
    ErrorCode,
    OpenFlowError,
    WireCode,
    from_wire,
)
from vswitch.openflow.message import HEADER, MAX_LENGTH, Dialect, Form, Message, message
from vswitch.openflow.value import value
from vswitch.openflow.version import OF12, from_bitmap

_MAX_ERROR = 12  # bytes of an error's numbers
_PAIR = struct.Struct("!HH")
_VERSIONBITMAP = 1  # OFPHET_VERSIONBITMAP
_HIGHEST = 31  # that fits a bitmap


@message("HELLO", "OFPT 1.0+(0)[0+1]")
class Hello(Message):
    """The first message of both sides: which versions the sender speaks.

    Without a bitmap in the message these are all versions up to that of the header, and so no bitmap is sent then.
    """

    versions: frozenset[int]
    unknown: bool = False  # whether there was more than a bitmap that we know, for printing

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A bitmap, if the versions are not simply all up to the highest."""
        bits = sum(1 << version for version in self.versions)
        if bits == (2 << max(self.versions)) - 2:
            return b""
        return _PAIR.pack(_VERSIONBITMAP, 8) + struct.pack("!I", bits & 0xFFFFFFFF)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The bitmap's versions; elements that we do not know, and such as are malformed, mean nothing."""
        versions = frozenset(range(1, min(dialect.version, _HIGHEST) + 1))
        at, unknown = 0, False
        while at < len(body):
            if len(body) - at < 4:
                return cls(versions, True)
            kind, size = _PAIR.unpack_from(body, at)
            end = at + -(-size // 8) * 8
            if size < 4 or end > len(body):
                return cls(versions, True)
            bits = int.from_bytes(body[at + 4 : at + 8], "big") & ~1
            if kind == _VERSIONBITMAP and size % 4 == 0 and size > 4 and bits:
                versions = from_bitmap(bits)
            else:
                unknown = True
            at = end
        return cls(versions, unknown)


@message("ERROR", "OFPT 1.0+(1)[4+1]")
class Error(Message):
    """A request failed; `data` is the request, or how it began."""

    code: ErrorCode | WireCode  # WireCode: numbers that we have no name for
    data: bytes = b""

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """An error that the version cannot express goes as NXBRC_UNENCODABLE_ERROR."""
        wire = self.code.on_wire(dialect.version) if isinstance(self.code, ErrorCode) else self.code
        if wire is None:
            wire = BadRequest.UNENCODABLE_ERROR.on_wire(dialect.version)
            assert wire is not None
        if not wire.vendor:
            return _PAIR.pack(wire.type, wire.code) + self.data
        if dialect.version < OF12:
            head = _PAIR.pack(NX_ERROR_TYPE, 0) + struct.pack("!IHH", *wire)
        else:
            head = _PAIR.pack(EXPERIMENTER_ERROR_TYPE, wire.code) + struct.pack("!I", wire.vendor)
        return head + self.data

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The error by name where it has one."""
        if len(body) < 4:
            raise OpenFlowError(BadRequest.BAD_LEN)
        type_, code = _PAIR.unpack_from(body)
        wire, data = WireCode(0, type_, code), body[4:]
        if type_ == NX_ERROR_TYPE and not code and len(body) >= 12:
            wire, data = WireCode(*struct.unpack_from("!IHH", body, 4)), body[12:]
        elif type_ == EXPERIMENTER_ERROR_TYPE and len(body) >= 8:
            vendor, data = int.from_bytes(body[4:8], "big"), body[8:]
            wire = WireCode(vendor, 0, code) if vendor else WireCode(0, code, 0)  # of no vendor, the type
        return cls(from_wire(dialect.version, wire) or wire, data)


@value
class Echo(Message):
    """What echo requests and replies share: any bytes."""

    data: bytes = b""

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The data."""
        return self.data

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The data."""
        return cls(body)


@message("ECHO_REQUEST", "OFPT 1.0+(2)[0+1]")
class EchoRequest(Echo):
    """Are you there?  `data` comes back."""


@message("ECHO_REPLY", "OFPT 1.0+(3)[0+1]")
class EchoReply(Echo):
    """I am; with the request's `data`."""


def reply_to(error: OpenFlowError, request: bytes) -> Error:
    """The ERROR for `request`, which it carries, as far as there is room."""
    return Error(error.code, request[: MAX_LENGTH - HEADER.size - _MAX_ERROR])
