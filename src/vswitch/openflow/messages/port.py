"""Ports: what they are, what they carried, how they change.

Sources: OpenFlow 1.0, 5.2.1; OpenFlow 1.1, A.2.1; OpenFlow 1.4, 7.2.1; OpenFlow 1.5.1, 7.3.5.6, 7.3.5.7, 7.3.4.3, 7.4.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

from vswitch.flow.ports import OFPP_ANY, OfPort, from_16, to_16
from vswitch.openflow.codec import check_port, mac_from_bytes, mac_to_bytes, text_from_bytes, text_to_bytes
from vswitch.openflow.errors import BadProperty, BadRequest, OpenFlowError, PortModFailed
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.messages.optical import OpticalMod, OpticalPort, OpticalStats
from vswitch.openflow.messages.portcounters import Custom, decode_custom, decode_rfc2819, encode_counters
from vswitch.openflow.properties import Property, encode_others, encode_property, split_properties
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF10, OF13, OF14, OF15

# enum ofp_port_config: OpenFlow 1.0 has all, later versions those marked.
OFPPC_PORT_DOWN = 1 << 0  # all versions
OFPPC10_NO_STP = 1 << 1
OFPPC_NO_RECV = 1 << 2  # all versions
OFPPC10_NO_RECV_STP = 1 << 3
OFPPC10_NO_FLOOD = 1 << 4
OFPPC_NO_FWD = 1 << 5  # all versions
OFPPC_NO_PACKET_IN = 1 << 6  # all versions
_CONFIG10 = 0x7F
_CONFIG11 = OFPPC_PORT_DOWN | OFPPC_NO_RECV | OFPPC_NO_FWD | OFPPC_NO_PACKET_IN

# enum ofp_port_state.
OFPPS_LINK_DOWN = 1 << 0
OFPPS11_BLOCKED = 1 << 1
OFPPS11_LIVE = 1 << 2
OFPPS10_STP_LISTEN, OFPPS10_STP_LEARN, OFPPS10_STP_FORWARD, OFPPS10_STP_BLOCK = (n << 8 for n in range(4))
OFPPS10_STP_MASK = 3 << 8
_STATE10 = OFPPS_LINK_DOWN | OFPPS10_STP_MASK
_STATE11 = OFPPS_LINK_DOWN | OFPPS11_BLOCKED | OFPPS11_LIVE

# enum ofp_port_features, as OpenFlow 1.1 and later have it.
OFPPF_10MB_HD, OFPPF_10MB_FD, OFPPF_100MB_HD, OFPPF_100MB_FD = 1 << 0, 1 << 1, 1 << 2, 1 << 3
OFPPF_1GB_HD, OFPPF_1GB_FD, OFPPF_10GB_FD = 1 << 4, 1 << 5, 1 << 6
OFPPF_40GB_FD, OFPPF_100GB_FD, OFPPF_1TB_FD, OFPPF_OTHER = 1 << 7, 1 << 8, 1 << 9, 1 << 10
OFPPF_COPPER, OFPPF_FIBER, OFPPF_AUTONEG, OFPPF_PAUSE, OFPPF_PAUSE_ASYM = (1 << n for n in range(11, 16))


OFPPF_ALL = 0xFFFF


def features_to_10(features: int) -> int:
    """Features in OpenFlow 1.0, where the media follow 10GB_FD directly."""
    return features & 0x7F | (features & 0xF800) >> 4


def features_from_10(features: int) -> int:
    """Features of OpenFlow 1.0, with the bits of later versions."""
    return features & 0x7F | (features & 0xF80) << 4


# The highest rate first: bits of OFPPF_* and kbit/s.
_SPEEDS = (
    (OFPPF_1TB_FD, 1_000_000_000),
    (OFPPF_100GB_FD, 100_000_000),
    (OFPPF_40GB_FD, 40_000_000),
    (OFPPF_10GB_FD, 10_000_000),
    (OFPPF_1GB_FD | OFPPF_1GB_HD, 1_000_000),
    (OFPPF_100MB_FD | OFPPF_100MB_HD, 100_000),
    (OFPPF_10MB_FD | OFPPF_10MB_HD, 10_000),
)


def speed_of(features: int) -> int:
    """The highest rate among `features`, in kbit/s; 0: none."""
    return next((speed for bits, speed in _SPEEDS if features & bits), 0)


_PORT10 = struct.Struct("!H6s16sIIIIII")
_PORT11 = struct.Struct("!I4x6s2x16sIIIIIIII")
_PORT14 = struct.Struct("!IH2x6s2x16sII")
_ETHERNET14 = struct.Struct("!4xIIIIII")
PORT10_SIZE, PORT11_SIZE = _PORT10.size, _PORT11.size
_ETHERNET = 0  # property type in descriptions, statistics and modifications


@value
class Port(Value):
    """A port's description.  Speeds are in kbit/s; features are OFPPF_* as in OpenFlow 1.1."""

    port_no: OfPort
    hw_addr: int = 0
    name: str = ""
    config: int = 0  # OFPPC_*
    state: int = 0  # OFPPS_*
    curr: int = 0
    advertised: int = 0
    supported: int = 0
    peer: int = 0
    curr_speed: int = 0
    max_speed: int = 0
    optical: OpticalPort | None = None  # since OpenFlow 1.4
    others: tuple[Property, ...] = ()  # since OpenFlow 1.4: those that have no field here

    def encode(self, version: int) -> bytes:
        """The port's bytes."""
        mac, name = mac_to_bytes(self.hw_addr), text_to_bytes(self.name)[:15]
        features = self.curr, self.advertised, self.supported, self.peer
        if version == OF10:
            low = map(features_to_10, features)
            return _PORT10.pack(
                to_16(self.port_no), mac, name, self.config & _CONFIG10, self.state & _STATE10, *low
            )
        config, state = self.config & _CONFIG11, self.state & _STATE11
        speeds = self.curr_speed, self.max_speed
        if version < OF14:
            return _PORT11.pack(self.port_no, mac, name, config, state, *features, *speeds)
        properties = encode_property(_ETHERNET, _ETHERNET14.pack(*features, *speeds))
        properties += self.optical.encode() if self.optical else b""
        properties += encode_others(self.others)
        size = _PORT14.size + len(properties)
        return _PORT14.pack(self.port_no, size, mac, name, config, state) + properties

    @classmethod
    def decode_fixed(cls, version: int, data: bytes, at: int) -> Port:
        """The port at byte `at`, in the form without properties: until OpenFlow 1.3."""
        if version == OF10:
            port, mac, name, config, state, *features = _PORT10.unpack_from(data, at)
            features = list(map(features_from_10, features))
            features += speed_of(features[0]), speed_of(features[2])
            port, config, state = from_16(port), config & _CONFIG10, state & _STATE10
        else:
            port, mac, name, config, state, *features = _PORT11.unpack_from(data, at)
            check_port(port)
            features[:4] = (bits & OFPPF_ALL for bits in features[:4])
            config, state = config & _CONFIG11, state & _STATE11
        return cls(OfPort(port), mac_from_bytes(mac), text_from_bytes(name), config, state, *features)

    @classmethod
    def decode14(cls, data: bytes, at: int) -> tuple[Port, int]:
        """The port at byte `at`, in the form with properties, and where it ends."""
        if len(data) - at < _PORT14.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        port, size, mac, name, config, state = _PORT14.unpack_from(data, at)
        if size < _PORT14.size or size > len(data) - at:
            raise OpenFlowError(BadRequest.BAD_LEN)
        check_port(port)
        made = cls(
            OfPort(port), mac_from_bytes(mac), text_from_bytes(name), config & _CONFIG11, state & _STATE11
        )
        for prop in split_properties(data[at + _PORT14.size : at + size]):
            if prop.type == _ETHERNET:
                if len(prop.payload) != _ETHERNET14.size:
                    raise OpenFlowError(BadProperty.BAD_LEN)
                names = ("curr", "advertised", "supported", "peer", "curr_speed", "max_speed")
                *features, now, most = _ETHERNET14.unpack(prop.payload)
                told = (*(bits & OFPPF_ALL for bits in features), now, most)
                made = made.replace(**dict(zip(names, told, strict=True)))
            elif optical := OpticalPort.decode(prop):
                made = made.replace(optical=optical)
            else:
                made = made.replace(others=(*made.others, prop))
        return made, at + size


