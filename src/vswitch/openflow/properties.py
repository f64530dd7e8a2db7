"""Property lists: the type-length-value items with which OpenFlow 1.4 and Nicira's newer messages extend themselves.

      0      2        4
      +------+--------+---------- - - --+- - - - - +
      | type | length | payload         | padding  |     length counts header and payload, not the padding to 8 bytes
      +------+--------+---------- - - --+- - - - - +

Sources: OpenFlow 1.4, 7.2.1 and on; OVS include/openvswitch/ofp-prop.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from vswitch.openflow.codec import padded
from vswitch.openflow.errors import BadProperty, OpenFlowError
from vswitch.openflow.value import Value, value

_HEADER = struct.Struct("!HH")
_EXPERIMENTER = struct.Struct("!II")
_EXPERIMENTERS = 0xFFFF  # the type whose payload begins with a vendor and the vendor's type
_EXPERIMENTER_SIZE = _HEADER.size + _EXPERIMENTER.size


@value
class Property(Value):
    """One property; `data` is what follows its length field, alignment padding excluded."""

    type: int
    payload: bytes

    @property
    def is_experimenter(self) -> bool:
        """Whether the payload begins with a vendor and its own type."""
        return self.type == _EXPERIMENTERS

    def experimenter(self) -> tuple[int, int]:
        """The vendor and the vendor's type."""
        vendor, kind = _EXPERIMENTER.unpack_from(self.payload)
        return vendor, kind

    def u8(self) -> int:
        """A payload of one byte.  Where such small ones are padded, senders do not agree on what to count."""
        return self.start(1)

    def u16(self) -> int:
        """A payload of two bytes, and perhaps padding."""
        return self.start(2)

    def u32(self) -> int:
        """A payload of four bytes."""
        return self.exactly(4)

    def u64(self) -> int:
        """A payload of eight bytes after four of padding."""
        if len(self.payload) != 12:
            raise OpenFlowError(BadProperty.BAD_LEN)
        return int.from_bytes(self.payload[4:], "big")

    def exactly(self, size: int) -> int:
        """The number that a payload of `size` bytes is."""
        if len(self.payload) != size:
            raise OpenFlowError(BadProperty.BAD_LEN)
        return int.from_bytes(self.payload, "big")

    def start(self, size: int) -> int:
        """The number in the first `size` bytes of the payload."""
        if len(self.payload) < size:
            raise OpenFlowError(BadProperty.BAD_LEN)
        return int.from_bytes(self.payload[:size], "big")

    def unknown(self) -> OpenFlowError:
        """The error for a property that means nothing here."""
        if self.is_experimenter:
            return OpenFlowError(BadProperty.BAD_EXP_TYPE)
        return OpenFlowError(BadProperty.BAD_TYPE)


def split_properties(data: bytes, alignment: int = 8) -> Iterator[Property]:
    """The properties that fill `data`."""
    at, end = 0, len(data)
    while at < end:
        if end - at < 4:
            raise OpenFlowError(BadProperty.BAD_LEN)
        kind, size = _HEADER.unpack_from(data, at)
        stop = at + -(-size // alignment) * alignment
        if size < 4 or stop > end or (kind == _EXPERIMENTERS and size < _EXPERIMENTER_SIZE):
            raise OpenFlowError(BadProperty.BAD_LEN)
        if kind == _EXPERIMENTERS and not any(data[at + 4 : at + 8]):
            raise OpenFlowError(BadProperty.BAD_EXPERIMENTER)
        yield Property(kind, data[at + 4 : at + size])
        at = stop


def encode_others(properties: Iterable[Property]) -> bytes:
    """The bytes of properties that are kept as they came."""
    return b"".join(encode_property(prop.type, prop.payload) for prop in properties)


def encode_property(kind: int, payload: bytes) -> bytes:
    """The bytes of a property, padded."""
    return padded(_HEADER.pack(kind, 4 + len(payload)) + payload)
