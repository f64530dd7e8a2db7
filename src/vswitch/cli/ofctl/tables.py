"""Commands about tables: their descriptions and configuration.

Sources: ovs-ofctl(8): dump-table-desc, dump-table-features, mod-table.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError, Given
from vswitch.base.text import parse_u8
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.naming import accepted
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import dump
from vswitch.cli.ofctl.table import command
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_CONTINUE,
    OFPTC11_MISS_CONTROLLER,
    OFPTC11_MISS_DROP,
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    TableDescReply,
    TableDescRequest,
    TableMod,
    Vacancy,
)
from vswitch.openflow.messages.tablefeatures import TableFeaturesReply, TableFeaturesRequest
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.printing.tablefeatures import format_tables
from vswitch.openflow.session import Received
from vswitch.openflow.version import OF11, OF12, OF13, OF14, OF15, Version

_MISSES = {
    "controller": OFPTC11_MISS_CONTROLLER,
    "continue": OFPTC11_MISS_CONTINUE,
    "drop": OFPTC11_MISS_DROP,
}


@command("dump-table-desc", "SWITCH")
def dump_table_desc(given: Given, switch: str) -> Iterator[str]:
    """How the tables are configured."""
    if max(Settings(given).versions) < OF14:
        raise CommandError("dump-table-desc needs OpenFlow 1.4 or later ('-O OpenFlow14')")
    return dump(given, switch, TableDescRequest())


@command("dump-table-features", "SWITCH")
def dump_table_features(given: Given, switch: str) -> Iterator[str]:
    """What the tables can do."""
    settings = Settings(given)
    able = settings.versions & {OF13, OF14, OF15}
    if not able:
        raise CommandError("dump-table-features needs OpenFlow 1.3 or later ('-O OpenFlow13')")
    settings.versions = able
    channel = Channel(switch, settings)
    tables = (
        (table, None)
        for reply in channel.replies(TableFeaturesRequest())
        if isinstance(reply, Received) and isinstance(reply.message, TableFeaturesReply)
        for table in reply.message.tables
    )
    yield "".join(format_tables(tables, channel.version)).removeprefix("\n")


@command("mod-table", "SWITCH TABLE SETTING")
def mod_table(given: Given, switch: str, table: str, setting: str) -> None:
    """Change what a table does with packets that match nothing, when it evicts flows, or when it tells of vacancy."""
    settings = Settings(given)
    number = OFPTT_ALL if table.lower() == "all" else accepted(switch, settings).table(table)
    if number is None:
        raise CommandError(f'unknown table "{table}"')
    mod, needed = parse_setting(number, setting)
    usable = settings.versions & set(needed)
    if not usable:
        names = ", ".join(version.long_name for version in needed)
        raise CommandError(f"table_mod '{setting}' requires one of the OpenFlow versions {names}")
    channel = Channel(switch, settings)
    if channel.version >= OF14:
        mod = _beside_the_rest(channel, mod, setting)
    channel.commit(mod)


def parse_setting(table: int, text: str) -> tuple[TableMod, tuple[Version, ...]]:
    """What `text` asks for, and the versions that can say it."""
    if text in _MISSES:
        return TableMod(table, _MISSES[text]), (OF11, OF12)
    if text in ("evict", "noevict"):
        return TableMod(table, OFPTC14_EVICTION if text == "evict" else 0), (OF14, OF15)
    if text == "novacancy":
        return TableMod(table), (OF14, OF15)
    word, _, limits = text.partition(":")
    if word != "vacancy":
        raise CommandError(f"invalid table_mod setting {text}")
    low, high, *_ = (*filter(None, limits.split(",")), "", "")
    down, up = _percent(low, "down"), _percent(high, "up")
    if up < down:
        raise CommandError(
            "Invalid vacancy range, vacancy up should be greater than vacancy down (OFPBPC_BAD_VALUE)"
        )
    return TableMod(table, OFPTC14_VACANCY_EVENTS, vacancy=Vacancy(down, up)), (OF14, OF15)


def _percent(text: str, which: str) -> int:
    """A threshold of vacancy."""
    if not text:
        raise CommandError(f"Vacancy {which} value missing")
    try:
        percent = parse_u8(text, "vacancy")
    except TextError:
        percent = 101
    if percent > 100:
        raise CommandError(f'Invalid vacancy {which} value "{text}"')
    return percent


def _beside_the_rest(channel: Channel, mod: TableMod, setting: str) -> TableMod:
    """`mod` with the other flag as it is: a message says both."""
    other = OFPTC14_VACANCY_EVENTS if setting.endswith("evict") else OFPTC14_EVICTION
    for reply in channel.replies(TableDescRequest()):
        if isinstance(reply, Received) and isinstance(reply.message, TableDescReply):
            for table in reply.message.tables:
                if table.table_id == mod.table_id and table.config & other:
                    vacancy = mod.vacancy or (table.vacancy and table.vacancy.replace(vacancy=0))
                    return mod.replace(config=mod.config | other, vacancy=vacancy)
    return mod
