"""Commands about meters.

Sources: ovs-ofctl(8), "OpenFlow Switch Meter Table Commands".
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings, check_formats
from vswitch.cli.ofctl.switch import dump
from vswitch.cli.ofctl.table import command
from vswitch.openflow.messages.meter import (
    OFPM_ALL,
    OFPMC_ADD,
    OFPMC_DELETE,
    OFPMC_MODIFY,
    MeterConfigRequest,
    MeterFeaturesRequest,
    MeterMod,
    MeterStatsRequest,
)
from vswitch.openflow.metertext import parse_meter_mod
from vswitch.openflow.version import OF13

METERED = tuple(name for name in FLOW_FORMATS if FLOW_FORMATS[name][0] >= OF13)


@command("add-meter", "SWITCH METER")
def add_meter(given: Given, switch: str, meter: str) -> None:
    """Add a meter."""
    change(given, switch, parse_meter_mod(meter, OFPMC_ADD))


@command("mod-meter", "SWITCH METER")
def mod_meter(given: Given, switch: str, meter: str) -> None:
    """Change a meter."""
    change(given, switch, parse_meter_mod(meter, OFPMC_MODIFY))


@command("del-meter", "SWITCH [METER]")
def del_meter(given: Given, switch: str, meter: str | None = None) -> None:
    """Delete a meter, or all."""
    change(given, switch, MeterMod(OFPMC_DELETE, _asked(meter)))


@command("del-meters", "SWITCH [METER]")
def del_meters(given: Given, switch: str, meter: str | None = None) -> None:
    """Delete the meters, or one."""
    del_meter(given, switch, meter)


@command("dump-meter", "SWITCH METER")
def dump_meter(given: Given, switch: str, meter: str) -> Iterator[str]:
    """How a meter is configured."""
    yield from _configured(given, switch, meter)


@command("dump-meters", "SWITCH [METER]")
def dump_meters(given: Given, switch: str, meter: str | None = None) -> Iterator[str]:
    """How the meters are configured."""
    yield from _configured(given, switch, meter)


def _configured(given: Given, switch: str, meter: str | None) -> Iterator[str]:
    request = MeterConfigRequest(_asked(meter))
    check_formats(Settings(given), METERED)
    return dump(given, switch, request)


@command("meter-stats", "SWITCH [METER]")
def meter_stats(given: Given, switch: str, meter: str | None = None) -> Iterator[str]:
    """What the meters have seen."""
    request = MeterStatsRequest(_asked(meter))
    check_formats(Settings(given), METERED)
    return dump(given, switch, request)


@command("meter-features", "SWITCH")
def meter_features(given: Given, switch: str) -> Iterator[str]:
    """What meters the switch can make."""
    check_formats(Settings(given), METERED)
    return dump(given, switch, MeterFeaturesRequest())


def _asked(text: str | None) -> int:
    """The meter that an argument means; all, without one."""
    return OFPM_ALL if text is None else parse_meter_mod(text, OFPMC_DELETE).meter_id


def change(given: Given, switch: str, mod: MeterMod) -> None:
    """Send a meter-mod and wait until it is done."""
    settings = Settings(given)
    check_formats(settings, METERED)
    Channel(switch, settings).commit(mod)
