"""Meters: bands of rates, beyond which packets are dropped or marked.

Sources: OpenFlow 1.3, A.3.4.4 and A.3.5.12 to 14.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.openflow.codec import U32
from vswitch.openflow.errors import BadRequest, MeterModFailed, OpenFlowError
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.value import Value, value, wire

# enum ofp13_meter_mod_command, ofp13_meter_flags, ofp13_meter_band_type and ofp13_meter
OFPMC_ADD, OFPMC_MODIFY, OFPMC_DELETE = range(3)
OFPMF_KBPS, OFPMF_PKTPS, OFPMF_BURST, OFPMF_STATS = 1 << 0, 1 << 1, 1 << 2, 1 << 3
OFPMBT_DROP, OFPMBT_DSCP_REMARK = 1, 2
OFPM_SLOWPATH, OFPM_CONTROLLER, OFPM_ALL = 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF


@value
class Band(Value):
    """From `rate` on, do what the type says."""

    type: int
    rate: int
    burst_size: int = 0
    prec_level: int = 0  # OFPMBT_DSCP_REMARK: by how many the drop precedence grows

    def encode(self) -> bytes:
        """Sixteen bytes."""
        return _BAND.pack(self.type, _BAND.size, self.rate, self.burst_size, self.prec_level)


_BAND = struct.Struct("!HHIIB3x")


def _decode_bands(data: bytes) -> tuple[Band, ...]:
    bands, at = [], 0
    while at < len(data):
        if len(data) - at < 12:
            raise OpenFlowError(BadRequest.BAD_LEN)
        kind, size = struct.unpack_from("!HH", data, at)
        if size != _BAND.size or size > len(data) - at:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if kind not in (OFPMBT_DROP, OFPMBT_DSCP_REMARK):
            raise OpenFlowError(MeterModFailed.BAD_BAND)
        _, _, rate, burst, level = _BAND.unpack_from(data, at)
        bands.append(Band(kind, rate, burst, level if kind == OFPMBT_DSCP_REMARK else 0))
        at += size
    return tuple(bands)


_MOD = struct.Struct("!HHI")


@message("METER_MOD", "OFPT 1.3+(29)[8+8]")
class MeterMod(Message):
    """Add, modify or delete a meter."""

    command: int = OFPMC_ADD
    meter_id: int = 0
    flags: int = 0  # OFPMF_*
    bands: tuple[Band, ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The bands follow."""
        head = _MOD.pack(self.command, self.flags, self.meter_id)
        return head + b"".join(band.encode() for band in self.bands)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A deletion has no more than a number."""
        if len(body) < _MOD.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        command, flags, meter = _MOD.unpack_from(body)
        if command > OFPMC_DELETE:
            raise OpenFlowError(MeterModFailed.BAD_COMMAND)
        if command == OFPMC_DELETE:
            return cls(command, meter)
        if flags & OFPMF_KBPS and flags & OFPMF_PKTPS:
            raise OpenFlowError(MeterModFailed.BAD_FLAGS)
        return cls(command, meter, flags, _decode_bands(body[_MOD.size :]))


@message("METER", "OFPST 1.3+(9)[8]", "request")
class MeterStatsRequest(Multipart):
    """What has the meter seen?  OFPM_ALL: each meter."""

    meter_id: int = wire(U32, 4, default=OFPM_ALL)


@value
class MeterStats(Value):
    """What a meter has seen, and each of its bands."""

    meter_id: int
    flow_count: int = 0
    packet_in_count: int = 0
    byte_in_count: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    bands: tuple[tuple[int, int], ...] = ()  # packets and bytes

    def encode(self) -> bytes:
        """The length stands after the number."""
        bands = b"".join(_BAND_STATS.pack(*band) for band in self.bands)
        counters = MeterStats._astuple(self)[1:6]
        return _STATS.pack(self.meter_id, _STATS.size + len(bands), *counters) + bands

    @classmethod
    def decode(cls, data: bytes, at: int) -> tuple[MeterStats, int]:
        """The statistics at byte `at`, and where they end."""
        if len(data) - at < _STATS.size:
            why = f"OFPMP_METER reply has {len(data) - at} leftover bytes at end"
            raise OpenFlowError(BadRequest.BAD_LEN, why, "ofp_meter")
        meter, size, *counters = _STATS.unpack_from(data, at)
        if size < _STATS.size or size > len(data) - at or (size - _STATS.size) % _BAND_STATS.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        bands = tuple(_BAND_STATS.iter_unpack(data[at + _STATS.size : at + size]))
        flows, packets, octets, sec, nsec = counters
        return cls(meter, flows, packets, octets, sec, nsec, bands), at + size


_STATS = struct.Struct("!IH6xIQQII")
_BAND_STATS = struct.Struct("!QQ")


@message("METER", "OFPST 1.3+(9)[0+8]", "reply")
class MeterStatsReply(Multipart):
    """What the meters have seen."""

    meters: tuple[MeterStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(meter.encode() for meter in self.meters)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, MeterStats.decode, cls)


@message("METER_CONFIG", "OFPST 1.3+(10)[8]", "request")
class MeterConfigRequest(Multipart):
    """How is the meter configured?  OFPM_ALL: each meter."""

    meter_id: int = wire(U32, 4, default=OFPM_ALL)


@value
class MeterConfig(Value):
    """How a meter is configured."""

    meter_id: int
    flags: int = 0
    bands: tuple[Band, ...] = ()


@message("METER_CONFIG", "OFPST 1.3+(10)[0+8]", "reply")
class MeterConfigReply(Multipart):
    """How the meters are configured."""

    meters: tuple[MeterConfig, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(_encode_config(meter) for meter in self.meters)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, _decode_config, cls)


def _decode_config(body: bytes, at: int) -> tuple[MeterConfig, int]:
    """The meter at byte `at`, and where it ends."""
    if len(body) - at < _MOD.size:
        raise OpenFlowError(BadRequest.BAD_LEN)
    size, flags, meter = _MOD.unpack_from(body, at)
    if size < _MOD.size or size > len(body) - at:
        raise OpenFlowError(BadRequest.BAD_LEN)
    return MeterConfig(meter, flags, _decode_bands(body[at + _MOD.size : at + size])), at + size


def _encode_config(meter: MeterConfig) -> bytes:
    bands = b"".join(band.encode() for band in meter.bands)
    return _MOD.pack(_MOD.size + len(bands), meter.flags, meter.meter_id) + bands


@message("METER_FEATURES", "OFPST 1.3+(11)[0]", "request")
class MeterFeaturesRequest(Multipart):
    """What meters can you make?"""


_FEATURES = struct.Struct("!IIIBB2x")


@message("METER_FEATURES", "OFPST 1.3+(11)[16]", "reply")
class MeterFeaturesReply(Multipart):
    """What meters the switch can make: how many, bits of band types and of OFPMF_*, bands, colours."""

    max_meters: int = 0
    band_types: int = 0
    capabilities: int = 0
    max_bands: int = 0
    max_color: int = 0

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed."""
        return _FEATURES.pack(*MeterFeaturesReply._astuple(self)[:5])

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed."""
        if len(body) != _FEATURES.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(*_FEATURES.unpack(body))
