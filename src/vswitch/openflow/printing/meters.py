"""Meters in text."""

from __future__ import annotations

from vswitch.openflow.flowtext import format_duration
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.meter import (
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterMod,
    MeterStats,
    MeterStatsReply,
    MeterStatsRequest,
)
from vswitch.openflow.metertext import BAND_TYPES, FLAGS, format_meter, format_meter_id
from vswitch.openflow.printing.base import Style, bit_names, prints


@prints(MeterMod)
def meter_mod(message: MeterMod, dialect: Dialect, style: Style) -> str:
    """Command, meter, bands."""
    command = ("ADD", "MOD", "DEL")[message.command]
    return f" {command} {format_meter(message.meter_id, message.flags, message.bands)}"


@prints(MeterStatsRequest, MeterConfigRequest)
def query(message: MeterStatsRequest | MeterConfigRequest, dialect: Dialect, style: Style) -> str:
    """Which meter."""
    return f" {format_meter_id(message.meter_id)}\n"


@prints(MeterFeaturesRequest)
def nothing(message: MeterFeaturesRequest, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(MeterStatsReply)
def meter_stats(message: MeterStatsReply, dialect: Dialect, style: Style) -> str:
    """A line per meter, and one for each band."""
    return "\n" + "\n".join(_stats(meter) for meter in message.meters)


def _stats(meter: MeterStats) -> str:
    text = f"{format_meter_id(meter.meter_id, ':')} flow_count:{meter.flow_count}"
    text += f" packet_in_count:{meter.packet_in_count} byte_in_count:{meter.byte_in_count}"
    text += f" duration:{format_duration(meter.duration_sec, meter.duration_nsec)} bands:\n"
    return text + "".join(
        f"{number}: packet_count:{packets} byte_count:{octets}\n"
        for number, (packets, octets) in enumerate(meter.bands)
    )


@prints(MeterConfigReply)
def meter_config(message: MeterConfigReply, dialect: Dialect, style: Style) -> str:
    """A line per meter, and one for each band."""
    return "\n" + "\n".join(
        format_meter(meter.meter_id, meter.flags, meter.bands) for meter in message.meters
    )


@prints(MeterFeaturesReply)
def meter_features(message: MeterFeaturesReply, dialect: Dialect, style: Style) -> str:
    """Three lines."""
    types = bit_names(message.band_types, [(1 << number, name) for name, number in BAND_TYPES.items()])
    return (
        f"\nmax_meter:{message.max_meters} max_bands:{message.max_bands} max_color:{message.max_color}\n"
        f"band_types: {types}\n"
        f"capabilities: {bit_names(message.capabilities, [(bit, name) for name, bit in FLAGS.items()])}\n"
    )
