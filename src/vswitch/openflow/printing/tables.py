"""Tables in text."""

from __future__ import annotations

from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.table import (
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    OFPTT_ALL,
    TABLE_VACANCY_DOWN,
    TableDesc,
    TableDescReply,
    TableDescRequest,
    TableMod,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
    TableStatus,
)
from vswitch.openflow.names import Names
from vswitch.openflow.printing.base import Style, bit_names, prints
from vswitch.openflow.version import OF10, OF13, OF14

_MISS = ("controller", "continue", "drop", "controller")  # the last is not defined
_EVICTION = ((1, "OTHER"), (2, "IMPORTANCE"), (4, "LIFETIME"))

# OpenFlow 1.0's wildcards by the fields that they free, in groups that share the beginning of their names.
_FIELDS10 = (
    (1 << 0, "", "in_port"),
    (1 << 2, "eth", "src"),
    (1 << 3, "eth", "dst"),
    (1 << 4, "eth", "type"),
    (1 << 1, "vlan", "vid"),
    (1 << 20, "vlan", "pcp"),
    (63 << 8, "ip", "src"),
    (63 << 14, "ip", "dst"),
    (1 << 5, "nw", "proto"),
    (1 << 21, "nw", "tos"),
    (1 << 6, "tcp", "src"),
    (1 << 7, "tcp", "dst"),
)


@prints(TableStatsRequest, TableDescRequest)
def nothing(message: object, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(TableStatsReply)
def table_stats(message: TableStatsReply, dialect: Dialect, style: Style) -> str:
    """Each table's counters and features; a table like the one before says "ditto"."""
    blocks: list[str] = []
    before: TableStats | None = None
    for table in message.tables:
        head = f"  table {table.table_id}" + (f' ("{table.name}")' if table.name else "") + ":"
        blocks.append(f"{head}{_table_body(table, before, dialect.version)}")
        before = table
    return "\n" + "\n".join(blocks)


def _table_body(table: TableStats, before: TableStats | None, version: int) -> str:
    """What is new beside the table `before`: "ditto" for nothing."""
    counters, features = _counters(table), _features(table, version)
    if before is not None and features == _features(before, version):
        if counters == _counters(before):
            return " ditto\n"
        features = "    (same features)\n" if features else ""
    return f"\n{counters}{features}"


def _counters(table: TableStats) -> str:
    return f"    active={table.active_count}, lookup={table.lookup_count}, matched={table.matched_count}\n"


def _features(table: TableStats, version: int) -> str:
    """What versions before OpenFlow 1.3 tell of a table's abilities."""
    text = ""
    if OF10 < version < OF13:
        text += f"    config={_MISS[table.config & 3]}\n"
    if version < OF13 and table.max_entries:
        text += f"    max_entries={table.max_entries}\n"
    if version == OF10 and table.wildcards:
        text += f"    matching:\n      exact match or wildcard: {_fields10(table.wildcards)}\n"
    return text


def _fields10(wildcards: int) -> str:
    groups: dict[str, list[str]] = {}
    for bits, group, name in _FIELDS10:
        if wildcards & bits:
            groups.setdefault(group, []).append(name)
    words = []
    for group, names in groups.items():
        if not group:
            words += names
        else:
            words.append(f"{group}_{names[0]}" if len(names) == 1 else f"{group}_{{{','.join(names)}}}")
    return " ".join(words)


@prints(TableMod)
def table_mod(message: TableMod, dialect: Dialect, style: Style) -> str:
    """Which table, and how it is to be."""
    table = message.table_id
    text = " table_id: ALL_TABLES" if table == OFPTT_ALL else f" table_id={style.names.format_table(table)}"
    if dialect.version < OF14:
        if dialect.version < OF13:
            text += f", flow_miss_config={_MISS[message.config & 3]}"
        return f"{text}\n"
    text += f", eviction={'on' if message.config & OFPTC14_EVICTION else 'off'}"
    if message.config & OFPTC14_EVICTION and message.eviction_flags is not None:
        text += f", eviction_flags={_eviction(message.eviction_flags)}"
    text += f", vacancy={'on' if message.config & OFPTC14_VACANCY_EVENTS else 'off'}"
    if message.config & OFPTC14_VACANCY_EVENTS and message.vacancy is not None:
        text += f" vacancy:{message.vacancy.down},{message.vacancy.up}"
    return f"{text}\n"


def _eviction(flags: int | None) -> str:
    return "(default)" if flags is None else bit_names(flags, _EVICTION, "|", "(none)")


def format_table_desc(table: TableDesc, names: Names) -> str:
    """How a table is configured, in lines that end in newlines."""
    text = f"\n  table {names.format_table(table.table_id)}:\n"
    text += f"   eviction={'on' if table.config & OFPTC14_EVICTION else 'off'} eviction_flags={_eviction(table.eviction_flags)}\n"
    on = bool(table.config & OFPTC14_VACANCY_EVENTS)
    text += f"   vacancy={'on' if on else 'off'}"
    if on and table.vacancy is not None:
        text += f" vacancy_down={table.vacancy.down}% vacancy_up={table.vacancy.up}% vacancy={table.vacancy.vacancy}%"
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