def encode_ports(version: int, ports: tuple[Port, ...]) -> Iterator[bytes]:
    """The bytes of each."""
    return (port.encode(version) for port in ports)


def decode_ports(version: int, data: bytes) -> tuple[Port, ...]:
    """The ports that fill `data`."""
    ports, at = [], 0
    while at < len(data):
        port, at = decode_port(version, data, at)
        ports.append(port)
    return tuple(ports)


def decode_port(version: int, data: bytes, at: int) -> tuple[Port, int]:
    """The port at byte `at`, and where it ends."""
    if version >= OF14:
        return Port.decode14(data, at)
    size = PORT10_SIZE if version == OF10 else PORT11_SIZE
    if len(data) - at < size:
        raise OpenFlowError(BadRequest.BAD_LEN)
    return Port.decode_fixed(version, data, at), at + size


OFPPR_ADD, OFPPR_DELETE, OFPPR_MODIFY = range(3)


@message("PORT_STATUS", "OFPT 1.0(12)[56], OFPT 1.1-1.3(12)[72], OFPT 1.4+(12)[48+8]")
class PortStatus(Message):
    """A port was added, deleted or modified (OFPPR_*)."""

    reason: int
    port: Port

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The reason, padding, the port."""
        return self.reason.to_bytes(8, "little") + self.port.encode(dialect.version)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Exactly one port."""
        if len(body) < 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        reason = body[0]
        if reason > OFPPR_MODIFY:
            raise OpenFlowError(BadRequest.BAD_REASON)
        return cls(reason, decode_port(dialect.version, body, 8)[0])


