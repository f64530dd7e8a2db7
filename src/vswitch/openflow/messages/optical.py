"""Ports of light: properties that OpenFlow 1.4 gave to descriptions, statistics and changes of ports.

Frequencies are in MHz, or wavelengths in picometres times 100, as flags say; powers are in tenths of dBm, signed.

Sources: OpenFlow 1.4, 7.2.1.2 (ofp_port_desc_prop_optical), 7.3.4.3 (ofp_port_mod_prop_optical), 7.3.5.6
(ofp_port_stats_prop_optical).
"""

from __future__ import annotations

from typing import ClassVar, Self

from vswitch.openflow.codec import I32, U16, U32, layout
from vswitch.openflow.properties import Property, encode_property
from vswitch.openflow.value import Value, value, wire
from vswitch.openflow.version import OF14

_OPTICAL = 1  # OFPPDPT_OPTICAL, OFPPSPT_OPTICAL and OFPPMPT_OPTICAL

# enum ofp_optical_port_features
OFPOPF_RX_TUNE, OFPOPF_TX_TUNE, OFPOPF_TX_PWR, OFPOPF_USE_FREQ = (1 << n for n in range(4))

# enum ofp_port_stats_optical_flags
OFPOSF_RX_TUNE, OFPOSF_TX_TUNE, OFPOSF_TX_PWR = (1 << n for n in range(3))
OFPOSF_RX_PWR, OFPOSF_TX_BIAS, OFPOSF_TX_TEMP = (1 << n for n in range(4, 7))


@value
class Optical(Value):
    """Base of the three properties, each of which is told by its `wire` fields."""

    skipped: ClassVar[int] = 0  # bytes of padding in front

    def encode(self) -> bytes:
        """The property."""
        return encode_property(_OPTICAL, bytes(self.skipped) + layout(type(self), OF14).pack(self))

    @classmethod
    def decode(cls, prop: Property) -> Self | None:
        """From the property; None if it is another, or of another length."""
        fields = layout(cls, OF14)
        if prop.type != _OPTICAL or len(prop.payload) != cls.skipped + fields.size:
            return None
        return cls(*fields.unpack(prop.payload, cls.skipped))


@value
class OpticalPort(Optical):
    """What a port can be tuned to."""

    skipped = 4
    supported: int = wire(U32, default=0)  # OFPOPF_*
    tx_min: int = wire(U32, default=0)
    tx_max: int = wire(U32, default=0)
    tx_grid: int = wire(U32, default=0)
    rx_min: int = wire(U32, default=0)
    rx_max: int = wire(U32, default=0)
    rx_grid: int = wire(U32, default=0)
    tx_power_min: int = wire(U16, default=0)
    tx_power_max: int = wire(U16, default=0)


@value
class OpticalStats(Optical):
    """What a port is tuned to, and how its laser is."""

    skipped = 4
    flags: int = wire(U32, default=0)  # OFPOSF_*
    tx: int = wire(U32, default=0)
    tx_offset: int = wire(U32, default=0)
    tx_span: int = wire(U32, default=0)
    rx: int = wire(U32, default=0)
    rx_offset: int = wire(U32, default=0)
    rx_span: int = wire(U32, default=0)
    tx_power: int = wire(U16, default=0)
    rx_power: int = wire(U16, default=0)
    bias_current: int = wire(U16, default=0)  # in tenths of mA
    temperature: int = wire(U16, default=0)  # in tenths of a degree Celsius


@value
class OpticalMod(Optical):
    """How a port is to be tuned."""

    configure: int = wire(U32, default=0)  # OFPOPF_*
    frequency: int = wire(U32, default=0)
    offset: int = wire(I32, default=0)
    span: int = wire(U32, default=0)
    tx_power: int = wire(U32, default=0)
