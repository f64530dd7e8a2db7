"""Further counters of ports, in properties since OpenFlow 1.4: those of RFC 2819, and any with names of their own.

Both are an experimenter's, whose number is 0xaa01.  A named counter is a length, that many bytes of name, and 8 bytes.

Sources: OVS include/openflow/intel-ext.h; RFC 2819, 4 (etherStatsTable); messages of the peer's switch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.openflow.errors import BadProperty, OpenFlowError
from vswitch.openflow.properties import Property, encode_property

INTEL = 0xAA01
_EXPERIMENTER = 0xFFFF
_RFC2819, _CUSTOM = 1, 2
_SIZES = ("1_to_64", "65_to_127", "128_to_255", "256_to_511", "512_to_1023", "1024_to_1522", "1523_to_max")
RFC2819_NAMES = (
    *(f"rx_{size}_packets" for size in _SIZES),
    *(f"tx_{size}_packets" for size in _SIZES),
    *("tx_multicast_packets", "rx_broadcast_packets", "tx_broadcast_packets"),
    *("rx_undersized_errors", "rx_oversize_errors", "rx_fragmented_errors", "rx_jabber_errors"),
)
MAX_NAME = 63  # bytes of a name that count
_HEAD = struct.Struct("!II")
_COUNTERS = struct.Struct(f"!12x{len(RFC2819_NAMES)}Q")
_NUMBER = struct.Struct("!10xH")
_COUNT = struct.Struct("!Q")
_UNKNOWN = (1 << 64) - 1

Custom = tuple[tuple[str, int], ...]


def encode_counters(rfc2819: tuple[int, ...], custom: Custom) -> bytes:
    """The properties; none for what there is none of."""
    made = b""
    if rfc2819:
        counters = _COUNTERS.pack(*rfc2819)[_HEAD.size :]
        made += encode_property(_EXPERIMENTER, _HEAD.pack(INTEL, _RFC2819) + counters)
    if custom:
        entries = b"".join(_encode(name, count) for name, count in custom)
        number = _NUMBER.pack(len(custom))[_HEAD.size :]
        made += encode_property(_EXPERIMENTER, _HEAD.pack(INTEL, _CUSTOM) + number + entries)
    return made


def _encode(name: str, count: int) -> bytes:
    data = name.encode("utf-8", "surrogateescape")[:MAX_NAME]
    return bytes([len(data)]) + data + _COUNT.pack(count)


def decode_rfc2819(prop: Property) -> tuple[int, ...] | None:
    """The counters in the order of RFC2819_NAMES, none if the switch knows none; None if the property is another."""
    if not prop.is_experimenter or prop.experimenter() != (INTEL, _RFC2819):
        return None
    if len(prop.payload) != _COUNTERS.size:
        raise OpenFlowError(BadProperty.BAD_LEN)
    counters = _COUNTERS.unpack(prop.payload)
    return counters if any(count != _UNKNOWN for count in counters) else ()


def decode_custom(prop: Property) -> Custom | None:
    """The counters with their names; None if the property is another."""
    if not prop.is_experimenter or prop.experimenter() != (INTEL, _CUSTOM):
        return None
    if len(prop.payload) < _NUMBER.size:
        raise OpenFlowError(BadProperty.BAD_LEN)
    (number,) = _NUMBER.unpack_from(prop.payload)
    return tuple(_decode(prop.payload, number))


def _decode(payload: bytes, number: int) -> Iterator[tuple[str, int]]:
    at = _NUMBER.size
    for _ in range(number):
        end = at + 1 + payload[at] if at < len(payload) else len(payload)
        if end + _COUNT.size > len(payload):
            raise OpenFlowError(BadProperty.BAD_LEN)
        name = payload[at + 1 : end][:MAX_NAME].split(b"\0")[0].decode("utf-8", "surrogateescape")
        yield name, *_COUNT.unpack_from(payload, end)
        at = end + _COUNT.size
