"""Meters in text: what `ovs-ofctl add-meter` accepts and what `dump-meters` prints.

Sources: ovs-ofctl(8), "Meter Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.text import key_values, parse_u8, parse_u32
from vswitch.openflow.messages.meter import (
    OFPM_ALL,
    OFPM_CONTROLLER,
    OFPM_MAX,
    OFPM_SLOWPATH,
    OFPMBT_DROP,
    OFPMBT_DSCP_REMARK,
    OFPMC_ADD,
    OFPMC_DELETE,
    OFPMF_BURST,
    OFPMF_KBPS,
    OFPMF_PKTPS,
    OFPMF_STATS,
    Band,
    MeterMod,
)

FLAGS = {"kbps": OFPMF_KBPS, "pktps": OFPMF_PKTPS, "burst": OFPMF_BURST, "stats": OFPMF_STATS}
BAND_TYPES = {"drop": OFPMBT_DROP, "dscp_remark": OFPMBT_DSCP_REMARK}
_METERS = {"all": OFPM_ALL, "controller": OFPM_CONTROLLER, "slowpath": OFPM_SLOWPATH}


def parse_meter_mod(text: str, command: int = OFPMC_ADD) -> MeterMod:
    """The meter-mod with `command` that `text` means; a deletion, as a query, only says which meter."""
    needs_bands = command != OFPMC_DELETE
    head, found, bands_text = text.partition("bands=")
    if needs_bands and not found:
        raise TextError("must specify bands", text)
    meter: int | None = None
    flags = 0
    for name, value in key_values(head):
        if needs_bands and name in FLAGS:
            flags |= FLAGS[name]
        elif not value:
            raise TextError(f"field {name} missing value", name)
        elif name == "meter":
            meter = parse_meter_id(value)
        else:
            raise TextError(f"unknown keyword {name}", name)
    if meter is None:
        raise TextError("must specify 'meter'", text)
    if not needs_bands:
        return MeterMod(command, meter)
    if not flags:
        raise TextError("meter must specify either 'kbps' or 'pktps'", text)
    return MeterMod(command, meter, flags, _parse_bands(bands_text, bool(flags & OFPMF_BURST)))


def parse_meter_id(text: str) -> int:
    """A meter, by number or word."""
    if text in _METERS:
        return _METERS[text]
    number = parse_u32(text)
    if not 0 < number <= OFPM_MAX:
        raise TextError("invalid value for meter", text)
    return number


def _parse_bands(text: str, burst: bool) -> tuple[Band, ...]:
    """`type=drop,rate=100 type=dscp_remark …`: each begins with its type."""
    bands: list[dict[str, int]] = []
    for name, value in key_values(text):
        if name == "type":
            if value not in BAND_TYPES:
                raise TextError(f"field type unknown value {value}", value)
            bands.append({"type": BAND_TYPES[value]})
        elif not bands:
            raise TextError("band must start with the 'type' keyword", text)
        elif name in ("rate", "burst_size"):
            bands[-1][name] = parse_u32(value)
        elif name == "prec_level":
            bands[-1][name] = parse_u8(value, "prec_level")
        else:
            raise TextError(f"unknown keyword {name}", name)
    if not bands:
        raise TextError("meter must have bands", text)
    return tuple(_band(band, burst) for band in bands)


def _band(fields: dict[str, int], burst: bool) -> Band:
    """A band that has all that it needs and nothing else."""
    remarks = fields["type"] == OFPMBT_DSCP_REMARK
    if remarks and not fields.get("prec_level"):
        raise TextError("'dscp_remark' band must have 'prec_level'")
    if not remarks and fields.get("prec_level"):
        raise TextError("Only 'dscp_remark' band may have 'prec_level'")
    if burst and not fields.get("burst_size"):
        raise TextError("band must have 'burst_size' when 'burst' flag is set")
    if not burst and fields.get("burst_size"):
        raise TextError("band may have 'burst_size' only when 'burst' flag is set")
    if not fields.get("rate"):
        raise TextError("band must have 'rate'")
    return Band(**fields)


def format_meter_id(meter: int, separator: str = "=") -> str:
    """`meter=5`, `meter=controller` …"""
    word = next((word for word, number in _METERS.items() if number == meter), None)
    return f"meter{separator}{word or (meter if meter <= OFPM_MAX else 'unknown')}"


def format_meter(meter: int, flags: int, bands: tuple[Band, ...]) -> str:
    """A meter as ovs-ofctl prints it: a line, and one for each band."""
    text = f"{format_meter_id(meter)} {''.join(f'{word} ' for word in _flag_words(flags))}bands=\n"
    return text + "".join(f"{_format_band(band, flags)}\n" for band in bands)


def _flag_words(flags: int) -> Iterator[str]:
    for name, bit in FLAGS.items():
        if flags & bit:
            yield name
    rest = flags & ~sum(FLAGS.values())
    if rest:
        yield f"flags:{rest:#x}"


def _format_band(band: Band, flags: int) -> str:
    name = next(name for name, number in BAND_TYPES.items() if number == band.type)
    text = f"type={name} rate={band.rate}"
    if flags & OFPMF_BURST:
        text += f" burst_size={band.burst_size}"
    if band.type == OFPMBT_DSCP_REMARK:
        text += f" prec_level={band.prec_level}"
    return text