_PORT_MOD10 = struct.Struct("!H6sIII4x")
_PORT_MOD11 = struct.Struct("!I4x6s2xIII4x")
_PORT_MOD14 = struct.Struct("!I4x6s2xII")


@message("PORT_MOD", "OFPT 1.0(15)[24], OFPT 1.1-1.3(16)[32], OFPT 1.4+(16)[24+8]")
class PortMod(Message):
    """Change the bits `mask` of a port's configuration; `hw_addr` must be the port's own."""

    port_no: OfPort
    hw_addr: int
    config: int = 0
    mask: int = 0
    advertise: int = 0  # OFPPF_*; 0 changes nothing
    optical: OpticalMod | None = None  # since OpenFlow 1.4
    others: tuple[Property, ...] = ()  # since OpenFlow 1.4: those that have no field here

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """`advertise` became a property in OpenFlow 1.4."""
        mac = mac_to_bytes(self.hw_addr)
        if dialect.version == OF10:
            advertise = features_to_10(self.advertise)
            bits = self.config & _CONFIG10, self.mask & _CONFIG10
            return _PORT_MOD10.pack(to_16(self.port_no), mac, *bits, advertise)
        bits = self.config & _CONFIG11, self.mask & _CONFIG11
        if dialect.version < OF14:
            return _PORT_MOD11.pack(self.port_no, mac, *bits, self.advertise)
        ethernet = encode_property(_ETHERNET, struct.pack("!I", self.advertise)) if self.advertise else b""
        optical = self.optical.encode() if self.optical else b""
        return _PORT_MOD14.pack(self.port_no, mac, *bits) + ethernet + optical + encode_others(self.others)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A number that no port can have is a bad port."""
        version = dialect.version
        form_ = _PORT_MOD10 if version == OF10 else _PORT_MOD11 if version < OF14 else _PORT_MOD14
        if len(body) < form_.size or (len(body) > form_.size and version < OF14):
            raise OpenFlowError(BadRequest.BAD_LEN)
        port, mac, config, mask, *rest = form_.unpack_from(body)
        advertise = rest[0] & OFPPF_ALL if rest else 0
        if version == OF10:
            port, advertise = from_16(port), features_from_10(advertise)
        check_port(port)
        known = _CONFIG10 if version == OF10 else _CONFIG11
        optical: OpticalMod | None = None
        others: list[Property] = []
        if version >= OF14:
            for prop in split_properties(body[form_.size :]):
                if prop.type == _ETHERNET:
                    advertise = prop.u32() & OFPPF_ALL
                elif not dialect.loose:
                    raise prop.unknown()  # a switch cannot do what it does not know
                elif tuning := OpticalMod.decode(prop):
                    optical = tuning
                else:
                    others.append(prop)
        if version > OF10 and mask & ~known and not dialect.loose:
            raise OpenFlowError(PortModFailed.BAD_CONFIG)
        bits = config & mask & known, mask & known
        return cls(OfPort(port), mac_from_bytes(mac), *bits, advertise, optical, tuple(others))


@message("PORT_DESC", "OFPST 1.0-1.4(13)[0], OFPST 1.5+(13)[8]", "request")
class PortDescRequest(Multipart):
    """Describe your ports; since OpenFlow 1.5 one may be asked for."""

    port_no: OfPort = OFPP_ANY

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Nothing until OpenFlow 1.4."""
        return struct.pack("!I4x", self.port_no) if dialect.version >= OF15 else b""

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Nothing until OpenFlow 1.4."""
        if len(body) != (8 if dialect.version >= OF15 else 0):
            raise OpenFlowError(BadRequest.BAD_LEN)
        port = int.from_bytes(body[:4], "big") if body else OFPP_ANY
        check_port(port)
        return cls(OfPort(port))


@message("PORT_DESC", "OFPST 1.0(13)[0+48], OFPST 1.1-1.3(13)[0+64], OFPST 1.4+(13)[0+8]", "reply")
class PortDescReply(Multipart):
    """The ports."""

    ports: tuple[Port, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many ports per message as fit."""
        return group_items(encode_ports(dialect.version, self.ports))

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Ports to the end."""
        return decode_each(body, partial(decode_port, dialect.version), cls)


@message("PORT", "OFPST 1.0+(4)[8]", "request")
class PortStatsRequest(Multipart):
    """What has `port_no` carried?  OFPP_ANY: each port."""

    port_no: OfPort = OFPP_ANY

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A port and padding, 8 bytes."""
        if dialect.version == OF10:
            return struct.pack("!H6x", to_16(self.port_no))
        return struct.pack("!I4x", self.port_no)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A port and padding, 8 bytes."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if dialect.version == OF10:
            return cls(from_16(int.from_bytes(body[:2], "big")))
        port = int.from_bytes(body[:4], "big")
        check_port(port)
        return cls(OfPort(port))


