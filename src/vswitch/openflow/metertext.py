"""Meters in text: what `ovs-ofctl add-meter` accepts and what `dump-meters` prints.

Sources: ovs-ofctl(8), "Meter Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.text import parse_u8, parse_u32
from vswitch.openflow.messages.meter import (
    OFPM_ALL,
    OFPM_CONTROLLER,
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
from vswitch.openflow.names import OFPM_MAX

FLAGS = {"kbps": OFPMF_KBPS, "pktps": OFPMF_PKTPS, "burst": OFPMF_BURST, "stats": OFPMF_STATS}
BAND_TYPES = {"drop": OFPMBT_DROP, "dscp_remark": OFPMBT_DSCP_REMARK}
_METERS = {"all": OFPM_ALL, "controller": OFPM_CONTROLLER, "slowpath": OFPM_SLOWPATH}


def parse_meter_mod(text: str, command: int = OFPMC_ADD) -> MeterMod:
    """The meter-mod with `command` that `text` means; a deletion, as a query, only says which meter."""
    needs_bands = command != OFPMC_DELETE
    head, bands_text = _split_bands(text) if needs_bands else (text, "")
    meter: int | None = None
    flags, words = 0, _Words(head)
    while name := words.name():
        if needs_bands and name in FLAGS:
            flags |= FLAGS[name]
            continue
        value = words.value(name)
        if name != "meter":
            raise TextError(f"unknown keyword {name}", name)
        meter = parse_meter_id(value)
    if meter is None:
        raise TextError("must specify 'meter'", text)
    if not needs_bands:
        return MeterMod(command, meter)
    if not flags:
        raise TextError("meter must specify either 'kbps' or 'pktps'", text)
    return MeterMod(command, meter, flags, _parse_bands(bands_text, bool(flags & OFPMF_BURST)))


def _split_bands(text: str) -> tuple[str, str]:
    """What is before `bands=` and what is after it."""
    head, found, after = text.partition("band")
    _, equals, bands = after.partition("=")
    if not found or not equals:
        raise TextError("must specify bands", text)
    return head, bands


class _Words:
    """The words of a text, names and values by turns; one separator is like many, also one without a word before it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def name(self) -> str:
        """The next name; none at the end."""
        return self._next(_NAME)

    def value(self, name: str) -> str:
        """The next value, which is that of `name`."""
        value = self._next(_VALUE)
        if not value:
            raise TextError(f"field {name} missing value", name)
        return value

    def _next(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[1]


_NAME = re.compile(r"[=, \t\r\n]*+([^=, \t\r\n]+)[=, \t\r\n]?")
_VALUE = re.compile(r"[, \t\r\n]*+([^, \t\r\n]+)[, \t\r\n]?")


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
    words = _Words(text)
    while name := words.name():
        value = words.value(name)
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
    if not fields.get("rate"):
        raise TextError("band must have 'rate'")
    if burst and not fields.get("burst_size"):
        raise TextError("band must have 'burst_size' when 'burst' flag is set")
    if not burst and fields.get("burst_size"):
        raise TextError("band may have 'burst_size' only when 'burst' flag is set")
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
