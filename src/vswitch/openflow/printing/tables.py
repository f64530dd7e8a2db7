"""Tables in text."""

from __future__ import annotations

from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.table import (
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    TABLE_VACANCY_DOWN,
    TableDesc,
    TableDescReply,
    TableDescRequest,
    TableMod,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
    TableStatus,
    Vacancy,
)
from vswitch.openflow.messages.tablefeatures import TableFeatures
from vswitch.openflow.names import OFPTT_ALL, Names
from vswitch.openflow.printing.base import Style, bit_names, prints
from vswitch.openflow.printing.tablefeatures import MISS, features_of, features_told, format_tables
from vswitch.openflow.version import OF13, OF14

_EVICTION = ((1, "OTHER"), (2, "IMPORTANCE"), (4, "LIFETIME"))


@prints(TableStatsRequest, TableDescRequest)
def nothing(message: object, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(TableStatsReply)
def table_stats(message: TableStatsReply, dialect: Dialect, style: Style) -> str:
    """Each table's counters and, until OpenFlow 1.2, features; a table like the one before says "ditto"."""
    version = dialect.version
    entries = ((_known_features(table, version), table) for table in message.tables)
    return "".join(format_tables(entries, version)) or "\n"


def _known_features(table: TableStats, version: int) -> TableFeatures:
    if features_told(version):
        return features_of(table, version)
    return TableFeatures(table.table_id, metadata_match=0, metadata_write=0)


@prints(TableMod)
def table_mod(message: TableMod, dialect: Dialect, style: Style) -> str:
    """Which table, and how it is to be."""
    table = message.table_id
    text = " table_id: ALL_TABLES" if table == OFPTT_ALL else f" table_id={style.names.format_table(table)}"
    if dialect.version < OF14:
        if dialect.version < OF13:
            text += f", flow_miss_config={MISS[message.config & 3]}"
        return f"{text}\n"
    text += _mod_eviction(message.config, message.eviction_flags)
    text += f", vacancy={'on' if message.config & OFPTC14_VACANCY_EVENTS else 'off'}"
    if message.config & OFPTC14_VACANCY_EVENTS:
        vacancy = message.vacancy or Vacancy()
        text += f" vacancy:{vacancy.down},{vacancy.up}"
    return f"{text}\n"


def _mod_eviction(config: int, flags: int | None) -> str:
    """Whether there is to be eviction; where there are flags, Open vSwitch's tools show these as if they were the answer."""
    if flags is None:
        return f", eviction={'on' if config & OFPTC14_EVICTION else 'off'}"
    return ("", ", eviction=on", ", eviction=off")[flags] if flags < 3 else ", eviction=***error***"


def _eviction(flags: int | None) -> str:
    return "(default)" if flags is None else bit_names(flags, _EVICTION, "|", "0")


def format_table_desc(table: TableDesc, names: Names) -> str:
    """How a table is configured, in lines that end in newlines."""
    text = f"\n  table {names.format_table(table.table_id)}:\n"
    text += f"   eviction={'on' if table.config & OFPTC14_EVICTION else 'off'} eviction_flags={_eviction(table.eviction_flags)}\n"
    on = bool(table.config & OFPTC14_VACANCY_EVENTS)
    text += f"   vacancy={'on' if on else 'off'}"
    if on:
        vacancy = table.vacancy or Vacancy()
        text += f" vacancy_down={vacancy.down}% vacancy_up={vacancy.up}% vacancy={vacancy.vacancy}%"
    return f"{text}\n"


@prints(TableDescReply)
def table_desc(message: TableDescReply, dialect: Dialect, style: Style) -> str:
    """A few lines per table."""
    return "".join(format_table_desc(table, style.names) for table in message.tables) or "\n"


@prints(TableStatus)
def table_status(message: TableStatus, dialect: Dialect, style: Style) -> str:
    """Why, and the table's configuration."""
    reason = "VACANCY_DOWN" if message.reason == TABLE_VACANCY_DOWN else "VACANCY_UP"
    return f" reason={reason}\ntable_desc:-{format_table_desc(message.table, style.names)}"