_STATS10 = struct.Struct("!H6x12Q")
_STATS11 = struct.Struct("!I4x12Q")
_STATS13 = struct.Struct("!I4x12QII")
_STATS14 = struct.Struct("!H2xIII8Q")
_STATS14_ETHERNET = struct.Struct("!4x4Q")
UNKNOWN_COUNT = (1 << 64) - 1  # a counter that the switch does not have


@value
class PortStats(Value):
    """What a port has carried; counters that are unknown are UNKNOWN_COUNT."""

    port_no: OfPort
    rx_packets: int = UNKNOWN_COUNT
    tx_packets: int = UNKNOWN_COUNT
    rx_bytes: int = UNKNOWN_COUNT
    tx_bytes: int = UNKNOWN_COUNT
    rx_dropped: int = UNKNOWN_COUNT
    tx_dropped: int = UNKNOWN_COUNT
    rx_errors: int = UNKNOWN_COUNT
    tx_errors: int = UNKNOWN_COUNT
    rx_frame_err: int = UNKNOWN_COUNT
    rx_over_err: int = UNKNOWN_COUNT
    rx_crc_err: int = UNKNOWN_COUNT
    collisions: int = UNKNOWN_COUNT
    duration_sec: int | None = None  # since OpenFlow 1.3; 0xffffffff: unknown
    duration_nsec: int = 0
    rfc2819: tuple[int, ...] = ()  # since OpenFlow 1.4, in the order of RFC2819_NAMES
    custom: Custom = ()  # since OpenFlow 1.4: names and counts
    optical: OpticalStats | None = None  # since OpenFlow 1.4
    others: tuple[Property, ...] = ()  # since OpenFlow 1.4: those that have no field here

    def encode(self, version: int) -> bytes:
        """Fixed until OpenFlow 1.3; then the Ethernet counters are a property."""
        counters = PortStats._astuple(self)[1:13]
        if version == OF10:
            return _STATS10.pack(to_16(self.port_no), *counters)
        if version < OF13:
            return _STATS11.pack(self.port_no, *counters)
        age = (
            (0xFFFFFFFF, 0xFFFFFFFF) if self.duration_sec is None else (self.duration_sec, self.duration_nsec)
        )
        if version == OF13:
            return _STATS13.pack(self.port_no, *counters, *age)
        properties = encode_property(_ETHERNET, _STATS14_ETHERNET.pack(*counters[8:]))
        properties += self.optical.encode() if self.optical else b""
        properties += encode_counters(self.rfc2819, self.custom) + encode_others(self.others)
        return _STATS14.pack(_STATS14.size + len(properties), self.port_no, *age, *counters[:8]) + properties

    @classmethod
    def decode_fixed(cls, version: int, data: bytes, at: int) -> tuple[PortStats, int]:
        """The statistics at byte `at`, in the form without properties, and where they end."""
        layout = _STATS10 if version == OF10 else _STATS11 if version < OF13 else _STATS13
        if len(data) - at < layout.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        port, *counters = layout.unpack_from(data, at)
        port = from_16(port) if version == OF10 else check_port(port)
        if version == OF13:
            counters[12:] = _age(*counters[12:])
        return cls(OfPort(port), *counters), at + layout.size

    @classmethod
    def decode14(cls, data: bytes, at: int) -> tuple[PortStats, int]:
        """The statistics at byte `at`, in the form with properties, and where they end."""
        if len(data) - at < _STATS14.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        size, port, sec, nsec, *counters = _STATS14.unpack_from(data, at)
        if size < _STATS14.size or size > len(data) - at:
            raise OpenFlowError(BadRequest.BAD_LEN)
        check_port(port)
        ethernet, found, others = (UNKNOWN_COUNT,) * 4, dict[str, Any](), list[Property]()
        for prop in split_properties(data[at + _STATS14.size : at + size]):
            if prop.type == _ETHERNET:
                if len(prop.payload) != _STATS14_ETHERNET.size:
                    raise OpenFlowError(BadProperty.BAD_LEN)
                ethernet = _STATS14_ETHERNET.unpack(prop.payload)
            elif (rfc2819 := decode_rfc2819(prop)) is not None:
                found["rfc2819"] = rfc2819 or found.get("rfc2819", ())
            elif (custom := decode_custom(prop)) is not None:
                found["custom"] = custom or found.get("custom", ())
            elif optical := OpticalStats.decode(prop):
                found["optical"] = optical
            else:
                others.append(prop)
        age, age_nsec = _age(sec, nsec)
        made = cls(OfPort(port), *counters, *ethernet)  # type: ignore[call-arg]  # as many as there are fields
        found |= {"duration_sec": age, "duration_nsec": age_nsec, "others": tuple(others)}
        return made.replace(**found), at + size


def _age(sec: int, nsec: int) -> tuple[int | None, int]:
    return (None, 0) if sec == 0xFFFFFFFF else (sec, nsec)


@message("PORT", "OFPST 1.0-1.2(4)[0+104], OFPST 1.3(4)[0+112], OFPST 1.4+(4)[0+8]", "reply")
class PortStatsReply(Multipart):
    """What ports have carried."""

    stats: tuple[PortStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(entry.encode(dialect.version) for entry in self.stats)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        if dialect.version >= OF14:
            return decode_each(body, PortStats.decode14, cls)
        return decode_each(body, partial(PortStats.decode_fixed, dialect.version), cls)
